//! Where the installation on this machine is, for commands that work on it without a server. The flags and variables
//! are those of `symbolon apply` that concern data and keys; a command that manages does not listen.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, Flags};
use crate::open_store::UrlText;

/// Where the installation is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The installation on this machine")]
pub struct LocalOptions {
    /// The configuration file of the server, in TOML.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_CONFIG", global = true, hide_short_help = true)]
    pub config: Option<PathBuf>,
    /// The folder of the keys, and of the database files unless there is a database URL.
    #[arg(long, value_name = "DIR", env = "SYMBOLON_DATA", global = true, hide_short_help = true)]
    pub data: Option<PathBuf>,
    /// The PostgreSQL database to use instead of files in the data folder.
    #[arg(
        long,
        value_name = "URL",
        env = "SYMBOLON_DATABASE_URL",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub database_url: Option<UrlText>,
    /// A file with that URL, for the owner's eyes alone.
    #[arg(
        long,
        value_name = "FILE",
        env = "SYMBOLON_DATABASE_URL_FILE",
        global = true,
        hide_short_help = true
    )]
    pub database_url_file: Option<PathBuf>,
    /// The public address of the installation, from which issuers derive.
    #[arg(long, value_name = "URL", env = "SYMBOLON_BASE_URL", global = true, hide_short_help = true)]
    pub base_url: Option<String>,
    /// The file of the master keys.
    #[arg(
        long,
        value_name = "FILE",
        env = "SYMBOLON_MASTER_KEY_FILE",
        global = true,
        hide_short_help = true
    )]
    pub master_key_file: Option<PathBuf>,
    /// The file of the peppers.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_PEPPER_FILE", global = true, hide_short_help = true)]
    pub pepper_file: Option<PathBuf>,
    /// The realm of requests to host names that no realm owns.
    #[arg(long, value_name = "REALM", env = "SYMBOLON_DEFAULT_REALM", global = true, hide_short_help = true)]
    pub default_realm: Option<String>,
}

impl LocalOptions {
    /// The settings in force.
    pub fn load(self) -> anyhow::Result<Config> {
        let Self {
            config,
            data,
            database_url,
            database_url_file,
            base_url,
            master_key_file,
            pepper_file,
            default_realm,
        } = self;
        Config::load(Flags {
            config,
            data,
            database_url,
            database_url_file,
            base_url,
            master_key_file,
            pepper_file,
            default_realm,
            ..Flags::default()
        })
    }
}
