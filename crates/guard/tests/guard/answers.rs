//! The table of answers, each to the byte: status, headers and body.

use std::time::Duration;

use http::{Method, Request, Response};
use serde_json::json;
use symbolon_guard::protocol::algorithm::Algorithm;
use symbolon_guard::protocol::revocation::{Cutoff, Kind};
use symbolon_guard::{
    FetchError, FetchFuture, Guard, Issuer, KeySource, Refusal, Revocations, SharedKeys, WhenStale,
};

use crate::support::{AUDIENCE, ISSUER, World, bearer, claims, claims_with, get, key, key_of, send, sign};

const CHALLENGE_END: &str = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource""#;

/// Status, all headers in alphabetical order, body.
fn whole(response: &Response<String>) -> String {
    let mut lines: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    format!("{}\n{}\n\n{}", response.status().as_u16(), lines.join("\n"), response.body())
}

fn refusal(status: u16, code: &str, description: &str, scope: &str) -> String {
    format!(
        "{status}\ncache-control: no-store\ncontent-type: application/json\nwww-authenticate: Bearer realm=\"example\", \
         error=\"{code}\", error_description=\"{description}\", {scope}{CHALLENGE_END}\n\n\
         {{\"error\":\"{code}\",\"error_description\":\"{description}\"}}"
    )
}

fn invalid_token(description: &str) -> String {
    refusal(401, "invalid_token", description, "")
}

async fn answer(world: &World, token: &str) -> String {
    let layer = world.guard.layer();
    whole(&send(&layer, get("/sources").header("authorization", bearer(token))).await)
}

#[tokio::test]
async fn a_good_token_passes_and_names_its_caller() {
    let world = World::new();
    assert_eq!(answer(&world, &world.token()).await, "200\n\n\ncli_1");
}

#[tokio::test]
async fn a_get_with_a_json_content_type_and_no_body_is_fine() {
    let world = World::new();
    let request = get("/sources")
        .header("authorization", bearer(&world.token()))
        .header("content-type", "application/json");
    assert_eq!(send(&world.guard.layer(), request).await.status(), 200);
}

#[tokio::test]
async fn s1_7_no_credentials_are_challenged_without_an_error_code() {
    let world = World::new();
    let expected = format!(
        "401\ncache-control: no-store\ncontent-type: application/json\n\
         www-authenticate: Bearer realm=\"example\", {CHALLENGE_END}\n\n{{}}"
    );
    assert_eq!(whole(&send(&world.guard.layer(), get("/sources")).await), expected);
}

#[tokio::test]
async fn s1_7_a_malformed_token_is_invalid() {
    let world = World::new();
    let expected = invalid_token("the access token is malformed");
    for header in
        ["Bearer", "Bearer ", "Bearer abc", "Basic YTpi", "Token abc", "Bearer a b", "DPoP a.b.c", ""]
    {
        let response = send(&world.guard.layer(), get("/sources").header("authorization", header)).await;
        assert_eq!(whole(&response), expected, "{header:?}");
    }
}

#[tokio::test]
async fn s1_7_a_token_of_another_issuer_or_for_another_audience_is_invalid() {
    let world = World::new();
    let foreign = world.sign(&claims_with("iss", "https://other.example".into()));
    assert_eq!(answer(&world, &foreign).await, invalid_token("the access token comes from another issuer"));
    let foreign = world.sign(&claims_with("aud", "https://other.example".into()));
    assert_eq!(answer(&world, &foreign).await, invalid_token("the access token is meant for another API"));
}

#[tokio::test]
async fn s1_7_an_expired_token_is_invalid_and_so_is_one_that_is_not_valid_yet() {
    let world = World::new();
    let token = world.token();
    world.clock.pass_s(3600);
    assert_eq!(answer(&world, &token).await, invalid_token("the access token has expired"));
    world.clock.pass_s(-3600 - 31);
    assert_eq!(answer(&world, &token).await, invalid_token("the access token is not valid yet"));
}

#[tokio::test]
async fn keys_algorithms_types_and_signatures_that_are_not_the_issuers_are_invalid() {
    let world = World::new();
    let claims = claims();
    let unknown = sign(&key("k2"), &claims);
    assert_eq!(
        answer(&world, &unknown).await,
        invalid_token("the access token is signed with an unknown key")
    );
    let impostor = sign(&key("k1"), &claims);
    assert_eq!(
        answer(&world, &impostor).await,
        invalid_token("the signature of the access token does not match")
    );
    let confused = sign(&key_of(Algorithm::Es256, "k1"), &claims);
    assert_eq!(
        answer(&world, &confused).await,
        invalid_token("the algorithm of the access token is not accepted")
    );
    let header = world.key.encoded_header("revocations+jwt");
    let other_kind = world.key.sign(&header, claims.to_string().as_bytes()).unwrap();
    assert_eq!(answer(&world, &other_kind).await, invalid_token("the token is not an access token"));
    let bound = world.sign(&claims_with("cnf", json!({"jkt": "x"})));
    let expected = invalid_token("the access token is bound to a key and cannot be used as a bearer token");
    assert_eq!(answer(&world, &bound).await, expected);
}

