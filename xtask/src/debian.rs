//! What tasks need of Debian: found out by trying it, and installed as root, or by sudo where that asks for nothing.

use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{output, step, succeeds};

const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";

/// A program of the system.
pub(crate) struct Program {
    /// Debian's package of it.
    package: &'static str,
    probe: fn() -> Command,
}

/// What the tests drive or ask.
pub(crate) const FOR_TESTS: [Program; 6] = [
    Program {
        package: "python3-venv",
        probe: || {
            let mut command = Command::new("python3");
            command.args(["-c", "import venv, ensurepip"]);
            command
        },
    },
    Program { package: "curl", probe: || version_of("curl") },
    // Judges the service's unit; no systemd need run.
    Program { package: "systemd", probe: || version_of("systemd-analyze") },
    // The unit names it, and a Debian of the smallest size has only the shell's own.
    Program { package: "procps", probe: || version_of("/bin/kill") },
    // The console is tried out in it.
    Program { package: "chromium", probe: || version_of("chromium") },
    // Without a font Chromium draws no letters, and pages have no height.
    Program {
        package: "fonts-dejavu-core",
        probe: || {
            let mut command = Command::new("sh");
            command.args(["-c", "find /usr/share/fonts -name '*.ttf' -o -name '*.otf' | grep -q ."]);
            command
        },
    },
];

/// Counts instructions for the benchmark.
pub(crate) const VALGRIND: Program = Program { package: "valgrind", probe: || version_of("valgrind") };

/// Runs Keycloak, and fetches it.
pub(crate) const FOR_KEYCLOAK: [Program; 2] = [
    Program {
        package: "default-jre-headless",
        probe: || {
            let mut command = Command::new("java");
            command.arg("-version");
            command
        },
    },
    Program { package: "maven", probe: || version_of("mvn") },
];

/// A command that prints a program's version.
pub(crate) fn version_of(program: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("--version");
    command
}

/// Installs what is missing, where that is possible, and otherwise names it.
pub(crate) fn install_programs(programs: &[Program], purpose: &str) -> Result<()> {
    let missing = missing_packages(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let Some(root) = Root::reach().filter(|_| is_debian()) else {
        bail!("programs for {purpose} are not installed; install these packages (Debian's names): {list}");
    };
    eprintln!("==> {list} for {purpose}: installing with apt-get");
    root.update()?;
    root.install(&missing)?;
    let missing = missing_packages(programs);
    if !missing.is_empty() {
        bail!("installed, and still not usable: {}", missing.join(" "));
    }
    Ok(())
}

fn missing_packages(programs: &[Program]) -> Vec<&'static str> {
    programs
        .iter()
        .filter(|program| !succeeds(&mut (program.probe)()))
        .map(|program| program.package)
        .collect()
}

/// Installs PostgreSQL's server. The package would make a cluster and start it; a setting of the package keeps it
/// from that, and is put back afterwards.
pub(crate) fn install_postgresql() -> Result<()> {
    if !is_debian() {
        bail!(
            "PostgreSQL is not installed: install its server, so that initdb and postgres are in the search path"
        );
    }
    let Some(root) = Root::reach() else {
        bail!("PostgreSQL is not installed, and only root can install it: apt-get install postgresql");
    };
    root.update()?;
    root.install(&["postgresql-common"])?;
    root.run("no cluster of its own", &["sed", "-i.before", "1i create_main_cluster = false", CLUSTERS])?;
    let installed = root.install(&["postgresql"]);
    root.run("the package's setting as it was", &["mv", &format!("{CLUSTERS}.before"), CLUSTERS])?;
    installed
}

fn is_debian() -> bool {
    succeeds(&mut version_of("apt-get"))
}

/// Who may install: what a command has to begin with to be root's.
struct Root(&'static [&'static str]);

impl Root {
    /// Whether this process is root, or sudo makes it so without a question.
    fn reach() -> Option<Self> {
        if output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
            return Some(Self(&[]));
        }
        succeeds(Command::new("sudo").args(["-n", "true"])).then_some(Self(&["sudo", "-n"]))
    }

    fn run(&self, heading: &str, words: &[&str]) -> Result<()> {
        let mut words = self.0.iter().chain(words);
        let Some(program) = words.next() else { return Ok(()) };
        step(heading, Command::new(program).args(words))
    }

    fn update(&self) -> Result<()> {
        self.run("apt-get update", &["apt-get", "update", "--quiet"])
    }

    fn install(&self, packages: &[&str]) -> Result<()> {
        // Debian's own sudo passes no variables on.
        let mut words =
            vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--quiet", "--yes"];
        words.push("--no-install-recommends");
        words.extend(packages);
        self.run(&format!("apt-get install {}", packages.join(" ")), &words)
    }
}
