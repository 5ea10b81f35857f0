//! The sources themselves: in memory for reading, in one file for the next start.
//!
//! A change is answered only when the file is written. The file is written whole, so there is no state between.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use symbolon_core::clock::Clock;
use symbolon_core::id::{Id, Identified};
use symbolon_core::random::{NoRandomness, SystemRandom};

use crate::error::SandboxError;
use crate::file;

/// What a caller may not set; it is ignored, so that what was read can be sent back changed.
const OURS: [&str; 5] = ["id", "account_id", "public", "created_at", "updated_at"];
const LONGEST_NAME: usize = 200;

/// A source of emissions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Its id.
    pub(crate) id: String,
    /// The account that it belongs to; a public one belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it was last changed.
    pub(crate) updated_at: String,
    /// What its account says of it.
    #[serde(flatten)]
    pub(crate) details: Details,
}

impl Identified for Source {
    const PREFIX: &'static str = "src";
}

impl Source {
    /// The source as the API shows it.
    pub(crate) fn view(&self) -> Value {
        let mut view = serde_json::to_value(self).unwrap_or_default();
        view["public"] = self.account_id.is_none().into();
        view
    }
}

/// What an account says of a source: a name, the methodology, and whatever else it likes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Details {
    /// A name for people.
    pub(crate) name: String,
    /// How emissions are determined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) methodology: Option<String>,
    /// Everything else, kept as it came.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

impl Details {
    /// Reads a body. The error says what to send instead.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        const LIKE: &str = r#"like {"name": "Paddock 7", "methodology": "Agriculture"}"#;
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| format!("The body is not JSON ({error}); send an object {LIKE}"))?;
        let Value::Object(mut more) = value else {
            return Err(format!("The body must be a JSON object {LIKE}"));
        };
        for name in OURS {
            more.remove(name);
        }
        let Some(name) = text(&mut more, "name")? else {
            return Err(format!("The member \"name\" is missing; send an object {LIKE}"));
        };
        Ok(Self { name, methodology: text(&mut more, "methodology")?, more })
    }
}

/// Takes a member that is a text; null and absent are the same.
fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match text.trim() {
            "" => Err(format!("The member \"{name}\" is empty; give it some text")),
            text if text.chars().count() > LONGEST_NAME => {
                Err(format!("The member \"{name}\" has more than {LONGEST_NAME} characters; shorten it"))
            }
            text => Ok(Some(text.to_owned())),
        },
        Some(_) => Err(format!("The member \"{name}\" must be a text")),
    }
}

/// Why a source was not found or not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// There is none of that id that the account may see.
    #[error("there is no such source")]
    NotFound,
    /// It is public.
    #[error("public sources cannot be changed")]
    Public,
    /// The file could not be written, so nothing was changed.
    #[error("the sources could not be written: {0}")]
    NotWritten(#[from] io::Error),
    /// No randomness for an id.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

type Own = BTreeMap<String, Source>;

/// Every account's sources, and the public ones.
pub(crate) struct Sources {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    public: Vec<Source>,
    /// What the file holds; readers never wait for the disk.
    own: RwLock<Arc<Own>>,
    /// Held while the file is written: one change after the other.
    writing: Mutex<()>,
}

impl Sources {
    /// Reads the file, if there is one.
    pub(crate) fn open(
        path: PathBuf,
        public: Vec<Source>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SandboxError> {
        let kept: Vec<Source> = match file::read(&path).map_err(SandboxError::file(&path))? {
            Some(text) => serde_json::from_slice(&text).map_err(SandboxError::damaged(&path))?,
            None => Vec::new(),
        };
        let own = kept.into_iter().map(|source| (source.id.clone(), source)).collect();
        Ok(Self { path, clock, public, own: RwLock::new(Arc::new(own)), writing: Mutex::new(()) })
    }

    /// What an account sees, the public ones first, then its own in the order in which they were made.
    pub(crate) fn list(&self, account: &str, methodology: Option<&str>) -> Vec<Source> {
        let own = self.own();
        let own = own.values().filter(|source| source.account_id.as_deref() == Some(account));
        let fits = |source: &&Source| {
            methodology.is_none_or(|wanted| source.details.methodology.as_deref() == Some(wanted))
        };
        self.public.iter().chain(own).filter(fits).cloned().collect()
    }

    /// One source that an account sees.
    pub(crate) fn find(&self, account: &str, id: &str) -> Result<Source, SourceError> {
        if let Some(public) = self.public.iter().find(|source| source.id == id) {
            return Ok(public.clone());
        }
        self.owned(&self.own(), account, id)
    }

    /// Adds a source.
    pub(crate) fn insert(&self, account: &str, details: Details) -> Result<Source, SourceError> {
        self.change(|own| {
            let now = self.clock.now();
            let source = Source {
                id: Id::<Source>::generate(now, &SystemRandom)?.to_string(),
                account_id: Some(account.to_owned()),
                created_at: now.to_string(),
                updated_at: now.to_string(),
                details,
            };
            own.insert(source.id.clone(), source.clone());
            Ok(source)
        })
    }

    /// Replaces what is said of a source.
    pub(crate) fn replace(&self, account: &str, id: &str, details: Details) -> Result<Source, SourceError> {
        self.change(|own| {
            let before = self.owned(own, account, id)?;
            let after = Source { updated_at: self.clock.now().to_string(), details, ..before };
            own.insert(after.id.clone(), after.clone());
            Ok(after)
        })
    }

    /// Removes a source.
    pub(crate) fn remove(&self, account: &str, id: &str) -> Result<(), SourceError> {
        self.change(|own| {
            self.owned(own, account, id)?;
            own.remove(id);
            Ok(())
        })
    }

    fn own(&self) -> Arc<Own> {
        Arc::clone(&self.own.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A source that an account may change. Another account's does not exist for it.
    fn owned(&self, own: &Own, account: &str, id: &str) -> Result<Source, SourceError> {
        if self.public.iter().any(|source| source.id == id) {
            return Err(SourceError::Public);
        }
        let found = own.get(id).filter(|source| source.account_id.as_deref() == Some(account));
        found.cloned().ok_or(SourceError::NotFound)
    }

    /// Works on a copy, and puts it in place once it is on the disk.
    fn change<T>(&self, change: impl FnOnce(&mut Own) -> Result<T, SourceError>) -> Result<T, SourceError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = Own::clone(&self.own());
        let changed = change(&mut own)?;
        let mut text =
            serde_json::to_vec_pretty(&own.values().collect::<Vec<_>>()).map_err(io::Error::other)?;
        text.push(b'\n');
        file::replace(&self.path, &text)?;
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(own);
        Ok(changed)
    }
}

#[cfg(test)]
mod tests;
