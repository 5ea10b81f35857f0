//! Scopes: single tokens, and ordered sets of them as they travel in a `scope` parameter.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One scope, for instance `read:sources`: one or more of `!`, `#`–`[`, `]`–`~` (RFC 6749 §3.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

/// A scope holds a character that RFC 6749 §3.3 does not allow, or is empty or longer than 128 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: {0:?} (1 to 128 printable ASCII characters without space, quote and backslash)")]
pub struct InvalidScope(pub String);

impl Scope {
    /// The longest scope that is read, in characters.
    pub const LONGEST: usize = 128;

    /// Reads one scope token.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(allowed) {
            return Err(InvalidScope(text.chars().take(Self::LONGEST).collect()));
        }
        Ok(Self(text.into()))
    }

    /// The scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether OpenID-minded clients send it out of habit with any grant (`openid` and its kin). Such scopes
    /// never count as asked for here: they would name rights of a person, and there is none.
    pub fn is_openid(&self) -> bool {
        matches!(self.as_str(), "openid" | "profile" | "email" | "address" | "phone" | "offline_access")
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A set of scopes in alphabetical order, so that the same rights always read the same. Cheap to clone: a clone
/// shares the set until one of both changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeSet(Arc<BTreeSet<Scope>>);

impl ScopeSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a space-separated list (RFC 6749 §3.3); extra spaces are forgiven, other characters are not.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        text.split(' ').filter(|part| !part.is_empty()).map(Scope::parse).collect()
    }

    /// Whether the set has the scope.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether every scope of `other` is here.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds one.
    pub fn insert(&mut self, scope: Scope) {
        Arc::make_mut(&mut self.0).insert(scope);
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Those that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if Arc::ptr_eq(&self.0, &other.0) {
            return self.clone();
        }
        self.0.intersection(&other.0).cloned().collect()
    }

    /// Keeps those for which `keep` holds.
    pub fn retain(&mut self, keep: impl Fn(&Scope) -> bool) {
        if !self.0.iter().all(&keep) {
            Arc::make_mut(&mut self.0).retain(keep);
        }
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(Arc::new(scopes.into_iter().collect()))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

/// In JSON documents of this project a set of scopes is an array; on the wire it is its `Display` form.
impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeSet::deserialize(deserializer).map(|scopes| Self(Arc::new(scopes)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_read_in_any_order_and_written_in_one() {
        let set = ScopeSet::parse("write:sources  read:sources read:sources").unwrap();
        assert_eq!(set.to_string(), "read:sources write:sources");
    }

    #[test]
    fn quotes_backslashes_and_controls_are_refused() {
        for bad in ["a\"b", "a\\b", "a\tb", "é", "a\u{a0}b"] {
            assert!(ScopeSet::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Scope::parse(&"x".repeat(129)).is_err());
        assert!(Scope::parse("").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(scopes in proptest::collection::vec("[!#-\\[\\]-~]{1,20}", 0..8)) {
            let set: ScopeSet = scopes.iter().map(|s| Scope::parse(s).unwrap()).collect();
            prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set.clone());
            let json = serde_json::to_string(&set).unwrap();
            prop_assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), set);
        }
    }
}
