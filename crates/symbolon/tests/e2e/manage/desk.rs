//! An operator's desk: a running server, a profile that may do everything, and the binary.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Fetched, Running, SYMBOLON, curl, prepared};

/// How a command ended, and what it said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// It did what it was asked; what it printed.
    #[track_caller]
    pub(super) fn done(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.out
    }

    /// The same, as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(self.done()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It ended with that code, and said this.
    #[track_caller]
    pub(super) fn failed(&self, code: i32, text: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(text), "{text}: {self:?}");
        self
    }
}

/// Which way commands go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// To the server, by the default profile.
    Server,
    /// To the store.
    Local,
}

/// A server and an operator.
pub(super) struct Desk {
    pub(super) base: String,
    pub(super) data: PathBuf,
    pub(super) config: PathBuf,
    pub(super) running: Running,
    _kept: tempfile::TempDir,
}

impl Desk {
    /// A server over an empty database, and nobody who may manage it.
    pub(super) fn empty() -> Self {
        let (kept, data) = prepared();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        drop(socket);
        let running = serve(&address, &data);
        let config = kept.path().join("config");
        Self { base: format!("http://{address}"), data, config, running, _kept: kept }
    }

    /// Ends the server without warning, and starts it again at the same address.
    pub(super) fn kill_and_restart(&mut self) {
        self.running.kill();
        let address = self.base.trim_start_matches("http://").to_owned();
        self.running = serve(&address, &self.data);
    }

    /// The same with an owner.
    pub(super) fn open() -> Self {
        let desk = Self::empty();
        desk.bootstrap(&[]).done();
        desk
    }

    /// Makes an operator.
    pub(super) fn bootstrap(&self, more: &[&str]) -> Said {
        let data = self.data.to_str().expect("a path");
        let arguments = ["bootstrap", "--url", &self.base, "--data", data, "--base-url", &self.base];
        self.run(&[&arguments, more].concat())
    }

    /// Runs a command that has a profile, or needs none.
    pub(super) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    /// The same, with something on standard input.
    pub(super) fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        // A command that does not read ends before all is written.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("its end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// A command, ready to run.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SYMBOLON);
        command
            .args(arguments)
            .env("XDG_CONFIG_HOME", &self.config)
            .env("USER", "ada")
            .env_remove("SUDO_USER");
        command.env_remove("SYMBOLON_PROFILE").env_remove("COLUMNS").env_remove("SYMBOLON_LOG");
        command
    }

    /// Runs a command one way or the other.
    pub(super) fn go(&self, way: Way, arguments: &[&str]) -> Said {
        match way {
            Way::Server => self.run(arguments),
            Way::Local => {
                let data = self.data.to_str().expect("a path");
                self.run(&[arguments, &["--local", "--data", data, "--base-url", &self.base]].concat())
            }
        }
    }

    /// The same, for what it answers as JSON.
    #[track_caller]
    pub(super) fn ask(&self, way: Way, arguments: &[&str]) -> Value {
        self.go(way, &[arguments, &["--output", "json"]].concat()).json()
    }

    /// The ids of a list.
    #[track_caller]
    pub(super) fn ids(&self, way: Way, arguments: &[&str]) -> Vec<String> {
        let list = self.ask(way, arguments);
        let id = |item: &Value| {
            ["id", "identifier", "kid"].iter().find_map(|name| item[name].as_str()).map(str::to_owned)
        };
        list["items"].as_array().expect("items").iter().filter_map(id).collect()
    }

    /// Asks for a token.
    pub(super) fn token(&self, id: &str, secret: &str, audience: &str) -> Fetched {
        let user = format!("{id}:{secret}");
        let audience = format!("audience={audience}");
        let form = ["-d", "grant_type=client_credentials", "--data-urlencode", &audience];
        curl(&[&[format!("{}/oauth/token", self.base).as_str(), "-u", &user][..], &form].concat())
    }

    /// Waits until the server has heard of a change that was made beside it.
    pub(super) fn wait(&self, what: &str, done: impl Fn() -> bool) {
        self.running.wait(what, done);
    }

    /// A private file with this text.
    pub(super) fn file(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.data.join(name);
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        opened.and_then(|mut file| file.write_all(text.as_bytes())).expect("a file");
        path.to_str().expect("a path").to_owned()
    }

    /// The file of the profiles.
    pub(super) fn profiles(&self) -> PathBuf {
        self.config.join("symbolon/profiles.toml")
    }

    /// What the file of the profiles holds of one.
    pub(super) fn profile(&self, name: &str) -> toml::Table {
        let text = std::fs::read_to_string(self.profiles()).expect("profiles");
        let whole: toml::Table = toml::from_str(&text).expect("TOML");
        whole["profiles"][name].as_table().expect("the profile").clone()
    }
}

fn serve(address: &str, data: &Path) -> Running {
    let mut command = Command::new(SYMBOLON);
    command.args(["serve", "--listen", address, "--data"]).arg(data);
    let running = Running::start(command, data);
    running.wait("answer", || curl(&[&format!("http://{address}/livez")]).status == 200);
    running
}

/// The mode of a file.
pub(super) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("the file").permissions().mode() & 0o777
}
