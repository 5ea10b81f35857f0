//! Grants: from somebody who is known to an approved grant, which the mint can sign.

pub mod client_credentials;
pub mod password;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use symbolon_protocol::scope::ScopeSet;

use crate::client::Client;
use crate::clock::Timestamp;
use crate::directory::{AsOf, Customer};
use crate::id::{AccessKeyId, ClientId, LicenceId, OrganizationId, UserId};
use crate::realm_view::RealmView;
use crate::resource_server::ResourceServer;
use crate::store::ClientWithKeys;
use crate::user::{MemberRole, User};

/// Who a token is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A client, with the access key that it used.
    Client {
        /// The client.
        client: ClientId,
        /// The key.
        key: AccessKeyId,
    },
    /// A user, by password (v1).
    User(UserId),
}

/// A grant that was decided. Only the functions of this module make one; the mint asks nothing more.
pub struct ApprovedGrant {
    pub(crate) realm: Arc<RealmView>,
    pub(crate) resource_server: Arc<ResourceServer>,
    pub(crate) holder: Holder,
    pub(crate) scopes: ScopeSet,
    /// Token life in seconds, at least one.
    pub(crate) lifetime: i64,
    pub(crate) subject: Subject,
    pub(crate) customer: Arc<Customer>,
    pub(crate) from: IpAddr,
    /// The licence that opens the audience.
    pub(crate) licence: Option<LicenceId>,
    /// How new everything is that this was decided from.
    pub(crate) as_of: AsOf,
}

/// The holder, with everything that is known of it.
pub(crate) enum Subject {
    Client(Arc<ClientWithKeys>),
    User(Box<User>, MemberRole),
}

impl ApprovedGrant {
    /// The customer.
    pub(crate) fn organization(&self) -> &OrganizationId {
        &self.customer.organization.id
    }

    /// What was granted.
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The API that it is for.
    pub fn audience(&self) -> &str {
        &self.resource_server.identifier
    }

    /// The token's life in seconds.
    pub const fn lifetime(&self) -> i64 {
        self.lifetime
    }
}

/// Rule 4: the first lifetime that is set, cut to the realm's maximum and to every end that must not be passed.
/// `None` if an end leaves not even a second.
fn lifetime(
    wanted: i64,
    maximum: i64,
    ends: impl IntoIterator<Item = Option<Timestamp>>,
    now: Timestamp,
) -> Option<i64> {
    let left = |end: Timestamp| end.seconds() - now.seconds();
    let shortest = ends.into_iter().flatten().map(left).chain([wanted, maximum]).min()?;
    (shortest >= 1).then_some(shortest)
}

/// What claim maps can name.
pub(crate) fn names(grant: &ApprovedGrant) -> Map<String, Value> {
    let mut names = Map::new();
    let mut name = |name: &str, value: Value| names.insert(name.to_owned(), value);
    name("realm", json!({ "id": grant.realm.id(), "issuer": grant.realm.issuer() }));
    let Customer { organization, licences } = &*grant.customer;
    name(
        "organization",
        json!({ "id": organization.id, "name": organization.name, "metadata": organization.metadata }),
    );
    if let Some(licence) = licences.iter().find(|licence| grant.licence.as_ref() == Some(&licence.id)) {
        name("licence", json!({ "id": licence.id, "kind": licence.kind, "ends_at": licence.ends_at }));
    }
    name("scope", grant.scopes.to_string().into());
    match &grant.subject {
        Subject::Client(known) => {
            let Client { id, settings, .. } = &known.client;
            name("client", json!({ "id": id, "name": settings.name, "claims": settings.claims }));
            if let Some(role) = settings.claims.get("role") {
                name("role", role.clone());
            }
        }
        Subject::User(user, role) => {
            name("user", json!({ "id": user.id, "email": user.email }));
            name("role", role.name().into());
        }
    }
    if let Holder::Client { key, .. } = &grant.holder {
        name("access_key", json!({ "id": key }));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_lives_past_any_end() {
        let now = Timestamp::from_millis(1_000_900);
        let end = |seconds| Some(Timestamp::from_seconds(seconds));
        assert_eq!(lifetime(3600, 86_400, [None, None], now), Some(3600));
        assert_eq!(lifetime(90_000, 86_400, [None], now), Some(86_400));
        assert_eq!(lifetime(3600, 86_400, [end(1060), end(1030)], now), Some(30));
        assert_eq!(lifetime(3600, 86_400, [end(1000)], now), None);
        assert_eq!(lifetime(3600, 86_400, [end(10)], now), None);
    }
}
