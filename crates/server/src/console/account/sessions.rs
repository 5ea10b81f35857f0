//! Ending one's own sessions.

use axum::extract::Path;
use axum::response::Response;
use symbolon_core::edit;
use symbolon_core::session::SessionId;

use crate::console::account::sign_in::left;
use crate::console::failure::Failure;
use crate::console::page::gone_to;
use crate::console::visitor::Visitor;

/// Ends one; that of this browser is a way to sign out.
pub(super) async fn end(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = SessionId::new(&id).map_err(|_| Failure::NotFound)?;
    let (authority, person) = (&visitor.authority, &visitor.person);
    edit::session::end(person.editor(authority), person.user(), &id).await?;
    if id == person.session().id {
        return Ok(left(&visitor, "signed-out"));
    }
    Ok(gone_to(super::ACCOUNT, "session-ended"))
}

/// Ends all others.
pub(super) async fn end_others(visitor: Visitor) -> Result<Response, Failure> {
    edit::session::end_others(&visitor.authority, &visitor.person).await?;
    Ok(gone_to(super::ACCOUNT, "sessions-ended"))
}
