//! A renewed certificate that is too early: it is taken over when its time has come, and nobody touches the files.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use std::time::Duration;

use symbolon_core::clock::Timestamp;
use symbolon_server::tls::{PemFiles, Reloader};

use crate::support::Log;

const BEGINS: i64 = 1_800_000_000;

/// Writes a certificate that begins at a moment, and its key.
fn write(files: &PemFiles, begins: i64) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let seconds = Duration::from_secs(begins.try_into().unwrap());
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds;
    let certificate = parameters.self_signed(&key).unwrap().pem();
    symbolon::files::replace_private(&files.certificate, certificate.as_bytes()).unwrap();
    symbolon::files::replace_private(&files.key, key.serialize_pem().as_bytes()).unwrap();
}

#[test]
fn a_certificate_that_comes_before_its_time_is_warned_of_once_and_taken_over_when_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = PemFiles { certificate: path("tls.pem"), key: path("tls.key") };
    let before = Timestamp::from_seconds(BEGINS - 60);
    write(&files, 1_600_000_000);
    let mut reloader = Reloader::open(files.clone(), before).unwrap();
    let log = Log::listen();
    let said = |what: &str| log.text().matches(what).count();
    write(&files, BEGINS);
    for _ in 0..4 {
        reloader.look(before);
    }
    assert_eq!(said("is not valid before"), 1, "{}", log.text());
    assert_eq!(said("certificate taken over"), 0);
    // Whoever asks is told again.
    reloader.reload(before);
    assert_eq!(said("is not valid before"), 2, "{}", log.text());
    for _ in 0..4 {
        reloader.look(Timestamp::from_seconds(BEGINS + 60));
    }
    assert_eq!((said("is not valid before"), said("certificate taken over")), (2, 1), "{}", log.text());
}

#[test]
fn files_that_are_missing_for_a_while_are_warned_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = PemFiles { certificate: path("tls.pem"), key: path("tls.key") };
    let now = Timestamp::from_seconds(BEGINS);
    write(&files, 1_600_000_000);
    let mut reloader = Reloader::open(files.clone(), now).unwrap();
    let log = Log::listen();
    let said = |what: &str| log.text().matches(what).count();
    for round in 1..3 {
        std::fs::remove_file(&files.key).unwrap();
        for _ in 0..4 {
            reloader.look(now);
        }
        assert_eq!(said("tls.key cannot be read"), round, "{}", log.text());
        write(&files, 1_700_000_000);
        for _ in 0..4 {
            reloader.look(now);
        }
        assert_eq!(said("certificate taken over"), round, "{}", log.text());
    }
}
