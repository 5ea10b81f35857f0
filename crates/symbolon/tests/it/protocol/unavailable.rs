//! The last row of the fault table: what cannot be done now is said with 503, whatever is away.

use std::time::Duration;

use crate::support::{Answer, Bed, FAULT, Log, Node, Request, Way, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const PATHS: [&str; 2] = ["/oauth/token", "/realms/default/protocol/openid-connect/token"];

#[track_caller]
fn is_unavailable(answer: &Answer) {
    let text = answer.refused(503, "temporarily_unavailable");
    assert_eq!(text, "The service is temporarily unavailable; try again later");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.header("www-authenticate"), "");
    assert!(!answer.text.contains(FAULT), "{answer:?}");
}

fn sign_in() -> Request {
    let body = serde_json::json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD });
    Request::post("/token").json(&body)
}

fn about(path: &str, token: &str) -> Request {
    Way::Form.request(path, METI, &[("token", token)])
}

#[tokio::test]
async fn a_directory_that_is_too_old_mints_nothing() {
    let bed = Bed::start().await;
    let token = bed.access_token("/oauth/token", METI.0, METI.1).await;
    bed.clock.advance(Duration::from_millis(2001));
    for path in PATHS {
        for way in Way::ALL {
            is_unavailable(&bed.send(way.token(path, METI, &[])).await);
        }
    }
    is_unavailable(&bed.send(sign_in()).await);
    // A verdict from an old directory could call a revoked token alive.
    is_unavailable(&bed.send(about("/oauth/introspect", &token)).await);
    let ready = bed.send(Request::get("/readyz")).await;
    assert_eq!(ready.status, 503);
    bed.authority.directory().catch_up().await.unwrap();
    assert_eq!(bed.send(Way::Json.token(PATHS[0], METI, &[])).await.status, 200);
    assert_eq!(bed.send(Request::get("/readyz")).await.status, 200);
}

#[tokio::test]
async fn a_directory_of_just_the_maximum_age_still_mints() {
    let bed = Bed::start().await;
    bed.clock.advance(Duration::from_secs(2));
    assert_eq!(bed.send(Way::Json.token(PATHS[0], METI, &[])).await.status, 200);
}

#[tokio::test]
async fn a_change_sequence_that_cannot_be_followed_makes_the_directory_old() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["list_changes"]);
    bed.clock.advance(Duration::from_secs(3));
    assert!(node.authority.directory().catch_up().await.is_err());
    is_unavailable(&node.send(Way::Form.token(PATHS[0], METI, &[])).await);
    store.fail(&[]);
    node.catch_up().await;
    assert_eq!(node.send(Way::Form.token(PATHS[0], METI, &[])).await.status, 200);
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_lets_no_token_out() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["append_tokens"]);
    for path in PATHS {
        for way in Way::ALL {
            let answer = node.send(way.token(path, METI, &[])).await;
            is_unavailable(&answer);
            assert!(answer.body.get("access_token").is_none());
        }
    }
    is_unavailable(&node.send(sign_in()).await);
    store.fail(&[]);
    assert_eq!(node.send(Way::Form.token(PATHS[0], METI, &[])).await.status, 200);
}

#[tokio::test]
async fn a_database_that_is_gone_is_no_wrong_secret() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    for method in ["find_credential", "find_organization", "list_licences"] {
        store.fail(&[method]);
        for path in PATHS {
            for way in Way::ALL {
                is_unavailable(&node.send(way.token(path, METI, &[])).await);
            }
        }
        is_unavailable(&node.send(about("/oauth/introspect", "x")).await);
        is_unavailable(&node.send(about("/oauth/revoke", "x")).await);
    }
    store.fail(&["find_user_by_email"]);
    is_unavailable(&node.send(sign_in()).await);
    store.fail(&[]);
    assert_eq!(node.send(Way::Form.token(PATHS[0], METI, &[])).await.status, 200);
}

#[tokio::test]
async fn an_unavailable_store_counts_as_nobodys_failure() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["find_credential"]);
    for _ in 0..30 {
        is_unavailable(&node.send(Way::Form.token(PATHS[0], METI, &[])).await);
    }
    store.fail(&[]);
    let wrong = Way::Form.token(PATHS[0], ("meti", "wrong-secret-1234567890"), &[]);
    node.send(wrong).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn too_many_passwords_at_once_are_told_to_come_back() {
    let bed = Bed::start_with(|settings| {
        settings.password_places = 0;
        settings.password_patience = Duration::ZERO;
    })
    .await;
    is_unavailable(&bed.send(sign_in()).await);
    // Machine secrets need no place.
    assert_eq!(bed.send(Way::Form.token(PATHS[0], METI, &[])).await.status, 200);
}

#[tokio::test]
async fn the_log_says_why_nothing_can_be_served_and_does_not_grow_without_bounds() {
    const LINES: usize = 100;
    let bed = Bed::start().await;
    bed.clock.advance(Duration::from_millis(2001));
    let log = Log::listen();
    let (began, mut asked) = (std::time::Instant::now(), 0);
    // However slow this machine is, more than may be logged.
    let most = |asked: usize| {
        let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
        assert!(seconds < 60, "only {asked} requests in a minute");
        LINES * (seconds + 1)
    };
    while asked <= 2 * most(asked) {
        is_unavailable(&bed.send(Way::Json.token(PATHS[0], METI, &[])).await);
        asked += 1;
    }
    let text = log.text();
    let told = text.lines().filter(|line| line.contains("answered") && line.contains("status=503"));
    let told: Vec<_> = told.collect();
    assert!((LINES..=most(asked)).contains(&told.len()), "{} of {asked}", told.len());
    assert!(told.iter().all(|line| line.contains("WARN") && line.contains("reason=")), "{}", told[0]);
    // Nothing else tells of each of them above the finest levels.
    let loud = text.lines().filter(|line| !line.contains("DEBUG") && !line.contains("TRACE")).count();
    assert!(loud <= told.len() + told.len() / LINES, "{loud} lines");
    println!("{} lines of {asked} requests: {}", told.len(), told[0]);
}

#[tokio::test]
async fn no_line_of_the_log_is_as_long_as_a_path() {
    let bed = Bed::start().await;
    let log = Log::listen();
    let path = format!("/{}", "x".repeat(4000));
    assert_eq!(bed.send(Request::get(&path)).await.status, 404);
    let text = log.text();
    assert!(text.contains("status=404") && text.contains(&"x".repeat(200)), "{text}");
    assert!(!text.contains(&"x".repeat(300)), "{text}");
}
