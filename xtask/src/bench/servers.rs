//! What is measured, as running processes: each pinned to one processor core, on a port of its own on loopback, ended
//! with its owner.

use std::cell::OnceCell;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::postgres::Postgres;
use crate::shell::output;

/// The core of every server.
pub(crate) const SERVER_CORE: &str = "0";
/// The core of the load generator.
pub(crate) const LOAD_CORE: &str = "1";

/// How long a server may take to start, or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// The compiled programs, and where everything that a run makes is kept.
pub(crate) struct Programs {
    /// The product.
    pub(crate) symbolon: PathBuf,
    /// The parts of this benchmark.
    pub(crate) bench: PathBuf,
    /// The run's folder.
    pub(crate) folder: PathBuf,
    /// The PostgreSQL of this run, started when it is first needed.
    pub(crate) postgres: OnceCell<Postgres>,
}

impl Programs {
    /// The PostgreSQL of this run. It belongs to the server's side, so it shares the server's core: what this process
    /// starts without choosing a core runs where this process may run, and from now on that is the server's core.
    fn postgres(&self) -> Result<&Postgres> {
        if let Some(postgres) = self.postgres.get() {
            return Ok(postgres);
        }
        let this = std::process::id().to_string();
        output(Command::new("taskset").args(["--cpu-list", "--pid", SERVER_CORE, &this]))?;
        let postgres = Postgres::own()?;
        Ok(self.postgres.get_or_init(|| postgres))
    }
}

/// Where an installation keeps its data. Each has its rows in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Files in the data folder, synced with every batch.
    Sqlite,
    /// A server on the same core, which syncs with every batch, too.
    Postgres,
}

impl Backend {
    /// All that are measured.
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// Its name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Whether goals are set for it, and the processor time of Symbolon's process is all that a token costs.
    pub(crate) const fn is_judged(self) -> bool {
        matches!(self, Self::Sqlite)
    }
}

/// An installation: a data folder with keys and the realm that is measured.
pub(crate) struct Installation {
    /// Its data folder.
    pub(crate) data: PathBuf,
    /// The address of its database on a server.
    url: Option<String>,
}

impl Installation {
    /// Makes keys, and applies the description of the realm with a hundred clients.
    pub(crate) fn make(programs: &Programs, backend: Backend, name: &str) -> Result<Self> {
        let data = programs.folder.join(name);
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        }
        let mut made = Self { data, url: None };
        let private = "umask 077 && mkdir -p \"$0\" && head -c 32 /dev/urandom | base64 > \"$0/master.key\" && \
                       head -c 32 /dev/urandom | base64 > \"$0/pepper.key\"";
        output(Command::new("sh").args(["-c", private]).arg(&made.data))?;
        if backend == Backend::Postgres {
            made.create_database(programs, name)?;
        }
        let description = programs.folder.join("realm.yaml");
        fs::write(
            &description,
            output(Command::new(&programs.bench).args(["describe", "--clients", "100"]))?,
        )
        .context("cannot write the description")?;
        let mut apply = clean(Command::new(&programs.symbolon));
        output(apply.arg("apply").arg(&description).args(made.arguments()))?;
        Ok(made)
    }

    /// Makes an empty database. Its address has a password, so it is handed on in a private file.
    fn create_database(&mut self, programs: &Programs, name: &str) -> Result<()> {
        let postgres = programs.postgres()?;
        postgres.run(postgres.url(), &[&format!("--command=CREATE DATABASE \"{name}\"")])?;
        let url = postgres.url_of(name)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let written = options.open(self.url_file()).and_then(|mut file| file.write_all(url.as_bytes()));
        written.context("cannot write the database's address")?;
        self.url = Some(url);
        Ok(())
    }

    fn url_file(&self) -> PathBuf {
        self.data.join("database.url")
    }

    /// Adds copies of the first client until there are so many.
    pub(crate) fn fill(&self, programs: &Programs, clients: u32) -> Result<()> {
        const RUN: &str = "import sqlite3, sys\n\
                           database = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                           database.executescript(sys.stdin.read())\n\
                           database.close()\n";
        let sql = programs.folder.join("copies.sql");
        let last = (clients - 1).to_string();
        let text = output(Command::new(&programs.bench).args(["copies", "--first", "100", "--last", &last]))?;
        fs::write(&sql, text).context("cannot write the SQL")?;
        match &self.url {
            // What so many rows at once leave the server to do would fall into the time of whoever is measured next.
            Some(url) => programs.postgres()?.run(
                url,
                &["--file", &sql.display().to_string(), "--command=VACUUM ANALYZE", "--command=CHECKPOINT"],
            )?,
            None => {
                let file = File::open(&sql).context("cannot read the SQL")?;
                let state = self.data.join("state.db");
                output(Command::new("python3").args(["-c", RUN]).arg(state).stdin(file))?;
            }
        }
        Ok(())
    }

    /// The flags that lead a command to this installation.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--data".to_owned(), self.data.display().to_string()];
        if self.url.is_some() {
            arguments.extend(["--database-url-file".to_owned(), self.url_file().display().to_string()]);
        }
        arguments
    }
}

