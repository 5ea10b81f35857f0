//! Passkeys: added with the browser's help, given a name, removed.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit::credentials;
use symbolon_core::id::PasskeyId;
use symbolon_core::sign_in::factors::{self, PasskeyOverview};
use symbolon_core::sign_in::passkey::RegistrationResponse;

use crate::console::account::door::{PasskeyForm, Site};
use crate::console::account::overview::{below, told};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/passkey_new.html")]
struct NewContent<'a> {
    t: Texts,
    passkey: PasskeyForm,
    name: &'a str,
    mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "account/passkey.html")]
struct PasskeyContent<'a> {
    t: Texts,
    action: String,
    name: &'a str,
    mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "account/passkey_remove.html")]
struct RemoveContent<'a> {
    t: Texts,
    action: String,
    name: &'a str,
    /// Whether the password alone would be enough then.
    is_last: bool,
}

fn address(id: &PasskeyId, below: &str) -> String {
    format!("{}/passkeys/{id}{below}", super::ACCOUNT)
}

async fn new_page(
    visitor: &Visitor,
    site: &Site,
    name: &str,
    mistakes: Mistakes,
) -> Result<Response, Failure> {
    let (t, frame) = below(visitor, "passkey-new-title");
    let rp =
        site.relying_party(t).ok_or_else(|| Failure::Refused(t.of("passkey-impossible").into_owned()))?;
    let ceremony = match credentials::begin_passkey(&visitor.authority, &visitor.person, &rp).await {
        Ok(ceremony) => ceremony,
        Err(error) => return Err(Failure::Refused(told(visitor, t, error)?)),
    };
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let passkey = PasskeyForm::of(&ceremony, format!("{}/passkeys/new", super::ACCOUNT));
    let content = NewContent { t, passkey, name, mistakes };
    Ok(Page::new(frame, content).with_status(status).into_response())
}

/// Begins to add one.
pub(super) async fn begin(visitor: Visitor, site: Site) -> Result<Response, Failure> {
    visitor.check_proof()?;
    new_page(&visitor, &site, "", Mistakes::default()).await
}

/// Takes the browser's answer.
pub(super) async fn add(visitor: Visitor, site: Site, form: Form) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (t, _) = below(&visitor, "passkey-new-title");
    let rp = site.relying_party(t).ok_or(Failure::NotFound)?;
    let answer: RegistrationResponse = serde_json::from_str(form.raw("answer")).map_err(|_| Failure::Form)?;
    let own = (&visitor.person, &rp);
    let (state, name) = (form.text("state"), form.text("name"));
    match credentials::add_passkey(&visitor.authority, own, (state, &answer), name).await {
        Ok(_) => Ok(gone_to(super::ACCOUNT, "passkey-added")),
        Err(error) => {
            let mut mistakes = Mistakes::default();
            let field = if name.is_empty() { "name" } else { "" };
            mistakes.add(field, told(&visitor, t, error)?);
            new_page(&visitor, &site, name, mistakes).await
        }
    }
}

/// One's own passkey of an id, and how many there are beside it and the app.
async fn find(visitor: &Visitor, id: &str) -> Result<(PasskeyOverview, bool), Failure> {
    let user = &visitor.person.user().id;
    let own = factors::overview(&**visitor.authority.store(), visitor.home(), user).await?;
    let is_last = own.passkeys.len() == 1 && own.totp_since.is_none();
    let found = own.passkeys.into_iter().find(|passkey| passkey.id.as_str() == id);
    Ok((found.ok_or(Failure::NotFound)?, is_last))
}

/// The form for its name.
pub(super) async fn show(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    let (passkey, _) = find(&visitor, &id).await?;
    let (t, frame) = below(&visitor, "passkey-title");
    let action = address(&passkey.id, "");
    let content = PasskeyContent { t, action, name: &passkey.name, mistakes: Mistakes::default() };
    Ok(Page::new(frame, content).into_response())
}

/// Takes its name.
pub(super) async fn rename(
    visitor: Visitor,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let (passkey, _) = find(&visitor, &id).await?;
    let (t, frame) = below(&visitor, "passkey-title");
    let name = form.text("name");
    match credentials::rename_passkey(&visitor.authority, &visitor.person, &passkey.id, name).await {
        Ok(()) => Ok(gone_to(super::ACCOUNT, "passkey-renamed")),
        Err(error) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("name", told(&visitor, t, error)?);
            let content = PasskeyContent { t, action: address(&passkey.id, ""), name, mistakes };
            Ok(Page::new(frame, content).with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
    }
}

/// Asks before it is removed.
pub(super) async fn ask_to_remove(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (passkey, is_last) = find(&visitor, &id).await?;
    let (t, frame) = below(&visitor, "passkey-remove-title");
    let action = address(&passkey.id, "/remove");
    Ok(Page::new(frame, RemoveContent { t, action, name: &passkey.name, is_last }).into_response())
}

/// Removes it.
pub(super) async fn remove(visitor: Visitor, Path(id): Path<String>) -> Result<Response, Failure> {
    visitor.check_proof()?;
    let (passkey, _) = find(&visitor, &id).await?;
    let (t, _) = below(&visitor, "passkey-remove-title");
    match credentials::remove_passkey(&visitor.authority, &visitor.person, &passkey.id).await {
        Ok(()) => Ok(gone_to(super::ACCOUNT, "passkey-removed")),
        Err(error) => Err(Failure::Refused(told(&visitor, t, error)?)),
    }
}
