//! Grants: from somebody who is known to an approved grant, which the mint can sign.

pub mod client_credentials;
pub mod password;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use symbolon_protocol::scope::ScopeSet;

use crate::client::Client;
use crate::clock::Timestamp;
use crate::directory::AsOf;
use crate::id::{AccessKeyId, ClientId, LicenceId, OrganizationId, UserId};
use crate::licence::Licence;
use crate::organization::Organization;
use crate::realm_view::RealmView;
use crate::resource_server::ResourceServer;
use crate::user::User;

/// Who a token is for.
#[derive(Clone, Debug)]
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
    pub(crate) organization: OrganizationId,
    pub(crate) scopes: ScopeSet,
    /// Token life in seconds, at least one.
    pub(crate) lifetime: i64,
    /// What claim maps can name.
    pub(crate) names: Map<String, Value>,
    pub(crate) from: IpAddr,
    /// The licence that opens the audience.
    pub(crate) licence: Option<LicenceId>,
    /// How new everything is that this was decided from.
    pub(crate) as_of: AsOf,
}

impl ApprovedGrant {
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

/// What claim maps can name of a customer and its licence.
fn names(
    realm: &RealmView,
    organization: &Organization,
    licence: Option<&Licence>,
    scopes: &ScopeSet,
) -> Map<String, Value> {
    let mut names = Map::new();
    names.insert("realm".to_owned(), json!({ "id": realm.id(), "issuer": realm.issuer() }));
    names.insert(
        "organization".to_owned(),
        json!({ "id": organization.id, "name": organization.name, "metadata": organization.metadata }),
    );
    if let Some(licence) = licence {
        names.insert(
            "licence".to_owned(),
            json!({ "id": licence.id, "kind": licence.kind, "ends_at": licence.ends_at }),
        );
    }
    names.insert("scope".to_owned(), scopes.to_string().into());
    names
}

fn client_names(client: &Client) -> Value {
    json!({ "id": client.id, "name": client.settings.name, "claims": client.settings.claims })
}

fn user_names(user: &User) -> Value {
    json!({ "id": user.id, "email": user.email })
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
