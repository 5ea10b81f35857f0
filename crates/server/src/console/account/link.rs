//! One-time links: the first operator, an invitation, a forgotten password. Looking at the page uses nothing up; the
//! form does.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit::EditError;
use symbolon_core::edit::link::{self, Chosen, LinkError, LinkPurpose, LinkView};
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::password::SHORTEST;
use symbolon_core::store::StoreError;

use crate::console::account::overview::role;
use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Frame, Page, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Asked;
use crate::state::ServerState;

#[derive(Template)]
#[template(path = "account/link.html")]
struct LinkContent<'a> {
    t: Texts,
    title: &'a str,
    text: &'a str,
    /// Where the form goes: this address.
    action: &'a str,
    /// The person's, where it is known; else it is asked for.
    known_email: Option<&'a str>,
    email: &'a str,
    role: String,
    realm: &'a str,
    shortest: usize,
    expires_at: Moment,
    mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "account/link_dead.html")]
struct DeadContent {
    t: Texts,
}

fn dead(asked: &Asked) -> Response {
    let t = Texts::default();
    let frame = Frame::outside(asked, t, t.of("link-dead-title"));
    Page::new(frame, DeadContent { t }).with_status(StatusCode::GONE).into_response()
}

fn page(asked: &Asked, view: &LinkView, email: &str, mistakes: Mistakes) -> Response {
    let realm = view.realm.realm();
    let t = Texts::of_words(realm.settings.vocabulary);
    let (title, text) = match view.purpose {
        LinkPurpose::FirstOperator => ("link-first-title", "link-first"),
        LinkPurpose::Invitation => ("link-invitation-title", "link-invitation"),
        LinkPurpose::Reset => ("link-reset-title", "link-reset"),
    };
    let (title, text) = (t.of(title), t.of(text));
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = LinkContent {
        t,
        title: &title,
        text: &text,
        action: asked.path.split('?').next().unwrap_or_default(),
        known_email: view.email.as_deref(),
        email,
        role: view.role.as_ref().map(|one| role(t, one)).unwrap_or_default(),
        realm: view.realm.id().as_str(),
        shortest: SHORTEST,
        expires_at: Moment(view.expires_at),
        mistakes,
    };
    let frame = Frame::outside(asked, t, &*title);
    Page::new(frame, content).with_status(status).into_response()
}

/// What is shown instead of a page of a link that failed to load.
fn failed(error: LinkError, asked: &Asked) -> Result<Response, Failure> {
    match error {
        LinkError::Edit(error) => Err(error.into()),
        LinkError::Dead | LinkError::Weak(_) | LinkError::EmailMissing => Ok(dead(asked)),
    }
}

/// Shows what it is for.
pub(super) async fn show(
    axum::extract::State(state): axum::extract::State<ServerState>,
    asked: Asked,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    match link::look(&state.authority, &token).await {
        Ok(view) => Ok(page(&asked, &view, "", Mistakes::default())),
        Err(error) => failed(error, &asked),
    }
}

/// Takes the password, and uses the link up.
pub(super) async fn accept(
    axum::extract::State(state): axum::extract::State<ServerState>,
    asked: Asked,
    Path(token): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let authority = &state.authority;
    let view = match link::look(authority, &token).await {
        Ok(view) => view,
        Err(error) => return failed(error, &asked),
    };
    let t = Texts::of_words(view.realm.realm().settings.vocabulary);
    let email = form.text("email");
    let mut mistakes = Mistakes::default();
    if form.raw("password") != form.raw("again") {
        mistakes.add("again", t.of("password-differs"));
        return Ok(page(&asked, &view, email, mistakes));
    }
    let password = Secret::new(form.raw("password").to_owned());
    let chosen = Chosen { password: &password, email: Some(email).filter(|email| !email.is_empty()) };
    match link::accept(authority, &token, chosen, asked.visit()).await {
        Ok(_) => {
            let sign_in = if view.realm.is_default() {
                address::sign_in("")
            } else {
                address::realm(view.realm.id(), &["sign-in"])
            };
            return Ok(gone_to(&sign_in, "password-set"));
        }
        Err(LinkError::Weak(error)) => mistakes.add("password", sentence(&error.to_string())),
        Err(LinkError::EmailMissing) => mistakes.add("email", t.of("link-email-missing")),
        Err(LinkError::Edit(EditError::Invalid(text))) => mistakes.add("email", sentence(&text)),
        Err(LinkError::Edit(EditError::Store(error @ StoreError::Taken(_)))) => {
            mistakes.add("email", sentence(&error.to_string()));
        }
        Err(error) => return failed(error, &asked),
    }
    Ok(page(&asked, &view, email, mistakes))
}
