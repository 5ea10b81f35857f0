//! The reuse window: the same request gets the same token, and every answer is on record.

use std::collections::BTreeSet;
use std::time::Duration;

use symbolon::commands::explain::{find, tell};
use symbolon_core::apply::{self, description::Description};
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId};
use symbolon_core::quota::{Quota, QuotaMode};
use symbolon_core::record::Remark;
use symbolon_core::secret::Secret;
use symbolon_server::metrics::Format;

use super::{API, PATH, PLAIN, ask, jti};
use crate::metrics::page;
use crate::support::{Answer, Bed, NOW, Node, Way, realm_id};

const SECOND: Duration = Duration::from_secs(1);

/// The world with a window of a minute at the plain API, whose tokens live for an hour.
pub(super) async fn start() -> Bed {
    let bed = Bed::start().await;
    bed.change_server("plain", API, |server| server.settings.reuse_seconds = 60).await;
    bed.advance(Duration::from_millis(1)).await;
    bed
}

async fn asking(bed: &Bed, more: &[(&str, &str)]) -> Answer {
    bed.send(Way::BasicForm.token(PATH, PLAIN, more)).await
}

#[tokio::test]
async fn it_is_off_unless_set_and_each_request_gets_its_own_token() {
    let bed = Bed::start().await;
    let tokens: BTreeSet<String> =
        [jti(&ask(&bed).await), jti(&ask(&bed).await), jti(&ask(&bed).await)].into();
    assert_eq!((tokens.len(), bed.authority.limit_counts().reused), (3, 0));
}

#[tokio::test]
async fn within_the_window_the_same_token_comes_with_what_is_left_of_its_life() {
    let bed = start().await;
    let first = ask(&bed).await;
    for (passed, left) in [(Duration::ZERO, 3599), (SECOND, 3598), (Duration::from_millis(58_998), 3540)] {
        bed.advance(passed).await;
        for way in Way::ALL {
            let answer = bed.send(way.token(PATH, PLAIN, &[])).await;
            assert_eq!(answer.body["access_token"], first.body["access_token"]);
            assert_eq!(answer.body["scope"], "a b");
            // No client may believe in it for longer than it lives.
            let ends_in = answer.claims()["exp"].as_i64().unwrap() * 1000 - bed.authority.now().millis();
            let told = answer.body["expires_in"].as_i64().unwrap();
            assert!(told * 1000 <= ends_in && told == left, "{told} of {ends_in}");
        }
    }
    bed.advance(Duration::from_millis(1002)).await;
    let next = ask(&bed).await;
    assert_ne!(jti(&next), jti(&first));
    assert_eq!(next.body["expires_in"], 3600);
    let page = page(&bed.authority, &bed.app(), Format::Classic);
    assert!(page.contains("\nsymbolon_tokens_reused_total 12\n"), "{page}");
}

#[tokio::test]
async fn keycloaks_path_gives_the_same_token_in_its_own_shape() {
    let bed = start().await;
    let first = ask(&bed).await;
    let path = "/realms/plain/protocol/openid-connect/token";
    let answer = bed.send(Way::Form.token(path, PLAIN, &[])).await;
    assert_eq!(jti(&answer), jti(&first));
    assert_eq!(answer.body["refresh_expires_in"], 0);
}

