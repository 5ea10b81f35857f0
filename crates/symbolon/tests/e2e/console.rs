//! The console in a real browser: headless Chromium, driven by the scripts of `tests/clients/console` through what people
//! read and press, against the running binary.
//!
//! Each test has a server of its own: `serve` where the console itself is the matter (its host is `localhost`, which
//! passkeys need), and the sandbox where a journey ends with a call of an API. The scripts' harness says what every
//! page that they come to has to keep.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::clients::{from_environment, python, succeeds};
use crate::shim::ClockFile;
use crate::support::{Running, SYMBOLON, curl, prepared};

/// The password of everybody whom the descriptions name.
const PASSWORD: &str = "correct horse battery staple";
const WORLD: &str = include_str!("console/world.yaml");
const PEOPLE: &str = include_str!("console/people.yaml");
/// Who operates the default realm, in the tests that do not begin with the first operator's link.
const OPERATOR: &str = "operator@console.example";

/// A server with something in it, and what the scripts have to know.
struct Console {
    running: Running,
    base: String,
    folder: PathBuf,
    kept: Option<tempfile::TempDir>,
    /// The server's, where the test moves it.
    clock: Option<ClockFile>,
}

impl Console {
    /// `symbolon serve` on the world, with nobody who operates it.
    fn without_operator() -> Self {
        Self::serving("", false)
    }

    /// The same with an operator of all of it.
    fn serve() -> Self {
        Self::serving(&Self::operators(), false)
    }

    /// The same with a clock that the script moves.
    fn out_of_time() -> Self {
        Self::serving(&Self::operators(), true)
    }

    fn operators() -> String {
        format!("    operators: [{{ email: {OPERATOR}, role: owner, password: \"{PASSWORD}\" }}]\n")
    }

    fn serving(operators: &str, with_clock: bool) -> Self {
        let (kept, folder) = prepared();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        drop(socket);
        let base = format!("http://localhost:{port}");
        let world = WORLD.replacen("  - id: default\n", &format!("  - id: default\n{operators}"), 1);
        let file = folder.join("world.yaml");
        std::fs::write(&file, world.replace("${password}", PASSWORD)).expect("a description");
        let mut apply = Command::new(SYMBOLON);
        apply.arg("apply").arg(&file).arg("--data").arg(&folder).args(["--base-url", &base]);
        let output = apply.output().expect("apply");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let mut serve = Command::new(SYMBOLON);
        serve.arg("serve").arg("--data").arg(&folder).args(["--base-url", &base]);
        serve.args(["--listen", &format!("127.0.0.1:{port}")]);
        let clock = with_clock.then(|| ClockFile::in_folder(&folder));
        if let Some(clock) = &clock {
            clock.around(&mut serve);
        }
        let running = Running::start_logging(serve, &folder, "info");
        let live = format!("{base}/livez");
        running.wait("answer", || curl(&[&live]).status == 200);
        Self { running, base, folder, kept: Some(kept), clock }
    }

    /// The sandbox with its APIs, and people who may sign in.
    fn sandbox() -> Self {
        let running = Running::sandbox();
        running.apply(&PEOPLE.replace("${password}", PASSWORD));
        let (base, folder) = (running.base(), running.folder().to_owned());
        Self { running, base, folder, kept: None, clock: None }
    }

    fn given(&self, pictures: &Path) -> Value {
        let mut given = json!({
            "base": self.base,
            "password": PASSWORD,
            "operator": OPERATOR,
            "pictures": pictures,
        });
        if let Ok(link) = std::fs::read_to_string(self.folder.join("first-operator-link")) {
            given["first_operator"] = json!(link.trim());
        }
        if let Some(clock) = &self.clock {
            given["clock"] = json!(clock.path());
        }
        if self.kept.is_none() {
            given["apis"] = self.running.credentials();
        }
        given
    }

    /// Runs a script of `tests/clients/console` against it.
    fn runs(&self, script: &str) {
        self.runs_with(script, &[]);
    }

    /// The same, of its acts only those that are named.
    fn runs_with(&self, script: &str, acts: &[&str]) {
        let pictures = pictures();
        let file = self.folder.join("given.json");
        std::fs::write(&file, self.given(&pictures).to_string()).expect("a file");
        let mut command = python(&format!("console/{script}"));
        command
            .arg(&file)
            .args(acts)
            .env("SYMBOLON_TEST_NODE_MODULES", from_environment("SYMBOLON_TEST_NODE_MODULES"));
        println!("{script}: {}", succeeds(command));
    }
}

/// Where pictures go: those of `cargo xtask screens`, and of what stood there when a test failed.
fn pictures() -> PathBuf {
    std::env::var_os("SYMBOLON_SCREENS")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("console"), PathBuf::from)
}

#[test]
fn people_sign_in_by_link_password_code_passkey_and_recovery_code() {
    Console::without_operator().runs("signing_in.py");
}

#[test]
fn a_customers_developer_does_what_the_five_systems_tell() {
    Console::sandbox().runs("customer.py");
}

#[test]
fn an_operator_invites_finds_out_and_revokes() {
    Console::sandbox().runs("operating.py");
}

#[test]
fn other_origins_and_other_peoples_data_do_nothing() {
    Console::serve().runs("attacks.py");
}

#[test]
fn sessions_and_proofs_time_out_and_nothing_is_lost_by_it() {
    Console::out_of_time().runs("timing_out.py");
}

#[test]
fn guessing_is_slow_at_volume_and_makes_nobody_else_wait() {
    Console::out_of_time().runs("guessing.py");
}

#[test]
fn every_page_is_accessible_light_still_and_fits_a_telephone() {
    Console::serve().runs("pages.py");
}

#[test]
#[ignore = "makes pictures for somebody to look at: run it with `cargo xtask screens`"]
fn the_main_pages_are_pictured() {
    Console::serve().runs_with("pages.py", &["screens"]);
}
