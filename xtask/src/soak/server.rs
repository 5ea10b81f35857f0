//! A server to load: the release build, in a folder of its own, with one realm and two clients.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::clients::{Client, LIVE};
use crate::shell::{Workspace, step};

/// The clients that the server knows; the secret of each is its id and this.
pub(super) const KNOWN: [&str; 2] = ["robot", "other-robot"];
/// What follows the id in a secret.
pub(super) const SECRET: &str = "-has-a-secret-of-its-own";
/// The server starts within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The running server, ended and removed with its owner.
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    /// Where it listens.
    pub(super) address: String,
}

impl Server {
    /// Builds it and starts it; `settings` are lines of its configuration.
    pub(super) fn start(workspace: &Workspace, name: &str, settings: &str) -> Result<Self> {
        step(
            "cargo build --release",
            workspace.cargo().args(["build", "--quiet", "--release", "--locked", "--package", "symbolon"]),
        )?;
        let program = workspace.target.join("release/symbolon");
        let folder = workspace.target.join(format!("soak-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let keys =
            "umask 077; for key in master pepper; do head -c 32 /dev/urandom | base64 > $key.key; done";
        step("keys", Command::new("sh").current_dir(&folder).args(["-c", keys]))?;
        fs::write(folder.join("a.yaml"), description())?;
        let config = format!("listen = \"{address}\"\ndata = \"{}\"\n{settings}\n", folder.display());
        fs::write(folder.join("symbolon.toml"), config)?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(arguments).args(["--config", "symbolon.toml", "--log", "warn"]).current_dir(&folder);
            command
        };
        step("symbolon apply", command(&["apply", "a.yaml"]).stdout(Stdio::null()))?;
        let log = File::create(folder.join("log"))?;
        let child = command(&["serve"]).stderr(log).spawn().context("cannot start the server")?;
        let mut server = Self { child, folder, address };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if TcpStream::connect(&self.address).is_ok() && Client::new(&self.address).ask(LIVE)? == 200 {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}): {}", self.log());
            }
            ensure!(began.elapsed() < PATIENCE, "the server does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it warned of.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The processor time that it has used; the kernel counts it in hundredths of a second.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The program's name may hold anything; what follows its bracket are numbers, the 12th and 13th of them times.
        let (_, numbers) = stat.rsplit_once(')').context("no name")?;
        let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
    }

    /// Its resident memory, in MiB.
    pub(super) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn description() -> String {
    let clients: Vec<String> = KNOWN
        .iter()
        .map(|id| {
            format!(
                "{{id: {id}, settings: {{grants: [{{audience: 'https://api.example', scopes: ['read:all']}}]}}, \
                 access_keys: [{{secret: {id}{SECRET}}}]}}"
            )
        })
        .collect();
    format!(
        "realms: [{{id: default, settings: {{default_audience: 'https://api.example'}}, resource_servers: \
         [{{identifier: 'https://api.example', settings: {{scopes: ['read:all']}}}}], organizations: \
         [{{id: o, clients: [{}]}}]}}]",
        clients.join(", ")
    )
}
