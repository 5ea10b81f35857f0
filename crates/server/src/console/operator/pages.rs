//! The two pages that most changes of operators are made on: a form, and a question before something dangerous.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit::EditError;
use symbolon_core::permission::{RealmAccess, RepeatError};
use symbolon_core::realm::Status;
use symbolon_core::store::StoreError;

use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::operator::fields::{Fields, Group};
use crate::console::operator::status_of;
use crate::console::page::{Frame, Link, Page, Place, sentence};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// Hidden fields.
pub(super) type Hidden = Vec<(&'static str, String)>;

/// The field that lets a form make its thing once, whatever is pressed how often.
pub(super) fn once(visitor: &Visitor, form: &Form) -> (&'static str, String) {
    ("once", form.filled("once").unwrap_or(&visitor.asked.id).to_owned())
}

/// The field that says which version of a thing is changed.
pub(super) fn version(version: i64) -> (&'static str, String) {
    ("version", version.to_string())
}

/// Stops where the thing is no more the one that the form was shown for.
pub(super) fn check_version(form: &Form, version: i64) -> Result<(), Failure> {
    if form.number("version") == Ok(Some(version)) { Ok(()) } else { Err(Failure::Stale) }
}

/// What this very form made when it came for the first time.
pub(super) async fn made_before(access: &RealmAccess<'_>) -> Result<Option<String>, Failure> {
    access.made_before().await.map_err(|error| match error {
        RepeatError::Another => Failure::Form,
        RepeatError::Store(error) => error.into(),
    })
}

/// What forbids a change, to stand in its form; whatever is no fault of the form is a page of its own.
pub(super) fn mistakes(error: EditError) -> Result<Mistakes, Failure> {
    match error {
        EditError::Invalid(text) | EditError::NotOffered(text) => Ok(Mistakes::of_form(sentence(&text))),
        EditError::Store(error @ (StoreError::Taken(_) | StoreError::Refused(_))) => {
            Ok(Mistakes::of_form(sentence(&error.to_string())))
        }
        error => Err(error.into()),
    }
}

/// The path of the request.
pub(super) fn path(visitor: &Visitor) -> &str {
    visitor.asked.path.split('?').next().unwrap_or_default()
}

/// A page with a form.
pub(super) struct FormPage<'a> {
    pub(super) place: Place<'a>,
    pub(super) crumbs: Vec<Link>,
    pub(super) title: String,
    /// What the form is for, where the title does not say it.
    pub(super) intro: String,
    pub(super) hidden: Hidden,
    pub(super) groups: Vec<Group>,
    /// The text of the button.
    pub(super) submit: &'static str,
    pub(super) cancel: String,
    /// What else can be done with the thing.
    pub(super) links: Vec<Link>,
}

#[derive(Template)]
#[template(path = "operator/form.html")]
struct FormContent {
    t: Texts,
    title: String,
    intro: String,
    mistake: String,
    action: String,
    hidden: Hidden,
    fields: Fields,
    submit: String,
    cancel: String,
    links: Vec<Link>,
}

impl FormPage<'_> {
    /// The page with what stands in its fields.
    pub(super) fn shown(self, visitor: &Visitor, form: &Form) -> Response {
        self.page(visitor, form, &Mistakes::default(), StatusCode::OK)
    }

    /// The same page with what is wrong with what was entered.
    pub(super) fn again(self, visitor: &Visitor, form: &Form, mistakes: &Mistakes) -> Response {
        self.page(visitor, form, mistakes, StatusCode::UNPROCESSABLE_ENTITY)
    }

    fn page(self, visitor: &Visitor, form: &Form, mistakes: &Mistakes, status: StatusCode) -> Response {
        let Self { place, crumbs, title, intro, hidden, groups, submit, cancel, links } = self;
        let frame = Frame::inside(visitor, &place, title.clone()).below(crumbs);
        let t = frame.t;
        let content = FormContent {
            t,
            title,
            intro,
            mistake: mistakes.of("").unwrap_or_default().to_owned(),
            action: path(visitor).to_owned(),
            hidden,
            fields: Fields::filled(t, &groups, form, mistakes),
            submit: t.of(submit).into_owned(),
            cancel,
            links,
        };
        Page::new(frame, content).with_status(status).into_response()
    }
}

/// A page that asks before something is done; without scripts a page like others, with them above the one before.
pub(super) struct Question<'a> {
    pub(super) place: Place<'a>,
    pub(super) title: String,
    /// What will happen.
    pub(super) lines: Vec<String>,
    pub(super) hidden: Hidden,
    /// The text of the button.
    pub(super) submit: &'static str,
    pub(super) cancel: String,
    /// Whether it cannot be undone.
    pub(super) danger: bool,
}

#[derive(Template)]
#[template(path = "operator/question.html")]
struct QuestionContent {
    t: Texts,
    title: String,
    mistake: String,
    lines: Vec<String>,
    action: String,
    hidden: Hidden,
    submit: String,
    cancel: String,
    danger: bool,
}

/// The names of the texts of a question before something is switched: its title, its lines, and the button.
pub(super) type QuestionTexts<'a> = (&'a str, &'a [&'a str], &'static str);

impl<'a> Question<'a> {
    /// Asks before something is switched off (the first texts) or on (the second), as the path says. Texts are given the
    /// values.
    pub(super) fn of_status(
        visitor: &Visitor,
        place: Place<'a>,
        (off, on): (QuestionTexts<'_>, QuestionTexts<'_>),
        values: &[(&'static str, &str)],
        (version_now, cancel): (i64, String),
    ) -> Self {
        let t = place.texts(visitor);
        let danger = status_of(&visitor.asked.path) == Status::Disabled;
        let (title, lines, submit) = if danger { off } else { on };
        Self {
            place,
            title: t.with(title, values).into_owned(),
            lines: lines.iter().map(|line| t.with(line, values).into_owned()).collect(),
            hidden: vec![version(version_now)],
            submit,
            cancel,
            danger,
        }
    }
}

impl Question<'_> {
    /// The page.
    pub(super) fn asked(self, visitor: &Visitor) -> Response {
        self.page(visitor, String::new(), StatusCode::OK)
    }

    /// The page with why it cannot be done.
    pub(super) fn refused(self, visitor: &Visitor, mistakes: &Mistakes) -> Response {
        let mistake = mistakes.of("").unwrap_or_default().to_owned();
        self.page(visitor, mistake, StatusCode::UNPROCESSABLE_ENTITY)
    }

    fn page(self, visitor: &Visitor, mistake: String, status: StatusCode) -> Response {
        let Self { place, title, lines, hidden, submit, cancel, danger } = self;
        let frame = Frame::inside(visitor, &place, title.clone());
        let t = frame.t;
        let (action, submit) = (path(visitor).to_owned(), t.of(submit).into_owned());
        let content = QuestionContent { t, title, mistake, lines, action, hidden, submit, cancel, danger };
        Page::new(frame, content).with_status(status).into_response()
    }
}
