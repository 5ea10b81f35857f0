//! Refusals: every request that was refused is found by its id, with the exact reason.

use std::time::Duration;

use serde_json::json;
use symbolon_core::edit::access_key;
use symbolon_core::protocol::secret_format::masked;
use symbolon_core::realm::Status;
use symbolon_server::axum::http::Method;

use crate::support::{Answer, Bed, NOW, Node, REFUSED, Request, Way, in_default, kept_of, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const PATH: &str = "/oauth/token";

async fn is_kept(bed: &Bed, answer: &Answer, reason: &str) {
    let kept = bed.refusal(answer).await;
    assert_eq!(kept.reason, reason, "{kept:?}");
    assert_eq!(Some(kept.error.as_str()), answer.body["error"].as_str(), "{kept:?}");
    assert_eq!(kept.request_id, answer.header("x-request-id"));
    assert_eq!((kept.at, kept.realm.as_str()), (bed.authority.now(), "default"));
    assert!(!kept.detail.is_empty());
    let text = serde_json::to_string(&kept).unwrap();
    for secret in [secrets::METI, secrets::PASSWORD, "wrong-secret"] {
        assert!(!text.contains(secret), "{text}");
    }
}

fn asking(more: &[(&str, &str)]) -> Request {
    Way::Form.token(PATH, METI, more)
}

#[tokio::test]
async fn malformed_requests_are_kept() {
    let bed = Bed::start().await;
    let form = "application/x-www-form-urlencoded";
    let long = "x".repeat(4097);
    let requests = [
        (Request::new(Method::GET, PATH), "method"),
        (Request::post(PATH).raw("text/plain", b"x"), "content_type"),
        (Way::Form.token("/oauth/token?client_secret=x", METI, &[]), "credentials_in_url"),
        (Request::post(PATH).raw(form, b"a=1&a=2"), "malformed_body"),
        (Request::post(PATH).raw("application/json", b"{"), "malformed_body"),
        (Request::post(PATH).raw(form, &vec![b'x'; 17_000]), "malformed_body"),
        (Request::post(PATH).form(&[("grant_type", "client_credentials")]), "no_credentials"),
        (Request::post(PATH).form(&[("grant_type", "x"), ("client_id", "meti")]), "malformed_credentials"),
        (Request::post(PATH).bearer("x").form(&[("grant_type", "x")]), "malformed_credentials"),
        (Way::Form.request(PATH, METI, &[]), "missing_parameter"),
        (asking(&[("scope", &long)]), "oversized_parameter"),
        (Way::Form.request(PATH, METI, &[("grant_type", "password")]), "grant_type"),
    ];
    for (request, reason) in requests {
        let answer = bed.send(request).await;
        is_kept(&bed, &answer, reason).await;
    }
}

#[tokio::test]
async fn failed_authentications_are_kept_with_the_id_that_they_named() {
    let bed = Bed::start_with_bad_clients().await;
    for (id, secret, reason) in REFUSED {
        let answer = bed.send(Way::BasicForm.token(PATH, (id, secret), &[]).from("198.51.99.1")).await;
        is_kept(&bed, &answer, reason).await;
        let kept = bed.refusal(&answer).await;
        assert_eq!(kept.unverified_client.as_deref(), Some(kept_of(id)));
        assert_eq!((kept.endpoint.as_str(), kept.from.as_str()), ("token", "198.51.99.1"));
    }
}

#[tokio::test]
async fn refused_grants_are_kept() {
    let bed = Bed::start().await;
    let api = "https://api.meti.io";
    let requests = [
        (asking(&[("audience", "https://unknown.example")]), "unknown_audience"),
        (asking(&[("audience", api), ("resource", "https://api.m3ter.com")]), "several_audiences"),
        (asking(&[("resource", "relative")]), "malformed_audience"),
        (asking(&[("audience", "https://api.m3ter.com")]), "audience_not_granted"),
        (asking(&[("scope", "nonsense")]), "scopes"),
        (asking(&[("scope", "a\"b")]), "malformed_scope"),
    ];
    for (request, reason) in requests {
        let answer = bed.send(request).await;
        is_kept(&bed, &answer, reason).await;
        assert_eq!(bed.refusal(&answer).await.unverified_client.as_deref(), Some("meti"));
    }
    bed.change_server("default", api, |server| server.settings.requires_licence = true).await;
    let answer = bed.send(asking(&[])).await;
    is_kept(&bed, &answer, "licence").await;
    bed.change_server("default", api, |server| server.status = Status::Disabled).await;
    let answer = bed.send(asking(&[])).await;
    is_kept(&bed, &answer, "audience_disabled").await;
    bed.change_realm("default", |realm| realm.settings.default_audience = None).await;
    let answer = bed.send(Way::Form.token(PATH, ("m3ter-bare", secrets::M3TER_BARE), &[])).await;
    is_kept(&bed, &answer, "no_audience").await;
}

#[tokio::test]
async fn refused_sign_ins_are_kept() {
    let bed = Bed::start().await;
    bed.apply(&in_default(
        "  - id: custodian\n    name: Custodian Inc\n    users:\n    - { email: off@custodian.example, role: viewer, \
         status: disabled, password: correct horse battery staple }\n  operators:\n  - { email: op@example.org, role: \
         owner, password: correct horse battery staple }\n",
    ))
    .await;
    for (email, password, reason) in [
        ("nobody@custodian.example", secrets::PASSWORD, "unknown_user"),
        ("dev@custodian.example", "wrong-secret", "wrong_password"),
        ("off@custodian.example", secrets::PASSWORD, "user_disabled"),
        ("op@example.org", secrets::PASSWORD, "no_membership"),
    ] {
        let body = json!({ "email": email, "password": password });
        let answer = bed.send(Request::post("/token").json(&body)).await;
        is_kept(&bed, &answer, reason).await;
        let kept = bed.refusal(&answer).await;
        assert_eq!(
            (kept.unverified_client.as_deref(), kept.endpoint.as_str()),
            (Some(email), "password_token")
        );
    }
}

#[tokio::test]
async fn too_many_failures_are_kept_with_the_last_failures_reason() {
    let bed = Bed::start().await;
    let wrong = Way::Form.token(PATH, ("meti", "wrong-secret-1234567890"), &[]);
    for _ in 0..10 {
        bed.send(wrong.clone()).await;
    }
    let answer = bed.send(wrong).await;
    is_kept(&bed, &answer, "too_many_failures").await;
    assert!(bed.refusal(&answer).await.detail.contains("matches no access key"));
}

#[tokio::test]
async fn what_could_not_be_served_is_kept() {
    let bed = Bed::start_with(|settings| {
        settings.password_places = 0;
        settings.password_patience = Duration::ZERO;
    })
    .await;
    let answer = bed.send(Bed::sign_in()).await;
    is_kept(&bed, &answer, "passwords_busy").await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["find_credential"]);
    let answer = node.send(asking(&[])).await;
    is_kept(&bed, &answer, "store_unavailable").await;
    store.fail(&["append_tokens"]);
    let answer = node.send(asking(&[])).await;
    is_kept(&bed, &answer, "journal_failed").await;
    let locked = Node::with_master(&bed, "other", 7).await;
    let answer = locked.send(asking(&[])).await;
    answer.refused(503, "temporarily_unavailable");
    is_kept(&bed, &answer, "no_signing_key").await;
    bed.clock.advance(Duration::from_secs(3));
    let answer = bed.send(asking(&[])).await;
    is_kept(&bed, &answer, "directory_too_old").await;
    assert!(bed.authority.now() > NOW);
}

