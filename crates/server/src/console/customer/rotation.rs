//! The rotation assistant: both keys side by side, when and from where each was last used, and what to do next.
//!
//! Rule 7 says when a key is safe to retire (`symbolon_core::access_key`); here it only becomes a step.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::access_key::KeyStatus;
use symbolon_core::edit;
use symbolon_core::edit::access_key::KeyOverview;
use symbolon_core::permission::Permission;

use crate::console::customer::room::Room;
use crate::console::customer::shown::KeyRow;
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// Where a rotation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// There is no key yet, or only one: generate one.
    Generate,
    /// The newer of two has never been used: put it into the programs.
    TakeUp,
    /// The newer one is in use, the older one was used not long ago: wait.
    Wait,
    /// One of two can go: make it inactive. By its place.
    Retire(usize),
    /// One is inactive: remove it. By its place.
    Remove(usize),
}

impl Next {
    /// Which of the four steps this is, from 1.
    const fn step(self) -> usize {
        match self {
            Self::Generate => 1,
            Self::TakeUp => 2,
            Self::Wait | Self::Retire(_) => 3,
            Self::Remove(_) => 4,
        }
    }
}

fn next(keys: &[KeyOverview]) -> Next {
    let [first, second] = keys else { return Next::Generate };
    if let Some(place) = keys.iter().position(|key| key.key.status == KeyStatus::Inactive) {
        return Next::Remove(place);
    }
    if let Some(place) = keys.iter().position(|key| key.safe_to_retire) {
        return Next::Retire(place);
    }
    let newer = if second.key.created_at >= first.key.created_at { second } else { first };
    if newer.last_use.is_none() { Next::TakeUp } else { Next::Wait }
}

/// A step as the page shows it.
struct Step {
    text: String,
    is_next: bool,
}

#[derive(Template)]
#[template(path = "customer/rotation.html")]
struct RotationContent {
    t: Texts,
    title: String,
    keys: Vec<KeyRow>,
    steps: Vec<Step>,
    /// What the next step means now.
    advice: String,
    /// Whether its button generates a key.
    generates: bool,
    /// The next step's page otherwise, and its button.
    act: Option<(String, String)>,
    may_write: bool,
    quick_start: String,
    to: String,
    once: String,
}

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let t = room.t;
    let client = room.client(&client).await?.client;
    let mut keys = edit::access_key::overview(room.editor(), &client).await?;
    keys.sort_by(|a, b| (a.key.created_at, &a.key.id).cmp(&(b.key.created_at, &b.key.id)));
    let next = next(&keys);
    let days = room.view().realm().settings.safe_to_retire_days;
    let to_key = |place: usize, page: &str| {
        let id = keys.get(place).map_or("", |key| key.key.id.as_str());
        room.to_client(&client.id, &["access-keys", id, page])
    };
    let advice = match next {
        Next::Generate if keys.is_empty() => t.of("rotation-none"),
        Next::Generate => t.of("rotation-generate"),
        Next::TakeUp => t.of("rotation-take-up"),
        Next::Wait => t.one("rotation-wait", days),
        Next::Retire(_) => t.of("rotation-retire"),
        Next::Remove(_) => t.of("rotation-remove"),
    };
    let act = match next {
        Next::Retire(place) => Some((to_key(place, "deactivate"), t.of("key-deactivate").into_owned())),
        Next::Remove(place) => Some((to_key(place, "remove"), t.of("key-remove").into_owned())),
        Next::Generate | Next::TakeUp | Next::Wait => None,
    };
    let names = ["rotation-step-1", "rotation-step-2", "rotation-step-3", "rotation-step-4"];
    let steps = names.into_iter().enumerate().map(|(index, name)| Step {
        text: t.one(name, days).into_owned(),
        is_next: index + 1 == next.step(),
    });
    let now = room.now();
    let row = |key: &KeyOverview| {
        KeyRow::of(t, key, now, room.to_client(&client.id, &["access-keys", key.key.id.as_str()]))
    };
    let title = t.of("rotation-title").into_owned();
    let content = RotationContent {
        t,
        title: title.clone(),
        keys: keys.iter().map(row).collect(),
        steps: steps.collect(),
        advice: advice.into_owned(),
        generates: next == Next::Generate,
        act,
        may_write: visitor.may(Permission::WriteClients),
        quick_start: room.to_client(&client.id, &["quick-start"]),
        to: room.to_client(&client.id, &[]),
        once: room.once(),
    };
    Ok(Page::new(room.client_frame(title, &client, false), content).into_response())
}

#[cfg(test)]
mod tests {
    use symbolon_core::access_key::{AccessKey, AccessKeyId, LastUse};
    use symbolon_core::clock::Timestamp;
    use symbolon_core::id::{ClientId, OrganizationId};
    use symbolon_core::secret::{SecretHash, Tag};

    use super::*;

    fn key(day: i64, used: Option<i64>, safe_to_retire: bool) -> KeyOverview {
        let at = |day: i64| Timestamp::from_seconds(day * 86_400);
        let key = AccessKey {
            id: AccessKeyId::new(&format!("key_{day}")).unwrap(),
            client: ClientId::new("cli_1").unwrap(),
            organization: OrganizationId::new("org_1").unwrap(),
            secret: SecretHash { pepper: "p".into(), hmac: Tag::default() },
            status: KeyStatus::Active,
            held: false,
            expires_at: None,
            version: 1,
            created_at: at(day),
        };
        let last_use = used.map(|day| LastUse { at: at(day), from: "192.0.2.1".to_owned() });
        KeyOverview { key, last_use, safe_to_retire }
    }

    #[test]
    fn a_rotation_goes_from_one_key_over_two_to_one() {
        assert_eq!(next(&[]), Next::Generate);
        assert_eq!(next(&[key(1, Some(9), false)]), Next::Generate);
        assert_eq!(next(&[key(1, Some(9), false), key(8, None, false)]), Next::TakeUp);
        assert_eq!(next(&[key(1, Some(9), false), key(8, Some(9), false)]), Next::Wait);
        assert_eq!(next(&[key(1, Some(9), true), key(8, Some(20), false)]), Next::Retire(0));
        let mut retired = key(1, Some(9), true);
        retired.key.status = KeyStatus::Inactive;
        assert_eq!(next(&[retired, key(8, Some(20), false)]), Next::Remove(0));
    }

    #[test]
    fn the_newer_key_is_the_later_one_whatever_the_order() {
        assert_eq!(next(&[key(8, None, false), key(1, Some(9), false)]), Next::TakeUp);
    }
}
