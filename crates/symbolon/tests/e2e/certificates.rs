//! A certificate is renewed while the server runs: what ACME clients do to files, and what goes wrong with them.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::served::{Pem, Prepared, Served, replace};
use crate::support::SYMBOLON;
use crate::tls_client::{TlsClient, certificate, trusting};

const TAKEN_OVER: &str = "certificate taken over";
const STAYS: &str = "the certificate in use stays";

/// How often the log says something.
fn said(served: &Served, what: &str) -> usize {
    served.running.log().matches(what).count()
}

#[test]
fn a_renewed_certificate_is_taken_over_and_open_connections_go_on() {
    let (old, new) = (Pem::usual(), Pem::usual());
    let served = Prepared::with(&old).start();
    let client = trusting(&[&old, &new], &[]);
    let mut before = TlsClient::connect(&served, &client).expect("a connection");
    assert!(before.lives());
    assert_eq!(before.shown(), certificate(&old));

    // One after the other, as they are renewed: for a moment they do not go together.
    replace(&served.certificate(), &new.certificate);
    replace(&served.key(), &new.key);
    served.running.wait("new certificate", || said(&served, TAKEN_OVER) == 1);

    assert!(before.lives(), "the open connection was dropped");
    assert_eq!(before.shown(), certificate(&old));
    // The same configuration would resume a session of the old certificate, if the server let it.
    let mut after = TlsClient::connect(&served, &client).expect("a connection");
    assert_eq!(after.shown(), certificate(&new));
    assert!(after.lives() && before.lives());
    let log = served.running.log();
    assert!(log.contains("localhost") && log.contains("expires="), "{log}");
}

#[test]
fn links_that_are_turned_around_are_noticed_and_a_signal_is_heard_at_once() {
    let (first, second, third) = (Pem::usual(), Pem::usual(), Pem::usual());
    let served = Prepared::with(&first).start();
    let folder = served.certificate().parent().expect("a folder").to_owned();
    let turn = |number: usize, pem: &Pem| {
        for (path, text) in [(served.certificate(), &pem.certificate), (served.key(), &pem.key)] {
            let archived = folder.join(format!("{number}-{}", path.extension().expect("a kind").display()));
            replace(&archived, text);
            let link = folder.join("link");
            symlink(&archived, &link).expect("a link");
            std::fs::rename(&link, &path).expect("a renamed link");
        }
    };
    turn(2, &second);
    served.running.wait("second certificate", || said(&served, TAKEN_OVER) == 1);
    turn(3, &third);
    served.running.hang_up();
    served.running.wait("third certificate", || said(&served, TAKEN_OVER) == 2);
    let client = trusting(&[&first, &second, &third], &[]);
    assert_eq!(TlsClient::connect(&served, &client).expect("a connection").shown(), certificate(&third));
}

#[test]
fn whatever_is_wrong_with_new_files_the_old_certificate_goes_on_and_it_is_said_once() {
    let (old, new, expired) = (Pem::usual(), Pem::usual(), Pem::expired());
    let served = Prepared::with(&old).start();
    let client = trusting(&[&old, &new], &[]);
    let (certificate_file, key_file) = (served.certificate(), served.key());
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let expect = |case: &str, name: &std::path::Path| {
        let before = said(&served, STAYS);
        served.running.hang_up();
        served.running.wait(case, || said(&served, STAYS) > before);
        let log = served.running.log();
        let warning = log.lines().rfind(|line| line.contains(STAYS)).expect("a warning");
        assert!(warning.contains(name.to_str().expect("a path")), "{case}: {warning}");
        let mut connection = TlsClient::connect(&served, &client).expect("a connection");
        assert!(connection.lives(), "{case}");
        assert_eq!(connection.shown(), certificate(&old), "{case}");
        println!("{case}: {warning}");
    };
    replace(&certificate_file, &new.certificate);
    expect("a certificate without its key", &certificate_file);
    replace(&certificate_file, "this is no certificate");
    expect("no PEM", &certificate_file);
    replace(&certificate_file, &half(&new.certificate));
    expect("half a certificate", &certificate_file);
    std::fs::remove_file(&certificate_file).expect("a removed file");
    expect("no certificate", &certificate_file);
    replace(&certificate_file, &expired.certificate);
    replace(&key_file, &expired.key);
    expect("an expired certificate", &certificate_file);
    replace(&certificate_file, &new.certificate);
    replace(&key_file, &half(&new.key));
    expect("half a key", &key_file);
    replace(&key_file, &new.key);
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    expect("a key that everybody can read", &key_file);

    // Nobody sends a signal from here on. Two looks at the broken files lie before the next change is taken over.
    std::fs::remove_file(&key_file).expect("a removed file");
    let before = said(&served, STAYS);
    served.running.wait("missing key", || said(&served, STAYS) > before);
    replace(&key_file, &new.key);
    served.running.wait("good files", || said(&served, TAKEN_OVER) == 1);
    assert_eq!(said(&served, STAYS), before + 1, "a warning was repeated: {}", served.running.log());
    assert_eq!(TlsClient::connect(&served, &client).expect("a connection").shown(), certificate(&new));
}

#[test]
fn a_broken_pair_or_a_public_key_ends_the_start_with_a_clear_word() {
    let (one, other) = (Pem::usual(), Pem::usual());
    let start = |certificate: &str, key: &str, mode: u32| {
        let kept = tempfile::tempdir().expect("a folder");
        let path = |name: &str| kept.path().join(name);
        for (name, text) in [("tls.pem", certificate), ("tls.key", key)] {
            replace(&path(name), text);
        }
        std::fs::set_permissions(path("tls.key"), std::fs::Permissions::from_mode(mode)).expect("a mode");
        let key = "1:3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
        let mut command = std::process::Command::new(SYMBOLON);
        command.args(["serve", "--tls-listen", "127.0.0.1:0", "--base-url", "https://localhost", "--data"]);
        command.arg(kept.path()).arg("--tls-certificate").arg(path("tls.pem"));
        command.arg("--tls-key").arg(path("tls.key"));
        command.env("SYMBOLON_MASTER_KEY", key).env("SYMBOLON_PEPPER", key);
        let output = command.output().expect("serve");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let mismatch = start(&one.certificate, &other.key, 0o600);
    assert!(mismatch.contains("tls.pem") && mismatch.contains("cannot be used together"), "{mismatch}");
    let public = start(&one.certificate, &one.key, 0o604);
    assert!(public.contains("tls.key") && public.contains("chmod 600"), "{public}");
    let swapped = start(&one.key, &one.certificate, 0o600);
    assert!(swapped.contains("holds no certificate in PEM"), "{swapped}");
}

#[test]
fn an_expired_certificate_is_served_and_warned_of_until_its_renewal_comes() {
    let (expired, new) = (Pem::expired(), Pem::usual());
    let served = Prepared::with(&expired).start();
    assert!(served.running.log().contains("expired on 2020-01-01"), "{}", served.running.log());
    assert_eq!(served.over_tls("/livez", &["--insecure"]).status, 200);
    replace(&served.certificate(), &new.certificate);
    replace(&served.key(), &new.key);
    served.running.hang_up();
    served.running.wait("renewal", || said(&served, TAKEN_OVER) == 1);
    assert_eq!(served.over_tls("/livez", &[]).status, 200);
}
