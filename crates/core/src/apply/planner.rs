//! Works out a plan: walks the description beside the store and notes each difference.

use std::collections::{BTreeSet, HashMap, HashSet};

use symbolon_protocol::secret_format::{self, Form};

use crate::access_key::{AccessKey, KeyStatus, MOST_PER_CLIENT};
use crate::apply::description::{
    AccessKeyDescription, ClientDescription, Description, LicenceDescription, OrganizationDescription,
    PolicyDescription, RealmDescription, ResourceServerDescription,
};
use crate::apply::plan::{Plan, Step, Upsert};
use crate::authority::Authority;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::edit::{self, EditError, policy, realm, resource_server};
use crate::id::{AccessKeyId, ClientId, Id, LicenceId, OrganizationId, RealmId, UserId};
use crate::licence::Licence;
use crate::organization::Organization;
use crate::password::PasswordHash;
use crate::policy::Policy;
use crate::realm::{Realm, Status};
use crate::realm_view::RealmView;
use crate::resource_server::{ResourceServer, comparable};
use crate::secret::{Comparison, Secret};
use crate::store::{ClientWithKeys, PageRequest};
use crate::user::{Membership, OperatorRole, User, comparable_email, is_email};

/// Imported secrets shorter than this need `weak: true`.
pub(crate) const SHORTEST_SECRET: usize = 16;

/// So many clients of one organization are not looked for one by one.
const WORTH_A_WALK: usize = 500;

/// Works out what has to be done so that everything is as described.
pub async fn plan(authority: &Authority, description: &Description) -> Result<Plan, EditError> {
    let mut planner = Planner { authority, steps: Vec::new(), described: BTreeSet::new() };
    let stored = authority.store.list_realms().await?;
    for realm in &description.realms {
        let before = stored.iter().find(|known| known.id == realm.id);
        planner.realm(realm, before).await?;
    }
    Ok(Plan { steps: planner.steps })
}

struct Planner<'a> {
    authority: &'a Authority,
    steps: Vec<Step>,
    /// What was described so far: a thing that is described twice is a mistake.
    described: BTreeSet<String>,
}

/// The change from what is stored to what is wanted; `None` if they agree.
fn difference<T: PartialEq + Clone>(before: Option<&T>, after: T) -> Option<Box<Upsert<T>>> {
    (before != Some(&after)).then(|| Box::new(Upsert { before: before.cloned(), after }))
}

/// A status that is not described stays as it is: a second run never switches on what was switched off meanwhile.
fn status(wanted: Option<Status>, before: Option<Status>) -> Status {
    wanted.or(before).unwrap_or_default()
}

