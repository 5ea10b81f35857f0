//! How things are shown: states as a word with a colour, access keys as rows, scopes by API.

use symbolon_core::access_key::KeyStatus;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::access_key::KeyOverview;
use symbolon_core::realm::Status;

use crate::console::texts::Texts;
use crate::console::time::{Moment, ago};

/// A state: a word, and a colour beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    /// The class of the style sheet.
    pub(super) class: &'static str,
    pub(super) text: String,
}

impl Badge {
    pub(super) fn new(class: &'static str, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }

    pub(super) fn of_status(t: Texts, status: Status) -> Self {
        match status {
            Status::Active => Self::new("good", t.of("status-active")),
            Status::Disabled => Self::new("bad", t.of("status-disabled")),
        }
    }

    /// The words of access keys are those of the protocol, whatever the language.
    pub(super) fn of_key(t: Texts, status: KeyStatus, ended: bool) -> Self {
        match status {
            _ if ended => Self::new("bad", t.of("key-ended")),
            KeyStatus::Active => Self::new("good", t.of("key-active")),
            KeyStatus::Inactive => Self::new("warn", t.of("key-inactive")),
        }
    }
}

/// A value that can be copied.
#[derive(Clone)]
pub(super) struct Copyable {
    /// The field's id within the page.
    pub(super) id: &'static str,
    pub(super) label: String,
    pub(super) value: String,
}

impl Copyable {
    pub(super) fn new(id: &'static str, label: impl Into<String>, value: &impl ToString) -> Self {
        Self { id, label: label.into(), value: value.to_string() }
    }
}

/// An access key as a row.
#[derive(Clone, Debug)]
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) state: Badge,
    pub(super) is_active: bool,
    pub(super) created: Moment,
    pub(super) expires: Option<Moment>,
    /// When and from where it was last used, and how long ago that is.
    pub(super) used: Option<(Moment, String, String)>,
    pub(super) safe_to_retire: bool,
    /// The address of the key, which its actions lie below.
    pub(super) to: String,
}

impl KeyRow {
    pub(super) fn of(t: Texts, overview: &KeyOverview, now: Timestamp, to: String) -> Self {
        let KeyOverview { key, last_use, safe_to_retire } = overview;
        let ended = key.expires_at.is_some_and(|end| end <= now);
        let used = last_use.as_ref();
        Self {
            id: key.id.to_string(),
            state: Badge::of_key(t, key.status, ended),
            is_active: key.status == KeyStatus::Active,
            created: Moment(key.created_at),
            expires: key.expires_at.map(Moment),
            used: used.map(|used| {
                let ago = ago(t, used.at, now);
                (Moment(used.at), t.with("key-used-ago", &[("ago", &ago)]).into_owned(), used.from.clone())
            }),
            safe_to_retire: *safe_to_retire,
            to,
        }
    }
}
