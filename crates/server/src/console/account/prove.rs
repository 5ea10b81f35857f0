//! Proving again who one is, before credentials are made, shown or removed; then back to where it was asked for.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::factors;
use symbolon_core::sign_in::{Attempt, SignIn, passkey, password};

use crate::console::account::door::{PasskeyForm, Site, entered, onward, said};
use crate::console::account::second;
use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Page, Place};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "account/prove.html")]
struct ProveContent<'a> {
    t: Texts,
    email: &'a str,
    next: &'a str,
    mistakes: Mistakes,
    passkey: Option<PasskeyForm>,
}

fn attempt(visitor: &Visitor) -> Attempt<'_> {
    Attempt { authority: &visitor.authority, realm: visitor.person.realm(), visit: visitor.asked.visit() }
}

async fn page(
    visitor: &Visitor,
    site: &Site,
    next: &str,
    mistake: Option<&str>,
) -> Result<Response, Failure> {
    let place = Place::nowhere();
    let t = place.texts(visitor);
    let user = visitor.person.user();
    let own = factors::overview(&**visitor.authority.store(), visitor.home(), &user.id).await?;
    let mut passkey = None;
    if !own.passkeys.is_empty()
        && let Some(rp) = site.relying_party(t)
    {
        let ceremony = passkey::begin_proof(attempt(visitor), &rp, &visitor.person).await.ok();
        passkey = ceremony.map(|ceremony| PasskeyForm::of(&ceremony, format!("{}/passkey", address::PROVE)));
    }
    let mistakes = mistake.map(|text| Mistakes::of_form(t.of(text))).unwrap_or_default();
    let status = if mistake.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let content = ProveContent { t, email: &user.email, next, mistakes, passkey };
    let frame = Frame::inside(visitor, &place, t.of("prove-title"));
    Ok(Page::new(frame, content).with_status(status).into_response())
}

/// The page.
pub(super) async fn show(visitor: Visitor, site: Site) -> Result<Response, Failure> {
    let next = onward(ListQuery::of(&visitor.asked, &["next"]).set("next"));
    page(&visitor, &site, &next, None).await
}

/// Takes the password.
pub(super) async fn prove(visitor: Visitor, site: Site, form: Form) -> Result<Response, Failure> {
    let next = onward(form.filled("next"));
    let secret = Secret::new(form.raw("password").to_owned());
    match password::prove(attempt(&visitor), &visitor.person, &secret).await {
        Ok(SignIn::Done(signed_in)) => Ok(entered(&visitor.authority, &signed_in, &next)),
        Ok(SignIn::SecondFactor(pending)) => {
            let sign_in = address::realm(visitor.home(), &["sign-in"]);
            Ok(second::wanted(&visitor.authority, &sign_in, &pending, &next))
        }
        Err(refused) => page(&visitor, &site, &next, Some(said(refused, "prove-wrong")?)).await,
    }
}

/// Takes a passkey's answer.
pub(super) async fn passkey(visitor: Visitor, site: Site, form: Form) -> Result<Response, Failure> {
    let next = onward(form.filled("next"));
    let t = Place::nowhere().texts(&visitor);
    let rp = site.relying_party(t).ok_or(Failure::NotFound)?;
    let answer = serde_json::from_str(form.raw("answer")).map_err(|_| Failure::Form)?;
    match passkey::sign_in(attempt(&visitor), &rp, form.text("state"), &answer).await {
        Ok(signed_in) => Ok(entered(&visitor.authority, &signed_in, &next)),
        Err(refused) => page(&visitor, &site, &next, Some(said(refused, "passkey-wrong")?)).await,
    }
}
