//! Recovery codes: ten, shown once, in the answer that makes them.

use askama::Template;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit::credentials;
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::factors;

use crate::console::account::overview::{below, told};
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/recovery.html")]
struct RecoveryContent {
    t: Texts,
    left: usize,
    /// Whether there is a factor that they could stand in for.
    is_useful: bool,
}

#[derive(Template)]
#[template(path = "account/recovery_codes.html")]
struct CodesContent<'a> {
    t: Texts,
    codes: &'a [Secret],
}

/// Says what making new ones means.
pub(super) async fn show(visitor: Visitor) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, frame) = below(&visitor, "recovery-title");
    let user = &visitor.person.user().id;
    let own = factors::overview(&**visitor.authority.store(), visitor.home(), user).await?;
    let is_useful = own.totp_since.is_some() || !own.passkeys.is_empty();
    Ok(Page::new(frame, RecoveryContent { t, left: own.recovery_codes_left, is_useful }).into_response())
}

/// Makes new ones.
pub(super) async fn renew(visitor: Visitor) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, frame) = below(&visitor, "recovery-title");
    match credentials::renew_recovery_codes(&visitor.authority, &visitor.person).await {
        Ok(codes) => Ok(Page::new(frame, CodesContent { t, codes: &codes }).into_response()),
        Err(error) => Err(Failure::Refused(told(&visitor, t, error)?)),
    }
}
