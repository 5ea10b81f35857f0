//! The difference between a description and what is stored: a list of steps, worked out before any is taken.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::access_key::AccessKey;
use crate::client::Client;
use crate::id::RealmId;
use crate::licence::Licence;
use crate::organization::Organization;
use crate::policy::Policy;
use crate::realm::Realm;
use crate::resource_server::ResourceServer;
use crate::secret::Secret;
use crate::user::User;

/// A thing that is to be made or changed.
#[derive(Debug)]
pub struct Upsert<T> {
    /// As it is stored; absent if it is not there yet.
    pub before: Option<T>,
    /// As it is to be.
    pub after: T,
}

/// One step. Steps stand in an order in which each finds what it builds on.
#[derive(Debug)]
pub enum Step {
    /// Make or change a realm.
    Realm(Box<Upsert<Realm>>),
    /// Make or change a resource server.
    ResourceServer(RealmId, Box<Upsert<ResourceServer>>),
    /// Make or change a policy.
    Policy(RealmId, Box<Upsert<Policy>>),
    /// Make or change an organization.
    Organization(RealmId, Box<Upsert<Organization>>),
    /// Make or change a licence.
    Licence(RealmId, Box<Upsert<Licence>>),
    /// Make or change a client.
    Client(RealmId, Box<Upsert<Client>>),
    /// Make or change an access key; with the secret, if it was made here and must be told.
    AccessKey(RealmId, Box<Upsert<AccessKey>>, Option<Secret>),
    /// Make or change a user; with the password that is to be hashed.
    User(RealmId, Box<Upsert<User>>, Option<Secret>),
}

/// Everything that is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether what is stored is already as described.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many things of each kind are to be created and changed.
    pub fn summary(&self) -> BTreeMap<&'static str, Counts> {
        let mut summary: BTreeMap<&'static str, Counts> = BTreeMap::new();
        for step in &self.steps {
            let counts = summary.entry(step.kind()).or_default();
            if step.creates() { counts.create += 1 } else { counts.change += 1 }
        }
        summary
    }
}

/// How many things are to be created and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Those that are not there yet.
    pub create: usize,
    /// Those that are there, and different.
    pub change: usize,
}

/// One line a step, for people.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "Nothing to do: everything is as described.");
        }
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        let created = self.steps.iter().filter(|step| step.creates()).count();
        writeln!(f, "{created} to create, {} to change.", self.steps.len() - created)
    }
}

impl Step {
    /// The kind of thing.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Realm(_) => "realm",
            Self::ResourceServer(..) => "resource server",
            Self::Policy(..) => "policy",
            Self::Organization(..) => "organization",
            Self::Licence(..) => "licence",
            Self::Client(..) => "client",
            Self::AccessKey(..) => "access key",
            Self::User(..) => "user",
        }
    }

    /// Whether it makes something, rather than changing it.
    pub const fn creates(&self) -> bool {
        match self {
            Self::Realm(upsert) => upsert.before.is_none(),
            Self::ResourceServer(_, upsert) => upsert.before.is_none(),
            Self::Policy(_, upsert) => upsert.before.is_none(),
            Self::Organization(_, upsert) => upsert.before.is_none(),
            Self::Licence(_, upsert) => upsert.before.is_none(),
            Self::Client(_, upsert) => upsert.before.is_none(),
            Self::AccessKey(_, upsert, _) => upsert.before.is_none(),
            Self::User(_, upsert, _) => upsert.before.is_none(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.creates() { '+' } else { '~' };
        match self {
            Self::Realm(upsert) => write!(f, "{sign} realm {}{}", upsert.after.id, differences(upsert)),
            Self::ResourceServer(realm, upsert) => {
                write!(
                    f,
                    "{sign} {realm}: resource server {}{}",
                    upsert.after.identifier,
                    differences(upsert)
                )
            }
            Self::Policy(realm, upsert) => {
                write!(f, "{sign} {realm}: policy {}{}", upsert.after.id, differences(upsert))
            }
            Self::Organization(realm, upsert) => {
                write!(f, "{sign} {realm}: organization {}{}", upsert.after.id, differences(upsert))
            }
            Self::Licence(realm, upsert) => {
                let Licence { organization, audience, kind, .. } = &upsert.after;
                write!(f, "{sign} {realm}: {} licence of {organization} for {audience}", kind.name())?;
                write!(f, "{}", differences(upsert))
            }
            Self::Client(realm, upsert) => {
                let Client { id, organization, .. } = &upsert.after;
                write!(f, "{sign} {realm}: client {id} of {organization}{}", differences(upsert))
            }
            Self::AccessKey(realm, upsert, made) => {
                let AccessKey { id, client, .. } = &upsert.after;
                write!(f, "{sign} {realm}: access key {id} of client {client}{}", differences(upsert))?;
                if made.is_some() { write!(f, " (its secret will be made)") } else { Ok(()) }
            }
            Self::User(realm, upsert, password) => {
                write!(f, "{sign} {realm}: user {}{}", upsert.after.email, differences(upsert))?;
                if password.is_some() && upsert.before.is_some() { write!(f, " (password)") } else { Ok(()) }
            }
        }
    }
}

/// Names the members that differ, without their values: some are secrets.
fn differences<T: Serialize>(upsert: &Upsert<T>) -> String {
    let Some(before) = &upsert.before else { return String::new() };
    let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(&upsert.after)) else {
        return String::new();
    };
    let mut names = Vec::new();
    collect(&before, &after, "", &mut names);
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

fn collect(before: &Value, after: &Value, path: &str, names: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) if path.is_empty() || path == "settings" => {
            for (name, value) in new {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let path = path.strip_prefix("settings.").map_or(path.clone(), str::to_owned);
                collect(old.get(name).unwrap_or(&Value::Null), value, &path, names);
            }
        }
        _ if before != after && path != "version" => names.push(path.to_owned()),
        _ => {}
    }
}
