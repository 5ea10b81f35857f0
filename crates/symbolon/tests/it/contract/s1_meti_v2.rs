//! S1 · METI v2 (Auth0 style).

use std::time::Duration;

use serde_json::{Value, json};
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::policy::Grant;
use symbolon_guard::protocol::scope::ScopeSet;
use symbolon_server::axum::http::Method;

use crate::support::systems::{self, meti, meti_as};
use crate::support::{Answer, Api, Bed, NOW, Request, secrets};

const ACCOUNT: &str = "https://api.meti.io/account_id";

/// Another account, with a client that may do the same as the custodian's.
async fn with_rival(bed: &Bed) {
    let grant = json!({ "audience": "https://api.meti.io", "scopes": ["read:sources", "write:sources"] });
    let client = json!({
        "id": "rival-client",
        "settings": { "grants": [grant] },
        "access_keys": [{ "id": "rival-key", "secret": "rival-secret-1234567890" }],
    });
    bed.describe("default", json!({ "organizations": [{ "id": "rival", "clients": [client] }] })).await;
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.body.as_array().unwrap().iter().map(|source| source["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn s1_1_what_one_accounts_client_obtains_gives_no_access_to_another_accounts_data() {
    let bed = Bed::start().await;
    with_rival(&bed).await;
    let api = Api::meti(&bed);
    let custodian = bed.send(meti("read:sources")).await;
    let rival = bed.send(meti_as("rival-client", "rival-secret-1234567890", "read:sources")).await;
    assert_eq!(custodian.claims()[ACCOUNT], "custodian");
    assert_eq!(rival.claims()[ACCOUNT], "rival");
    assert_eq!(names(&api.get("/sources", custodian.token()).await), ["Wheat", "Oak"]);
    assert_eq!(names(&api.get("/sources", rival.token()).await), ["Barley"]);
}

#[tokio::test]
async fn s1_1_no_client_learns_of_or_ends_another_accounts_token() {
    let bed = Bed::start().await;
    with_rival(&bed).await;
    let api = Api::meti(&bed);
    let custodian = bed.send(meti("read:sources")).await;
    let (id, secret) = ("rival-client", "rival-secret-1234567890");
    assert!(!bed.is_active("/oauth/introspect", id, secret, custodian.token()).await);
    let form = [("client_id", id), ("client_secret", secret), ("token", custodian.token())];
    assert_eq!(bed.send(Request::post("/oauth/revoke").form(&form)).await.status, 200);
    assert_eq!(api.get("/sources", custodian.token()).await.status, 200);
    bed.send(meti_as("meti", secret, "read:sources")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn s1_1_an_administrator_hands_out_id_and_secret_for_one_account() {
    let bed = Bed::start().await;
    let settings = ClientSettings {
        grants: vec![Grant {
            audience: "https://api.meti.io".to_owned(),
            scopes: ScopeSet::parse("read:sources").unwrap(),
        }]
        .into(),
        ..ClientSettings::default()
    };
    let (client, _, secret) = bed.create_client("default", "custodian", settings).await;
    let answer = bed.send(meti_as(client.id.as_str(), &secret, "read:sources")).await;
    assert_eq!(answer.claims()[ACCOUNT], "custodian");
    assert_eq!(answer.claims()["sub"], client.id.as_str());
}

#[tokio::test]
async fn s1_2_and_s1_3_a_json_request_gets_a_bearer_token_with_its_scope() {
    let bed = Bed::start().await;
    let answer = bed.send(meti("read:sources write:sources")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 3600);
    assert_eq!(answer.body["scope"], "read:sources write:sources");
    assert_eq!(answer.body.as_object().unwrap().len(), 4);
    assert_eq!(bed.verified(&answer).await["aud"], "https://api.meti.io");
}

#[tokio::test]
async fn s1_3_the_scope_names_what_was_granted_which_may_be_less_than_was_asked() {
    let bed = Bed::start().await;
    let all = "read:sources write:sources delete:sources";
    let answer = bed.send(meti_as("meti-readonly", secrets::METI_READONLY, all)).await;
    assert_eq!(answer.body["scope"], "read:sources");
    assert_eq!(answer.claims()["scope"], "read:sources");
    let answer = bed.send(meti("read:sources launch:rockets")).await;
    assert_eq!(answer.body["scope"], "read:sources");
}

#[tokio::test]
async fn s1_3_where_nothing_that_was_asked_is_granted_there_is_no_token() {
    let bed = Bed::start().await;
    let answer = bed.send(meti_as("meti-readonly", secrets::METI_READONLY, "write:sources")).await;
    assert_eq!(answer.refused(400, "invalid_scope"), "Invalid scopes: write:sources");
}

#[tokio::test]
async fn s1_4_the_token_ties_a_request_to_account_role_and_v1_identity() {
    let bed = Bed::start().await;
    let claims = bed.send(meti("read:sources")).await.claims();
    assert_eq!(claims["https://api.meti.io/account_id"], "custodian");
    assert_eq!(claims["https://api.meti.io/role"], "custodian");
    assert_eq!(claims["https://api.meti.io/client_name"], "Custodian's importer");
    assert_eq!(claims["https://api.meti.io/v1_client_id"], "usr_v1_custodian");
}

#[tokio::test]
async fn s1_4_the_v1_identity_is_the_one_that_v1_tokens_carry() {
    let bed = Bed::start().await;
    let v1 = bed.send(systems::meti_v1()).await.claims();
    let person = v1["sub"].clone();
    bed.change_client("default", "meti", |client| {
        client.settings.claims.insert("v1_client_id".to_owned(), person);
    })
    .await;
    let v2 = bed.send(meti("read:sources")).await.claims();
    assert_eq!(v2["https://api.meti.io/v1_client_id"], v1["sub"]);
    assert_eq!(v2[ACCOUNT], v1[ACCOUNT]);
}

#[tokio::test]
async fn s1_4_a_client_without_a_v1_identity_carries_none() {
    let bed = Bed::start().await;
    let answer = bed.send(meti_as("meti-readonly", secrets::METI_READONLY, "read:sources")).await;
    assert_eq!(answer.claims().get("https://api.meti.io/v1_client_id"), None);
}

#[tokio::test]
async fn s1_5_a_bearer_token_lists_sources_as_a_json_array() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let answer = bed.send(meti("read:sources")).await;
    assert_eq!(names(&api.get("/sources", answer.token()).await), ["Wheat", "Oak"]);
    let filtered = api.get("/sources?methodology=Agriculture", answer.token()).await;
    assert_eq!(names(&filtered), ["Wheat"]);
    assert_eq!(api.get("/sources?methodology=Mining", answer.token()).await.body, json!([]));
}

#[tokio::test]
async fn s1_6_each_scope_opens_its_own_calls() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let calls = [
        (Method::GET, "/sources", "read:sources", 200),
        (Method::POST, "/sources", "write:sources", 201),
        (Method::PUT, "/sources/1", "write:sources", 201),
        (Method::DELETE, "/sources/1", "delete:sources", 204),
    ];
    for scope in ["read:sources", "write:sources", "delete:sources"] {
        let token = bed.send(meti(scope)).await.token().to_owned();
        for (method, path, needed, success) in calls.clone() {
            let call = Request::new(method, path).bearer(&token).json(&json!({ "name": "Rye" }));
            let expected = if scope == needed { success } else { 403 };
            assert_eq!(api.send(call).await.status, expected, "{scope} where {needed} is needed");
        }
    }
}

#[tokio::test]
async fn s1_6_only_scopes_that_an_administrator_granted_are_in_the_token() {
    let bed = Bed::start().await;
    let ask = || meti_as("meti-readonly", secrets::METI_READONLY, "read:sources write:sources");
    assert_eq!(bed.send(ask()).await.claims()["scope"], "read:sources");
    let grant = |scopes: &'static str| {
        move |client: &mut Client| {
            client.settings.grants[0].scopes = ScopeSet::parse(scopes).unwrap();
        }
    };
    bed.change_client("default", "meti-readonly", grant("read:sources write:sources")).await;
    assert_eq!(bed.send(ask()).await.claims()["scope"], "read:sources write:sources");
    bed.change_client("default", "meti-readonly", grant("write:sources")).await;
    assert_eq!(bed.send(ask()).await.claims()["scope"], "write:sources");
}

#[tokio::test]
async fn s1_7_calls_without_a_good_token_are_answered_401() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let good = bed.send(meti("read:sources")).await.token().to_owned();
    let for_another_api = bed.send(systems::metafold()).await.token().to_owned();
    let of_another_issuer = bed.send(systems::ecoinvent()).await.token().to_owned();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let another_signature = format!("{signed}.{}", for_another_api.rsplit_once('.').unwrap().1);
    assert_eq!(api.get("/sources", &good).await.status, 200);

    let missing = api.send(Request::get("/sources")).await;
    assert_eq!(missing.status, 401, "{missing:?}");
    assert!(missing.header("www-authenticate").starts_with("Bearer "), "{missing:?}");
    let bad = ["nonsense", "a.b.c", signed, &another_signature, &for_another_api, &of_another_issuer];
    for token in bad {
        let answer = api.get("/sources", token).await;
        assert_eq!((answer.status, &answer.body["error"]), (401, &json!("invalid_token")), "{token}");
    }
    let basic = api.send(Request::get("/sources").basic("meti", secrets::METI)).await;
    assert_eq!(basic.status, 401, "{basic:?}");
    bed.advance(Duration::from_hours(1)).await;
    assert_eq!(api.get("/sources", &good).await.status, 401);
}

