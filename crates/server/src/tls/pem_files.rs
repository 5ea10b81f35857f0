//! The two files of a TLS listener, and how to notice that they changed: by what the file system says of them, links
//! followed, because whoever renews certificates replaces files and turns links around.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Pair, TlsError};

/// Where certificate chain and private key are.
#[derive(Clone, Debug)]
pub struct PemFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the file system says of a file; differs after every change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    File { place: (u64, u64), length: u64, mode: u32, modified: (i64, i64), changed: (i64, i64) },
    Failed(std::io::ErrorKind),
}

impl Look {
    fn at(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(data) => Self::File {
                place: (data.dev(), data.ino()),
                length: data.size(),
                mode: data.mode(),
                modified: (data.mtime(), data.mtime_nsec()),
                changed: (data.ctime(), data.ctime_nsec()),
            },
            Err(error) => Self::Failed(error.kind()),
        }
    }
}

/// The state of both files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    certificate: Look,
    key: Look,
}

impl PemFiles {
    pub(super) fn look(&self) -> Looks {
        Looks { certificate: Look::at(&self.certificate), key: Look::at(&self.key) }
    }

    pub(super) fn read(&self) -> Result<Pair, TlsError> {
        let (chain, _) = read(&self.certificate)?;
        let (key, mode) = read(&self.key)?;
        // As for the other keys: a group may read, because service managers and ACME clients hand keys out so.
        if mode & 0o007 != 0 {
            return Err(TlsError::Public(self.key.clone()));
        }
        let names = (self.certificate.display().to_string(), self.key.display().to_string());
        Pair::from_pem(&chain, &key, (&names.0, &names.1))
    }
}

/// The contents and the mode of one and the same file, even if its name changes hands meanwhile.
fn read(path: &Path) -> Result<(Vec<u8>, u32), TlsError> {
    let read = || {
        let mut file = File::open(path)?;
        let mode = file.metadata()?.mode();
        let mut contents = Vec::new();
        file.read_to_end(&mut contents)?;
        Ok((contents, mode))
    };
    read().map_err(|error| TlsError::Unreadable(path.to_owned(), error))
}
