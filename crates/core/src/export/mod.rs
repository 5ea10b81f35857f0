//! Exports: everything that people set, as the items of a description, a few at a time.
//!
//! No secret is ever in one: of access keys there are ids and statuses, of people no passwords. An export holds one
//! page of a list in memory, however much there is. It reads page by page while others change things; what was
//! changed meanwhile is in it as it was before or after.

mod yaml;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;

use crate::access_key::AccessKey;
use crate::apply::description::{
    AccessKeyDescription, ClientDescription, LicenceDescription, MemberDescription, OperatorDescription,
    OrganizationDescription, PolicyDescription, RealmDescription, ResourceServerDescription,
};
use crate::id::{OrganizationId, RealmId};
use crate::licence::Licence;
use crate::organization::Organization;
use crate::realm::Realm;
use crate::store::{ClientWithKeys, PageRequest, Store, StoreError};
use crate::user::User;

pub use yaml::{NotYaml, YamlWriter};

/// One thing of an export, with what it belongs to. Those of a realm follow the realm, those of an organization the
/// organization, kind by kind, each kind in the order of ids.
#[derive(Debug, Serialize)]
pub struct Item {
    /// The realm.
    pub realm: RealmId,
    /// The organization that it belongs to, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// The thing.
    #[serde(flatten)]
    pub thing: Thing,
}

/// A thing, as a description has it, without the lists in it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Thing {
    /// A realm.
    Realm(RealmDescription),
    /// An API.
    ResourceServer(ResourceServerDescription),
    /// A policy.
    Policy(PolicyDescription),
    /// One of the people who run the realm.
    Operator(OperatorDescription),
    /// A customer.
    Organization(OrganizationDescription),
    /// A licence.
    Licence(LicenceDescription),
    /// A client with its keys.
    Client(ClientDescription),
    /// A customer's member.
    User(MemberDescription),
}

/// What is still to be read.
enum Task {
    Realm(Box<Realm>),
    Operators(RealmId, PageRequest),
    Organizations(RealmId, PageRequest),
    Organization(RealmId, Box<Organization>),
    Clients(RealmId, OrganizationId, PageRequest),
    Users(RealmId, OrganizationId, PageRequest),
}

/// An export that is under way.
pub struct Export {
    store: Arc<dyn Store>,
    tasks: VecDeque<Task>,
}

impl Export {
    /// Of the named realm, or of all. `NotFound` if there is no such realm.
    pub async fn begin(store: Arc<dyn Store>, realm: Option<&RealmId>) -> Result<Self, StoreError> {
        let mut realms = store.list_realms().await?;
        realms.retain(|known| realm.is_none_or(|wanted| known.id == *wanted));
        realms.sort_by(|one, other| one.id.cmp(&other.id));
        if realm.is_some() && realms.is_empty() {
            return Err(StoreError::NotFound);
        }
        let tasks = realms.into_iter().map(|realm| Task::Realm(Box::new(realm))).collect();
        Ok(Self { store, tasks })
    }

    /// Of one organization with what belongs to it. `NotFound` if there is none.
    pub async fn of_organization(
        store: Arc<dyn Store>,
        realm: &RealmId,
        organization: &OrganizationId,
    ) -> Result<Self, StoreError> {
        let found = store.find_organization(realm, organization).await?.ok_or(StoreError::NotFound)?;
        let tasks = [Task::Organization(realm.clone(), Box::new(found))].into();
        Ok(Self { store, tasks })
    }

