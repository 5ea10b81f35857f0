//! An installation as an operator sets one up: keys, a description, and `symbolon serve` on it. Load and faults are
//! run against it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::{Duration, Instant};

use symbolon::open_store::{Choice, Database, UrlText};
use symbolon_core::id::RealmId;
use symbolon_core::protocol::revocation::RevocationSet;

use crate::http::{Answer, Connection, Credentials};
use crate::shim::Shim;
use crate::support::{PATIENCE, Running, SYMBOLON};

/// The client that may introspect every token.
pub(crate) const WATCHER: Credentials<'static> = ("watcher", SECRET);
/// A client that does nothing but ask for tokens.
pub(crate) const LOADER: Credentials<'static> = ("loader", SECRET);
/// The secret of every client: what the tests are about is elsewhere.
pub(crate) const SECRET: &str = "a-secret-of-the-load-tests-0123456789";

/// No answer may take longer than this, whatever the database does.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_secs(4);

/// A data folder with everything in it, or with the keys alone where PostgreSQL keeps the rest.
pub(crate) struct Installation {
    kept: tempfile::TempDir,
    data: PathBuf,
    database_url: Option<String>,
    address: String,
}

impl Installation {
    /// Keys, a realm, and the clients that are named above.
    pub(crate) fn new() -> Self {
        Self::prepared(None)
    }

    /// The same in a PostgreSQL database, which is empty.
    pub(crate) fn in_postgres(url: String) -> Self {
        Self::prepared(Some(url))
    }

    fn prepared(database_url: Option<String>) -> Self {
        let installation = Self::of(crate::support::prepared(), database_url);
        let first = ["watcher", "loader"].map(|id| client(id, "")).concat();
        installation.applies(&first);
        installation
    }

    fn of((kept, data): (tempfile::TempDir, PathBuf), database_url: Option<String>) -> Self {
        let data = data.canonicalize().expect("a folder");
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        Self { kept, data, database_url, address }
    }

    /// A second one with the same contents. Nothing may run on the first.
    pub(crate) fn copy(&self) -> Self {
        let kept = tempfile::tempdir().expect("a folder");
        let data = kept.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        let copy = Self::of((kept, data), None);
        for entry in std::fs::read_dir(&self.data).expect("the folder") {
            let entry = entry.expect("a file");
            std::fs::copy(entry.path(), copy.data.join(entry.file_name())).expect("a copy");
        }
        copy
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A command on this installation, its place given by flags.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(SYMBOLON);
        command.arg(name);
        self.place(&mut command);
        command
    }

    /// Says to a command which installation is meant.
    pub(crate) fn place(&self, command: &mut Command) {
        command.arg("--data").arg(&self.data);
        if let Some(url) = &self.database_url {
            command.env("SYMBOLON_DATABASE_URL", url);
        }
    }

    /// `symbolon apply` of clients ([`client`]), ready to run.
    pub(crate) fn apply(&self, clients: &str) -> Command {
        let file = self.kept.path().join(format!("apply-{}.yaml", clients.len()));
        std::fs::write(&file, description(clients)).expect("a description");
        let mut command = self.command("apply");
        command.arg(&file).args(["--base-url", "https://auth.example"]);
        command
    }

    /// Runs it, and expects it to succeed.
    #[track_caller]
    pub(crate) fn applies(&self, clients: &str) {
        let output = self.apply(clients).output().expect("apply");
        assert!(output.status.success(), "{}", printed(&output));
    }

    /// Starts the server, and waits until it is ready to mint.
    pub(crate) fn serve(&self) -> Server {
        let server = self.start(None);
        server.wait_until_ready();
        server
    }

    /// The same with the shim around it.
    pub(crate) fn serve_behind(&self, shim: &Shim) -> Server {
        let server = self.start(Some(shim));
        server.wait_until_ready();
        server
    }

    /// Starts the server, without waiting for anything.
    pub(crate) fn start(&self, shim: Option<&Shim>) -> Server {
        let mut command = self.command("serve");
        command.args(["--listen", &self.address, "--base-url", "https://auth.example"]);
        if let Some(shim) = shim {
            shim.around(&mut command);
        }
        let running = Running::start_logging(command, &self.kept.path().join("log"), "info");
        Server { running, address: self.address.clone() }
    }

