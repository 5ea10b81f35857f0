//! A PostgreSQL server of one test's own, to be stopped, killed, halted and made read only. (The server of
//! `SYMBOLON_TEST_POSTGRES_URL` is everybody's.) Its programs lie beside `SYMBOLON_TEST_PSQL`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, signal};

const ROLE: &str = "symbolon";
/// On this machine alone, and of a temporary cluster.
const PASSWORD: &str = "a-password-of-the-fault-tests";

/// The server.
pub(crate) struct Cluster {
    kept: tempfile::TempDir,
    programs: PathBuf,
    /// Whom it runs as where the tests run as root, which it refuses.
    owner: Option<(u32, u32)>,
    port: u16,
    process: Option<Child>,
}

fn psql() -> PathBuf {
    let given = std::env::var_os("SYMBOLON_TEST_PSQL");
    given.expect("SYMBOLON_TEST_PSQL is not set: run these tests through `cargo xtask test`").into()
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().expect("id");
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

impl Cluster {
    /// A new server. Unless a session says otherwise, a commit is answered before it is on the disk: the application
    /// must not rely on the server's default.
    pub(crate) fn new() -> Self {
        let programs = psql().parent().expect("a folder").to_owned();
        let beside = "the programs of a PostgreSQL server do not lie beside psql: leave SYMBOLON_TEST_POSTGRES_URL away";
        assert!(programs.join("initdb").is_file(), "{beside}");
        let root = id(&["-u"]) == Some(0);
        let name = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
        let owner = root.then(|| (id(&["-u", name]).expect("a user"), id(&["-g", name]).expect("a group")));
        let kept = tempfile::tempdir().expect("a folder");
        let folder = kept.path().join("cluster");
        fs::DirBuilder::new().mode(0o700).create(&folder).expect("a folder");
        let secret = folder.join("password");
        fs::write(&secret, PASSWORD).expect("a file");
        if let Some((user, group)) = owner {
            // The temporary folder itself is entered by nobody else.
            chown(kept.path(), Some(user), Some(group)).expect("the folder given away");
            chown(&folder, Some(user), Some(group)).expect("the folder given away");
            chown(&secret, Some(user), Some(group)).expect("the file given away");
        }
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        drop(socket);
        let mut cluster = Self { kept, programs, owner, port, process: None };
        let mut command = cluster.as_owner("initdb");
        command.arg("--pgdata").arg(cluster.data()).arg("--pwfile").arg(&secret);
        printed(command.args(["--username", ROLE, "--encoding=UTF8", "--locale=C.UTF-8", "--auth=password"]));
        cluster.start();
        cluster
    }

    fn folder(&self) -> PathBuf {
        self.kept.path().join("cluster")
    }

    fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn as_owner(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((user, group)) = self.owner {
            command.args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command
            .args(["--pdeathsig", "QUIT", "--"])
            .arg(self.programs.join(program))
            .current_dir(self.folder());
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Starts it, and waits until it takes connections; after a crash it recovers first.
    pub(crate) fn start(&mut self) {
        let file =
            fs::OpenOptions::new().append(true).create(true).open(self.folder().join("log")).expect("a log");
        let mut command = self.as_owner("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "synchronous_commit=off",
            "log_connections=on",
        ] {
            command.args(["-c", setting]);
        }
        let errors = file.try_clone().expect("a log");
        self.process =
            Some(command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn().expect("PostgreSQL"));
        let began = Instant::now();
        while !self.is_ready() {
            assert!(began.elapsed() < PATIENCE, "PostgreSQL did not start: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    fn is_ready(&self) -> bool {
        let mut command = Command::new(self.programs.join("pg_isready"));
        command.args(["--quiet", "--host=127.0.0.1", "--timeout=1", "--port"]).arg(self.port.to_string());
        command.status().expect("pg_isready").success()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// The attempts to connect that it has seen so far.
    pub(crate) fn connections_seen(&self) -> usize {
        self.log().matches("connection received").count()
    }

    /// Makes a database, and says its address.
    pub(crate) fn database(&self, name: &str) -> String {
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a statement, and says what it yields.
    pub(crate) fn run(&self, database: &str, statement: &str) -> String {
        let mut command = Command::new(psql());
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        printed(command.args(["--dbname", &self.url(database), "--command", statement]))
    }

    /// Its processes, the first of them the one that starts all others.
    fn processes(&self) -> Vec<u32> {
        let Some(process) = &self.process else { return Vec::new() };
        let first = process.id();
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|one| one.parse().ok());
        [first].into_iter().chain(children).collect()
    }

    /// Stops it in good order; clients are cut off.
    pub(crate) fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        signal("INT", process.id());
        process.wait().expect("its end");
    }

    /// `kill -9` of all its processes.
    pub(crate) fn kill(&mut self) {
        let processes = self.processes();
        let Some(mut process) = self.process.take() else { return };
        process.kill().expect("its end");
        process.wait().expect("its end");
        for child in &processes[1..] {
            // Some end by themselves once the first is gone.
            let _ = Command::new("sh").arg("-c").arg(format!("kill -KILL {child} 2>/dev/null")).status();
        }
        let began = Instant::now();
        while processes.iter().any(|one| Path::new(&format!("/proc/{one}")).exists()) {
            assert!(began.elapsed() < PATIENCE, "a process of PostgreSQL does not end");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Listens in its place while it is stopped, and hangs up on everybody.
    pub(crate) fn hang_up_on_everybody(&self) -> HangingUp {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("its port");
        listener.set_nonblocking(true).expect("a listener");
        let over = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&over);
        let counting = std::thread::spawn(move || {
            let mut attempts = 0;
            while !ending.load(SeqCst) {
                match listener.accept() {
                    Ok(_) => attempts += 1,
                    Err(_) => std::thread::park_timeout(Duration::from_millis(1)),
                }
            }
            attempts
        });
        HangingUp { over, counting, began: Instant::now() }
    }

    /// Halts it: connections stay open, and nothing answers. Until the halt is dropped.
    pub(crate) fn halt(&self) -> Halt {
        // Whoever starts others goes first.
        let processes = self.processes();
        for process in &processes {
            let _ = Command::new("sh").arg("-c").arg(format!("kill -STOP {process}")).status();
        }
        Halt(processes)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody who listens and hangs up.
pub(crate) struct HangingUp {
    over: Arc<AtomicBool>,
    counting: JoinHandle<usize>,
    began: Instant,
}

impl HangingUp {
    /// How often somebody was hung up on, and in which time.
    pub(crate) fn end(self) -> (usize, Duration) {
        self.over.store(true, SeqCst);
        (self.counting.join().expect("a count"), self.began.elapsed())
    }
}

/// A server that is halted.
pub(crate) struct Halt(Vec<u32>);

impl Drop for Halt {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = Command::new("sh").arg("-c").arg(format!("kill -CONT {process}")).status();
        }
    }
}
