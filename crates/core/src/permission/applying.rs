//! Applying a description for a caller: whatever is in it has to be allowed, thing by thing, and nobody gives more than
//! it has, as if each step were asked for by itself.

use std::collections::{BTreeMap, HashMap};

use symbolon_protocol::scope::ScopeSet;

use super::{Caller, Denied, Permission, Reach, managing};
use crate::access_key::{AccessKey, KeyStatus};
use crate::apply::description::{Description, OrganizationDescription, RealmDescription};
use crate::apply::plan::{Plan, Step, Upsert};
use crate::apply::{self, ApplyError, MadeSecret};
use crate::audit::Actor;
use crate::authority::Authority;
use crate::client::ClientSettings;
use crate::edit::EditError;
use crate::id::{ClientId, PolicyId, RealmId};
use crate::policy::Policy;
use crate::user::User;

/// The right to have descriptions applied, as far as each thing in them is allowed.
pub struct Applying<'a> {
    authority: &'a Authority,
    caller: &'a Caller,
}

/// Why a description is not applied.
#[derive(Debug, thiserror::Error)]
pub enum NotApplied {
    /// It holds what the caller may not do.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It is not sound, or the store failed.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// A plan of which every step is allowed to its caller.
pub struct AllowedPlan {
    plan: Plan,
    actor: Actor,
}

impl Caller {
    /// For applying descriptions, which is for operators who may change realms.
    pub fn applying<'a>(&'a self, authority: &'a Authority) -> Result<Applying<'a>, Denied> {
        self.check(Permission::WriteRealms)?;
        match self.reach {
            Reach::Organization(_) => Err(Denied::Permission(Permission::WriteRealms)),
            Reach::Installation | Reach::Realm => Ok(Applying { authority, caller: self }),
        }
    }
}

impl Applying<'_> {
    /// Works out what has to be done. What is described is judged before it is compared with what is stored, so that
    /// nobody learns by a comparison, of a password for instance, what it may not change.
    pub async fn plan(&self, description: &Description) -> Result<AllowedPlan, NotApplied> {
        description.realms.iter().try_for_each(|realm| self.check_described(realm))?;
        let plan = apply::plan(self.authority, description).await?;
        self.check_plan(&plan).await?;
        Ok(AllowedPlan { plan, actor: self.caller.actor.clone() })
    }

    fn check_described(&self, realm: &RealmDescription) -> Result<(), Denied> {
        // A realm that is not there yet is within reach of those who reach every realm.
        if !self.caller.reaches(&realm.id) {
            return Err(Denied::NotFound);
        }
        let has = |list: fn(&OrganizationDescription) -> bool| realm.organizations.iter().any(list);
        let described = [
            (!realm.resource_servers.is_empty(), Permission::WriteResourceServers),
            (!realm.policies.is_empty(), Permission::WritePolicies),
            (!realm.operators.is_empty(), Permission::WriteOperators),
            (has(|organization| !organization.licences.is_empty()), Permission::WriteLicences),
            (has(|organization| !organization.clients.is_empty()), Permission::WriteClients),
            (has(|organization| !organization.users.is_empty()), Permission::WriteMembers),
        ];
        described.into_iter().filter(|(is, _)| *is).try_for_each(|(_, needed)| self.caller.check(needed))
    }

