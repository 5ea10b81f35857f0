//! The APIs as callers see them, with tokens signed by hand in place of a server.

mod folder;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use symbolon_core::clock::SystemClock;
use symbolon_guard::protocol::algorithm::Algorithm;
use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::protocol::jws::SigningKey;
use symbolon_guard::{Guard, Issuer, SharedKeys};
use tower::ServiceExt as _;

use crate::credentials::{ECOINVENT, M3TER, METAFOLD, METI};
pub(crate) use folder::folder;

const BASE: &str = "http://127.0.0.1:8080";
const NOW: i64 = 1_800_000_000;

struct World {
    key: SigningKey,
    apis: Router,
}

impl World {
    fn new(data: &Path) -> Self {
        let pkcs8 = SigningKey::generate_pkcs8(Algorithm::Es256).unwrap();
        let key = SigningKey::from_pkcs8(Algorithm::Es256, "k1", &pkcs8).unwrap();
        let keys = SharedKeys::new(JwkSet { keys: vec![key.jwk()] });
        let guard = |name: &str, audience: &str| {
            Guard::builder()
                .issuer(Issuer::new(BASE, keys.clone()))
                .audience(audience)
                .realm(name)
                .resource_metadata(format!("{BASE}/.well-known/oauth-protected-resource/{name}"))
                .clock(|| NOW * 1000)
                .build()
                .unwrap()
        };
        let guards = [
            guard("meti", METI),
            guard("metafold", METAFOLD),
            guard("ecoinvent", ECOINVENT),
            guard("m3ter", M3TER),
        ];
        let sources = crate::meti::open(data.join("sources.json"), Arc::new(SystemClock)).unwrap();
        Self { key, apis: crate::routes(&guards, sources).unwrap() }
    }

