//! Every operation of the store failed, method by method and call by call, under everything that the server does: what
//! was answered with success is there, and everything else was refused in the right words.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use symbolon_core::apply::{self, description::Description};
use symbolon_core::audit::Actor;
use symbolon_core::authority::Authority;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::{self, EditError, Editor};
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::realm::Status;
use symbolon_core::rotation::{Upkeep, replace_compromised};
use symbolon_core::store::StoreError;

use crate::support::{
    Answer, Bed, FAULT, FaultyStore, NOW, Node, Request, Way, all_methods, realm_id, secrets,
};

const METAFOLD: (&str, &str) = ("metafold", secrets::METAFOLD);

/// A realm with one of everything, and then all of it changed.
const MADE: &str = r#"
realms:
  - id: x
    resource_servers: [{ identifier: "https://x.example", settings: { scopes: [a, b], requires_licence: true } }]
    policies: [{ id: p, statements: [{ effect: allow, actions: [a], resources: ["*"] }] }]
    organizations:
      - id: xo
        licences: [{ audience: "https://x.example", kind: trial, starts_at: 2026-01-01 }]
        clients:
          - id: xc
            settings: { policies: [p] }
            access_keys: [{ id: xk, secret: "x-secret-0123456789" }]
          - id: xd
            access_keys: [{ id: xdk, secret: "x-secret-0123456789", status: INACTIVE }]
        users: [{ email: one@x.example, role: viewer }]
      - id: xp
        clients: [{ id: xe, access_keys: [{ id: xek, secret: "x-secret-0123456789" }] }]
"#;
const CHANGED: &str = r#"
realms:
  - id: x
    settings: { default_lifetime: 600 }
    resource_servers: [{ identifier: "https://x.example", settings: { scopes: [a], requires_licence: true } }]
    policies: [{ id: p, statements: [{ effect: allow, actions: ["*"], resources: ["*"] }] }]
    organizations:
      - id: xo
        name: Changed
        licences: [{ audience: "https://x.example", kind: trial, starts_at: 2026-01-01, status: disabled }]
        clients:
          - id: xc
            status: disabled
            settings: { policies: [p] }
            access_keys: [{ id: xk, secret: "x-secret-0123456789", status: INACTIVE }]
        users: [{ email: one@x.example, role: admin }]
"#;

/// What was answered with success.
#[derive(Default)]
struct Told {
    tokens: Vec<Answer>,
    revoked: Vec<String>,
    applied: Vec<&'static str>,
    /// Kinds of things, of which the realm has one each.
    deleted: HashSet<&'static str>,
    replaced_key: Option<String>,
}

