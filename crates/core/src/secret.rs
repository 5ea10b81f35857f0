//! Machine secrets: 256 random bits, shown once, kept only as an HMAC under a pepper that no database holds.
//!
//! A fast keyed hash is right for secrets that nobody can guess; Argon2id is for people's passwords alone
//! (see `password`). Every hash names its pepper, so that peppers can be changed without a flag day.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use symbolon_protocol::secret_format;
use zeroize::Zeroizing;

use crate::key_check::{KeyCheck, KeyKind};
use crate::random::{NoRandomness, Random, bytes};

/// A secret in the clear, on its way from a request to a comparison, or from its making to its one showing.
/// It has no `Debug`, `Display` or `Serialize` that would show it, and its memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text that came from outside.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Makes a new secret for an access key.
    pub fn generate(key_id: &str, random: &dyn Random) -> Result<Self, NoRandomness> {
        Self::of_kind(secret_format::ACCESS_KEY, key_id, random)
    }

    /// Makes a new secret of another kind.
    pub(crate) fn of_kind(kind: &str, id: &str, random: &dyn Random) -> Result<Self, NoRandomness> {
        let bits = Zeroizing::new(bytes::<32>(random)?);
        Ok(Self(secret_format::encode(kind, id, &bits)))
    }

    /// The text itself. Whoever calls this shows it or sends it; there is no other reason.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// HMAC-SHA-256 of a secret. Base64 wherever it is written (RFC 4648 §4, without padding).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Tag([u8; 32]);

/// A text is no tag: it is not base64, or not that of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the base64 of an HMAC-SHA-256")]
pub struct NotATag;

impl Tag {
    /// Takes the bytes as they are.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(&self.0, &BASE64).fmt(f)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(…)")
    }
}

impl FromStr for Tag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        let bytes = BASE64.decode(text).map_err(|_| NotATag)?;
        bytes.try_into().map(Self).map_err(|_| NotATag)
    }
}

impl Serialize for Tag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What is kept of a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHash {
    /// The name of the pepper it was made with.
    pub pepper: Arc<str>,
    /// What the secret comes to under that pepper.
    pub hmac: Tag,
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHash").field("pepper", &self.pepper).finish_non_exhaustive()
    }
}

