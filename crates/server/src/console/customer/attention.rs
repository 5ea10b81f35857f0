//! What needs somebody's attention in an organization, worked out from what its overview has read anyway.

use std::collections::BTreeSet;
use std::time::Duration;

use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::clock::Timestamp;
use symbolon_core::licence::Licence;
use symbolon_core::resource_server::comparable;
use symbolon_core::store::ClientWithKeys;

/// A key or a licence whose end is nearer than this is told of.
pub(super) const SOON: Duration = Duration::from_hours(30 * 24);
/// A key that is younger may still be on its way into a program.
const NEW: Duration = Duration::from_hours(24);
/// A licence that ended longer ago is no news.
const LATELY: Duration = Duration::from_hours(30 * 24);

/// Something to look at, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding<'a> {
    /// A key has got no token in the time that is looked at.
    Unused(&'a ClientWithKeys, &'a AccessKey),
    /// A key will end.
    Expiring(&'a ClientWithKeys, &'a AccessKey, Timestamp),
    /// A key has ended and is still there.
    Expired(&'a ClientWithKeys, &'a AccessKey, Timestamp),
    /// A licence will end.
    LicenceEnding(&'a Licence, Timestamp),
    /// A licence has ended, and no other opens its API.
    LicenceEnded(&'a Licence, Timestamp),
}

/// Looks through clients and licences. `used` are the ids of the keys that got a token in the time that is looked at;
/// none where that is not known.
pub(super) fn findings<'a>(
    clients: &'a [ClientWithKeys],
    licences: &'a [Licence],
    used: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Vec<Finding<'a>> {
    let mut found = Vec::new();
    for known in clients.iter().filter(|known| known.client.status.is_active()) {
        for key in known.keys.iter().filter(|key| key.status == KeyStatus::Active) {
            match key.expires_at {
                Some(end) if end <= now => found.push(Finding::Expired(known, key, end)),
                Some(end) if end <= now.plus(SOON) => found.push(Finding::Expiring(known, key, end)),
                _ => {}
            }
            let is_unused = used.is_some_and(|used| !used.contains(key.id.as_str()));
            if is_unused && now.since(key.created_at) >= NEW {
                found.push(Finding::Unused(known, key));
            }
        }
    }
    for licence in licences.iter().filter(|licence| licence.status.is_active()) {
        let Some(end) = licence.ends_at else { continue };
        // Another one of the same kind goes on when this one ends.
        let goes_on = licences.iter().any(|other| {
            other.kind == licence.kind
                && comparable(&other.audience) == comparable(&licence.audience)
                && other.opens(&other.audience, end.max(now))
        });
        if goes_on {
            continue;
        }
        if end > now && end <= now.plus(SOON) {
            found.push(Finding::LicenceEnding(licence, end));
        } else if end <= now && now.since(end) <= LATELY {
            found.push(Finding::LicenceEnded(licence, end));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use symbolon_core::access_key::AccessKeyId;
    use symbolon_core::client::{Client, ClientSettings};
    use symbolon_core::id::{ClientId, LicenceId, OrganizationId};
    use symbolon_core::licence::LicenceKind;
    use symbolon_core::realm::Status;
    use symbolon_core::secret::{SecretHash, Tag};

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * 86_400)
    }

    fn client(expires_at: Option<Timestamp>) -> ClientWithKeys {
        let id = ClientId::new("cli_1").unwrap();
        let organization = OrganizationId::new("org_1").unwrap();
        let key = AccessKey {
            id: AccessKeyId::new("key_1").unwrap(),
            client: id.clone(),
            organization: organization.clone(),
            secret: SecretHash { pepper: "p".into(), hmac: Tag::default() },
            status: KeyStatus::Active,
            held: false,
            expires_at,
            version: 1,
            created_at: day(0),
        };
        let settings = ClientSettings::default();
        let client = Client {
            id,
            organization,
            status: Status::Active,
            held: false,
            settings,
            version: 1,
            created_at: day(0),
        };
        ClientWithKeys { client, keys: vec![key] }
    }

    fn licence(id: &str, ends_at: Option<Timestamp>) -> Licence {
        Licence {
            id: LicenceId::new(id).unwrap(),
            organization: OrganizationId::new("org_1").unwrap(),
            audience: "https://api.example".to_owned(),
            kind: LicenceKind::Trial,
            starts_at: day(0),
            ends_at,
            status: Status::Active,
            version: 1,
            created_at: day(0),
        }
    }

    #[test]
    fn keys_that_nobody_uses_are_found_once_they_are_a_day_old() {
        let clients = [client(None)];
        let (nothing, used) = (BTreeSet::new(), BTreeSet::from(["key_1".to_owned()]));
        let key = &clients[0].keys[0];
        let find = |used, now| findings(&clients, &[], used, now);
        assert_eq!(find(Some(&nothing), day(1)), [Finding::Unused(&clients[0], key)]);
        assert!(find(Some(&nothing), day(0)).is_empty());
        assert!(find(Some(&used), day(1)).is_empty());
        assert!(find(None, day(1)).is_empty());
    }

    #[test]
    fn keys_are_found_before_they_end_and_after() {
        let clients = [client(Some(day(40)))];
        let key = &clients[0].keys[0];
        let find = |now| findings(&clients, &[], None, now);
        assert!(find(day(9)).is_empty());
        assert_eq!(find(day(10)), [Finding::Expiring(&clients[0], key, day(40))]);
        assert_eq!(find(day(40)), [Finding::Expired(&clients[0], key, day(40))]);
    }

    #[test]
    fn licences_are_found_unless_another_goes_on() {
        let ending = [licence("lic_1", Some(day(40)))];
        let find = |licences, now| findings(&[], licences, None, now);
        assert!(find(&ending, day(9)).is_empty());
        assert_eq!(find(&ending, day(10)), [Finding::LicenceEnding(&ending[0], day(40))]);
        assert_eq!(find(&ending, day(41)), [Finding::LicenceEnded(&ending[0], day(40))]);
        assert!(find(&ending, day(71)).is_empty());
        let renewed = [licence("lic_1", Some(day(40))), licence("lic_2", None)];
        assert!(findings(&[], &renewed, None, day(20)).is_empty());
    }
}
