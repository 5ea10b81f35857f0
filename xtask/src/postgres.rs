//! A PostgreSQL server for one task: made in a temporary folder, on this machine alone, and gone with the task.
//!
//! It keeps `fsync` on, since tests and measurements that are made without it say nothing about the real thing.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::shell::{output, succeeds};

/// Who uses a server that runs already names it here.
const GIVEN: &str = "SYMBOLON_TEST_POSTGRES_URL";
const FOLDER: &str = "symbolon-postgres-";
/// A server that takes longer to start or stop has failed.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);
/// The superuser's name in a server of our own.
const ROLE: &str = "symbolon";

/// A server, and the programs that belong to it.
pub(crate) struct Postgres {
    url: String,
    psql: PathBuf,
    own: Option<Cluster>,
}

/// A server of our own.
struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    owner: Option<Owner>,
    port: u16,
    process: Option<Child>,
}

/// Whom the server runs as, because it refuses root.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Postgres {
    /// The server that the environment names, or a new one.
    pub(crate) fn given_or_own() -> Result<Self> {
        match std::env::var(GIVEN) {
            Ok(url) if !url.is_empty() => {
                eprintln!("==> PostgreSQL: the server of {GIVEN}");
                let psql =
                    find("psql").context("psql is not installed (Debian's package is postgresql-client)")?;
                Ok(Self { url, psql: psql.join("psql"), own: None })
            }
            _ => Self::own(),
        }
    }

    /// A new server, empty.
    pub(crate) fn own() -> Result<Self> {
        let programs = programs()?;
        remove_leftovers();
        let password = random_hex()?;
        let mut cluster = Cluster::make(programs, &password)?;
        cluster.start()?;
        let url = format!("postgres://{ROLE}:{password}@127.0.0.1:{}/postgres", cluster.port);
        Ok(Self { url, psql: cluster.programs.join("psql"), own: Some(cluster) })
    }

    /// The address of its database `postgres`, for a role that may create databases and roles.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The address of another database of the server.
    pub(crate) fn url_of(&self, database: &str) -> Result<String> {
        let (address, parameters) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let (scheme, rest) = address.split_once("://").context("the PostgreSQL address has no scheme")?;
        let server = rest.split('/').next().unwrap_or_default();
        Ok(format!("{scheme}://{server}/{database}?{parameters}").trim_end_matches('?').to_owned())
    }

    /// The program `psql`.
    pub(crate) fn psql(&self) -> &Path {
        &self.psql
    }

    /// Runs SQL in a database, from a file or from the text itself.
    pub(crate) fn run(&self, url: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.psql);
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]);
        output(command.args(arguments)).map(drop).context("psql failed")
    }
}

/// What only a server of our own can be made to suffer.
#[cfg_attr(not(test), expect(dead_code, reason = "for tasks that test how faults are borne"))]
impl Postgres {
    /// Stops it in good order; clients are cut off.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.cluster()?.end("INT")
    }

    /// Ends it like a power cut: nothing more is written.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.cluster()?.end("QUIT")
    }

    /// Starts it again, on the same port.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.cluster()?.start()
    }

    /// Stops it in good order and starts it again.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    fn cluster(&mut self) -> Result<&mut Cluster> {
        self.own.as_mut().with_context(|| format!("the server of {GIVEN} is not ours to stop"))
    }
}

