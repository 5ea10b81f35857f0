//! What stands around the rows of a list, whichever it is: its title, its filters, the heads that sort it, and the ways to
//! its other parts. A list's own template (which extends `templates/list.html`) holds its rows alone.

use crate::console::list::ListQuery;
use crate::console::page::Link;
use crate::console::texts::Texts;

/// The head of a column.
pub(crate) struct Head {
    pub(crate) text: String,
    /// The address of the list sorted by it; empty where it cannot be.
    pub(crate) to: String,
    /// How it is sorted by it now, in the words of `aria-sort`; empty where it is not.
    pub(crate) order: &'static str,
    pub(crate) is_number: bool,
}

impl Head {
    /// Of a column that the list cannot be sorted by.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), to: String::new(), order: "", is_number: false }
    }
}

/// A list without its rows. What it is made of are names of texts.
pub(crate) struct Listing {
    pub(crate) t: Texts,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) query: ListQuery,
    /// The address of the part after this one.
    pub(crate) next: Option<String>,
    pub(crate) heads: Vec<Head>,
    /// What is looked for by a text.
    pub(crate) search: String,
    pub(crate) has_status: bool,
    /// What is said of an empty list.
    pub(crate) empty: String,
    /// Where something is made, for who may.
    pub(crate) new: Option<Link>,
}

impl Listing {
    /// A list that is looked through by a text.
    pub(crate) fn new(t: Texts, query: ListQuery, title: &str, search: &str) -> Self {
        Self {
            t,
            title: t.of(title).into_owned(),
            caption: t.of(title).into_owned(),
            query,
            next: None,
            heads: Vec::new(),
            search: t.of(search).into_owned(),
            has_status: false,
            empty: String::new(),
            new: None,
        }
    }

    #[must_use]
    pub(crate) fn caption(mut self, caption: &str) -> Self {
        self.caption = self.t.of(caption).into_owned();
        self
    }

    /// With a filter by status.
    #[must_use]
    pub(crate) const fn by_status(mut self) -> Self {
        self.has_status = true;
        self
    }

    /// What is said where there is nothing, and the way to make something, for who may.
    #[must_use]
    pub(crate) fn empty(mut self, empty: &str, new: Option<(&str, String)>) -> Self {
        self.empty = self.t.of(empty).into_owned();
        self.new = new.map(|(text, to)| Link::new(self.t.of(text), to));
        self
    }

    /// One more column.
    #[must_use]
    pub(crate) fn column(mut self, text: &str) -> Self {
        self.heads.push(Head::plain(self.t.of(text)));
        self
    }

    /// One more column, by which the list is sorted: at first in the order that is named, which begins with `-` where
    /// the last comes first; and the other way round by another press.
    #[must_use]
    pub(crate) fn sorted(mut self, text: &str, first: &str) -> Self {
        let head = self.query.head(self.t.of(text).into_owned(), first);
        self.heads.push(head);
        self
    }

    /// The last column holds numbers.
    #[must_use]
    pub(crate) fn of_numbers(mut self) -> Self {
        if let Some(last) = self.heads.last_mut() {
            last.is_number = true;
        }
        self
    }

    /// Where the list goes on.
    #[must_use]
    pub(crate) fn goes_on(mut self, cursor: Option<&str>) -> Self {
        self.next = self.query.next(cursor);
        self
    }

    /// Whether an empty list has another reason than that there is nothing.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.query.is_filtered() || self.query.first().is_some()
    }
}
