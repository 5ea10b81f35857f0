//! What a description makes of one thing: what it says of it, and of the rest what is there.

use symbolon_protocol::secret_format::{self, Form};

use crate::apply::description::{
    AccessKeyDescription, ClientDescription, PolicyDescription, ResourceServerDescription,
};
use crate::apply::plan::Upsert;
use crate::clock::Timestamp;
use crate::edit::EditError;
use crate::id::{AccessKeyId, Id, UserId};
use crate::policy::Policy;
use crate::realm::Status;
use crate::resource_server::ResourceServer;
use crate::secret::Secret;
use crate::self_service;
use crate::user::{Membership, OperatorRole};

/// Imported secrets shorter than this need `weak: true`.
pub(crate) const SHORTEST_SECRET: usize = 16;

/// The change from what is stored to what is wanted; `None` if they agree.
pub(super) fn difference<T: PartialEq + Clone>(before: Option<&T>, after: T) -> Option<Box<Upsert<T>>> {
    (before != Some(&after)).then(|| Box::new(Upsert { before: before.cloned(), after }))
}

/// A status that is not described stays as it is: a second run never switches on what was switched off meanwhile.
pub(super) fn status(wanted: Option<Status>, before: Option<Status>) -> Status {
    wanted.or(before).unwrap_or_default()
}

/// Descriptions are applied by operators; what was there is given by whether it was on, and held.
pub(super) fn held(before: Option<(bool, bool)>, on: bool) -> bool {
    self_service::held(true, before.unwrap_or((true, false)), on).unwrap_or(!on)
}

/// So does everything else: what is described replaces what is there, and what is not described stays.
pub(super) fn kept<T: Clone + Default>(wanted: Option<&T>, before: Option<&T>) -> T {
    wanted.or(before).cloned().unwrap_or_default()
}

/// A name; that of a new thing is its id.
pub(super) fn name(wanted: Option<&String>, before: Option<&String>, id: &str) -> String {
    wanted.or(before).map_or_else(|| id.to_owned(), Clone::clone)
}

/// A resource server as it is to be.
pub(super) fn resource_server_record(
    wanted: &ResourceServerDescription,
    before: Option<&ResourceServer>,
    now: Timestamp,
) -> ResourceServer {
    ResourceServer {
        identifier: wanted.identifier.clone(),
        status: status(wanted.status, before.map(|known| known.status)),
        settings: kept(wanted.settings.as_ref(), before.map(|known| &known.settings)),
        version: before.map_or(1, |known| known.version),
        created_at: before.map_or(now, |known| known.created_at),
    }
}

/// A policy as it is to be.
pub(super) fn policy_record(wanted: &PolicyDescription, before: Option<&Policy>, now: Timestamp) -> Policy {
    Policy {
        id: wanted.id.clone(),
        name: name(wanted.name.as_ref(), before.map(|known| &known.name), wanted.id.as_str()),
        statements: wanted.statements.clone(),
        version: before.map_or(1, |known| known.version),
        created_at: before.map_or(now, |known| known.created_at),
    }
}

/// A member or an operator, whose handling is the same.
pub(super) struct Person<'a> {
    pub(super) email: &'a str,
    pub(super) id: Option<&'a UserId>,
    pub(super) membership: Option<Membership>,
    pub(super) operator: Option<OperatorRole>,
    pub(super) password: Option<&'a Secret>,
    pub(super) password_hash: Option<&'a str>,
    pub(super) status: Option<Status>,
}

/// A key without an id gets one that the next run finds again.
pub(super) fn derived_key_id(client: &ClientDescription, index: usize) -> Result<AccessKeyId, EditError> {
    let text = format!("{}-key-{}", client.id, index + 1);
    Id::new(&text).map_err(|_| EditError::Invalid(format!("client {}: give its access keys ids", client.id)))
}

/// Whether a secret can be taken over.
pub(super) fn check_secret(
    client: &ClientDescription,
    id: &AccessKeyId,
    key: &AccessKeyDescription,
) -> Result<(), EditError> {
    let Some(secret) = &key.secret else { return Ok(()) };
    let what = format!("client {}, access key {id}", client.id);
    if secret.expose().is_empty() {
        return Err(EditError::Invalid(format!("{what}: the secret is empty")));
    }
    if secret_format::inspect(secret.expose()) == Form::Damaged {
        return Err(EditError::Invalid(format!(
            "{what}: the secret begins with sym_ but its checksum is wrong"
        )));
    }
    if secret.expose().chars().count() < SHORTEST_SECRET && !key.weak {
        return Err(EditError::Invalid(format!(
            "{what}: the secret has fewer than {SHORTEST_SECRET} characters; if it must be taken over, say weak: true"
        )));
    }
    Ok(())
}