/// A success, or the one refusal that says nothing but that it cannot be done now.
#[track_caller]
fn succeeded(answer: &Answer) -> bool {
    assert!(!answer.text.contains(FAULT), "{answer:?}");
    if answer.status == 200 {
        return true;
    }
    answer.refused(503, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(!answer.text.contains("token\":"), "{answer:?}");
    false
}

/// Whether a change was made; the store's fault is the only reason not to.
#[track_caller]
fn changed<T>(result: Result<T, EditError>) -> bool {
    match result {
        Ok(_) => true,
        Err(EditError::Store(StoreError::Unavailable(text))) if text == FAULT => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn everything(node: &Node, told: &mut Told) {
    what_needs_no_store(node).await;
    tokens(node, told).await;
    let refused =
        node.send(Way::Form.token("/oauth/token", (METAFOLD.0, "wrong-secret-1234567890"), &[])).await;
    assert!(refused.status == 401 || !succeeded(&refused), "{refused:?}");
    for yaml in [MADE, CHANGED] {
        if applies(&node.authority, yaml).await {
            told.applied.push(yaml);
        }
    }
    edits(node, told).await;
    background(node).await;
    what_needs_no_store(node).await;
}

async fn what_needs_no_store(node: &Node) {
    for path in ["/livez", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server"] {
        assert_eq!(node.send(Request::get(path)).await.status, 200, "{path}");
    }
}

async fn tokens(node: &Node, told: &mut Told) {
    let sign_in = Request::post("/token")
        .json(&serde_json::json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD }));
    let keycloak = Way::BasicForm.token("/realms/default/protocol/openid-connect/token", METAFOLD, &[]);
    let mut requests = vec![Way::Form.token("/oauth/token", METAFOLD, &[]), keycloak, sign_in];
    requests.extend(crate::support::systems::all().map(|(_, request)| request));
    for request in requests {
        let answer = node.send(request).await;
        if succeeded(&answer) {
            told.tokens.push(answer);
        }
    }
    let own = told.tokens.iter().find(|answer| answer.claims()["client_id"] == METAFOLD.0);
    let Some(token) = own.map(|answer| answer.body["access_token"].as_str().unwrap().to_owned()) else {
        return;
    };
    let about = |path| Way::Form.request(path, METAFOLD, &[("token", &token)]);
    let alive = node.send(about("/oauth/introspect")).await;
    assert!(!succeeded(&alive) || alive.body["active"] == true, "{alive:?}");
    if succeeded(&node.send(about("/oauth/revoke")).await) {
        let dead = node.send(about("/oauth/introspect")).await;
        assert!(!succeeded(&dead) || dead.body["active"] == false, "{dead:?}");
        told.revoked.push(token);
    }
}

async fn applies(authority: &Arc<Authority>, yaml: &str) -> bool {
    let description = Description::parse(yaml).unwrap();
    let plan = match apply::plan(authority, &description).await {
        Ok(plan) => plan,
        Err(error) => {
            assert!(format!("{error:?}").contains(FAULT), "{error:?}");
            return false;
        }
    };
    let actor = Actor::operator("test", "run_test");
    match apply::execute(authority, &actor, plan, |_| Ok(())).await {
        Ok(()) => true,
        Err(error) => {
            assert!(format!("{error:?}").contains(FAULT), "{error:?}");
            false
        }
    }
}

/// The changes that a description cannot make.
async fn edits(node: &Node, told: &mut Told) {
    let (actor, realm) = (Actor::operator("test", "run_test"), realm_id("x"));
    let editor = Editor { authority: &node.authority, actor: &actor, realm: &realm };
    let store = node.authority.store();
    if told.applied.len() < 2 {
        return;
    }
    let mut deleted = |what: &'static str, result| {
        let done = changed(result);
        if done {
            told.deleted.insert(what);
        }
        done
    };
    let (organization, id) = (OrganizationId::new("xo").unwrap(), ClientId::new("xd").unwrap());
    if let Ok(Some(known)) = store.find_client(&realm, &organization, &id).await
        && deleted("key", edit::access_key::delete(editor, &known.keys[0]).await)
    {
        deleted("client", edit::client::delete(editor, &known.client, &[]).await);
    }
    if let Some(policy) = store.list_policies(&realm).await.ok().and_then(|mut all| all.pop()) {
        deleted("policy", edit::policy::delete(editor, &policy).await);
    }
    if let Some(licence) = store.list_licences(&realm, &organization).await.ok().and_then(|mut all| all.pop())
    {
        deleted("licence", edit::licence::delete(editor, &licence).await);
    }
    let view = node.authority.directory().realm("x").unwrap();
    if let Some(signer) = view.signer(Algorithm::Es256) {
        let kid = signer.key.kid().to_owned();
        told.replaced_key = changed(replace_compromised(editor, &kid).await).then_some(kid);
    }
}

/// What a server does by itself. Nobody waits for it; it must not end, and it goes on by itself.
async fn background(node: &Node) {
    let word = node.authority.store().wait_for_change();
    let _ = tokio::time::timeout(Duration::from_millis(1), word).await;
    let _ = node.authority.directory().catch_up().await;
    let hour = Duration::from_hours(1);
    let mut upkeep = Upkeep::begin(Timestamp::from_millis(NOW.millis() - 3_600_000));
    upkeep.round(&node.authority, hour).await;
}

