//! What the seed and its credentials promise to whoever starts the sandbox.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests fail as tests do")]

#[path = "../../src/tests/folder.rs"]
mod folder;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use folder::folder;
use serde_json::Value;
use symbolon_core::apply::description::Description;
use symbolon_core::protocol::secret_format::{Form, inspect};
use symbolon_core::resource_server::is_absolute_uri;
use symbolon_sandbox::{SandboxConfig, SandboxError, Seed, TlsAddress, prepare};

const BASE: &str = "http://127.0.0.1:8080";

fn config(data: &Path) -> SandboxConfig {
    SandboxConfig { base: BASE.to_owned(), tls: None, data: data.to_owned() }
}

fn with_tls(data: &Path) -> SandboxConfig {
    let tls =
        TlsAddress { base_url: "https://localhost:8443".to_owned(), ca_file: PathBuf::from("/d/ca.pem") };
    SandboxConfig { tls: Some(tls), ..config(data) }
}

fn start(data: &Path) -> Seed {
    prepare(&config(data)).unwrap()
}

fn text<'a>(credentials: &'a Value, path: &str) -> &'a str {
    credentials.pointer(path).and_then(Value::as_str).expect(path)
}

#[test]
fn a_later_start_has_the_same_credentials_and_another_folder_has_others() {
    let (one, other) = (folder(), folder());
    let first = start(one.path()).credentials.to_json();
    assert_eq!(start(one.path()).credentials.to_json(), first);
    let elsewhere = start(other.path()).credentials.to_json();
    for path in ["/meti_v2/client_secret", "/meti_v1/password", "/m3ter/api_secret"] {
        assert_ne!(text(&first, path), text(&elsewhere, path));
    }
}

#[test]
fn every_system_has_its_addresses_and_secrets() {
    let folder = folder();
    let all = prepare(&with_tls(folder.path())).unwrap().credentials.to_json();
    let addresses = [
        ("/meti_v2/token_url", "/oauth/token"),
        ("/meti_v2/api_url", "/sources"),
        ("/meti_v2/issuer", "/"),
        ("/meti_v2/jwks_uri", "/.well-known/jwks.json"),
        ("/meti_v1/token_url", "/token"),
        ("/meti_v1/api_url", "/sources"),
        ("/metafold/token_url", "/oauth/token"),
        ("/metafold/api_url", "/user/usage"),
        ("/ecoinvent/token_url", "/realms/ecoinvent/protocol/openid-connect/token"),
        ("/ecoinvent/issuer", "/realms/ecoinvent"),
        ("/ecoinvent/jwks_uri", "/realms/ecoinvent/protocol/openid-connect/certs"),
        ("/ecoinvent/api_url", "/v0/versions"),
        ("/m3ter/token_url", "/oauth/token"),
        ("/m3ter/api_url", "/organizations/meridian-cloud/products"),
    ];
    for (path, expected) in addresses {
        assert_eq!(text(&all, path), format!("{BASE}{expected}"), "{path}");
    }
    for system in ["meti_v2", "meti_v1", "metafold", "ecoinvent", "m3ter"] {
        assert!(is_absolute_uri(text(&all, &format!("/{system}/audience"))));
    }
    let secrets = [
        "/meti_v2/client_secret",
        "/meti_v2/readonly/client_secret",
        "/metafold/client_secret",
        "/ecoinvent/client_secret",
        "/m3ter/api_secret",
    ];
    for path in secrets {
        assert_eq!(inspect(text(&all, path)), Form::Ours, "{path}");
    }
    for path in
        ["/meti_v2/client_id", "/meti_v2/readonly/client_id", "/metafold/client_id", "/ecoinvent/client_id"]
    {
        assert!(!text(&all, path).is_empty());
    }
    assert_eq!(text(&all, "/m3ter/organization_id"), "meridian-cloud");
    assert_eq!(text(&all, "/m3ter/access_key_id"), "key_m3ter");
    assert!(text(&all, "/meti_v1/email").contains('@') && text(&all, "/meti_v1/password").len() >= 16);
    assert_eq!(text(&all, "/tls/base_url"), "https://localhost:8443");
    assert_eq!(text(&all, "/tls/ca_file"), "/d/ca.pem");
    assert!(start(folder.path()).credentials.to_json().get("tls").is_none());
}

#[test]
fn the_copy_is_what_is_applied() {
    let folder = folder();
    let seed = prepare(&with_tls(folder.path())).unwrap();
    let copy = fs::read_to_string(folder.path().join("sandbox.yaml")).unwrap();
    assert!(!copy.contains("${"), "a blank is left");
    let read = Description::parse(&copy).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", seed.description));
    assert!(copy.contains(text(&seed.credentials.to_json(), "/metafold/client_secret")));
}

