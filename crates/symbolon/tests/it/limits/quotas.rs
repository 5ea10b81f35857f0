//! Quotas: so many tokens for a client in an hour of the clock, watched or enforced.

use std::time::Duration;

use symbolon::commands::explain::{find, tell};
use symbolon_core::apply::{self, description::Description};
use symbolon_core::limit::Rate;
use symbolon_core::quota::{Quota, QuotaMode, recount};
use symbolon_core::record::Remark;
use symbolon_server::metrics::Format;

use super::{PATH, PLAIN, ask, jti};
use crate::metrics::page;
use crate::support::{Answer, Bed, Log, Node, Way, secrets};

const KEYCLOAK: &str = "/realms/plain/protocol/openid-connect/token";

async fn set(bed: &Bed, tokens_per_hour: u32, mode: QuotaMode) {
    bed.change_realm("plain", |realm| realm.settings.quota = Some(Quota { tokens_per_hour, mode })).await;
}

#[track_caller]
fn says(answer: &Answer, status: u16, left: u32, seconds: u32) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("ratelimit-policy"), "\"tokens\";q=3;w=3600");
    assert_eq!(answer.header("ratelimit"), format!("\"tokens\";r={left};t={seconds}"));
}

#[tokio::test]
async fn an_enforced_quota_is_told_with_each_token_and_then_refuses_until_the_hour_is_over() {
    let bed = Bed::start().await;
    set(&bed, 3, QuotaMode::Enforce).await;
    bed.advance(Duration::from_millis(600_500)).await;
    for (left, path) in [(2, PATH), (1, KEYCLOAK), (0, PATH)] {
        says(&bed.send(Way::BasicJson.token(path, PLAIN, &[])).await, 200, left, 3000);
    }
    for (path, way) in [(PATH, Way::Form), (KEYCLOAK, Way::BasicForm), (PATH, Way::Json)] {
        let answer = bed.send(way.token(path, PLAIN, &[])).await;
        let text = answer.refused(429, "temporarily_unavailable");
        assert_eq!(text, "The client has used up its tokens of this hour; try again later");
        says(&answer, 429, 0, 3000);
        assert_eq!(answer.header("retry-after"), "3000");
        assert_eq!(answer.header("x-ratelimit-reset"), (crate::support::NOW.seconds() + 3600).to_string());
        assert_eq!(answer.header("www-authenticate"), "");
        let kept = bed.refusal(&answer).await;
        assert_eq!(
            (kept.reason.as_str(), kept.unverified_client.as_deref()),
            ("quota_exceeded", Some(PLAIN.0))
        );
    }
    bed.advance(Duration::from_millis(2_999_499)).await;
    assert_eq!(ask(&bed).await.status, 429);
    bed.advance(Duration::from_millis(1)).await;
    says(&ask(&bed).await, 200, 2, 3600);
    assert_eq!(bed.authority.limit_counts().refused_by_quota, 4);
}

#[tokio::test]
async fn a_watched_quota_issues_and_records_what_is_beyond_and_logs_it_once_an_hour() {
    let bed = Bed::start().await;
    set(&bed, 2, QuotaMode::Monitor).await;
    let log = Log::listen();
    let logged = || log.text().matches("more tokens than its quota").count();
    for hour in 1..=2 {
        for number in 1..=5 {
            let answer = ask(&bed).await;
            assert_eq!(answer.status, 200);
            assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), ("", ""));
            let beyond = number > 2;
            assert_eq!(bed.recorded(&answer).await.remark, beyond.then_some(Remark::BeyondQuota));
            let id = answer.header("x-request-id");
            let (tokens, refusals) = find(bed.store(), id).await.unwrap();
            assert_eq!(tell(id, &tokens, &refusals).contains("beyond the client's tokens"), beyond);
        }
        assert_eq!(logged(), hour);
        bed.advance(Duration::from_hours(1)).await;
    }
    let page = page(&bed.authority, &bed.app(), Format::Classic);
    assert!(page.contains("\nsymbolon_tokens_beyond_quota_total 6\n"), "{page}");
    assert!(!log.text().contains(PLAIN.1));
}

#[tokio::test]
async fn without_a_quota_nothing_is_told_and_nothing_refused() {
    let bed = Bed::start().await;
    for _ in 0..20 {
        let answer = ask(&bed).await;
        assert_eq!(
            (answer.status, answer.header("ratelimit"), answer.header("ratelimit-policy")),
            (200, "", "")
        );
    }
    assert_eq!(bed.authority.limit_counts(), symbolon_core::limit::Counts::default());
}

