//! Which installation a command is about: the server of a profile, or the one on this machine.

use clap::Args;

use crate::manage::failure::Failure;
use crate::manage::local_options::LocalOptions;
use crate::manage::profile::{self, Profile};

/// Where a command goes, and as whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Where, and how")]
pub struct Place {
    /// The profile to use; the default one where none is named. It means nothing with --local.
    #[arg(long, value_name = "NAME", env = "SYMBOLON_PROFILE", global = true)]
    pub profile: Option<String>,
    /// Work on the installation on this machine, without a server (--help shows how its folder, database and keys are
    /// named).
    #[arg(long, global = true)]
    pub local: bool,
    /// The installation on this machine, for `--local`.
    #[command(flatten)]
    pub installation: LocalOptions,
}

/// The installation that was meant.
pub enum Meant {
    /// The one on this machine.
    Local(Box<LocalOptions>),
    /// The one of a profile, with its name.
    Remote(String, Box<Profile>),
}

impl Place {
    /// For commands of which each is one request: `--local` must be said.
    pub fn find(self) -> Result<Meant, Failure> {
        if self.local {
            return Ok(Meant::Local(Box::new(self.installation)));
        }
        if let Some(flag) = self.installation.given() {
            return Err(Failure::usage(format!(
                "{flag} is for the installation on this machine: say --local too, or leave it out"
            )));
        }
        remote(self.profile)
    }

    /// For commands that set up or move an installation as a whole, which may be there before any server and any
    /// profile: to name its folder, database or configuration, by a flag or by a variable, is to mean it. A profile
    /// that is named goes before variables.
    pub fn find_whole(self) -> Result<Meant, Failure> {
        let is_named = self.local || self.installation.given().is_some();
        if is_named || (self.profile.is_none() && self.installation.variable().is_some()) {
            return Ok(Meant::Local(Box::new(self.installation)));
        }
        remote(self.profile)
    }
}

fn remote(name: Option<String>) -> Result<Meant, Failure> {
    let (name, profile) = profile::choose(name)?;
    Ok(Meant::Remote(name, Box::new(profile)))
}