/// A command without the settings that the developer's environment may have for Symbolon.
fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SYMBOLON_") {
            command.env_remove(name);
        }
    }
    command
}

/// A command that runs on one core alone.
pub(crate) fn pinned(core: &str, program: &Path) -> Command {
    let mut command = clean(Command::new("taskset"));
    command.args(["--cpu-list", core]).arg(program);
    command
}

/// A port of loopback that nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A command that serves an installation.
pub(crate) fn serve(programs: &Programs, installation: &Installation, address: SocketAddr) -> Command {
    let mut command = pinned(SERVER_CORE, &programs.symbolon);
    command.arg("serve").args(installation.arguments()).arg("--listen").arg(address.to_string());
    command
}

/// A command that serves the naive endpoint.
pub(crate) fn naive(programs: &Programs, algorithm: &str, address: SocketAddr) -> Command {
    let mut command = pinned(SERVER_CORE, &programs.bench);
    command.args(["naive", "--algorithm", algorithm, "--listen"]).arg(address.to_string());
    command
}

/// Starts a server's command under callgrind, and tells the file that it leaves.
pub(crate) fn under_callgrind(
    programs: &Programs,
    command: &Command,
    address: SocketAddr,
    options: &[&str],
) -> Result<(Server, PathBuf)> {
    let file = programs.folder.join("callgrind.out");
    let mut outer = pinned(SERVER_CORE, Path::new("valgrind"));
    outer.args(["--quiet", "--tool=callgrind"]).args(options);
    outer.arg(format!("--callgrind-out-file={}", file.display()));
    // The command is `taskset --cpu-list CORE PROGRAM …`; callgrind goes between.
    outer.args(command.get_args().skip(2));
    let mut server = Server::start(programs, outer, address)?;
    server.works_on = true;
    Ok((server, file))
}

/// A server, ended with this value.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The path of its token endpoint.
    pub(crate) path: &'static str,
    /// The path of its public keys.
    pub(crate) keys: &'static str,
    /// Whether it works on after its answers: then the next measurement waits for it.
    pub(crate) works_on: bool,
    /// Where it tells whether it still has tokens to count, if it was asked to.
    pub(crate) metrics: Option<SocketAddr>,
    log: PathBuf,
}

impl Server {
    /// Serves an installation, with further flags.
    pub(crate) fn symbolon(programs: &Programs, installation: &Installation, more: &[&str]) -> Result<Self> {
        let address = free_address()?;
        let mut command = serve(programs, installation, address);
        command.args(more);
        let mut server = Self::start(programs, command, address)?;
        server.works_on = true;
        Ok(server)
    }

    /// Serves an installation, and its metrics: what it puts off is waited for until they say that it is done.
    pub(crate) fn with_metrics(programs: &Programs, installation: &Installation) -> Result<Self> {
        let metrics = free_address()?;
        let mut server = Self::symbolon(programs, installation, &["--metrics-listen", &metrics.to_string()])?;
        server.metrics = Some(metrics);
        Ok(server)
    }

    /// Serves the naive endpoint.
    pub(crate) fn naive(programs: &Programs, algorithm: &str) -> Result<Self> {
        let address = free_address()?;
        Self::start(programs, naive(programs, algorithm, address), address)
    }

    /// Starts any server, and waits until it listens.
    pub(crate) fn start(programs: &Programs, mut command: Command, address: SocketAddr) -> Result<Self> {
        let log = programs.folder.join(format!("server-{}.log", address.port()));
        let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let (path, keys) = ("/oauth/token", "/.well-known/jwks.json");
        let mut server = Self { child, address, path, keys, works_on: false, metrics: None, log };
        let began = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended ({status}): {}", server.last_words());
            }
            ensure!(began.elapsed() < PATIENCE, "{command:?} does not listen: {}", server.last_words());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop in good order, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.terminate()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(began.elapsed() < PATIENCE, "the server does not stop: {}", self.last_words());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Sends SIGTERM, by the shell's own `kill`: the standard library has none.
    fn terminate(&self) -> Result<()> {
        output(Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.pid()))).map(drop)
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
