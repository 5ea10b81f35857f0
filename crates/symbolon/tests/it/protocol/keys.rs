//! The key set, and its rotation over a year without anybody's doing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use symbolon_core::rotation::{keep_keys, replace_compromised};
use symbolon_core::signing_key::KeyState;

use crate::support::{Answer, Bed, Request, Way, realm_id, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const PLAIN: (&str, &str) = ("plain-client", secrets::PLAIN);
const HOUR: Duration = Duration::from_hours(1);
const MAX_AGE: u64 = 300;

async fn jwks(bed: &Bed, path: &str) -> Answer {
    let answer = bed.send(Request::get(path)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn kids(answer: &Answer) -> Vec<String> {
    let keys = answer.body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(answer: &Answer) -> String {
    answer.token_header()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_set_has_public_members_alone_and_every_key_a_use_and_an_algorithm() {
    let bed = Bed::start().await;
    let paths = [
        "/.well-known/jwks.json",
        "/realms/default/.well-known/jwks.json",
        "/realms/plain/.well-known/jwks.json",
    ];
    for path in paths {
        let answer = jwks(&bed, path).await;
        assert_eq!(answer.body.as_object().unwrap().len(), 1);
        let mut seen = BTreeSet::new();
        for key in answer.body["keys"].as_array().unwrap() {
            let allowed: &[&str] = match key["kty"].as_str().unwrap() {
                "RSA" => &["kty", "use", "alg", "kid", "n", "e"],
                "EC" => &["kty", "use", "alg", "kid", "crv", "x", "y"],
                other => panic!("{other}"),
            };
            let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
            assert_eq!(names.len(), allowed.len());
            assert_eq!(key["use"], "sig");
            assert!(matches!(key["alg"].as_str().unwrap(), "RS256" | "ES256"));
            assert!(seen.insert(key["kid"].as_str().unwrap().to_owned()));
        }
        assert!(!seen.is_empty());
    }
}

#[tokio::test]
async fn every_address_of_a_realm_serves_the_same_set() {
    let bed = Bed::start().await;
    let first = jwks(&bed, "/.well-known/jwks.json").await.text;
    for path in ["/realms/default/.well-known/jwks.json", "/realms/default/protocol/openid-connect/certs"] {
        assert_eq!(jwks(&bed, path).await.text, first);
    }
    assert_ne!(jwks(&bed, "/realms/plain/.well-known/jwks.json").await.text, first);
}

#[tokio::test]
async fn caches_may_keep_the_set_and_ask_whether_it_changed() {
    let bed = Bed::start().await;
    let path = "/.well-known/jwks.json";
    let answer = jwks(&bed, path).await;
    assert_eq!(answer.header("cache-control"), format!("public, max-age={MAX_AGE}"));
    assert_eq!(answer.header("content-type"), "application/json");
    let etag = answer.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    for known in [etag.clone(), format!("\"x\", {etag}")] {
        let same = bed.send(Request::get(path).header("if-none-match", &known)).await;
        assert_eq!((same.status, same.text.as_str()), (304, ""));
        assert_eq!(same.header("etag"), etag);
        assert_eq!(same.header("cache-control"), answer.header("cache-control"));
    }
    for other in ["\"x\"", "x", ""] {
        assert_eq!(bed.send(Request::get(path).header("if-none-match", other)).await.status, 200);
    }
}

#[tokio::test]
async fn a_weak_comparison_and_a_star_match_too() {
    let bed = Bed::start().await;
    let path = "/.well-known/jwks.json";
    let etag = jwks(&bed, path).await.header("etag").to_owned();
    for known in [format!("W/{etag}"), "*".to_owned()] {
        let same = bed.send(Request::get(path).header("if-none-match", &known)).await;
        assert_eq!(same.status, 304, "RFC 9110 §13.1.2: {known}");
    }
}

#[tokio::test]
async fn a_new_key_changes_the_etag() {
    let bed = Bed::start().await;
    let before = jwks(&bed, "/.well-known/jwks.json").await.header("etag").to_owned();
    let old = kids(&jwks(&bed, "/.well-known/jwks.json").await).remove(0);
    bed.operator("default", async |editor| replace_compromised(editor, &old).await.unwrap()).await;
    let after = jwks(&bed, "/.well-known/jwks.json").await;
    assert_ne!(after.header("etag"), before);
    assert!(!kids(&after).contains(&old));
}

/// A year in steps of an hour (and of ten minutes around the turn), asking for a token at each.
#[tokio::test]
async fn keys_rotate_every_90_days_and_no_verifier_ever_meets_an_unknown_one() {
    let bed = Bed::start().await;
    let path = "/realms/plain/oauth/token";
    let mut published: BTreeMap<String, i64> = BTreeMap::new();
    let mut signing = Vec::new();
    let mut tokens: Vec<(i64, String, String)> = Vec::new();
    let start = bed.clock_seconds();
    while bed.clock_seconds() < start + 200 * 86_400 {
        keep_keys(&bed.authority, &realm_id("plain")).await.unwrap();
        let set = jwks(&bed, "/realms/plain/.well-known/jwks.json").await;
        let now = bed.clock_seconds();
        for kid in kids(&set) {
            published.entry(kid).or_insert(now);
        }
        let answer = bed.send(Way::Form.token(path, PLAIN, &[])).await;
        let signer = kid(&answer);
        if signing.last() != Some(&signer) {
            // The realm's first key signs at once; every other was published twice the max-age before.
            let for_long = now - published[&signer];
            assert!(signing.is_empty() || for_long >= 2 * MAX_AGE.cast_signed(), "{for_long}");
            signing.push(signer.clone());
        }
        let expires = answer.claims()["exp"].as_i64().unwrap();
        tokens.push((expires, signer, answer.body["access_token"].as_str().unwrap().to_owned()));
        tokens.retain(|(expires, ..)| *expires > now);
        for (_, signer, _) in &tokens {
            assert!(kids(&set).contains(signer), "a living token's key is gone");
        }
        let (_, _, oldest) = tokens.first().unwrap();
        assert!(bed.is_active("/realms/plain/oauth/introspect", PLAIN.0, PLAIN.1, oldest).await);
        let until_turn = 90 * 86_400 - (now - start) % (90 * 86_400);
        let near = until_turn <= 7200 || until_turn >= 90 * 86_400 - 7200;
        bed.advance(if near { HOUR / 6 } else { 12 * HOUR }).await;
    }
    assert_eq!(signing.len(), 3, "{signing:?}");
    // Those whose last token has died are gone.
    let left = kids(&jwks(&bed, "/realms/plain/.well-known/jwks.json").await);
    assert_eq!(left, [signing[2].clone()]);
}

#[tokio::test]
async fn a_retired_key_stays_as_long_as_its_longest_token() {
    let bed = Bed::start().await;
    let who = ("metafold", secrets::METAFOLD);
    bed.advance(90 * 24 * HOUR).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    // Its life is 24 hours, the realm's maximum.
    let token = bed.access_token("/oauth/token", who.0, who.1).await;
    bed.advance(Duration::from_secs(2 * MAX_AGE)).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    assert_eq!(kids(&jwks(&bed, "/.well-known/jwks.json").await).len(), 2);
    bed.advance(Duration::from_secs(86_400 - 2 * MAX_AGE - 1)).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    assert!(bed.is_active("/oauth/introspect", who.0, who.1, &token).await);
}

#[tokio::test]
async fn a_lower_maximum_takes_no_key_from_a_living_token() {
    let bed = Bed::start().await;
    let who = ("metafold", secrets::METAFOLD);
    bed.advance(90 * 24 * HOUR).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    let token = bed.access_token("/oauth/token", who.0, who.1).await;
    bed.advance(Duration::from_secs(2 * MAX_AGE)).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    bed.change_realm("default", |realm| {
        realm.settings.maximum_lifetime = 60;
        realm.settings.default_lifetime = 60;
    })
    .await;
    bed.advance(HOUR).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    assert!(bed.is_active("/oauth/introspect", who.0, who.1, &token).await, "it has 22 hours to live");
}

#[tokio::test]
async fn two_nodes_take_each_step_once() {
    let bed = Bed::start().await;
    let (other, _app, _tasks) = bed.another_node().await;
    bed.advance(90 * 24 * HOUR).await;
    other.directory().catch_up().await.unwrap();
    let realm = realm_id("default");
    let (one, two) = tokio::join!(keep_keys(&bed.authority, &realm), keep_keys(&other, &realm));
    one.unwrap();
    two.unwrap();
    let keys = bed.store().list_signing_keys(&realm).await.unwrap();
    let count = |state| keys.iter().filter(|key| key.state == state).count();
    assert_eq!((count(KeyState::Active), count(KeyState::Pending)), (1, 1));
}

#[tokio::test]
async fn an_emergency_key_signs_at_once_and_the_old_ones_tokens_are_dead() {
    let bed = Bed::start().await;
    let answer = bed.send(Way::Form.token("/oauth/token", METI, &[])).await;
    let (old, token) = (kid(&answer), answer.body["access_token"].as_str().unwrap());
    bed.operator("default", async |editor| replace_compromised(editor, &old).await.unwrap()).await;
    let set = kids(&jwks(&bed, "/.well-known/jwks.json").await);
    assert!(!set.contains(&old) && set.len() == 1, "{set:?}");
    assert!(!bed.is_active("/oauth/introspect", METI.0, METI.1, token).await);
    let fresh = bed.send(Way::Form.token("/oauth/token", METI, &[])).await;
    assert_eq!(kid(&fresh), set[0]);
    let fresh = fresh.body["access_token"].as_str().unwrap();
    assert!(bed.is_active("/oauth/introspect", METI.0, METI.1, fresh).await);
    let revocations = bed.store().list_revocations(&realm_id("default"), 0).await.unwrap();
    assert!(revocations.iter().any(|one| one.kind.name() == "signing_key" && one.id == old));
}

#[tokio::test]
async fn a_pending_or_retired_key_can_be_replaced_too() {
    let bed = Bed::start().await;
    bed.advance(90 * 24 * HOUR).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    let keys = bed.store().list_signing_keys(&realm_id("default")).await.unwrap();
    let pending = keys.iter().find(|key| key.state == KeyState::Pending).unwrap().kid.clone();
    let active = keys.iter().find(|key| key.state == KeyState::Active).unwrap().kid.clone();
    bed.operator("default", async |editor| replace_compromised(editor, &pending).await.unwrap()).await;
    assert_eq!(kids(&jwks(&bed, "/.well-known/jwks.json").await), [active]);
    bed.operator("default", async |editor| {
        replace_compromised(editor, "sig_unknown").await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn private_keys_are_at_rest_sealed_for_their_realm_and_kid() {
    let bed = Bed::start().await;
    let keys = bed.store().list_signing_keys(&realm_id("default")).await.unwrap();
    let key = &keys[0];
    assert_eq!(key.private.master_key, "test");
    let text = serde_json::to_value(key).unwrap().to_string();
    assert!(!text.contains("PRIVATE") && !text.contains("\"d\":"));
    let masters = symbolon_core::seal::MasterKeys::new([crate::support::key("test", 0)]).unwrap();
    let at = |realm: &str, kid: &str| {
        let context = symbolon_core::signing_key::StoredSigningKey::seal_context(realm, kid);
        masters.open(&key.private, &context).is_ok()
    };
    assert!(at("default", &key.kid));
    assert!(!at("plain", &key.kid) && !at("default", "sig_other"));
    // And the answers know nothing of it.
    let text = jwks(&bed, "/.well-known/jwks.json").await.text;
    assert!(!text.contains(&key.private.sealed) && !text.contains(&key.private.data_key));
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["keys"].as_array().unwrap().len(), keys.len());
}
