//! Profiles: which server a command goes to, and as which client. A profile holds a client's secret, so the file is
//! private, and no command shows what it holds.

mod file;
pub mod source;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

use crate::manage::failure::{Done, Failure};
pub use crate::manage::profile::file::{Profile, Profiles, path};
use crate::manage::render::{Screen, table::Table};
use crate::manage::{secrets, transport};

/// What can be done with profiles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Remember a server and a client's credentials there.
    ///
    /// The secret is read from --secret-file, or from standard input; it is never an argument.
    Add(Box<Add>),
    /// Show the profiles, without their secrets.
    List,
    /// Use a profile where none is named.
    Use {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Forget a profile. Its client goes on existing.
    Remove {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// `symbolon profile add`
#[derive(Debug, Args)]
pub struct Add {
    /// Its name.
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// The server's address.
    #[arg(long, value_name = "URL")]
    url: String,
    /// The client's id, or that of one of its access keys.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    client_id: String,
    /// The file with the secret; standard input where it is left out.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The realm of the client; the one that the address belongs to where it is left out.
    #[arg(long, value_name = "REALM", value_parser = NonEmptyStringValueParser::new())]
    realm: Option<String>,
    /// The organization of commands that name none.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    organization: Option<String>,
    /// Use it where no profile is named. The first one is used so anyway.
    #[arg(long)]
    default: bool,
    /// Put it in the place of the profile of that name.
    #[arg(long)]
    replace: bool,
    /// Let the secret go over plain http to another machine.
    #[arg(long)]
    allow_http: bool,
}

/// Runs the command.
pub fn run(verb: Verb) -> Done {
    let path = path()?;
    let mut profiles = Profiles::read(&path)?;
    match verb {
        Verb::List => list(&profiles),
        Verb::Add(add) => {
            let Add { name, url, client_id, secret_file, realm, organization, default, replace, allow_http } =
                *add;
            let url = transport::check_url(&url, allow_http)?;
            if !replace {
                refuse_taken(&profiles, &name, "say --replace")?;
            }
            let client_secret = secrets::read(secret_file.as_deref(), "secret")?;
            let profile = Profile { realm, organization, ..Profile::new(url, client_id, client_secret) };
            profiles.keep(&name, profile, default, &path)?;
            eprintln!("Profile {name} is kept in {}.", path.display());
            Ok(())
        }
        Verb::Use { name } => {
            find(&profiles, &name)?;
            profiles.default = Some(name);
            Ok(profiles.write(&path)?)
        }
        Verb::Remove { name } => {
            find(&profiles, &name)?;
            profiles.profiles.remove(&name);
            if profiles.default.as_ref() == Some(&name) {
                profiles.default = None;
            }
            profiles.write(&path)?;
            eprintln!("Profile {name} is forgotten; its client still exists.");
            Ok(())
        }
    }
}

impl Profiles {
    /// Keeps a profile. The first one is the default one.
    pub fn keep(&mut self, name: &str, profile: Profile, default: bool, path: &Path) -> Done {
        self.profiles.insert(name.to_owned(), profile);
        if default || self.default.is_none() {
            self.default = Some(name.to_owned());
        }
        Ok(self.write(path)?)
    }
}

fn find<'a>(profiles: &'a Profiles, name: &str) -> Result<&'a Profile, Failure> {
    let known: Vec<&str> = profiles.profiles.keys().map(String::as_str).collect();
    profiles.profiles.get(name).ok_or_else(|| match known.as_slice() {
        [] => Failure::usage(format!("there is no profile {name}: make one with `symbolon profile add`")),
        known => Failure::usage(format!("there is no profile {name}; there are: {}", known.join(", "))),
    })
}

/// Refuses a name that a profile has, and says what else to do than to choose another one.
pub fn refuse_taken(profiles: &Profiles, name: &str, or_else: &str) -> Done {
    if profiles.profiles.contains_key(name) {
        return Err(Failure::usage(format!(
            "there is a profile {name} already: choose another name, or {or_else}"
        )));
    }
    Ok(())
}

/// The profile of a command: the one that it names, or the default one.
pub fn choose(named: Option<String>) -> Result<(String, Profile), Failure> {
    let path = path()?;
    let mut profiles = Profiles::read(&path)?;
    let Some(name) = named.or_else(|| profiles.default.clone()) else {
        return Err(Failure::usage(
            "where to? Name a profile with --profile (`symbolon profile add` makes one), or say --local to work on the \
             installation on this machine",
        ));
    };
    find(&profiles, &name)?;
    let profile = profiles.profiles.remove(&name);
    profile.map(|profile| (name, profile)).ok_or_else(|| Failure::usage("there is no such profile"))
}

fn list(profiles: &Profiles) -> Done {
    let screen = Screen::find();
    let mut table = Table::new(&[
        ("NAME", false),
        ("DEFAULT", false),
        ("URL", true),
        ("CLIENT", false),
        ("REALM", true),
        ("ORGANIZATION", true),
    ]);
    for (name, profile) in &profiles.profiles {
        let is_default = profiles.default.as_ref() == Some(name);
        let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row(vec![
            name.clone(),
            if is_default { "yes" } else { "" }.to_owned(),
            profile.url.clone(),
            profile.client_id.clone(),
            or_none(&profile.realm),
            or_none(&profile.organization),
        ]);
    }
    screen.write(&table.render(&screen))
}