#[test]
fn the_seed_keeps_the_rules_of_apply() {
    let folder = folder();
    let description = prepare(&with_tls(folder.path())).unwrap().description;
    for realm in &description.realms {
        let servers = &realm.resource_servers;
        let server = |audience: &str| servers.iter().find(|server| server.identifier == audience).unwrap();
        let settings = realm.settings.as_ref().unwrap();
        server(settings.default_audience.as_deref().unwrap());
        let mut ids = std::collections::BTreeSet::new();
        for organization in &realm.organizations {
            for licence in &organization.licences {
                server(&licence.audience);
            }
            for user in &organization.users {
                assert!(ids.insert(user.id.as_ref().unwrap().to_string()));
            }
            for client in &organization.clients {
                assert!(ids.insert(client.id.to_string()));
                for key in &client.access_keys {
                    assert!(ids.insert(key.id.as_ref().unwrap().to_string()));
                }
                let settings = client.settings.as_ref().unwrap();
                for grant in settings.grants.iter() {
                    let offered = server(&grant.audience).settings.as_ref().unwrap();
                    assert!(offered.scopes.contains_all(&grant.scopes));
                }
                let own = realm.policies.iter().map(|policy| policy.id.as_str());
                let known: Vec<&str> = own.chain(["Administrator"]).collect();
                assert!(settings.policies.iter().all(|policy| known.contains(&policy.as_str())));
            }
        }
    }
}

#[test]
fn metafold_is_also_known_by_the_addresses_that_its_sdk_calls() {
    let folder = folder();
    let aliases = |seed: Seed| {
        let realm = &seed.description.realms[0];
        let of = |identifier| realm.resource_servers.iter().find(|server| server.identifier == identifier);
        of("https://api.metafold3d.com/").unwrap().settings.as_ref().unwrap().aliases.clone()
    };
    assert_eq!(aliases(start(folder.path())), [format!("{BASE}/")]);
    let both = aliases(prepare(&with_tls(folder.path())).unwrap());
    assert_eq!(both, [format!("{BASE}/"), "https://localhost:8443/".to_owned()]);
}

#[test]
fn what_is_printed_fits_a_terminal_and_is_a_shell_script() {
    let folder = folder();
    for config in [config(folder.path()), with_tls(folder.path())] {
        let text = prepare(&config).unwrap().credentials.print();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
            assert_eq!(line, line.trim_end());
        }
        let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(shell.wait().unwrap().success(), "{text}");
    }
}

#[test]
fn what_is_printed_works_with_the_credentials_that_programs_get() {
    let folder = folder();
    let credentials = start(folder.path()).credentials;
    let (all, text_of) = (credentials.to_json(), credentials.print());
    let lines: Vec<&str> = text_of.lines().collect();
    for path in ["/meti_v2", "/metafold", "/ecoinvent"] {
        let id = format!("ID={}", text(&all, &format!("{path}/client_id")));
        let at = lines.iter().position(|line| *line == id).unwrap();
        assert_eq!(lines[at + 1], format!("SECRET={}", text(&all, &format!("{path}/client_secret"))));
    }
    assert!(lines.contains(&format!("PASSWORD={}", text(&all, "/meti_v1/password")).as_str()));
    assert!(lines.contains(&format!("SECRET={}", text(&all, "/m3ter/api_secret")).as_str()));
}

#[test]
fn secrets_that_were_changed_by_hand_are_used_or_refused_by_name() {
    let folder = folder();
    start(folder.path());
    let path = folder.path().join("secrets.json");
    let change = |secret: &str| {
        let mut kept: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        kept["key_metafold"] = secret.into();
        fs::write(&path, kept.to_string()).unwrap();
        prepare(&config(folder.path()))
    };
    let seed = change("my-own-secret-of-old").unwrap();
    assert_eq!(text(&seed.credentials.to_json(), "/metafold/client_secret"), "my-own-secret-of-old");
    for bad in ["short", "with spaces and \"quotes\"", "$(touch /tmp/x)-------"] {
        let error = change(bad).err().unwrap();
        assert!(matches!(&error, SandboxError::Secret { name, .. } if name == "key_metafold"), "{error}");
        assert!(!error.to_string().contains(bad));
    }
}

#[test]
fn a_damaged_secrets_file_is_named_and_nothing_of_it_shown() {
    let folder = folder();
    let path = folder.path().join("secrets.json");
    fs::write(&path, "{\n\"key_meti\": [\"hush-hush\"]\n}").unwrap();
    let error = prepare(&config(folder.path())).err().unwrap().to_string();
    assert!(error.contains("secrets.json, line 2") && !error.contains("hush"), "{error}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let folder = folder();
    for base in ["127.0.0.1:8080", "http://a\"b", ""] {
        let config = SandboxConfig { base: base.to_owned(), ..config(folder.path()) };
        assert!(matches!(prepare(&config), Err(SandboxError::Address(_))), "{base}");
    }
}

#[test]
#[cfg(unix)]
fn secrets_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let data = folder.path().join("new");
    start(&data);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for name in ["secrets.json", "sandbox.yaml"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    fs::set_permissions(data.join("secrets.json"), fs::Permissions::from_mode(0o644)).unwrap();
    start(&data);
    assert_eq!(mode(&data.join("secrets.json")), 0o600);
}