impl Planner<'_> {
    async fn realm(&mut self, wanted: &RealmDescription, before: Option<&Realm>) -> Result<(), EditError> {
        let now = self.authority.now();
        let after = Realm {
            id: wanted.id.clone(),
            status: status(wanted.status, before.map(|realm| realm.status)),
            settings: wanted.settings.clone(),
            longest_lifetime: before
                .map_or(0, |realm| realm.longest_lifetime)
                .max(wanted.settings.maximum_lifetime),
            version: before.map_or(1, |realm| realm.version),
            created_at: before.map_or(now, |realm| realm.created_at),
        };
        self.once(format!("realm {}", wanted.id))?;
        realm::check(&after)?;
        let view = self.view(wanted, after.clone()).await?;
        self.steps.extend(difference(before, after).map(Step::Realm));
        self.resource_servers(wanted, &view).await?;
        self.policies(wanted).await?;
        for organization in &wanted.organizations {
            self.organization(&view, organization).await?;
        }
        for operator in &wanted.operators {
            let person = Person {
                email: &operator.email,
                id: operator.id.as_ref(),
                membership: None,
                operator: Some(operator.role),
                password: operator.password.as_ref(),
                password_hash: operator.password_hash.as_deref(),
                status: operator.status,
            };
            self.person(&wanted.id, &person).await?;
        }
        Ok(())
    }

    /// The realm as it will be when everything is done, so that a mistake is found before anything is.
    async fn view(&self, wanted: &RealmDescription, realm: Realm) -> Result<RealmView, EditError> {
        let authority = self.authority;
        let directory = &authority.settings().directory;
        let now = authority.now();
        let mut servers = authority.store.list_resource_servers(&wanted.id).await?;
        servers.retain(|known| {
            wanted.resource_servers.iter().all(|server| server.identifier != known.identifier)
        });
        servers
            .extend(wanted.resource_servers.iter().map(|server| resource_server_record(server, None, now)));
        let mut policies = authority.store.list_policies(&wanted.id).await?;
        policies.retain(|known| wanted.policies.iter().all(|policy| policy.id != known.id));
        policies.extend(wanted.policies.iter().map(|policy| policy_record(policy, None, now)));
        let is_default = wanted.id == directory.default_realm;
        let view = RealmView::new(realm, &directory.base, is_default);
        Ok(view.with_resource_servers(servers).with_policies(policies))
    }

    /// Refuses a second description of the same thing.
    fn once(&mut self, thing: String) -> Result<(), EditError> {
        if self.described.contains(&thing) {
            return Err(EditError::Invalid(format!("{thing} is described twice")));
        }
        self.described.insert(thing);
        Ok(())
    }

    async fn resource_servers(
        &mut self,
        wanted: &RealmDescription,
        view: &RealmView,
    ) -> Result<(), EditError> {
        let stored = self.authority.store.list_resource_servers(&wanted.id).await?;
        for server in &wanted.resource_servers {
            self.once(format!("{}: resource server {}", wanted.id, comparable(&server.identifier)))?;
            let before = stored.iter().find(|known| known.identifier == server.identifier);
            let after = resource_server_record(server, before, self.authority.now());
            resource_server::check(view, &after)?;
            let step =
                difference(before, after).map(|upsert| Step::ResourceServer(wanted.id.clone(), upsert));
            self.steps.extend(step);
        }
        Ok(())
    }

    async fn policies(&mut self, wanted: &RealmDescription) -> Result<(), EditError> {
        let stored = self.authority.store.list_policies(&wanted.id).await?;
        for policy in &wanted.policies {
            self.once(format!("{}: policy {}", wanted.id, policy.id))?;
            let before = stored.iter().find(|known| known.id == policy.id);
            let after = policy_record(policy, before, self.authority.now());
            policy::check(&after)?;
            self.steps
                .extend(difference(before, after).map(|upsert| Step::Policy(wanted.id.clone(), upsert)));
        }
        Ok(())
    }

    async fn organization(
        &mut self,
        view: &RealmView,
        wanted: &OrganizationDescription,
    ) -> Result<(), EditError> {
        let realm = view.id();
        self.once(format!("{realm}: organization {}", wanted.id))?;
        let before = self.authority.store.find_organization(realm, &wanted.id).await?;
        let after = Organization {
            id: wanted.id.clone(),
            name: wanted.name.clone().unwrap_or_else(|| wanted.id.to_string()),
            status: status(wanted.status, before.as_ref().map(|known| known.status)),
            metadata: wanted.metadata.clone(),
            version: before.as_ref().map_or(1, |known| known.version),
            created_at: before.as_ref().map_or(self.authority.now(), |known| known.created_at),
        };
        let step = difference(before.as_ref(), after).map(|upsert| Step::Organization(realm.clone(), upsert));
        self.steps.extend(step);
        self.licences(view, wanted).await?;
        let mut stored = self.stored_clients(realm, wanted, before.is_some()).await?;
        for client in &wanted.clients {
            let known = match &mut stored {
                Some(stored) => stored.remove(&client.id),
                None => self.authority.store.find_client(realm, &wanted.id, &client.id).await?,
            };
            self.client(view, &wanted.id, client, known.as_ref())?;
        }
        for member in &wanted.users {
            let person = Person {
                email: &member.email,
                id: member.id.as_ref(),
                membership: Some(Membership { organization: wanted.id.clone(), role: member.role }),
                operator: None,
                password: member.password.as_ref(),
                password_hash: member.password_hash.as_deref(),
                status: member.status,
            };
            self.person(realm, &person).await?;
        }
        Ok(())
    }

    async fn licences(
        &mut self,
        view: &RealmView,
        wanted: &OrganizationDescription,
    ) -> Result<(), EditError> {
        let realm = view.id();
        let stored = self.authority.store.list_licences(realm, &wanted.id).await?;
        for licence in &wanted.licences {
            let LicenceDescription { audience, kind, .. } = licence;
            let name = kind.name();
            self.once(format!("{realm}: the {name} licence of {} for {}", wanted.id, comparable(audience)))?;
            let same =
                |known: &&Licence| comparable(&known.audience) == comparable(audience) && known.kind == *kind;
            let before = stored.iter().find(same);
            let now = self.authority.now();
            let id = match before {
                Some(known) => known.id.clone(),
                None => LicenceId::generate(now, self.authority.random())?,
            };
            let after = Licence {
                id,
                organization: wanted.id.clone(),
                audience: audience.clone(),
                kind: *kind,
                starts_at: licence.starts_at.or(before.map(|known| known.starts_at)).unwrap_or(now),
                ends_at: licence.ends_at,
                status: status(licence.status, before.map(|known| known.status)),
                version: before.map_or(1, |known| known.version),
                created_at: before.map_or(now, |known| known.created_at),
            };
            edit::licence::check(view, &after)?;
            self.steps.extend(difference(before, after).map(|upsert| Step::Licence(realm.clone(), upsert)));
        }
        Ok(())
    }

    /// The described clients that are stored, read by pages; `None` where so few are described that each is looked
    /// for by itself.
    async fn stored_clients(
        &self,
        realm: &RealmId,
        wanted: &OrganizationDescription,
        exists: bool,
    ) -> Result<Option<HashMap<ClientId, ClientWithKeys>>, EditError> {
        if !exists {
            return Ok(Some(HashMap::new()));
        }
        if wanted.clients.len() < WORTH_A_WALK {
            return Ok(None);
        }
        let described: HashSet<&ClientId> = wanted.clients.iter().map(|client| &client.id).collect();
        let mut stored = HashMap::new();
        let mut page = PageRequest::first();
        loop {
            let found = self.authority.store.list_clients_with_keys(realm, &wanted.id, &page).await?;
            let found_here = found.items.into_iter().filter(|known| described.contains(&known.client.id));
            stored.extend(found_here.map(|known| (known.client.id.clone(), known)));
            page.after = found.next;
            if page.after.is_none() {
                return Ok(Some(stored));
            }
        }
    }

    fn client(
        &mut self,
        view: &RealmView,
        organization: &OrganizationId,
        wanted: &ClientDescription,
        stored: Option<&ClientWithKeys>,
    ) -> Result<(), EditError> {
        let realm = view.id();
        self.once(format!("{realm}: client {}", wanted.id))?;
        let before = stored.map(|known| &known.client);
        let after = Client {
            id: wanted.id.clone(),
            organization: organization.clone(),
            status: status(wanted.status, before.map(|known| known.status)),
            settings: wanted.settings.clone(),
            version: before.map_or(1, |known| known.version),
            created_at: before.map_or(self.authority.now(), |known| known.created_at),
        };
        let after = edit::client::checked(view, before, &after)
            .map_err(|error| EditError::Invalid(format!("client {}: {error}", wanted.id)))?;
        self.steps.extend(difference(before, after).map(|upsert| Step::Client(realm.clone(), upsert)));
        self.access_keys(realm, organization, wanted, stored)
    }

    fn access_keys(
        &mut self,
        realm: &RealmId,
        organization: &OrganizationId,
        wanted: &ClientDescription,
        stored: Option<&ClientWithKeys>,
    ) -> Result<(), EditError> {
        let known: &[AccessKey] = stored.map_or(&[], |stored| &stored.keys);
        let mut ids = BTreeSet::new();
        for (index, key) in wanted.access_keys.iter().enumerate() {
            let id = match &key.id {
                Some(id) => id.clone(),
                None => derived_key_id(wanted, index)?,
            };
            if !ids.insert(id.clone()) {
                return Err(EditError::Invalid(format!(
                    "client {}: access key {id} is described twice",
                    wanted.id
                )));
            }
            let before = known.iter().find(|known| known.id == id);
            check_secret(wanted, &id, key)?;
            let (secret, made) = self.secret(&id, key, before)?;
            let after = AccessKey {
                id,
                client: wanted.id.clone(),
                organization: organization.clone(),
                secret,
                status: key.status.or(before.map(|known| known.status)).unwrap_or(KeyStatus::Active),
                expires_at: key.expires_at,
                version: before.map_or(1, |known| known.version),
                created_at: before.map_or(self.authority.now(), |known| known.created_at),
            };
            let step = difference(before, after).map(|upsert| Step::AccessKey(realm.clone(), upsert, made));
            self.steps.extend(step);
        }
        ids.extend(known.iter().map(|key| key.id.clone()));
        if ids.len() > MOST_PER_CLIENT {
            return Err(EditError::Invalid(format!(
                "client {} would have {} access keys; at most {MOST_PER_CLIENT} are possible, whatever their status",
                wanted.id,
                ids.len()
            )));
        }
        Ok(())
    }

    /// The hash that a key is to have, and the secret if one has to be made.
    fn secret(
        &self,
        id: &AccessKeyId,
        wanted: &AccessKeyDescription,
        before: Option<&AccessKey>,
    ) -> Result<(crate::secret::SecretHash, Option<Secret>), EditError> {
        let peppers = &self.authority.peppers;
        Ok(match (&wanted.secret, before) {
            (None, Some(known)) => (known.secret.clone(), None),
            (None, None) => {
                let made = Secret::generate(id.as_str(), self.authority.random())?;
                (peppers.hash(&made), Some(made))
            }
            (Some(given), Some(known))
                if peppers.compare(given.expose(), &known.secret) != Comparison::Different =>
            {
                (known.secret.clone(), None)
            }
            (Some(given), _) => (peppers.hash(given), None),
        })
    }

    async fn person(&mut self, realm: &RealmId, wanted: &Person<'_>) -> Result<(), EditError> {
        self.once(format!("{realm}: user {}", comparable_email(wanted.email)))?;
        if !is_email(wanted.email) {
            return Err(EditError::Invalid(format!("{:?} is not an email address", wanted.email)));
        }
        if wanted.password.is_some() && wanted.password_hash.is_some() {
            return Err(EditError::Invalid(format!(
                "{}: give password or password_hash, not both",
                wanted.email
            )));
        }
        let before = self.authority.store.find_user_by_email(realm, wanted.email).await?;
        let hash = before.as_ref().and_then(|known| known.password.clone());
        let imported = match wanted.password_hash {
            None => hash.clone(),
            Some(text) => Some(PasswordHash::import(text).ok_or_else(|| {
                EditError::Invalid(format!("{}: password_hash is not an Argon2id PHC string", wanted.email))
            })?),
        };
        let new_password = match wanted.password {
            Some(password) if self.authority.passwords.matches(password, hash.as_ref()).await? => None,
            other => other,
        };
        let id = match (&before, wanted.id) {
            (Some(known), Some(id)) if known.id != *id => {
                return Err(EditError::Invalid(format!("{} exists under another id", wanted.email)));
            }
            (Some(known), _) => known.id.clone(),
            (None, Some(id)) => id.clone(),
            (None, None) => UserId::generate(self.authority.now(), self.authority.random())?,
        };
        let same_email =
            before.as_ref().filter(|known| comparable_email(&known.email) == comparable_email(wanted.email));
        let after = User {
            id,
            email: same_email.map_or(wanted.email, |known| &known.email).to_owned(),
            password: imported,
            status: status(wanted.status, before.as_ref().map(|known| known.status)),
            membership: wanted.membership.clone(),
            operator: wanted.operator,
            version: before.as_ref().map_or(1, |known| known.version),
            created_at: before.as_ref().map_or(self.authority.now(), |known| known.created_at),
        };
        let upsert = match difference(before.as_ref(), after.clone()) {
            None if new_password.is_some() => Some(Box::new(Upsert { before, after })),
            other => other,
        };
        let step = upsert.map(|upsert| Step::User(realm.clone(), upsert, new_password.cloned()));
        self.steps.extend(step);
        Ok(())
    }
}

