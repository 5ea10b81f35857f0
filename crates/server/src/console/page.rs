//! Pages: one responder for all of them. A page is its content and what stands around it; whoever asks for the content
//! alone (htmx, following a link within the console) gets that.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use symbolon_core::session::Role;

use crate::console::failure::Failure;
use crate::console::nav::{self, Group};
use crate::console::texts::Texts;
use crate::console::visitor::{Asked, Visitor};
use crate::console::{address, assets};

/// A link with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) text: String,
    /// Empty where it is a word on the way and no page.
    pub(crate) to: String,
}

impl Link {
    pub(crate) fn new(text: impl Into<String>, to: impl Into<String>) -> Self {
        Self { text: text.into(), to: to.into() }
    }
}

/// What stands around the content.
pub(crate) struct Frame {
    pub(crate) t: Texts,
    title: String,
    /// The way to this page.
    crumbs: Vec<Link>,
    groups: Vec<Group>,
    /// Who is signed in: name and realm.
    person: Option<(String, String)>,
    /// What has just been done.
    done: Option<String>,
    partial: bool,
}

/// A page with its status.
pub(crate) struct Page<T> {
    frame: Frame,
    content: T,
    status: StatusCode,
}

/// Content and what stands around it.
#[derive(Template)]
#[template(path = "layout.html")]
struct Whole<'a> {
    t: Texts,
    frame: &'a Frame,
    content: &'a str,
    css: &'static str,
    script: &'static str,
    htmx: &'static str,
    icon: &'static str,
}

/// The content alone, with the title and the way to it.
#[derive(Template)]
#[template(path = "partial.html")]
struct Part<'a> {
    t: Texts,
    frame: &'a Frame,
    content: &'a str,
}

impl Frame {
    /// For a page that people see who are not signed in.
    pub(crate) fn outside(asked: &Asked, t: Texts, title: impl Into<String>) -> Self {
        Self {
            t,
            title: title.into(),
            crumbs: Vec::new(),
            groups: Vec::new(),
            person: None,
            done: done(asked, t),
            partial: asked.partial,
        }
    }

    /// For a page of somebody who is signed in.
    ///
    /// `realm` is the realm that the page shows, whose words it uses.
    pub(crate) fn inside(visitor: &Visitor, at: &Place<'_>, title: impl Into<String>) -> Self {
        let t = at.texts(visitor);
        let person = (visitor.person.user().email.clone(), visitor.home().to_string());
        Self {
            groups: nav::groups(visitor, at, t),
            person: Some(person),
            ..Self::outside(&visitor.asked, t, title)
        }
    }

    /// The same page with the way to it; the page itself is not among them.
    #[must_use]
    pub(crate) fn below(mut self, crumbs: Vec<Link>) -> Self {
        self.crumbs = crumbs;
        self
    }
}

/// Which realm and organization a page is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    pub(crate) realm: Option<&'a str>,
    pub(crate) organization: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// About the person itself.
    pub(crate) const fn nowhere() -> Self {
        Self { realm: None, organization: None }
    }

    /// About a realm.
    pub(crate) const fn in_realm(realm: &'a str) -> Self {
        Self { realm: Some(realm), organization: None }
    }

    /// About an organization: realm and organization.
    pub(crate) const fn in_organization((realm, organization): (&'a str, &'a str)) -> Self {
        Self { realm: Some(realm), organization: Some(organization) }
    }

    /// The texts in that realm's words.
    pub(crate) fn texts(&self, visitor: &Visitor) -> Texts {
        let named = self.realm.and_then(|realm| visitor.authority.directory().realm(realm));
        let realm = named.as_ref().unwrap_or_else(|| visitor.person.realm());
        Texts::of_words(realm.realm().settings.vocabulary)
    }
}

/// What a page of before says was done, by the name of its text; nothing that an address holds is shown itself.
fn done(asked: &Asked, t: Texts) -> Option<String> {
    let query = asked.path.split_once('?')?.1;
    let name = query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
    let name = format!("done-{name}");
    Texts::has(&name).then(|| t.of(&name).into_owned())
}

impl<T: Template> Page<T> {
    pub(crate) const fn new(frame: Frame, content: T) -> Self {
        Self { frame, content, status: StatusCode::OK }
    }

    /// The same with another status: 422 for a form that is shown again with what is wrong in it.
    #[must_use]
    pub(crate) const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    fn rendered(&self) -> askama::Result<String> {
        let Self { frame, content, .. } = self;
        let content = &content.render()?;
        if frame.partial {
            return Part { t: frame.t, frame, content }.render();
        }
        let [css, script, htmx, icon] = assets::addresses();
        Whole { t: frame.t, frame, content, css, script, htmx, icon }.render()
    }
}

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.rendered() {
            Ok(text) => (self.status, Html(text)).into_response(),
            Err(error) => Failure::Unavailable(format!("a page could not be made: {error}")).into_response(),
        }
    }
}

/// To another page, with what was done: what follows every form that changed something (303, so that going back or
/// loading again does not send the form again).
pub(crate) fn gone_to(path: &str, done: &'static str) -> Response {
    let to = if done.is_empty() { path.to_owned() } else { format!("{path}?done={done}") };
    axum::response::Redirect::to(&to).into_response()
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailureContent<'a> {
    t: Texts,
    title: &'a str,
    text: &'a str,
    request_id: &'a str,
}

/// The page of a failure, with the status and the headers of its answer.
pub(super) fn failure_page(
    answer: Response,
    failure: &Failure,
    asked: &Asked,
    visitor: Option<&Visitor>,
) -> Response {
    let t = visitor.map(|visitor| Place::nowhere().texts(visitor)).unwrap_or_default();
    let (status, title, text) = failure.row();
    let title = t.of(title);
    let text = match failure {
        Failure::Refused(reason) | Failure::Invalid(reason) => sentence(reason),
        Failure::Forbidden
            if visitor.is_some_and(|visitor| matches!(visitor.person.role(), Role::Operator(_))) =>
        {
            t.of("error-forbidden-operator").into_owned()
        }
        Failure::Busy(wait) => t.one(text, wait.as_secs().max(1)).into_owned(),
        _ => t.of(text).into_owned(),
    };
    let frame = match visitor {
        Some(visitor) => Frame::inside(visitor, &Place::nowhere(), &*title),
        None => Frame::outside(asked, t, &*title),
    };
    let content = FailureContent { t, title: &title, text: &text, request_id: &asked.id };
    let mut page = Page::new(frame, content).with_status(status).into_response();
    let (parts, _) = answer.into_parts();
    for (name, value) in &parts.headers {
        if name == header::RETRY_AFTER || name == header::SET_COOKIE || name == header::ALLOW {
            page.headers_mut().append(name, value.clone());
        }
    }
    page.extensions_mut().extend(parts.extensions);
    page
}

/// What core says of a mistake, as a sentence.
pub(crate) fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

/// Where somebody belongs: operators to their realm, members to their organization.
pub(crate) fn home(visitor: &Visitor) -> String {
    match visitor.person.role() {
        Role::Operator(_) => address::realm(visitor.home(), &[]),
        Role::Member(organization, _) => address::organization(visitor.home(), organization, &[]),
    }
}
