//! Reading a token request: method, body, encodings, parameters and credentials.

use serde_json::json;
use symbolon_server::axum::http::Method;

use crate::support::{Answer, Bed, Request, Way, secrets};

const PATHS: [&str; 3] =
    ["/oauth/token", "/realms/default/oauth/token", "/realms/default/protocol/openid-connect/token"];
const METI: (&str, &str) = ("meti", secrets::METI);
const FORM: &str = "application/x-www-form-urlencoded";

/// A request with Basic credentials and a body as it stands.
fn basic(path: &str, content_type: &str, body: &str) -> Request {
    Request::post(path).basic(METI.0, METI.1).raw(content_type, body.as_bytes())
}

async fn json(bed: &Bed, body: &str) -> Answer {
    bed.send(basic("/oauth/token", "application/json", body)).await
}

#[tokio::test]
async fn only_post_is_allowed_and_said_so() {
    let bed = Bed::start().await;
    let others = ["/token", "/oauth/introspect", "/oauth/revoke", "/realms/default/oauth/introspect"];
    let others = others.into_iter().chain([
        "/realms/default/oauth/revoke",
        "/realms/default/protocol/openid-connect/token/introspect",
        "/realms/default/protocol/openid-connect/revoke",
    ]);
    for path in PATHS.into_iter().chain(others) {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = bed.send(Request::new(method.clone(), path).basic(METI.0, METI.1)).await;
            assert_eq!(answer.refused(405, "invalid_request"), "Use POST", "{method} {path}");
            assert_eq!(answer.header("allow"), "POST");
        }
        let head = bed.send(Request::new(Method::HEAD, path)).await;
        assert_eq!((head.status, head.header("allow")), (405, "POST"));
    }
}

#[tokio::test]
async fn a_body_of_more_than_16_kib_is_refused_whole() {
    let bed = Bed::start().await;
    for path in PATHS {
        let filled = |length: usize| {
            let start = "grant_type=client_credentials&ignored=";
            format!("{start}{}", "x".repeat(length - start.len()))
        };
        assert_eq!(bed.send(basic(path, FORM, &filled(16 * 1024))).await.status, 200);
        let answer = bed.send(basic(path, FORM, &filled(16 * 1024 + 1))).await;
        assert_eq!(answer.refused(400, "invalid_request"), "The body is larger than 16 KiB");
    }
}

