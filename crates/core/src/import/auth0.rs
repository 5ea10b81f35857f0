//! Auth0: a tenant as its deploy tool exports it, in one YAML file or in a folder of JSON files.
//!
//! Machine-to-machine applications become clients, APIs become resource servers, client grants become grants. The
//! shapes are those of Auth0's Management API v2; the deploy tool writes a client grant's `client_id` as the
//! application's name.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;
use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::scope::{Scope, ScopeSet};

use super::section::Size;
use super::{Collector, Imported, Target};
use crate::apply::description::{DescriptionError, ResourceServerDescription, read_yaml};
use crate::client::ClientSettings;
use crate::policy::Grant;
use crate::realm::{Compatibility, RealmSettings};
use crate::resource_server::{ResourceServerSettings, comparable, is_absolute_uri};
use crate::secret::Secret;

/// A tenant's export.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Export {
    tenant: Option<Tenant>,
    resource_servers: Option<Vec<Api>>,
    clients: Option<Vec<Application>>,
    client_grants: Option<Vec<ClientGrant>>,
    /// Every other part, by name.
    #[serde(flatten)]
    others: BTreeMap<String, Size>,
}

/// The tenant's own settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tenant {
    default_audience: Option<String>,
}

/// An API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Api {
    name: Option<String>,
    identifier: Option<String>,
    scopes: Option<Vec<ApiScope>>,
    token_lifetime: Option<i64>,
    signing_alg: Option<String>,
    token_dialect: Option<String>,
    is_system: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct ApiScope {
    value: String,
}

/// An application.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Application {
    name: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    app_type: Option<String>,
    grant_types: Option<Vec<String>>,
    client_metadata: Option<BTreeMap<String, Value>>,
    client_authentication_methods: Option<Size>,
    global: Option<bool>,
}

/// A right of an application at an API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClientGrant {
    client_id: Option<String>,
    audience: Option<String>,
    scope: Option<Vec<String>>,
    allow_all_scopes: Option<bool>,
    subject_type: Option<String>,
}

/// A JSON file of the folder form cannot be read. The text names the place and the mistake, never a value.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct FileError {
    line: usize,
    column: usize,
    what: &'static str,
}

/// What was read is something else.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnExport {
    /// It is another system's.
    #[error("this is a realm of Keycloak and no tenant of Auth0: symbolon import keycloak takes it")]
    Keycloak,
    /// It has none of the parts that are taken over.
    #[error(
        "this is no export of an Auth0 tenant: it has neither clients nor resourceServers nor clientGrants, which the \
         deploy tool writes into tenant.yaml, or into folders"
    )]
    Empty,
    /// A client that cannot be told from others.
    #[error("this is no export of an Auth0 tenant: client {0} of it has neither a name nor a client_id")]
    Nameless(usize),
}

const GRANT_TYPE: &str = "client_credentials";
/// What Auth0's tokens live where the API says nothing, in seconds.
const USUAL_LIFETIME: i64 = 86_400;

impl Export {
    /// Reads the YAML form, `tenant.yaml`.
    pub fn parse_yaml(text: &str) -> Result<Self, DescriptionError> {
        read_yaml(text)
    }

    /// Refuses what the deploy tool never writes, of which nothing or nonsense would come.
    pub fn check(&self) -> Result<(), NotAnExport> {
        if self.others.contains_key("realm") {
            return Err(NotAnExport::Keycloak);
        }
        if self.clients.is_none() && self.resource_servers.is_none() && self.client_grants.is_none() {
            return Err(NotAnExport::Empty);
        }
        let is_nameless = |one: &Application| one.name.is_none() && one.client_id.is_none();
        match self.clients.iter().flatten().position(is_nameless) {
            Some(index) => Err(NotAnExport::Nameless(index + 1)),
            None => Ok(()),
        }
    }

    /// Adds a file of the folder form: `folder` is the name of the folder that it lies in, empty for the outermost.
    pub fn add_json(&mut self, folder: &str, name: &str, text: &str) -> Result<(), FileError> {
        match folder {
            "clients" => self.clients.get_or_insert_default().push(read_json(text)?),
            "grants" => self.client_grants.get_or_insert_default().push(read_json(text)?),
            "resource-servers" => self.resource_servers.get_or_insert_default().push(read_json(text)?),
            "" if name == "tenant.json" => self.tenant = Some(read_json(text)?),
            "" => self.others.entry(name.trim_end_matches(".json").to_owned()).or_default().0 += 1,
            other => self.others.entry(other.to_owned()).or_default().0 += 1,
        }
        Ok(())
    }
}

fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, FileError> {
    serde_json::from_str(text).map_err(|error| FileError {
        line: error.line(),
        column: error.column(),
        what: if error.is_data() {
            "this is not what the deploy tool writes there"
        } else {
            "this is no JSON"
        },
    })
}

/// What an export comes to here.
pub fn describe(export: &Export, target: &Target) -> Imported {
    let settings = RealmSettings {
        compatibility: Compatibility::Auth0,
        default_lifetime: USUAL_LIFETIME,
        ..RealmSettings::default()
    };
    let mut collector = Collector::new(target, settings);
    for api in export.resource_servers.iter().flatten() {
        add_api(&mut collector, api);
    }
    default_audience(&mut collector, export.tenant.as_ref());
    let grants = Grants::read(&mut collector, export);
    for application in export.clients.iter().flatten() {
        add_application(&mut collector, application, &grants);
    }
    for (part, Size(count)) in &export.others {
        if *count > 0 {
            collector.left_out(part, &format!("{count} of them"), why_not(part));
        }
    }
    collector.finish()
}

/// Why a part of a tenant has no place here.
fn why_not(part: &str) -> &'static str {
    match part {
        "rules" | "rulesConfigs" | "rules-configs" | "hooks" | "actions" | "triggers" | "actionModules" => {
            "no code runs here: what it adds to tokens can be a claim of the resource server"
        }
        "connections" | "databases" | "database-connections" | "connectionProfiles" | "enterprise" => {
            "people sign in elsewhere: Symbolon serves machines"
        }
        "organizations" => "clients go into the organization that --organization names",
        "roles" => "roles are of people; a machine's rights are its grants",
        _ => "it concerns people's sign-in, or the tenant itself",
    }
}

/// Whether a value stands for one that the deploy tool fills in or hides.
fn is_placeholder(text: &str) -> bool {
    text.contains("##") || text.contains("@@") || text.contains("***") || text == "_VALUE_NOT_SHOWN_"
}

fn add_api(collector: &mut Collector<'_>, api: &Api) {
    let identifier = api.identifier.as_deref().unwrap_or_default();
    let name = api.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(identifier);
    let reason = if api.is_system == Some(true) || is_auth0s_own(identifier) {
        "it is Auth0's own"
    } else if is_placeholder(identifier) {
        "its identifier holds a placeholder: fill it in first"
    } else if !is_absolute_uri(identifier) {
        "its identifier is no absolute URI"
    } else if collector.resource_server(identifier).is_some() {
        "another API has the same identifier, but for a slash at its end"
    } else {
        ""
    };
    if !reason.is_empty() {
        return collector.left_out("API", name, reason);
    }
    let mut scopes = ScopeSet::new();
    for scope in api.scopes.iter().flatten() {
        match Scope::parse(&scope.value) {
            Ok(scope) => scopes.insert(scope),
            Err(error) => collector.left_out("scope", &scope.value, error.to_string()),
        }
    }
    let algorithm = api.signing_alg.as_deref().unwrap_or("RS256");
    let signing_algorithm = Algorithm::from_name(algorithm);
    if signing_algorithm.is_none() {
        let reason =
            format!("its tokens were signed with {algorithm}, and are with the realm's algorithm now");
        collector.differs("API", name, reason);
    }
    if api.token_dialect.as_deref().is_some_and(|dialect| dialect.ends_with("_authz")) {
        collector.differs("API", name, "its tokens carry no claim `permissions`: the rights are in `scope`");
    }
    let lifetime = api.token_lifetime.filter(|seconds| *seconds > 0);
    collector.resource_servers.push(ResourceServerDescription {
        identifier: identifier.to_owned(),
        status: None,
        settings: Some(ResourceServerSettings {
            name: name.to_owned(),
            scopes,
            lifetime,
            signing_algorithm,
            ..ResourceServerSettings::default()
        }),
    });
}

fn is_auth0s_own(identifier: &str) -> bool {
    let host = identifier.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/api/v2/"));
    host.is_some_and(|host| host.ends_with(".auth0.com"))
}

