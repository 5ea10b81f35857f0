//! Installing from Debian's archive, as root or by sudo where it asks for nothing.

use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{output, step, succeeds};

const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";

/// Installs PostgreSQL's server. The package would make a cluster and start it; a setting of the package keeps it
/// from that, and is put back afterwards.
pub(crate) fn install_postgresql() -> Result<()> {
    let by = superuser()?;
    let run = |heading: &str, arguments: &[&str]| {
        let mut words = by.iter().chain(arguments);
        let Some(program) = words.next() else { return Ok(()) };
        step(heading, Command::new(program).args(words))
    };
    let install = |package| {
        let heading = format!("apt-get install {package}");
        let arguments =
            ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--quiet", "--yes", package];
        run(&heading, &[&arguments[..], &["--no-install-recommends"]].concat())
    };
    run("apt-get update", &["apt-get", "update", "--quiet"])?;
    install("postgresql-common")?;
    run("no cluster of its own", &["sed", "-i.before", "1i create_main_cluster = false", CLUSTERS])?;
    let installed = install("postgresql");
    run("the package's setting as it was", &["mv", &format!("{CLUSTERS}.before"), CLUSTERS])?;
    installed
}

/// What a command has to begin with to be root's.
fn superuser() -> Result<&'static [&'static str]> {
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!(
            "PostgreSQL is not installed: install its server, so that initdb and postgres are in the search path"
        );
    }
    if output(Command::new("id").arg("-u"))?.trim() == "0" {
        return Ok(&[]);
    }
    if succeeds(Command::new("sudo").args(["-n", "true"])) {
        return Ok(&["sudo", "-n"]);
    }
    bail!("PostgreSQL is not installed, and only root can install it: apt-get install postgresql")
}
