//! Signing keys and their lives: pending → active → retired → gone, without anybody's doing (protocol: JWKS).
//!
//! A key is published for a while before it signs, so that verifiers that cache the key set know it by then;
//! and for as long after as any token that it signed can live.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::jwk::Jwk;

use crate::clock::Timestamp;
use crate::seal::Sealed;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum KeyState {
    /// Published, not signing yet.
    Pending,
    /// Signing.
    Active,
    /// Published, signing no more.
    Retired,
}

impl KeyState {
    /// Every state, in the order of a key's life.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Active, Self::Retired];

    /// A stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// A signing key as it is kept: public half in the clear, private half sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSigningKey {
    /// Its name in the key set.
    pub kid: String,
    /// Its one algorithm.
    pub algorithm: Algorithm,
    /// Where it is in its life.
    pub state: KeyState,
    /// The public half.
    pub public: Jwk,
    /// The private half (PKCS #8), sealed for this realm and `kid`.
    pub private: Sealed,
    /// When it was made and published.
    pub published_at: Timestamp,
    /// When it began to sign.
    pub active_at: Option<Timestamp>,
    /// When it stopped.
    pub retired_at: Option<Timestamp>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
}

impl StoredSigningKey {
    /// The context that a private half is sealed for.
    pub fn seal_context(realm: &str, kid: &str) -> String {
        format!("symbolon signing key\n{realm}\n{kid}")
    }
}

/// The rhythm of rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long a key signs.
    pub every: Duration,
    /// The key set's `Cache-Control: max-age`; a key is published twice as long before it signs.
    pub max_age: Duration,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { every: Duration::from_hours(90 * 24), max_age: Duration::from_mins(5) }
    }
}

/// One step that a realm's keys of one algorithm are due for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a key that signs at once: there is none.
    CreateActive,
    /// Make a key and publish it.
    CreatePending,
    /// Let the pending key of this `kid` sign, and retire those that did.
    Activate(String),
    /// Let the key of this `kid` sign no more; its algorithm is out of use.
    Retire(String),
    /// Take the key of this `kid` out of the set.
    Remove(String),
}

/// Says what the keys of one algorithm are due for at a moment; at most one step, so that each is a change of
/// its own. `longest_token` is the longest life of any token that they may have signed.
pub fn next_step(
    keys: &[&StoredSigningKey],
    rotation: Rotation,
    longest_token: Duration,
    now: Timestamp,
) -> Option<Step> {
    let of = |state| keys.iter().filter(move |key| key.state == state);
    let Some(active) = of(KeyState::Active).max_by_key(|key| key.active_at) else {
        // Every key was lost or revoked: signing matters more than announcing.
        return Some(
            of(KeyState::Pending).next().map_or(Step::CreateActive, |key| Step::Activate(key.kid.clone())),
        );
    };
    let signs_until = active.active_at.unwrap_or(active.published_at).plus(rotation.every);
    let announce = rotation.max_age.saturating_mul(2);
    if let Some(pending) = of(KeyState::Pending).min_by_key(|key| key.published_at) {
        // One that was asked for before its time signs as soon as everybody knows it.
        if now >= pending.published_at.plus(announce) {
            return Some(Step::Activate(pending.kid.clone()));
        }
    } else if now.plus(announce) >= signs_until {
        return Some(Step::CreatePending);
    }
    spent(keys, rotation, longest_token, now)
}

/// The same for an algorithm that nothing in the realm asks for any more: its keys go, one after the other.
pub fn next_step_out_of_use(
    keys: &[&StoredSigningKey],
    rotation: Rotation,
    longest_token: Duration,
    now: Timestamp,
) -> Option<Step> {
    let find = |state| keys.iter().find(|key| key.state == state).map(|key| key.kid.clone());
    find(KeyState::Pending)
        .map(Step::Remove)
        .or_else(|| find(KeyState::Active).map(Step::Retire))
        .or_else(|| spent(keys, rotation, longest_token, now))
}