#[tokio::test]
async fn a_revoked_token_is_invalid() {
    let world = World::new();
    world.revocations.update(|set| set.add(Kind::Token, "tok_1", Cutoff::Open));
    assert_eq!(answer(&world, &world.token()).await, invalid_token("the access token has been revoked"));
}

#[tokio::test]
async fn s1_7_a_valid_token_without_the_scope_is_forbidden_and_told_the_scopes() {
    let world = World::new();
    let layer = world.guard.layer().require("read:sources delete:sources").unwrap();
    let response = send(&layer, get("/sources").header("authorization", bearer(&world.token()))).await;
    let expected = refusal(
        403,
        "insufficient_scope",
        "the request needs the scope delete:sources read:sources",
        "scope=\"delete:sources read:sources\", ",
    );
    assert_eq!(whole(&response), expected);
}

#[tokio::test]
async fn a_token_in_the_query_is_a_bad_request_even_beside_a_good_one() {
    let world = World::new();
    let layer = world.guard.layer();
    let expected = refusal(400, "invalid_request", "an access token must not stand in the query", "");
    let token = world.token();
    for uri in [format!("/sources?access_token={token}"), format!("/sources?a=b&access%5Ftoken={token}")] {
        assert_eq!(whole(&send(&layer, get(&uri)).await), expected);
        let response = send(&layer, get(&uri).header("authorization", bearer(&token))).await;
        assert_eq!(whole(&response), expected);
    }
}

#[tokio::test]
async fn two_tokens_are_a_bad_request_even_if_both_are_good() {
    let world = World::new();
    let token = bearer(&world.token());
    let request = get("/sources").header("authorization", &token).header("authorization", &token);
    let expected = refusal(400, "invalid_request", "the request carries more than one access token", "");
    assert_eq!(whole(&send(&world.guard.layer(), request).await), expected);
}

#[tokio::test]
async fn a_method_without_a_rule_is_not_allowed_where_others_have_rules() {
    let world = World::new();
    let layer = world.guard.layer().require_for(Method::GET, "read:sources").unwrap();
    let layer = layer.require_for(Method::POST, "write:sources").unwrap();
    let request = Request::delete("/sources").header("authorization", bearer(&world.token()));
    let expected = "405\nallow: GET, POST, HEAD\ncache-control: no-store\ncontent-type: application/json\n\n\
         {\"error\":\"invalid_request\",\"error_description\":\"the method is not allowed here\"}";
    assert_eq!(whole(&send(&layer, request).await), expected);
    // Strangers do not learn which methods there are.
    assert_eq!(send(&layer, Request::delete("/sources")).await.status(), 401);
}

#[tokio::test]
async fn stale_revocations_are_a_temporary_fault() {
    let stale = Revocations::with_max_staleness(Duration::from_mins(1), WhenStale::Refuse);
    let world = World::with(stale, |builder| builder);
    let expected = "503\ncache-control: no-store\ncontent-type: application/json\nretry-after: 5\n\n\
         {\"error\":\"temporarily_unavailable\",\"error_description\":\"revocations cannot be checked now\"}";
    assert_eq!(answer(&world, &world.token()).await, expected);
}

#[tokio::test]
async fn keys_that_could_never_be_fetched_are_a_temporary_fault() {
    struct Broken;
    impl KeySource for Broken {
        fn fetch(&self) -> FetchFuture<'_> {
            Box::pin(async { Err(FetchError::new("the issuer is down")) })
        }
    }
    let guard = Guard::builder().issuer(Issuer::new(ISSUER, Broken)).audience(AUDIENCE).build().unwrap();
    let token = World::new().token();
    let expected = "503\ncache-control: no-store\ncontent-type: application/json\nretry-after: 30\n\n\
         {\"error\":\"temporarily_unavailable\",\"error_description\":\"access tokens cannot be verified now\"}";
    for _ in 0..2 {
        let response = send(&guard.layer(), get("/sources").header("authorization", bearer(&token))).await;
        assert_eq!(whole(&response), expected);
    }
}

#[tokio::test]
async fn without_an_address_of_metadata_the_challenge_names_none() {
    let keys = SharedKeys::default();
    let guard = Guard::builder().issuer(Issuer::new(ISSUER, keys)).audience(AUDIENCE).build().unwrap();
    let response = send(&guard.layer(), get("/sources")).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"api\"");
}

#[tokio::test]
async fn the_refusal_stays_with_the_answer_for_logs() {
    let world = World::new();
    let response = send(&world.guard.layer(), get("/sources")).await;
    assert_eq!(response.extensions().get::<Refusal>(), Some(&Refusal::NoCredentials));
}
