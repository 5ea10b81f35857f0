//! Lists that people go through: what is asked for stands in the address, so that a page can be kept and sent on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, PageRequest, Sort};

use crate::console::address::encoded;
use crate::console::form::Form;
use crate::console::listing::Head;
use crate::console::visitor::Asked;

/// So many items stand on a page.
const ON_A_PAGE: u32 = 50;
/// The longest beginning of a name that is looked for, in characters.
const LONGEST_PREFIX: usize = 128;

/// The fields that most lists know.
pub(crate) const LIST: [&str; 3] = ["q", "status", "sort"];

/// What is asked for in an address: the filters of a list, its order, and the part.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListQuery {
    path: String,
    fields: Form,
    kept: Vec<(String, String)>,
    /// The order of a list that does not say it.
    usual: &'static str,
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
        Self { path: path.to_owned(), fields, kept, usual: "" }
    }

    /// The same with the order that the list has where the address says none.
    #[must_use]
    pub(crate) const fn usually(mut self, order: &'static str) -> Self {
        self.usual = order;
        self
    }

    /// The address of the list alone.
    pub(crate) fn path(&self) -> &str {
        &self.path
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

    /// What the list is sorted by, and whether the last comes first.
    fn order(&self) -> (&str, bool) {
        let order = self.set("sort").unwrap_or(self.usual);
        order.strip_prefix('-').map_or((order, false), |key| (key, true))
    }

    /// The head of a column by which the list is sorted, at first in this order.
    pub(crate) fn head(&self, text: String, first: &str) -> Head {
        let key = first.trim_start_matches('-');
        let (order, to) = match self.order() {
            (now, true) if now == key => ("descending", key.to_owned()),
            (now, false) if now == key => ("ascending", format!("-{key}")),
            _ => ("", first.to_owned()),
        };
        Head { text, to: self.with("sort", &to), order, is_number: false }
    }

    /// Sorts a list that is at hand as a whole by what its items have under the key that is asked for.
    pub(crate) fn arrange<T, K: Ord>(&self, items: &mut [T], value: impl Fn(&T, &str) -> K) {
        let (key, descending) = self.order();
        items.sort_by(|one, other| {
            let order = value(one, key).cmp(&value(other, key));
            if descending { order.reverse() } else { order }
        });
    }

    /// The text that is looked for in a list that is at hand as a whole, in small letters.
    pub(crate) fn sought(&self) -> String {
        self.filter().prefix.unwrap_or_default().to_lowercase()
    }

    /// `status`, `sort`, and `q`, the beginning of a name, as stores take them. People are named by their emails.
    pub(crate) fn filter(&self) -> ListFilter {
        let status = match self.value("status") {
            "active" => Some(Status::Active),
            "disabled" => Some(Status::Disabled),
            _ => None,
        };
        let prefix = self.set("q").map(|text| text.chars().take(LONGEST_PREFIX).collect());
        let sort = self.set("sort").and_then(|sort| Sort::named(&sort.replace("email", "name")));
        ListFilter { status, prefix, sort }
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
    fn a_head_sorts_and_turns_the_order_round_and_keeps_the_filters() {
        let to = |path: &str, first: &str| {
            let head = query(path).usually("name").head(String::new(), first);
            (head.order, head.to)
        };
        let at = |order: &str| format!("/console/x?q=a&sort={order}");
        assert_eq!(to("/console/x?q=a&cursor=Y2xpXzE", "name"), ("ascending", at("-name")));
        assert_eq!(to("/console/x?q=a&sort=name", "name"), ("ascending", at("-name")));
        assert_eq!(to("/console/x?q=a&sort=-name", "name"), ("descending", at("name")));
        assert_eq!(to("/console/x?q=a", "-created"), ("", at("-created")));
        assert_eq!(to("/console/x?q=a&sort=-created", "-created"), ("descending", at("created")));
        assert_eq!(to("/console/x?q=a&sort=created", "-created"), ("ascending", at("-created")));
    }

    #[test]
    fn a_list_that_is_at_hand_is_put_in_order() {
        let mut items = [3, 1, 2];
        query("/console/x?sort=-size").arrange(&mut items, |item, key| if key == "size" { *item } else { 0 });
        assert_eq!(items, [3, 2, 1]);
        query("/console/x")
            .usually("size")
            .arrange(&mut items, |item, key| if key == "size" { *item } else { 0 });
        assert_eq!(items, [1, 2, 3]);
    }

    #[test]
    fn what_is_no_cursor_begins_at_the_beginning() {
        for text in ["", "%00", "====", "AAAA", "%ff"] {
            assert_eq!(query(&format!("/console/x?cursor={text}")).page().after, None, "{text:?}");
        }
    }
}