/// A retired key whose last token has died, and that no cached key set is missed in.
fn spent(
    keys: &[&StoredSigningKey],
    rotation: Rotation,
    longest_token: Duration,
    now: Timestamp,
) -> Option<Step> {
    let gone = |key: &&&StoredSigningKey| {
        key.retired_at.is_some_and(|at| now >= at.plus(longest_token).plus(rotation.max_age))
    };
    let mut retired = keys.iter().filter(|key| key.state == KeyState::Retired);
    retired.find(gone).map(|key| Step::Remove(key.kid.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(
        kid: &str,
        state: KeyState,
        published: i64,
        active: Option<i64>,
        retired: Option<i64>,
    ) -> StoredSigningKey {
        StoredSigningKey {
            kid: kid.to_owned(),
            algorithm: Algorithm::Es256,
            state,
            public: Jwk {
                kty: "EC".to_owned(),
                usage: None,
                alg: None,
                kid: None,
                crv: None,
                x: None,
                y: None,
                n: None,
                e: None,
            },
            private: Sealed { master_key: String::new(), data_key: String::new(), sealed: String::new() },
            published_at: Timestamp::from_seconds(published),
            active_at: active.map(Timestamp::from_seconds),
            retired_at: retired.map(Timestamp::from_seconds),
            version: 1,
        }
    }

    const ROTATION: Rotation =
        Rotation { every: Duration::from_secs(1000), max_age: Duration::from_secs(10) };
    const LONGEST: Duration = Duration::from_secs(100);

    fn step(keys: &[StoredSigningKey], now: i64) -> Option<Step> {
        next_step(&keys.iter().collect::<Vec<_>>(), ROTATION, LONGEST, Timestamp::from_seconds(now))
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(step(&[], 0), Some(Step::CreateActive));
    }

    #[test]
    fn the_next_key_is_published_before_it_signs() {
        let active = key("a", KeyState::Active, 0, Some(0), None);
        assert_eq!(step(std::slice::from_ref(&active), 979), None);
        assert_eq!(step(std::slice::from_ref(&active), 980), Some(Step::CreatePending));
        let pending = key("b", KeyState::Pending, 985, None, None);
        assert_eq!(step(&[active.clone(), pending.clone()], 1004), None);
        assert_eq!(step(&[active, pending], 1005), Some(Step::Activate("b".to_owned())));
    }

    #[test]
    fn a_retired_key_stays_until_its_last_token_has_died() {
        let active = key("b", KeyState::Active, 0, Some(20), None);
        let retired = key("a", KeyState::Retired, 0, Some(0), Some(20));
        assert_eq!(step(&[active.clone(), retired.clone()], 129), None);
        assert_eq!(step(&[active, retired], 130), Some(Step::Remove("a".to_owned())));
    }

    #[test]
    fn keys_of_an_algorithm_out_of_use_go_when_their_tokens_have() {
        let step = |keys: &[StoredSigningKey], now| {
            let keys: Vec<_> = keys.iter().collect();
            next_step_out_of_use(&keys, ROTATION, LONGEST, Timestamp::from_seconds(now))
        };
        let active = key("a", KeyState::Active, 0, Some(0), None);
        let pending = key("b", KeyState::Pending, 0, None, None);
        assert_eq!(step(&[active.clone(), pending], 5), Some(Step::Remove("b".to_owned())));
        assert_eq!(step(&[active], 5), Some(Step::Retire("a".to_owned())));
        let retired = key("a", KeyState::Retired, 0, Some(0), Some(5));
        assert_eq!(step(std::slice::from_ref(&retired), 114), None);
        assert_eq!(step(&[retired], 115), Some(Step::Remove("a".to_owned())));
    }

    proptest! {
        /// Whatever the pace of the worker: there is always a key to sign with, no key signs before it was
        /// published twice the max-age (the first excepted), and none goes while a token of it may live.
        #[test]
        fn rotation_never_leaves_a_gap(pauses in proptest::collection::vec(1_i64..60, 50..200)) {
            let mut keys: Vec<StoredSigningKey> = Vec::new();
            let (mut now, mut made) = (0, 0);
            for pause in pauses {
                while let Some(step) = step(&keys, now) {
                    match step {
                        Step::CreateActive => {
                            prop_assert!(keys.is_empty());
                            keys.push(key("k0", KeyState::Active, now, Some(now), None));
                        }
                        Step::CreatePending => {
                            made += 1;
                            keys.push(key(&format!("k{made}"), KeyState::Pending, now, None, None));
                        }
                        Step::Activate(kid) => {
                            for key in &mut keys {
                                if key.kid == kid {
                                    prop_assert!(now - key.published_at.seconds() >= 20);
                                    key.state = KeyState::Active;
                                    key.active_at = Some(Timestamp::from_seconds(now));
                                } else if key.state == KeyState::Active {
                                    key.state = KeyState::Retired;
                                    key.retired_at = Some(Timestamp::from_seconds(now));
                                }
                            }
                        }
                        Step::Retire(_) => prop_assert!(false, "the algorithm is in use"),
                        Step::Remove(kid) => {
                            let key = keys.iter().find(|key| key.kid == kid).unwrap();
                            prop_assert!(now - key.retired_at.unwrap().seconds() >= 100);
                            keys.retain(|key| key.kid != kid);
                        }
                    }
                    prop_assert_eq!(keys.iter().filter(|key| key.state == KeyState::Active).count(), 1);
                }
                now += pause;
            }
        }
    }
}
