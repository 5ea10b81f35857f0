//! Imports: what other systems exported gets tokens here with its old ids and secrets, and what is left out is said.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use symbolon_core::apply;
use symbolon_core::audit::Actor;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::import::{self, Fate, Imported, Note, Target, auth0, keycloak};

use crate::support::{Bed, Request};

const TENANT: &str = include_str!("../exports/auth0.yaml");
const REALM: &str = include_str!("../exports/keycloak.json");

fn target(realm: &str) -> Target {
    Target {
        realm: RealmId::new(realm).unwrap(),
        organization: OrganizationId::new("moved").unwrap(),
        audience: None,
        allow_weak: true,
        make_secrets: false,
    }
}

fn tenant(target: &Target) -> Imported {
    auth0::describe(&auth0::Export::parse_yaml(TENANT).unwrap(), target)
}

fn realm(target: &Target) -> Imported {
    keycloak::describe(&keycloak::Export::parse(REALM).unwrap(), target)
}

fn fit(bed: &Bed, imported: &mut Imported) {
    let known = import::Known::find(&bed.authority, &imported.description.realms[0].id);
    import::fit(imported, known.as_ref());
}

async fn take_over(bed: &Bed, mut imported: Imported) -> Vec<Note> {
    fit(bed, &mut imported);
    let plan = apply::plan(&bed.authority, &imported.description).await.unwrap();
    let actor = Actor::operator("test", "run_import");
    apply::execute(&bed.authority, &actor, plan, |_| Ok(())).await.unwrap();
    // A second run finds nothing to do.
    assert!(apply::plan(&bed.authority, &imported.description).await.unwrap().is_empty());
    imported.notes
}

#[track_caller]
fn says(notes: &[Note], fate: Fate, name: &str, reason: &str) {
    let found =
        notes.iter().any(|note| note.fate == fate && note.name == name && note.reason.contains(reason));
    assert!(found, "{fate:?} {name}: {reason}; {notes:#?}");
}

#[tokio::test]
async fn an_auth0_tenants_machines_get_tokens_with_their_old_ids_and_secrets() {
    let bed = Bed::start().await;
    let notes = take_over(&bed, tenant(&target("moved"))).await;
    let id = "kJ2nQmXw7Zr0aYb5Tc8VdEf1Gh3Li6Op";
    let answer = bed
        .send(Request::post("/realms/moved/oauth/token").json(&serde_json::json!({
            "client_id": id,
            "client_secret": "Q-8s_Zk3mT5vX9yB2nD6pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWdYfAhGeIlJcO",
            "audience": "https://api.acme.example",
            "grant_type": "client_credentials",
        })))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["expires_in"], 172_800);
    assert_eq!(answer.body["scope"], "read:sources");
    let claims = answer.claims();
    assert_eq!((&claims["sub"], &claims["aud"]), (&id.into(), &"https://api.acme.example".into()));
    assert_eq!(answer.token_header()["alg"], "RS256");
    let known = bed.find_client("moved", id).await.client;
    assert_eq!(
        (known.settings.name.as_str(), &known.settings.claims["region"]),
        ("Nightly pipeline", &"eu-1".into())
    );

    says(&notes, Fate::LeftOut, "Browser app", "spa");
    says(&notes, Fate::LeftOut, "Without an id", "AUTH0_EXPORT_IDENTIFIERS");
    says(&notes, Fate::LeftOut, "Auth0 Management API", "Auth0's own");
    says(&notes, Fate::LeftOut, "Nightly pipeline at https://acme.eu.auth0.com/api/v2/", "not taken over");
    says(&notes, Fate::Differs, "Zp1XyPortalPortalPortalPortalAaa", "authorization_code, refresh_token");
    says(&notes, Fate::Differs, "NoSecretNoSecretNoSecretNoSecret", "client_secret");
    says(&notes, Fate::Differs, "Old API", "HS256");
    says(&notes, Fate::Differs, "Nightly pipeline at https://api.acme.example", "delete:sources");
    for part in ["connections", "databases", "actions", "roles", "organizations", "guardianFactors"] {
        assert!(notes.iter().any(|note| note.kind == part && note.fate == Fate::LeftOut), "{part}");
    }
    assert!(
        !notes.iter().any(|note| note.kind == "rules" || note.kind == "pages"),
        "empty parts are no loss"
    );
}

