//! Changes to resource servers.

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor};
use crate::resource_server::{ResourceServer, is_absolute_uri};

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
