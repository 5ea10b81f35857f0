//! What people enter: read whole, kept when something is wrong with it, and shown again with what it is.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;

use crate::console::entered::Entered;
use crate::console::failure::Failure;
use crate::state::ServerState;

/// The fields of a form that was sent (`application/x-www-form-urlencoded`). A field may come several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Fields as they stand in a body or a query.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let pairs = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_at(pair.iter().position(|b| *b == b'=').unwrap_or(pair.len()));
            Some((decoded(name)?, decoded(value.strip_prefix(b"=").unwrap_or(value))?))
        });
        pairs.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Fields as they would be entered, for what stands already and is to be changed.
    pub(crate) const fn of(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The first value of a field as it was entered; empty where there is none. For passwords, whose spaces count.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The same without spaces around it.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same, where something was entered.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// All fields in their order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// All values of a field, of checkboxes for instance.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.trim())
    }

    /// Whether a checkbox was set, or a field sent at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// A number, if one was entered; `Err` for what is none.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, ()> {
        self.filled(name).map(|text| text.parse().map_err(|_| ())).transpose()
    }
}

/// A `%xx` or `+` text; `None` for what is no UTF-8 or holds NUL, which no database takes.
fn decoded(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let text = percent_encoding::percent_decode(&spaced).decode_utf8().ok()?;
    // Browsers send lines with CR LF, whatever was typed.
    (!text.contains('\0')).then(|| text.replace("\r\n", "\n"))
}

impl FromRequest<ServerState> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &ServerState) -> Result<Self, Failure> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form = kind.split(';').next().unwrap_or_default().trim();
        let is_empty = kind.is_empty();
        if !is_empty && !is_form.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Failure::Form);
        }
        let entered = request.extensions().get::<Entered>().cloned();
        let bytes = Bytes::from_request(request, state).await.map_err(|_| Failure::Form)?;
        if let Some(entered) = entered {
            entered.note(&bytes);
        }
        Self::parse(&bytes).ok_or(Failure::Form)
    }
}

/// What is wrong with what was entered: by field, in words. The empty name is the form's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mistakes(BTreeMap<&'static str, String>);

impl Mistakes {
    /// Notes one, if none is noted of that field.
    pub(crate) fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.entry(field).or_insert_with(|| text.into());
    }

    /// One of the whole form.
    pub(crate) fn of_form(text: impl Into<String>) -> Self {
        let mut mistakes = Self::default();
        mistakes.add("", text);
        mistakes
    }

    /// What is wrong with a field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_may_come_twice() {
        let form = Form::parse(b"name=A+%26+B&scope=a&scope=b&empty=&flag&text=a%0D%0Ab%20c%2Cd").unwrap();
        assert_eq!(form.text("name"), "A & B");
        assert_eq!(form.all("scope").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((form.filled("empty"), form.has("flag"), form.has("none")), (None, true, false));
        assert_eq!(form.text("text"), "a\nb c,d");
        assert_eq!(Form::parse(b"n=12").unwrap().number::<u32>("n"), Ok(Some(12)));
        assert_eq!(Form::parse(b"n=x").unwrap().number::<u32>("n"), Err(()));
    }

    #[test]
    fn what_no_database_takes_is_refused() {
        assert!(Form::parse(b"name=%00").is_none());
        assert!(Form::parse(b"name=%ff").is_none());
    }

    #[test]
    fn the_first_mistake_of_a_field_counts() {
        let mut mistakes = Mistakes::default();
        assert!(mistakes.is_empty());
        mistakes.add("name", "one");
        mistakes.add("name", "two");
        assert_eq!(mistakes.of("name"), Some("one"));
    }
}
