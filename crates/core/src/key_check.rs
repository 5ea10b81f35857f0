//! Key checks: whether the master keys and peppers that a process is given are those that the installation knows by
//! their names.
//!
//! Another key of the same name would go unnoticed: signing keys would stay closed, and no secret would be recognized,
//! while new ones were hashed so that the right pepper never recognizes them. So what a key makes of a fixed text is
//! kept beside what it protects, from the first time on, and compared at each start. It says nothing about the key
//! that its hashes do not say.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::authority::StartError;
use crate::store::Store;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Seals private keys.
    MasterKey,
    /// Hashes secrets.
    Pepper,
}

impl KeyKind {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MasterKey => "master key",
            Self::Pepper => "pepper",
        }
    }
}

/// What tells a key from others of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyCheck {
    kind: KeyKind,
    name: String,
    digest: String,
}

impl KeyCheck {
    pub(crate) fn new(kind: KeyKind, name: &str, key: &hmac::Key) -> Self {
        let digest = BASE64.encode(hmac::sign(key, b"symbolon: which key is this?"));
        Self { kind, name: name.to_owned(), digest }
    }
}

/// Refuses keys that are not those of before, and answers those that are new.
pub(crate) async fn compare(
    store: &dyn Store,
    given: impl IntoIterator<Item = KeyCheck>,
) -> Result<Vec<KeyCheck>, StartError> {
    let mut unknown = Vec::new();
    for check in given {
        match store.find_key_check(check.kind, &check.name).await? {
            Some(known) if known == check.digest => {}
            Some(_) => return Err(StartError::AnotherKey(check.kind.name(), check.name)),
            None => unknown.push(check),
        }
    }
    Ok(unknown)
}

/// Keeps what tells new keys, for the next start.
pub(crate) async fn keep(store: &dyn Store, unknown: Vec<KeyCheck>) -> Result<(), StartError> {
    for check in &unknown {
        store.insert_key_check(check.kind, &check.name, &check.digest).await?;
    }
    // Of two processes that brought different keys at the same moment, one was first.
    compare(store, unknown).await.map(|_| ())
}
