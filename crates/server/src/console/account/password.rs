//! Changing one's password: with the old one, and all other sessions end.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use symbolon_core::edit::credentials::{self, CredentialError};
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::password::SHORTEST;
use symbolon_core::sign_in::{Attempt, Refused};

use crate::console::account::overview::{below, told};
use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::failure::{self, Failure};
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordContent<'a> {
    t: Texts,
    email: &'a str,
    shortest: usize,
    mistakes: Mistakes,
}

fn page(visitor: &Visitor, mistakes: Mistakes) -> Response {
    let (t, frame) = below(visitor, "password-title");
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let email = &visitor.person.user().email;
    let content = PasswordContent { t, email, shortest: SHORTEST, mistakes };
    Page::new(frame, content).with_status(status).into_response()
}

/// The form.
pub(super) async fn show(visitor: Visitor) -> Result<Response, Failure> {
    if credentials::password_needs_proof(&visitor.authority, &visitor.person).await? {
        visitor.check_proof()?;
    }
    Ok(page(&visitor, Mistakes::default()))
}

/// Takes the old password and the new one.
pub(super) async fn change(visitor: Visitor, form: Form) -> Result<Response, Failure> {
    let (t, _) = below(&visitor, "password-title");
    let mut mistakes = Mistakes::default();
    if form.raw("new") != form.raw("again") {
        mistakes.add("again", t.of("password-differs"));
        return Ok(page(&visitor, mistakes));
    }
    let attempt = Attempt {
        authority: &visitor.authority,
        realm: visitor.person.realm(),
        visit: visitor.asked.visit(),
    };
    let [old, new] = ["old", "new"].map(|name| Secret::new(form.raw(name).to_owned()));
    match credentials::change_password(attempt, &visitor.person, (&old, &new)).await {
        Ok(signed_in) => {
            let mut response = gone_to(super::ACCOUNT, "password-changed");
            let secure = cookie::are_secure(&visitor.authority);
            if let Some(value) = Cookie::Session.set(secure, signed_in.token.expose(), None) {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
            Ok(response)
        }
        // Passwords do not wait in the browser, as other forms do: this one is filled in again.
        Err(CredentialError::NotProven) => Ok(failure::to(address::PROVE, &visitor.asked.path, "")),
        Err(error) => {
            let field = match &error {
                CredentialError::Refused(Refused::Wrong) => "old",
                CredentialError::Weak(_) => "new",
                _ => "",
            };
            mistakes.add(field, told(&visitor, t, error)?);
            Ok(page(&visitor, mistakes))
        }
    }
}
