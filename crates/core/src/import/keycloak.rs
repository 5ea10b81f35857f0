//! Keycloak: a realm as `kc.sh export` and the administration console write it, one JSON object.
//!
//! Confidential clients with a service account become clients, client scopes become scopes, and the roles of service
//! accounts become claims that tokens carry where Keycloak's do. The audience is what the realm's audience mappers
//! add; Keycloak has no other word for an API.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};
use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::scope::{Scope, ScopeSet};

use super::section::Size;
use super::{Collector, Imported, Target};
use crate::apply::description::ResourceServerDescription;
use crate::claim_map::Template;
use crate::client::ClientSettings;
use crate::policy::Grant;
use crate::realm::{Compatibility, RealmSettings, Status};
use crate::resource_server::{ResourceServerSettings, is_absolute_uri};
use crate::secret::Secret;

/// A realm's export.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Export {
    realm: Option<String>,
    enabled: Option<bool>,
    access_token_lifespan: Option<i64>,
    default_signature_algorithm: Option<String>,
    clients: Option<Vec<Client>>,
    client_scopes: Option<Vec<ClientScope>>,
    default_default_client_scopes: Option<Vec<String>>,
    default_optional_client_scopes: Option<Vec<String>>,
    users: Option<Vec<User>>,
    roles: Option<Roles>,
    groups: Option<Size>,
    identity_providers: Option<Size>,
    user_federation_providers: Option<Size>,
    organizations: Option<Size>,
}

#[expect(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "the names are Keycloak's")]
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Client {
    client_id: Option<String>,
    name: Option<String>,
    secret: Option<Secret>,
    enabled: Option<bool>,
    protocol: Option<String>,
    client_authenticator_type: Option<String>,
    public_client: bool,
    bearer_only: bool,
    service_accounts_enabled: bool,
    standard_flow_enabled: bool,
    implicit_flow_enabled: bool,
    direct_access_grants_enabled: bool,
    attributes: Option<BTreeMap<String, Value>>,
    protocol_mappers: Option<Vec<Mapper>>,
    default_client_scopes: Option<Vec<String>>,
    optional_client_scopes: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClientScope {
    name: Option<String>,
    protocol: Option<String>,
    attributes: Option<BTreeMap<String, Value>>,
    protocol_mappers: Option<Vec<Mapper>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Mapper {
    name: Option<String>,
    #[serde(rename = "protocolMapper")]
    kind: Option<String>,
    config: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct User {
    service_account_client_id: Option<String>,
    realm_roles: Option<Vec<String>>,
    client_roles: Option<BTreeMap<String, Vec<String>>>,
    groups: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Roles {
    realm: Option<Vec<Role>>,
    client: Option<BTreeMap<String, Vec<Role>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Role {
    name: Option<String>,
    composite: bool,
}

/// The file cannot be read. The text names the place and the mistake, never a value.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No JSON, or of another shape.
    #[error("line {0}, column {1}: {2}")]
    Unreadable(usize, usize, &'static str),
    /// JSON that is no realm.
    #[error(
        "this is no realm: it has no member `realm`. A file with several realms holds a list; take one of them out"
    )]
    NoRealm,
}

/// Clients that every realm has.
const OWN_CLIENTS: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];
/// Client scopes that every realm has; none of them is a right at an API.
const OWN_SCOPES: [&str; 15] = [
    "acr",
    "address",
    "basic",
    "email",
    "microprofile-jwt",
    "offline_access",
    "openid",
    "organization",
    "phone",
    "profile",
    "role_list",
    "roles",
    "saml_organization",
    "service_account",
    "web-origins",
];
/// What Keycloak's tokens live where the realm says nothing, in seconds.
const USUAL_LIFETIME: i64 = 300;

impl Export {
    /// Reads a realm's file.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        if text.trim_start().starts_with('[') {
            return Err(ExportError::NoRealm);
        }
        let export: Self = serde_json::from_str(text).map_err(|error| {
            let what =
                if error.is_data() { "this is not what Keycloak writes there" } else { "this is no JSON" };
            ExportError::Unreadable(error.line(), error.column(), what)
        })?;
        if export.realm.is_none() { Err(ExportError::NoRealm) } else { Ok(export) }
    }

    /// Adds the users of a further file, of which service accounts are of interest.
    pub fn add_users(&mut self, text: &str) -> Result<(), ExportError> {
        let more = Self::parse(text)?;
        self.users.get_or_insert_default().extend(more.users.into_iter().flatten());
        Ok(())
    }

    /// The realm's name.
    pub fn realm(&self) -> &str {
        self.realm.as_deref().unwrap_or_default()
    }
}

