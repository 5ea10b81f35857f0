//! The page of the metrics: what it counts, and that docs/observability.md lists exactly what it has.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use symbolon_core::authority::Authority;
use symbolon_server::metrics::{Format, Sources};
use symbolon_server::router::App;

use crate::support::{Bed, Node, Request, Way, in_default, secrets};

const PLAIN: (&str, &str) = ("plain-client", secrets::PLAIN);
const PATH: &str = "/realms/plain/oauth/token";

/// The page over an app.
pub(crate) fn page(authority: &Arc<Authority>, app: &App, format: Format) -> String {
    let sources = Sources {
        authority: Arc::clone(authority),
        requests: Arc::clone(app.counts()),
        connections: vec![("http", Arc::default())],
        spans: Arc::default(),
        version: "0.0.0",
    };
    sources.page(format).unwrap()
}

fn classic(bed: &Bed) -> String {
    page(&bed.authority, &bed.app(), Format::Classic)
}

/// The value of a series, written as the page writes it.
fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series));
    let line = line.unwrap_or_else(|| panic!("{series} is not in\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[track_caller]
fn assert_value(page: &str, series: &str, expected: f64) {
    let found = value(page, series);
    assert!((found - expected).abs() < 1e-9, "{series} is {found}, not {expected}");
}

#[tokio::test]
async fn tokens_count_by_realm_algorithm_and_grant() {
    let bed = Bed::start().await;
    for _ in 0..3 {
        assert_eq!(bed.send(Way::Form.token(PATH, PLAIN, &[])).await.status, 200);
    }
    let page = classic(&bed);
    let algorithm = page
        .lines()
        .find_map(|line| line.strip_prefix("symbolon_signing_keys{realm=\"plain\",algorithm=\""))
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    let issued = |realm: &str, grant: &str| {
        format!(
            "symbolon_tokens_issued_total{{realm=\"{realm}\",algorithm=\"{algorithm}\",grant=\"{grant}\"}}"
        )
    };
    assert_value(&page, &issued("plain", "client_credentials"), 3.0);
    assert_value(&page, &issued("plain", "password"), 0.0);
    let keys = |state: &str| {
        format!("symbolon_signing_keys{{realm=\"plain\",algorithm=\"{algorithm}\",state=\"{state}\"}}")
    };
    assert_value(&page, &keys("active"), 1.0);
    assert_value(&page, &keys("retired"), 0.0);
    assert_value(&page, "symbolon_journal_batch_tokens_sum", 3.0);
    assert!(value(&page, "symbolon_journal_commit_seconds_sum") > 0.0);
    assert_value(&page, "symbolon_journal_depth", 0.0);
    let answered = "symbolon_request_duration_seconds_count{endpoint=\"token\",status=\"2xx\"}";
    assert_value(&page, answered, 3.0);
    assert!(value(&page, "process_resident_memory_bytes") > 1e6);
    assert!(value(&page, "process_start_time_seconds") > 1.6e9);
}

#[tokio::test]
async fn refusals_count_by_endpoint_and_exact_reason_and_requests_by_class() {
    let bed = Bed::start().await;
    bed.send(Way::Form.token(PATH, ("nobody", "x"), &[])).await.refused(401, "invalid_client");
    bed.send(Way::Form.token(PATH, (PLAIN.0, "wrong"), &[])).await.refused(401, "invalid_client");
    bed.send(Way::Form.token("/realms/plain/oauth/introspect", (PLAIN.0, "wrong"), &[("token", "x")])).await;
    bed.send(Request::get("/zebra/here")).await;
    let page = classic(&bed);
    let refused = |endpoint: &str, reason: &str| {
        format!("symbolon_refusals_total{{endpoint=\"{endpoint}\",reason=\"{reason}\"}}")
    };
    assert_value(&page, &refused("token", "unknown_client"), 1.0);
    assert_value(&page, &refused("token", "wrong_secret"), 1.0);
    assert_value(&page, &refused("introspect", "wrong_secret"), 1.0);
    // What never was is there too, so that the first one shows as one more than none.
    assert_value(&page, &refused("token", "journal_full"), 0.0);
    let answered = |endpoint: &str, status: &str| {
        format!("symbolon_request_duration_seconds_count{{endpoint=\"{endpoint}\",status=\"{status}\"}}")
    };
    assert_value(&page, &answered("token", "4xx"), 2.0);
    assert_value(&page, &answered("token", "5xx"), 0.0);
    assert_value(&page, &answered("other", "4xx"), 1.0);
    assert!(!page.contains("zebra"), "strangers make up no label");
}

#[tokio::test]
async fn a_change_of_the_realm_takes_no_count_back() {
    let bed = Bed::start().await;
    let counted = |page: &str| -> f64 {
        let of_default = |line: &&str| line.starts_with("symbolon_tokens_issued_total{realm=\"default\"");
        page.lines()
            .filter(of_default)
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    };
    let before = counted(&classic(&bed));
    bed.access_token("/oauth/token", "meti", secrets::METI).await;
    assert!((counted(&classic(&bed)) - before - 1.0).abs() < 1e-9);
    bed.apply("realms: [{id: default, resource_servers: [{identifier: 'https://new.example'}]}]").await;
    bed.access_token("/oauth/token", "meti", secrets::METI).await;
    assert!((counted(&classic(&bed)) - before - 2.0).abs() < 1e-9);
}

#[tokio::test]
async fn the_caches_of_the_directory_count_what_they_had() {
    let bed = Bed::start().await;
    for _ in 0..4 {
        bed.send(Way::Form.token(PATH, PLAIN, &[])).await;
    }
    let page = classic(&bed);
    for cache in ["clients", "organizations"] {
        assert_value(&page, &format!("symbolon_cache_misses_total{{cache=\"{cache}\"}}"), 1.0);
        assert_value(&page, &format!("symbolon_cache_hits_total{{cache=\"{cache}\"}}"), 3.0);
        assert_value(&page, &format!("symbolon_cache_entries{{cache=\"{cache}\"}}"), 1.0);
    }
}

#[tokio::test]
async fn the_age_of_the_directory_and_the_lag_of_counting_grow_until_somebody_catches_up() {
    let bed = Bed::start().await;
    assert_value(&classic(&bed), "symbolon_directory_age_seconds", 0.0);
    assert_value(&classic(&bed), "symbolon_usage_lag_seconds", 0.0);
    bed.send(Way::Form.token(PATH, PLAIN, &[])).await;
    bed.clock.advance(Duration::from_millis(1500));
    assert_value(&classic(&bed), "symbolon_directory_age_seconds", 1.5);
    assert_value(&classic(&bed), "symbolon_usage_lag_seconds", 1.5);
    bed.advance(Duration::ZERO).await;
    assert_value(&classic(&bed), "symbolon_directory_age_seconds", 0.0);
    // The journal counts by itself, a second later.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while value(&classic(&bed), "symbolon_usage_lag_seconds") > 0.0 {
        assert!(tokio::time::Instant::now() < deadline, "nothing was counted");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_could_not_be_written_is_counted() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["append_tokens", "append_refusals"]);
    node.send(Way::Form.token(PATH, PLAIN, &[])).await.refused(503, "temporarily_unavailable");
    let shown = || page(&node.authority, &node.app, Format::Classic);
    assert_value(&shown(), "symbolon_journal_failed_batches_total", 1.0);
    assert_value(&shown(), "symbolon_refusals_total{endpoint=\"token\",reason=\"journal_failed\"}", 1.0);
    let failed = "symbolon_request_duration_seconds_count{endpoint=\"token\",status=\"5xx\"}";
    assert_value(&shown(), failed, 1.0);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while value(&shown(), "symbolon_refusal_records_dropped_total") < 1.0 {
        assert!(tokio::time::Instant::now() < deadline, "the lost record was not counted");
        tokio::task::yield_now().await;
    }
}

/// Name → (type, labels), as a page has them.
fn exported(page: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut families: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap();
            name.clone_into(&mut current);
            families.insert(current.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((_, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let labels = rest.split("=\"").map(|part| part.rsplit(['"', ',']).next().unwrap().to_owned());
            let labels = labels.filter(|label| !label.is_empty() && label != "le" && !label.starts_with('}'));
            families.get_mut(&current).unwrap().1.extend(labels);
        }
    }
    families
}

fn listed() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let document = include_str!("../../../../docs/observability.md");
    let rows = document.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| cells.len() == 7 && cells[1].starts_with('`'))
        .map(|cells| {
            let labels = cells[4].split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels))
        })
        .collect()
}

