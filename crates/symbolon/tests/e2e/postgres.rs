//! The binary on PostgreSQL: with a real client, while connections are lost, and several processes on one database.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use symbolon_core::authority::Settings;
use symbolon_core::realm::RealmId;
use symbolon_core::rotation;

use crate::clients::{python, succeeds};
use crate::support::{Fetched, PATIENCE, Running, SYMBOLON, access_token, curl, form_token, prepared};

/// A database of the server that the tests were given, gone with its owner.
pub(crate) struct Database {
    name: String,
    server: String,
    psql: PathBuf,
}

impl Database {
    /// A new one, empty.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let variable = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| {
                panic!(
                    "{name} is not set: run these tests through `cargo xtask test`, which brings PostgreSQL"
                )
            })
        };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let made = Self {
            name: format!("symbolon_e2e_{}_{number}", std::process::id()),
            server: variable("SYMBOLON_TEST_POSTGRES_URL"),
            psql: variable("SYMBOLON_TEST_PSQL").into(),
        };
        made.on_server(&format!("CREATE DATABASE {}", made.name));
        made
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        let (address, parameters) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (host, _) = address.rsplit_once('/').expect("a URL with a database");
        format!("{host}/{}?{parameters}", self.name)
    }

    /// The password in it.
    fn password(&self) -> &str {
        let (_, rest) = self.server.split_once("://").expect("a URL");
        rest.split_once('@').and_then(|(login, _)| login.split_once(':')).map_or("", |(_, password)| password)
    }

    fn on_server(&self, sql: &str) {
        let mut command = Command::new(&self.psql);
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]);
        let output = command.args(["--dbname", &self.server, "--command", sql]).output().expect("psql");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Ends every connection to it, as a restart of the server does.
    fn cut_off(&self) {
        self.on_server(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    /// Keeps the address in a private file of a folder.
    fn in_file(&self, folder: &Path) -> PathBuf {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = folder.join("database-url");
        let file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        writeln!(file.expect("a file"), "{}", self.url()).expect("the address");
        path
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.on_server(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn apply(database: &Database, folder: &Path, file: &Path) -> String {
    let mut command = Command::new(SYMBOLON);
    command.arg("apply").arg(file).args(["--base-url", "https://auth.example", "--data"]).arg(folder);
    let output = command.env("SYMBOLON_DATABASE_URL", database.url()).output().expect("apply");
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

/// A process on the database, with a folder of its own for what it prints, and its address.
fn serve(database: &Database, keys: &Path, own: &Path) -> (Running, String) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    drop(socket);
    let mut command = Command::new(SYMBOLON);
    command.args(["serve", "--listen", &address, "--base-url", "https://auth.example", "--data"]).arg(keys);
    command.arg("--database-url-file").arg(database.in_file(keys));
    let running = Running::start(command, own);
    let base = format!("http://{address}");
    running.wait("answer", || curl(&[&format!("{base}/livez")]).status == 200);
    (running, base)
}

const CLIENT: &str = "machine:a-secret-of-sufficient-length-1";
const WORLD: &str = r#"
realms:
  - id: default
    resource_servers: [{ identifier: "https://api.example" }]
    organizations:
      - id: o
        clients:
          - id: machine
            settings: { grants: [{ audience: "https://api.example", scopes: [] }] }
            access_keys: [{ id: key-1, secret: "a-secret-of-sufficient-length-1" }]
"#;

fn token(base: &str) -> Fetched {
    let body = "grant_type=client_credentials&audience=https://api.example";
    curl(&[&format!("{base}/oauth/token"), "-u", CLIENT, "-d", body])
}

#[test]
fn the_sandbox_on_postgresql_serves_a_real_client_through_lost_connections_and_loses_no_record() {
    let database = Database::new();
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path().join("data");
    let url_file = database.in_file(kept.path());
    let mut sandbox = Running::sandbox_with(&folder, "127.0.0.1:0", |command| {
        command.arg("--database-url-file").arg(&url_file);
    });
    assert!(!folder.join("state.db").exists(), "nothing is kept in SQLite");
    let mut client = python("metafold_sdk.py");
    client.arg(sandbox.credentials_file());
    succeeds(client);
    let credentials = sandbox.credentials();
    let mut ids = Vec::new();
    for _ in 0..5 {
        database.cut_off();
        for _ in 0..4 {
            let answer = form_token(&credentials, "metafold");
            assert_eq!(answer.status, 200, "{answer:?}; {}", sandbox.log());
            ids.push(answer.header("x-request-id").to_owned());
        }
    }
    sandbox.kill();
    let shown = sandbox.log() + &sandbox.printed();
    // It knows its own database again.
    sandbox = Running::sandbox_with(&folder, "127.0.0.1:0", |command| {
        command.arg("--database-url-file").arg(&url_file);
    });
    sandbox.kill();
    assert!(!shown.contains(database.password()), "the database's password was shown");
    for id in ids {
        let mut command = Command::new(SYMBOLON);
        command.args(["explain", &id, "--database-url-file"]).arg(&url_file);
        let output = command.current_dir(kept.path()).output().expect("explain");
        assert!(output.status.success() && text(&output).contains("issued"), "{id}: {}", text(&output));
    }
}

#[test]
fn two_processes_on_one_database_agree_on_what_is_revoked() {
    let database = Database::new();
    let (kept, keys) = prepared();
    let file = keys.join("world.yaml");
    std::fs::write(&file, WORLD).expect("a description");
    assert!(apply(&database, &keys, &file).contains("Done."));
    let mut dev = Command::new(SYMBOLON);
    dev.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(kept.path().join("sandbox"));
    let refused = dev.arg("--database-url-file").arg(database.in_file(&keys)).output().expect("dev");
    assert!(
        !refused.status.success() && text(&refused).contains("was not made by the sandbox"),
        "{}",
        text(&refused)
    );
    let (one, at_one) = serve(&database, &keys, &kept.path().join("one"));
    let (other, at_other) = serve(&database, &keys, &kept.path().join("other"));
    let is_active = |base: &str, token: &str| {
        let answer =
            curl(&[&format!("{base}/oauth/introspect"), "-u", CLIENT, "-d", &format!("token={token}")]);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["active"] == true
    };
    for _ in 0..5 {
        let token = access_token(&token(&at_one));
        assert!(is_active(&at_other, &token), "{}", other.log());
        let form = format!("token={token}");
        assert_eq!(curl(&[&format!("{at_one}/oauth/revoke"), "-u", CLIENT, "-d", &form]).status, 200);
        let began = Instant::now();
        while is_active(&at_other, &token) {
            assert!(began.elapsed() < Duration::from_secs(1), "still active; {}", other.log());
        }
        assert!(!is_active(&at_one, &token), "{}", one.log());
        database.cut_off();
    }
    // What was switched off by a third process mints nowhere.
    std::fs::write(&file, WORLD.replace("- id: machine", "- id: machine\n            status: disabled"))
        .expect("a description");
    apply(&database, &keys, &file);
    for base in [&at_one, &at_other] {
        one.wait("refusal of the client", || token(base).status == 401);
    }
}

/// With a pause of an hour between two looks at the change sequence, only word of the change can be it.
#[test]
fn a_process_follows_another_ones_change_as_soon_as_it_has_word_of_it() {
    let database = Database::new();
    let (_kept, keys) = prepared();
    let file = keys.join("world.yaml");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let choice = symbolon::open_store::Choice {
            url: Some(database.url().into()),
            ..symbolon::open_store::Choice::default()
        };
        let chosen = symbolon::open_store::Database::choose(&choice, &keys).expect("a database");
        let realm = RealmId::new("default").expect("a realm");
        let settings = Settings::new("https://auth.example", realm);
        let node = symbolon::commands::Installation::open(&chosen, &keys, None, None, settings).await;
        let node = node.expect("a node");
        let following = tokio::spawn(rotation::follow(Arc::clone(&node.authority), Duration::from_hours(1)));
        let began = Instant::now();
        std::fs::write(&file, WORLD).expect("a description");
        apply(&database, &keys, &file);
        while node.authority.directory().realm("default").is_none() {
            assert!(began.elapsed() < PATIENCE, "the change never became known");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        following.abort();
        let _ = following.await;
        node.close().await;
    });
}
