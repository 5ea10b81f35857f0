//! A realm: one issuer with its own keys, clients and rules. One process serves many of them.

use serde::{Deserialize, Serialize};
use symbolon_protocol::algorithm::Algorithm;

use crate::clock::Timestamp;
use crate::id::OrganizationId;
pub use crate::id::RealmId;
use crate::quota::Quota;
use crate::self_service::SelfService;

/// Whether a thing may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Status {
    /// In use.
    #[default]
    Active,
    /// Switched off: nothing of it is served, and all its tokens are dead.
    Disabled,
}

impl Status {
    /// Whether it is in use.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// Whose clients a realm's tokens and answers are shaped for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Compatibility {
    /// ES256 and `at+jwt`, as RFC 9068 has it.
    #[default]
    Default,
    /// RS256, `JWT`, an issuer that ends in a slash.
    Auth0,
    /// RS256, `JWT`, and a claim `typ: "Bearer"`.
    Keycloak,
    /// RS256, `JWT`.
    M3ter,
}

/// The console's words for a client and its secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Vocabulary {
    /// Clients and client secrets.
    #[default]
    Oauth,
    /// Service users and access keys.
    ServiceUsers,
}

/// Tokens for email and password, the way v1 of an API did it. Absent unless an operator turns it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PasswordTokens {
    /// The audience of such tokens.
    pub audience: String,
    /// Their life in seconds.
    #[serde(default = "PasswordTokens::default_lifetime")]
    pub lifetime: i64,
}

impl PasswordTokens {
    const fn default_lifetime() -> i64 {
        3600
    }
}

/// What an operator may set on a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RealmSettings {
    /// The issuer; derived from the base address where it is not set.
    pub issuer: Option<String>,
    /// The host names whose requests belong to this realm, without port.
    pub hosts: Vec<String>,
    /// Whose clients it serves; each setting below overrides its part of it.
    pub compatibility: Compatibility,
    /// The signature algorithm, unless a resource server has its own.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub signing_algorithm: Option<Algorithm>,
    /// The `typ` of access tokens.
    pub token_type: Option<String>,
    /// Whether tokens carry the claim `typ: "Bearer"`.
    pub bearer_claim: Option<bool>,
    /// The audience of clients that ask for none and have none of their own.
    pub default_audience: Option<String>,
    /// Token life in seconds where neither client nor resource server has one.
    pub default_lifetime: i64,
    /// No token lives longer, in seconds.
    pub maximum_lifetime: i64,
    /// v1 password tokens; off where absent.
    pub password_tokens: Option<PasswordTokens>,
    /// The console's words.
    pub vocabulary: Vocabulary,
    /// Days of silence after which a rotated key counts as safe to retire.
    pub safe_to_retire_days: i64,
    /// The organization whose clients manage the realm; those of all others manage their own organization.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub operators: Option<OrganizationId>,
    /// What customers may give to their clients.
    pub self_service: SelfService,
    /// How many tokens each client may get in an hour that has no quota of its own; any number where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

impl Default for RealmSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            hosts: Vec::new(),
            compatibility: Compatibility::Default,
            signing_algorithm: None,
            token_type: None,
            bearer_claim: None,
            default_audience: None,
            default_lifetime: 3600,
            maximum_lifetime: 86_400,
            password_tokens: None,
            vocabulary: Vocabulary::Oauth,
            safe_to_retire_days: 7,
            operators: None,
            self_service: SelfService::default(),
            quota: None,
        }
    }
}

/// A realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Realm {
    /// Its name.
    pub id: RealmId,
    /// Whether it is served.
    pub status: Status,
    /// What its operator set.
    pub settings: RealmSettings,
    /// The longest maximum that it ever had, in seconds: how long revocations are remembered.
    #[serde(default)]
    pub longest_lifetime: i64,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Realm {
    /// The algorithm of tokens whose resource server has none of its own.
    pub fn signing_algorithm(&self) -> Algorithm {
        self.settings.signing_algorithm.unwrap_or(match self.settings.compatibility {
            Compatibility::Default => Algorithm::Es256,
            Compatibility::Auth0 | Compatibility::Keycloak | Compatibility::M3ter => Algorithm::Rs256,
        })
    }

    /// The `typ` in the header of access tokens.
    pub fn token_type(&self) -> &str {
        self.settings.token_type.as_deref().unwrap_or(match self.settings.compatibility {
            Compatibility::Default => "at+jwt",
            Compatibility::Auth0 | Compatibility::Keycloak | Compatibility::M3ter => "JWT",
        })
    }

    /// Whether tokens carry the claim `typ: "Bearer"`.
    pub fn has_bearer_claim(&self) -> bool {
        self.settings.bearer_claim.unwrap_or(self.settings.compatibility == Compatibility::Keycloak)
    }

    /// The issuer, byte for byte as it stands in tokens, from the base address of the installation (without a
    /// slash at its end). The default realm sits at the base itself.
    pub fn issuer(&self, base: &str, is_default: bool) -> String {
        if let Some(issuer) = &self.settings.issuer {
            return issuer.clone();
        }
        let slash = if self.settings.compatibility == Compatibility::Auth0 { "/" } else { "" };
        if is_default { format!("{base}{slash}") } else { format!("{base}/realms/{}{slash}", self.id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(compatibility: Compatibility) -> Realm {
        Realm {
            id: RealmId::new("r").unwrap(),
            status: Status::Active,
            settings: RealmSettings { compatibility, ..RealmSettings::default() },
            longest_lifetime: 0,
            version: 1,
            created_at: Timestamp::default(),
        }
    }

    #[test]
    fn a_compatibility_is_a_set_of_defaults() {
        let shapes = [
            (Compatibility::Default, Algorithm::Es256, "at+jwt", false, "https://b/realms/r"),
            (Compatibility::Auth0, Algorithm::Rs256, "JWT", false, "https://b/realms/r/"),
            (Compatibility::Keycloak, Algorithm::Rs256, "JWT", true, "https://b/realms/r"),
            (Compatibility::M3ter, Algorithm::Rs256, "JWT", false, "https://b/realms/r"),
        ];
        for (compatibility, algorithm, typ, bearer, issuer) in shapes {
            let realm = realm(compatibility);
            assert_eq!(realm.signing_algorithm(), algorithm);
            assert_eq!(realm.token_type(), typ);
            assert_eq!(realm.has_bearer_claim(), bearer);
            assert_eq!(realm.issuer("https://b", false), issuer);
        }
        assert_eq!(realm(Compatibility::Auth0).issuer("https://b", true), "https://b/");
        assert_eq!(realm(Compatibility::Default).issuer("https://b", true), "https://b");
    }

    #[test]
    fn each_setting_can_be_overridden_alone() {
        let mut realm = realm(Compatibility::Keycloak);
        realm.settings.signing_algorithm = Some(Algorithm::Ed25519);
        realm.settings.bearer_claim = Some(false);
        realm.settings.issuer = Some("https://sso.example/auth".to_owned());
        assert_eq!(realm.signing_algorithm(), Algorithm::Ed25519);
        assert_eq!(realm.token_type(), "JWT");
        assert!(!realm.has_bearer_claim());
        assert_eq!(realm.issuer("https://b", false), "https://sso.example/auth");
    }
}
