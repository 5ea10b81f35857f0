//! `apply`: makes what is stored as a file describes it, and changes nothing if it already is.
//!
//! What the file does not name stays as it is; nothing is ever deleted. The plan is worked out in full before
//! the first step is taken, so that it can be looked at, and a mistake in the file changes nothing.

pub mod description;
pub mod plan;
mod planner;
mod records;

use std::collections::VecDeque;

use crate::access_key::AccessKey;
use crate::apply::plan::{Plan, Step};
use crate::audit::Actor;
use crate::authority::Authority;
use crate::client::Client;
use crate::edit::{
    EditError, Editor, access_key, client, licence, organization, policy, realm, resource_server, user,
};
use crate::id::{AccessKeyId, ClientId, RealmId};
use crate::secret::Secret;
use crate::store::StoreError;
use crate::user::User;

pub use planner::plan;
pub(crate) use records::SHORTEST_SECRET;

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

/// New clients that are added in one transaction. Many share the wait for the disk; but as long as one is open, other
/// changes wait for its end, and in PostgreSQL every statement is a way to the server and back.
const CLIENTS_AT_ONCE: usize = 100;

/// Takes the steps of a plan. A secret that a step makes is handed to `tell` *before* the step is taken, so that
/// no stored key is without its told secret: if `tell` fails, the step is not taken.
pub async fn execute(
    authority: &Authority,
    actor: &Actor,
    plan: Plan,
    tell: impl FnMut(MadeSecret) -> Result<(), EditError>,
) -> Result<(), ApplyError> {
    execute_telling(authority, actor, plan, tell, |_| ()).await
}

/// The same, and says after each transaction how many steps are done for good.
pub async fn execute_telling(
    authority: &Authority,
    actor: &Actor,
    plan: Plan,
    mut tell: impl FnMut(MadeSecret) -> Result<(), EditError>,
    mut done: impl FnMut(usize),
) -> Result<(), ApplyError> {
    let all = plan.steps.len();
    let mut steps = VecDeque::from(plan.steps);
    while !steps.is_empty() {
        let new = new_clients(&steps);
        if new > 1 {
            let run: Vec<Step> = steps.drain(..new).collect();
            take_together(authority, actor, run, &mut tell).await?;
        } else if let Some(step) = steps.pop_front() {
            take_one(authority, actor, step, &mut tell).await?;
        }
        done(all - steps.len());
    }
    Ok(())
}

/// How many steps at the begin add clients of one realm and their keys, at most as many clients as go together. A
/// single client is not worth it.
fn new_clients(steps: &VecDeque<Step>) -> usize {
    let Some(Step::Client(first, _)) = steps.front() else { return 0 };
    let (mut clients, mut length) = (0, 0);
    let mut last: Option<&Client> = None;
    for step in steps {
        match step {
            Step::Client(realm, upsert) if upsert.before.is_none() && realm == first => {
                if clients == CLIENTS_AT_ONCE {
                    break;
                }
                clients += 1;
                last = Some(&upsert.after);
            }
            Step::AccessKey(realm, upsert, _)
                if realm == first && last.is_some_and(|client| client.id == upsert.after.client) => {}
            _ => break,
        }
        length += 1;
    }
    if clients > 1 { length } else { 0 }
}

/// Adds clients with their keys in one transaction. If a rule of the data forbids that, they are added one after the
/// other: then those before the one in question are there, and the error names its step.
async fn take_together(
    authority: &Authority,
    actor: &Actor,
    mut run: Vec<Step>,
    tell: &mut impl FnMut(MadeSecret) -> Result<(), EditError>,
) -> Result<(), ApplyError> {
    let mut realm = None;
    let mut clients: Vec<(Client, Vec<AccessKey>)> = Vec::new();
    for step in &mut run {
        let name = step.to_string();
        match step {
            Step::Client(of, upsert) => {
                realm = Some(of.clone());
                clients.push((upsert.after.clone(), Vec::new()));
            }
            Step::AccessKey(of, upsert, made) => {
                let told = made.take().map_or(Ok(()), |secret| tell(made_secret(of, &upsert.after, secret)));
                told.map_err(|source| ApplyError { step: name, source })?;
                clients.last_mut().into_iter().for_each(|(_, keys)| keys.push(upsert.after.clone()));
            }
            _ => {}
        }
    }
    let Some(realm) = realm else { return Ok(()) };
    let editor = Editor { authority, actor, realm: &realm };
    match client::insert_many(editor, &clients).await {
        Ok(()) => Ok(()),
        Err(EditError::Store(source @ (StoreError::Unavailable(_) | StoreError::Damaged(_)))) => {
            let step = format!("+ {realm}: {} clients", clients.len());
            Err(ApplyError { step, source: source.into() })
        }
        Err(_) => {
            for step in run {
                take_one(authority, actor, step, tell).await?;
            }
            Ok(())
        }
    }
}

fn made_secret(realm: &RealmId, key: &AccessKey, secret: Secret) -> MadeSecret {
    MadeSecret { realm: realm.clone(), client: key.client.clone(), access_key: key.id.clone(), secret }
}

async fn take_one(
    authority: &Authority,
    actor: &Actor,
    step: Step,
    tell: &mut impl FnMut(MadeSecret) -> Result<(), EditError>,
) -> Result<(), ApplyError> {
    let name = step.to_string();
    take(authority, actor, step, tell).await.map_err(|source| ApplyError { step: name, source })
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
                tell(made_secret(&realm, &upsert.after, secret))?;
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
                after.password = Some(user::hash_password(editor, &password, &after.email).await?);
            }
            match &upsert.before {
                None => user::insert(editor, &after).await,
                Some(before) => user::update(editor, before, &after).await,
            }
        }
    }
}
