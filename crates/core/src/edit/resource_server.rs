//! Changes to resource servers.

use symbolon_protocol::claims::RESERVED;
use symbolon_protocol::revocation::{Kind, licence_id};

use crate::audit::{RevocationWrite, Subject, SubjectKind};
use crate::claim_map::{ClaimRule, MOST_EXPRESSIONS};
use crate::edit::realm::{LONGEST_LIFETIME, check_lifetime};
use crate::edit::{EditError, Editor, check_name};
use crate::realm_view::RealmView;
use crate::resource_server::{ResourceServer, is_absolute_uri};

/// Audiences that nobody can register.
const BUILT_IN: &str = "urn:symbolon:";

/// Adds a resource server, and a signing key if it needs one of an algorithm of its own.
pub async fn insert(editor: Editor<'_>, server: &ResourceServer) -> Result<(), EditError> {
    check(&*editor.view()?, server)?;
    let subject = Subject::new(SubjectKind::ResourceServer, &server.identifier);
    let change = editor.change("create", subject, None, Some(server));
    editor.store().insert_resource_server(editor.realm, server, &change).await?;
    editor.done().await?;
    crate::rotation::make_missing_keys(editor.authority, editor.realm).await
}

/// Changes a resource server. A disabled one gets no more tokens; one that begins to need licences loses those it got.
pub async fn update(
    editor: Editor<'_>,
    before: &ResourceServer,
    after: &ResourceServer,
) -> Result<(), EditError> {
    check(&*editor.view()?, after)?;
    let after = ResourceServer { version: before.version + 1, ..after.clone() };
    let subject = Subject::new(SubjectKind::ResourceServer, &after.identifier);
    let mut change = editor.change("update", subject, Some(before), Some(&after));
    change.revocations = licence_revocations(editor, before, &after)?;
    editor.store().update_resource_server(editor.realm, &after, &change).await?;
    editor.done().await?;
    crate::rotation::make_missing_keys(editor.authority, editor.realm).await
}

/// What the need for a licence means when it is turned on or off. Turned on, it kills what was issued without one, also
/// where there is one by now, since such a token may outlive it. Turned off, it ends the revocations that ended licences
/// left behind.
fn licence_revocations(
    editor: Editor<'_>,
    before: &ResourceServer,
    after: &ResourceServer,
) -> Result<Vec<RevocationWrite>, EditError> {
    let every_organization = licence_id("", &after.identifier);
    match (before.settings.requires_licence, after.settings.requires_licence) {
        (false, true) => Ok(vec![editor.before_now(Kind::Licence, &every_organization)?]),
        (true, false) => {
            let view = editor.view()?;
            let ids = view.revocations().ids(Kind::Licence);
            let concerned = ids.filter(|id| id.ends_with(&every_organization));
            concerned.map(|id| editor.closed(Kind::Licence, id)).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// Checks a resource server, and that no other one of the realm answers to its names.
pub(crate) fn check(realm: &RealmView, server: &ResourceServer) -> Result<(), EditError> {
    let invalid = |text: String| Err(EditError::Invalid(text));
    if !is_absolute_uri(&server.identifier) {
        return invalid(format!(
            "{:?} is not an audience: an absolute URI without a fragment is needed",
            server.identifier
        ));
    }
    let mut names = server.settings.aliases.iter().chain([&server.identifier]);
    if let Some(name) = names.find(|name| name.starts_with(BUILT_IN)) {
        return invalid(format!("{name:?} is reserved: what begins with {BUILT_IN} is built in"));
    }
    check_name(&server.settings.name)?;
    if let Some(lifetime) = server.settings.lifetime {
        check_lifetime(lifetime)?;
    }
    let reuse = server.settings.reuse_seconds;
    let longest = server.settings.lifetime.unwrap_or(LONGEST_LIFETIME) / 2;
    if !(0..=longest).contains(&reuse) {
        return invalid(format!("reuse_seconds is 0 to half of a token's life, here {longest}, not {reuse}"));
    }
    for name in server.settings.aliases.iter().chain([&server.identifier]) {
        if let Some(other) = realm.resource_server(name).filter(|other| other.identifier != server.identifier)
        {
            return invalid(format!("{name:?} is already a name of {}", other.identifier));
        }
    }
    let is_expression = |rule: &&ClaimRule| matches!(rule, ClaimRule::Expression(_));
    let expressions = server.settings.claims.values().filter(is_expression).count();
    if expressions > MOST_EXPRESSIONS {
        return invalid(format!("{expressions} claims are expressions; {MOST_EXPRESSIONS} may be"));
    }
    match server.settings.claims.keys().find(|name| RESERVED.contains(&name.as_str())) {
        Some(name) => invalid(format!("the claim {name:?} is reserved")),
        None => Ok(()),
    }
}