#[tokio::test]
async fn s1_7_a_token_of_another_audience_of_another_issuer_opens_nothing_even_with_the_same_scope() {
    let bed = Bed::start().await;
    let server = json!({ "identifier": "https://api.meti.io", "settings": { "scopes": ["read:sources"] } });
    let client = json!({
        "id": "impostor",
        "settings": { "grants": [{ "audience": "https://api.meti.io", "scopes": ["read:sources"] }] },
        "access_keys": [{ "id": "impostor-key", "secret": "impostor-secret-1234567890" }],
    });
    let more = json!({
        "resource_servers": [server],
        "organizations": [{ "id": "custodian", "clients": [client] }],
    });
    bed.describe("plain", more).await;
    let path = "/realms/plain/oauth/token";
    let token = bed.access_token(path, "impostor", "impostor-secret-1234567890").await;
    assert_eq!(Api::meti(&bed).get("/sources", &token).await.status, 401);
}

#[tokio::test]
async fn s1_7_a_valid_token_without_the_endpoints_scope_is_answered_403() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let token = bed.send(meti("read:sources")).await.token().to_owned();
    let create = Request::post("/sources").bearer(&token).json(&json!({ "name": "Rye" }));
    let answer = api.send(create).await;
    assert_eq!((answer.status, &answer.body["error"]), (403, &json!("insufficient_scope")));
    assert!(answer.header("www-authenticate").contains("scope=\"write:sources\""), "{answer:?}");
}