#[test]
fn what_is_no_auth0_export_is_refused_by_what_it_lacks() {
    let check = |text: &str| auth0::Export::parse_yaml(text).unwrap().check();
    assert_eq!(check(TENANT), Ok(()));
    assert_eq!(check("clients: []"), Ok(()));
    assert!(check(REALM).unwrap_err().to_string().contains("import keycloak"));
    assert!(check("tenant: {friendly_name: x}").unwrap_err().to_string().contains("resourceServers"));
    let nameless = check("clients: [{name: a}, {clientId: b}]").unwrap_err().to_string();
    assert!(nameless.contains("client 2"), "{nameless}");
}

#[tokio::test]
async fn a_keycloak_realms_service_accounts_get_tokens_with_their_old_ids_and_secrets() {
    let bed = Bed::start().await;
    let target = Target { audience: Some("https://other.factory.example".to_owned()), ..target("factory") };
    let notes = take_over(&bed, realm(&target)).await;
    let path = "/realms/factory/protocol/openid-connect/token";
    let answer = bed.token(path, "line-1", "pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWd", &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["expires_in"], 1200);
    let claims = answer.claims();
    assert_eq!(claims["aud"], "https://machines.factory.example");
    assert_eq!(claims["scope"], "machines.read machines.write");
    assert_eq!(claims["realm_access"], serde_json::json!({ "roles": ["operator", "supervisor"] }));
    assert_eq!(claims["resource_access"], serde_json::json!({ "machines-api": { "roles": ["start"] } }));
    assert_eq!(claims["typ"], "Bearer");
    // The realm's own lifetime, and the audience that only the flag knew.
    let short = bed.token(path, "short", "canary-short", &[]).await;
    assert_eq!(
        (&short.body["expires_in"], &short.claims()["aud"]),
        (&600.into(), &"https://other.factory.example".into())
    );
    assert!(!bed.find_client("factory", "line-2").await.client.status.is_active());

    says(&notes, Fate::Differs, "line-1", "optional scope machines.write");
    says(&notes, Fate::Differs, "line-1", "composite");
    says(&notes, Fate::Differs, "line-2", "its secret is not in the export");
    says(&notes, Fate::Differs, "line-2", "standard");
    says(&notes, Fate::LeftOut, "dashboard", "public");
    says(&notes, Fate::LeftOut, "account", "every Keycloak realm");
    for part in ["users", "identity providers"] {
        assert!(notes.iter().any(|note| note.kind == part && note.name == "1 of them"), "{part}");
    }
}

#[tokio::test]
async fn short_secrets_are_named_and_taken_over_only_on_demand() {
    let bed = Bed::start().await;
    let careful = Target { allow_weak: false, ..target("factory") };
    let imported = realm(&careful);
    let weak: Vec<&str> = import::weak_secrets(&imported.description).iter().map(|id| id.as_str()).collect();
    assert_eq!(weak, ["short"]);
    let refused = apply::plan(&bed.authority, &imported.description).await.unwrap_err().to_string();
    assert!(refused.contains("short") && !refused.contains("canary"), "{refused}");
    assert!(import::weak_secrets(&realm(&target("factory")).description).is_empty());
}

#[tokio::test]
async fn an_import_leaves_the_settings_of_what_is_there_as_they_are() {
    let bed = Bed::start().await;
    bed.apply(
        "realms: [{id: plain, settings: {hosts: [plain.example], maximum_lifetime: 7200}, resource_servers: [{identifier: \
         'https://api.acme.example', settings: {scopes: [own], aliases: ['urn:acme'], requires_licence: true}}], \
         organizations: [{id: moved, name: Moved, metadata: {tier: gold}}]}]",
    )
    .await;
    let notes = take_over(&bed, tenant(&target("plain"))).await;
    says(&notes, Fate::Differs, "plain", "at most 7200 seconds");
    let view = bed.authority.directory().realm("plain").unwrap();
    assert_eq!(view.realm().settings.hosts, ["plain.example"]);
    let server = view.resource_server("https://api.acme.example").unwrap();
    assert_eq!(server.settings.scopes.to_string(), "own read:sources write:sources");
    assert!(server.settings.requires_licence && server.settings.aliases == ["urn:acme"]);
    let id = OrganizationId::new("moved").unwrap();
    let organization = bed.store().find_organization(view.id(), &id).await.unwrap().unwrap();
    assert_eq!((organization.name.as_str(), organization.metadata["tier"].as_str()), ("Moved", "gold"));
}