    async fn check_plan(&self, plan: &Plan) -> Result<(), NotApplied> {
        let planned = Planned::of(plan);
        for step in &plan.steps {
            match step {
                Step::Realm(upsert) => {
                    self.caller.check(Permission::WriteRealms)?;
                    if let Some(before) = &upsert.before {
                        self.caller.check_settings(&before.id, &before.settings, &upsert.after.settings)?;
                    }
                }
                Step::ResourceServer(..) => self.caller.check(Permission::WriteResourceServers)?,
                Step::Policy(_, upsert) => {
                    self.caller.check(Permission::WritePolicies)?;
                    self.caller.check_policy(upsert.before.as_ref(), Some(&upsert.after))?;
                }
                Step::Organization(..) => self.caller.check(Permission::WriteOrganizations)?,
                Step::Licence(..) => self.caller.check(Permission::WriteLicences)?,
                Step::Client(realm, upsert) => {
                    self.caller.check(Permission::WriteClients)?;
                    let before =
                        upsert.before.as_ref().map(|client| self.manages_now(realm, &client.settings));
                    let mut given = self.will_manage(&planned, realm, &upsert.after.settings);
                    given.retain(|scope| !before.as_ref().is_some_and(|had| had.contains(scope.as_str())));
                    self.caller.check_given(&given)?;
                }
                Step::AccessKey(realm, upsert, _) => {
                    self.caller.check(Permission::WriteClients)?;
                    self.check_key(&planned, realm, upsert).await?;
                }
                Step::User(_, upsert, _) => {
                    for user in upsert.before.iter().chain([&upsert.after]) {
                        self.check_user(user)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whoever has a key can do what the client can: also one that is off, once somebody else switches it on.
    async fn check_key(
        &self,
        planned: &Planned<'_>,
        realm: &RealmId,
        Upsert { before, after: key }: &Upsert<AccessKey>,
    ) -> Result<(), NotApplied> {
        let known = before.as_ref().is_some_and(|before| before.secret == key.secret);
        if key.status != KeyStatus::Active && known {
            return Ok(());
        }
        let given = match planned.clients.get(&(realm, &key.client)) {
            Some(settings) => self.will_manage(planned, realm, settings),
            None => {
                let store = &self.authority.store;
                let known = store.find_client(realm, &key.organization, &key.client).await;
                let known = known.map_err(EditError::from)?.ok_or(Denied::NotFound)?;
                self.will_manage(planned, realm, &known.client.settings)
            }
        };
        Ok(self.caller.check_given(&given)?)
    }

    /// A person who is, or becomes, one of the operators is theirs to change.
    fn check_user(&self, user: &User) -> Result<(), Denied> {
        if user.operator.is_some() {
            self.caller.check(Permission::WriteOperators)?;
        }
        if user.membership.is_some() {
            self.caller.check(Permission::WriteMembers)?;
        }
        Ok(())
    }

    /// What a client of these settings may do in management as things are.
    fn manages_now(&self, realm: &RealmId, settings: &ClientSettings) -> ScopeSet {
        self.will_manage(&Planned::default(), realm, settings)
    }

    /// The same when the policies of a plan are as it makes them.
    fn will_manage(&self, planned: &Planned<'_>, realm: &RealmId, settings: &ClientSettings) -> ScopeSet {
        let view = self.authority.directory().realm(realm.as_str());
        let policy = |id: &PolicyId| match planned.policies.get(&(realm, id)) {
            Some(policy) => Some((*policy).clone()),
            None => view.as_ref().and_then(|view| view.policy(id)).map(|policy| (**policy).clone()),
        };
        let policies: Vec<Policy> = settings.policies.iter().filter_map(policy).collect();
        managing(&settings.grants, policies.iter())
    }
}

/// What a plan makes of policies and clients.
#[derive(Default)]
struct Planned<'a> {
    policies: BTreeMap<(&'a RealmId, &'a PolicyId), &'a Policy>,
    clients: HashMap<(&'a RealmId, &'a ClientId), &'a ClientSettings>,
}

impl<'a> Planned<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut planned = Self::default();
        for step in &plan.steps {
            match step {
                Step::Policy(realm, upsert) => {
                    planned.policies.insert((realm, &upsert.after.id), &upsert.after);
                }
                Step::Client(realm, upsert) => {
                    planned.clients.insert((realm, &upsert.after.id), &upsert.after.settings);
                }
                _ => {}
            }
        }
        planned
    }
}

impl AllowedPlan {
    /// What it is.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes its steps, as [`apply::execute_telling`] does.
    pub async fn execute(
        self,
        authority: &Authority,
        tell: impl FnMut(MadeSecret) -> Result<(), EditError>,
        done: impl FnMut(usize),
    ) -> Result<(), ApplyError> {
        apply::execute_telling(authority, &self.actor, self.plan, tell, done).await
    }
}
