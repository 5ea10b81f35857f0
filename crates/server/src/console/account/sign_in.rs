//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::realm_view::RealmView;
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::{Attempt, Refused, SignIn, SignedIn, password};

use crate::console::cookie::{self, Cookie};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Frame, Page, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::{Asked, Visitor};
use crate::console::{address, list::ListQuery};
use crate::middleware::host::{chosen, host};
use crate::state::ServerState;

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
}

/// The realm that people sign in to here: the one in the path, else that of the host name.
fn realm_of(
    state: &ServerState,
    params: &RawPathParams,
    headers: &HeaderMap,
) -> Result<Arc<RealmView>, Failure> {
    let named = params.iter().find(|(name, _)| *name == "realm").map(|(_, value)| value);
    let host = host(&axum::http::Uri::default(), headers.get(header::HOST));
    let realm = chosen(state.authority.directory(), named, host.as_deref());
    realm.filter(|realm| realm.realm().status.is_active()).ok_or(Failure::NotFound)
}

fn page<'a>(
    asked: &Asked,
    realm: &RealmView,
    content: impl FnOnce(Texts) -> SignInContent<'a>,
) -> Page<SignInContent<'a>> {
    let t = Texts::of_words(realm.realm().settings.vocabulary);
    Page::new(Frame::outside(asked, t, t.of("sign-in-title")), content(t))
}

/// The page to sign in at.
pub(super) async fn show(
    State(state): State<ServerState>,
    params: RawPathParams,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Failure> {
    let realm = realm_of(&state, &params, &headers)?;
    let query = ListQuery::of(&asked, &["next"]);
    let content = |t| SignInContent {
        t,
        realm: realm.id().as_str(),
        action: path(&asked),
        next: query.value("next"),
        email: "",
        mistakes: Mistakes::default(),
    };
    Ok(page(&asked, &realm, content).into_response())
}

fn path(asked: &Asked) -> &str {
    asked.path.split('?').next().unwrap_or_default()
}

/// Takes email and password.
pub(super) async fn sign_in(
    State(state): State<ServerState>,
    params: RawPathParams,
    headers: HeaderMap,
    asked: Asked,
    form: Form,
) -> Result<Response, Failure> {
    let realm = realm_of(&state, &params, &headers)?;
    let attempt = Attempt { authority: &state.authority, realm: &realm, visit: asked.visit() };
    let secret = Secret::new(form.raw("password").to_owned());
    let next = address::next(form.filled("next")).unwrap_or_else(|| address::HOME.to_owned());
    let again = |text: &'static str, status: StatusCode| {
        let content = |t: Texts| SignInContent {
            t,
            realm: realm.id().as_str(),
            action: path(&asked),
            next: &next,
            email: form.text("email"),
            mistakes: Mistakes::of_form(t.of(text)),
        };
        Ok(page(&asked, &realm, content).with_status(status).into_response())
    };
    match password::sign_in(attempt, form.text("email"), &secret).await {
        Ok(SignIn::Done(signed_in)) => Ok(entered(&state, &signed_in, &next)),
        Ok(SignIn::SecondFactor(_)) => Err(Failure::NotFound),
        Err(Refused::Later(wait)) => Err(Failure::Busy(wait)),
        Err(Refused::Unavailable) => Err(Failure::Unavailable("signing in".to_owned())),
        Err(Refused::Wrong | Refused::Expired) => again("sign-in-wrong", StatusCode::UNPROCESSABLE_ENTITY),
    }
}

/// Into the console, with the session's cookie.
fn entered(state: &ServerState, signed_in: &SignedIn, next: &str) -> Response {
    let mut response = gone_to(next, "");
    let secure = cookie::are_secure(&state.authority);
    if let Some(value) = Cookie::Session.set(secure, signed_in.token.expose(), None) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Ends the session.
pub(super) async fn sign_out(visitor: Visitor) -> Result<Response, Failure> {
    edit::session::sign_out(&visitor.authority, &visitor.person).await?;
    let mut response = gone_to(&address::sign_in(&page_of(&visitor)), "signed-out");
    if let Some(value) = Cookie::Session.gone(cookie::are_secure(&visitor.authority)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn page_of(visitor: &Visitor) -> String {
    if visitor.person.realm().is_default() { String::new() } else { address::realm(visitor.home(), &[""]) }
}