#[tokio::test]
async fn the_document_lists_every_metric_with_its_type_and_labels_and_no_other() {
    let bed = Bed::start().await;
    let (page, listed) = (classic(&bed), listed());
    let exported = exported(&page);
    assert!(exported.len() > 20, "{page}");
    let names = |families: &BTreeMap<String, _>| families.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&exported), names(&listed));
    assert_eq!(exported, listed);
}

#[tokio::test]
async fn the_example_alerts_name_only_metrics_that_there_are() {
    let document = include_str!("../../../../docs/observability.md");
    let rules = document.split("```yaml").nth(2).unwrap().split("```").next().unwrap();
    let families = exported(&classic(&Bed::start().await));
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = rules.split(|character| !is_word(character));
    let named: BTreeSet<_> =
        words.filter(|word| word.starts_with("symbolon_") || word.starts_with("process_")).collect();
    assert!(named.len() > 8, "{named:?}");
    for word in named {
        let family =
            ["_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        assert!(families.contains_key(word) || families.contains_key(family), "{word}");
    }
}

#[tokio::test]
async fn no_metric_names_a_client_a_person_or_an_address() {
    let bed = Bed::start().await;
    bed.apply(&in_default(
        "  - id: cage\n    clients:\n    - id: canary\n      settings: { grants: [{ audience: \
         \"https://api.meti.io\", scopes: [\"read:sources\"] }] }\n      access_keys: [{ id: canary-key, secret: \
         canary-secret-0123456789 }]\n    users: [{ email: canary@example.org, role: viewer, password: canary \
         password 0123456789 }]\n",
    ))
    .await;
    let who = ("canary", "canary-secret-0123456789");
    let token = bed.access_token("/oauth/token", who.0, who.1).await;
    for path in
        ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/canary", "/realms/canary/oauth/token"]
    {
        for way in Way::ALL {
            bed.send(way.token(path, who, &[("token", &token), ("scope", "canary")])).await;
            bed.send(way.token(path, ("canary-2", "canary-3"), &[("token", "canary")])).await;
        }
        bed.send(Request::get(&format!("{path}?client_secret=canary")).bearer("canary")).await;
        bed.send(Request::post(path).header("traceparent", "canary").basic("canary", "canary").form(&[]))
            .await;
    }
    let body = serde_json::json!({ "email": "canary@example.org", "password": "canary" });
    bed.send(Request::post("/token").json(&body)).await;
    for format in [Format::Classic, Format::OpenMetrics] {
        let page = page(&bed.authority, &bed.app(), format);
        assert!(
            value(&page, "symbolon_request_duration_seconds_count{endpoint=\"revoke\",status=\"4xx\"}") > 0.0
        );
        for kept in ["canary", "cage", "192.0.2", "example.org", token.rsplit('.').next().unwrap()] {
            assert!(!page.contains(kept), "{kept} in {page}");
        }
    }
}
