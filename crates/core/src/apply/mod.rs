//! `apply`: makes what is stored as a file describes it, and changes nothing if it already is.
//!
//! What the file does not name stays as it is; nothing is ever deleted. The plan is worked out in full before
//! the first step is taken, so that it can be looked at, and a mistake in the file changes nothing.

pub mod description;
pub mod plan;
mod planner;

use crate::apply::plan::{Plan, Step};
use crate::audit::Actor;
use crate::authority::Authority;
use crate::edit::{
    EditError, Editor, access_key, client, licence, organization, policy, realm, resource_server, user,
};
use crate::id::{AccessKeyId, ClientId, RealmId};
use crate::secret::Secret;
use crate::user::User;

pub use planner::plan;

/// A secret that was made, to be told once.
#[derive(Debug)]
pub struct MadeSecret {
    /// The realm.
    pub realm: RealmId,
    /// The client.
    pub client: ClientId,
    /// The access key.
    pub access_key: AccessKeyId,
    /// The only copy.
    pub secret: Secret,
}

/// A step failed. Those before it are done; running the file again goes on from there.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct ApplyError {
    /// The step, as the plan shows it.
    pub step: String,
    /// Why.
    pub source: EditError,
}

/// Takes the steps of a plan. A secret that a step makes is handed to `tell` *before* the step is taken, so that
/// no stored key is without its told secret: if `tell` fails, the step is not taken.
pub async fn execute(
    authority: &Authority,
    actor: &Actor,
    plan: Plan,
    mut tell: impl FnMut(MadeSecret) -> Result<(), EditError>,
) -> Result<(), ApplyError> {
    for step in plan.steps {
        let name = step.to_string();
        take(authority, actor, step, &mut tell).await.map_err(|source| ApplyError { step: name, source })?;
    }
    Ok(())
}

async fn take(
    authority: &Authority,
    actor: &Actor,
    step: Step,
    tell: &mut impl FnMut(MadeSecret) -> Result<(), EditError>,
) -> Result<(), EditError> {
    match step {
        Step::Realm(upsert) => {
            let editor = Editor { authority, actor, realm: &upsert.after.id };
            match &upsert.before {
                None => realm::insert(editor, &upsert.after).await,
                Some(before) => realm::update(editor, before, &upsert.after).await,
            }
        }
        Step::ResourceServer(realm, upsert) => {
            let editor = Editor { authority, actor, realm: &realm };
            match &upsert.before {
                None => resource_server::insert(editor, &upsert.after).await,
                Some(before) => resource_server::update(editor, before, &upsert.after).await,
            }
        }
        Step::Policy(realm, upsert) => {
            let editor = Editor { authority, actor, realm: &realm };
            match &upsert.before {
                None => policy::insert(editor, &upsert.after).await,
                Some(before) => policy::update(editor, before, &upsert.after).await,
            }
        }
        Step::Organization(realm, upsert) => {
            let editor = Editor { authority, actor, realm: &realm };
            match &upsert.before {
                None => organization::insert(editor, &upsert.after).await,
                Some(before) => organization::update(editor, before, &upsert.after).await,
            }
        }
        Step::Licence(realm, upsert) => {
            let editor = Editor { authority, actor, realm: &realm };
            match &upsert.before {
                None => licence::insert(editor, &upsert.after).await,
                Some(before) => licence::update(editor, before, &upsert.after).await,
            }
        }
        Step::Client(realm, upsert) => {
            let editor = Editor { authority, actor, realm: &realm };
            match &upsert.before {
                None => client::insert(editor, &upsert.after).await.map(|_| ()),
                Some(before) => client::update(editor, before, &upsert.after).await.map(|_| ()),
            }
        }
        Step::AccessKey(realm, upsert, made) => {
            let editor = Editor { authority, actor, realm: &realm };
            if let Some(secret) = made {
                let (client, access_key) = (upsert.after.client.clone(), upsert.after.id.clone());
                tell(MadeSecret { realm: realm.clone(), client, access_key, secret })?;
            }
            match &upsert.before {
                None => access_key::insert(editor, &upsert.after).await,
                Some(before) => access_key::update(editor, before, &upsert.after).await.map(|_| ()),
            }
        }
        Step::User(realm, upsert, password) => {
            let editor = Editor { authority, actor, realm: &realm };
            let mut after: User = upsert.after;
            if let Some(password) = password {
                after.password = Some(user::hash_password(editor, &password).await?);
            }
            match &upsert.before {
                None => user::insert(editor, &after).await,
                Some(before) => user::update(editor, before, &after).await,
            }
        }
    }
}
