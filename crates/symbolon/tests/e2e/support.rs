//! Running processes, temporary folders, and curl.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub(crate) const SYMBOLON: &str = env!("CARGO_BIN_EXE_symbolon");

/// Everything that is started ends up within this time, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running `symbolon dev` or `symbolon serve`, ended with its owner.
pub(crate) struct Running {
    child: Child,
    folder: PathBuf,
    kept: Option<tempfile::TempDir>,
}

impl Running {
    /// Starts the sandbox on free ports in a folder of its own, with TLS, and waits until it is ready.
    pub(crate) fn sandbox() -> Self {
        let kept = tempfile::tempdir().expect("a temporary folder");
        let folder = kept.path().join("data");
        let mut running = Self::sandbox_in(&folder, "127.0.0.1:0");
        running.kept = Some(kept);
        running
    }

    /// The same in a folder that may exist already.
    pub(crate) fn sandbox_in(folder: &Path, listen: &str) -> Self {
        Self::sandbox_with(folder, listen, |_| ())
    }

    /// The same with further arguments.
    pub(crate) fn sandbox_with(folder: &Path, listen: &str, more: impl FnOnce(&mut Command)) -> Self {
        let credentials = folder.join("credentials.json");
        let _ = std::fs::remove_file(&credentials);
        let mut command = Command::new(SYMBOLON);
        command.args(["dev", "--tls", "--tls-listen", "127.0.0.1:0", "--listen", listen]);
        command.arg("--data").arg(folder).arg("--credentials").arg(&credentials);
        more(&mut command);
        let running = Self::start(command, folder);
        running.wait("its credentials", || credentials.exists());
        running
    }

    /// Starts any command, its output kept in files of the folder.
    pub(crate) fn start(command: Command, folder: &Path) -> Self {
        Self::start_logging(command, folder, "trace,hyper=info,rustls=info")
    }

    /// The same, as talkative as is said.
    pub(crate) fn start_logging(mut command: Command, folder: &Path, log: &str) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let output = |name: &str| File::create(folder.join(name)).expect("a log file");
        command.env("SYMBOLON_LOG", log).stdin(Stdio::null());
        let child =
            command.stdout(output("stdout.log")).stderr(output("stderr.log")).spawn().expect("the binary");
        Self { child, folder: folder.to_owned(), kept: None }
    }

    /// Waits for something that the process does.
    pub(crate) fn wait(&self, what: &str, done: impl Fn() -> bool) {
        self.wait_for(what, PATIENCE, done);
    }

    /// The same with another patience.
    pub(crate) fn wait_for(&self, what: &str, patience: Duration, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < patience, "no {what}; {}{}", self.log(), self.printed());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Everything that it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr.log")).unwrap_or_default()
    }

    /// Everything that it printed.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.join("stdout.log")).unwrap_or_default()
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of `--credentials`.
    pub(crate) fn credentials_file(&self) -> PathBuf {
        self.folder.join("credentials.json")
    }

    /// What stands in it.
    pub(crate) fn credentials(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.credentials_file()).expect("credentials")).expect("JSON")
    }

    /// The address of the default realm.
    pub(crate) fn base(&self) -> String {
        let issuer = self.credentials()["meti_v2"]["issuer"].as_str().expect("an issuer").to_owned();
        issuer.trim_end_matches('/').to_owned()
    }

    /// Applies a description to its data from another process.
    pub(crate) fn apply(&self, yaml: &str) {
        let file = self.folder.join("change.yaml");
        std::fs::write(&file, yaml).expect("a description");
        let output = Command::new(SYMBOLON)
            .arg("apply")
            .arg(&file)
            .arg("--data")
            .arg(&self.folder)
            .args(["--base-url", &self.base()])
            .output()
            .expect("apply");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The description that the sandbox was seeded from.
    pub(crate) fn description(&self) -> String {
        std::fs::read_to_string(self.folder.join("sandbox.yaml")).expect("sandbox.yaml")
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to read its certificate again.
    pub(crate) fn hang_up(&self) {
        signal("HUP", self.child.id());
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let status = self.end();
        assert!(status.success(), "{status}; {}", self.log());
    }

    /// Asks it to stop, and waits until it has, however it ends.
    pub(crate) fn end(&mut self) -> std::process::ExitStatus {
        signal("TERM", self.child.id());
        self.child.wait().expect("its end")
    }

    /// Waits until it has ended by itself, and well.
    pub(crate) fn ends_well_within(&mut self, patience: Duration) {
        let began = Instant::now();
        let status = loop {
            match self.ended() {
                Some(status) => break status,
                None => assert!(began.elapsed() < patience, "it does not end; {}", self.printed()),
            }
            std::thread::park_timeout(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}; {}{}", self.log(), self.printed());
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("its state")
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        signal("KILL", self.child.id());
        self.child.wait().expect("its end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with keys, as an operator sets one up.
pub(crate) fn prepared() -> (tempfile::TempDir, PathBuf) {
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path().join("data");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["master.key", "pepper.key"] {
        let status = Command::new("sh")
            .current_dir(&folder)
            .arg("-c")
            .arg(format!("umask 077; head -c 32 /dev/urandom | base64 > {name}"))
            .status();
        assert!(status.expect("sh").success());
    }
    (kept, folder)
}

/// The shell's own `kill`, which every Debian has.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().expect("sh");
    assert!(sent.success());
}

/// What curl got.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The status; 0 if there was no answer.
    pub(crate) status: u16,
    /// The header lines, lower case names.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) text: String,
}

impl Fetched {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// Runs curl with these arguments, and whatever it prints to standard input's file.
pub(crate) fn curl(arguments: &[&str]) -> Fetched {
    let output = Command::new("curl").args(["-sS", "-i", "--max-time", "30"]).args(arguments).output();
    let output = output.expect("curl: run these tests through `cargo xtask test`");
    let text = String::from_utf8(output.stdout).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
    let header = |line: &str| {
        line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
    };
    Fetched { status, headers: lines.filter_map(header).collect(), text: body.to_owned() }
}

/// One system's entry of the credentials, as text.
pub(crate) fn entry<'a>(credentials: &'a Value, system: &str, member: &str) -> &'a str {
    credentials[system][member].as_str().unwrap_or_else(|| panic!("{system}.{member} is missing"))
}

/// A token of one of the systems whose clients send id and secret in a form.
pub(crate) fn form_token(credentials: &Value, system: &str) -> Fetched {
    let field = |name: &str| format!("{name}={}", entry(credentials, system, name));
    let (id, secret) = (field("client_id"), field("client_secret"));
    let mut arguments = vec![entry(credentials, system, "token_url"), "-d", "grant_type=client_credentials"];
    arguments.extend(["--data-urlencode", &id, "--data-urlencode", &secret]);
    curl(&arguments)
}

/// The access token of an answer.
pub(crate) fn access_token(answer: &Fetched) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

/// Calls an API with a token.
pub(crate) fn call(url: &str, token: &str) -> Fetched {
    curl(&[url, "-H", &format!("Authorization: Bearer {token}")])
}
