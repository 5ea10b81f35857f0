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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// Whether an operator switched it off: then no customer can switch it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
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
/// last was, and this one, made at `created_at`, has been silent for `quiet_days`.
pub fn safe_to_retire(
    created_at: Timestamp,
    this: Option<&LastUse>,
    other: Option<&LastUse>,
    quiet_days: i64,
    now: Timestamp,
) -> bool {
    let quiet = std::time::Duration::from_secs(u64::try_from(quiet_days).unwrap_or(0).saturating_mul(86_400));
    let Some(other) = other else { return false };
    let silent_since = this.map_or(created_at, |this| this.at.max(created_at));
    other.at >= silent_since && now.since(silent_since) >= quiet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_safe_to_retire_once_the_other_has_taken_over() {
        let used = |day: i64| LastUse { at: Timestamp::from_seconds(day * 86_400), from: "::1".to_owned() };
        let now = Timestamp::from_seconds(20 * 86_400);
        let made = Timestamp::default();
        let verdict = |this: Option<i64>, other: Option<i64>| {
            safe_to_retire(made, this.map(used).as_ref(), other.map(used).as_ref(), 7, now)
        };
        assert!(!verdict(Some(1), None));
        assert!(verdict(None, Some(19)));
        assert!(verdict(Some(13), Some(19)));
        assert!(!verdict(Some(14), Some(19)));
        assert!(!verdict(Some(10), Some(9)));
    }

    #[test]
    fn a_new_key_is_not_ready_to_go_before_it_was_ever_used() {
        let day = |day: i64| Timestamp::from_seconds(day * 86_400);
        let old = LastUse { at: day(20), from: "::1".to_owned() };
        assert!(!safe_to_retire(day(20), None, Some(&old), 7, day(20)));
        assert!(!safe_to_retire(day(19), None, Some(&old), 7, day(25)));
    }
}