#[tokio::test]
async fn each_endpoint_is_named() {
    let bed = Bed::start().await;
    let wrong = ("meti", "wrong-secret-1234567890");
    for (path, endpoint) in [
        ("/oauth/token", "token"),
        ("/realms/default/protocol/openid-connect/token", "token"),
        ("/oauth/introspect", "introspect"),
        ("/realms/default/protocol/openid-connect/token/introspect", "introspect"),
        ("/oauth/revoke", "revoke"),
        ("/realms/default/protocol/openid-connect/revoke", "revoke"),
    ] {
        let more = [("grant_type", "client_credentials"), ("token", "x")];
        let answer = bed.send(Way::Form.request(path, wrong, &more)).await;
        assert_eq!(bed.refusal(&answer).await.endpoint, endpoint);
    }
}

#[tokio::test]
async fn of_an_id_that_nobody_has_only_the_beginning_is_kept() {
    let bed = Bed::start().await;
    for (id, kept) in
        [("x".repeat(5000), "xxxxxxxx…"), ("meti-reader".to_owned(), "met…"), ("x".to_owned(), "…")]
    {
        let answer = bed.send(Way::Form.token(PATH, (&id, "any-secret-1234567890"), &[])).await;
        answer.refused(401, "invalid_client");
        assert_eq!(bed.refusal(&answer).await.unverified_client.as_deref(), Some(kept));
    }
}

