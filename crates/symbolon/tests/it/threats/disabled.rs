//! Disabled things that are served all the same, or come back by themselves (6, 7, 8, 12, 13).

use symbolon_core::access_key::KeyStatus;
use symbolon_core::apply::description::Description;
use symbolon_core::apply::{self};
use symbolon_core::audit::Actor;
use symbolon_core::claim_map::Template;
use symbolon_core::edit::policy;
use symbolon_core::licence::LicenceKind;
use symbolon_core::policy::{Effect, Pattern, Policy, Statement};
use symbolon_core::protocol::scope::ScopeSet;
use symbolon_core::realm::Status;

use crate::support::{API, Answer, Bed, HOLDER, Node, Request, Switch, Way, in_default};

const TOKEN: [&str; 3] =
    ["/oauth/token", "/realms/default/oauth/token", "/realms/default/protocol/openid-connect/token"];
const INTROSPECT: [&str; 3] = [
    "/oauth/introspect",
    "/realms/default/oauth/introspect",
    "/realms/default/protocol/openid-connect/token/introspect",
];
const REVOKE: [&str; 3] =
    ["/oauth/revoke", "/realms/default/oauth/revoke", "/realms/default/protocol/openid-connect/revoke"];
const PUBLIC: [&str; 8] = [
    "/.well-known/jwks.json",
    "/realms/default/.well-known/jwks.json",
    "/realms/default/protocol/openid-connect/certs",
    "/.well-known/openid-configuration",
    "/realms/default/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/realms/default",
    "/realms/default/.well-known/oauth-authorization-server",
];

/// What a disabled thing's client is told at a token endpoint.
fn told(switch: Switch) -> (u16, &'static str) {
    match switch {
        Switch::Realm => (404, "invalid_request"),
        Switch::Licence => (400, "unauthorized_client"),
        _ => (401, "invalid_client"),
    }
}

#[track_caller]
fn is_denied(answer: &Answer, (status, code): (u16, &str), what: &str) {
    assert_eq!((answer.status, answer.body["error"].as_str()), (status, Some(code)), "{what}: {answer:?}");
    assert!(answer.body.get("access_token").is_none() && answer.body.get("token").is_none());
}