    /// The store, opened as a further process would.
    pub(crate) fn look<T>(&self, work: impl AsyncFnOnce(&dyn symbolon_core::store::Store) -> T) -> T {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let url = self.database_url.clone().map(UrlText::from);
            let choice = Choice { url, url_file: None, connections: None };
            let database = Database::choose(&choice, &self.data).expect("a database");
            let store = symbolon::open_store::open(database).await.expect("the store");
            let result = work(&*store).await;
            store.close().await;
            result
        })
    }

    /// Whether a client is stored.
    pub(crate) fn finds(&self, client: &str) -> bool {
        self.look(async |store| store.find_credential(&realm(), client).await.expect("an answer").is_some())
    }

    /// Every revocation that is in force, as guards are told of them.
    pub(crate) fn revocations(&self) -> RevocationSet {
        let mut set = RevocationSet::default();
        for one in self.look(async |store| store.list_revocations(&realm(), 0).await.expect("an answer")) {
            set.replace(one.kind, &one.id, Some(one.cutoff));
        }
        set
    }

    /// Expects the record of a token to be found by the request that it was given to.
    pub(crate) fn has_records(&self, tokens: &[Token]) {
        self.look(async |store| {
            for token in tokens {
                let (found, _) =
                    symbolon::commands::explain::find(store, &token.request_id).await.expect("an answer");
                let ids: Vec<&str> = found.iter().map(|record| record.jti.as_str()).collect();
                assert_eq!(ids, [token.jti()], "the record of {}", token.request_id);
            }
        });
    }
}

fn realm() -> RealmId {
    RealmId::new("default").expect("a realm")
}

/// A client of the description, with further lines of its own and of its key: `"status: disabled"`.
pub(crate) fn client(id: &str, status: &str) -> String {
    let key_status = if status == INACTIVE_KEY { ", status: INACTIVE" } else { "" };
    let status = if status == INACTIVE_KEY { "" } else { status };
    format!(
        "          - id: {id}\n            {status}\n            settings: {{ grants: [{{ audience: \"https://api.example\", \
         scopes: [read] }}] }}\n            access_keys: [{{ id: {id}-key, secret: {SECRET}{key_status} }}]\n"
    )
}

/// Stands for a client whose key is INACTIVE.
pub(crate) const INACTIVE_KEY: &str = "INACTIVE";

fn description(clients: &str) -> String {
    format!(
        "realms:\n  - id: default\n    resource_servers:\n      - identifier: https://api.example\n        settings: \
         {{ scopes: [read], introspectors: [watcher] }}\n    organizations:\n      - id: customer\n        clients:\n{clients}"
    )
}

/// What a process printed, for people.
pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A token that was received whole.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) request_id: String,
}

impl Token {
    /// Reads an answer of the token endpoint.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let token = answer.access_token().filter(|_| answer.status == 200)?;
        Some(Self { token, request_id: answer.request_id() })
    }

    /// Its id.
    pub(crate) fn jti(&self) -> String {
        crate::http::claims(&self.token)["jti"].as_str().expect("jti").to_owned()
    }
}

/// A running `symbolon serve`.
pub(crate) struct Server {
    running: Running,
    address: String,
}

impl Server {
    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.address, PATIENCE).expect("a connection")
    }

    /// The status of a document; 0 without an answer.
    pub(crate) fn status(&self, path: &str) -> u16 {
        let answer = Connection::open(&self.address, LONGEST_ANSWER).and_then(|mut open| open.get(path));
        answer.map_or(0, |answer| answer.status)
    }

    /// A token, which must be given.
    #[track_caller]
    pub(crate) fn token(&self, who: Credentials<'_>) -> Token {
        let answer = self.connect().token(who).expect("an answer");
        Token::of(&answer).unwrap_or_else(|| panic!("{answer:?}; {}", self.log()))
    }

    /// Whether a token is alive.
    #[track_caller]
    pub(crate) fn lives(&self, token: &str) -> bool {
        self.connect().introspect(WATCHER, token).expect("an answer").is_active()
    }

    /// Revokes a token.
    #[track_caller]
    pub(crate) fn revokes(&self, who: Credentials<'_>, token: &str) {
        let answer = self.connect().revoke(who, token).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}; {}", self.log());
    }

    /// An answer, which must come in time.
    #[track_caller]
    pub(crate) fn in_time(&self, ask: impl FnOnce(&mut Connection) -> std::io::Result<Answer>) -> Answer {
        let began = Instant::now();
        let answer = ask(&mut self.connect()).expect("an answer");
        let took = began.elapsed();
        assert!(took < LONGEST_ANSWER, "after {took:?}: {answer:?}; {}", self.log());
        answer
    }

    fn wait_until_ready(&self) {
        self.wait("readiness", || self.status("/readyz") == 200);
    }

    /// Waits for something.
    pub(crate) fn wait(&self, what: &str, done: impl Fn() -> bool) {
        self.running.wait(what, done);
    }

    /// Waits for something for a limited time, and says how long it took.
    pub(crate) fn wait_within(&self, most: Duration, what: &str, done: impl Fn() -> bool) -> Duration {
        let began = Instant::now();
        self.running.wait(what, done);
        let took = began.elapsed();
        assert!(took <= most, "{what} took {took:?}; {}", self.log());
        took
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        self.running.log()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.running.ended()
    }

    /// Waits until it has ended by itself, and not well.
    pub(crate) fn wait_until_ended(&mut self) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                assert!(!status.success(), "{}", self.log());
                return;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Stops it in good order.
    pub(crate) fn stop(mut self) {
        self.running.stop();
    }

    /// Asks it to stop, and waits until it has, well or not.
    pub(crate) fn ends(&mut self) {
        self.running.end();
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }
}
