//! The audit as a whole: every kind of change is in it and no secret, it is chained, forgotten by age, and read back
//! beside tokens and refusals.

use std::collections::BTreeSet;
use std::time::Duration;

use symbolon_core::access_key::KeyStatus;
use symbolon_core::audit::Actor;
use symbolon_core::audit::verify::{Report, verify};
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::{access_key, licence, policy, user};
use symbolon_core::id::ClientId;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::revoke::revoke_before_now;
use symbolon_core::rotation::{Upkeep, keep_keys, replace_compromised};
use symbolon_core::secret::Secret;
use symbolon_core::trail::{self, ChangeFilter, Entry, Period, Query, TokenFilter, TrailRequest};

use crate::support::{Bed, NOW, Node, Way, key, realm_id, secrets};

const CANARY: &str = "canary-secret-0123456789";
const SONG: &str = "canary-password-0123456789";
const WORLD: &str = r#"
realms:
  - id: x
    settings: { default_audience: "https://x.example" }
    resource_servers: [{ identifier: "https://x.example", settings: { scopes: [a, b] } }]
    policies: [{ id: p, statements: [{ effect: allow, actions: ["*"], resources: ["*"] }] }]
    organizations:
      - id: xo
        licences: [{ audience: "https://x.example", kind: trial, starts_at: 2026-01-01 }]
        clients:
          - id: xc
            settings: { policies: [p] }
            access_keys: [{ id: xk, secret: canary-secret-0123456789 }]
        users: [{ email: one@x.example, role: viewer, password: canary-password-0123456789 }]
"#;
const KINDS: [&str; 28] = [
    "realm create",
    "realm update",
    "resource_server create",
    "resource_server update",
    "policy create",
    "policy update",
    "policy delete",
    "organization create",
    "organization update",
    "licence create",
    "licence update",
    "licence delete",
    "user create",
    "user update",
    "client create",
    "client update",
    "client delete",
    "access_key create",
    "access_key update",
    "access_key rehash",
    "access_key delete",
    "signing_key create",
    "signing_key activate",
    "signing_key retire",
    "signing_key remove",
    "signing_key revoke",
    "revocation revoke",
    "revocation revoke_token",
];

async fn report(bed: &Bed, realm: &str) -> Report {
    verify(bed.store(), &realm_id(realm), &[]).await.unwrap()
}

/// Makes every kind of change. Answers the secrets that came up, in every form.
async fn change_everything(bed: &Bed) -> Vec<String> {
    bed.apply(WORLD).await;
    let mut known =
        vec![CANARY.to_owned(), SONG.to_owned(), secrets::METI.to_owned(), "$argon2id$".to_owned()];
    known.push(bed.find_key("x", "xk").await.secret.hmac.to_string());
    let token = bed.access_token("/realms/x/oauth/token", "xc", CANARY).await;
    bed.send(Way::Form.request("/realms/x/oauth/revoke", ("xc", CANARY), &[("token", &token)])).await;
    known.push(token);
    let (actor, realm) = (Actor::operator("test", "run_test"), realm_id("x"));
    revoke_before_now(&bed.authority, &actor, &realm, (Kind::Client, "xc"), None).await.unwrap();
    bed.advance(Duration::from_secs(1)).await;
    rehash(bed).await;
    known.push(bed.find_key("x", "xk").await.secret.hmac.to_string());
    bed.change_realm("x", |realm| realm.settings.default_lifetime = 60).await;
    bed.change_organization("x", "xo", |organization| "Y".clone_into(&mut organization.name)).await;
    bed.change_licence("x", "xo", |licence| licence.ends_at = Some(Timestamp::from_seconds(4_000_000_000)))
        .await;
    bed.change_client("x", "xc", |client| "Y".clone_into(&mut client.settings.name)).await;
    let hash = bed
        .operator("x", async |editor| {
            user::hash_password(editor, &Secret::new(format!("{SONG}-2")), "somebody@api.example")
                .await
                .unwrap()
        })
        .await;
    bed.change_user("x", "one@x.example", |user| user.password = Some(hash)).await;
    let before = bed.store().list_policies(&realm).await.unwrap().remove(0);
    let removed = bed.licences("x", "xo").await.remove(0);
    let credential = bed.find_client("x", "xc").await;
    bed.operator("x", async |editor| {
        let mut after = before.clone();
        "Y".clone_into(&mut after.name);
        policy::update(editor, &before, &after).await.unwrap();
        licence::delete(editor, &removed).await.unwrap();
        let made = access_key::create(editor, &credential.client, None).await.unwrap();
        known.extend([made.secret.expose().to_owned(), made.key.secret.hmac.to_string()]);
        let off = access_key::set_status(editor, &made.key, KeyStatus::Inactive).await.unwrap();
        access_key::delete(editor, &off).await.unwrap();
    })
    .await;
    bed.delete_client("x", "xc").await;
    let after = bed.store().list_policies(&realm).await.unwrap().remove(0);
    bed.operator("x", async |editor| policy::delete(editor, &after).await.unwrap()).await;
    known.append(&mut rotate(bed).await);
    known
}