/// What an export comes to here.
pub fn describe(export: &Export, target: &Target) -> Imported {
    let algorithm = export.default_signature_algorithm.as_deref().filter(|name| !name.is_empty());
    let signing_algorithm = algorithm.and_then(Algorithm::from_name);
    let settings = RealmSettings {
        compatibility: Compatibility::Keycloak,
        default_lifetime: export.access_token_lifespan.filter(|life| *life > 0).unwrap_or(USUAL_LIFETIME),
        signing_algorithm,
        ..RealmSettings::default()
    };
    let mut collector = Collector::new(target, settings);
    if let (Some(name), None) = (algorithm, signing_algorithm) {
        collector.differs(
            "realm",
            export.realm(),
            format!("its tokens were signed with {name}, and are with RS256 now"),
        );
    }
    if export.enabled == Some(false) {
        collector.status = Some(Status::Disabled);
    }
    let realm = Realm::of(export);
    for client in export.clients.iter().flatten() {
        add_client(&mut collector, &realm, client);
    }
    let people =
        export.users.iter().flatten().filter(|user| user.service_account_client_id.is_none()).count();
    let people = (people > 0).then_some(Size(people));
    for (part, size, reason) in [
        ("users", people, "people sign in elsewhere: Symbolon serves machines"),
        ("groups", export.groups, "groups are of people"),
        ("identity providers", export.identity_providers, "people sign in elsewhere"),
        ("user federation", export.user_federation_providers, "people sign in elsewhere"),
        ("organizations", export.organizations, "clients go into the organization that --organization names"),
    ] {
        if let Some(Size(count @ 1..)) = size {
            collector.left_out(part, &format!("{count} of them"), reason);
        }
    }
    collector.finish()
}

/// What a realm's clients have in common.
struct Realm<'a> {
    scopes: HashMap<&'a str, &'a ClientScope>,
    default_scopes: &'a [String],
    optional_scopes: &'a [String],
    accounts: HashMap<&'a str, &'a User>,
    composite: BTreeSet<&'a str>,
}

impl<'a> Realm<'a> {
    fn of(export: &'a Export) -> Self {
        let named = |scope: &'a ClientScope| scope.name.as_deref().map(|name| (name, scope));
        let account = |user: &'a User| user.service_account_client_id.as_deref().map(|id| (id, user));
        let roles = export.roles.iter();
        let of_clients =
            roles.clone().flat_map(|roles| roles.client.iter().flat_map(BTreeMap::values).flatten());
        let roles = roles.flat_map(|roles| roles.realm.iter().flatten()).chain(of_clients);
        Self {
            scopes: export.client_scopes.iter().flatten().filter_map(named).collect(),
            default_scopes: export.default_default_client_scopes.as_deref().unwrap_or_default(),
            optional_scopes: export.default_optional_client_scopes.as_deref().unwrap_or_default(),
            accounts: export.users.iter().flatten().filter_map(account).collect(),
            composite: roles.filter(|role| role.composite).filter_map(|role| role.name.as_deref()).collect(),
        }
    }