fn resource_server_record(
    wanted: &ResourceServerDescription,
    before: Option<&ResourceServer>,
    now: Timestamp,
) -> ResourceServer {
    ResourceServer {
        identifier: wanted.identifier.clone(),
        status: status(wanted.status, before.map(|known| known.status)),
        settings: wanted.settings.clone(),
        version: before.map_or(1, |known| known.version),
        created_at: before.map_or(now, |known| known.created_at),
    }
}

fn policy_record(wanted: &PolicyDescription, before: Option<&Policy>, now: Timestamp) -> Policy {
    Policy {
        id: wanted.id.clone(),
        name: wanted.name.clone().unwrap_or_else(|| wanted.id.to_string()),
        statements: wanted.statements.clone(),
        version: before.map_or(1, |known| known.version),
        created_at: before.map_or(now, |known| known.created_at),
    }
}

/// A member or an operator, whose handling is the same.
struct Person<'a> {
    email: &'a str,
    id: Option<&'a UserId>,
    membership: Option<Membership>,
    operator: Option<OperatorRole>,
    password: Option<&'a Secret>,
    password_hash: Option<&'a str>,
    status: Option<Status>,
}

/// A key without an id gets one that the next run finds again.
fn derived_key_id(client: &ClientDescription, index: usize) -> Result<AccessKeyId, EditError> {
    let text = format!("{}-key-{}", client.id, index + 1);
    Id::new(&text).map_err(|_| EditError::Invalid(format!("client {}: give its access keys ids", client.id)))
}

fn check_secret(
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
