//! What many cached clients have in common, held once: that halves what a client takes in memory.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::policy::Grants;
use crate::store::ClientWithKeys;

/// Different lists of grants that are remembered; what falls out is only held more than once.
const GRANTS: usize = 2_000;
/// The same of peppers' names.
const NAMES: usize = 16;

/// Remembers what was seen before.
pub(crate) struct Interner {
    grants: Cache<Grants, Grants>,
    names: Cache<Arc<str>, Arc<str>>,
}

impl Default for Interner {
    fn default() -> Self {
        Self { grants: Cache::new(GRANTS), names: Cache::new(NAMES) }
    }
}

impl Interner {
    /// The same client in less memory.
    pub(crate) fn share(&self, mut known: ClientWithKeys) -> ClientWithKeys {
        let ClientWithKeys { client, keys } = &mut known;
        match self.grants.get(&client.settings.grants) {
            Some(same) => client.settings.grants = same,
            None => self.grants.insert(client.settings.grants.clone(), client.settings.grants.clone()),
        }
        for key in keys.iter_mut() {
            key.client = client.id.clone();
            key.organization = client.organization.clone();
            match self.names.get(&key.secret.pepper) {
                Some(same) => key.secret.pepper = same,
                None => self.names.insert(Arc::clone(&key.secret.pepper), Arc::clone(&key.secret.pepper)),
            }
        }
        keys.shrink_to_fit();
        known
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
    use crate::secret::SecretHash;

    fn known(name: &str, scopes: &str) -> ClientWithKeys {
        let scopes = symbolon_protocol::scope::ScopeSet::parse(scopes).unwrap();
        let grants = vec![Grant { audience: "https://a.example".to_owned(), scopes }];
        let (id, organization) = (Id::new(name).unwrap(), Id::new("o").unwrap());
        let key = AccessKey {
            id: Id::new("k").unwrap(),
            client: id.clone(),
            organization: organization.clone(),
            secret: SecretHash { pepper: "p".into(), hmac: String::new() },
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
            settings: ClientSettings { grants: grants.into(), ..ClientSettings::default() },
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
        assert!(Arc::ptr_eq(&one.keys[0].secret.pepper, &other.keys[0].secret.pepper));
    }
}
