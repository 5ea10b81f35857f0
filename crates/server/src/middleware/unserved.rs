//! Why a request could not be served, for the log; in the extensions of the answer, which nobody is sent.

/// The longest of these reasons, in characters.
const LONGEST: usize = 500;

/// The reason.
#[derive(Clone, Debug)]
pub(crate) struct Unserved(pub(crate) String);

impl Unserved {
    /// A reason, or its beginning.
    pub(crate) fn new(reason: &str) -> Self {
        Self(reason.chars().take(LONGEST).collect())
    }
}
