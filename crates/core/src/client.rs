//! A client: one machine or program of a customer (a *service user* in the other vocabulary).

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
pub use crate::id::ClientId;
use crate::id::{OrganizationId, PolicyId};
use crate::licence::LicenceKind;
use crate::policy::Grants;
use crate::quota::Quota;
use crate::realm::Status;

/// What may be set on a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClientSettings {
    /// A name for people.
    pub name: String,
    /// Scopes given to it directly.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<crate::policy::Grant>))]
    pub grants: Grants,
    /// The audience when it asks for none; set by its first grant, changed only on purpose.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub default_audience: Option<Arc<str>>,
    /// The policies it was given.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub policies: Vec<PolicyId>,
    /// Token life in seconds, before every other setting.
    pub lifetime: Option<i64>,
    /// The networks it may ask from; any where empty.
    #[serde(deserialize_with = "crate::network::list")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub allowed_networks: Vec<IpNet>,
    /// Claims of its own, which claim maps can read.
    pub claims: BTreeMap<String, Value>,
    /// The kind of licence that it stands for, where the customer has a pair of credentials per licence kind.
    pub licence_kind: Option<LicenceKind>,
    /// How many tokens it may get in an hour; the realm's quota where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client id, `sub` of its tokens.
    pub id: ClientId,
    /// The customer it belongs to.
    pub organization: OrganizationId,
    /// A disabled one gets no tokens, and those it has are dead.
    pub status: Status,
    /// Whether an operator switched it off: then no customer can switch it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// What was set on it.
    pub settings: ClientSettings,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}
