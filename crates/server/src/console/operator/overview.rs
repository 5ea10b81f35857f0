//! A realm at a glance: how much there is, and what needs somebody's attention.

use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::clock::Timestamp;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::signing_key::KeyState;
use symbolon_core::store::PageRequest;
use symbolon_core::usage::{
    Busiest, GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults,
};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::operator::counted;
use crate::console::operator::organizations::shown_name;
use crate::console::page::{Frame, Page, Place};
use crate::console::texts::Texts;
use crate::console::time::{ago, lasting};
use crate::console::visitor::Visitor;

const DAY: i64 = 86_400_000;
/// Licences that end within this are told.
const SOON: Duration = Duration::from_hours(30 * 24);
/// So many of the clients with the most errors are told.
const MOST_CLIENTS: u32 = 5;
/// So many licences that end are told.
const MOST_LICENCES: u32 = 10;

struct Card {
    text: String,
    figure: String,
    to: String,
}

/// Something that somebody should look at.
struct Notice {
    text: String,
    to: String,
    link: String,
}

#[derive(Template)]
#[template(path = "operator/overview.html")]
struct Content {
    t: Texts,
    realm: String,
    issuer: String,
    active: bool,
    cards: Vec<Card>,
    notices: Vec<Notice>,
}

struct Look<'a> {
    access: RealmAccess<'a>,
    t: Texts,
    now: Timestamp,
    today: Timestamp,
}

impl Look<'_> {
    fn to(&self, page: &str) -> String {
        address::realm(self.access.id(), &[page])
    }

    fn usage(&self, results: UsageResults) -> UsageFilter {
        // The end is later than the begin at midnight too.
        let to = self.now.plus(Duration::from_millis(1));
        UsageFilter { of: UsageOf::Realm, audience: None, results, from: self.today, to }
    }

    async fn cards(&self) -> Result<Vec<Card>, Failure> {
        let (store, realm) = (self.access.store(), self.access.id());
        let organizations = counted::words(&store.list_organizations(realm, &counted::request()).await?);
        let clients = counted::clients(&self.access, None).await?;
        let question = UsageQuery {
            filter: self.usage(UsageResults::All),
            group_by: GroupBy { result: true, ..GroupBy::default() },
            step: Step::Total,
        };
        let (mut issued, mut refused) = (0, 0);
        for series in store.list_usage(realm, &question, &PageRequest::first()).await?.items {
            let count: i64 = series.counts.iter().map(|(_, count)| count).sum();
            match series.group.result {
                Some(UsageResult::Refused(_)) => refused += count,
                _ => issued += count,
            }
        }
        let rows = [
            ("overview-organizations", organizations, "organizations"),
            ("clients", counted::words(&clients), "clients"),
            ("overview-tokens", issued.to_string(), "usage"),
            ("overview-refusals", refused.to_string(), "usage"),
        ];
        let card =
            |(text, figure, page)| Card { text: self.t.of(text).into_owned(), figure, to: self.to(page) };
        Ok(rows.map(card).into())
    }

    /// Keys that signed for longer than they should.
    async fn old_keys(&self, notices: &mut Vec<Notice>) -> Result<(), Failure> {
        let every = self.access.authority().settings().rotation.every;
        for key in self.access.store().list_signing_keys(self.access.id()).await? {
            let since = key.active_at.unwrap_or(key.published_at);
            if key.state == KeyState::Active && since.plus(every) < self.now {
                let (old, every) = (ago(self.t, since, self.now), lasting(self.t, every));
                let values = [("kid", key.kid.as_str()), ("old", &*old), ("every", &*every)];
                notices.push(Notice {
                    text: self.t.with("overview-old-key", &values).into_owned(),
                    to: self.to("signing-keys"),
                    link: self.t.of("nav-signing-keys").into_owned(),
                });
            }
        }
        Ok(())
    }

    /// Licences that end soon.
    async fn ending(&self, notices: &mut Vec<Notice>) -> Result<(), Failure> {
        let (store, realm) = (self.access.store(), self.access.id());
        let soon = (self.now, self.now.plus(SOON));
        for licence in store.list_licences_ending(realm, soon, MOST_LICENCES).await? {
            let Some(end) = licence.ends_at.filter(|_| licence.status.is_active()) else { continue };
            let organization = store.find_organization(realm, &licence.organization).await?;
            let name = organization.as_ref().map(shown_name).unwrap_or_default();
            let left = lasting(self.t, end.since(self.now));
            let values = [("organization", &*name), ("audience", &*licence.audience), ("left", &*left)];
            notices.push(Notice {
                text: self.t.with("overview-licence-ends", &values).into_owned(),
                to: address::organization(realm, &licence.organization, &["licences"]),
                link: self.t.of("nav-licences").into_owned(),
            });
        }
        Ok(())
    }

    /// The clients that were refused most today.
    async fn failing(&self, notices: &mut Vec<Notice>) -> Result<(), Failure> {
        let (store, realm) = (self.access.store(), self.access.id());
        let filter = self.usage(UsageResults::Refused);
        let busiest = store.list_busiest(realm, &filter, Busiest::Clients, MOST_CLIENTS).await?;
        for (group, count) in busiest {
            let (Some(organization), Some(client)) = (group.organization, group.client) else { continue };
            let count = count.to_string();
            let values = [("client", client.as_str()), ("count", &*count)];
            notices.push(Notice {
                text: self.t.with("overview-client-errors", &values).into_owned(),
                to: address::organization(realm, &organization, &["clients", client.as_str()]),
                link: self.t.of("client").into_owned(),
            });
        }
        Ok(())
    }
}

/// The overview of a realm.
pub(super) async fn show(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadOrganizations, &realm)?;
    // What stands here is of these nouns too.
    for needed in [Permission::ReadLicences, Permission::ReadSigningKeys, Permission::ReadUsage] {
        visitor.realm(needed, &realm)?;
    }
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let now = visitor.authority.now();
    let today = Timestamp::from_millis(now.millis().div_euclid(DAY) * DAY);
    let look = Look { access, t, now, today };
    let mut notices = Vec::new();
    look.old_keys(&mut notices).await?;
    look.ending(&mut notices).await?;
    look.failing(&mut notices).await?;
    let current = look.access.view();
    let content = Content {
        t,
        realm: realm.clone(),
        issuer: current.issuer().to_owned(),
        active: current.realm().status.is_active(),
        cards: look.cards().await?,
        notices,
    };
    Ok(Page::new(Frame::inside(&visitor, &place, t.of("nav-overview")), content).into_response())
}
