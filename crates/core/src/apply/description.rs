//! The declarative description of an installation, as a YAML file says it (docs/apply.md).
//!
//! Everything that can be imported is taken over as it is: ids, secrets, e-mail addresses and passwords, so that
//! an installation can be moved here without its customers noticing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Description {
    /// The realms.
    pub realms: Vec<RealmDescription>,
}

/// A realm.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RealmDescription {
    /// Its name.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: RealmId,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Its settings, as a whole. Where absent: as they are, and the usual ones for what is new.
    #[serde(default, serialize_with = "what_is_set", skip_serializing_if = "Option::is_none")]
    pub settings: Option<RealmSettings>,
    /// Its APIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_servers: Vec<ResourceServerDescription>,
    /// Its policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyDescription>,
    /// Its customers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<OrganizationDescription>,
    /// The people who run it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorDescription>,
}

/// An API.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ResourceServerDescription {
    /// Its audience.
    pub identifier: String,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Its settings, as a whole. Where absent: as they are, and the usual ones for what is new.
    #[serde(default, serialize_with = "what_is_set", skip_serializing_if = "Option::is_none")]
    pub settings: Option<ResourceServerSettings>,
}

/// A policy.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PolicyDescription {
    /// Its id, which clients name.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: PolicyId,
    /// A name for people. Where absent: as it is, and the id for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its rules.
    pub statements: Vec<Statement>,
}

/// A customer.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrganizationDescription {
    /// Its id: the account id that APIs read.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: OrganizationId,
    /// A name for people. Where absent: as it is, and the id for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Anything else to remember of it, as a whole. Where absent: as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Its licences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<LicenceDescription>,
    /// Its clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientDescription>,
    /// Its people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<MemberDescription>,
}

/// A licence, known by its audience and kind.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LicenceDescription {
    /// The API.
    pub audience: String,
    /// What was agreed.
    pub kind: LicenceKind,
    /// From then on; from the first run on where absent.
    #[serde(default, deserialize_with = "time", serialize_with = "write_time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub starts_at: Option<Timestamp>,
    /// Until then; for ever where absent.
    #[serde(default, deserialize_with = "time", serialize_with = "write_time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub ends_at: Option<Timestamp>,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// A client.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClientDescription {
    /// Its id, taken over as it is.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: ClientId,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Its settings, as a whole. Where absent: as they are, and the usual ones for what is new.
    #[serde(default, serialize_with = "what_is_set", skip_serializing_if = "Option::is_none")]
    pub settings: Option<ClientSettings>,
    /// Its access keys, at most two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_keys: Vec<AccessKeyDescription>,
}

/// An access key.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccessKeyDescription {
    /// Its id, taken over as it is; derived from the client's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub id: Option<crate::access_key::AccessKeyId>,
    /// Its secret, taken over as it is; made and told once where absent.
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password, write_only))]
    pub secret: Option<Secret>,
    /// Allows a secret of fewer than 16 characters.
    #[serde(default, skip_serializing)]
    pub weak: bool,
    /// ACTIVE or INACTIVE. Where absent: as it is, and ACTIVE for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<KeyStatus>,
    /// From then on it gets no tokens.
    #[serde(default, deserialize_with = "time", serialize_with = "write_time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
}

/// A customer's member, known by the e-mail address.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MemberDescription {
    /// The address.
    pub email: String,
    /// The id, taken over as it is; made where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub id: Option<UserId>,
    /// The role in the organization.
    pub role: MemberRole,
    /// The password.
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password, write_only))]
    pub password: Option<Secret>,
    /// The password's Argon2id hash (PHC string), taken over as it is.
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password, write_only))]
    pub password_hash: Option<String>,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// One of the people who run the realm, known by the e-mail address.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatorDescription {
    /// The address.
    pub email: String,
    /// The id, taken over as it is; made where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub id: Option<UserId>,
    /// The role.
    pub role: OperatorRole,
    /// The password.
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password, write_only))]
    pub password: Option<Secret>,
    /// The password's Argon2id hash (PHC string), taken over as it is.
    #[serde(skip_serializing)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password, write_only))]
    pub password_hash: Option<String>,
    /// On or off. Where absent: as it is, and on for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// The file cannot be read. The text names the line and the mistake, never a value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DescriptionError(String);

impl Description {
    /// Reads a file's text.
    pub fn parse(yaml: &str) -> Result<Self, DescriptionError> {
        read_yaml(yaml)
    }