#[tokio::test]
async fn s1_8_a_token_works_until_its_expires_in_has_passed() {
    let bed = Bed::start().await;
    bed.clock.set(NOW.plus(Duration::from_millis(1)));
    let api = Api::meti(&bed);
    let answer = bed.send(meti("read:sources")).await;
    let life = Duration::from_secs(answer.body["expires_in"].as_u64().unwrap());
    let works = async || api.get("/sources", answer.token()).await.status;
    assert_eq!(works().await, 200);
    bed.advance(life.saturating_sub(Duration::from_millis(2))).await;
    assert_eq!(works().await, 200);
    bed.advance(Duration::from_millis(2)).await;
    assert_eq!(works().await, 401);
}

#[tokio::test]
async fn s1_8_a_new_token_can_be_had_while_the_old_one_still_works() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let old = bed.send(meti("read:sources")).await;
    bed.advance(Duration::from_secs(3570)).await;
    let new = bed.send(meti("read:sources")).await;
    assert_ne!(new.token(), old.token());
    for token in [old.token(), new.token()] {
        assert_eq!(api.get("/sources", token).await.status, 200);
    }
    bed.advance(Duration::from_secs(30)).await;
    assert_eq!(api.get("/sources", old.token()).await.status, 401);
    assert_eq!(api.get("/sources", new.token()).await.status, 200);
    assert_eq!(new.claims()["exp"], Value::from(NOW.seconds() + 3570 + 3600));
}