/// What was answered with success is there for a process that knows nothing of it, and everything works.
async fn check(bed: &Bed, told: &Told, fault: &str) {
    let node = Node::start(bed).await;
    for answer in &told.tokens {
        let jti = answer.claims()["jti"].as_str().unwrap().to_owned();
        assert_eq!(bed.recorded(answer).await.jti, jti, "{fault}");
    }
    for token in &told.revoked {
        let answer = node.send(Way::Form.request("/oauth/introspect", METAFOLD, &[("token", token)])).await;
        assert_eq!(answer.body["active"], false, "{fault}: it was revoked");
    }
    let realm = realm_id("x");
    if told.applied.len() == 2 {
        let known = node.authority.directory().client(&realm, "xc").await.unwrap().unwrap();
        assert_eq!(known.client.status, Status::Disabled, "{fault}");
        let organization = OrganizationId::new("xo").unwrap();
        let there = [
            ("client", bed.store().find_credential(&realm, "xd").await.unwrap().is_some()),
            ("key", bed.store().find_credential(&realm, "xdk").await.unwrap().is_some()),
            ("policy", !bed.store().list_policies(&realm).await.unwrap().is_empty()),
            ("licence", !bed.store().list_licences(&realm, &organization).await.unwrap().is_empty()),
        ];
        for (what, there) in there {
            assert!(!there || !told.deleted.contains(what), "{fault}: the {what} is back");
        }
        let keys = bed.store().list_signing_keys(&realm).await.unwrap();
        let back = told.replaced_key.as_ref().is_some_and(|kid| keys.iter().any(|key| &key.kid == kid));
        assert!(!back, "{fault}: the signing key is back");
    } else {
        // What was begun can be finished, whatever had been done of it.
        assert!(applies(&node.authority, MADE).await && applies(&node.authority, CHANGED).await, "{fault}");
        let description = Description::parse(CHANGED).unwrap();
        assert!(apply::plan(&node.authority, &description).await.unwrap().is_empty(), "{fault}");
    }
    assert_eq!(node.send(Way::Form.token("/oauth/token", METAFOLD, &[])).await.status, 200, "{fault}");
    node.stop().await;
}

async fn faulty(bed: &Bed) -> Arc<FaultyStore> {
    FaultyStore::around(symbolon::open_store::open(&bed.folder).await.unwrap())
}

/// Methods that only pages and reports read; nothing of the server's own work hangs on them.
const FOR_PEOPLE: [&str; 20] = [
    "list_organizations",
    "list_clients",
    "list_clients_with_keys",
    "list_access_keys_written",
    "list_users",
    "search_organizations",
    "search_clients",
    "search_users",
    "search_operators",
    "list_busiest",
    "list_licences_ending",
    "find_user",
    "list_audit",
    "find_audit_chain",
    "list_audit_links",
    "list_tokens",
    "list_refusals",
    "list_usage",
    "find_last_use",
    "insert_revocations",
];

/// Methods of signing in to the console, which `people::faults` fails.
pub(crate) const SIGNING_IN: [&str; 12] = [
    "insert_session",
    "find_session",
    "list_sessions",
    "touch_session",
    "renew_session",
    "delete_sessions",
    "find_factors",
    "find_factors_by_handle",
    "put_factors",
    "put_link",
    "find_link",
    "accept_link",
];

#[tokio::test]
async fn a_method_that_fails_lets_no_success_out_that_is_not_kept() {
    let mut called = HashSet::new();
    for method in all_methods() {
        let bed = Bed::start().await;
        let store = faulty(&bed).await;
        let node = Node::try_over(&bed, store.clone()).await.unwrap();
        store.fail(&[method]);
        let mut told = Told::default();
        everything(&node, &mut told).await;
        // It comes back by itself.
        store.fail(&[]);
        node.catch_up().await;
        assert_eq!(node.send(Way::Form.token("/oauth/token", METAFOLD, &[])).await.status, 200, "{method}");
        called.extend(store.called());
        node.stop().await;
        check(&bed, &told, method).await;
    }
    // The last is not called by requests, and where it fails there is polling.
    let finding = [
        "find_tokens_by_request",
        "find_refusals_by_request",
        "find_token",
        "find_repeat",
        "wait_for_change",
        // A bed has its keys already.
        "insert_key_check",
    ];
    let missed =
        all_methods().into_iter().filter(|method| !called.contains(method) && !finding.contains(method));
    let missed = missed.filter(|method| !FOR_PEOPLE.contains(method) && !SIGNING_IN.contains(method));
    let missed: Vec<&str> = missed.collect();
    assert!(missed.is_empty(), "nothing here calls {missed:?}");
}