#[tokio::test]
async fn t06_disabled_entities_are_not_served() {
    for switch in Switch::ALL {
        let bed = Bed::start_with_switches().await;
        let (client_token, user_token) = (bed.client_token().await, bed.user_token().await);
        bed.turn(switch, Status::Disabled).await;
        let what = format!("{switch:?}");
        if switch.concerns_client() {
            for path in TOKEN {
                for way in Way::ALL {
                    // A network for each, so that back-off stays out of it.
                    let from = format!("2001:db8:{:x}:{:x}::1", path.len(), way as u8);
                    let request = way.token(path, HOLDER, &[]).from(&from);
                    is_denied(&bed.send(request).await, told(switch), &what);
                }
                let by_key = Way::Form.token(path, ("meti-key", HOLDER.1), &[]);
                is_denied(&bed.send(by_key).await, told(switch), &what);
            }
            for path in INTROSPECT {
                let answer = bed.send(Way::Form.request(path, HOLDER, &[("token", &client_token)])).await;
                if switch == Switch::Licence {
                    assert_eq!(answer.text, r#"{"active":false}"#);
                } else {
                    is_denied(&answer, told(switch), &what);
                }
            }
            for path in REVOKE.into_iter().filter(|_| switch != Switch::Licence) {
                let answer = bed.send(Way::Form.request(path, HOLDER, &[("token", &client_token)])).await;
                is_denied(&answer, told(switch), &what);
            }
        }
        if switch.concerns_user() {
            let denied = match switch {
                Switch::Realm | Switch::Licence => told(switch),
                _ => (401, "invalid_grant"),
            };
            is_denied(&bed.send(Bed::sign_in()).await, denied, &what);
        }
        for path in PUBLIC {
            let status = bed.send(Request::get(path)).await.status;
            assert_eq!(status, if switch == Switch::Realm { 404 } else { 200 }, "{what} {path}");
        }
        if switch != Switch::Realm {
            assert_eq!(bed.lives(&client_token).await, !switch.concerns_client(), "{what}");
            assert_eq!(bed.lives(&user_token).await, !switch.concerns_user(), "{what}");
        }
    }
}

#[tokio::test]
async fn t07_a_change_of_anything_else_keeps_a_disabled_client_disabled() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    bed.turn(Switch::Client, Status::Disabled).await;
    bed.turn(Switch::Organization, Status::Disabled).await;
    bed.turn(Switch::AccessKey, Status::Disabled).await;
    bed.change_client("default", "meti", |client| {
        "renamed".clone_into(&mut client.settings.name);
        client.settings.lifetime = Some(60);
        client.settings.grants[0].scopes = ScopeSet::parse("read:sources").unwrap();
    })
    .await;
    bed.change_organization("default", "custodian", |one| "renamed".clone_into(&mut one.name)).await;
    bed.change_key("default", "meti-key", |key| key.expires_at = None).await;
    let known = bed.find_client("default", "meti").await;
    assert_eq!(known.client.status, Status::Disabled);
    assert_eq!(known.keys[0].status, KeyStatus::Inactive);
    assert!(!bed.lives(&token).await);
    bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn t07_a_description_that_says_nothing_of_the_status_switches_nothing_on() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    for switch in Switch::ALL.into_iter().filter(|switch| *switch != Switch::Realm) {
        bed.turn(switch, Status::Disabled).await;
    }
    // The very description that the world was made from: somebody runs it again after an emergency.
    bed.apply(&in_default(&format!(
        "  - id: custodian\n    name: renamed\n    licences: [{{ audience: \"{API}\", kind: full, starts_at: \
         2026-01-01 }}]\n    users: [{{ email: dev@custodian.example, role: viewer }}]\n    clients:\n    - id: meti\n      \
         settings: {{ name: renamed, grants: [{{ audience: \"{API}\", scopes: [\"read:sources\"] }}] }}\n      \
         access_keys: [{{ id: meti-key, secret: {} }}]\n",
        HOLDER.1
    )))
    .await;
    let known = bed.find_client("default", "meti").await;
    assert_eq!(known.client.settings.name, "renamed");
    assert_eq!(known.client.status, Status::Disabled, "the client");
    assert_eq!(known.keys[0].status, KeyStatus::Inactive, "the access key");
    assert_eq!(bed.licences("default", "custodian").await[0].status, Status::Disabled, "the licence");
    bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.refused(401, "invalid_client");
    bed.send(Bed::sign_in()).await.refused(401, "invalid_grant");
    assert!(!bed.lives(&token).await);
}

#[tokio::test]
async fn t07_only_an_explicit_status_switches_on_again() {
    let bed = Bed::start_with_switches().await;
    bed.turn(Switch::Client, Status::Disabled).await;
    bed.apply(&in_default(&format!(
        "  - id: custodian\n    name: Custodian Inc\n    clients:\n    - id: meti\n      status: active\n      \
         settings: {{ grants: [{{ audience: \"{API}\", scopes: [\"read:sources\"] }}] }}\n"
    )))
    .await;
    bed.advance(std::time::Duration::from_millis(1)).await;
    assert_eq!(bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 200);
}

#[tokio::test]
async fn t08_a_disabled_audience_is_rechecked_at_each_issuance() {
    let bed = Bed::start_with_switches().await;
    let (client_token, user_token) = (bed.client_token().await, bed.user_token().await);
    bed.change_server("default", API, |server| server.status = Status::Disabled).await;
    for path in TOKEN {
        for more in [&[][..], &[("audience", API)][..], &[("resource", API)][..]] {
            bed.send(Way::Form.token(path, HOLDER, more)).await.refused(400, "invalid_target");
        }
    }
    bed.send(Bed::sign_in()).await.refused(400, "invalid_target");
    assert!(!bed.lives(&client_token).await && !bed.lives(&user_token).await);
}

#[tokio::test]
async fn t12_a_deactivated_service_account_gets_no_token_from_any_node() {
    for switch in [Switch::Client, Switch::AccessKey, Switch::Organization, Switch::User] {
        let bed = Bed::start_with_switches().await;
        let nodes = [Node::start(&bed).await, Node::start(&bed).await];
        for node in &nodes {
            assert_eq!(node.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 200);
            assert_eq!(node.send(Bed::sign_in()).await.status, 200);
        }
        bed.turn(switch, Status::Disabled).await;
        for node in &nodes {
            // What the background task does four times a second.
            node.catch_up().await;
            let (request, denied) = if switch == Switch::User {
                (Bed::sign_in(), (401, "invalid_grant"))
            } else {
                (Way::Form.token("/oauth/token", HOLDER, &[]), (401, "invalid_client"))
            };
            is_denied(&node.send(request).await, denied, &format!("{switch:?}"));
        }
    }
}

