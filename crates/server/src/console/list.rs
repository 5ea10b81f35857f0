//! Lists that people go through: what is asked for stands in the address, so that a page can be kept and sent on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, PageRequest};

use crate::console::address::encoded;
use crate::console::form::Form;
use crate::console::visitor::Asked;

/// So many items stand on a page.
const ON_A_PAGE: u32 = 50;
/// The longest beginning of a name that is looked for, in characters.
const LONGEST_PREFIX: usize = 128;

/// What is asked for in an address: the filters of a list, its order, and the part.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery {
    path: String,
    fields: Form,
    kept: Vec<(String, String)>,
}

impl ListQuery {
    /// That of a request. `filters` are the names of the fields that the list knows; others are left out.
    pub(crate) fn of(asked: &Asked, filters: &[&str]) -> Self {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let fields = Form::parse(query.as_bytes()).unwrap_or_default();
        let kept = filters
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), fields.filled(name)?.to_owned())))
            .collect();
        Self { path: path.to_owned(), fields, kept }
    }

    /// The value of a filter, as it is shown in its field; empty where there is none.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.kept.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The same, where it is set.
    pub(crate) fn set(&self, name: &str) -> Option<&str> {
        Some(self.value(name)).filter(|value| !value.is_empty())
    }

    /// Whether something is filtered: an empty list then has another reason.
    pub(crate) fn is_filtered(&self) -> bool {
        self.kept.iter().any(|(name, _)| name != "sort")
    }

    /// The part of the list, continued where the address says.
    pub(crate) fn page(&self) -> PageRequest {
        let cursor = self.fields.filled("cursor").and_then(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok());
        let after = cursor
            .filter(|bytes| (1..=2048).contains(&bytes.len()))
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|text| !text.contains('\0'));
        PageRequest { after, limit: ON_A_PAGE }
    }

    /// `status` and `q`, the beginning of a name, as stores take them.
    pub(crate) fn filter(&self) -> ListFilter {
        let status = match self.value("status") {
            "active" => Some(Status::Active),
            "disabled" => Some(Status::Disabled),
            _ => None,
        };
        let prefix = self.set("q").map(|text| text.chars().take(LONGEST_PREFIX).collect());
        ListFilter { status, prefix, sort: None }
    }

    /// The address of the part after this one.
    pub(crate) fn next(&self, cursor: Option<&str>) -> Option<String> {
        Some(self.with("cursor", &URL_SAFE_NO_PAD.encode(cursor?)))
    }

    /// The address of the first part, where this is another.
    pub(crate) fn first(&self) -> Option<String> {
        self.fields.filled("cursor").map(|_| self.with("", ""))
    }

    /// The same list with one field more or another value of it.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let kept = self.kept.iter().filter(|(other, _)| other != name);
        let more = Some((name, value)).filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = kept
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(more)
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(path: &str) -> ListQuery {
        let asked = Asked { path: path.to_owned(), ..Asked::default() };
        ListQuery::of(&asked, &["q", "status", "sort"])
    }

    #[test]
    fn an_address_says_which_part_of_a_list_and_the_next_one_keeps_the_filters() {
        let list = query("/console/x?q=A%20b&status=active&other=1&cursor=Y2xpXzE");
        assert_eq!(list.page().after.as_deref(), Some("cli_1"));
        assert_eq!(
            list.filter(),
            ListFilter { status: Some(Status::Active), prefix: Some("A b".to_owned()), sort: None }
        );
        assert_eq!(
            list.next(Some("cli_2")).as_deref(),
            Some("/console/x?q=A%20b&status=active&cursor=Y2xpXzI")
        );
        assert_eq!(list.first().as_deref(), Some("/console/x?q=A%20b&status=active"));
        assert_eq!(list.with("status", ""), "/console/x?q=A%20b");
        assert!(list.is_filtered() && !query("/console/x?sort=name").is_filtered());
    }

    #[test]
    fn what_is_no_cursor_begins_at_the_beginning() {
        for text in ["", "%00", "====", "AAAA", "%ff"] {
            assert_eq!(query(&format!("/console/x?cursor={text}")).page().after, None, "{text:?}");
        }
    }
}
