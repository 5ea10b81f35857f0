//! The organization's licences, for looking at.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::clock::Timestamp;
use symbolon_core::licence::Licence;
use symbolon_core::permission::Permission;
use symbolon_core::realm_view::RealmView;

use crate::console::customer::room::Room;
use crate::console::customer::shown::Badge;
use crate::console::failure::Failure;
use crate::console::list::ListQuery;
use crate::console::listing::Head;
use crate::console::page::{Link, Page};
use crate::console::texts::Texts;
use crate::console::time::{Moment, lasting};
use crate::console::visitor::Visitor;

/// A licence as it is shown.
pub(super) struct Row {
    id: String,
    /// The name of the API, which may be empty; its audience is not.
    pub(super) name: String,
    pub(super) audience: String,
    pub(super) kind: &'static str,
    pub(super) state: Badge,
    pub(super) starts: Moment,
    pub(super) ends: Option<Moment>,
    /// How long it lasts yet, in words.
    pub(super) left: String,
    /// Where it is changed, for who may.
    pub(super) edit: String,
}

/// What a licence is worth now.
pub(super) fn state(t: Texts, licence: &Licence, now: Timestamp) -> Badge {
    if !licence.status.is_active() {
        return Badge::new("bad", t.of("licence-off"));
    }
    if licence.ends_at.is_some_and(|end| end <= now) {
        return Badge::new("bad", t.of("licence-ended"));
    }
    if licence.starts_at > now {
        return Badge::new("warn", t.of("licence-not-begun"));
    }
    Badge::new("good", t.of("licence-active"))
}

/// Each licence as a row, those that last longest first.
pub(super) fn rows(t: Texts, view: &RealmView, licences: &[Licence], now: Timestamp) -> Vec<Row> {
    let mut sorted: Vec<&Licence> = licences.iter().collect();
    sorted.sort_by_key(|licence| {
        let end = licence.ends_at.map_or(i64::MAX, Timestamp::millis);
        (licence.audience.as_str(), std::cmp::Reverse(end), licence.id.as_str())
    });
    let row = |licence: &Licence| Row {
        id: licence.id.to_string(),
        name: view
            .resource_server(&licence.audience)
            .map_or_else(String::new, |api| api.settings.name.clone()),
        audience: licence.audience.clone(),
        kind: licence.kind.name(),
        state: state(t, licence, now),
        starts: Moment(licence.starts_at),
        ends: licence.ends_at.map(Moment),
        left: match licence.ends_at {
            Some(end) if end > now => {
                t.with("licence-left", &[("left", &lasting(t, end.since(now)))]).into_owned()
            }
            _ => String::new(),
        },
        edit: String::new(),
    };
    sorted.into_iter().map(row).collect()
}

/// The headings, by the names that an address sorts by.
const HEADINGS: [(&str, &str); 5] = [
    ("api", "licence-api"),
    ("kind", "licences-kind"),
    ("state", "licence-state"),
    ("begins", "licences-starts"),
    ("ends", "licences-ends"),
];

/// What a row is sorted by.
fn value(row: &Row, by: &str) -> (String, i64) {
    let moment = |moment: Option<Moment>| moment.map_or(i64::MAX, |moment| moment.0.millis());
    match by {
        "kind" => (row.kind.to_string(), 0),
        "state" => (row.state.text.clone(), 0),
        "begins" => (String::new(), moment(Some(row.starts))),
        "ends" => (String::new(), moment(row.ends)),
        _ => (row.audience.clone(), 0),
    }
}

#[derive(Template)]
#[template(path = "customer/licences.html")]
struct LicencesContent {
    t: Texts,
    title: String,
    rows: Vec<Row>,
    heads: Vec<Head>,
    /// Where one is made, for who may.
    new: Option<String>,
    is_operator: bool,
}

/// The list.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadLicences, (&realm, &organization)).await?;
    let t = room.t;
    let licences = room.store().list_licences(room.realm(), room.access.id()).await?;
    let title = t.of("nav-licences").into_owned();
    let mut rows = rows(t, room.view(), &licences, room.now());
    let list = ListQuery::of(&visitor.asked, &["sort"]).usually("api");
    list.arrange(&mut rows, value);
    let heads = HEADINGS.map(|(name, text)| list.head(t.of(text).into_owned(), name)).into();
    let may_write = visitor.may(Permission::WriteLicences);
    for row in rows.iter_mut().filter(|_| may_write) {
        row.edit = room.to(&["licences", &row.id]);
    }
    let new = may_write.then(|| room.to(&["licences", "new"]));
    let is_operator = room.is_operator();
    let frame = room.settings_frame(&title, vec![Link::new(&title, "")]);
    Ok(Page::new(frame, LicencesContent { t, title, rows, heads, new, is_operator }).into_response())
}