#[tokio::test]
async fn a_secret_in_the_place_of_an_id_is_on_no_record() {
    let bed = Bed::start().await;
    let client = bed.find_client("default", "meti").await.client;
    let made = bed
        .operator("default", async |editor| access_key::create(editor, &client, None).await.unwrap())
        .await;
    let secret = made.secret.expose();
    let random = secret.rsplit('_').next().unwrap();
    let shown = masked(secret);
    assert!(shown.contains("********"));
    let more = [("grant_type", "client_credentials"), ("token", "x")];
    for path in [
        "/oauth/token",
        "/realms/default/protocol/openid-connect/token",
        "/oauth/introspect",
        "/oauth/revoke",
    ] {
        for way in Way::ALL {
            for (id, begins) in [(secret, shown.as_str()), (secrets::METI, &secrets::METI[..3])] {
                let answer = bed.send(way.request(path, (id, "x"), &more).from("198.51.99.2")).await;
                let kept = format!("{:?}", bed.refusal(&answer).await);
                assert!(!kept.contains(random) && !kept.contains(secrets::METI), "{path}: {kept}");
                assert!(kept.contains(&format!("Some(\"{begins}")), "{path}: {kept}");
            }
        }
    }
    let form = "application/x-www-form-urlencoded";
    let long = format!("{}{secret}", "a".repeat(5));
    for more in [("audience", secret), ("resource", secret), ("scope", secret), ("audience", &long)] {
        let answer = bed.send(asking(&[more])).await;
        let kept = bed.refusal(&answer).await;
        assert!(kept.detail.contains("********") && !kept.detail.contains(random), "{kept:?}");
    }
    let body = format!("grant_type={long}&client_id=meti&client_secret={}", secrets::METI);
    let kept = bed.refusal(&bed.send(Request::post(PATH).raw(form, body.as_bytes())).await).await;
    assert_eq!((kept.reason.as_str(), kept.unverified_client.as_deref()), ("grant_type", Some("meti")));
    assert!(!kept.detail.contains(&random[..8]), "not even half a secret: {kept:?}");
}

#[tokio::test]
async fn a_password_in_the_place_of_an_email_is_on_no_record() {
    let bed = Bed::start().await;
    for (email, kept) in
        [(secrets::PASSWORD, None), (" DEV@custodian.example ", Some("dev@custodian.example")), ("", None)]
    {
        let body = json!({ "email": email, "password": "dev@custodian.example" });
        let answer = bed.send(Request::post("/token").json(&body)).await;
        let record = bed.refusal(&answer).await;
        assert_eq!((record.endpoint.as_str(), record.unverified_client.as_deref()), ("password_token", kept));
        assert!(!format!("{record:?}").contains(secrets::PASSWORD), "{record:?}");
    }
}

#[tokio::test]
async fn a_known_id_is_kept_whole_whatever_is_wrong_with_its_secret() {
    let bed = Bed::start().await;
    for id in ["meti", "meti-key"] {
        for secret in ["sym_sk_mistyped_1", "sym_", "x"] {
            let answer = bed.send(Way::Form.token(PATH, (id, secret), &[])).await;
            let kept = bed.refusal(&answer).await;
            let client = kept.client.as_ref().map(symbolon_core::id::ClientId::as_str);
            assert_eq!((kept.unverified_client.as_deref(), client), (Some(id), Some("meti")), "{kept:?}");
        }
    }
}
