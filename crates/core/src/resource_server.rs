//! A resource server: an API, known by its audience, with the scopes and claims that its tokens carry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::scope::ScopeSet;

use crate::claim_map::Template;
use crate::client::ClientId;
use crate::clock::Timestamp;
use crate::realm::Status;

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor};

/// What an operator may set on a resource server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceServerSettings {
    /// A name for people.
    pub name: String,
    /// Other identifiers under which the same API is asked for; tokens always carry the registered one.
    pub aliases: Vec<String>,
    /// The scopes that exist there.
    pub scopes: ScopeSet,
    /// Token life in seconds; the realm's where absent.
    pub lifetime: Option<i64>,
    /// The signature algorithm; the realm's where absent.
    pub signing_algorithm: Option<Algorithm>,
    /// Claims of its own: name → template.
    pub claims: BTreeMap<String, Template>,
    /// Whether an organization needs a licence for it.
    pub requires_licence: bool,
    /// Clients that may introspect tokens of this audience.
    pub introspectors: Vec<ClientId>,
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

/// Adds a resource server, and a signing key if it needs one of an algorithm of its own.
pub async fn insert(editor: Editor<'_>, server: &ResourceServer) -> Result<(), EditError> {
    check(server)?;
    let subject = Subject::new(SubjectKind::ResourceServer, &server.identifier);
    let change = editor.change("create", subject, None, Some(server));
    editor.store().insert_resource_server(editor.realm, server, &change).await?;
    editor.done().await?;
    crate::rotation::keep_keys(editor.authority, editor.realm).await
}

/// Changes a resource server. A disabled one gets no more tokens.
pub async fn update(
    editor: Editor<'_>,
    before: &ResourceServer,
    after: &ResourceServer,
) -> Result<(), EditError> {
    check(after)?;
    let after = ResourceServer { version: before.version + 1, ..after.clone() };
    let subject = Subject::new(SubjectKind::ResourceServer, &after.identifier);
    let change = editor.change("update", subject, Some(before), Some(&after));
    editor.store().update_resource_server(editor.realm, &after, &change).await?;
    editor.done().await?;
    crate::rotation::keep_keys(editor.authority, editor.realm).await
}

fn check(server: &ResourceServer) -> Result<(), EditError> {
    if !is_absolute_uri(&server.identifier) {
        return Err(EditError::invalid(format!(
            "{:?} is not an audience: an absolute URI without a fragment is needed",
            server.identifier
        )));
    }
    if server.settings.lifetime.is_some_and(|lifetime| lifetime < 1) {
        return Err(EditError::invalid("lifetimes must be at least one second"));
    }
    match server
        .settings
        .claims
        .keys()
        .find(|name| symbolon_protocol::claims::RESERVED.contains(&name.as_str()))
    {
        Some(name) => Err(EditError::invalid(format!("the claim {name:?} is reserved"))),
        None => Ok(()),
    }
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
