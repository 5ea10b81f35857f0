//! Who and what records name, as people read it. A page looks up a bounded number of them.

use std::collections::BTreeMap;

use symbolon_core::audit::{Actor, ActorKind, AuditRecord, SubjectKind};
use symbolon_core::id::UserId;

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::records::Reach;
use crate::console::records::audit_query::{ACTORS, SUBJECTS};
use crate::console::texts::Texts;

/// So many people are looked up for one page; others show as their ids.
const MOST: usize = 20;

/// The email addresses of people, as far as the one who asks may see them.
#[derive(Default)]
pub(super) struct People(BTreeMap<String, String>);

impl People {
    /// Looks up who acted.
    pub(super) async fn of(
        reach: &Reach<'_>,
        records: impl Iterator<Item = &AuditRecord>,
    ) -> Result<Self, Failure> {
        let mut people = BTreeMap::new();
        let is_known = |actor: &Actor| actor.kind == ActorKind::User && actor.realm.is_none();
        for record in records.filter(|record| is_known(&record.actor)) {
            if people.len() == MOST || people.contains_key(&record.actor.id) {
                continue;
            }
            let Ok(id) = UserId::new(&record.actor.id) else { continue };
            let access = reach.realm();
            // A customer sees the names of its own people, and ids of operators.
            let user = access.store().find_user(access.id(), reach.organization(), &id).await?;
            people.insert(record.actor.id.clone(), user.map_or_else(|| id.to_string(), |user| user.email));
        }
        Ok(Self(people))
    }

    /// What an actor is called: one of another realm by that and its id, which may be somebody else's here.
    pub(super) fn name(&self, actor: &Actor) -> String {
        if let Some(realm) = &actor.realm {
            return format!("{realm}/{}", actor.id);
        }
        let person = (actor.kind == ActorKind::User).then(|| self.0.get(&actor.id)).flatten();
        person.unwrap_or(&actor.id).clone()
    }
}

/// The kind of an actor, in a word.
pub(super) fn actor_kind(t: Texts, actor: &Actor) -> String {
    let text = ACTORS.iter().find(|(kind, ..)| *kind == actor.kind).map_or("", |(.., text)| *text);
    t.of(text).into_owned()
}

/// The kind of a thing, in a word.
pub(super) fn subject_kind(t: Texts, kind: SubjectKind) -> String {
    let text = SUBJECTS.iter().find(|(other, _)| *other == kind).map_or("", |(_, text)| *text);
    t.of(text).into_owned()
}

/// What was done, in words: `make_inactive` is "make inactive".
pub(super) fn action(name: &str) -> String {
    name.replace('_', " ")
}

/// The page of the thing that was changed; empty where it has none. The thing may be gone by now.
pub(super) fn subject_page(realm: &str, record: &AuditRecord) -> String {
    match (record.subject_kind, &record.organization) {
        (SubjectKind::Client, Some(organization)) => {
            address::organization(realm, organization, &["clients", &record.subject_id])
        }
        (SubjectKind::Organization, _) => address::organization(realm, &record.subject_id, &[]),
        _ => String::new(),
    }
}
