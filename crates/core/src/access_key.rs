//! An access key: a pair of id and secret with which a client authenticates (a *client secret* in OAuth's words).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
pub use crate::id::AccessKeyId;
use crate::id::{ClientId, OrganizationId};
use crate::secret::SecretHash;

/// A client has at most this many, whatever their status (rule 7).
pub const MOST_PER_CLIENT: usize = 2;

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyStatus {
    /// It gets tokens.
    Active,
    /// It gets none, and those it got are dead; it can be removed.
    Inactive,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its own id; a client may authenticate with it in place of the client id.
    pub id: AccessKeyId,
    /// The client it belongs to.
    pub client: ClientId,
    /// The customer the client belongs to.
    pub organization: OrganizationId,
    /// What is kept of the secret.
    pub secret: SecretHash,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// From then on it gets no tokens, and none lives longer.
    pub expires_at: Option<Timestamp>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// When and from where a key was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When the last token was issued to it.
    pub at: Timestamp,
    /// The network address that asked.
    pub from: String,
}

/// Rule 7: whether a key can go without anybody noticing: the client's other key has been used since this one
/// last was, and this one has not been used for `quiet_days`.
pub fn safe_to_retire(
    this: Option<&LastUse>,
    other: Option<&LastUse>,
    quiet_days: i64,
    now: Timestamp,
) -> bool {
    let quiet = std::time::Duration::from_secs(u64::try_from(quiet_days).unwrap_or(0).saturating_mul(86_400));
    match (this, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(this), Some(other)) => other.at >= this.at && now.since(this.at) >= quiet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_safe_to_retire_once_the_other_has_taken_over() {
        let used = |day: i64| LastUse { at: Timestamp::from_seconds(day * 86_400), from: "::1".to_owned() };
        let now = Timestamp::from_seconds(20 * 86_400);
        assert!(!safe_to_retire(Some(&used(1)), None, 7, now));
        assert!(safe_to_retire(None, Some(&used(19)), 7, now));
        assert!(safe_to_retire(Some(&used(13)), Some(&used(19)), 7, now));
        assert!(!safe_to_retire(Some(&used(14)), Some(&used(19)), 7, now));
        assert!(!safe_to_retire(Some(&used(10)), Some(&used(9)), 7, now));
    }
}