#[tokio::test]
async fn another_client_key_scope_or_audience_gets_another_token() {
    let bed = start().await;
    bed.describe(
        "plain",
        serde_json::json!({
            "resource_servers": [{
                "identifier": "https://other.plain.example", "settings": { "scopes": ["a"], "reuse_seconds": 60 },
            }],
            "organizations": [{ "id": "plain-org", "clients": [{
                "id": PLAIN.0,
                "settings": { "grants": [
                    { "audience": API, "scopes": ["a", "b"] },
                    { "audience": "https://other.plain.example", "scopes": ["a"] },
                ] },
                "access_keys": [{ "id": "second-key", "secret": "second-secret-1234567890" }],
            }] }],
        }),
    )
    .await;
    let (_, id, secret) = bed.create_client("plain", "plain-org", bed.grants_of(PLAIN.0).await).await;
    bed.advance(Duration::from_millis(1)).await;
    let all = async || {
        let answers = [
            asking(&bed, &[]).await,
            asking(&bed, &[("scope", "a")]).await,
            asking(&bed, &[("scope", "b")]).await,
            asking(&bed, &[("audience", "https://other.plain.example")]).await,
            bed.send(Way::Form.token(PATH, (PLAIN.0, "second-secret-1234567890"), &[])).await,
            bed.send(Way::Form.token(PATH, (&id, &secret), &[])).await,
        ];
        answers.iter().map(jti).collect::<Vec<_>>()
    };
    let first = all().await;
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 6);
    assert_eq!(all().await, first);
    // What comes to the same is the same, in whatever words.
    assert_eq!(jti(&asking(&bed, &[("scope", "b a openid"), ("audience", API)]).await), first[0]);
    assert_eq!(jti(&bed.send(Way::Form.token(PATH, ("plain-key", PLAIN.1), &[])).await), first[0]);
}

#[tokio::test]
async fn each_request_is_found_by_its_id_and_the_token_is_counted_once() {
    let bed = start().await;
    let first = ask(&bed).await;
    bed.advance(Duration::from_secs(30)).await;
    let again = bed.send(Way::Form.token(PATH, PLAIN, &[]).from("198.51.100.7")).await;
    let id = again.header("x-request-id");
    // Nobody waits for this record.
    while find(bed.store(), id).await.unwrap().0.is_empty() {
        tokio::task::yield_now().await;
    }
    let (issued, reused) = (bed.recorded(&first).await, bed.recorded(&again).await);
    assert_eq!((issued.remark, reused.remark), (None, Some(Remark::Reused)));
    assert_eq!((&issued.jti, issued.expires_at), (&reused.jti, reused.expires_at));
    assert_eq!((issued.grant.read(), reused.at), (reused.grant.read(), bed.authority.now()));
    let (tokens, refusals) = find(bed.store(), id).await.unwrap();
    let text = tell(id, &tokens, &refusals);
    for part in ["given again", &issued.jti, "198.51.100.7", PLAIN.0] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(tell(id, std::slice::from_ref(&issued), &[]).contains("issued"));
    // By its own id the token leads to where it was issued.
    let found = bed.store().find_token(&realm_id("plain"), &issued.jti).await.unwrap();
    assert_eq!(found, Some(issued));
    bed.count_journal().await;
    let (organization, client) = (OrganizationId::new("plain-org").unwrap(), ClientId::new(PLAIN.0).unwrap());
    assert_eq!(bed.usage("plain", "plain-org", PLAIN.0).await, [(NOW, 1)]);
    let key = AccessKeyId::new("plain-key").unwrap();
    let last =
        bed.store().find_last_use(&realm_id("plain"), &organization, &client, &key).await.unwrap().unwrap();
    assert_eq!((last.at, last.from.as_str()), (bed.authority.now(), "198.51.100.7"));
}

#[tokio::test]
async fn of_many_that_ask_at_once_one_is_signed_for_and_nobody_answered_before_it_is_durable() {
    let bed = start().await;
    let (node, store) = Node::faulty(&bed).await;
    let node = std::sync::Arc::new(node);
    store.hold(&["append_tokens"]);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let node = std::sync::Arc::clone(&node);
            tokio::spawn(async move { node.send(Way::Form.token(PATH, PLAIN, &[])).await })
        })
        .collect();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(tasks.iter().all(|task| !task.is_finished()));
    store.hold(&[]);
    let mut tokens = BTreeSet::new();
    for task in tasks {
        tokens.insert(jti(&task.await.unwrap()));
    }
    assert_eq!((tokens.len(), node.authority.limit_counts().reused), (1, 49));
}

