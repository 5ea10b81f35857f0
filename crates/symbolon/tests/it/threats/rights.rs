//! Rights that reach further than they should (2, 9, 17, 18, 19, 22, 24).

use std::collections::BTreeSet;
use std::time::Duration;

use symbolon_core::edit::{access_key, client, policy};
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId, PolicyId};
use symbolon_core::policy::{Effect, Grant, Pattern, Policy, Statement};
use symbolon_core::protocol::scope::ScopeSet;
use symbolon_core::realm::Status;

use crate::support::{API, Bed, FAULT, HOLDER, Node, Switch, Way, secrets};

const MILLI: Duration = Duration::from_millis(1);

#[tokio::test]
async fn t02_a_fault_while_revoking_is_an_error_and_not_done() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["revoke_tokens"]);
    let request = Way::Form.request("/oauth/revoke", HOLDER, &[("token", &token)]);
    let answer = node.send(request.clone()).await;
    answer.refused(503, "temporarily_unavailable");
    assert!(!answer.text.contains(FAULT));
    assert!(bed.lives(&token).await, "what was not called done is not done");
    store.fail(&[]);
    assert_eq!(node.send(request).await.status, 200);
    bed.authority.directory().catch_up().await.unwrap();
    assert!(!bed.lives(&token).await);
}

#[tokio::test]
async fn t09_of_two_revocations_the_further_one_wins_in_any_order() {
    for order in [[Switch::Organization, Switch::Client], [Switch::Client, Switch::Organization]] {
        let bed = Bed::start_with_switches().await;
        let mut tokens = Vec::new();
        for switch in order {
            tokens.push(bed.client_token().await);
            bed.advance(Duration::from_secs(10)).await;
            bed.turn(switch, Status::Disabled).await;
            bed.turn(switch, Status::Active).await;
            bed.advance(MILLI).await;
        }
        // The second one is later, whichever subject it names: it kills both.
        for token in &tokens {
            assert!(!bed.lives(token).await, "{order:?}");
        }
        let fresh = bed.client_token().await;
        assert!(bed.lives(&fresh).await);
        // An open one of anything outweighs every closed one.
        for switch in [Switch::Licence, Switch::AccessKey, Switch::Organization, Switch::Client] {
            bed.turn(switch, Status::Disabled).await;
            assert!(!bed.lives(&fresh).await, "{switch:?}");
            bed.turn(switch, Status::Active).await;
            assert!(!bed.lives(&fresh).await, "{switch:?}");
        }
    }
}

#[tokio::test]
async fn t17_recycled_ids_carry_no_access_over() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let known = bed.find_client("default", "meti").await;
    bed.delete_client("default", "meti").await;
    let others = OrganizationId::new("m3ter-org").unwrap();
    let mut elsewhere = known.client.clone();
    elsewhere.organization = others.clone();
    let mut key = known.keys[0].clone();
    key.organization = others;
    key.client = ClientId::new("m3ter-bare").unwrap();
    bed.operator("default", async |editor| {
        client::insert(editor, &elsewhere).await.unwrap_err();
        access_key::insert(editor, &key).await.unwrap_err();
        // In its own organization it is another client of the same name: without grants, it has none.
        let mut anew = known.client.clone();
        anew.settings.grants.clear();
        anew.settings.default_audience = None;
        client::insert(editor, &anew).await.unwrap();
        let mut anew = known.keys[0].clone();
        anew.id = AccessKeyId::new("meti-key-2").unwrap();
        access_key::insert(editor, &anew).await.unwrap();
    })
    .await;
    bed.advance(MILLI).await;
    assert!(!bed.lives(&token).await);
    let answer = bed.send(Way::Form.token("/oauth/token", HOLDER, &[("audience", API)])).await;
    answer.refused(400, "invalid_target");
    // The old key's id is not one of the new client's.
    let by_key = Way::Form.token("/oauth/token", ("meti-key", HOLDER.1), &[]);
    bed.send(by_key).await.refused(401, "invalid_client");
}

const SCOPES: [&str; 3] = ["read:sources", "write:sources", "delete:sources"];

fn subset(bits: usize) -> BTreeSet<&'static str> {
    SCOPES.into_iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, scope)| scope).collect()
}

fn text(scopes: &BTreeSet<&str>) -> String {
    scopes.iter().copied().collect::<Vec<_>>().join(" ")
}

/// A policy that allows or denies one subset at the API.
fn one_policy(bed: &Bed, effect: Effect, bits: usize) -> Policy {
    let name = format!("{effect:?}-{bits}");
    let statement = Statement {
        effect,
        actions: subset(bits).into_iter().map(|scope| Pattern(scope.to_owned())).collect(),
        resources: vec![Pattern(API.to_owned())],
    };
    Policy {
        id: PolicyId::new(&name).unwrap(),
        name,
        statements: vec![statement],
        version: 1,
        created_at: bed.authority.now(),
    }
}

