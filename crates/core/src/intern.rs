//! What many cached clients have in common, held once: that halves what a client takes in memory.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::id::OrganizationId;
use crate::policy::Grants;
use crate::store::ClientWithKeys;

/// Different lists of grants that are remembered; what falls out is only held more than once.
const GRANTS: usize = 2_000;
/// The same of customers' ids.
const ORGANIZATIONS: usize = 2_000;
/// The same of default audiences.
const AUDIENCES: usize = 1_000;
/// The same of peppers' names.
const NAMES: usize = 16;

/// Remembers what was seen before.
pub(crate) struct Interner {
    grants: Cache<Grants, Grants>,
    organizations: Cache<OrganizationId, OrganizationId>,
    audiences: Cache<Arc<str>, Arc<str>>,
    names: Cache<Arc<str>, Arc<str>>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            grants: Cache::new(GRANTS),
            organizations: Cache::new(ORGANIZATIONS),
            audiences: Cache::new(AUDIENCES),
            names: Cache::new(NAMES),
        }
    }
}

impl Interner {
    /// The same client in less memory.
    pub(crate) fn share(&self, mut known: ClientWithKeys) -> ClientWithKeys {
        let ClientWithKeys { client, keys } = &mut known;
        share(&self.grants, &mut client.settings.grants);
        share(&self.organizations, &mut client.organization);
        if let Some(audience) = &mut client.settings.default_audience {
            share(&self.audiences, audience);
        }
        for key in keys.iter_mut() {
            key.client = client.id.clone();
            key.organization = client.organization.clone();
            share(&self.names, &mut key.secret.pepper);
        }
        keys.shrink_to_fit();
        known
    }
}

fn share<T: Clone + Eq + Hash>(seen: &Cache<T, T>, one: &mut T) {
    match seen.get(one) {
        Some(same) => *one = same,
        None => seen.insert(one.clone(), one.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_key::{AccessKey, KeyStatus};
    use crate::client::{Client, ClientSettings};
    use crate::clock::Timestamp;
    use crate::id::Id;
    use crate::policy::Grant;
    use crate::realm::Status;
    use crate::secret::{SecretHash, Tag};

    fn known(name: &str, scopes: &str) -> ClientWithKeys {
        let scopes = symbolon_protocol::scope::ScopeSet::parse(scopes).unwrap();
        let grants = vec![Grant { audience: "https://a.example".to_owned(), scopes }];
        let (id, organization) = (Id::new(name).unwrap(), Id::new("o").unwrap());
        let settings = ClientSettings {
            grants: grants.into(),
            default_audience: Some("https://a.example".into()),
            ..ClientSettings::default()
        };
        let key = AccessKey {
            id: Id::new("k").unwrap(),
            client: id.clone(),
            organization: organization.clone(),
            secret: SecretHash { pepper: "p".into(), hmac: Tag::default() },
            status: KeyStatus::Active,
            held: false,
            expires_at: None,
            version: 1,
            created_at: Timestamp::default(),
        };
        let client = Client {
            id,
            organization,
            status: Status::Active,
            held: false,
            settings,
            version: 1,
            created_at: Timestamp::default(),
        };
        ClientWithKeys { client, keys: vec![key] }
    }

    #[test]
    fn what_is_the_same_is_held_once_and_nothing_is_changed() {
        let interner = Interner::default();
        let [one, two, other] = [("a", "x y"), ("b", "x y"), ("c", "x")].map(|(name, scopes)| {
            let before = known(name, scopes);
            let shared = interner.share(before.clone());
            assert_eq!(shared, before);
            shared
        });
        let grants = |of: &ClientWithKeys| of.client.settings.grants.as_ptr();
        assert_eq!(grants(&one), grants(&two));
        assert_ne!(grants(&one), grants(&other));
        let audience = |of: &ClientWithKeys| of.client.settings.default_audience.clone().unwrap();
        assert!(Arc::ptr_eq(&audience(&one), &audience(&two)));
        let organization = |of: &ClientWithKeys| of.client.organization.as_str().as_ptr();
        assert_eq!(organization(&one), organization(&two));
        assert_eq!(organization(&one), one.keys[0].organization.as_str().as_ptr());
        assert!(Arc::ptr_eq(&one.keys[0].secret.pepper, &other.keys[0].secret.pepper));
    }
}