    fn token(&self, audience: &str, organization: &str, scope: &str) -> String {
        let claims = json!({
            "iss": BASE, "sub": "c", "client_id": "c", "aud": audience, "org_id": organization, "jti": "j",
            "iat": NOW, "nbf": NOW, "exp": NOW + 60, "iat_ms": NOW * 1000, "scope": scope,
        });
        self.key.sign(&self.key.encoded_header("JWT"), claims.to_string().as_bytes()).unwrap()
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.apis.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await;
        let (head, body) = response.unwrap().into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let challenge = head.headers.get(header::WWW_AUTHENTICATE);
        Answer {
            status: head.status,
            challenge: challenge.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, token, "").await
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    challenge: String,
    body: Value,
}

#[tokio::test]
async fn sources_are_made_read_changed_and_removed() {
    let folder = folder();
    let world = World::new(folder.path());
    let token = world.token(METI, "mine", "read:sources write:sources delete:sources");
    let before = world.get("/sources", &token).await.body.as_array().unwrap().len();

    let made =
        world.send(Method::POST, "/sources", &token, r#"{"name":"A","methodology":"Agriculture"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let one = format!("/sources/{}", made.body["id"].as_str().unwrap());
    assert_eq!(world.get("/sources", &token).await.body.as_array().unwrap().len(), before + 1);
    let some = world.get("/sources?methodology=Agriculture", &token).await.body;
    assert!(some.as_array().unwrap().len() < before + 1);
    let changed = world.send(Method::PUT, &one, &token, r#"{"name":"B"}"#).await;
    assert_eq!((changed.status, &changed.body["name"]), (StatusCode::OK, &json!("B")));
    assert_eq!(world.get(&one, &token).await.body, changed.body);

    let other = world.token(METI, "other", "read:sources write:sources delete:sources");
    assert_eq!(world.get(&one, &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.send(Method::DELETE, &one, &other, "").await.status, StatusCode::NOT_FOUND);
    let public = world.send(Method::DELETE, "/sources/src_public_rice", &token, "").await;
    assert_eq!(public.status, StatusCode::FORBIDDEN);

    assert_eq!(world.send(Method::DELETE, &one, &token, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&one, &token).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn each_method_on_sources_needs_its_scope() {
    let folder = folder();
    let world = World::new(folder.path());
    let calls = [
        (Method::GET, "/sources", "read:sources"),
        (Method::GET, "/sources/x", "read:sources"),
        (Method::POST, "/sources", "write:sources"),
        (Method::PUT, "/sources/x", "write:sources"),
        (Method::DELETE, "/sources/x", "delete:sources"),
    ];
    for (method, path, scope) in calls {
        let others: Vec<&str> = ["read:sources", "write:sources", "delete:sources"]
            .into_iter()
            .filter(|other| *other != scope)
            .collect();
        let lacking = world.token(METI, "mine", &others.join(" "));
        let refused = world.send(method.clone(), path, &lacking, "{}").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert!(refused.challenge.contains(scope), "{}", refused.challenge);
        let having = world.token(METI, "mine", scope);
        assert_ne!(world.send(method, path, &having, "{}").await.status, StatusCode::FORBIDDEN);
    }
    let token = world.token(METI, "mine", "read:sources");
    assert_eq!(
        world.send(Method::PATCH, "/sources", &token, "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn bad_input_is_answered_400_and_too_much_413() {
    let folder = folder();
    let world = World::new(folder.path());
    let token = world.token(METI, "mine", "write:sources");
    let bad = world.send(Method::POST, "/sources", &token, "{}").await;
    assert_eq!((bad.status, &bad.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    assert!(bad.body["error_description"].as_str().unwrap().contains("name"));
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(256 * 1024));
    let large = world.send(Method::POST, "/sources", &token, &large).await;
    assert_eq!(
        (large.status, &large.body["error"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("invalid_request"))
    );
    let bad = world.get("/sources/%ff", &world.token(METI, "mine", "read:sources")).await;
    assert_eq!((bad.status, &bad.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
}

#[tokio::test]
async fn without_a_token_or_with_one_for_another_api_nothing_is_served() {
    let folder = folder();
    let world = World::new(folder.path());
    let paths = [
        ("/sources", "meti"),
        ("/user/usage", "metafold"),
        ("/projects/1001/assets", "metafold"),
        ("/v0/versions", "ecoinvent"),
        ("/organizations/meridian-cloud/products", "m3ter"),
    ];
    let elsewhere = world.token("https://other.example", "mine", "read:sources config:read");
    for (path, name) in paths {
        let none = world.get(path, "").await;
        assert_eq!(none.status, StatusCode::UNAUTHORIZED, "{path}");
        let document = format!("{BASE}/.well-known/oauth-protected-resource/{name}");
        assert!(none.challenge.contains(&format!("resource_metadata=\"{document}\"")), "{}", none.challenge);
        assert_eq!(world.get(path, &elsewhere).await.status, StatusCode::UNAUTHORIZED, "{path}");
        let metadata = world.get(document.strip_prefix(BASE).unwrap(), "").await;
        assert_eq!(
            (metadata.status, &metadata.body["authorization_servers"]),
            (StatusCode::OK, &json!([BASE]))
        );
    }
    assert_eq!(world.get("/no/such/path", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metafold_answers_as_its_sdk_reads_it() {
    let folder = folder();
    let world = World::new(folder.path());
    let token = world.token(METAFOLD, "lattice-works", "");
    let usage = world.get("/user/usage", &token).await.body;
    assert_eq!(usage, json!({ "projects": 3, "assets": 1, "jobs": 1, "workflows": 1 }));
    let projects = world.get("/projects", &token).await.body;
    let mut members: Vec<&String> = projects[0].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["access", "created", "id", "modified", "name", "user"]);
    assert_eq!(world.get("/projects/1001", &token).await.body, projects[0]);
    assert_eq!(world.get("/projects/1001/jobs/3001", &token).await.body["name"], "sample-mesh");

    let sorted = world.get("/projects?sort=created:-1&q=name:t", &token).await.body;
    let ids: Vec<&str> = sorted.as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1002", "1001"]);
    assert_eq!(world.get("/projects?sort=colour", &token).await.status, StatusCode::BAD_REQUEST);

    let missing = world.get("/projects/none", &token).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.body["msg"], missing.body["error_description"]);
    let refused = world.get("/projects", "not-a-token").await;
    assert_eq!((refused.status, &refused.body["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_token")));
    assert!(refused.body["msg"].is_string() && refused.challenge.starts_with("Bearer "));

    let other = world.token(METAFOLD, "northfield-farms", "");
    assert_eq!(world.get("/projects", &other).await.body, json!([]));
    assert_eq!(world.get("/projects/1001", &other).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn m3ter_answers_the_tokens_own_organization() {
    let folder = folder();
    let world = World::new(folder.path());
    let path = "/organizations/meridian-cloud/products";
    let token = world.token(M3TER, "meridian-cloud", "config:read");
    let all = world.get(path, &token).await;
    assert_eq!((all.status, &all.body["nextToken"]), (StatusCode::OK, &Value::Null));
    let first = world.get(&format!("{path}?pageSize=2"), &token).await.body;
    let next = first["nextToken"].as_str().unwrap();
    let second = world.get(&format!("{path}?pageSize=2&nextToken={next}"), &token).await.body;
    assert_eq!(second["data"][0], all.body["data"][2]);

    let without_policy = world.token(M3TER, "meridian-cloud", "");
    assert_eq!(world.get(path, &without_policy).await.status, StatusCode::FORBIDDEN);
    let other = world.token(M3TER, "other", "config:read");
    assert_eq!(world.get(path, &other).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn ecoinvent_lists_its_versions() {
    let folder = folder();
    let world = World::new(folder.path());
    let versions = world.get("/v0/versions", &world.token(ECOINVENT, "alder-lca", "")).await.body;
    assert!(versions.as_array().unwrap().iter().all(|version| version["version"].is_string()));
}