impl Cluster {
    fn make(programs: PathBuf, password: &str) -> Result<Self> {
        let owner = owner()?;
        let folder = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
        let made = fs::DirBuilder::new().mode(0o700).create(&folder);
        made.with_context(|| format!("cannot make {}", folder.display()))?;
        let cluster = Self { programs, folder, owner, port: free_port()?, process: None };
        let secret = cluster.folder.join("password");
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&secret);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, password.as_bytes()))
            .context("cannot write the server's password")?;
        if let Some(owner) = owner {
            for path in [&cluster.folder, &secret] {
                chown(path, Some(owner.user), Some(owner.group)).context("cannot give the folder away")?;
            }
        }
        eprintln!("==> PostgreSQL: initdb in {}", cluster.folder.display());
        let mut command = cluster.as_owner("initdb");
        command.arg("--pgdata").arg(cluster.data()).arg("--pwfile").arg(&secret).args([
            "--username",
            ROLE,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=password",
        ]);
        output(&mut command)?;
        Ok(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of the server's, run as its owner, and ended by the kernel when this process ends.
    fn as_owner(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(Owner { user, group }) = self.owner {
            command.args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command.args(["--pdeathsig", "QUIT", "--"]).arg(self.programs.join(program));
        command.current_dir(&self.folder).env("LC_ALL", "C.UTF-8");
        command
    }

    fn start(&mut self) -> Result<()> {
        let log = self.folder.join("log");
        let file = fs::OpenOptions::new().append(true).create(true).open(&log).context("cannot log")?;
        let mut command = self.as_owner("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"] {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        self.process = Some(command.spawn().context("cannot start PostgreSQL: is setpriv installed?")?);
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            let ended = self.process.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(&log).unwrap_or_default();
                bail!("PostgreSQL did not start:\n{said}");
            }
            std::thread::sleep(PAUSE);
        }
        eprintln!("==> PostgreSQL: on 127.0.0.1:{}", self.port);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let mut command = Command::new(self.programs.join("pg_isready"));
        succeeds(command.args(["--host=127.0.0.1", "--timeout=1", "--port"]).arg(self.port.to_string()))
    }

    /// Sends a signal and waits for the end; a server that does not end is made to.
    fn end(&mut self, signal: &str) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let id = process.id().to_string();
        output(Command::new("sh").args(["-c", "kill -$0 $1", signal, &id]))?;
        let deadline = Instant::now() + PATIENCE;
        while process.try_wait()?.is_none() {
            if Instant::now() > deadline {
                process.kill()?;
                process.wait()?;
                bail!("PostgreSQL did not end after SIG{signal} and was killed");
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.end("INT") {
            eprintln!("{error:#}");
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("cannot remove {}: {error}", self.folder.display());
        }
    }
}

/// The folder of the server's programs, installed if need be.
fn programs() -> Result<PathBuf> {
    if let Some(found) = find("initdb") {
        return Ok(found);
    }
    eprintln!("==> the tests need PostgreSQL: installing Debian's package, without a cluster of its own");
    debian::install_postgresql()?;
    find("initdb").context("PostgreSQL was installed, but no initdb is in /usr/lib/postgresql/*/bin")
}

/// The folder of a program: in the search path, or where Debian keeps it, the newest first.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort();
    let folders = std::env::split_paths(&path).chain(debian.into_iter().rev().map(|(_, folder)| folder));
    // The programs of one server lie side by side; a link from elsewhere leads there.
    folders.map(|folder| folder.join(program)).filter(|file| file.is_file()).find_map(|file| {
        let real = file.canonicalize().ok()?;
        [real, file].into_iter().find(|file| file.ends_with(program))?.parent().map(Path::to_owned)
    })
}

/// The user of Debian's package if there is one, else one that every system has.
fn owner() -> Result<Option<Owner>> {
    let id = |arguments: &[&str]| -> Result<u32> {
        Ok(output(Command::new("id").args(arguments))?.trim().parse()?)
    };
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    let name = if succeeds(Command::new("id").arg("postgres")) { "postgres" } else { "nobody" };
    Ok(Some(Owner { user: id(&["-u", name])?, group: id(&["-g", name])? }))
}

/// The folders of tasks that were killed.
fn remove_leftovers() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let task = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.parse::<u32>().ok());
        if task.is_some_and(|task| !Path::new(&format!("/proc/{task}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn free_port() -> Result<u16> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(socket.local_addr()?.port())
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    let source = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    source.context("no random bytes")?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::Postgres;

    #[test]
    fn a_server_survives_what_it_is_made_to_suffer_and_leaves_nothing() {
        let mut server = Postgres::own().unwrap();
        let url = server.url().to_owned();
        let folder = server.own.as_ref().unwrap().folder.clone();
        server.run(&url, &["--command=CREATE TABLE kept (x TEXT)"]).unwrap();
        server.restart().unwrap();
        server.run(&url, &["--command=INSERT INTO kept VALUES ('a')"]).unwrap();
        server.kill().unwrap();
        server.start().unwrap();
        server.run(&url, &["--command=INSERT INTO kept SELECT x FROM kept"]).unwrap();
        drop(server);
        assert!(!folder.exists());
    }
}
