//! Works out a plan: walks the description beside the store and notes each difference.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::access_key::{AccessKey, KeyStatus, MOST_PER_CLIENT};
use crate::apply::description::{
    AccessKeyDescription, ClientDescription, Description, LicenceDescription, OrganizationDescription,
    RealmDescription,
};
use crate::apply::plan::{Plan, Step, Upsert};
use crate::apply::records::{
    Person, check_secret, derived_key_id, difference, held, kept, name, policy_record,
    resource_server_record, status,
};
use crate::authority::Authority;
use crate::client::Client;
use crate::edit::{self, EditError, policy, realm, resource_server};
use crate::id::{AccessKeyId, ClientId, LicenceId, OrganizationId, RealmId, UserId};
use crate::licence::Licence;
use crate::organization::Organization;
use crate::password::PasswordHash;
use crate::realm::Realm;
use crate::realm_view::RealmView;
use crate::resource_server::comparable;
use crate::secret::{Comparison, Secret};
use crate::sign_in::password::check_new;
use crate::store::{ClientWithKeys, PageRequest};
use crate::user::{Membership, User, comparable_email, is_email};

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

impl Planner<'_> {
    async fn realm(&mut self, wanted: &RealmDescription, before: Option<&Realm>) -> Result<(), EditError> {
        let now = self.authority.now();
        let settings = kept(wanted.settings.as_ref(), before.map(|realm| &realm.settings));
        let after = Realm {
            id: wanted.id.clone(),
            status: status(wanted.status, before.map(|realm| realm.status)),
            longest_lifetime: before.map_or(0, |realm| realm.longest_lifetime).max(settings.maximum_lifetime),
            settings,
            version: before.map_or(1, |realm| realm.version),
            created_at: before.map_or(now, |realm| realm.created_at),
        };
        self.once(format!("realm {}", wanted.id))?;
        realm::check(&after)?;
        realm::check_addresses(self.authority, before, &after)?;
        self.operators(wanted, before, &after).await?;
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

    /// Whoever is to operate the realm is there, or will be.
    async fn operators(
        &self,
        wanted: &RealmDescription,
        before: Option<&Realm>,
        after: &Realm,
    ) -> Result<(), EditError> {
        let known = before.and_then(|before| before.settings.operators.as_ref());
        let Some(operators) = after.settings.operators.as_ref().filter(|operators| known != Some(*operators))
        else {
            return Ok(());
        };
        let is_described = wanted.organizations.iter().any(|organization| organization.id == *operators);
        if is_described || self.authority.store.find_organization(&wanted.id, operators).await?.is_some() {
            return Ok(());
        }
        Err(EditError::no_operators(operators))
    }

    /// The realm as it will be when everything is done, so that a mistake is found before anything is.
    async fn view(&self, wanted: &RealmDescription, realm: Realm) -> Result<RealmView, EditError> {
        let authority = self.authority;
        let directory = &authority.settings().directory;
        let now = authority.now();
        let mut servers = authority.store.list_resource_servers(&wanted.id).await?;
        for server in &wanted.resource_servers {
            let before = servers.iter().position(|known| known.identifier == server.identifier);
            let before = before.map(|place| servers.swap_remove(place));
            servers.push(resource_server_record(server, before.as_ref(), now));
        }
        let mut policies = authority.store.list_policies(&wanted.id).await?;
        for policy in &wanted.policies {
            let before = policies.iter().position(|known| known.id == policy.id);
            let before = before.map(|place| policies.swap_remove(place));
            policies.push(policy_record(policy, before.as_ref(), now));
        }
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
            name: name(wanted.name.as_ref(), before.as_ref().map(|known| &known.name), wanted.id.as_str()),
            status: status(wanted.status, before.as_ref().map(|known| known.status)),
            metadata: kept(wanted.metadata.as_ref(), before.as_ref().map(|known| &known.metadata)),
            version: before.as_ref().map_or(1, |known| known.version),
            created_at: before.as_ref().map_or(self.authority.now(), |known| known.created_at),
        };
        edit::organization::check(&after)?;
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
        let status = status(wanted.status, before.map(|known| known.status));
        let was = before.map(|known| (known.status.is_active(), known.held));
        let after = Client {
            id: wanted.id.clone(),
            organization: organization.clone(),
            status,
            held: held(was, status.is_active()),
            settings: kept(wanted.settings.as_ref(), before.map(|known| &known.settings)),
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
            let status = key.status.or(before.map(|known| known.status)).unwrap_or(KeyStatus::Active);
            let was = before.map(|known| (known.status == KeyStatus::Active, known.held));
            let after = AccessKey {
                id,
                client: wanted.id.clone(),
                organization: organization.clone(),
                secret,
                status,
                held: held(was, status == KeyStatus::Active),
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
        if let Some(password) = new_password {
            let refused = |weak| {
                EditError::Invalid(format!(
                    "{}: {weak}. One that somebody uses already is taken over as password_hash",
                    wanted.email
                ))
            };
            check_new(password, wanted.email).map_err(refused)?;
        }
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
        let status = status(wanted.status, before.as_ref().map(|known| known.status));
        let was = before.as_ref().map(|known| (known.status.is_active(), known.held));
        let after = User {
            id,
            email: same_email.map_or(wanted.email, |known| &known.email).to_owned(),
            password: imported,
            status,
            held: held(was, status.is_active()),
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
