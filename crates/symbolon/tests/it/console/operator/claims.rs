//! A client's claims of its own: everybody who sees the client sees them, operators set them.

use serde_json::json;

use super::super::browser::{Browser, Desk, Who, escaped};
use super::forms::{Filled, at, form, owner};

const CLIENT: &str = "/organizations/custodian/clients/meti";
const CLAIMS: &str = "/organizations/custodian/clients/meti/claims";

async fn stored(desk: &Desk) -> serde_json::Value {
    json!(desk.bed.find_client("default", "meti").await.client.settings.claims)
}

/// The rows of a form: name, kind and value of each that has a name.
fn rows(filled: &Filled) -> Vec<(String, String, String)> {
    let all = |name: &str| -> Vec<String> {
        let pairs = filled.pairs();
        pairs.into_iter().filter(|(other, _)| *other == name).map(|(_, value)| value.to_owned()).collect()
    };
    let (names, kinds, values) = (all("claim"), all("claim_kind"), all("claim_value"));
    let rows = names.into_iter().zip(kinds).zip(values).map(|((name, kind), value)| (name, kind, value));
    rows.filter(|(name, ..)| !name.is_empty()).collect()
}

#[tokio::test]
async fn claims_are_set_changed_and_taken_away_and_keep_their_kinds() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let filled = form(&mut browser, &at(CLAIMS)).await;
    let version = filled.value("version").to_owned();
    let row = |name: &str, kind: &str, value: &str| (name.to_owned(), kind.to_owned(), value.to_owned());
    let shown = [row("role", "text", "custodian"), row("v1_client_id", "text", "usr_v1_custodian")];
    assert_eq!(rows(&filled), shown);
    let entered = [
        ("version", version.as_str()),
        ("claim", "role"),
        ("claim_kind", "text"),
        ("claim_value", "<b>guest</b>"),
        ("claim", "limits"),
        ("claim_kind", "json"),
        ("claim_value", "{\"day\": 10, \"on\": true}"),
        ("claim", ""),
        ("claim_kind", "text"),
        ("claim_value", ""),
    ];
    let saved = browser.submit(&at(CLAIMS), &entered).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    assert!(saved.text.contains("Its next token has them"), "{}", saved.text);
    assert_eq!(stored(&desk).await, json!({"role": "<b>guest</b>", "limits": {"day": 10, "on": true}}));
    let page = browser.get(&at(CLIENT)).await.text;
    assert!(page.contains(&escaped("<b>guest</b>")) && !page.contains("<b>guest"), "{page}");
    assert!(page.contains(&escaped("{\"day\":10,\"on\":true}")), "{page}");
    // What is saved as it stands there stays as it was.
    let unchanged = form(&mut browser, &at(CLAIMS)).await;
    assert_eq!(browser.post(&at(CLAIMS), &unchanged.pairs()).await.status, 303);
    assert_eq!(stored(&desk).await, json!({"role": "<b>guest</b>", "limits": {"day": 10, "on": true}}));
}

#[tokio::test]
async fn what_is_wrong_with_claims_is_said_and_nothing_entered_is_lost() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let before = stored(&desk).await;
    let version = form(&mut browser, &at(CLAIMS)).await.value("version").to_owned();
    let good =
        [("version", version.as_str()), ("claim", "plan"), ("claim_kind", "text"), ("claim_value", "pro")];
    for (name, kind, value, told) in [
        ("limit", "json", "ten", "The value of limit is no JSON"),
        ("", "text", "orphan", "Give each value a name."),
        ("plan", "text", "again", "The name plan stands there twice."),
    ] {
        let bad = [("claim", name), ("claim_kind", kind), ("claim_value", value)];
        let answer = browser.post(&at(CLAIMS), &[&good[..], &bad[..]].concat()).await;
        assert_eq!(answer.status, 422, "{told}");
        assert!(answer.text.contains(told), "{told}: {}", answer.text);
        for kept in ["value=\"pro\"", &format!("value=\"{value}\"")] {
            assert!(answer.text.contains(kept), "{kept}: {}", answer.text);
        }
    }
    assert_eq!(stored(&desk).await, before);
    // Somebody else is quicker: what was entered stands there, and what is stored is told.
    desk.bed.change_client("default", "meti", |client| client.settings.name = "Renamed".to_owned()).await;
    let late = browser.post(&at(CLAIMS), &good).await;
    assert_eq!(late.status, 422);
    assert!(
        late.text.contains("Somebody else changed") && late.text.contains("usr_v1_custodian"),
        "{}",
        late.text
    );
    assert!(late.text.contains("value=\"pro\""), "{}", late.text);
    assert_eq!(stored(&desk).await, before);
    let again = Filled::of(&late);
    assert_eq!(browser.post(&at(CLAIMS), &again.pairs()).await.status, 303);
    assert_eq!(stored(&desk).await, json!({"plan": "pro"}));
}

#[tokio::test]
async fn the_token_that_claims_would_give_is_shown_and_nothing_is_saved() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let before = stored(&desk).await;
    let entered = [
        ("preview", "shown"),
        ("claim", "v1_client_id"),
        ("claim_kind", "text"),
        ("claim_value", "usr_other"),
    ];
    let shown = browser.post(&at(CLAIMS), &entered).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let preview = shown.text.split("id=\"preview\"").nth(1).unwrap();
    assert!(preview.contains("usr_other") && preview.contains("v1_client_id"), "{preview}");
    assert_eq!(stored(&desk).await, before);
    let without = browser.post(&at(CLAIMS), &[("preview", "shown")]).await;
    assert_eq!(without.status, 200);
    assert!(!without.text.contains("v1_client_id"), "{}", without.text);
}

#[tokio::test]
async fn customers_see_claims_and_do_not_set_them() {
    let desk = Desk::open().await;
    for who in [Who::CustomerAdmin, Who::CustomerViewer] {
        let mut browser = Browser::signed_in(&desk, who).await;
        let page = browser.get(&at(CLIENT)).await.text;
        assert!(
            page.contains("usr_v1_custodian") && page.contains("The operator of this service sets them."),
            "{page}"
        );
        assert!(!page.contains("/clients/meti/claims"), "{page}");
        assert_eq!(browser.get(&at(CLAIMS)).await.status, 403);
        let entered = [("version", "1"), ("claim", "role"), ("claim_kind", "text"), ("claim_value", "root")];
        assert_eq!(browser.post(&at(CLAIMS), &entered).await.status, 403);
    }
    let mut auditor = Browser::signed_in(&desk, Who::Auditor).await;
    assert!(auditor.get(&at(CLIENT)).await.text.contains("usr_v1_custodian"));
    assert_eq!(auditor.get(&at(CLAIMS)).await.status, 403);
    assert_eq!(stored(&desk).await["role"], "custodian");
}
