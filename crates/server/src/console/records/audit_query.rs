//! What people look for in the audit, as it stands in the address.

use std::time::Duration;

use symbolon_core::audit::{ActorKind, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::trail::{ChangeFilter, Order, Period, Query, TokenFilter, TrailRequest};

use crate::console::form::Mistakes;
use crate::console::list::ListQuery;
use crate::console::texts::Texts;

const DAY: Duration = Duration::from_hours(24);

/// Kinds of actors, by their names in addresses, with those of their texts.
pub(super) const ACTORS: [(ActorKind, &str, &str); 4] = [
    (ActorKind::User, "user", "actor-user"),
    (ActorKind::Client, "client", "actor-client"),
    (ActorKind::Operator, "operator", "actor-operator"),
    (ActorKind::System, "system", "actor-system"),
];

/// Kinds of things with the names of their texts.
pub(super) const SUBJECTS: [(SubjectKind, &str); 10] = [
    (SubjectKind::Client, "client"),
    (SubjectKind::AccessKey, "access-key"),
    (SubjectKind::Organization, "subject-organization"),
    (SubjectKind::Licence, "subject-licence"),
    (SubjectKind::User, "subject-user"),
    (SubjectKind::Policy, "subject-policy"),
    (SubjectKind::ResourceServer, "subject-resource-server"),
    (SubjectKind::Realm, "subject-realm"),
    (SubjectKind::SigningKey, "subject-signing-key"),
    (SubjectKind::Revocation, "subject-revocation"),
];

/// The fields of each list.
pub(super) const CHANGES: [&str; 10] = [
    "actor_kind",
    "actor",
    "subject_kind",
    "subject",
    "action",
    "request_id",
    "organization",
    "from",
    "to",
    "order",
];
pub(super) const TOKENS: [&str; 5] = ["client", "organization", "from", "to", "order"];
pub(super) const REFUSALS: [&str; 5] = ["client", "reason", "from", "to", "order"];

/// Those of them that are looked for more rarely, and put away until one of them is set.
pub(super) const RARER: [&str; 8] =
    ["actor_kind", "actor", "action", "request_id", "organization", "from", "to", "order"];

/// Reads fields, and notes what is wrong with them.
struct Reader<'a> {
    t: Texts,
    list: &'a ListQuery,
    mistakes: Mistakes,
}

impl Reader<'_> {
    fn id<T, E>(&mut self, field: &'static str, read: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let id = read(self.list.set(field)?);
        if id.is_err() {
            self.mistakes.add(field, self.t.of("audit-no-id"));
        }
        id.ok()
    }

    /// A day, which begins at midnight UTC, or a moment.
    fn time(&mut self, field: &'static str) -> Option<Timestamp> {
        let text = self.list.set(field)?;
        let time = Timestamp::parse(text);
        if time.is_none() {
            self.mistakes.add(field, self.t.of("audit-no-day"));
        }
        // The last day belongs to what is asked for.
        let is_last = field == "to" && !text.contains('T');
        time.map(|time| if is_last { time.plus(DAY) } else { time })
    }

    fn period(&mut self) -> Period {
        let period = Period { from: self.time("from"), to: self.time("to") };
        if let (Some(from), Some(to)) = (period.from, period.to)
            && to <= from
        {
            self.mistakes.add("to", self.t.of("audit-backwards"));
        }
        period
    }

    fn text(&self, field: &str) -> Option<String> {
        self.list.set(field).map(str::to_owned)
    }
}

/// Which part of the list.
pub(super) fn part(list: &ListQuery) -> TrailRequest {
    let page = list.page();
    let order = if list.value("order") == "oldest" { Order::OldestFirst } else { Order::NewestFirst };
    TrailRequest { after: page.after, limit: page.limit, order }
}

fn reader(t: Texts, list: &ListQuery) -> Reader<'_> {
    Reader { t, list, mistakes: Mistakes::default() }
}

