//! The records of tokens and refusals, as they are written to and found in the journal.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::clock::Timestamp;
use crate::id::{AccessKeyId, ClientId, OrganizationId, RealmId, UserId};

/// One token, recorded before it is answered. Never the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenRecord {
    /// When it was issued.
    pub at: Timestamp,
    /// The request that asked for it.
    pub request_id: String,
    /// Its `jti`.
    pub jti: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The network address that asked.
    pub from: IpAddr,
    /// What is special about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<Remark>,
    /// What it was issued for.
    #[serde(flatten)]
    pub grant: RecordedGrant,
}

/// What is special about a record of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// It is beyond the client's quota, which is only watched.
    BeyondQuota,
    /// The request got a token that was issued, and recorded, before (the API's reuse window).
    Reused,
}

/// What a token was issued for: the part that all who may do the same share, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedGrant {
    /// The right.
    pub right: Arc<RecordedRight>,
    /// The client, unless it is a v1 password token.
    pub client: Option<ClientId>,
    /// The access key that was used.
    pub access_key: Option<AccessKeyId>,
    /// The user of a v1 password token.
    pub user: Option<UserId>,
    /// The customer.
    pub organization: Option<OrganizationId>,
}

/// What tokens of many clients have in common.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRight {
    /// The realm that issued it.
    pub realm: RealmId,
    /// The key that signed it.
    pub kid: Box<str>,
    /// The audience.
    pub audience: Box<str>,
    /// What was granted.
    pub scope: Box<str>,
}

impl RecordedGrant {
    /// The record as a whole.
    pub fn read(&self) -> GrantRecord {
        let GrantRecord { realm, kid, client, access_key, user, organization, audience, scope } =
            self.whole();
        let (kid, audience, scope) = (kid.to_owned(), audience.to_owned(), scope.to_owned());
        GrantRecord { realm, kid, client, access_key, user, organization, audience, scope }
    }

    fn whole(&self) -> GrantRecord<&str> {
        GrantRecord {
            realm: self.right.realm.clone(),
            kid: &self.right.kid,
            client: self.client.clone(),
            access_key: self.access_key.clone(),
            user: self.user.clone(),
            organization: self.organization.clone(),
            audience: &self.right.audience,
            scope: &self.right.scope,
        }
    }
}

impl From<GrantRecord> for RecordedGrant {
    fn from(record: GrantRecord) -> Self {
        let GrantRecord { realm, kid, client, access_key, user, organization, audience, scope } = record;
        let (kid, audience, scope) = (kid.into(), audience.into(), scope.into());
        let right = Arc::new(RecordedRight { realm, kid, audience, scope });
        Self { right, client, access_key, user, organization }
    }
}

/// As the record itself, whose members a token's record takes in.
impl Serialize for RecordedGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.whole().serialize(serializer)
    }
}

/// What is the same for every token of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord<T = String> {
    /// The realm that issued it.
    pub realm: RealmId,
    /// The key that signed it.
    pub kid: T,
    /// The client, unless it is a v1 password token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<ClientId>,
    /// The access key that was used.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_key: Option<AccessKeyId>,
    /// The user of a v1 password token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<UserId>,
    /// The customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<OrganizationId>,
    /// The audience.
    pub audience: T,
    /// What was granted.
    pub scope: T,
}

/// One refusal, recorded if there is room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalRecord {
    /// When.
    pub at: Timestamp,
    /// The request that was refused.
    pub request_id: String,
    /// The realm that was asked.
    pub realm: RealmId,
    /// The endpoint: `token`, `introspect`, `revoke`, `password_token`.
    pub endpoint: String,
    /// What the client was told: the OAuth error code.
    pub error: String,
    /// The exact reason, by its stable name.
    pub reason: String,
    /// The exact reason, in a sentence.
    pub detail: String,
    /// Who the request said that it was: the id of a client or a key, whole; how an id begins that nobody has, and `…`;
    /// or what is an email.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unverified_client: Option<String>,
    /// The client that the request concerns, if it is known to exist: it named this one or a key of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client: Option<ClientId>,
    /// The organization of that client.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<OrganizationId>,
    /// The access key that the request named, if it named the client by one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_key: Option<AccessKeyId>,
    /// The identifier of the resource server that an authenticated client asked for, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audience: Option<String>,
    /// The network address that asked.
    pub from: String,
    /// How many further refusals were dropped before this one for lack of room.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub dropped_before: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
