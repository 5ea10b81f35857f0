//! Imports: what another system exported, as a description that `apply` carries out.
//!
//! Each system has a module with the shape of its export and one pure function from it to a description. Whatever is
//! not taken over, or not as it was, stands in the report with the reason: nothing is left out in silence.

pub mod auth0;
pub mod keycloak;
mod section;

use serde::Serialize;

use crate::apply::description::{
    AccessKeyDescription, ClientDescription, Description, OrganizationDescription, RealmDescription,
    ResourceServerDescription,
};
use crate::authority::Authority;
use crate::client::ClientSettings;
use crate::id::{ClientId, OrganizationId, RealmId};
use crate::issue::V1_CLIENT;
use crate::realm::{RealmSettings, Status};
use crate::resource_server::{ResourceServerSettings, comparable};
use crate::secret::Secret;

/// Where the clients go, and how doubtful secrets are treated.
#[derive(Clone, Debug)]
pub struct Target {
    /// The realm; made if it is not there.
    pub realm: RealmId,
    /// The organization; made if it is not there.
    pub organization: OrganizationId,
    /// The audience of clients whose export names none.
    pub audience: Option<String>,
    /// Whether secrets of fewer than 16 characters are taken over.
    pub allow_weak: bool,
    /// Whether clients whose secret is not in the export get an access key with a new one.
    pub make_secrets: bool,
}

/// Whether a thing is missing or different afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is not there.
    LeftOut,
    /// It is there, and not in every respect as it was.
    Differs,
}

/// One thing that was not taken over as it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// Whether it is missing or different.
    pub fate: Fate,
    /// The kind of thing, in the words of the system that it comes from.
    pub kind: String,
    /// Its name there.
    pub name: String,
    /// Why, or what is different.
    pub reason: String,
}

/// An export in our words.
#[derive(Debug)]
pub struct Imported {
    /// What `apply` is to make of it.
    pub description: Description,
    /// What is missing or different.
    pub notes: Vec<Note>,
}

/// Gathers a description and its notes.
struct Collector<'a> {
    target: &'a Target,
    settings: RealmSettings,
    status: Option<Status>,
    resource_servers: Vec<ResourceServerDescription>,
    clients: Vec<ClientDescription>,
    notes: Vec<Note>,
}

impl<'a> Collector<'a> {
    fn new(target: &'a Target, settings: RealmSettings) -> Self {
        let (resource_servers, clients, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { target, settings, status: None, resource_servers, clients, notes }
    }

    fn note(&mut self, fate: Fate, kind: &str, name: &str, reason: impl Into<String>) {
        let name = name.chars().filter(|c| !c.is_control()).take(255).collect();
        self.notes.push(Note { fate, kind: kind.to_owned(), name, reason: reason.into() });
    }

    fn left_out(&mut self, kind: &str, name: &str, reason: impl Into<String>) {
        self.note(Fate::LeftOut, kind, name, reason);
    }

    fn differs(&mut self, kind: &str, name: &str, reason: impl Into<String>) {
        self.note(Fate::Differs, kind, name, reason);
    }

    /// The client's id, if it can be one here.
    fn client_id(&mut self, id: &str) -> Option<ClientId> {
        match ClientId::new(id) {
            Ok(id) if id.as_str() == V1_CLIENT => {
                self.left_out("client", V1_CLIENT, "this id is reserved here for password tokens");
                None
            }
            Ok(id) => Some(id),
            Err(error) => {
                self.left_out("client", id, format!("its id cannot be taken over: {error}"));
                None
            }
        }
    }

    /// Adds a client with the secret that it had.
    fn client(&mut self, id: ClientId, settings: ClientSettings, secret: Option<Secret>, why_not: &str) {
        let key = |secret| AccessKeyDescription {
            id: None,
            secret,
            weak: self.target.allow_weak,
            status: None,
            expires_at: None,
        };
        let access_keys = match secret {
            Some(secret) => vec![key(Some(secret))],
            None if self.target.make_secrets => {
                let reason = format!("{why_not}; a new one is made");
                let made = key(None);
                self.differs("client", id.as_str(), reason);
                vec![made]
            }
            None => {
                self.differs(
                    "client",
                    id.as_str(),
                    format!("{why_not}; it gets no tokens until it has an access key"),
                );
                Vec::new()
            }
        };
        self.clients.push(ClientDescription { id, status: None, settings: Some(settings), access_keys });
    }

    /// The resource server of that audience, as far as it is described.
    fn resource_server(&mut self, identifier: &str) -> Option<&mut ResourceServerDescription> {
        let same = |server: &&mut ResourceServerDescription| {
            comparable(&server.identifier) == comparable(identifier)
        };
        self.resource_servers.iter_mut().find(same)
    }

    fn finish(mut self) -> Imported {
        let servers = self.resource_servers.iter().filter_map(|server| server.settings.as_ref()?.lifetime);
        let clients = self.clients.iter().filter_map(|client| client.settings.as_ref()?.lifetime);
        let longest = servers.chain(clients).max().unwrap_or_default();
        let settings = &mut self.settings;
        settings.maximum_lifetime = settings.maximum_lifetime.max(longest).max(settings.default_lifetime);
        self.notes.sort();
        let organization = OrganizationDescription {
            id: self.target.organization.clone(),
            name: None,
            status: None,
            metadata: None,
            licences: Vec::new(),
            clients: self.clients,
            users: Vec::new(),
        };
        let realm = RealmDescription {
            id: self.target.realm.clone(),
            status: self.status,
            settings: Some(self.settings),
            resource_servers: self.resource_servers,
            policies: Vec::new(),
            organizations: vec![organization],
            operators: Vec::new(),
        };
        Imported { description: Description { realms: vec![realm] }, notes: self.notes }
    }
}

/// What is there already of a realm that an import goes into.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its settings.
    pub settings: RealmSettings,
    /// Its APIs, by their identifiers.
    pub resource_servers: Vec<(String, ResourceServerSettings)>,
}

