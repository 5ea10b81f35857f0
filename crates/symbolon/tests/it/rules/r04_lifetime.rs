//! Rule 4: how long a token lives, and what it never outlives.

use std::time::Duration;

use symbolon_core::clock::Timestamp;
use symbolon_core::licence::LicenceKind;

use crate::support::{Answer, Bed, NOW, Way, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const API: &str = "https://api.meti.io";

fn in_seconds(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn ask(bed: &Bed) -> Answer {
    // The moment after a change, since what was issued up to it may be dead.
    bed.advance(Duration::from_millis(1)).await;
    bed.send(Way::BasicForm.token("/oauth/token", METI, &[])).await
}

#[track_caller]
fn lives(answer: &Answer, seconds: i64) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["expires_in"], seconds);
    let claims = answer.claims();
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), seconds);
}

#[tokio::test]
async fn the_clients_own_goes_before_the_apis_and_that_before_the_realms() {
    let bed = Bed::start().await;
    bed.change_realm("default", |realm| realm.settings.default_lifetime = 1800).await;
    lives(&ask(&bed).await, 3600);
    bed.change_client("default", "meti", |client| client.settings.lifetime = Some(120)).await;
    lives(&ask(&bed).await, 120);
    bed.change_client("default", "meti", |client| client.settings.lifetime = None).await;
    bed.change_server("default", API, |server| server.settings.lifetime = None).await;
    lives(&ask(&bed).await, 1800);
}

#[tokio::test]
async fn nothing_goes_above_the_realms_maximum() {
    let bed = Bed::start().await;
    bed.change_client("default", "meti", |client| client.settings.lifetime = Some(1_000_000)).await;
    lives(&ask(&bed).await, 86_400);
    bed.change_realm("default", |realm| realm.settings.maximum_lifetime = 300).await;
    lives(&ask(&bed).await, 300);
    bed.change_client("default", "meti", |client| client.settings.lifetime = None).await;
    lives(&ask(&bed).await, 300);
    let v1 = bed.send(Bed::sign_in()).await;
    assert_eq!(v1.body["expires_in"], 300);
}

#[tokio::test]
async fn no_token_outlives_its_access_key() {
    let bed = Bed::start().await;
    bed.change_key("default", "meti-key", |key| key.expires_at = Some(in_seconds(100))).await;
    lives(&ask(&bed).await, 100);
    bed.advance(Duration::from_secs(99)).await;
    lives(&bed.send(Way::Form.token("/oauth/token", METI, &[])).await, 1);
    bed.advance(Duration::from_secs(1)).await;
    bed.send(Way::Form.token("/oauth/token", METI, &[])).await.refused(401, "invalid_client");
}

/// From now on the API needs licences. What was issued up to this moment is dead, so a second goes by.
async fn needs_licences(bed: &Bed) {
    bed.change_server("default", API, |server| server.settings.requires_licence = true).await;
    bed.advance(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn no_token_outlives_its_licence() {
    let bed = Bed::start().await;
    needs_licences(&bed).await;
    bed.add_licence("default", "custodian", API, LicenceKind::Full, Some(in_seconds(51))).await;
    lives(&ask(&bed).await, 50);
    assert_eq!(bed.send(Bed::sign_in()).await.body["expires_in"], 50);
    // Whichever ends first.
    bed.change_key("default", "meti-key", |key| key.expires_at = Some(in_seconds(21))).await;
    lives(&ask(&bed).await, 20);
}

#[tokio::test]
async fn the_licence_that_lasts_longest_counts() {
    let bed = Bed::start().await;
    needs_licences(&bed).await;
    bed.add_licence("default", "custodian", API, LicenceKind::Trial, Some(in_seconds(51))).await;
    bed.add_licence("default", "custodian", API, LicenceKind::Beta, Some(in_seconds(71))).await;
    lives(&ask(&bed).await, 70);
}

#[tokio::test]
async fn a_key_with_less_than_a_second_left_is_over_and_the_answer_says_so_in_full() {
    let bed = Bed::start().await;
    bed.change_key("default", "meti-key", |key| key.expires_at = Some(NOW.plus(Duration::from_millis(900))))
        .await;
    let answer = ask(&bed).await;
    answer.refused(401, "invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{answer:?}");
    assert_eq!(bed.refusal(&answer).await.reason, "key_expired");
}

#[tokio::test]
async fn a_key_that_is_over_is_not_blamed_on_a_licence_that_runs() {
    let bed = Bed::start().await;
    needs_licences(&bed).await;
    bed.add_licence("default", "custodian", API, LicenceKind::Full, Some(in_seconds(86_400))).await;
    bed.change_key("default", "meti-key", |key| key.expires_at = Some(NOW.plus(Duration::from_millis(1900))))
        .await;
    let answer = ask(&bed).await;
    answer.refused(401, "invalid_client");
    assert_eq!(bed.refusal(&answer).await.reason, "key_expired");
}

#[tokio::test]
async fn a_lifetime_below_a_second_cannot_be_set() {
    let bed = Bed::start().await;
    let client = bed.find_client("default", "meti").await.client;
    for lifetime in [0, -1] {
        let mut after = client.clone();
        after.settings.lifetime = Some(lifetime);
        bed.operator("default", async |editor| {
            symbolon_core::edit::client::update(editor, &client, &after).await.unwrap_err();
        })
        .await;
    }
}
