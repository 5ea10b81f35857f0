//! Asking before something is done that cannot be taken back, or that stops programs.

use askama::Template;

use crate::console::texts::Texts;

/// The question: what is to be done, and what comes with it.
#[derive(Template)]
#[template(path = "customer/confirm.html")]
pub(super) struct Confirm {
    pub(super) t: Texts,
    pub(super) title: String,
    /// What it means, in sentences.
    pub(super) sentences: Vec<String>,
    /// What is concerned, one by one.
    pub(super) things: Vec<String>,
    /// Whether something dies.
    pub(super) is_danger: bool,
    /// The button that does it.
    pub(super) button: String,
    /// Where the form goes: the address of the page.
    pub(super) action: String,
    /// The version that was looked at; 0 where none counts.
    pub(super) version: i64,
    pub(super) once: String,
    /// Out of it.
    pub(super) back: String,
}