#[tokio::test]
async fn a_token_that_could_not_be_recorded_is_nobodys() {
    let bed = start().await;
    let (node, store) = Node::faulty(&bed).await;
    let ask = async || node.send(Way::Form.token(PATH, PLAIN, &[])).await;
    store.fail(&["append_tokens"]);
    for _ in 0..3 {
        ask().await.refused(503, "temporarily_unavailable");
    }
    store.fail(&[]);
    let first = jti(&ask().await);
    // The record of the answer alone is not waited for.
    store.fail(&["append_tokens"]);
    assert_eq!(jti(&ask().await), first);
}

#[tokio::test]
async fn a_quota_counts_tokens_and_not_answers() {
    let bed = start().await;
    let quota = Quota { tokens_per_hour: 1, mode: QuotaMode::Enforce };
    bed.change_client("plain", PLAIN.0, |client| client.settings.quota = Some(quota)).await;
    bed.advance(Duration::from_millis(1)).await;
    let first = jti(&ask(&bed).await);
    for _ in 0..3 {
        let answer = ask(&bed).await;
        assert_eq!(jti(&answer), first);
        assert_eq!(answer.header("ratelimit"), "\"tokens\";r=0;t=3600");
    }
    asking(&bed, &[("scope", "a")]).await.refused(429, "temporarily_unavailable");
    assert_eq!(jti(&ask(&bed).await), first);
}

#[tokio::test]
async fn nothing_is_given_again_in_the_second_half_of_its_life() {
    let bed = start().await;
    bed.change_client("plain", PLAIN.0, |client| client.settings.lifetime = Some(20)).await;
    bed.advance(Duration::from_millis(999)).await;
    let first = jti(&ask(&bed).await);
    bed.advance(Duration::from_millis(9999)).await;
    assert_eq!(jti(&ask(&bed).await), first);
    bed.advance(Duration::from_millis(1)).await;
    assert_ne!(jti(&ask(&bed).await), first);
}

#[tokio::test]
async fn people_get_a_token_of_their_own_each_time() {
    let bed = Bed::start().await;
    bed.change_server("default", "https://api.meti.io", |server| server.settings.reuse_seconds = 60).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_ne!(bed.user_token().await, bed.user_token().await);
}

#[tokio::test]
async fn apply_reads_the_window_and_refuses_one_beyond_half_of_the_life() {
    let bed = Bed::start().await;
    let yaml = |settings: &str| {
        let yaml = format!(
            "realms:\n- id: plain\n  settings: {{ hosts: [plain.example] }}\n  resource_servers:\n  - identifier: {API}\n    \
             settings: {{ scopes: [a, b], {settings} }}\n"
        );
        Description::parse(&yaml)
    };
    let plan = async |settings: &str| apply::plan(&bed.authority, &yaml(settings).unwrap()).await;
    assert_eq!(plan("lifetime: 600, reuse_seconds: 300").await.unwrap().steps.len(), 1);
    assert_eq!(plan("reuse_seconds: 0").await.unwrap().steps.len(), 0);
    for bad in ["lifetime: 600, reuse_seconds: 301", "reuse_seconds: -1"] {
        let error = plan(bad).await.unwrap_err().to_string();
        assert!(error.contains("reuse_seconds"), "{error}");
    }
    assert!(yaml("reuse_seconds: soon").is_err());
}

#[tokio::test]
async fn a_window_that_no_longer_fits_keeps_nothing_from_being_switched_off() {
    let bed = start().await;
    bed.change_realm("plain", |realm| realm.settings.default_lifetime = 10).await;
    bed.change_server("plain", API, |server| server.status = symbolon_core::realm::Status::Disabled).await;
    asking(&bed, &[]).await.refused(400, "invalid_target");
}

/// Makes a further key of the plain client, with a secret of its own.
pub(super) async fn second_key(bed: &Bed) -> (String, Secret) {
    let known = bed.find_client("plain", PLAIN.0).await;
    let made = bed
        .operator("plain", async |editor| {
            symbolon_core::edit::access_key::create(editor, &known.client, None).await.unwrap()
        })
        .await;
    (made.key.id.to_string(), made.secret)
}