#[tokio::test]
async fn t13_inactive_rights_are_absent_from_the_claims() {
    let bed = Bed::start_with_switches().await;
    bed.change_server("default", API, |server| {
        server
            .settings
            .claims
            .insert("licence".to_owned(), Template::parse("{licence.kind}").unwrap().into());
    })
    .await;
    bed.advance(std::time::Duration::from_millis(1)).await;
    bed.add_licence("default", "custodian", API, LicenceKind::Trial, None).await;
    let claims = async || {
        bed.advance(std::time::Duration::from_millis(1)).await;
        bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.claims()
    };
    // The licence that was switched off is not named.
    bed.turn(Switch::Licence, Status::Disabled).await;
    assert_eq!(claims().await["licence"], "trial");
    // A scope that the API defines no more is not granted, though a grant still lists it.
    bed.change_server("default", API, |server| {
        server.settings.scopes = ScopeSet::parse("read:sources write:sources").unwrap();
    })
    .await;
    assert_eq!(claims().await["scope"], "read:sources write:sources");
    bed.change_client("default", "meti", |client| {
        client.settings.grants[0].scopes = ScopeSet::parse("read:sources write:sources").unwrap();
    })
    .await;
    // What a policy takes away is not there, whoever gave it.
    let statement = Statement {
        effect: Effect::Deny,
        actions: vec![Pattern("write:*".to_owned())],
        resources: vec![Pattern("*".to_owned())],
    };
    let policy = Policy {
        id: symbolon_core::id::PolicyId::new("readers").unwrap(),
        name: "readers".to_owned(),
        statements: vec![statement],
        version: 1,
        created_at: bed.authority.now(),
    };
    bed.operator("default", async |editor| policy::insert(editor, &policy).await.unwrap()).await;
    bed.change_client("default", "meti", |client| client.settings.policies = vec![policy.id.clone()]).await;
    assert_eq!(claims().await["scope"], "read:sources");
}

#[tokio::test]
async fn t06_a_client_can_be_switched_off_whatever_became_of_what_it_was_granted() {
    let bed = Bed::start_with_switches().await;
    let policy = Policy {
        id: symbolon_core::id::PolicyId::new("passing").unwrap(),
        name: "passing".to_owned(),
        statements: vec![Statement {
            effect: Effect::Allow,
            actions: vec![Pattern("*".to_owned())],
            resources: vec![Pattern("*".to_owned())],
        }],
        version: 1,
        created_at: bed.authority.now(),
    };
    bed.operator("default", async |editor| policy::insert(editor, &policy).await.unwrap()).await;
    bed.change_client("default", "meti", |client| client.settings.policies = vec![policy.id.clone()]).await;
    let token = bed.client_token().await;
    // The API drops a scope, and the policy goes; the client still names both.
    bed.change_server("default", API, |server| {
        server.settings.scopes = ScopeSet::parse("read:sources").unwrap();
    })
    .await;
    bed.operator("default", async |editor| policy::delete(editor, &policy).await.unwrap()).await;
    bed.turn(Switch::Client, Status::Disabled).await;
    assert!(!bed.lives(&token).await);
    bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.refused(401, "invalid_client");
    bed.turn(Switch::Client, Status::Active).await;
}

#[tokio::test]
async fn t07_a_plan_that_is_looked_at_changes_nothing() {
    let bed = Bed::start_with_switches().await;
    bed.turn(Switch::Client, Status::Disabled).await;
    let before = bed.store().last_change().await.unwrap();
    let yaml = in_default("  - id: custodian\n    clients:\n    - { id: meti, status: active }\n");
    let plan = apply::plan(&bed.authority, &Description::parse(&yaml).unwrap()).await.unwrap();
    assert!(plan.to_string().contains("status"), "{plan}");
    drop((plan, Actor::operator("test", "run_test")));
    assert_eq!(bed.store().last_change().await.unwrap(), before);
}
