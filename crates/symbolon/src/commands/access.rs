//! What the commands that call APIs share: whose token, for what, and the cache that their runs have in common.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use symbolon_client::{Builder, Error, ReqwestTransport, TokenSource};

use crate::manage::failure::Failure;
use crate::manage::profile::{self, Profile, source};
use crate::manage::transport;

/// Whose token, and for what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Whose token, and for what")]
pub struct Access {
    /// The profile to use (`symbolon login` makes one); the default one where none is named.
    #[arg(long, value_name = "NAME", env = "SYMBOLON_PROFILE")]
    pub profile: Option<String>,
    /// The API that the token is for; the profile's where it is left out.
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    pub audience: Option<String>,
    /// The scopes to ask for, space separated; the profile's where they are left out.
    #[arg(long, value_name = "SCOPES", value_parser = NonEmptyStringValueParser::new())]
    pub scope: Option<String>,
    /// Neither use tokens of earlier runs, nor keep one for later ones.
    #[arg(long)]
    pub no_cache: bool,
    /// How long to wait for a token while the server cannot give one.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub wait: u64,
}

/// A source of tokens, and what to call it.
pub struct Opened {
    /// The tokens.
    pub tokens: TokenSource,
    name: String,
    profile: Profile,
}

impl Access {
    /// Finds the profile, and what its tokens come from. Nothing is sent yet.
    pub fn open(&self, adapt: impl FnOnce(Builder) -> Builder) -> Result<Opened, Failure> {
        let (name, profile) = profile::choose(self.profile.clone())?;
        let builder = profile.source(self.audience.as_deref(), self.scope.as_deref())?;
        let mut builder = adapt(builder.patience(Duration::from_secs(self.wait)));
        if !self.no_cache
            && let Some(folder) = cache()
        {
            builder = builder.cache(folder);
        }
        let built = builder.transport(ReqwestTransport::with_client(transport::http_client()?)).build();
        let tokens = built.map_err(|error| source::failure(&error, &name, &profile))?;
        Ok(Opened { tokens, name, profile })
    }
}

impl Opened {
    /// What an error means for a command.
    pub fn failure(&self, error: &Error) -> Failure {
        source::failure(error, &self.name, &self.profile)
    }
}

/// Where tokens of earlier runs are: `$XDG_CACHE_HOME/symbolon/tokens`.
fn cache() -> Option<PathBuf> {
    let folder =
        |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let base = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("symbolon").join("tokens"))
}