/// Which changes.
pub(super) fn changes(t: Texts, list: &ListQuery) -> Result<Query, Mistakes> {
    let mut reader = reader(t, list);
    let actor_kind = ACTORS.iter().find(|(_, name, _)| *name == list.value("actor_kind"));
    let subject_kind = SubjectKind::from_name(list.value("subject_kind"));
    let (actor, subject) = (reader.text("actor"), reader.text("subject"));
    if actor.is_some() && actor_kind.is_none() {
        reader.mistakes.add("actor", t.of("audit-needs-kind"));
    }
    if subject.is_some() && subject_kind.is_none() {
        reader.mistakes.add("subject", t.of("audit-needs-kind"));
    }
    let filter = ChangeFilter {
        organization: reader.id("organization", OrganizationId::new),
        actor: actor_kind.map(|(kind, ..)| (*kind, actor)),
        subject: subject_kind.map(|kind| (kind, subject)),
        action: reader.text("action").map(|action| action.replace(' ', "_")),
        request_id: reader.text("request_id"),
        period: reader.period(),
    };
    if reader.mistakes.is_empty() { Ok(Query::Changes(filter)) } else { Err(reader.mistakes) }
}

/// Which tokens.
pub(super) fn tokens(t: Texts, list: &ListQuery) -> Result<Query, Mistakes> {
    let mut reader = reader(t, list);
    let filter = TokenFilter {
        organization: reader.id("organization", OrganizationId::new),
        client: reader.id("client", ClientId::new),
        period: reader.period(),
    };
    if reader.mistakes.is_empty() { Ok(Query::Tokens(filter)) } else { Err(reader.mistakes) }
}

/// Which refusals.
pub(super) fn refusals(t: Texts, list: &ListQuery) -> Result<Query, Mistakes> {
    let mut reader = reader(t, list);
    let (reason, client) = (reader.text("reason"), reader.id("client", ClientId::new));
    let period = reader.period();
    if reader.mistakes.is_empty() {
        Ok(Query::Refusals { reason, client, period })
    } else {
        Err(reader.mistakes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::visitor::Asked;

    fn list(query: &str) -> ListQuery {
        let asked = Asked { path: format!("/console/x?{query}"), ..Asked::default() };
        ListQuery::of(&asked, &CHANGES)
    }

    fn read(query: &str) -> Result<ChangeFilter, Mistakes> {
        changes(Texts::default(), &list(query)).map(|query| match query {
            Query::Changes(filter) => filter,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_day_is_asked_for_whole() {
        let period = read("from=2026-11-22&to=2026-11-22").unwrap().period;
        let day = Timestamp::parse("2026-11-22").unwrap();
        assert_eq!(period, Period { from: Some(day), to: Some(day.plus(DAY)) });
        let moment = read("to=2026-11-22T10:00:00Z").unwrap().period.to;
        assert_eq!(moment, Timestamp::parse("2026-11-22T10:00:00Z"));
    }

    #[test]
    fn what_makes_no_sense_is_said_at_its_field() {
        for (query, field) in [
            ("from=yesterday", "from"),
            ("from=2026-11-23&to=2026-11-22", "to"),
            ("actor=x", "actor"),
            ("subject=x&subject_kind=nothing", "subject"),
            ("organization=%01", "organization"),
        ] {
            assert!(read(query).unwrap_err().of(field).is_some(), "{query}");
        }
    }

    #[test]
    fn an_actor_a_subject_and_an_action_are_looked_for_by_kind_and_id() {
        let filter =
            read("actor_kind=user&actor=usr_1&subject_kind=access_key&action=make%20inactive").unwrap();
        assert_eq!(filter.actor, Some((ActorKind::User, Some("usr_1".to_owned()))));
        assert_eq!(filter.subject, Some((SubjectKind::AccessKey, None)));
        assert_eq!(filter.action.as_deref(), Some("make_inactive"));
        assert_eq!(part(&list("order=oldest")).order, Order::OldestFirst);
    }

    #[test]
    fn every_kind_of_thing_has_a_word() {
        for (kind, text) in SUBJECTS {
            assert!(Texts::has(text), "{text}");
            assert_eq!(SubjectKind::from_name(kind.name()), Some(kind));
        }
    }
}
