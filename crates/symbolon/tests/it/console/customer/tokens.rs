//! Quick start, the Postman collection, *Try it*, and the overview's figures.

use serde_json::Value;
use symbolon_core::realm::Compatibility;

use super::super::browser::{Browser, Who};
use super::{HERE, desk, fill_in, page};
use crate::support::{Request, realm_id, secrets};

#[tokio::test]
async fn the_examples_are_those_of_the_realms_clients() {
    let desk = desk("oauth").await;
    for (compatibility, shown, hidden) in [
        (
            Compatibility::Auth0,
            &["https://auth.example/oauth/token", "https://api.meti.io", "application/json"][..],
            "--user",
        ),
        (
            Compatibility::Keycloak,
            &["https://auth.example/realms/default/protocol/openid-connect/token", "--data-urlencode"],
            "--header",
        ),
        (
            Compatibility::M3ter,
            &["https://auth.example/oauth/token", "--user", "meti-key"],
            "--data-urlencode",
        ),
        (
            Compatibility::Default,
            &["https://auth.example/oauth/token", "audience=https://api.meti.io"],
            "--user",
        ),
    ] {
        desk.bed.change_realm("default", |realm| realm.settings.compatibility = compatibility).await;
        let mut browser = Browser::signed_in(&desk, Who::CustomerViewer).await;
        let start = page(&mut browser, &format!("{HERE}/clients/meti/quick-start")).await;
        for text in shown {
            assert!(start.text.contains(text), "{compatibility:?} {text}: {}", start.text);
        }
        let curl = start.text.split("id=\"tab-curl-code\"").nth(1).unwrap().split("</pre>").next().unwrap();
        assert!(!curl.contains(hidden), "{compatibility:?}: {curl}");
        for tab in ["tab-curl", "tab-python", "tab-node", "tab-rust"] {
            assert!(start.text.contains(&format!("id=\"{tab}\"")), "{tab}");
        }
        assert!(!start.text.contains(secrets::METI));
    }
}

/// What a collection says is sent, and gets a token.
#[tokio::test]
async fn the_collection_for_postman_gets_a_token_as_it_stands() {
    let desk = desk("oauth").await;
    for compatibility in
        [Compatibility::Auth0, Compatibility::Keycloak, Compatibility::M3ter, Compatibility::Default]
    {
        desk.bed.change_realm("default", |realm| realm.settings.compatibility = compatibility).await;
        let mut browser = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
        let file = page(&mut browser, &format!("{HERE}/clients/meti/postman.json")).await;
        assert!(file.header("content-disposition").starts_with("attachment; filename="), "{file:?}");
        let said = &file.body["item"][0]["request"];
        let filled = |text: &Value| text.as_str().unwrap().replace("{{client_secret}}", secrets::METI);
        let path = said["url"].as_str().unwrap().strip_prefix("https://auth.example").unwrap();
        let mut request = Request::post(path);
        if said["auth"]["type"] == "basic" {
            let values = &said["auth"]["basic"];
            request = request.basic(values[0]["value"].as_str().unwrap(), &filled(&values[1]["value"]));
        }
        let request = if said["body"]["mode"] == "raw" {
            request.raw("application/json", filled(&said["body"]["raw"]).as_bytes())
        } else {
            let pairs: Vec<(String, String)> = said["body"]["urlencoded"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| (pair["key"].as_str().unwrap().to_owned(), filled(&pair["value"])))
                .collect();
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            request.form(&pairs)
        };
        let answer = desk.bed.send(request).await;
        assert_eq!(answer.status, 200, "{compatibility:?}: {answer:?}");
        assert_eq!(answer.claims()["client_id"], "meti");
    }
}

#[tokio::test]
async fn trying_gets_a_real_token_and_shows_what_is_in_it_but_neither_secret_nor_token() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    let path = format!("{HERE}/clients/meti/try");
    let entered = [("secret", secrets::METI), ("audience", "https://api.meti.io"), ("scope", "read:sources")];
    let got = fill_in(&mut browser, &path, &entered).await;
    assert_eq!(got.status, 200, "{}", got.text);
    for text in [
        "A token was issued",
        "RS256",
        "https://auth.example/",
        "read:sources",
        "meti-key",
        "2026-11-22 13:00:00 UTC",
        "In 1 hour",
    ] {
        assert!(got.text.contains(text), "{text}: {}", got.text);
    }
    assert!(!got.text.contains(secrets::METI) && !got.text.contains("eyJ"), "{}", got.text);
    let jti = format!("tok_{}", got.text.split("<code>tok_").nth(1).unwrap().split('<').next().unwrap());
    let record = desk.bed.store().find_token(&realm_id("default"), &jti).await.unwrap().unwrap();
    assert_eq!(record.request_id, got.header("x-request-id"));
    assert_eq!(record.from.to_string(), "192.0.2.1");
}

#[tokio::test]
async fn trying_with_a_wrong_secret_fails_as_the_endpoint_does_and_is_on_record() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    let path = format!("{HERE}/clients/meti/try");
    let wrong = "another-secret-1234567890";
    let answer = fill_in(&mut browser, &path, &[("secret", wrong), ("scope", "read:sources")]).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text.contains("invalid_client") && answer.text.contains("value=\"read:sources\""),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains(wrong));
    let kept = desk.bed.refusal(&answer).await;
    assert_eq!((kept.endpoint.as_str(), kept.reason.as_str()), ("token", "wrong_secret"));
    // The secret of another client of the same customer is none of this one.
    let other = fill_in(&mut browser, &path, &[("secret", secrets::METI_READONLY)]).await;
    assert_eq!(other.status, 422);
    let refused = fill_in(&mut browser, &path, &[("secret", secrets::METI), ("scope", "fly:away")]).await;
    assert!(refused.text.contains("invalid_scope"), "{}", refused.text);
    assert_eq!(fill_in(&mut browser, &path, &[("secret", "")]).await.status, 422);
    desk.bed
        .change_client("default", "meti", |client| {
            client.settings.allowed_networks = vec!["203.0.113.0/24".parse().unwrap()];
        })
        .await;
    assert_eq!(fill_in(&mut browser, &path, &[("secret", secrets::METI)]).await.status, 422);
}

#[tokio::test]
async fn the_overview_counts_today_and_says_what_needs_attention() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerViewer).await;
    for _ in 0..3 {
        desk.bed.access_token("/oauth/token", "meti", secrets::METI).await;
    }
    let refused = desk.token("meti", secrets::METI, "https://api.nowhere.example").await;
    desk.bed.refusal(&refused).await;
    desk.bed.count_journal().await;
    desk.bed.store().count_refusals(desk.bed.authority.now()).await.unwrap();
    let overview = page(&mut browser, HERE).await;
    let figures: Vec<&str> = overview
        .text
        .split("class=\"figure\">")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap())
        .collect();
    assert_eq!(figures, ["2", "3", "1"], "{}", overview.text);
    assert!(overview.text.contains("invalid_target"), "{}", overview.text);
    // A key that is a day old and has got no token.
    desk.bed.advance(std::time::Duration::from_hours(25)).await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let overview = page(&mut browser, HERE).await;
    assert!(overview.text.contains("meti-readonly-key has got no token"), "{}", overview.text);
    assert!(!overview.text.contains("meti-key has got no token"), "{}", overview.text);
}