    fn defaults(&self, client: &'a Client) -> &'a [String] {
        client.default_client_scopes.as_deref().unwrap_or(self.default_scopes)
    }

    /// The scopes that the client's tokens can carry.
    fn scopes_of(&self, collector: &mut Collector<'_>, id: &str, client: &'a Client) -> ScopeSet {
        let mut scopes = ScopeSet::new();
        let optional = client.optional_client_scopes.as_deref().unwrap_or(self.optional_scopes);
        for (name, is_optional) in self
            .defaults(client)
            .iter()
            .map(|name| (name, false))
            .chain(optional.iter().map(|name| (name, true)))
        {
            let scope = self.scopes.get(name.as_str());
            let shown = scope.and_then(|scope| text(scope.attributes.as_ref(), "include.in.token.scope"));
            let saml = scope.is_some_and(|scope| scope.protocol.as_deref() == Some("saml"));
            if OWN_SCOPES.contains(&name.as_str()) || saml || shown == Some("false") {
                continue;
            }
            match Scope::parse(name) {
                Ok(scope) => {
                    scopes.insert(scope);
                    if is_optional {
                        let reason =
                            format!("the optional scope {name} is given, too, when none is asked for");
                        collector.differs("client", id, reason);
                    }
                }
                Err(error) => collector.left_out("client scope", name, error.to_string()),
            }
        }
        scopes
    }

    /// The audiences that the client's mappers, and those of its default scopes, put into tokens.
    fn audiences_of(&self, collector: &mut Collector<'_>, id: &str, client: &'a Client) -> Vec<&'a str> {
        let mut audiences = Vec::new();
        let own = client.protocol_mappers.iter().flatten().map(|mapper| (mapper, true));
        let defaults =
            self.defaults(client).iter().filter_map(|name| self.scopes.get_key_value(name.as_str()));
        let of_scopes = defaults.flat_map(|(name, scope)| {
            let made_by_people = !OWN_SCOPES.contains(name);
            scope.protocol_mappers.iter().flatten().map(move |mapper| (mapper, made_by_people))
        });
        for (mapper, made_by_people) in own.chain(of_scopes) {
            match mapper.kind.as_deref() {
                Some("oidc-audience-mapper") => {}
                // Keycloak gives this to every service account.
                Some("oidc-usersessionmodel-note-mapper") | None => continue,
                Some(_) => {
                    if made_by_people {
                        let name = mapper.name.as_deref().unwrap_or_default();
                        let reason = format!(
                            "the mapper {name:?} ends here: its claim can be one of the resource server"
                        );
                        collector.differs("client", id, reason);
                    }
                    continue;
                }
            }
            let config = mapper.config.as_ref();
            let custom = text(config, "included.custom.audience").filter(|it| !it.is_empty());
            match custom.or_else(|| text(config, "included.client.audience")).filter(|it| !it.is_empty()) {
                Some(audience) if audiences.contains(&audience) => {}
                Some(audience) if is_absolute_uri(audience) => audiences.push(audience),
                Some(other) => {
                    let reason =
                        format!("the audience {other:?} is no absolute URI, and is not in its tokens");
                    collector.differs("client", id, reason);
                }
                None => {}
            }
        }
        audiences
    }

    /// The roles of the client's service account, as claims of the same names as Keycloak's.
    fn roles_of(&self, collector: &mut Collector<'_>, id: &str) -> BTreeMap<String, Value> {
        let mut claims = BTreeMap::new();
        let Some(account) = self.accounts.get(id) else { return claims };
        let mut kept = |roles: &[String]| -> Vec<String> {
            let roles: Vec<String> =
                roles.iter().filter(|role| !role.starts_with("default-roles-")).cloned().collect();
            for role in roles.iter().filter(|role| self.composite.contains(role.as_str())) {
                let reason =
                    format!("the role {role:?} is composite: the claim names it, and not what is in it");
                collector.differs("client", id, reason);
            }
            roles
        };
        let realm_roles = kept(account.realm_roles.as_deref().unwrap_or_default());
        if !realm_roles.is_empty() {
            claims.insert("realm_access".to_owned(), json!({ "roles": realm_roles }));
        }
        let of_clients = account.client_roles.iter().flatten().filter_map(|(client, roles)| {
            let roles = kept(roles);
            (!roles.is_empty()).then(|| (client.clone(), json!({ "roles": roles })))
        });
        let of_clients: serde_json::Map<String, Value> = of_clients.collect();
        if !of_clients.is_empty() {
            claims.insert("resource_access".to_owned(), Value::Object(of_clients));
        }
        if account.groups.as_ref().is_some_and(|groups| !groups.is_empty()) {
            collector.differs(
                "client",
                id,
                "its service account is in groups, whose roles it does not have here",
            );
        }
        claims
    }
}

fn text<'a>(values: Option<&'a BTreeMap<String, Value>>, name: &str) -> Option<&'a str> {
    values?.get(name)?.as_str()
}