fn default_audience(collector: &mut Collector<'_>, tenant: Option<&Tenant>) {
    let Some(audience) = tenant.and_then(|tenant| tenant.default_audience.as_deref()) else { return };
    if audience.is_empty() {
        return;
    }
    match collector.resource_server(audience).map(|server| server.identifier.clone()) {
        Some(identifier) => collector.settings.default_audience = Some(identifier),
        None => {
            collector.left_out(
                "default audience",
                audience,
                "no API that was taken over has this identifier",
            );
        }
    }
}

/// The grants of applications, by their id or name.
struct Grants(HashMap<String, Vec<Grant>>);

impl Grants {
    fn read(collector: &mut Collector<'_>, export: &Export) -> Self {
        let mut grants: HashMap<String, Vec<Grant>> = HashMap::new();
        for grant in export.client_grants.iter().flatten() {
            let client = grant.client_id.as_deref().unwrap_or_default();
            let audience = grant.audience.as_deref().unwrap_or_default();
            let name = format!("{client} at {audience}");
            if grant.subject_type.as_deref() == Some("user") {
                collector.left_out("client grant", &name, "it is for tokens of people");
                continue;
            }
            let Some(server) = collector.resource_server(audience) else {
                collector.left_out("client grant", &name, "the API is not taken over");
                continue;
            };
            let identifier = server.identifier.clone();
            let defined = server.settings.get_or_insert_default().scopes.clone();
            let mut scopes =
                if grant.allow_all_scopes == Some(true) { defined.clone() } else { ScopeSet::new() };
            for scope in grant.scope.iter().flatten() {
                match Scope::parse(scope) {
                    Ok(known) if defined.contains(scope) => scopes.insert(known),
                    _ => collector.differs("client grant", &name, format!("the API has no scope {scope:?}")),
                }
            }
            let of_client = grants.entry(client.to_owned()).or_default();
            match of_client.iter_mut().find(|known| comparable(&known.audience) == comparable(&identifier)) {
                Some(known) => scopes.iter().for_each(|scope| known.scopes.insert(scope.clone())),
                None => of_client.push(Grant { audience: identifier, scopes }),
            }
        }
        let mut named: HashMap<&str, usize> = HashMap::new();
        for application in export.clients.iter().flatten() {
            *named.entry(application.name.as_deref().unwrap_or_default()).or_default() += 1;
        }
        for (name, _) in named.into_iter().filter(|(_, count)| *count > 1) {
            if grants.remove(name).is_none() {
                continue;
            }
            let reason = "several applications have this name: export with AUTH0_EXPORT_IDENTIFIERS and write their ids";
            collector.left_out("client grant", name, reason);
        }
        Self(grants)
    }

    fn of(&self, id: &str, name: &str) -> Vec<Grant> {
        self.0.get(id).or_else(|| self.0.get(name)).cloned().unwrap_or_default()
    }
}

fn add_application(collector: &mut Collector<'_>, application: &Application, grants: &Grants) {
    let id = application.client_id.as_deref().unwrap_or_default();
    let name = application.name.as_deref().unwrap_or(id);
    let app_type = application.app_type.as_deref().unwrap_or("of no type");
    let is_machine = match &application.grant_types {
        Some(types) => types.iter().any(|one| one == GRANT_TYPE),
        None => app_type == "non_interactive",
    };
    if application.global == Some(true) {
        return collector.left_out("client", name, "it is Auth0's own");
    }
    if !is_machine {
        let reason =
            format!("{app_type}: it does not use the grant client_credentials; people sign in elsewhere");
        return collector.left_out("client", name, reason);
    }
    if id.is_empty() || is_placeholder(id) {
        let reason = "its client_id is not in the export: export with AUTH0_EXPORT_IDENTIFIERS=true";
        return collector.left_out("client", name, reason);
    }
    let Some(client_id) = collector.client_id(id) else { return };
    let others: Vec<&str> = application
        .grant_types
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(|one| *one != GRANT_TYPE)
        .collect();
    if !others.is_empty() {
        collector.differs("client", id, format!("its other grants end here: {}", others.join(", ")));
    }
    if application.client_authentication_methods.is_some_and(|Size(count)| count > 0) {
        collector.differs("client", id, "it proved itself with a private key; here it needs a secret");
    }
    let secret = application.client_secret.clone();
    let secret = secret.filter(|text| !text.expose().is_empty() && !is_placeholder(text.expose()));
    let settings = ClientSettings {
        name: name.to_owned(),
        grants: grants.of(id, name).into(),
        claims: application.client_metadata.clone().unwrap_or_default(),
        ..ClientSettings::default()
    };
    collector.client(client_id, settings, secret, "its client_secret is not in the export");
}
