//! The file of the profiles: `$XDG_CONFIG_HOME/symbolon/profiles.toml`, for its owner's eyes alone.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use symbolon_core::secret::Secret;
use toml::{Table, Value};

use crate::files;
use crate::manage::profile::source::Dialect;

/// A server, and who one is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The server's address, without a slash at its end.
    pub url: String,
    /// The realm of the client; the one that the address belongs to where it is absent.
    pub realm: Option<String>,
    /// The organization of commands that name none.
    pub organization: Option<String>,
    /// The client, or in v1 the email.
    pub client_id: String,
    /// Its secret, unless a command tells it.
    pub client_secret: Option<Secret>,
    /// The command that tells the secret, and its arguments.
    pub secret_command: Option<Vec<String>>,
    /// How the server wants to be asked.
    #[serde(default)]
    pub dialect: Dialect,
    /// The issuer in whose metadata the token endpoint is found.
    pub issuer: Option<String>,
    /// The token endpoint, where it is not Symbolon's.
    pub token_url: Option<String>,
    /// The API that tokens are for.
    pub audience: Option<String>,
    /// The scopes to ask for.
    pub scope: Option<String>,
}

impl Profile {
    /// A client of a Symbolon server.
    pub fn new(url: String, client_id: String, client_secret: Secret) -> Self {
        Self {
            url,
            realm: None,
            organization: None,
            client_id,
            client_secret: Some(client_secret),
            secret_command: None,
            dialect: Dialect::default(),
            issuer: None,
            token_url: None,
            audience: None,
            scope: None,
        }
    }
}

/// All profiles.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The one of commands that name none.
    pub default: Option<String>,
    /// By name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

/// Where the profiles are.
pub fn path() -> anyhow::Result<PathBuf> {
    let folder =
        |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let base = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    let base = base.context("there is no place for profiles: set HOME or XDG_CONFIG_HOME")?;
    Ok(base.join("symbolon").join("profiles.toml"))
}

impl Profiles {
    /// Reads the file; none is no profiles. One that others can read is refused: its secrets may be known already.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
            Ok(file) => {
                refuse_shared(path, file.mode(), 0o077)?;
                if let Some(folder) = path.parent() {
                    refuse_shared(folder, std::fs::metadata(folder)?.mode(), 0o022)?;
                }
                std::fs::read_to_string(path).with_context(|| path.display().to_string())?
            }
        };
        // The error's own text would show the line, which may hold a secret.
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            anyhow::anyhow!("{}, line {line} cannot be read", path.display())
        })
    }

    /// Writes the file in one step.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut profiles = Table::new();
        for (name, profile) in &self.profiles {
            let members = [
                ("url", Some(profile.url.as_str())),
                ("realm", profile.realm.as_deref()),
                ("organization", profile.organization.as_deref()),
                ("client_id", Some(&profile.client_id)),
                ("client_secret", profile.client_secret.as_ref().map(Secret::expose)),
                ("dialect", (profile.dialect != Dialect::default()).then(|| profile.dialect.name())),
                ("issuer", profile.issuer.as_deref()),
                ("token_url", profile.token_url.as_deref()),
                ("audience", profile.audience.as_deref()),
                ("scope", profile.scope.as_deref()),
            ];
            let text = |(name, value): (&str, Option<&str>)| {
                value.map(|value| (name.to_owned(), Value::String(value.to_owned())))
            };
            let mut table: Table = members.into_iter().filter_map(text).collect();
            if let Some(command) = &profile.secret_command {
                let words = command.iter().cloned().map(Value::String).collect();
                table.insert("secret_command".to_owned(), Value::Array(words));
            }
            profiles.insert(name.clone(), Value::Table(table));
        }
        let mut whole = Table::new();
        if let Some(default) = &self.default {
            whole.insert("default".to_owned(), Value::String(default.clone()));
        }
        whole.insert("profiles".to_owned(), Value::Table(profiles));
        let folder = path.parent().context("the folder of the profiles")?;
        files::private_folder(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
            .with_context(|| folder.display().to_string())?;
        files::replace_private(path, toml::to_string(&whole)?.as_bytes())
    }
}

fn refuse_shared(path: &Path, mode: u32, others: u32) -> anyhow::Result<()> {
    if mode & others == 0 {
        return Ok(());
    }
    let (right, remedy) = if others == 0o077 { ("open", "600") } else { ("change", "700") };
    bail!(
        "others can {right} {path}, which holds secrets: make it private (chmod {remedy} {path}), and rotate the keys \
         if somebody may have read them",
        path = path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Profiles {
        let secret = Secret::new("canary\\secret".to_owned());
        let profile = Profile {
            organization: Some("acme \"quoted\"".to_owned()),
            ..Profile::new("https://auth.example".to_owned(), "cli_1".to_owned(), secret)
        };
        let other = Profile {
            client_secret: None,
            secret_command: Some(vec!["pass".to_owned(), "show".to_owned()]),
            dialect: Dialect::AccessKey,
            audience: Some("https://api.example".to_owned()),
            ..profile.clone()
        };
        let profiles = [("a".to_owned(), profile), ("b".to_owned(), other)].into();
        Profiles { default: Some("a".to_owned()), profiles }
    }

    #[test]
    fn what_was_written_is_read_and_only_the_owner_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("symbolon").join("profiles.toml");
        assert!(Profiles::read(&path).unwrap().profiles.is_empty());
        profiles().write(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let read = Profiles::read(&path).unwrap();
        assert_eq!(read.default.as_deref(), Some("a"));
        let secret = |name: &str| read.profiles[name].client_secret.as_ref().map(Secret::expose);
        assert_eq!((secret("a"), secret("b")), (Some("canary\\secret"), None));
        assert_eq!(
            read.profiles["b"].secret_command.as_deref(),
            Some(["pass", "show"].map(str::to_owned).as_slice())
        );
        assert_eq!(
            (read.profiles["a"].dialect, read.profiles["b"].dialect),
            (Dialect::Form, Dialect::AccessKey)
        );
        assert_eq!(read.profiles["a"].organization.as_deref(), Some("acme \"quoted\""));
        assert!(!format!("{read:?}").contains("canary"));
    }

    #[test]
    fn a_file_that_others_can_read_or_replace_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("symbolon").join("profiles.toml");
        profiles().write(&path).unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o640, 0o604] {
            set(&path, mode);
            assert!(Profiles::read(&path).unwrap_err().to_string().contains("chmod 600"), "{mode:o}");
        }
        set(&path, 0o600);
        set(path.parent().unwrap(), 0o770);
        assert!(Profiles::read(&path).unwrap_err().to_string().contains("chmod 700"));
    }

    #[test]
    fn a_broken_file_is_told_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.toml");
        files::replace_private(&path, b"[profiles.a]\nclient_secret = canary").unwrap();
        let error = format!("{:#}", Profiles::read(&path).unwrap_err());
        assert!(error.contains("line 2") && !error.contains("canary"), "{error}");
    }
}
