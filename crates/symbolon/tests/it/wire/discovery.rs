//! W26 to W31: what verifiers find out by themselves, and the shapes of tokens.

use serde_json::{Value, json};
use symbolon_guard::protocol::metadata::well_known;

use crate::support::systems::{self, KEYCLOAK};
use crate::support::{Answer, Bed, Request, secrets};

/// The addresses under which a realm's discovery document lies, beneath its root or its path.
const AT_ROOT: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

fn under(realm: &str) -> [String; 3] {
    [
        format!("/realms/{realm}/.well-known/openid-configuration"),
        format!("/realms/{realm}/.well-known/oauth-authorization-server"),
        format!("/.well-known/oauth-authorization-server/realms/{realm}"),
    ]
}

/// Makes a realm with these settings and one client, and answers the token that it gets where discovery says.
async fn token_of(bed: &Bed, realm: &str, settings: Value) -> Answer {
    token_with(bed, realm, settings, json!({ "scopes": ["a"] })).await
}

async fn token_with(bed: &Bed, realm: &str, settings: Value, server: Value) -> Answer {
    let client = json!({
        "id": "c",
        "settings": { "grants": [{ "audience": "https://api.example", "scopes": ["a"] }] },
        "access_keys": [{ "id": "k", "secret": "one-of-the-secrets-1234567890" }],
    });
    let more = json!({
        "settings": settings,
        "resource_servers": [{ "identifier": "https://api.example", "settings": server }],
        "organizations": [{ "id": "o", "clients": [client] }],
    });
    bed.describe(realm, more).await;
    let issuer = bed.authority.directory().realm(realm).unwrap().issuer().to_owned();
    let document = bed.discover(&issuer).await;
    let (host, path) = host_and_path(&document["token_endpoint"]);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "c"),
        ("client_secret", "one-of-the-secrets-1234567890"),
    ];
    bed.send(Request::post(&path).host(&host).form(&form)).await
}

fn host_and_path(url: &Value) -> (String, String) {
    let (host, path) = url.as_str().unwrap().strip_prefix("https://").unwrap().split_once('/').unwrap();
    (host.to_owned(), format!("/{path}"))
}

/// Algorithm, `typ`, and the claim `typ`.
fn shape(answer: &Answer) -> (String, String, Option<String>) {
    let (header, claims) = (answer.token_header(), answer.claims());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&header["alg"]), text(&header["typ"]), claims.get("typ").map(text))
}

fn has(algorithm: &str, typ: &str, claim: Option<&str>) -> (String, String, Option<String>) {
    (algorithm.to_owned(), typ.to_owned(), claim.map(str::to_owned))
}

