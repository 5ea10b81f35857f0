//! The places of this API: the segments that stand in its paths.

use serde::Deserialize;
use utoipa::IntoParams;

/// A realm.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InRealm {
    /// The realm's id.
    pub(crate) realm: String,
}

/// A resource server.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfResourceServer {
    /// The realm's id.
    pub(crate) realm: String,
    /// The audience, percent-encoded.
    pub(crate) identifier: String,
}

/// A policy.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfPolicy {
    /// The realm's id.
    pub(crate) realm: String,
    /// The policy's id.
    pub(crate) policy: String,
}

/// An operator.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfOperator {
    /// The realm's id.
    pub(crate) realm: String,
    /// The user's id.
    pub(crate) operator: String,
}

/// A signing key.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfSigningKey {
    /// The realm's id.
    pub(crate) realm: String,
    /// The key's name.
    pub(crate) kid: String,
}

/// A request.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfRequest {
    /// The realm's id.
    pub(crate) realm: String,
    /// The `x-request-id` of its answer.
    pub(crate) request_id: String,
}

/// An organization.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InOrganization {
    /// The realm's id.
    pub(crate) realm: String,
    /// The organization's id.
    pub(crate) organization: String,
}

impl InOrganization {
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.realm, &self.organization)
    }
}

/// A licence.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfLicence {
    /// The realm's id.
    pub(crate) realm: String,
    /// The organization's id.
    pub(crate) organization: String,
    /// The licence's id.
    pub(crate) licence: String,
}

impl OfLicence {
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.realm, &self.organization)
    }
}

/// A member.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfMember {
    /// The realm's id.
    pub(crate) realm: String,
    /// The organization's id.
    pub(crate) organization: String,
    /// The user's id.
    pub(crate) member: String,
}

impl OfMember {
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.realm, &self.organization)
    }
}

/// A client.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfClient {
    /// The realm's id.
    pub(crate) realm: String,
    /// The organization's id.
    pub(crate) organization: String,
    /// The client's id.
    pub(crate) client: String,
}

impl OfClient {
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.realm, &self.organization)
    }
}

/// A policy that a client has.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfAssignment {
    /// The realm's id.
    pub(crate) realm: String,
    /// The organization's id.
    pub(crate) organization: String,
    /// The client's id.
    pub(crate) client: String,
    /// The policy's id.
    pub(crate) policy: String,
}

/// An access key.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfAccessKey {
    /// The realm's id.
    pub(crate) realm: String,
    /// The organization's id.
    pub(crate) organization: String,
    /// The client's id.
    pub(crate) client: String,
    /// The access key's id.
    pub(crate) key: String,
}

impl OfAccessKey {
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.realm, &self.organization)
    }
}