#[tokio::test]
async fn a_content_type_is_read_in_any_case_and_with_parameters() {
    let bed = Bed::start().await;
    let form = "grant_type=client_credentials";
    let json = r#"{"grant_type":"client_credentials"}"#;
    let good = [
        ("application/x-www-form-urlencoded;charset=UTF-8", form),
        ("Application/X-WWW-Form-URLEncoded ; x=y", form),
        ("APPLICATION/JSON; charset=utf-8", json),
        ("application/json", json),
    ];
    for path in PATHS {
        for (content_type, body) in good {
            let answer = bed.send(basic(path, content_type, body)).await;
            assert_eq!(answer.status, 200, "{content_type}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn any_other_media_type_is_415_with_an_oauth_body() {
    let bed = Bed::start().await;
    for path in PATHS {
        for other in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", "", "a/b/c"] {
            let answer = bed.send(basic(path, other, "grant_type=client_credentials")).await;
            answer.refused(415, "invalid_request");
        }
        let twice = basic(path, FORM, "grant_type=client_credentials").header("content-type", FORM);
        bed.send(twice).await.refused(415, "invalid_request");
        let none = Request::post(path).form(&[]).basic(METI.0, METI.1);
        bed.send(none).await.refused(400, "invalid_request");
        let bare = Request::post(path);
        bed.send(bare).await.refused(415, "invalid_request");
    }
}

#[tokio::test]
async fn an_empty_body_with_basic_needs_no_media_type() {
    let bed = Bed::start().await;
    for path in PATHS {
        let answer = bed.send(Request::post(path).basic(METI.0, METI.1)).await;
        let text = answer.refused(400, "invalid_request");
        assert!(text.ends_with("parameter: grant_type"), "{text}");
    }
}

#[tokio::test]
async fn json_is_one_object_of_strings_and_nulls_with_distinct_keys() {
    let bed = Bed::start().await;
    let bad = [
        r#"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#,
        r#"{"grant_type":"client_credentials","x":"1","\u0078":"2"}"#,
        r#"[{"grant_type":"client_credentials"}]"#,
        r#"{"grant_type":"client_credentials"} {}"#,
        r#"{"grant_type":"client_credentials""#,
        r#""grant_type""#,
        "null",
        "grant_type=client_credentials",
    ];
    for body in bad {
        let text = json(&bed, body).await.refused(400, "invalid_request").to_owned();
        assert_eq!(text, "The body is not one JSON object with distinct keys", "{body}");
    }
    for value in ["1", "true", "[]", "{}", "[\"read:sources\"]", "1.5"] {
        let body = format!(r#"{{"grant_type":"client_credentials","scope":{value}}}"#);
        let answer = json(&bed, &body).await;
        assert_eq!(answer.refused(400, "invalid_request"), "Parameter scope must be a string");
    }
    let nothing = r#"{"grant_type":"client_credentials","audience":null,"scope":"","organization":null}"#;
    assert_eq!(json(&bed, nothing).await.status, 200);
}

#[tokio::test]
async fn a_no_break_space_outside_of_strings_is_a_space() {
    let bed = Bed::start().await;
    let body = "{\u{a0}\u{a0}\n\u{a0}\"grant_type\":\u{a0}\"client_credentials\"\u{a0}}";
    assert_eq!(json(&bed, body).await.status, 200);
    let inside = "{\"grant_type\":\"client_credentials\u{a0}\"}";
    json(&bed, inside).await.refused(400, "unsupported_grant_type");
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_empty_ones_are_absent() {
    let bed = Bed::start().await;
    let more =
        [("username", ""), ("password", ""), ("code", ""), ("foo", "bar"), ("audience", ""), ("scope", "")];
    for path in PATHS {
        for way in Way::ALL {
            let answer = bed.send(way.token(path, METI, &more)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.body["scope"], "delete:sources read:sources write:sources");
        }
    }
}

#[tokio::test]
async fn every_parameter_but_resource_may_come_once() {
    let bed = Bed::start().await;
    let grant = "grant_type=client_credentials";
    for name in ["grant_type", "scope", "audience", "foo", "client_assertion"] {
        let body = format!("{grant}&{name}=a&{name}=b");
        let answer = bed.send(basic("/oauth/token", FORM, &body)).await;
        assert_eq!(answer.refused(400, "invalid_request"), format!("Repeated parameter: {name}"));
    }
    let api = "https%3A%2F%2Fapi.meti.io";
    let body = format!("{grant}&resource={api}&resource={api}%2F&audience={api}");
    let answer = bed.send(basic("/oauth/token", FORM, &body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = format!("{grant}&resource={api}&resource=https%3A%2F%2Fapi.m3ter.com");
    bed.send(basic("/oauth/token", FORM, &body)).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn exactly_one_way_of_authenticating_is_taken() {
    let bed = Bed::start().await;
    let grant = ("grant_type", "client_credentials");
    for path in PATHS {
        let start = || Request::post(path).basic(METI.0, METI.1);
        let both = start().form(&[grant, ("client_id", METI.0), ("client_secret", METI.1)]);
        bed.send(both).await.refused(400, "invalid_request");
        let secret = start().json(&json!({ "grant_type": grant.1, "client_secret": METI.1 }));
        bed.send(secret).await.refused(400, "invalid_request");
        let other = start().form(&[grant, ("client_id", "meti-readonly")]);
        bed.send(other).await.refused(400, "invalid_request");
        let same = start().form(&[grant, ("client_id", METI.0)]);
        assert_eq!(bed.send(same).await.status, 200);
        let twice = start().basic(METI.0, METI.1).form(&[grant]);
        bed.send(twice).await.refused(400, "invalid_request");
        let half = Request::post(path).form(&[grant, ("client_id", METI.0)]);
        bed.send(half).await.refused(400, "invalid_request");
        let half = Request::post(path).form(&[grant, ("client_secret", METI.1)]);
        bed.send(half).await.refused(400, "invalid_request");
        let assertion = start().form(&[grant, ("client_assertion", "e30.e30.e30")]);
        bed.send(assertion).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn basic_is_read_raw_and_form_decoded() {
    let bed = Bed::start().await;
    let id = "https://client.example/a+b?c";
    let secret = "a%41+b:c d~e/é-0123456789";
    bed.apply(&crate::support::in_default(&format!(
        "  - id: odd\n    clients:\n    - id: {id}\n      settings: {{ grants: [{{ audience: \"https://api.meti.io\", \
         scopes: [\"read:sources\"] }}] }}\n      access_keys: [{{ id: odd-key, secret: \"{secret}\" }}]\n"
    )))
    .await;
    let all = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let plus = |text: &str| all(text).replace("%20", "+");
    // A colon ends the id, so a raw id with one cannot be sent in Basic; its key's id can.
    let pairs = [
        (all(id), all(secret)),
        (plus(id), plus(secret)),
        ("odd-key".to_owned(), secret.to_owned()),
        ("odd-key".to_owned(), all(secret)),
    ];
    for (id, secret) in pairs {
        let request = Request::post("/oauth/token").basic(&id, &secret);
        let answer = bed.send(request.form(&[("grant_type", "client_credentials")])).await;
        assert_eq!(answer.status, 200, "{id} {secret}: {answer:?}");
    }
}

#[tokio::test]
async fn an_authorization_header_that_is_not_basic_is_a_failed_authentication() {
    let bed = Bed::start().await;
    for header in ["Bearer abc", "Basic", "Basic !!!", "Digest x=y", "Basic bWV0aQ==", "", "basic"] {
        let request = Request::post("/oauth/token").header("authorization", header);
        let answer = bed.send(request.form(&[("grant_type", "client_credentials")])).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{header:?}: {answer:?}");
    }
}

#[tokio::test]
async fn credentials_in_the_url_are_refused_even_beside_good_ones() {
    let bed = Bed::start().await;
    let names = ["client_secret", "password", "access_token", "token", "client%5Fsecret", "client_assertion"];
    for path in PATHS {
        for name in names {
            let url = format!("{path}?x=y&{name}=hush");
            let answer = bed.send(Way::Form.token(&url, METI, &[])).await;
            let text = answer.refused(400, "invalid_request");
            assert_eq!(text, "Credentials must not be sent in the URL", "{url}");
        }
        assert_eq!(bed.send(Way::Form.token(&format!("{path}?x=y"), METI, &[])).await.status, 200);
    }
    for path in ["/oauth/introspect", "/oauth/revoke", "/token"] {
        let url = format!("{path}?token=abc");
        bed.send(Way::Form.request(&url, METI, &[])).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn parameters_in_the_url_count_for_nothing() {
    let bed = Bed::start().await;
    let url = "/oauth/token?grant_type=client_credentials&scope=read:sources";
    bed.send(Way::Form.request(url, METI, &[])).await.refused(400, "invalid_request");
    let answer = bed.send(Way::Form.token(url, METI, &[])).await;
    assert_eq!(answer.body["scope"], "delete:sources read:sources write:sources");
}

#[tokio::test]
async fn descriptions_keep_to_the_characters_of_rfc_6749() {
    let bed = Bed::start().await;
    let odd = "\"quoted\\\" é\u{7f}\u{0}\n\t<script>\u{202e}";
    for path in PATHS {
        for name in ["grant_type", "audience", "resource", "scope"] {
            for way in [Way::Form, Way::Json, Way::BasicForm, Way::BasicJson] {
                let request = match name {
                    "grant_type" => way.request(path, METI, &[(name, odd)]),
                    _ => way.token(path, METI, &[(name, odd)]),
                };
                let answer = bed.send(request).await;
                assert_eq!(answer.status, 400, "{answer:?}");
                let text = answer.body["error_description"].as_str().unwrap();
                let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
                assert!(text.chars().all(allowed), "{text:?}");
            }
        }
        let repeated = format!("grant_type=client_credentials&%22%0A{0}=1&%22%0A{0}=2", "x".repeat(3000));
        let answer = bed.send(basic(path, FORM, &repeated)).await;
        let text = answer.refused(400, "invalid_request");
        assert!(text.len() <= 400 && !text.contains(['"', '\n']), "{text:?}");
    }
}
