//! The cache on disk, by which many short processes share one token. Its format is that of the conformance vectors, and
//! clients in other languages read and write the same files.
//!
//! Nothing here is ever an error: a cache that cannot be read or written costs the sharing, and nothing else.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::request::Wanted;
use crate::token::is_token;

/// Longer than any file of the cache, in bytes.
const LONGEST: u64 = 128 * 1024;

/// How long another process is waited for; past that, this one goes on without the cache.
const LONGEST_LOCK: Duration = Duration::from_secs(40);

/// How often the lock is tried.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// One token's files.
#[derive(Clone, Debug)]
pub(crate) struct DiskCache {
    file: PathBuf,
    lock: PathBuf,
}

/// What stands in a file.
pub(crate) struct Stored {
    pub(crate) token: Zeroizing<String>,
    pub(crate) scope: Option<String>,
    /// Epoch milliseconds, before the token was asked for.
    pub(crate) issued_at_ms: i64,
    pub(crate) life_ms: u64,
}

impl DiskCache {
    /// The files of a source in a folder.
    pub(crate) fn new(folder: &Path, wanted: &Wanted, address: &str) -> Self {
        let key = key(wanted, address);
        Self { file: folder.join(format!("{key}.json")), lock: folder.join(format!("{key}.lock")) }
    }

    /// Waits until no other process asks for the same token. The lock ends with the file.
    pub(crate) async fn lock(&self) -> Option<File> {
        let folder = self.lock.parent()?;
        let opened = make_private(folder)
            .and_then(|()| nobody_else_writes(folder))
            .and_then(|()| private().write(true).create(true).truncate(false).open(&self.lock));
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "the cache of tokens cannot be used");
                return None;
            }
        };
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Some(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < LONGEST_LOCK => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(_) => return None,
            }
        }
    }

    /// The token of the file, if it is still good at that moment of the wall clock.
    pub(crate) fn read(&self, now_ms: i64) -> Option<Stored> {
        let mut bytes = Zeroizing::new(Vec::new());
        if !is_private(&self.file) {
            return None;
        }
        File::open(&self.file).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let Ok(Value::Object(mut object)) = serde_json::from_slice(&bytes) else { return None };
        if object.get("version").and_then(Value::as_u64) != Some(1) {
            return None;
        }
        let Some(Value::String(token)) = object.remove("access_token") else { return None };
        let token = Zeroizing::new(token);
        let scope = match object.remove("scope") {
            None | Some(Value::Null) => None,
            Some(Value::String(scope)) => Some(scope),
            Some(_) => return None,
        };
        let issued_at_ms = object.get("issued_at_ms")?.as_i64()?;
        let life_ms = object.get("life_ms")?.as_u64()?;
        let end = issued_at_ms.checked_add(i64::try_from(life_ms).ok()?)?;
        let is_good = is_token(&token) && issued_at_ms <= now_ms && now_ms < end;
        is_good.then_some(Stored { token, scope, issued_at_ms, life_ms })
    }

    /// Writes a token for the others.
    pub(crate) fn write(&self, stored: &Stored) {
        let object = Zeroizing::new(
            json!({
                "version": 1,
                "access_token": *stored.token,
                "scope": stored.scope,
                "issued_at_ms": stored.issued_at_ms,
                "life_ms": stored.life_ms,
            })
            .to_string(),
        );
        let temporary = self.file.with_extension(format!("{}.new", std::process::id()));
        let written = (|| {
            let _ = std::fs::remove_file(&temporary);
            let mut file = private().write(true).create_new(true).open(&temporary)?;
            file.write_all(object.as_bytes())?;
            std::fs::rename(&temporary, &self.file)
        })();
        if let Err(error) = written {
            let _ = std::fs::remove_file(&temporary);
            tracing::warn!(file = %self.file.display(), %error, "a token cannot be kept for other processes");
        }
    }
}

/// A folder for its owner alone.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Whoever else could write there could put a token of their own in.
fn nobody_else_writes(folder: &Path) -> std::io::Result<()> {
    if !has(&std::fs::metadata(folder)?, 0o022) {
        return Ok(());
    }
    Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "others can write into it; chmod 700"))
}

/// Whether it is a file, and no link, that its owner alone can read.
fn is_private(file: &Path) -> bool {
    std::fs::symlink_metadata(file).is_ok_and(|found| found.is_file() && !has(&found, 0o077))
}

/// Whether one of these rights is given. Other systems than Unix have none of them.
#[cfg(unix)]
fn has(found: &Metadata, rights: u32) -> bool {
    std::os::unix::fs::MetadataExt::mode(found) & rights != 0
}

#[cfg(not(unix))]
fn has(_: &Metadata, _: u32) -> bool {
    false
}

/// Files that are made for their owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The name of a source's files: what makes its token another one than others', hashed.
pub(crate) fn key(wanted: &Wanted, address: &str) -> String {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let lines = [
        "symbolon-token-1".to_owned(),
        wanted.dialect.name().to_owned(),
        address.to_owned(),
        wanted.id.clone(),
        or_empty(&wanted.audience),
        or_empty(&wanted.resource),
        or_empty(&wanted.scope),
    ];
    let hash = digest(&SHA256, lines.join("\n").as_bytes());
    hash.as_ref().iter().fold(String::with_capacity(64), |mut key, byte| {
        // Writing into a string cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}
