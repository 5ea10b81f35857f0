//! Identifiers: typed, so that a client's cannot stand where an organization's belongs.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;
use crate::random::{NoRandomness, Random};

/// The identifier of a `T`: 1 to 255 printable ASCII characters without space. Generated ones carry the kind
/// and the time in front (`cli_01J…`), imported ones are taken as they are.
pub struct Id<T>(Arc<str>, PhantomData<fn() -> T>);

/// A kind of thing whose generated identifiers begin with a prefix of their own.
pub trait Identified {
    /// The prefix, without the underscore.
    const PREFIX: &'static str;
}

/// The text cannot be an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 1 to 255 printable ASCII characters without spaces are needed")]
pub struct InvalidId;

impl<T> Id<T> {
    /// The longest identifier, in characters.
    pub const LONGEST: usize = 255;

    /// Takes an identifier over as it is.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidId);
        }
        Ok(Self(text.into(), PhantomData))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Identified> Id<T> {
    /// Makes a new one: prefix, milliseconds and 80 random bits, in an order that follows time.
    pub fn generate(now: Timestamp, random: &dyn Random) -> Result<Self, NoRandomness> {
        Ok(Self(sortable(T::PREFIX, now, random)?.into(), PhantomData))
    }
}

/// A prefixed text that sorts by time and never recurs; also used where no record stands behind the id.
pub(crate) fn sortable(prefix: &str, now: Timestamp, random: &dyn Random) -> Result<String, NoRandomness> {
    let mut entropy = [0; 16];
    entropy[6..].copy_from_slice(&random.identifier()?);
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let ulid = ulid::Ulid::from_parts(millis, u128::from_be_bytes(entropy));
    let mut text = String::with_capacity(prefix.len() + 1 + ulid::ULID_LEN);
    text.push_str(prefix);
    text.push('_');
    text.push_str(ulid.array_to_str(&mut [0; ulid::ULID_LEN]));
    Ok(text)
}

/// The moment at which a prefixed id of this project was made, as the id itself says; `None` for any other text.
pub fn made_at(id: &str) -> Option<Timestamp> {
    let (_, digits) = id.rsplit_once('_')?;
    let ulid = ulid::Ulid::from_string(digits).ok()?;
    i64::try_from(ulid.timestamp_ms()).ok().map(Timestamp::from_millis)
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// What each kind of identifier is of. The records stand in modules of their own; the marks stand here, so that
/// a record can name another by id without knowing it.
pub mod of {
    use super::Identified;

    /// A realm.
    pub enum Realm {}
    /// An organization.
    pub enum Organization {}
    /// A client.
    pub enum Client {}
    /// An access key.
    pub enum AccessKey {}
    /// A user.
    pub enum User {}
    /// A licence.
    pub enum Licence {}
    /// A policy.
    pub enum Policy {}
    /// A session of the console.
    pub enum Session {}
    /// A link that can be used once.
    pub enum Link {}
    /// A passkey.
    pub enum Passkey {}

    impl Identified for Organization {
        const PREFIX: &'static str = "org";
    }

    impl Identified for Client {
        const PREFIX: &'static str = "cli";
    }

    impl Identified for AccessKey {
        const PREFIX: &'static str = "key";
    }

    impl Identified for User {
        const PREFIX: &'static str = "usr";
    }

    impl Identified for Licence {
        const PREFIX: &'static str = "lic";
    }

    impl Identified for Policy {
        const PREFIX: &'static str = "pol";
    }

    impl Identified for Session {
        const PREFIX: &'static str = "ses";
    }

    impl Identified for Link {
        const PREFIX: &'static str = "lnk";
    }

    impl Identified for Passkey {
        const PREFIX: &'static str = "psk";
    }
}

/// Names a realm; it is the path segment in `/realms/{realm}`.
pub type RealmId = Id<of::Realm>;
/// Names an organization.
pub type OrganizationId = Id<of::Organization>;
/// Names a client.
pub type ClientId = Id<of::Client>;
/// Names an access key.
pub type AccessKeyId = Id<of::AccessKey>;
/// Names a user.
pub type UserId = Id<of::User>;
/// Names a licence.
pub type LicenceId = Id<of::Licence>;
/// Names a policy.
pub type PolicyId = Id<of::Policy>;
/// Names a session of the console.
pub type SessionId = Id<of::Session>;
/// Names a link that can be used once.
pub type LinkId = Id<of::Link>;
/// Names a passkey.
pub type PasskeyId = Id<of::Passkey>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    struct Thing;

    impl Identified for Thing {
        const PREFIX: &'static str = "thg";
    }

    #[test]
    fn generated_ids_are_prefixed_and_sort_by_time() {
        let at = |ms| Id::<Thing>::generate(Timestamp::from_millis(ms), &SystemRandom).unwrap();
        let (early, late) = (at(1_000), at(2_000));
        assert!(early.as_str().starts_with("thg_"));
        assert!(early < late);
        assert_ne!(at(5), at(5));
        assert_eq!(made_at(late.as_str()), Some(Timestamp::from_millis(2_000)));
        for other in
            ["", "cli", "cli_", "cli_1", "thg_01HF7YAT\u{e9}0000000000000000", "01J00000000000000000000000"]
        {
            assert_eq!(made_at(other), None, "{other}");
        }
    }

    proptest::proptest! {
        /// Rule 9: printable ASCII of 1 to 255 characters is taken as it is; nothing else is an id.
        #[test]
        fn any_text_is_an_id_as_it_is_or_none(text in "[!-~]{1,255}", other in "\\PC{0,8}[^!-~]\\PC{0,8}") {
            proptest::prop_assert_eq!(Id::<Thing>::new(&text).unwrap().to_string(), text.clone());
            proptest::prop_assert!(Id::<Thing>::new(&other).is_err());
            let json = serde_json::to_string(&text).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Id<Thing>>(&json).unwrap().to_string(), text);
        }
    }

    #[test]
    fn imported_ids_are_taken_as_they_are() {
        for good in ["x", "8f14e45f-ceea", "a:b/c?d=e%20", &"x".repeat(255)] {
            assert_eq!(Id::<Thing>::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "é", "a\n", &"x".repeat(256)] {
            assert_eq!(Id::<Thing>::new(bad), Err(InvalidId), "{bad:?}");
        }
    }
}
