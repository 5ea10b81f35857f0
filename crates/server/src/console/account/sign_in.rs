//! Signing in and out.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::{SignIn, passkey, password};

use crate::console::account::door::{Door, PasskeyForm, entered, onward, said};
use crate::console::account::second;
use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Page, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInContent<'a> {
    t: Texts,
    realm: &'a str,
    /// Where the form goes: this address.
    action: &'a str,
    next: &'a str,
    email: &'a str,
    mistakes: Mistakes,
    passkey: Option<PasskeyForm>,
}

/// The page, perhaps with what was entered and what is wrong with it.
async fn page(door: &Door, (email, next): (&str, &str), mistake: Option<&str>) -> Result<Response, Failure> {
    let t = door.texts();
    let passkey = match door.site.relying_party(t) {
        Some(rp) => passkey::begin_sign_in(door.attempt(), &rp).await.ok(),
        None => None,
    };
    let content = SignInContent {
        t,
        realm: door.realm.id().as_str(),
        action: door.sign_in(),
        next,
        email,
        mistakes: mistake.map(|text| Mistakes::of_form(t.of(text))).unwrap_or_default(),
        passkey: passkey.map(|ceremony| PasskeyForm::of(&ceremony, format!("{}/passkey", door.sign_in()))),
    };
    let status = if mistake.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = Frame::outside(&door.asked, t, t.of("sign-in-title"));
    Ok(Page::new(frame, content).with_status(status).into_response())
}

/// The page to sign in at.
pub(super) async fn show(door: Door) -> Result<Response, Failure> {
    let query = ListQuery::of(&door.asked, &["next"]);
    page(&door, ("", query.value("next")), None).await
}

/// Takes email and password.
pub(super) async fn sign_in(door: Door, form: Form) -> Result<Response, Failure> {
    let secret = Secret::new(form.raw("password").to_owned());
    let next = onward(form.filled("next"));
    match password::sign_in(door.attempt(), form.text("email"), &secret).await {
        Ok(SignIn::Done(signed_in)) => Ok(entered(&door.authority, &signed_in, &next)),
        Ok(SignIn::SecondFactor(pending)) => {
            Ok(second::wanted(&door.authority, door.sign_in(), &pending, &next))
        }
        Err(refused) => {
            let text = said(refused, "sign-in-wrong")?;
            page(&door, (form.text("email"), &next), Some(text)).await
        }
    }
}

/// Takes a passkey's answer.
pub(super) async fn passkey(door: Door, form: Form) -> Result<Response, Failure> {
    let next = onward(form.filled("next"));
    let rp = door.site.relying_party(door.texts()).ok_or(Failure::NotFound)?;
    let Ok(answer) = serde_json::from_str(form.raw("answer")) else {
        return page(&door, ("", &next), Some("passkey-wrong")).await;
    };
    match passkey::sign_in(door.attempt(), &rp, form.text("state"), &answer).await {
        Ok(signed_in) => Ok(entered(&door.authority, &signed_in, &next)),
        Err(refused) => page(&door, ("", &next), Some(said(refused, "passkey-wrong")?)).await,
    }
}

/// Ends the session.
pub(super) async fn sign_out(visitor: Visitor) -> Result<Response, Failure> {
    edit::session::sign_out(&visitor.authority, &visitor.person).await?;
    Ok(left(&visitor, "signed-out"))
}

/// To the page to sign in at, without the session's cookie.
pub(super) fn left(visitor: &Visitor, done: &'static str) -> Response {
    let mut response = gone_to(&own_sign_in(visitor), done);
    if let Some(value) = Cookie::Session.gone(cookie::are_secure(&visitor.authority)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Where a person signs in.
pub(super) fn own_sign_in(visitor: &Visitor) -> String {
    let realm = visitor.person.realm();
    if realm.is_default() { address::sign_in("") } else { address::realm(visitor.home(), &["sign-in"]) }
}
