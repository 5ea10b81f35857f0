//! Where people come in: the realm that is signed in to here, and what all ways in have in common.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{self, HOST};
use axum::http::request::Parts;
use axum::response::Response;
use symbolon_core::authority::Authority;
use symbolon_core::realm_view::RealmView;
use symbolon_core::sign_in::passkey::{Ceremony, RelyingParty};
use symbolon_core::sign_in::{Attempt, Refused, SignedIn};

use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::failure::Failure;
use crate::console::page::gone_to;
use crate::console::texts::Texts;
use crate::console::visitor::Asked;
use crate::middleware::host::{chosen, host};
use crate::state::ServerState;

/// The realm in the path, else that of the host name, for somebody who is not signed in to it yet.
pub(super) struct Door {
    pub(super) authority: Arc<Authority>,
    pub(super) realm: Arc<RealmView>,
    pub(super) asked: Asked,
    pub(super) site: Site,
}

/// The host that the browser shows, as far as passkeys can be for it.
pub(super) struct Site(Option<String>);

impl FromRequestParts<ServerState> for Site {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Self::Rejection> {
        let header = parts.headers.get(HOST);
        let shown = parts.uri.authority().map(ToString::to_string);
        let shown = shown.or_else(|| Some(header?.to_str().ok()?.to_owned()));
        let directory = state.authority.directory();
        let base = directory.base();
        let (scheme, of_base) = base.split_once("://").unwrap_or(("https", base));
        let of_base = of_base.split('/').next().unwrap_or_default();
        let name = host(&parts.uri, header);
        // Passkeys are the host's, whatever the port; what is served at another port of it is not the console, but
        // could hand its questions on.
        let is_own = |shown: &String| {
            let is_known = name.as_deref().is_some_and(|name| directory.realm_of_host(name).is_some())
                || (scheme == "http" && name.as_deref() == Some("localhost"));
            shown.eq_ignore_ascii_case(of_base) || (is_known && port(shown) == port(of_base))
        };
        Ok(Self(shown.filter(is_own).map(|shown| format!("{scheme}://{shown}"))))
    }
}

/// What stands behind the name of a host; the brackets of an IPv6 address hold colons of their own.
fn port(shown: &str) -> Option<&str> {
    shown.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'))
}

impl Site {
    /// What passkeys are made for here; `None` where browsers have none.
    pub(super) fn relying_party(&self, t: Texts) -> Option<RelyingParty> {
        RelyingParty::at(self.0.as_deref()?, &t.of("product"))
    }
}

impl FromRequestParts<ServerState> for Door {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Failure> {
        let Ok(asked) = Asked::from_request_parts(parts, state).await;
        let Ok(site) = Site::from_request_parts(parts, state).await;
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Failure::NotFound)?;
        let named = params.iter().find(|(name, _)| *name == "realm").map(|(_, value)| value);
        let host = host(&parts.uri, parts.headers.get(HOST));
        let realm = chosen(state.authority.directory(), named, host.as_deref());
        let realm = realm.filter(|realm| realm.realm().status.is_active()).ok_or(Failure::NotFound)?;
        Ok(Self { authority: Arc::clone(&state.authority), realm, asked, site })
    }
}

impl Door {
    /// The texts in the realm's words.
    pub(super) fn texts(&self) -> Texts {
        Texts::of_words(self.realm.realm().settings.vocabulary)
    }

    /// An attempt to come in.
    pub(super) fn attempt(&self) -> Attempt<'_> {
        Attempt { authority: &self.authority, realm: &self.realm, visit: self.asked.visit() }
    }

    /// The address without its query.
    pub(super) fn path(&self) -> &str {
        self.asked.path.split('?').next().unwrap_or_default()
    }

    /// The address of the sign-in page that this one stands at or below.
    pub(super) fn sign_in(&self) -> &str {
        let path = self.path();
        path.find("/sign-in").and_then(|at| path.get(..at + "/sign-in".len())).unwrap_or(path)
    }
}

/// A page to go on to after signing in: a page of the console, else where it begins.
pub(super) fn onward(unverified: Option<&str>) -> String {
    address::next(unverified).unwrap_or_else(|| address::HOME.to_owned())
}

/// Into the console, with the session's cookie. Whatever waited for a second step is over.
pub(super) fn entered(authority: &Authority, signed_in: &SignedIn, next: &str) -> Response {
    let mut response = gone_to(next, "");
    let secure = cookie::are_secure(authority);
    let session = Cookie::Session.set(secure, signed_in.token.expose(), None);
    for value in session.into_iter().chain(Cookie::Pending.gone(secure)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The text that a page is shown again with after a refusal, where it is shown again at all.
pub(super) fn said(refused: Refused, wrong: &'static str) -> Result<&'static str, Failure> {
    match refused {
        Refused::Wrong => Ok(wrong),
        Refused::Expired => Ok("sign-in-expired"),
        Refused::Later(wait) => Err(Failure::Busy(wait)),
        Refused::Unavailable => Err(Failure::Unavailable("signing in is not possible".to_owned())),
    }
}

/// A button that asks the browser for a passkey, and sends its answer as a form.
pub(super) struct PasskeyForm {
    pub(super) action: String,
    pub(super) state: String,
    /// What the browser is asked, as JSON.
    pub(super) options: String,
}

impl PasskeyForm {
    pub(super) fn of(ceremony: &Ceremony, action: impl Into<String>) -> Self {
        let (state, options) = (ceremony.state.expose().to_owned(), ceremony.options.to_string());
        Self { action: action.into(), state, options }
    }
}
