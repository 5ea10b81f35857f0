//! The declarative description of an installation, as a YAML file says it (docs/apply.md).
//!
//! Everything that can be imported is taken over as it is: ids, secrets, e-mail addresses and passwords, so that
//! an installation can be moved here without its customers noticing.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::access_key::KeyStatus;
use crate::client::ClientSettings;
use crate::clock::Timestamp;
use crate::id::{ClientId, OrganizationId, PolicyId, RealmId, UserId};
use crate::licence::LicenceKind;
use crate::policy::Statement;
use crate::realm::{RealmSettings, Status};
use crate::resource_server::ResourceServerSettings;
use crate::secret::Secret;
use crate::user::{MemberRole, OperatorRole};

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The realms.
    pub realms: Vec<RealmDescription>,
}

/// A realm.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealmDescription {
    /// Its name.
    pub id: RealmId,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
    /// Its settings.
    #[serde(default)]
    pub settings: RealmSettings,
    /// Its APIs.
    #[serde(default)]
    pub resource_servers: Vec<ResourceServerDescription>,
    /// Its policies.
    #[serde(default)]
    pub policies: Vec<PolicyDescription>,
    /// Its customers.
    #[serde(default)]
    pub organizations: Vec<OrganizationDescription>,
    /// The people who run it.
    #[serde(default)]
    pub operators: Vec<OperatorDescription>,
}

/// An API.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceServerDescription {
    /// Its audience.
    pub identifier: String,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
    /// Its settings.
    #[serde(default)]
    pub settings: ResourceServerSettings,
}

/// A policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDescription {
    /// Its id, which clients name.
    pub id: PolicyId,
    /// A name for people; the id where absent.
    pub name: Option<String>,
    /// Its rules.
    pub statements: Vec<Statement>,
}

/// A customer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationDescription {
    /// Its id: the account id that APIs read.
    pub id: OrganizationId,
    /// A name for people; the id where absent.
    pub name: Option<String>,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
    /// Anything else to remember of it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Its licences.
    #[serde(default)]
    pub licences: Vec<LicenceDescription>,
    /// Its clients.
    #[serde(default)]
    pub clients: Vec<ClientDescription>,
    /// Its people.
    #[serde(default)]
    pub users: Vec<MemberDescription>,
}

/// A licence, known by its audience and kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceDescription {
    /// The API.
    pub audience: String,
    /// What was agreed.
    pub kind: LicenceKind,
    /// From then on; from the first run on where absent.
    #[serde(default, deserialize_with = "time")]
    pub starts_at: Option<Timestamp>,
    /// Until then; for ever where absent.
    #[serde(default, deserialize_with = "time")]
    pub ends_at: Option<Timestamp>,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
}

/// A client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientDescription {
    /// Its id, taken over as it is.
    pub id: ClientId,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
    /// Its settings.
    #[serde(default)]
    pub settings: ClientSettings,
    /// Its access keys, at most two.
    #[serde(default)]
    pub access_keys: Vec<AccessKeyDescription>,
}

/// An access key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKeyDescription {
    /// Its id, taken over as it is; derived from the client's where absent.
    pub id: Option<crate::access_key::AccessKeyId>,
    /// Its secret, taken over as it is; made and told once where absent.
    pub secret: Option<Secret>,
    /// Allows a secret of fewer than 16 characters.
    #[serde(default)]
    pub weak: bool,
    /// ACTIVE or INACTIVE. Where absent: as it is, and ACTIVE for what is new.
    pub status: Option<KeyStatus>,
    /// From then on it gets no tokens.
    #[serde(default, deserialize_with = "time")]
    pub expires_at: Option<Timestamp>,
}

/// A customer's member, known by the e-mail address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberDescription {
    /// The address.
    pub email: String,
    /// The id, taken over as it is; made where absent.
    pub id: Option<UserId>,
    /// The role in the organization.
    pub role: MemberRole,
    /// The password.
    pub password: Option<Secret>,
    /// The password's Argon2id hash (PHC string), taken over as it is.
    pub password_hash: Option<String>,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
}

/// One of the people who run the realm, known by the e-mail address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorDescription {
    /// The address.
    pub email: String,
    /// The id, taken over as it is; made where absent.
    pub id: Option<UserId>,
    /// The role.
    pub role: OperatorRole,
    /// The password.
    pub password: Option<Secret>,
    /// The password's Argon2id hash (PHC string), taken over as it is.
    pub password_hash: Option<String>,
    /// On or off. Where absent: as it is, and on for what is new.
    pub status: Option<Status>,
}

/// The file cannot be read. The text names the line and the mistake, never a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DescriptionError(String);

impl Description {
    /// Reads a file's text.
    pub fn parse(yaml: &str) -> Result<Self, DescriptionError> {
        let mut options = serde_saphyr::Options::default();
        // The excerpt would show the lines around a mistake, and with them secrets.
        options.with_snippet = false;
        serde_saphyr::from_str_with_options(yaml, options)
            .map_err(|error| DescriptionError(error.to_string()))
    }
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match Timestamp::parse(&text) {
        Some(time) => Ok(Some(time)),
        None => Err(serde::de::Error::custom("times are written like 2026-01-31 or 2026-01-31T12:00:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mistake_is_named_by_its_line_and_shows_no_secret() {
        let yaml = "realms:\n  - id: main\n    organizations:\n      - id: acme\n        clients:\n          - id: c\n            access_keys:\n              - secret: hush-hush-hush-hush\n                wek: true\n";
        let error = Description::parse(yaml).unwrap_err().to_string();
        assert!(error.contains("wek") && error.contains("line 9"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let yaml = "realms: [{id: a, operators: [{email: a@b.example, role: owner, password: hush-hush}]}]";
        assert!(!format!("{:?}", Description::parse(yaml).unwrap()).contains("hush"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\n]{0,200}") {
            let _ = Description::parse(&text);
        }
    }
}
