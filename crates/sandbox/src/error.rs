//! Why the sandbox cannot start. The texts are for whoever started it.

use std::io;
use std::path::{Path, PathBuf};

use symbolon_core::apply::description::DescriptionError;
use symbolon_core::random::NoRandomness;
use symbolon_guard::BuildError;
use symbolon_guard::protocol::scope::InvalidScope;

/// The sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// An address that cannot stand in the seed.
    #[error(
        "{0:?} is not an address for the sandbox: give scheme, host and port, as in http://127.0.0.1:8080"
    )]
    Address(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what the sandbox wrote. The place is told, never what stands there.
    #[error(
        "{path}, line {line}: not what the sandbox wrote there; correct it, or delete the file to begin anew"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// A secret that was changed by hand into something that a shell or a YAML file would read as something else.
    #[error(
        "{path}: {name:?} needs 16 or more characters out of letters, digits and . _ ~ + -; delete it to get a new one"
    )]
    Secret {
        /// The file.
        path: PathBuf,
        /// Whose secret.
        name: String,
    },
    /// The seed itself has a mistake.
    #[error("the sandbox's seed: {0}")]
    Seed(String),
    /// The seed cannot be read as an apply file.
    #[error("the sandbox's seed: {0}")]
    Description(#[from] DescriptionError),
    /// The directory lacks what the seed describes.
    #[error("{0} is not there; apply the sandbox's seed before its APIs are served")]
    NotApplied(String),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A guard cannot be built.
    #[error(transparent)]
    Guard(#[from] BuildError),
    /// A route asks for a scope that cannot be one.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

impl SandboxError {
    /// Says which file an operation failed on.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }

    /// Says where a JSON file is damaged; serde's own text could show a value.
    pub(crate) fn damaged(path: &Path) -> impl FnOnce(serde_json::Error) -> Self + '_ {
        move |error| Self::Damaged { path: path.to_owned(), line: error.line() }
    }
}