    /// The next items, a page at most; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Item>>, StoreError> {
        while let Some(task) = self.tasks.pop_front() {
            let items = self.run(task).await?;
            if !items.is_empty() {
                return Ok(Some(items));
            }
        }
        Ok(None)
    }

    async fn run(&mut self, task: Task) -> Result<Vec<Item>, StoreError> {
        let store = Arc::clone(&self.store);
        match task {
            Task::Realm(realm) => self.realm(*realm).await,
            Task::Operators(realm, page) => {
                let found = store.list_users(&realm, None, &page).await?;
                self.go_on(found.next, |page| Task::Operators(realm.clone(), page));
                let operators = found.items.into_iter().filter_map(operator);
                Ok(operators.map(|operator| item(&realm, None, Thing::Operator(operator))).collect())
            }
            Task::Organizations(realm, page) => {
                let found = store.list_organizations(&realm, &page).await?;
                self.go_on(found.next, |page| Task::Organizations(realm.clone(), page));
                for organization in found.items.into_iter().rev() {
                    self.tasks.push_front(Task::Organization(realm.clone(), Box::new(organization)));
                }
                Ok(Vec::new())
            }
            Task::Organization(realm, organization) => {
                let id = organization.id.clone();
                self.tasks.push_front(Task::Users(realm.clone(), id.clone(), PageRequest::first()));
                self.tasks.push_front(Task::Clients(realm.clone(), id.clone(), PageRequest::first()));
                let mut licences = store.list_licences(&realm, &id).await?;
                licences.sort_by(|one, other| (&one.audience, one.kind).cmp(&(&other.audience, other.kind)));
                let mut items = vec![item(&realm, None, Thing::Organization(of_organization(*organization)))];
                let licences = licences.into_iter().map(licence);
                items.extend(licences.map(|licence| item(&realm, Some(&id), Thing::Licence(licence))));
                Ok(items)
            }
            Task::Clients(realm, organization, page) => {
                let found = store.list_clients_with_keys(&realm, &organization, &page).await?;
                self.go_on(found.next, |page| Task::Clients(realm.clone(), organization.clone(), page));
                let clients = found.items.into_iter().map(client);
                Ok(clients.map(|client| item(&realm, Some(&organization), Thing::Client(client))).collect())
            }
            Task::Users(realm, organization, page) => {
                let found = store.list_users(&realm, Some(&organization), &page).await?;
                self.go_on(found.next, |page| Task::Users(realm.clone(), organization.clone(), page));
                let users = found.items.into_iter().filter_map(member);
                Ok(users.map(|user| item(&realm, Some(&organization), Thing::User(user))).collect())
            }
        }
    }

    async fn realm(&mut self, realm: Realm) -> Result<Vec<Item>, StoreError> {
        let id = realm.id;
        self.tasks.push_front(Task::Organizations(id.clone(), PageRequest::first()));
        self.tasks.push_front(Task::Operators(id.clone(), PageRequest::first()));
        let mut servers = self.store.list_resource_servers(&id).await?;
        servers.sort_by(|one, other| one.identifier.cmp(&other.identifier));
        let mut policies = self.store.list_policies(&id).await?;
        policies.sort_by(|one, other| one.id.cmp(&other.id));
        let mut items = vec![item(
            &id,
            None,
            Thing::Realm(RealmDescription {
                id: id.clone(),
                status: Some(realm.status),
                settings: Some(realm.settings),
                resource_servers: Vec::new(),
                policies: Vec::new(),
                organizations: Vec::new(),
                operators: Vec::new(),
            }),
        )];
        items.extend(servers.into_iter().map(|server| {
            let status = Some(server.status);
            let described = ResourceServerDescription {
                identifier: server.identifier,
                status,
                settings: Some(server.settings),
            };
            item(&id, None, Thing::ResourceServer(described))
        }));
        items.extend(policies.into_iter().map(|policy| {
            let described =
                PolicyDescription { id: policy.id, name: Some(policy.name), statements: policy.statements };
            item(&id, None, Thing::Policy(described))
        }));
        Ok(items)
    }

    fn go_on(&mut self, next: Option<String>, task: impl FnOnce(PageRequest) -> Task) {
        if next.is_some() {
            self.tasks.push_front(task(PageRequest { after: next, ..PageRequest::first() }));
        }
    }
}

fn item(realm: &RealmId, organization: Option<&OrganizationId>, thing: Thing) -> Item {
    Item { realm: realm.clone(), organization: organization.cloned(), thing }
}

fn of_organization(organization: Organization) -> OrganizationDescription {
    OrganizationDescription {
        id: organization.id,
        name: Some(organization.name),
        status: Some(organization.status),
        metadata: Some(organization.metadata),
        licences: Vec::new(),
        clients: Vec::new(),
        users: Vec::new(),
    }
}

fn licence(licence: Licence) -> LicenceDescription {
    LicenceDescription {
        audience: licence.audience,
        kind: licence.kind,
        starts_at: Some(licence.starts_at),
        ends_at: licence.ends_at,
        status: Some(licence.status),
    }
}

fn client(known: ClientWithKeys) -> ClientDescription {
    let key = |key: AccessKey| AccessKeyDescription {
        id: Some(key.id),
        secret: None,
        weak: false,
        status: Some(key.status),
        expires_at: key.expires_at,
    };
    ClientDescription {
        id: known.client.id,
        status: Some(known.client.status),
        settings: Some(known.client.settings),
        access_keys: known.keys.into_iter().map(key).collect(),
    }
}

/// A customer's member. One who also runs the realm is only this: a description has people in one place.
fn member(user: User) -> Option<MemberDescription> {
    Some(MemberDescription {
        email: user.email,
        id: Some(user.id),
        role: user.membership?.role,
        password: None,
        password_hash: None,
        status: Some(user.status),
    })
}

fn operator(user: User) -> Option<OperatorDescription> {
    Some(OperatorDescription {
        email: user.email,
        id: Some(user.id),
        role: user.operator?,
        password: None,
        password_hash: None,
        status: Some(user.status),
    })
}
