//! A resource server: an API, known by its audience, with the scopes and claims that its tokens carry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::scope::ScopeSet;

use crate::claim_map::ClaimRule;
use crate::clock::Timestamp;
use crate::id::ClientId;
use crate::realm::Status;

/// What an operator may set on a resource server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ResourceServerSettings {
    /// A name for people.
    pub name: String,
    /// Other identifiers under which the same API is asked for; tokens always carry the registered one.
    pub aliases: Vec<String>,
    /// The scopes that exist there.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub scopes: ScopeSet,
    /// Token life in seconds; the realm's where absent.
    pub lifetime: Option<i64>,
    /// The signature algorithm; the realm's where absent.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub signing_algorithm: Option<Algorithm>,
    /// Claims of its own: name → template or expression.
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, crate::claim_map::RuleForm>))]
    pub claims: BTreeMap<String, ClaimRule>,
    /// Whether an organization needs a licence for it.
    pub requires_licence: bool,
    /// Clients that may introspect tokens of this audience.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub introspectors: Vec<ClientId>,
    /// For so many seconds the same request of a client gets the same token, as long as half of its life is left;
    /// 0 for a new one each time.
    #[serde(skip_serializing_if = "is_zero")]
    pub reuse_seconds: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(seconds: &i64) -> bool {
    *seconds == 0
}

/// A resource server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceServer {
    /// The audience: an absolute URI, byte for byte as it stands in tokens.
    pub identifier: String,
    /// A disabled one gets no tokens.
    pub status: Status,
    /// What its operator set.
    pub settings: ResourceServerSettings,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ResourceServer {
    /// Whether a name is its identifier or one of its aliases.
    pub fn answers_to(&self, audience: &str) -> bool {
        let asked = comparable(audience);
        let mut names = self.settings.aliases.iter().chain([&self.identifier]);
        names.any(|name| comparable(name) == asked)
    }
}

/// The identifier in the form in which audiences are compared: one trailing slash makes no difference.
pub fn comparable(identifier: &str) -> &str {
    identifier.strip_suffix('/').unwrap_or(identifier)
}

/// Whether a text can be an audience: an absolute URI without a fragment (RFC 8707 §2).
pub fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && rest != "//"
        && text.len() <= 2048
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_slash_makes_no_difference() {
        assert_eq!(comparable("https://a.example/"), comparable("https://a.example"));
        assert_ne!(comparable("https://a.example//"), comparable("https://a.example"));
    }

    #[test]
    fn audiences_are_absolute_uris_without_fragment() {
        for good in ["https://a.example", "htttps://typo.example", "urn:example:api", "api:x"] {
            assert!(is_absolute_uri(good), "{good}");
        }
        for bad in
            ["", "a.example", "/path", "https://a#b", "https://a b", ":x", "https:", "https://", "1a:b"]
        {
            assert!(!is_absolute_uri(bad), "{bad}");
        }
    }
}