impl Known {
    /// Of a realm of this installation; `None` if there is none of that name.
    pub fn find(authority: &Authority, realm: &RealmId) -> Option<Self> {
        let view = authority.directory().realm(realm.as_str())?;
        let servers = view.resource_servers();
        let resource_servers =
            servers.map(|server| (server.identifier.clone(), server.settings.clone())).collect();
        Some(Self { settings: view.realm().settings.clone(), resource_servers })
    }

    fn resource_server(&self, audience: &str) -> Option<&(String, ResourceServerSettings)> {
        let asked = comparable(audience);
        self.resource_servers.iter().find(|(identifier, settings)| {
            settings.aliases.iter().chain([identifier]).any(|name| comparable(name) == asked)
        })
    }
}

/// Fits an import into what is there: what a realm, an API and an organization were set to here stays, since the
/// export knows nothing of it. An API that is there gets the scopes and claims that it lacks. Clients become as the
/// export says.
pub fn fit(imported: &mut Imported, known: Option<&Known>) {
    let Imported { description, notes } = imported;
    let Some(known) = known else { return };
    for realm in &mut description.realms {
        realm.status = None;
        let wanted = realm.settings.take().unwrap_or_default();
        let mut reason = "it is there already, and keeps its settings".to_owned();
        let most = known.settings.maximum_lifetime;
        if wanted.maximum_lifetime > most {
            reason = format!("{reason}; its tokens live at most {most} seconds, and some lived longer");
        }
        notes.push(Note {
            fate: Fate::Differs,
            kind: "realm".to_owned(),
            name: realm.id.to_string(),
            reason,
        });
        for server in &mut realm.resource_servers {
            let Some((identifier, stored)) = known.resource_server(&server.identifier) else { continue };
            let mut settings = stored.clone();
            let new = server.settings.take().unwrap_or_default();
            server.identifier.clone_from(identifier);
            new.scopes.iter().for_each(|scope| settings.scopes.insert(scope.clone()));
            for (name, template) in new.claims {
                settings.claims.entry(name).or_insert(template);
            }
            server.settings = Some(settings);
        }
    }
    notes.sort();
}

/// The clients whose secrets are too short to be taken over without being asked for.
pub fn weak_secrets(description: &Description) -> Vec<&ClientId> {
    let organizations = description.realms.iter().flat_map(|realm| &realm.organizations);
    let clients = organizations.flat_map(|organization| &organization.clients);
    let weak = |key: &AccessKeyDescription| {
        let short = |secret: &Secret| secret.expose().chars().count() < crate::apply::SHORTEST_SECRET;
        !key.weak && key.secret.as_ref().is_some_and(short)
    };
    clients.filter(|client| client.access_keys.iter().any(weak)).map(|client| &client.id).collect()
}