/// Every combination of what is granted, allowed, denied and asked that a fixed sequence comes across.
#[tokio::test]
async fn t18_nothing_is_issued_beyond_what_is_effective() {
    let bed = Bed::start().await;
    let mut policies = Vec::new();
    for effect in [Effect::Allow, Effect::Deny] {
        for bits in 1..8 {
            let one = one_policy(&bed, effect, bits);
            bed.operator("default", async |editor| policy::insert(editor, &one).await.unwrap()).await;
            policies.push(one.id);
        }
    }
    let mut state = 1_u32;
    for _ in 0..48 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let draw = (state >> 16) as usize;
        let (granted, allowed, denied) = (draw & 7, (draw >> 3) & 7, (draw >> 6) & 7);
        // A policy says something, so nothing allowed or denied is no policy.
        let chosen = [allowed.checked_sub(1), denied.checked_sub(1).map(|place| place + 7)];
        let chosen: Vec<PolicyId> =
            chosen.into_iter().flatten().map(|place| policies[place].clone()).collect();
        let grants = vec![Grant {
            audience: API.to_owned(),
            scopes: ScopeSet::parse(&text(&subset(granted))).unwrap(),
        }];
        bed.change_client("default", "meti", |client| {
            client.settings.grants = grants.into();
            client.settings.policies = chosen;
        })
        .await;
        let effective = subset((granted | allowed) & !denied);
        for asked in 0..8 {
            let wanted = text(&subset(asked));
            let answer = bed.send(Way::Form.token("/oauth/token", HOLDER, &[("scope", &wanted)])).await;
            let expected = if asked == 0 { effective.clone() } else { &subset(asked) & &effective };
            if asked != 0 && expected.is_empty() {
                answer.refused(400, "invalid_scope");
                continue;
            }
            assert_eq!(answer.status, 200, "{answer:?}");
            for scope in [&answer.body["scope"], &answer.claims()["scope"]] {
                let issued: BTreeSet<&str> = scope.as_str().unwrap().split_whitespace().collect();
                assert_eq!(issued, expected, "{granted} {allowed} {denied} {asked}");
            }
        }
    }
}

#[tokio::test]
async fn t19_introspection_across_clients_says_exactly_that_it_is_inactive() {
    let bed = Bed::start_with_switches().await;
    let tokens = [bed.client_token().await, bed.user_token().await];
    // Of the same organization, of another one, with every right there is: none is listed.
    let strangers = [
        ("meti-readonly", secrets::METI_READONLY),
        ("m3ter-user", secrets::M3TER),
        ("m3ter-bare", secrets::M3TER_BARE),
    ];
    for token in &tokens {
        for who in strangers {
            for way in Way::ALL {
                let answer = bed.send(way.request("/oauth/introspect", who, &[("token", token)])).await;
                assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"active":false}"#));
            }
        }
        assert!(bed.lives(token).await);
    }
    // A stranger's answer about a living token is that about a dead one, byte for byte and header for header.
    let alike = async |token: &str| {
        let answer =
            bed.send(Way::Form.request("/oauth/introspect", strangers[0], &[("token", token)])).await;
        let mut headers = answer.headers;
        headers.remove("x-request-id");
        (answer.status, headers, answer.text)
    };
    assert_eq!(alike(&tokens[0]).await, alike("garbage").await);
    // And an introspector is taken off the list with effect at once.
    bed.change_server("default", API, |server| server.settings.introspectors.clear()).await;
    for token in &tokens {
        assert!(!bed.lives(token).await);
    }
}

#[tokio::test]
async fn t22_path_host_and_body_that_name_different_tenants_open_nothing() {
    let bed = Bed::start().await;
    bed.change_realm("ecoinvent", |realm| realm.settings.hosts = vec!["eco.example".to_owned()]).await;
    let tenants = [
        ("default", "auth.example", HOLDER),
        ("plain", "plain.example", ("plain-client", secrets::PLAIN)),
        ("ecoinvent", "eco.example", ("eco-trial", secrets::ECOINVENT)),
    ];
    for (path_realm, _, _) in tenants {
        for (host_realm, host, _) in tenants {
            for (body_realm, _, who) in tenants {
                let path = format!("/realms/{path_realm}/oauth/token?realm={body_realm}");
                let request =
                    Way::Form.token(&path, who, &[("realm", body_realm), ("host", host)]).host(host);
                let answer = bed.send(request).await;
                let owned = host_realm != "default" && host_realm != path_realm;
                let expected = match (owned, path_realm == body_realm) {
                    (true, _) => 404,
                    (false, true) => 200,
                    (false, false) => 401,
                };
                assert_eq!(answer.status, expected, "{path_realm} {host_realm} {body_realm}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn t24_every_grant_passes_the_same_checks() {
    // Disabled organization, missing licence, disabled audience, lifetime, revocation: on both grants alike.
    let bed = Bed::start_with_switches().await;
    for switch in [Switch::Organization, Switch::Licence] {
        bed.turn(switch, Status::Disabled).await;
        for request in [Way::Form.token("/oauth/token", HOLDER, &[]), Bed::sign_in()] {
            assert!(matches!(bed.send(request).await.status, 400 | 401), "{switch:?}");
        }
        bed.turn(switch, Status::Active).await;
        // In the cutoff's own millisecond neither mints what would be dead.
        for request in [Way::Form.token("/oauth/token", HOLDER, &[]), Bed::sign_in()] {
            assert_eq!(bed.send(request).await.status, 503, "{switch:?}");
        }
        bed.advance(MILLI).await;
        for request in [Way::Form.token("/oauth/token", HOLDER, &[]), Bed::sign_in()] {
            assert_eq!(bed.send(request).await.status, 200, "{switch:?}");
        }
    }
    // And on every path and encoding.
    bed.change_client("default", "meti", |client| {
        client.settings.allowed_networks = vec!["198.51.100.0/24".parse().unwrap()];
    })
    .await;
    for path in ["/oauth/token", "/realms/default/protocol/openid-connect/token"] {
        for way in Way::ALL {
            bed.send(way.token(path, HOLDER, &[])).await.refused(401, "invalid_client");
            let near = way.token(path, HOLDER, &[]).from("198.51.100.7");
            assert_eq!(bed.send(near).await.status, 200);
        }
    }
}
