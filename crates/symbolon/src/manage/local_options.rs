//! Where the installation on this machine is, for commands that work on it without a server. The flags and variables
//! are those of `symbolon apply` that concern data and keys; a command that manages does not listen.
//!
//! The variables are read here and not by clap: a flag without `--local` is a mistake, a variable is not.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, Flags};
use crate::open_store::UrlText;

/// Where the installation is. Each flag has the variable that the server has for it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The installation on this machine")]
pub struct LocalOptions {
    /// The configuration file of the server, in TOML [env: SYMBOLON_CONFIG].
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true)]
    pub config: Option<PathBuf>,
    /// The folder of the keys, and of the database files unless there is a database URL [env: SYMBOLON_DATA].
    #[arg(long, value_name = "DIR", global = true, hide_short_help = true)]
    pub data: Option<PathBuf>,
    /// The PostgreSQL database to use instead of files in the data folder. Other users of the machine can read a
    /// flag: give a password by the variable or by a file [env: SYMBOLON_DATABASE_URL].
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub database_url: Option<UrlText>,
    /// A file with that URL, for the owner's eyes alone [env: SYMBOLON_DATABASE_URL_FILE].
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true)]
    pub database_url_file: Option<PathBuf>,
    /// The public address of the installation, from which issuers derive [env: SYMBOLON_BASE_URL].
    #[arg(long, value_name = "URL", global = true, hide_short_help = true)]
    pub base_url: Option<String>,
    /// The file of the master keys [env: SYMBOLON_MASTER_KEY_FILE].
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true)]
    pub master_key_file: Option<PathBuf>,
    /// The file of the peppers [env: SYMBOLON_PEPPER_FILE].
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true)]
    pub pepper_file: Option<PathBuf>,
    /// The realm of requests to host names that no realm owns [env: SYMBOLON_DEFAULT_REALM].
    #[arg(long, value_name = "REALM", global = true, hide_short_help = true)]
    pub default_realm: Option<String>,
}

impl LocalOptions {
    /// The flag that was given, if one was.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            (self.config.is_some(), "--config"),
            (self.data.is_some(), "--data"),
            (self.database_url.is_some(), "--database-url"),
            (self.database_url_file.is_some(), "--database-url-file"),
            (self.base_url.is_some(), "--base-url"),
            (self.master_key_file.is_some(), "--master-key-file"),
            (self.pepper_file.is_some(), "--pepper-file"),
            (self.default_realm.is_some(), "--default-realm"),
        ];
        given.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    /// The variable that names an installation, if one does.
    pub fn variable(&self) -> Option<&'static str> {
        let names =
            ["SYMBOLON_CONFIG", "SYMBOLON_DATA", "SYMBOLON_DATABASE_URL", "SYMBOLON_DATABASE_URL_FILE"];
        names.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    }

    /// Whether it is said under which address people reach the installation: else it is the usual one of this machine.
    pub fn knows_base(&self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_given = self.base_url.is_some() || self.config.is_some();
        is_given || is_set("SYMBOLON_BASE_URL") || is_set("SYMBOLON_CONFIG")
    }

    /// The settings in force.
    pub fn load(self) -> anyhow::Result<Config> {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        Config::load(Flags {
            config: self.config.or_else(|| path("SYMBOLON_CONFIG")),
            data: self.data.or_else(|| path("SYMBOLON_DATA")),
            database_url: self.database_url.or_else(|| text("SYMBOLON_DATABASE_URL").map(UrlText::from)),
            database_url_file: self.database_url_file.or_else(|| path("SYMBOLON_DATABASE_URL_FILE")),
            base_url: self.base_url.or_else(|| text("SYMBOLON_BASE_URL")),
            master_key_file: self.master_key_file.or_else(|| path("SYMBOLON_MASTER_KEY_FILE")),
            pepper_file: self.pepper_file.or_else(|| path("SYMBOLON_PEPPER_FILE")),
            default_realm: self.default_realm.or_else(|| text("SYMBOLON_DEFAULT_REALM")),
            ..Flags::default()
        })
    }
}
