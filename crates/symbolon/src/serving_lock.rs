//! One `symbolon serve` on one data folder: a second one would compete with the first for its files, and put its own link
//! for the first operator in the place of the first one's.
//!
//! The system's advisory lock on a file goes with the process, however that ends: what is left behind blocks nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::bail;

/// The name of the file, in the data folder.
const FILE: &str = "serve.lock";

/// Locks a data folder for as long as what is returned is kept; nothing where there is no folder yet, or its file system
/// cannot.
pub(crate) fn hold(folder: &Path) -> anyhow::Result<Option<File>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let opened =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(FILE));
    let locked = opened.map_err(TryLockError::Error).and_then(|file| file.try_lock().map(|()| file));
    match locked {
        Ok(file) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "another `symbolon serve` runs on the data folder {}: stop that one first, or give this one a folder of its \
             own (--data)",
            folder.display()
        ),
        // Whether the database can be written is the store's to say.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "{FILE} cannot be locked: a second server on this data folder would go unnoticed");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_once_and_free_again_afterwards() {
        let kept = tempfile::tempdir().unwrap();
        assert!(hold(&kept.path().join("new")).unwrap().is_none());
        let first = hold(kept.path()).unwrap();
        assert!(first.is_some());
        let error = hold(kept.path()).unwrap_err().to_string();
        assert!(error.contains("another `symbolon serve`"), "{error}");
        drop(first);
        assert!(hold(kept.path()).unwrap().is_some());
    }
}
