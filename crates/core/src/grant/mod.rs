//! Grants: from somebody who is known to an approved grant, which the mint can sign.

pub mod client_credentials;
pub mod password;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use symbolon_protocol::scope::{Scope, ScopeSet};

use crate::client::Client;
use crate::clock::Timestamp;
use crate::directory::{AsOf, Customer};
use crate::id::{AccessKeyId, ClientId, LicenceId, OrganizationId, UserId};
use crate::quota::{Quota, QuotaMode, Spender};
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

/// A grant that was decided for somebody who has proved who it is. Only the functions of this module make one; the
/// mint asks nothing more.
pub struct ApprovedGrant {
    pub(crate) decision: Decision,
    pub(crate) from: IpAddr,
}

/// What was decided, whoever asked: a preview shows it, and nothing but an [`ApprovedGrant`] leads from it to a token.
pub(crate) struct Decision {
    pub(crate) realm: Arc<RealmView>,
    pub(crate) resource_server: Arc<ResourceServer>,
    pub(crate) holder: Holder,
    pub(crate) scopes: ScopeSet,
    /// Token life in seconds, at least one.
    pub(crate) lifetime: i64,
    pub(crate) subject: Subject,
    pub(crate) customer: Arc<Customer>,
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

impl Decision {
    /// The versions of the holder and of the customer that it was decided from.
    pub(crate) fn versions(&self) -> (i64, i64) {
        let holder = match &self.subject {
            Subject::Client(known) => known.client.version,
            Subject::User(user, _) => user.version,
        };
        (holder, self.customer.organization.version)
    }

    /// The customer.
    pub(crate) fn organization(&self) -> &OrganizationId {
        &self.customer.organization.id
    }

    /// The quota that its token counts against: the client's own, else the realm's.
    pub(crate) fn quota(&self) -> Option<(Quota, Spender<'_>)> {
        let Subject::Client(known) = &self.subject else { return None };
        let quota = known.client.settings.quota.or(self.realm.realm().settings.quota)?;
        let (organization, client) = (self.organization(), &known.client.id);
        let spender = Spender { realm: self.realm.id(), organization, client };
        (quota.mode != QuotaMode::Off).then_some((quota, spender))
    }
}

impl ApprovedGrant {
    /// What was granted.
    pub const fn scopes(&self) -> &ScopeSet {
        &self.decision.scopes
    }

    /// The API that it is for.
    pub fn audience(&self) -> &str {
        &self.decision.resource_server.identifier
    }

    /// The token's life in seconds.
    pub const fn lifetime(&self) -> i64 {
        self.decision.lifetime
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

/// What claim maps can name, as far as it is wanted: the words that some name begins with.
pub(crate) fn names<'a>(grant: &Decision, wanted: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
    let mut names = Map::new();
    for word in wanted {
        if !names.contains_key(word)
            && let Some(value) = named(grant, word)
        {
            names.insert(word.to_owned(), value);
        }
    }
    names
}

fn named(grant: &Decision, word: &str) -> Option<Value> {
    let Customer { organization, licences } = &*grant.customer;
    match (word, &grant.subject) {
        ("realm", _) => Some(json!({ "id": grant.realm.id(), "issuer": grant.realm.issuer() })),
        ("organization", _) => Some(
            json!({ "id": organization.id, "name": organization.name, "metadata": organization.metadata }),
        ),
        ("licence", _) => {
            let licence = licences.iter().find(|licence| grant.licence.as_ref() == Some(&licence.id))?;
            Some(json!({ "id": licence.id, "kind": licence.kind, "ends_at": licence.ends_at }))
        }
        ("scope", _) => Some(grant.scopes.to_string().into()),
        ("scopes", _) => Some(json!(grant.scopes.iter().map(Scope::as_str).collect::<Vec<_>>())),
        ("client", Subject::Client(known)) => {
            let Client { id, settings, .. } = &known.client;
            Some(json!({ "id": id, "name": settings.name, "claims": settings.claims }))
        }
        ("role", Subject::Client(known)) => known.client.settings.claims.get("role").cloned(),
        ("role", Subject::User(_, role)) => Some(role.name().into()),
        ("user", Subject::User(user, _)) => Some(json!({ "id": user.id, "email": user.email })),
        ("access_key", _) => match &grant.holder {
            Holder::Client { key, .. } => Some(json!({ "id": key })),
            Holder::User(_) => None,
        },
        _ => None,
    }
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
