//! The one place that names storage backends: which there are, how a configuration chooses, and how each is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use symbolon_core::store::Store;
use symbolon_store_postgres::{DatabaseUrl, PostgresStore};
use symbolon_store_sqlite::SqliteStore;

use crate::config::within;
use crate::{files, key_files};

/// Where everything is kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// SQLite, in files of a folder.
    Folder(PathBuf),
    /// A database on a PostgreSQL server. It is never shown with its password.
    Postgres {
        /// Where it is.
        url: Box<DatabaseUrl>,
        /// At most so many connections to it, if not the usual number.
        connections: Option<u32>,
    },
}

impl From<&Path> for Database {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<&PathBuf> for Database {
    fn from(folder: &PathBuf) -> Self {
        Self::Folder(folder.clone())
    }
}

/// The address of a database as it was given, which may hold a password.
#[derive(Clone)]
pub struct UrlText(String);

impl From<String> for UrlText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for UrlText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UrlText(…)")
    }
}

/// What can be said about the database besides the data folder.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The address itself.
    pub url: Option<UrlText>,
    /// A file that holds it.
    pub url_file: Option<PathBuf>,
    /// At most so many connections.
    pub connections: Option<u32>,
}

impl Database {
    /// The PostgreSQL database that was chosen, or else SQLite in the data folder.
    pub fn choose(choice: &Choice, data: &Path) -> anyhow::Result<Self> {
        let text = match (&choice.url, &choice.url_file) {
            (None, None) if choice.connections.is_some() => {
                bail!("database_connections is for PostgreSQL: set database_url too, or leave it out")
            }
            (None, None) => return Ok(data.into()),
            (Some(_), Some(_)) => bail!("database_url and database_url_file are both set: leave one out"),
            (Some(UrlText(text)), None) => text.clone(),
            (None, Some(path)) => {
                key_files::refuse_public(path, "database URL")?;
                let read = std::fs::read_to_string(path);
                read.with_context(|| format!("the database URL in {}", path.display()))?
            }
        };
        let connections = choice.connections;
        if let Some(connections) = connections {
            within("database_connections", connections.into(), 5..=1000)?;
        }
        Ok(Self::Postgres { url: Box::new(text.parse()?), connections })
    }

    /// Makes the folder if it is not there, for its owner alone.
    pub fn make_folder(&self) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) => files::private_folder(folder),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// The folder of the database's files, if it has one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Postgres { .. } => None,
        }
    }

    /// Whether an installation has been made in it, as far as can be told without opening it.
    pub fn has_data(&self) -> Option<bool> {
        match self {
            Self::Folder(folder) => Some(symbolon_store_sqlite::is_in(folder)),
            Self::Postgres { .. } => None,
        }
    }

    /// Refuses a folder that is not there, for commands that make nothing.
    pub fn expect_there(&self) -> anyhow::Result<()> {
        match self {
            Self::Folder(folder) if !folder.is_dir() => bail!("there is no data folder {}", folder.display()),
            _ => Ok(()),
        }
    }
}

/// Opens a store, made and migrated where need be.
pub async fn open(database: impl Into<Database>) -> anyhow::Result<Arc<dyn Store>> {
    match database.into() {
        Database::Folder(folder) => {
            let store = SqliteStore::open(&folder, &symbolon_store_sqlite::Options::default()).await;
            let store =
                store.with_context(|| format!("the database in {} cannot be opened", folder.display()));
            Ok(Arc::new(store?))
        }
        Database::Postgres { url, connections } => {
            let mut options = symbolon_store_postgres::Options::default();
            options.connections = connections.unwrap_or(options.connections);
            Ok(Arc::new(PostgresStore::open(&url, &options).await?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Database, UrlText};
    use std::path::Path;

    const URL: &str = "postgres://role:canary@db.example/auth";

    fn choice(url: Option<&str>, url_file: Option<&Path>) -> Choice {
        Choice {
            url: url.map(|url| UrlText::from(url.to_owned())),
            url_file: url_file.map(Path::to_owned),
            connections: None,
        }
    }

    #[test]
    fn without_an_address_it_is_the_data_folder() {
        let chosen = Database::choose(&choice(None, None), Path::new("d")).unwrap();
        assert!(matches!(chosen, Database::Folder(folder) if folder == Path::new("d")));
    }

    #[test]
    fn a_number_of_connections_is_refused_where_it_means_nothing_or_cannot_be() {
        for (url, connections) in [(None, 10), (Some(URL), 4), (Some(URL), u32::MAX)] {
            let given = Choice { connections: Some(connections), ..choice(url, None) };
            let error = Database::choose(&given, Path::new("d")).unwrap_err().to_string();
            assert!(error.contains("database_connections"), "{error}");
        }
        let given = Choice { connections: Some(5), ..choice(Some(URL), None) };
        assert!(Database::choose(&given, Path::new("d")).is_ok());
    }

    #[test]
    fn an_address_comes_from_a_private_file_as_well() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, format!("{URL}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let chosen = Database::choose(&choice(None, Some(&file)), Path::new("d")).unwrap();
        assert!(matches!(chosen, Database::Postgres { .. }), "{chosen:?}");
        let both = Database::choose(&choice(Some(URL), Some(&file)), Path::new("d")).unwrap_err();
        assert!(both.to_string().contains("leave one out"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let public = Database::choose(&choice(None, Some(&file)), Path::new("d")).unwrap_err();
        assert!(public.to_string().contains("chmod 600"), "{public}");
    }

    #[test]
    fn nothing_shows_the_password() {
        let given = choice(Some(URL), None);
        let chosen = Database::choose(&given, Path::new("d")).unwrap();
        let broken = Database::choose(&choice(Some("postgres://a:canary@b:c/d"), None), Path::new("d"));
        let shown = format!("{given:?} {chosen:?} {broken:?} {:#}", broken.as_ref().unwrap_err());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