/// Key material from outside is too weak or doubtful to start with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// There must be at least one.
    #[error("no {0} is configured")]
    Missing(&'static str),
    /// Below 32 bytes.
    #[error(
        "{0} {1:?} has {2} bytes; 32 random bytes are needed (for instance from: openssl rand -base64 32)"
    )]
    Short(&'static str, String, usize),
    /// The bytes are plainly not random.
    #[error("{0} {1:?} is not random: make one with: openssl rand -base64 32")]
    Guessable(&'static str, String),
    /// Two of the same name.
    #[error("two {0}s are named {1:?}")]
    Twice(&'static str, String),
}

/// Checks key material: 32 bytes or more, and at least twelve different ones among them.
pub(crate) fn check_strength(what: &'static str, name: &str, key: &[u8]) -> Result<(), WeakKey> {
    if key.len() < 32 {
        return Err(WeakKey::Short(what, name.to_owned(), key.len()));
    }
    let mut distinct = key.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 12 {
        return Err(WeakKey::Guessable(what, name.to_owned()));
    }
    Ok(())
}

struct Pepper {
    name: String,
    key: hmac::Key,
}

/// The live peppers. New hashes are made with the first one; a match under a later one asks for a new hash.
pub struct Peppers {
    current: Pepper,
    older: Vec<Pepper>,
}

/// How a secret compares with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the one.
    Match,
    /// It is the one, but its hash is under an old pepper.
    MatchUnderOldPepper,
    /// It is another, or the hash's pepper is not live.
    Different,
}

impl Peppers {
    /// Takes peppers as (name, key), the current one first.
    pub fn new(peppers: impl IntoIterator<Item = (String, Zeroizing<Vec<u8>>)>) -> Result<Self, WeakKey> {
        let mut live: Vec<Pepper> = Vec::new();
        for (name, key) in peppers {
            check_strength("pepper", &name, &key)?;
            if live.iter().any(|pepper| pepper.name == name) {
                return Err(WeakKey::Twice("pepper", name));
            }
            live.push(Pepper { name, key: hmac::Key::new(hmac::HMAC_SHA256, &key) });
        }
        let mut live = live.into_iter();
        let current = live.next().ok_or(WeakKey::Missing("pepper"))?;
        Ok(Self { current, older: live.collect() })
    }

    /// What tells each from another of its name.
    pub(crate) fn checks(&self) -> impl Iterator<Item = KeyCheck> {
        let all = std::iter::once(&self.current).chain(&self.older);
        all.map(|pepper| KeyCheck::new(KeyKind::Pepper, &pepper.name, &pepper.key))
    }

    /// Hashes a secret under the current pepper.
    pub fn hash(&self, secret: &Secret) -> SecretHash {
        let tag = hmac::sign(&self.current.key, secret.expose().as_bytes());
        // SHA-256 has 32 bytes; no secret that anybody knows comes to zeros.
        let hmac = Tag(tag.as_ref().try_into().unwrap_or_default());
        SecretHash { pepper: self.current.name.as_str().into(), hmac }
    }

    /// Compares in constant time. The secret is the request's own text: to copy it would only be one more to wipe.
    pub fn compare(&self, secret: &str, hash: &SecretHash) -> Comparison {
        let old = self.older.iter().find(|pepper| *pepper.name == *hash.pepper);
        // An unknown pepper costs the same work as a wrong secret.
        let pepper = old.unwrap_or(&self.current);
        let tag = hmac::sign(&pepper.key, secret.as_bytes());
        let equal = verify_slices_are_equal(tag.as_ref(), &hash.hmac.0).is_ok();
        match (equal, old) {
            (true, Some(_)) => Comparison::MatchUnderOldPepper,
            (true, None) if *hash.pepper == *self.current.name => Comparison::Match,
            _ => Comparison::Different,
        }
    }

    /// Does the work of a comparison that cannot succeed, so that an unknown id costs what a known one does.
    pub fn compare_with_nothing(&self, secret: &str) {
        let nothing = SecretHash { pepper: Arc::default(), hmac: Tag::default() };
        std::hint::black_box(self.compare(secret, &nothing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn pepper(name: &str, seed: u8) -> (String, Zeroizing<Vec<u8>>) {
        (name.to_owned(), Zeroizing::new((seed..seed + 32).collect()))
    }

    #[test]
    fn a_secret_matches_its_hash_alone() {
        let peppers = Peppers::new([pepper("a", 0)]).unwrap();
        let secret = Secret::generate("key_1", &SystemRandom).unwrap();
        let hash = peppers.hash(&secret);
        assert_eq!(peppers.compare(secret.expose(), &hash), Comparison::Match);
        let other = Secret::generate("key_1", &SystemRandom).unwrap();
        assert_eq!(peppers.compare(other.expose(), &hash), Comparison::Different);
    }

    #[test]
    fn an_old_pepper_still_matches_and_says_so() {
        let secret = Secret::new("some secret from elsewhere".to_owned());
        let hash = Peppers::new([pepper("old", 0)]).unwrap().hash(&secret);
        let both = Peppers::new([pepper("new", 100), pepper("old", 0)]).unwrap();
        assert_eq!(both.compare(secret.expose(), &hash), Comparison::MatchUnderOldPepper);
        assert_eq!(&*both.hash(&secret).pepper, "new");
        let renamed = Peppers::new([pepper("new", 0)]).unwrap();
        assert_eq!(renamed.compare(secret.expose(), &hash), Comparison::Different);
    }

    #[test]
    fn weak_peppers_are_refused() {
        let short = ("p".to_owned(), Zeroizing::new(vec![1; 31]));
        assert!(matches!(Peppers::new([short]), Err(WeakKey::Short(..))));
        let zeros = ("p".to_owned(), Zeroizing::new(vec![0; 64]));
        assert!(matches!(Peppers::new([zeros]), Err(WeakKey::Guessable(..))));
        assert!(matches!(Peppers::new([]), Err(WeakKey::Missing(_))));
        assert!(matches!(Peppers::new([pepper("a", 0), pepper("a", 9)]), Err(WeakKey::Twice(..))));
    }

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("canary".to_owned());
        assert!(!format!("{secret:?}").contains("canary"));
        let hash = Peppers::new([pepper("a", 0)]).unwrap().hash(&secret);
        assert!(!format!("{hash:?}").contains(&hash.hmac.to_string()));
        assert_eq!(format!("{:?}", hash.hmac), "Tag(…)");
    }

    #[test]
    fn a_tag_reads_back_as_it_is_written_and_nothing_else_is_one() {
        let tag = Peppers::new([pepper("a", 0)]).unwrap().hash(&Secret::new("x".to_owned())).hmac;
        let text = tag.to_string();
        assert_eq!(text.parse(), Ok(tag));
        assert_eq!(serde_json::from_value::<Tag>(serde_json::to_value(tag).unwrap()).unwrap(), tag);
        for other in
            [String::new(), "c2VjcmV0".to_owned(), format!("{text}="), format!("{text}A"), "*".repeat(43)]
        {
            assert_eq!(other.parse::<Tag>(), Err(NotATag), "{other}");
        }
    }
}
