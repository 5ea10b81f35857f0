//! An app that makes codes: set up with a picture or by typing, confirmed by a code of it, and removed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit::credentials;
use symbolon_core::sign_in::factors;

use crate::console::account::overview::{below, told};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/totp.html")]
struct TotpContent<'a> {
    t: Texts,
    /// The picture; core made it, of nothing but squares. Empty where the form is shown again.
    picture: &'a str,
    secret: &'a str,
    state: &'a str,
    mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "account/totp_remove.html")]
struct RemoveContent {
    t: Texts,
    /// Whether the password alone would be enough then.
    is_last: bool,
}

/// Begins.
pub(super) async fn show(visitor: Visitor) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, frame) = below(&visitor, "totp-title");
    let issuer = format!("{} {}", t.of("product"), visitor.home());
    match credentials::begin_totp(&visitor.authority, &visitor.person, &issuer) {
        Ok(enrolment) => {
            let content = TotpContent {
                t,
                picture: enrolment.qr_svg.expose(),
                secret: enrolment.secret.expose(),
                state: enrolment.state.expose(),
                mistakes: Mistakes::default(),
            };
            Ok(Page::new(frame, content).into_response())
        }
        Err(error) => Err(Failure::Invalid(told(&visitor, t, error)?)),
    }
}

/// Takes a code of the app.
pub(super) async fn confirm(visitor: Visitor, form: Form) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, frame) = below(&visitor, "totp-title");
    let (state, code) = (form.text("state"), form.text("code"));
    match credentials::confirm_totp(&visitor.authority, &visitor.person, state, code).await {
        Ok(()) => {
            let user = &visitor.person.user().id;
            let own = factors::overview(&**visitor.authority.store(), visitor.home(), user).await?;
            let next = format!("{}/recovery-codes", super::ACCOUNT);
            let next = if own.recovery_codes_left == 0 { &next } else { super::ACCOUNT };
            Ok(gone_to(next, "totp-set-up"))
        }
        Err(error) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("code", told(&visitor, t, error)?);
            let content = TotpContent { t, picture: "", secret: "", state, mistakes };
            Ok(Page::new(frame, content).with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
    }
}

/// Asks before it is removed.
pub(super) async fn ask_to_remove(visitor: Visitor) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, frame) = below(&visitor, "totp-remove-title");
    let user = &visitor.person.user().id;
    let own = factors::overview(&**visitor.authority.store(), visitor.home(), user).await?;
    if own.totp_since.is_none() {
        return Err(Failure::NotFound);
    }
    Ok(Page::new(frame, RemoveContent { t, is_last: own.passkeys.is_empty() }).into_response())
}

/// Removes it.
pub(super) async fn remove(visitor: Visitor) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, _) = below(&visitor, "totp-remove-title");
    match credentials::remove_totp(&visitor.authority, &visitor.person).await {
        Ok(()) => Ok(gone_to(super::ACCOUNT, "totp-removed")),
        Err(error) => Err(Failure::Refused(told(&visitor, t, error)?)),
    }
}