    /// As JSON with the secrets in it, which are left out wherever else a description is written: for whoever is to
    /// apply it, and for nobody else.
    pub fn to_json_with_secrets(&self) -> Result<Value, serde_json::Error> {
        let mut whole = serde_json::to_value(self)?;
        for (realm, place) in self.realms.iter().zip(items(&mut whole, "realms")) {
            for (person, place) in realm.operators.iter().zip(items(place, "operators")) {
                person_secrets(place, person.password.as_ref(), person.password_hash.as_ref());
            }
            for (organization, place) in realm.organizations.iter().zip(items(place, "organizations")) {
                for (person, place) in organization.users.iter().zip(items(place, "users")) {
                    person_secrets(place, person.password.as_ref(), person.password_hash.as_ref());
                }
                for (client, place) in organization.clients.iter().zip(items(place, "clients")) {
                    for (key, place) in client.access_keys.iter().zip(items(place, "access_keys")) {
                        if let Some(secret) = &key.secret {
                            place["secret"] = Value::from(secret.expose());
                        }
                        if key.weak {
                            place["weak"] = Value::from(true);
                        }
                    }
                }
            }
        }
        Ok(whole)
    }
}

/// The items of a list that a thing may have; an empty list is not written.
fn items<'a>(thing: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    thing.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

fn person_secrets(place: &mut Value, password: Option<&Secret>, hash: Option<&String>) {
    if let Some(password) = password {
        place["password"] = Value::from(password.expose());
    }
    if let Some(hash) = hash {
        place["password_hash"] = Value::from(hash.as_str());
    }
}

/// Reads YAML that may hold secrets.
pub fn read_yaml<T: serde::de::DeserializeOwned>(yaml: &str) -> Result<T, DescriptionError> {
    let mut options = serde_saphyr::Options::default();
    // The excerpt would show the lines around a mistake, and with them secrets.
    options.with_snippet = false;
    // However large the file is, it is the operator's own; what its aliases could make of it stays bounded.
    if let Some(budget) = &mut options.budget {
        let most = yaml.len().max(1_000_000);
        budget.max_events = most;
        budget.max_nodes = most;
        budget.max_total_scalar_bytes = budget.max_total_scalar_bytes.max(most);
    }
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| DescriptionError(error.to_string()))
}

fn time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match Timestamp::parse(&text) {
        Some(time) => Ok(Some(time)),
        None => Err(serde::de::Error::custom("times are written like 2026-01-31 or 2026-01-31T12:00:00Z")),
    }
}

#[expect(clippy::ref_option, reason = "serde passes the member itself")]
fn write_time<S: serde::Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

/// Settings without those that are as they are by themselves.
#[expect(clippy::ref_option, reason = "serde passes the member itself")]
fn what_is_set<S: serde::Serializer, T: Serialize + Default>(
    settings: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some(settings) = settings else { return serializer.serialize_none() };
    let value = |settings: &T| serde_json::to_value(settings).map_err(serde::ser::Error::custom);
    let (mut set, usual) = (value(settings)?, value(&T::default())?);
    if let (Some(set), Some(usual)) = (set.as_object_mut(), usual.as_object()) {
        set.retain(|name, value| usual.get(name) != Some(value));
    }
    set.serialize(serializer)
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

    #[test]
    fn a_description_is_handed_on_with_its_secrets_and_nothing_lost() {
        let yaml = r"
realms:
  - id: a
    settings: { hosts: [a.example] }
    operators: [{ email: o@a.example, role: owner, password: hush-owner }]
    organizations:
      - id: none
      - id: some
        metadata: {}
        users: [{ email: m@a.example, role: viewer, password_hash: hush-hash }]
        clients:
          - { id: bare }
          - id: c
            settings: { lifetime: 60 }
            access_keys: [{ id: k1 }, { id: k2, secret: hush, weak: true, expires_at: 2030-01-01 }]
";
        let read = Description::parse(yaml).unwrap();
        let json = read.to_json_with_secrets().unwrap();
        let again = Description::parse(&json.to_string()).unwrap();
        assert_eq!(again.to_json_with_secrets().unwrap(), json);
        assert_eq!(again.realms[0].settings, read.realms[0].settings);
        let key = &again.realms[0].organizations[1].clients[1].access_keys[1];
        assert_eq!((key.secret.as_ref().unwrap().expose(), key.weak), ("hush", true));
        assert_eq!(json.to_string().matches("hush").count(), 3);
        assert!(!serde_json::to_string(&read).unwrap().contains("hush"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\n]{0,200}") {
            let _ = Description::parse(&text);
        }
    }
}