#[tokio::test]
async fn missing_secrets_are_made_on_demand_and_only_once() {
    let bed = Bed::start().await;
    let made = Target { make_secrets: true, ..target("moved") };
    let mut told = Vec::new();
    for expected in [1, 1] {
        let mut imported = tenant(&made);
        fit(&bed, &mut imported);
        let plan = apply::plan(&bed.authority, &imported.description).await.unwrap();
        let actor = Actor::operator("test", "run_import");
        let tell = |made| {
            told.push(made);
            Ok(())
        };
        apply::execute(&bed.authority, &actor, plan, tell).await.unwrap();
        assert_eq!(told.len(), expected);
    }
    let (id, secret) = (told[0].client.as_str(), told[0].secret.expose());
    let answer =
        bed.token("/realms/moved/oauth/token", id, secret, &[("audience", "https://old.acme.example")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_folder_of_json_is_read_like_the_yaml() {
    let mut export = auth0::Export::default();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports/auth0");
    for (folder, name) in [
        ("", "tenant.json"),
        ("clients", "Nightly pipeline.json"),
        ("grants", "Nightly pipeline-Sources API.json"),
        ("resource-servers", "Sources API.json"),
        ("roles", "Admin.json"),
    ] {
        let text = std::fs::read_to_string(format!("{root}/{folder}/{name}")).unwrap();
        export.add_json(folder, name, &text).unwrap();
    }
    let imported = auth0::describe(&export, &target("moved"));
    let realm = &imported.description.realms[0];
    let settings = realm.settings.as_ref().unwrap();
    assert_eq!(settings.default_audience.as_deref(), Some("https://api.acme.example"));
    let client = &realm.organizations[0].clients[0];
    assert_eq!(client.id.as_str(), "FolderFolderFolderFolderFolderAa");
    assert_eq!(client.settings.as_ref().unwrap().grants[0].scopes.to_string(), "read:sources");
    assert_eq!(client.access_keys[0].secret.as_ref().unwrap().expose(), "folder-secret-folder-secret-folder");
    says(&imported.notes, Fate::LeftOut, "1 of them", "roles are of people");
}

#[test]
fn what_cannot_be_read_is_told_without_showing_it() {
    let broken = TENANT.replace("client_secret: Q-8s", "client_secret: [canary, Q-8s");
    assert!(!auth0::Export::parse_yaml(&broken).unwrap_err().to_string().contains("canary"));
    let broken = REALM.replace("\"secret\": \"pF0r", "\"secret\": [\"canary\"], \"x\": \"pF0r");
    let error = keycloak::Export::parse(&broken).unwrap_err().to_string();
    assert!(error.contains("line") && !error.contains("canary"), "{error}");
    for no_realm in ["[]", "{}", "[{\"realm\": \"a\"}]"] {
        assert!(keycloak::Export::parse(no_realm).unwrap_err().to_string().contains("no realm"));
    }
}

#[test]
fn ids_that_cannot_be_ids_here_are_left_out_and_the_others_come() {
    let export = REALM.replace("\"clientId\": \"line-2\"", "\"clientId\": \"v1\"");
    let export = export.replace("\"clientId\": \"short\"", "\"clientId\": \"with space\"");
    let imported = keycloak::describe(&keycloak::Export::parse(&export).unwrap(), &target("factory"));
    let clients = &imported.description.realms[0].organizations[0].clients;
    assert_eq!(clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["line-1"]);
    says(&imported.notes, Fate::LeftOut, "v1", "reserved");
    says(&imported.notes, Fate::LeftOut, "with space", "cannot be taken over");
}
