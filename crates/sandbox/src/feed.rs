//! What the guards know of the realms, straight from the directory: keys and revocations, handed over whenever
//! they have changed. It is the whole connection between the sample APIs and the server that runs beside them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use symbolon_core::authority::Authority;
use symbolon_core::clock::{Clock, Timestamp};
use symbolon_core::directory::Directory;
use symbolon_core::realm_view::RealmView;
use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::protocol::revocation::RevocationSet;
use symbolon_guard::{Revocations, SharedKeys};
use tokio::sync::watch;

use crate::error::SandboxError;

/// Changes are told at once; a realm that was only read anew, because revocations were forgotten, is not.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// The authority's clock, for as long as there is one; then every token is over.
#[derive(Clone)]
pub(crate) struct AuthorityClock(pub(crate) Weak<Authority>);

impl Clock for AuthorityClock {
    fn now(&self) -> Timestamp {
        self.0.upgrade().map_or(Timestamp::from_millis(i64::MAX), |authority| authority.now())
    }
}

/// One realm's keys and revocations, as its guards read them.
pub(crate) struct RealmFeed {
    realm: &'static str,
    pub(crate) keys: SharedKeys,
    pub(crate) revocations: Revocations,
    published: Option<(Arc<JwkSet>, Arc<RevocationSet>)>,
}

impl RealmFeed {
    pub(crate) fn new(realm: &'static str) -> Self {
        Self { realm, keys: SharedKeys::default(), revocations: Revocations::new(), published: None }
    }

    /// The realm as it is now.
    pub(crate) fn realm(&self, directory: &Directory) -> Result<Arc<RealmView>, SandboxError> {
        let view = directory.realm(self.realm);
        view.ok_or_else(|| SandboxError::NotApplied(format!("the realm {}", self.realm)))
    }

    /// Hands over what has changed. Guards parse a key set that was handed over, even an equal one, so an
    /// unchanged one is not.
    pub(crate) fn publish(&mut self, directory: &Directory) {
        let (keys, revocations) = match directory.realm(self.realm) {
            Some(realm) => (Arc::clone(realm.jwks()), Arc::clone(realm.revocations())),
            None => <(Arc<JwkSet>, Arc<RevocationSet>)>::default(),
        };
        let published = self.published.as_ref();
        // What kills tokens goes first.
        if published.is_none_or(|(_, old)| !Arc::ptr_eq(old, &revocations)) {
            self.revocations.publish(RevocationSet::clone(&revocations));
        }
        if published.is_none_or(|(old, _)| !Arc::ptr_eq(old, &keys)) {
            self.keys.publish(JwkSet::clone(&keys));
        }
        self.published = Some((keys, revocations));
    }
}

/// Hands over every change, until the authority is gone. `moved` was subscribed to before the first publication.
pub(crate) async fn run(
    mut feeds: Vec<RealmFeed>,
    authority: Weak<Authority>,
    mut moved: watch::Receiver<i64>,
) {
    loop {
        let woken = tokio::time::timeout(LOOK_ANYWAY, moved.changed()).await;
        if matches!(woken, Ok(Err(_))) {
            return;
        }
        let Some(authority) = authority.upgrade() else { return };
        for feed in &mut feeds {
            feed.publish(authority.directory());
        }
    }
}
