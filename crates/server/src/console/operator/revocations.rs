//! The revocations that are in force in a realm, as guards know them.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::clock::Timestamp;
use symbolon_core::permission::Permission;
use symbolon_core::protocol::revocation::{Cutoff, Kind};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Page, Place};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

/// Kinds and what they are called.
const KINDS: [(Kind, &str); 8] = [
    (Kind::Realm, "revocation-realm"),
    (Kind::Organization, "revocation-organization"),
    (Kind::Licence, "revocation-licence"),
    (Kind::Client, "client"),
    (Kind::AccessKey, "access-key"),
    (Kind::User, "revocation-user"),
    (Kind::SigningKey, "revocation-signing-key"),
    (Kind::Token, "revocation-token"),
];

/// What a kind is called.
pub(super) fn kind_text(t: Texts, kind: Kind) -> String {
    let row = KINDS.into_iter().find(|(other, _)| *other == kind);
    row.map(|(_, text)| t.of(text).into_owned()).unwrap_or_default()
}

struct Row {
    kind: String,
    id: String,
    /// Nothing where every token is dead.
    before: Option<Moment>,
}

struct Kinds {
    name: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "operator/revocations.html")]
struct ListContent<'a> {
    t: Texts,
    rows: Vec<Row>,
    kinds: Vec<Kinds>,
    list: &'a ListQuery,
    path: &'a str,
    next: Option<String>,
    /// Where everything of somebody, and where one token, is revoked, for who may.
    new: Option<(String, String)>,
}

/// Every revocation of a realm, in parts.
pub(super) async fn list(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadRevocations, &realm)?;
    let list = ListQuery::of(&visitor.asked, &["q", "kind"]);
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let (page, sought) = (list.page(), list.filter().prefix.unwrap_or_default());
    let after = page.after.unwrap_or_default();
    let set = access.view().revocations();
    let kinds = KINDS.iter().filter(|(kind, _)| list.set("kind").is_none_or(|name| name == kind.name()));
    let mut found: Vec<(String, Kind, &str)> = kinds
        .flat_map(|(kind, _)| set.ids(*kind).map(move |id| (format!("{} {id}", kind.name()), *kind, id)))
        .filter(|(place, _, id)| id.starts_with(&sought) && (after.is_empty() || *place > after))
        .collect();
    found.sort();
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let end = (found.len() > limit).then(|| found.get(limit.saturating_sub(1))).flatten();
    let next = list.next(end.map(|(place, ..)| place.as_str()));
    found.truncate(limit);
    let row = |(_, kind, id): (String, Kind, &str)| Row {
        kind: kind_text(t, kind),
        id: id.to_owned(),
        before: match set.cutoff(kind, id) {
            Some(Cutoff::Before(millis)) => Some(Moment(Timestamp::from_millis(millis))),
            Some(Cutoff::Open) | None => None,
        },
    };
    let may = visitor.may(Permission::WriteRevocations);
    let path = address::realm(&realm, &["revocations"]);
    let content = ListContent {
        t,
        rows: found.into_iter().map(row).collect(),
        kinds: KINDS.map(|(kind, text)| Kinds { name: kind.name(), text: t.of(text).into_owned() }).into(),
        list: &list,
        path: &path,
        next,
        new: may.then(|| {
            let to = |page| address::realm(&realm, &["revocations", page]);
            (to("new"), to("token"))
        }),
    };
    Ok(Page::new(Frame::inside(&visitor, &place, t.of("nav-revocations")), content).into_response())
}