#[tokio::test]
async fn a_single_call_that_fails_lets_no_success_out_that_is_not_kept() {
    let last = fail_calls(7).await;
    assert!(last > 60, "only {last} calls");
}

#[tokio::test]
#[ignore = "long: `cargo xtask soak faults` runs it"]
async fn soak_calls() {
    println!("{} calls of the store failed, one at a time", fail_calls(1).await - 1);
}

/// Fails each so-manieth call of the store, until there is none of that number; says which that was.
async fn fail_calls(stride: u32) -> u32 {
    let mut number = 1;
    loop {
        let bed = Bed::start().await;
        let store = faulty(&bed).await;
        store.fail_call(number);
        let mut told = Told::default();
        match Node::try_over(&bed, store.clone()).await {
            // It says why it does not start.
            Err(error) => assert!(error.to_string().contains(FAULT), "{error}"),
            Ok(node) => {
                everything(&node, &mut told).await;
                node.stop().await;
            }
        }
        if !store.has_struck() {
            return number;
        }
        check(&bed, &told, &format!("call {number}")).await;
        number += stride;
    }
}

/// Methods that a request waits for, and some that it must not wait for.
const HANGING: [&str; 12] = [
    "find_credential",
    "find_organization",
    "list_licences",
    "find_user_by_email",
    "append_tokens",
    "revoke_tokens",
    "list_changes",
    "list_revocations",
    "list_realms",
    "append_refusals",
    "count_tokens",
    "forget_revocations",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_hangs_keeps_nobody_waiting_for_long() {
    const LONGEST: Duration = Duration::from_secs(5);
    assert!(HANGING.iter().all(|method| all_methods().contains(method)), "a method has another name now");
    let hanging = HANGING.map(|method| {
        tokio::spawn(async move {
            let bed = Bed::start().await;
            let token = bed.access_token("/oauth/token", METAFOLD.0, METAFOLD.1).await;
            let store = faulty(&bed).await;
            let node = Node::try_over(&bed, store.clone()).await.unwrap();
            store.hold(&[method]);
            let about = |path| Way::Form.request(path, METAFOLD, &[("token", &token)]);
            let sign_in =
                serde_json::json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD });
            let wrong = Way::Form.token("/oauth/token", (METAFOLD.0, "wrong-secret-1234567890"), &[]);
            let began = std::time::Instant::now();
            let answers = tokio::join!(
                node.send(Way::Form.token("/oauth/token", METAFOLD, &[])),
                node.send(Request::post("/token").json(&sign_in)),
                node.send(about("/oauth/introspect")),
                node.send(about("/oauth/revoke")),
                node.send(wrong),
            );
            let took = began.elapsed();
            assert!(took < LONGEST, "{method}: {took:?}");
            let (refused, answers) = (answers.4, [answers.0, answers.1, answers.2, answers.3]);
            assert!(refused.status == 401 || !succeeded(&refused), "{method}: {refused:?}");
            let held_up = answers.iter().filter(|answer| !succeeded(answer)).count();
            let background = ["append_refusals", "count_tokens", "forget_revocations"].contains(&method);
            assert!(!background || held_up == 0, "{method}: somebody waited for it");
            assert!(background || held_up > 0 || method == "list_realms", "{method}: nobody waited for it");
            what_needs_no_store(&node).await;
            store.hold(&[]);
            node.catch_up().await;
            assert_eq!(
                node.send(Way::Form.token("/oauth/token", METAFOLD, &[])).await.status,
                200,
                "{method}"
            );
            node.stop().await;
        })
    });
    for one in hanging {
        one.await.unwrap();
    }
}