#[tokio::test]
async fn w26_the_kid_is_found_in_the_jwks() {
    let bed = Bed::start().await;
    let sets = [
        (systems::meti("read:sources"), "/.well-known/jwks.json"),
        (systems::meti_v1(), "/realms/default/.well-known/jwks.json"),
        (systems::metafold(), "/realms/default/protocol/openid-connect/certs"),
        (systems::ecoinvent(), "/realms/ecoinvent/protocol/openid-connect/certs"),
        (systems::ecoinvent(), "/realms/ecoinvent/.well-known/jwks.json"),
        (systems::m3ter(), "/.well-known/jwks.json"),
    ];
    for (request, path) in sets {
        let token = bed.send(request).await;
        let keys = bed.send(Request::get(path)).await;
        let header = token.token_header();
        let of_kid: Vec<&Value> =
            keys.body["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == header["kid"]).collect();
        let [key] = of_kid[..] else { panic!("{path}: {} keys have the kid", of_kid.len()) };
        assert_eq!((&key["alg"], &key["use"]), (&header["alg"], &json!("sig")));
        bed.verified(&token).await;
    }
}

#[tokio::test]
async fn w27_the_systems_clients_get_rs256_and_the_type_jwt() {
    let bed = Bed::start().await;
    for (name, request) in systems::all().into_iter().chain([("meti v1", systems::meti_v1())]) {
        let header = bed.send(request).await.token_header();
        assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")), "{name}");
    }
}

#[tokio::test]
async fn w27_a_realm_left_at_its_defaults_follows_rfc_9068() {
    let bed = Bed::start().await;
    let answer = bed.token("/realms/plain/oauth/token", "plain-client", secrets::PLAIN, &[]).await;
    assert_eq!(answer.token_header()["typ"], "at+jwt");
}

#[tokio::test]
async fn w28_everything_is_discovered_from_the_issuers_url() {
    let bed = Bed::start().await;
    for (name, request) in systems::all() {
        let answer = bed.send(request).await;
        let issuer = answer.claims()["iss"].as_str().unwrap().to_owned();
        let beneath = issuer.trim_end_matches('/');
        let places = [
            format!("{beneath}/.well-known/openid-configuration"),
            format!("{beneath}/.well-known/oauth-authorization-server"),
            well_known(&issuer, "oauth-authorization-server").unwrap(),
        ];
        for place in places {
            let document = bed.fetch(&place).await;
            assert_eq!(document.status, 200, "{name}: {place}: {document:?}");
            assert_eq!(document.header("content-type"), "application/json");
            assert_eq!(document.body["issuer"], issuer, "{place}");
            let (host, path) = host_and_path(&document.body["jwks_uri"]);
            let keys = bed.send(Request::get(&path).host(&host)).await;
            assert_eq!(keys.status, 200, "{name}: {keys:?}");
            let algorithms = &document.body["id_token_signing_alg_values_supported"];
            assert!(algorithms.as_array().unwrap().contains(&answer.token_header()["alg"]), "{algorithms}");
        }
    }
}

#[tokio::test]
async fn w29_keycloak_adapters_get_rs256_the_realms_issuer_and_the_claim_typ() {
    let bed = Bed::start().await;
    let answer = bed.send(systems::ecoinvent()).await;
    assert_eq!(answer.token_header()["alg"], "RS256");
    let claims = bed.verified(&answer).await;
    assert_eq!(claims["iss"], "https://auth.example/realms/ecoinvent");
    assert_eq!(claims["typ"], "Bearer");
    let document = bed.discover("https://auth.example/realms/ecoinvent").await;
    assert_eq!(document["token_endpoint"], format!("https://auth.example{KEYCLOAK}"));
    let certs = "https://auth.example/realms/ecoinvent/protocol/openid-connect/certs";
    assert_eq!(document["jwks_uri"], certs);
}

#[tokio::test]
async fn w30_discovery_is_exact_at_the_root_and_under_the_realm_whatever_headers_say() {
    let bed = Bed::start_behind(&["192.0.2.0/24"], |_| {}).await;
    let settings = json!({ "hosts": ["sso.example", "sso2.example"], "issuer": "https://sso.example" });
    token_of(&bed, "hosted", settings).await;
    let base = "https://auth.example";
    let keycloak = format!("{base}/realms/ecoinvent/protocol/openid-connect");
    let at = |base: &str| [format!("{base}/oauth/token"), format!("{base}/.well-known/jwks.json")];
    let roots = AT_ROOT.map(str::to_owned);
    let known = [
        ("localhost", roots.to_vec(), format!("{base}/"), at(base)),
        ("anything.example:8443", under("default").to_vec(), format!("{base}/"), at(base)),
        (
            "auth.example",
            under("ecoinvent").to_vec(),
            format!("{base}/realms/ecoinvent"),
            [format!("{keycloak}/token"), format!("{keycloak}/certs")],
        ),
        ("sso.example", roots.to_vec(), "https://sso.example".to_owned(), at("https://sso.example")),
        ("SSO2.example:443", roots.to_vec(), "https://sso.example".to_owned(), at("https://sso.example")),
        (
            "sso.example",
            under("hosted").to_vec(),
            "https://sso.example".to_owned(),
            at("https://sso.example"),
        ),
        (
            "127.0.0.1:8080",
            under("hosted").to_vec(),
            "https://sso.example".to_owned(),
            at("https://sso.example"),
        ),
    ];
    for (host, paths, issuer, [token_endpoint, jwks_uri]) in known {
        for path in paths {
            let request = Request::get(&path).host(host);
            let misled = request
                .clone()
                .header("x-forwarded-host", "evil.example")
                .header("x-forwarded-proto", "http")
                .header("x-forwarded-port", "8080")
                .header("x-forwarded-prefix", "/evil")
                .header("x-original-url", "/evil")
                .header("forwarded", "host=evil.example;proto=http");
            for request in [request, misled] {
                let answer = bed.send(request).await;
                assert_eq!(answer.status, 200, "{host}{path}: {answer:?}");
                assert_eq!(answer.body["issuer"], issuer, "{host}{path}");
                assert_eq!(answer.body["token_endpoint"], token_endpoint, "{host}{path}");
                assert_eq!(answer.body["jwks_uri"], jwks_uri, "{host}{path}");
                assert!(!answer.text.contains("evil"), "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn w30_over_http2_the_host_is_that_of_the_url() {
    let bed = Bed::start().await;
    let settings = json!({ "hosts": ["sso.example"], "issuer": "https://sso.example" });
    token_of(&bed, "hosted", settings).await;
    let request = Request::get("https://sso.example/.well-known/openid-configuration");
    assert_eq!(bed.send(request).await.body["issuer"], "https://sso.example");
}

#[tokio::test]
async fn w30_a_realms_documents_are_not_served_on_another_realms_host() {
    let bed = Bed::start().await;
    for path in under("ecoinvent") {
        assert_eq!(bed.send(Request::get(&path).host("plain.example")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn w30_the_documents_urls_lead_to_what_they_name_in_every_compatibility() {
    let bed = Bed::start().await;
    for compatibility in ["default", "auth0", "keycloak", "m3ter"] {
        let own = format!("https://{compatibility}.example");
        let placed = [
            (format!("path-{compatibility}"), json!({ "compatibility": compatibility })),
            (
                format!("host-{compatibility}"),
                json!({
                    "compatibility": compatibility, "issuer": own,
                    "hosts": [format!("{compatibility}.example")], "signing_algorithm": "ES256",
                }),
            ),
        ];
        for (realm, settings) in placed {
            let answer = token_of(&bed, &realm, settings).await;
            assert_eq!(answer.status, 200, "{realm}: {answer:?}");
            bed.verified(&answer).await;
            let issuer = answer.claims()["iss"].as_str().unwrap().to_owned();
            let document = bed.discover(&issuer).await;
            for name in ["introspection_endpoint", "revocation_endpoint"] {
                let (host, path) = host_and_path(&document[name]);
                let form =
                    [("client_id", "c"), ("client_secret", "one-of-the-secrets-1234567890"), ("token", "x")];
                let called = bed.send(Request::post(&path).host(&host).form(&form)).await;
                assert_eq!(called.status, 200, "{realm}: {name}: {called:?}");
            }
        }
    }
}

#[tokio::test]
async fn w30_a_default_realm_of_every_compatibility_names_urls_that_exist() {
    for compatibility in ["default", "auth0", "keycloak", "m3ter"] {
        let bed = Bed::start().await;
        bed.describe("default", json!({ "settings": { "compatibility": compatibility } })).await;
        let document = bed.send(Request::get(AT_ROOT[0])).await.body;
        let (_, path) = host_and_path(&document["token_endpoint"]);
        let token = bed.token(&path, "meti", secrets::METI, &[]).await;
        assert_eq!(token.status, 200, "{compatibility}: {token:?}");
        assert_eq!(bed.fetch(document["jwks_uri"].as_str().unwrap()).await.status, 200, "{compatibility}");
    }
}

#[tokio::test]
async fn w31_each_compatibility_has_its_shape() {
    let bed = Bed::start().await;
    let default = bed.token("/realms/plain/oauth/token", "plain-client", secrets::PLAIN, &[]).await;
    assert_eq!(shape(&default), has("ES256", "at+jwt", None));
    let auth0 = bed.send(systems::meti("read:sources")).await;
    assert_eq!(shape(&auth0), has("RS256", "JWT", None));
    assert_eq!(auth0.claims()["iss"], "https://auth.example/");
    let keycloak = bed.send(systems::ecoinvent()).await;
    assert_eq!(shape(&keycloak), has("RS256", "JWT", Some("Bearer")));
    let m3ter = token_of(&bed, "m3ter", json!({ "compatibility": "m3ter" })).await;
    assert_eq!(shape(&m3ter), has("RS256", "JWT", None));
    assert_eq!(m3ter.claims()["iss"], "https://auth.example/realms/m3ter");
    for answer in [default, auth0, keycloak, m3ter] {
        bed.verified(&answer).await;
    }
}

#[tokio::test]
async fn w31_each_setting_can_be_made_on_its_own() {
    let bed = Bed::start().await;
    let settings = json!({ "token_type": "JWT", "bearer_claim": true });
    let answer = token_of(&bed, "one", settings).await;
    assert_eq!(shape(&answer), has("ES256", "JWT", Some("Bearer")));

    let settings =
        json!({ "compatibility": "keycloak", "bearer_claim": false, "signing_algorithm": "ES256" });
    let answer = token_of(&bed, "two", settings).await;
    assert_eq!(shape(&answer), has("ES256", "JWT", None));

    let settings = json!({
        "compatibility": "auth0", "signing_algorithm": "ES256", "token_type": "at+jwt",
        "issuer": "https://auth.example/realms/three",
    });
    let answer = token_of(&bed, "three", settings).await;
    assert_eq!(shape(&answer), has("ES256", "at+jwt", None));
    assert_eq!(answer.claims()["iss"], "https://auth.example/realms/three");
    bed.verified(&answer).await;
}

#[tokio::test]
async fn w31_a_resource_servers_own_algorithm_comes_first() {
    let bed = Bed::start().await;
    let server = json!({ "scopes": ["a"], "signing_algorithm": "RS256" });
    let answer = token_with(&bed, "rs", json!({}), server).await;
    assert_eq!(shape(&answer), has("RS256", "at+jwt", None));
    bed.verified(&answer).await;
}