#[tokio::test]
async fn a_clients_own_quota_goes_before_the_realms_and_off_exempts_it() {
    let bed = Bed::start().await;
    set(&bed, 3, QuotaMode::Enforce).await;
    let own =
        |quota: Option<Quota>| bed.change_client("plain", PLAIN.0, move |one| one.settings.quota = quota);
    own(Some(Quota { tokens_per_hour: 1, mode: QuotaMode::Enforce })).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(ask(&bed).await.status, 200);
    assert_eq!(ask(&bed).await.status, 429);
    // A change acts at once, and what was counted stays counted.
    own(Some(Quota { tokens_per_hour: 0, mode: QuotaMode::Off })).await;
    for _ in 0..5 {
        assert_eq!(ask(&bed).await.status, 200);
    }
    own(None).await;
    says(&ask(&bed).await, 200, 1, 3600);
}

#[tokio::test]
async fn clients_spend_their_own_tokens_and_other_realms_have_other_quotas() {
    let bed = Bed::start().await;
    set(&bed, 1, QuotaMode::Enforce).await;
    let (_, id, secret) = bed.create_client("plain", "plain-org", bed.grants_of(PLAIN.0).await).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!((ask(&bed).await.status, ask(&bed).await.status), (200, 429));
    assert_eq!(bed.send(Way::Form.token(PATH, (&id, &secret), &[])).await.status, 200);
    for _ in 0..3 {
        let meti = bed.send(Way::Form.token("/oauth/token", ("meti", secrets::METI), &[])).await;
        assert_eq!((meti.status, meti.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn what_is_not_issued_costs_nothing() {
    let bed = Bed::start().await;
    set(&bed, 3, QuotaMode::Enforce).await;
    for _ in 0..5 {
        bed.send(Way::Form.token(PATH, PLAIN, &[("scope", "nonsense")])).await.refused(400, "invalid_scope");
        bed.send(Way::Form.token(PATH, (PLAIN.0, "wrong-secret-1234567890"), &[]))
            .await
            .refused(401, "invalid_client");
    }
    says(&ask(&bed).await, 200, 2, 3600);
}

#[tokio::test]
async fn passwords_are_no_clients_and_have_no_quota() {
    let bed = Bed::start().await;
    let quota = Quota { tokens_per_hour: 1, mode: QuotaMode::Enforce };
    bed.change_realm("default", |realm| realm.settings.quota = Some(quota)).await;
    for _ in 0..3 {
        let answer = bed.send(Bed::sign_in()).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn a_restarted_process_and_another_node_go_on_from_usage() {
    let bed = Bed::start().await;
    set(&bed, 5, QuotaMode::Enforce).await;
    bed.advance(Duration::from_millis(1)).await;
    for _ in 0..4 {
        assert_eq!(ask(&bed).await.status, 200);
    }
    bed.count_journal().await;
    let node = Node::start(&bed).await;
    // Until it has looked, it knows of nobody else's.
    let first = node.send(Way::Form.token(PATH, PLAIN, &[])).await;
    assert_eq!(first.header("ratelimit"), "\"tokens\";r=4;t=3600");
    recount(&node.authority).await.unwrap();
    let second = node.send(Way::Form.token(PATH, PLAIN, &[])).await;
    assert_eq!(second.header("ratelimit"), "\"tokens\";r=0;t=3600");
    bed.count_journal().await;
    recount(&node.authority).await.unwrap();
    node.send(Way::Form.token(PATH, PLAIN, &[])).await.refused(429, "temporarily_unavailable");
    // The first one learns of the other's as well, and no count ever goes down.
    recount(&bed.authority).await.unwrap();
    assert_eq!(ask(&bed).await.status, 429);
    recount(&bed.authority).await.unwrap();
    assert_eq!(ask(&bed).await.status, 429);
    bed.advance(Duration::from_hours(1)).await;
    node.catch_up().await;
    recount(&bed.authority).await.unwrap();
    assert_eq!(ask(&bed).await.status, 200);
}

#[tokio::test]
async fn quotas_hold_while_usage_cannot_be_read() {
    let bed = Bed::start().await;
    set(&bed, 1, QuotaMode::Enforce).await;
    bed.advance(Duration::from_millis(1)).await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["list_usage"]);
    assert_eq!(node.send(Way::Form.token(PATH, PLAIN, &[])).await.status, 200);
    assert!(recount(&node.authority).await.is_err());
    assert_eq!(node.send(Way::Form.token(PATH, PLAIN, &[])).await.status, 429);
    // What the others issued is found as soon as it can be.
    set(&bed, 3, QuotaMode::Enforce).await;
    bed.advance(Duration::from_millis(1)).await;
    node.catch_up().await;
    for _ in 0..2 {
        assert_eq!(ask(&bed).await.status, 200);
    }
    bed.count_journal().await;
    store.fail(&[]);
    recount(&node.authority).await.unwrap();
    says(&node.send(Way::Form.token(PATH, PLAIN, &[])).await, 429, 0, 3600);
}

#[tokio::test]
async fn a_token_that_could_not_be_recorded_still_counts_since_nobody_knows() {
    let bed = Bed::start().await;
    set(&bed, 3, QuotaMode::Enforce).await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["append_tokens"]);
    node.send(Way::Form.token(PATH, PLAIN, &[])).await.refused(503, "temporarily_unavailable");
    store.fail(&[]);
    says(&node.send(Way::Form.token(PATH, PLAIN, &[])).await, 200, 1, 3600);
}

#[tokio::test]
async fn apply_reads_quotas_and_refuses_those_that_make_no_sense() {
    let bed = Bed::start().await;
    let yaml = |quota: &str| {
        format!(
            "realms:\n- id: plain\n  settings: {{ hosts: [plain.example], quota: {quota} }}\n  organizations:\n  - id: \
             plain-org\n    clients:\n    - id: plain-client\n      settings:\n        quota: {{ mode: off }}\n        \
             grants: [{{ audience: \"https://api.plain.example\", scopes: [a, b] }}]\n"
        )
    };
    bed.apply(&yaml("{ tokens_per_hour: 1000, mode: monitor }")).await;
    let realm = bed.authority.directory().realm("plain").unwrap();
    assert_eq!(realm.realm().settings.quota, Some(Quota { tokens_per_hour: 1000, mode: QuotaMode::Monitor }));
    let client = bed.find_client("plain", PLAIN.0).await.client;
    assert_eq!(client.settings.quota.unwrap().mode, QuotaMode::Off);
    let again = Description::parse(&yaml("{ tokens_per_hour: 1000, mode: monitor }")).unwrap();
    assert!(apply::plan(&bed.authority, &again).await.unwrap().steps.is_empty());
    let nothing = Description::parse(&yaml("{ tokens_per_hour: 0, mode: enforce }")).unwrap();
    let error = apply::plan(&bed.authority, &nothing).await.unwrap_err().to_string();
    assert!(error.contains("tokens_per_hour") && error.contains("mode: off"), "{error}");
    assert!(Description::parse(&yaml("{ tokens_per_hour: 10 }")).is_err(), "the mode is said");
    assert!(Description::parse(&yaml("{ tokens_per_hour: 10, mode: enforced }")).is_err());
}

#[tokio::test]
async fn a_description_without_quota_keeps_records_as_they_were() {
    let bed = Bed::start().await;
    let realm = bed.authority.directory().realm("plain").unwrap();
    let settings = serde_json::to_string(&realm.realm().settings).unwrap();
    let client = serde_json::to_string(&bed.find_client("plain", PLAIN.0).await.client.settings).unwrap();
    let server = serde_json::to_string(&realm.resource_server(super::API).unwrap().settings).unwrap();
    // A node of an older version goes on reading what it knows.
    for text in [settings, client, server] {
        assert!(!text.contains("quota") && !text.contains("reuse"), "{text}");
    }
    let answer = ask(&bed).await;
    let record = serde_json::to_string(&bed.recorded(&answer).await).unwrap();
    assert!(record.contains(&jti(&answer)) && !record.contains("remark"), "{record}");
}

#[tokio::test]
async fn callers_of_the_management_api_are_held_to_their_rate_each() {
    let bed = Bed::start_with(|settings| settings.management_rate = Rate::new(10, 20)).await;
    let ask = |who: &str| bed.authority.management_rate(who).unwrap();
    for left in (0..20).rev() {
        let verdict = ask("cli_a");
        assert!(verdict.allowed);
        assert_eq!(verdict.limit.policy_field(), "\"management\";q=20;w=2");
        assert_eq!(verdict.limit.available, left);
    }
    let refused = ask("cli_a");
    assert_eq!((refused.allowed, refused.retry_after), (false, Some(Duration::from_millis(100))));
    assert_eq!(refused.limit.field(), "\"management\";r=0;t=1");
    assert!(ask("cli_b").allowed);
    bed.advance(Duration::from_millis(100)).await;
    assert!(ask("cli_a").allowed && !ask("cli_a").allowed);
    let unlimited = Bed::start_with(|settings| settings.management_rate = None).await;
    assert_eq!(unlimited.authority.management_rate("cli_a"), None);
}