fn add_client<'a>(collector: &mut Collector<'_>, realm: &Realm<'a>, client: &'a Client) {
    let id = client.client_id.as_deref().unwrap_or_default();
    let reason = if OWN_CLIENTS.contains(&id) {
        "every Keycloak realm has it"
    } else if client.protocol.as_deref() == Some("saml") {
        "it speaks SAML"
    } else if client.bearer_only {
        "it is an API (bearer-only): describe it as a resource server, if it has an audience of its own"
    } else if client.public_client {
        "it is public, and has no secret; people sign in elsewhere"
    } else if !client.service_accounts_enabled {
        "it has no service account; people sign in elsewhere"
    } else {
        ""
    };
    if !reason.is_empty() {
        return collector.left_out("client", id, reason);
    }
    let Some(client_id) = collector.client_id(id) else { return };
    let flows = [
        ("standard", client.standard_flow_enabled),
        ("implicit", client.implicit_flow_enabled),
        ("direct access grants", client.direct_access_grants_enabled),
    ];
    let flows: Vec<&str> = flows.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
    if !flows.is_empty() {
        collector.differs("client", id, format!("its other flows end here: {}", flows.join(", ")));
    }
    let claims = realm.roles_of(collector, id);
    let grants = grants(collector, realm, client, &claims);
    let lifetime = text(client.attributes.as_ref(), "access.token.lifespan");
    let lifetime = lifetime.and_then(|text| text.parse().ok()).filter(|seconds: &i64| *seconds > 0);
    let (secret, why_not) = secret(client);
    let name = client.name.as_deref().filter(|name| !name.starts_with("${")).unwrap_or_default().to_owned();
    let settings =
        ClientSettings { name, grants: grants.into(), lifetime, claims, ..ClientSettings::default() };
    collector.client(client_id, settings, secret, why_not);
    if client.enabled == Some(false)
        && let Some(added) = collector.clients.last_mut()
    {
        added.status = Some(Status::Disabled);
    }
}

/// The client's secret, or why there is none.
fn secret(client: &Client) -> (Option<Secret>, &'static str) {
    match client.client_authenticator_type.as_deref() {
        None | Some("client-secret") => {}
        Some(_) => return (None, "it proved itself with a key or a certificate; here it needs a secret"),
    }
    let known = client.secret.clone().filter(|secret| {
        let text = secret.expose();
        !text.is_empty() && !text.bytes().all(|b| b == b'*') && !text.starts_with("${")
    });
    (known, "its secret is not in the export: the console hides it, `kc.sh export` does not")
}

/// The client's rights at each of its audiences, which become resource servers.
fn grants<'a>(
    collector: &mut Collector<'_>,
    realm: &Realm<'a>,
    client: &'a Client,
    claims: &BTreeMap<String, Value>,
) -> Vec<Grant> {
    let id = client.client_id.as_deref().unwrap_or_default();
    let scopes = realm.scopes_of(collector, id, client);
    let mut audiences: Vec<String> =
        realm.audiences_of(collector, id, client).into_iter().map(str::to_owned).collect();
    if audiences.is_empty() {
        audiences.extend(collector.target.audience.clone());
    }
    if audiences.len() > 1 {
        let reason =
            format!("its tokens carried several audiences; here each has one, by default {:?}", audiences[0]);
        collector.differs("client", id, reason);
    }
    if audiences.is_empty() {
        collector.differs("client", id, "nothing in the export names its API: give it with --audience");
    }
    let mut grants: Vec<Grant> = Vec::new();
    for audience in audiences {
        let lifetime = collector.settings.default_lifetime;
        if collector.resource_server(&audience).is_none() {
            collector.resource_servers.push(ResourceServerDescription {
                identifier: audience.clone(),
                status: None,
                settings: Some(ResourceServerSettings {
                    name: audience.clone(),
                    lifetime: Some(lifetime),
                    ..ResourceServerSettings::default()
                }),
            });
        }
        let Some(server) = collector.resource_server(&audience) else { continue };
        let audience = server.identifier.clone();
        let settings = server.settings.get_or_insert_default();
        scopes.iter().for_each(|scope| settings.scopes.insert(scope.clone()));
        for name in claims.keys() {
            if let Ok(template) = Template::parse(&format!("{{client.claims.{name}}}")) {
                settings.claims.insert(name.clone(), template.into());
            }
        }
        if !grants.iter().any(|grant| grant.audience == audience) {
            grants.push(Grant { audience, scopes: scopes.clone() });
        }
    }
    grants
}