/// Has the secret of a key hashed anew, which happens beside a request under a new pepper.
async fn rehash(bed: &Bed) {
    let before = bed.find_key("x", "xk").await.version;
    let node = Node::with_peppers(bed, [key("new", 40), key("test", 100)]).await;
    let answer = node.send(Way::Form.token("/realms/x/oauth/token", ("xc", CANARY), &[])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    while bed.find_key("x", "xk").await.version == before {
        tokio::task::yield_now().await;
    }
    bed.authority.directory().catch_up().await.unwrap();
}

/// Takes signing keys through all of their lives. Answers what stands in their sealed halves.
async fn rotate(bed: &Bed) -> Vec<String> {
    let realm = realm_id("x");
    let mut sealed = Vec::new();
    let mut note = async || {
        for key in bed.store().list_signing_keys(&realm).await.unwrap() {
            sealed.extend([key.private.data_key, key.private.sealed]);
        }
    };
    note().await;
    for _ in 0..3 {
        bed.advance(Duration::from_hours(90 * 24)).await;
        keep_keys(&bed.authority, &realm).await.unwrap();
        note().await;
    }
    let kid = bed.store().list_signing_keys(&realm).await.unwrap().remove(0).kid;
    bed.operator("x", async |editor| replace_compromised(editor, &kid).await.unwrap()).await;
    for algorithm in Algorithm::ALL {
        bed.change_server("x", "https://x.example", |api| api.settings.signing_algorithm = Some(algorithm))
            .await;
        bed.change_realm("x", |realm| realm.settings.signing_algorithm = Some(algorithm)).await;
        keep_keys(&bed.authority, &realm).await.unwrap();
        note().await;
    }
    sealed
}

#[tokio::test]
async fn every_kind_of_change_is_recorded_and_no_record_holds_a_secret() {
    let bed = Bed::start().await;
    let known = change_everything(&bed).await;
    let mut kinds = BTreeSet::new();
    for realm in ["default", "ecoinvent", "plain", "x"] {
        for link in bed.store().list_audit_links(&realm_id(realm), 0, 10_000).await.unwrap() {
            let text = format!("{link:?}");
            for secret in &known {
                assert!(!text.contains(secret.as_str()), "{text}");
            }
            kinds.insert(format!("{} {}", link.record.subject_kind, link.record.action));
        }
        assert_eq!(report(&bed, realm).await.findings, []);
    }
    assert_eq!(kinds, KINDS.map(str::to_owned).into());
}

/// One round of upkeep, when the clock has kept pace for an hour.
async fn upkeep(bed: &Bed) {
    let hour = Duration::from_hours(1);
    Upkeep::begin(bed.authority.now().minus(hour)).round(&bed.authority, hour).await;
}

#[tokio::test]
async fn upkeep_forgets_old_changes_only_where_it_is_asked_to_and_the_chain_still_holds() {
    let days = |days: u64| Duration::from_hours(days * 24);
    for memory in [None, Some(days(400))] {
        let bed = Bed::start_with(|settings| settings.audit_memory = memory).await;
        let before = report(&bed, "default").await.records;
        bed.advance(days(401)).await;
        bed.change_client("default", "metafold", |client| "Y".clone_into(&mut client.settings.name)).await;
        upkeep(&bed).await;
        let report = report(&bed, "default").await;
        assert_eq!(report.findings, []);
        assert_eq!(report.chain.anchor.number > 0, memory.is_some());
        assert_eq!(report.records < before, memory.is_some());
        let left = bed.audit("default", 0, None).await;
        assert!(
            memory.is_none() || left.iter().all(|record| record.at >= bed.authority.now().minus(days(400)))
        );
    }
}

#[tokio::test]
async fn changes_tokens_and_refusals_of_a_time_are_read_back() {
    let bed = Bed::start().await;
    bed.clock.advance(Duration::from_mins(1));
    let from = bed.authority.now();
    bed.authority.directory().catch_up().await.unwrap();
    let given = bed.token("/oauth/token", "meti", secrets::METI, &[]).await;
    let refused = bed.token("/oauth/token", "meti", "wrong-secret-1234567890", &[]).await;
    assert_eq!((given.status, refused.status), (200, 401));
    let expected = bed.refusal(&refused).await;
    bed.change_client("default", "meti", |client| "Y".clone_into(&mut client.settings.name)).await;
    let period = Period { from: Some(from), to: None };
    let page = TrailRequest { limit: 10, ..TrailRequest::default() };
    let list = async |query: Query| {
        trail::list(bed.store(), &realm_id("default"), None, &query, &page).await.unwrap().items
    };
    let changes = list(Query::Changes(ChangeFilter { period, ..ChangeFilter::default() })).await;
    assert!(matches!(&changes[..], [Entry::Change(record)] if record.subject_id == "meti"), "{changes:?}");
    let of = ClientId::new("meti").unwrap();
    let tokens =
        list(Query::Tokens(TokenFilter { client: Some(of.clone()), period, ..TokenFilter::default() })).await;
    assert_eq!(tokens, [Entry::Token(bed.recorded(&given).await)]);
    let reason = Some("wrong_secret".to_owned());
    let refusals = list(Query::Refusals { reason, client: Some(of), period }).await;
    assert_eq!(refusals, [Entry::Refusal(expected)]);
    let before = Period { from: None, to: Some(NOW) };
    assert_eq!(list(Query::Tokens(TokenFilter { period: before, ..TokenFilter::default() })).await, []);
}
