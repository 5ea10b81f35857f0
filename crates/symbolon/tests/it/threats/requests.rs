//! Requests that say too much, twice, or nonsense (10, 11), and headers at random.

use symbolon_server::PeerAddress;
use symbolon_server::axum::body::Body;
use symbolon_server::axum::http::{HeaderName, HeaderValue, Method};
use tower::ServiceExt as _;

use crate::support::{Bed, HOLDER, Request, Way};

const TOKEN: [&str; 3] =
    ["/oauth/token", "/realms/default/oauth/token", "/realms/default/protocol/openid-connect/token"];

#[tokio::test]
async fn t10_an_oversized_parameter_is_refused_and_never_dropped() {
    let bed = Bed::start().await;
    let just = format!("https://api.meti.io/{}", "x".repeat(4096 - 20));
    let over = format!("{just}x");
    for path in TOKEN {
        for way in Way::ALL {
            for name in ["audience", "resource", "scope"] {
                let answer = bed.send(way.token(path, HOLDER, &[(name, &over)])).await;
                assert_eq!(answer.refused(400, "invalid_request"), format!("Parameter too long: {name}"));
                let answer = bed.send(way.token(path, HOLDER, &[(name, &just)])).await;
                assert!(matches!(answer.body["error"].as_str(), Some("invalid_target" | "invalid_scope")));
            }
        }
        // One long value among good ones is no better.
        let form = [("resource", "https://api.meti.io"), ("resource", over.as_str())];
        bed.send(Way::BasicForm.token(path, HOLDER, &form)).await.refused(400, "invalid_request");
    }
    let long = "x".repeat(15_000);
    for (path, name, status) in [
        ("/oauth/introspect", "token", 200),
        ("/oauth/revoke", "token", 200),
        ("/oauth/token", "grant_type", 400),
    ] {
        let answer = bed.send(Way::Form.request(path, HOLDER, &[(name, &long)])).await;
        assert_eq!(answer.status, status);
        assert_ne!(answer.body["active"], true);
    }
}

#[tokio::test]
async fn t10_an_oversized_id_or_secret_fails_to_authenticate() {
    let bed = Bed::start().await;
    let long = "x".repeat(10_000);
    for (id, secret) in [(long.as_str(), HOLDER.1), (HOLDER.0, long.as_str())] {
        for way in Way::ALL {
            let answer = bed.send(way.token("/oauth/token", (id, secret), &[])).await;
            answer.refused(401, "invalid_client");
        }
    }
    let padded = format!("{}{}", HOLDER.0, " ".repeat(300));
    bed.send(Way::Form.token("/oauth/token", (&padded, HOLDER.1), &[])).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn t11_two_ways_of_authenticating_are_one_too_many() {
    let bed = Bed::start().await;
    let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let junk = [
        vec![("client_assertion", "junk"), ("client_assertion_type", assertion)],
        vec![("client_assertion", "junk")],
        vec![("client_assertion_type", assertion)],
    ];
    let paths = TOKEN.into_iter().chain(["/oauth/introspect", "/oauth/revoke"]);
    for path in paths {
        for way in Way::ALL {
            for more in &junk {
                let mut more = more.clone();
                more.push(("token", "x"));
                bed.send(way.token(path, HOLDER, &more)).await.refused(400, "invalid_request");
            }
        }
        let both = [("client_id", HOLDER.0), ("client_secret", HOLDER.1), ("token", "x")];
        let both = Way::BasicForm.token(path, HOLDER, &both);
        bed.send(both).await.refused(400, "invalid_request");
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.roll(most);
        (0..length).map(|_| u8::try_from(self.roll(256)).unwrap()).collect()
    }

    /// A header's value: anything that HTTP lets through.
    fn value(&mut self) -> HeaderValue {
        const STARTS: [&[u8]; 12] = [
            b"",
            b"Basic ",
            b"Bearer ",
            b"application/json",
            b"application/x-www-form-urlencoded; ",
            b"plain.example",
            b"\"",
            b"W/\"",
            b"10.0.0.1, ",
            b"::1",
            b"[",
            b"*",
        ];
        let mut value = STARTS[self.roll(STARTS.len())].to_vec();
        value.extend(self.bytes(40).into_iter().filter(|byte| *byte >= 32 && *byte != 127));
        HeaderValue::from_bytes(&value).unwrap()
    }
}

#[tokio::test]
async fn headers_and_bodies_at_random_cause_no_panic_and_no_fault() {
    const NAMES: [&str; 14] = [
        "authorization",
        "host",
        "content-type",
        "content-length",
        "transfer-encoding",
        "if-none-match",
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-request-id",
        "accept",
        "origin",
        "cookie",
        "x-http-method-override",
    ];
    const PATHS: [&str; 14] = [
        "/oauth/token",
        "/realms/default/oauth/token",
        "/realms/default/protocol/openid-connect/token",
        "/token",
        "/oauth/introspect",
        "/oauth/revoke",
        "/realms/plain/oauth/revoke",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/plain",
        "/realms/%FF/oauth/token",
        "/livez",
        "/readyz",
        "/nothing?%zz=%",
    ];
    let bed = Bed::start_behind(&["192.0.2.0/24"], |_| {}).await;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2000 {
        let methods = [Method::GET, Method::POST, Method::POST, Method::POST, Method::PUT, Method::HEAD];
        let request = symbolon_server::axum::http::Request::builder()
            .method(&methods[dice.roll(methods.len())])
            .uri(PATHS[dice.roll(PATHS.len())])
            .header("host", "localhost");
        let mut request = request.body(Body::from(dice.bytes(200))).unwrap();
        for _ in 0..dice.roll(6) {
            let name = HeaderName::from_static(NAMES[dice.roll(NAMES.len())]);
            request.headers_mut().append(name, dice.value());
        }
        request.extensions_mut().insert(PeerAddress("192.0.2.1:1".parse().unwrap()));
        let response = bed.app().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        assert!(matches!(status, 200 | 304 | 400 | 401 | 404 | 405 | 415 | 429), "{status}");
        assert!(response.headers().contains_key("x-request-id"));
    }
    // And it still serves.
    let answer = bed.send(Request::get("/readyz")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 200);
}

#[tokio::test]
async fn a_request_that_does_not_say_clearly_for_which_host_it_is_is_refused_everywhere() {
    let bed = Bed::start().await;
    for path in ["/oauth/token", "/livez", "/console/sign-in", "/api/v1/realms", "/nothing"] {
        let two = Request::get(path).host("localhost").host("plain.example");
        for request in
            [two, Request::get(path).host("user@localhost"), Request::get(path).host("localhost:abc")]
        {
            let answer = bed.send(request).await;
            answer.refused(400, "invalid_request");
            assert!(answer.text.contains("names its host once"), "{}", answer.text);
            assert!(!answer.header("x-request-id").is_empty());
        }
        let none = symbolon_server::axum::http::Request::get(path);
        let status = bed.app().oneshot(none.body(Body::empty()).unwrap()).await.unwrap().status();
        assert_eq!(status, 400, "{path}");
    }
    assert_eq!(bed.send(Request::get("/livez").host("[::1]:8080")).await.status, 200);
}
