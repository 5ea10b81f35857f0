//! W1 to W13: what real clients send.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::support::systems::{self, KEYCLOAK};
use crate::support::{Bed, Request, secrets};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What RFC 3986 says to encode.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &RESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// METI's token request in JSON, with more or other members.
fn meti_with(more: &Value) -> Value {
    let mut body = json!({
        "grant_type": "client_credentials", "client_id": "meti", "client_secret": secrets::METI,
        "audience": "https://api.meti.io",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn meti_form() -> Vec<(&'static str, &'static str)> {
    vec![("grant_type", "client_credentials"), ("client_id", "meti"), ("client_secret", secrets::METI)]
}

fn post(body: &Value) -> Request {
    Request::post("/oauth/token").json(body)
}

/// HTTP Basic with exactly this text before base64.
fn basic(pair: &str) -> Request {
    Request::post("/oauth/token")
        .header("authorization", &format!("Basic {}", BASE64.encode(pair)))
        .raw(JSON, br#"{"grant_type":"client_credentials"}"#)
}

/// A client whose id and secret have characters that encodings treat differently.
async fn with_odd_client(bed: &Bed, id: &str, secret: &str) {
    let client = json!({
        "id": id,
        "settings": { "grants": [{ "audience": "https://api.m3ter.com", "scopes": ["config:read"] }] },
        "access_keys": [{ "id": "odd-key", "secret": secret }],
    });
    bed.describe("default", json!({ "organizations": [{ "id": "m3ter-org", "clients": [client] }] })).await;
}

#[tokio::test]
async fn w1_a_content_type_has_parameters_and_any_case() {
    let bed = Bed::start().await;
    let json = meti_with(&json!({})).to_string();
    let form: Vec<String> = meti_form().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let form = form.join("&");
    let json_types =
        ["application/json;charset=UTF-8", "application/json; charset=utf-8", "Application/JSON"];
    let form_types = [
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded; charset=utf-8",
        "APPLICATION/X-WWW-FORM-URLENCODED ; Charset=\"UTF-8\"",
    ];
    let json_types = json_types.map(|content_type| (content_type, &json));
    for (content_type, body) in json_types.into_iter().chain(form_types.map(|form_type| (form_type, &form))) {
        let answer = bed.send(Request::post("/oauth/token").raw(content_type, body.as_bytes())).await;
        assert_eq!(answer.status, 200, "{content_type}: {answer:?}");
    }
}

#[tokio::test]
async fn w2_accept_is_anything_or_missing() {
    let bed = Bed::start().await;
    for (name, request) in systems::all() {
        assert_eq!(bed.send(request.clone()).await.status, 200, "{name}");
        for accept in ["*/*", "application/json, text/plain, */*", "text/html"] {
            let answer = bed.send(request.clone().header("accept", accept)).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, JSON), "{name}, {accept}");
        }
    }
}

#[tokio::test]
async fn w3_null_and_the_empty_string_mean_absent() {
    let bed = Bed::start().await;
    for nothing in [Value::Null, json!("")] {
        let more = json!({ "organization": nothing, "scope": nothing, "resource": nothing });
        let answer = bed.send(post(&meti_with(&more))).await;
        assert_eq!(answer.body["scope"], "delete:sources read:sources write:sources", "{answer:?}");
        let answer = bed.send(post(&meti_with(&json!({ "audience": nothing })))).await;
        assert_eq!(answer.claims()["aud"], "https://api.meti.io");
        let answer = bed.send(post(&meti_with(&json!({ "grant_type": nothing })))).await;
        assert_eq!(answer.refused(400, "invalid_request"), "Missing required parameter: grant_type");
        let both =
            json!({ "grant_type": "client_credentials", "client_id": nothing, "client_secret": nothing });
        let basic = Request::post("/oauth/token").basic("m3ter-key", secrets::M3TER).json(&both);
        assert_eq!(bed.send(basic).await.status, 200);
    }
}

#[tokio::test]
async fn w3_empty_parameters_of_a_form_are_absent() {
    let bed = Bed::start().await;
    let mut form = meti_form();
    form.extend([("audience", ""), ("scope", ""), ("resource", ""), ("organization", "")]);
    let answer = bed.send(Request::post("/oauth/token").form(&form)).await;
    assert_eq!(answer.claims()["aud"], "https://api.meti.io");
}

#[tokio::test]
async fn w4_unknown_members_and_parameters_are_ignored() {
    let bed = Bed::start().await;
    let more = json!({ "organization": "org_123", "username": "x", "code": "y", "state": "z" });
    assert_eq!(bed.send(post(&meti_with(&more))).await.status, 200);
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", "eco-trial"),
        ("client_secret", secrets::ECOINVENT),
    ];
    form.extend([("username", ""), ("password", ""), ("code", ""), ("redirect_uri", "")]);
    form.extend([("organization", "org_123"), ("totp", "1"), ("session_state", "x")]);
    for path in ["/realms/ecoinvent/oauth/token", KEYCLOAK] {
        assert_eq!(bed.send(Request::post(path).form(&form)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn w5_scopes_of_openid_are_no_error_and_are_left_out() {
    let bed = Bed::start().await;
    for habit in ["openid", "openid profile email", "offline_access openid"] {
        let answer = bed.send(systems::meti(habit)).await;
        assert_eq!(answer.body["scope"], "delete:sources read:sources write:sources", "{habit}");
        let answer = bed.send(systems::meti(&format!("{habit} read:sources"))).await;
        assert_eq!(answer.body["scope"], "read:sources", "{habit}");
        assert_eq!(answer.claims()["scope"], "read:sources", "{habit}");
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "eco-trial"),
        ("client_secret", secrets::ECOINVENT),
        ("scope", "openid"),
    ];
    let answer = bed.send(Request::post(KEYCLOAK).form(&form)).await;
    assert_eq!(answer.body["scope"], "read:versions");
    bed.send(systems::meti("openid launch:rockets")).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn w6_basic_credentials_count_raw_and_in_every_encoding() {
    let bed = Bed::start().await;
    let (id, secret) = ("odd-client_1.0~x@y/z+w", "a-b_c.d~e+f/g=h&i%j:k l%41é");
    with_odd_client(&bed, id, secret).await;
    let everything = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let form = |text: &str| everything(text).replace("%20", "+");
    let lower = |text: &str| {
        let mut rest = everything(text);
        for at in 0..rest.len() {
            if rest.as_bytes()[at] == b'%' {
                let low = rest[at..at + 3].to_lowercase();
                rest.replace_range(at..at + 3, &low);
            }
        }
        rest
    };
    let in_part = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let by_javascript = |text: &str| utf8_percent_encode(text, COMPONENT).to_string();
    let pairs = [
        ("raw", format!("{id}:{secret}")),
        ("form", format!("{}:{}", form(id), form(secret))),
        ("everything", format!("{}:{}", everything(id), everything(secret))),
        ("lower case digits", format!("{}:{}", lower(id), lower(secret))),
        ("in part", format!("{}:{}", in_part(id), in_part(secret))),
        ("encodeURIComponent", format!("{}:{}", by_javascript(id), by_javascript(secret))),
    ];
    for (name, pair) in pairs {
        let answer = bed.send(basic(&pair)).await;
        assert_eq!(answer.status, 200, "{name}: {pair}: {answer:?}");
        assert_eq!(answer.claims()["client_id"], id);
    }
    bed.send(basic(&format!("{id}:{}", everything(&everything(secret)))))
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn w6_hyphens_and_underscores_may_be_encoded_too() {
    let bed = Bed::start().await;
    let (_, _, secret) =
        bed.create_client("default", "m3ter-org", symbolon_core::client::ClientSettings::default()).await;
    let id = bed.find_client("default", "m3ter-key").await.client.id;
    let pair = format!("m3ter%2Dkey:{}", secrets::M3TER.replace('-', "%2D"));
    assert_eq!(bed.send(basic(&pair)).await.claims()["sub"], id.as_str());
    // A generated secret has underscores, which some encode as well.
    let (key, _) = secret.rsplit_once('_').unwrap();
    let key = key.strip_prefix("sym_").unwrap().split_once('_').unwrap().1;
    let pair = format!("{}:{}", key.replace('_', "%5F"), secret.replace('_', "%5F"));
    assert_eq!(bed.send(basic(&pair)).await.claims()["key_id"], key);
}

#[tokio::test]
async fn w6_a_form_body_beside_basic_works_like_json() {
    let bed = Bed::start().await;
    let form = Request::post("/oauth/token")
        .basic("m3ter-key", secrets::M3TER)
        .form(&[("grant_type", "client_credentials")]);
    assert_eq!(bed.send(form).await.body["expires_in"], 18_000);
}

#[tokio::test]
async fn w7_an_equal_client_id_in_the_body_beside_basic_is_fine() {
    let bed = Bed::start().await;
    let body = [("grant_type", "client_credentials"), ("client_id", "m3ter-key")];
    let raw = Request::post("/oauth/token").basic("m3ter-key", secrets::M3TER);
    let encoded = Request::post("/oauth/token").basic("m3ter%2Dkey", &secrets::M3TER.replace('-', "%2D"));
    for request in [raw, encoded] {
        assert_eq!(bed.send(request.clone().form(&body)).await.status, 200);
        let json =
            json!({ "grant_type": "client_credentials", "client_id": "m3ter-key", "client_secret": null });
        assert_eq!(bed.send(request.json(&json)).await.status, 200);
    }
}

#[tokio::test]
async fn w8_a_secret_in_the_body_beside_basic_or_another_client_id_there_is_answered_400() {
    let bed = Bed::start().await;
    let bodies = [
        json!({ "client_secret": secrets::M3TER }),
        json!({ "client_id": "m3ter-key", "client_secret": secrets::M3TER }),
        json!({ "client_id": "meti", "client_secret": secrets::METI }),
        json!({ "client_id": "meti" }),
        json!({ "client_id": "m3ter-user" }),
    ];
    for mut body in bodies {
        body["grant_type"] = "client_credentials".into();
        for path in ["/oauth/token", "/realms/default/protocol/openid-connect/token"] {
            let request = Request::post(path).basic("m3ter-key", secrets::M3TER).json(&body);
            let answer = bed.send(request).await;
            assert!(!answer.refused(400, "invalid_request").is_empty(), "{body}");
        }
    }
}

#[tokio::test]
async fn w9_a_slash_at_the_audiences_end_makes_no_difference() {
    let bed = Bed::start().await;
    for audience in ["https://api.meti.io", "https://api.meti.io/"] {
        let answer = bed.send(post(&meti_with(&json!({ "audience": audience })))).await;
        assert_eq!(bed.verified(&answer).await["aud"], "https://api.meti.io");
        let resource = json!({ "audience": null, "resource": audience });
        assert_eq!(bed.send(post(&meti_with(&resource))).await.claims()["aud"], "https://api.meti.io");
    }
}

#[tokio::test]
async fn w9_the_tokens_aud_is_the_registered_form_even_where_that_ends_in_a_slash() {
    let bed = Bed::start().await;
    let server = json!({ "identifier": "https://api.slash.example/", "settings": { "scopes": ["a"] } });
    let client = json!({
        "id": "slash",
        "settings": { "grants": [{ "audience": "https://api.slash.example", "scopes": ["a"] }] },
        "access_keys": [{ "id": "slash-key", "secret": "slash-secret-1234567890" }],
    });
    let organizations = json!([{ "id": "slash-org", "clients": [client] }]);
    bed.describe("default", json!({ "resource_servers": [server], "organizations": organizations })).await;
    for audience in ["", "https://api.slash.example", "https://api.slash.example/"] {
        let more = [("audience", audience)];
        let answer = bed.token("/oauth/token", "slash", "slash-secret-1234567890", &more).await;
        assert_eq!(answer.claims()["aud"], "https://api.slash.example/", "{audience}");
    }
}

#[tokio::test]
async fn w10_a_mistyped_audience_is_an_unknown_audience_and_gets_a_clean_refusal() {
    let bed = Bed::start().await;
    for name in ["audience", "resource"] {
        let mut body = json!({
            "grant_type": "client_credentials", "client_id": "metafold", "client_secret": secrets::METAFOLD,
        });
        body[name] = "htttps://api.metafold3d.com".into();
        let answer = bed.send(post(&body)).await;
        assert_eq!(answer.refused(400, "invalid_target"), "Unknown audience: htttps://api.metafold3d.com");
    }
}

#[tokio::test]
async fn w11_a_no_break_space_outside_of_strings_is_read_as_a_space() {
    let bed = Bed::start().await;
    let bodies = [
        "{\u{a0}\u{a0}\"grant_type\": \"client_credentials\"\n}",
        "\u{a0}{ \"grant_type\"\u{a0}:\u{a0}\"client_credentials\"\u{a0}}\u{a0}",
        "{\n\u{a0} \u{a0} \"grant_type\": \"client_credentials\",\n\u{a0} \u{a0} \"scope\":\u{a0}null\n}\n",
    ];
    for body in bodies {
        let request =
            Request::post("/oauth/token").basic("m3ter-key", secrets::M3TER).raw(JSON, body.as_bytes());
        assert_eq!(bed.send(request).await.status, 200, "{body:?}");
    }
}

#[tokio::test]
async fn w11_a_no_break_space_within_a_string_stays_what_it_is() {
    let bed = Bed::start().await;
    let secret = "no\u{a0}break \"secret\\ 1234567890";
    with_odd_client(&bed, "odd", secret).await;
    let ask = |secret: &str| {
        let body = json!({ "grant_type": "client_credentials", "client_id": "odd", "client_secret": secret });
        post(&body)
    };
    assert_eq!(bed.send(ask(secret)).await.status, 200);
    bed.send(ask(&secret.replace('\u{a0}', " "))).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn w12_twenty_token_requests_a_second_from_one_client_pass() {
    let bed = Bed::start().await;
    for _second in 0..3 {
        for _request in 0..20 {
            let answer = bed.send(systems::m3ter()).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        bed.advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn w12_twenty_token_requests_at_once_pass() {
    let bed = Bed::start().await;
    let requests: Vec<_> = (0..20).map(|_| tokio::spawn(systems::m3ter().send_to(bed.app()))).collect();
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn w13_the_grants_of_ecoinvents_python_package_are_refused_with_an_error_in_json() {
    let bed = Bed::start().await;
    let person = [("username", "dev@custodian.example"), ("password", secrets::PASSWORD)];
    let refresh = [("refresh_token", "eyJhbGciOiJIUzI1NiJ9.e30.x")];
    let public = [("client_id", "apollo-ui")];
    let known = [("client_id", "eco-trial"), ("client_secret", secrets::ECOINVENT)];
    for path in [KEYCLOAK, "/oauth/token", "/realms/ecoinvent/oauth/token"] {
        for client in [&public[..], &known[..]] {
            for (grant, more) in [("password", &person[..]), ("refresh_token", &refresh[..])] {
                let form = [&[("grant_type", grant)], more, client].concat();
                let answer = bed.send(Request::post(path).form(&form)).await;
                assert!((400..500).contains(&answer.status), "{path}, {grant}: {answer:?}");
                assert_eq!(answer.header("content-type"), JSON);
                assert!(answer.body["error"].is_string(), "{path}, {grant}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn w13_a_known_client_is_told_that_the_grant_is_not_offered() {
    let bed = Bed::start().await;
    for grant in ["password", "refresh_token", "authorization_code"] {
        let form = [("grant_type", grant), ("client_id", "eco-trial"), ("client_secret", secrets::ECOINVENT)];
        let answer = bed.send(Request::post(KEYCLOAK).form(&form)).await;
        answer.refused(400, "unsupported_grant_type");
    }
    let form = format!("grant_type=password&client_id=eco-trial&client_secret={}", secrets::ECOINVENT);
    bed.send(Request::post(KEYCLOAK).raw(FORM, form.as_bytes())).await.refused(400, "unsupported_grant_type");
}
