//! What proxies write, and strangers imitate (16, 20, 25, 26).

use crate::support::{Answer, Bed, Request, Way, in_default};

const ELSEWHERE: (&str, &str) = ("elsewhere", "elsewhere-1234567890");
const METI: (&str, &str) = ("meti", crate::support::secrets::METI);

/// A world with a client that may come from 198.51.100.0/24 alone, behind these proxies.
async fn behind(proxies: &[&str]) -> Bed {
    let bed = Bed::start_behind(proxies, |_| {}).await;
    bed.apply(&in_default(
        "  - id: doubtful\n    clients:\n    - id: elsewhere\n      settings:\n        grants: [{ audience: \
         \"https://api.meti.io\", scopes: [\"read:sources\"] }]\n        allowed_networks: [198.51.100.0/24, \
         \"2001:db8:5::/48\"]\n      access_keys: [{ id: elsewhere-key, secret: elsewhere-1234567890 }]\n",
    ))
    .await;
    bed
}

async fn ask(bed: &Bed, from: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = Way::Form.token("/oauth/token", ELSEWHERE, &[]).from(from);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    bed.send(request).await
}

#[tokio::test]
async fn t16_a_forwarded_host_chooses_no_realm_and_no_address() {
    let bed = Bed::start_behind(&["192.0.2.0/24"], |_| {}).await;
    for (name, value) in [
        ("x-forwarded-host", "plain.example"),
        ("x-host", "plain.example"),
        ("forwarded", "host=plain.example"),
        ("x-original-host", "plain.example"),
        ("x-forwarded-server", "plain.example"),
        ("x-forwarded-host", "169.254.169.254"),
        ("x-forwarded-prefix", "/realms/plain"),
    ] {
        let answer = bed.send(Way::Form.token("/oauth/token", METI, &[]).header(name, value)).await;
        assert_eq!(answer.claims()["iss"], "https://auth.example/", "{name}");
        let document = Request::get("/.well-known/openid-configuration").header(name, value);
        let document = bed.send(document).await.body;
        for member in ["issuer", "token_endpoint", "jwks_uri", "introspection_endpoint"] {
            assert!(document[member].as_str().unwrap().starts_with("https://auth.example/"), "{name}");
        }
    }
}

#[tokio::test]
async fn t20_a_forwarded_address_that_cannot_be_read_denies() {
    let bed = behind(&["10.0.0.0/8"]).await;
    let good = ask(&bed, "10.0.0.1", &[("x-forwarded-for", "198.51.100.7")]).await;
    assert_eq!(good.status, 200, "{good:?}");
    let unreadable = [
        "",
        "unknown",
        "198.51.100.7:443",
        "198.51.100.7, bad",
        "198.51.100.999",
        "198.51.100.7/24",
        "_hidden",
        "\"198.51.100.7\"",
        "198.51.100.7;",
        ",",
        "198.51.100.7,",
        "é",
    ];
    for bad in unreadable {
        // All of them count for one and the same network, so that back-off must be waited for.
        bed.advance(std::time::Duration::from_mins(10)).await;
        let answer = ask(&bed, "10.0.0.1", &[("x-forwarded-for", bad)]).await;
        answer.refused(401, "invalid_client");
        assert_eq!(bed.refusal(&answer).await.reason, "network_forbidden", "{bad:?}");
    }
    ask(&bed, "10.0.0.1", &[]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn t20_a_network_that_was_not_listed_is_refused_in_every_spelling_of_an_address() {
    let bed = behind(&[]).await;
    for from in ["198.51.100.7", "::ffff:198.51.100.7", "2001:db8:5::1"] {
        assert_eq!(ask(&bed, from, &[]).await.status, 200, "{from}");
    }
    for from in ["198.51.101.7", "::ffff:198.51.101.7", "2001:db8:6::1", "::198.51.100.7", "::1", "127.0.0.1"]
    {
        ask(&bed, from, &[]).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn t25_nobody_is_believed_about_addresses_by_default() {
    let bed = behind(&[]).await;
    for (name, value) in [
        ("x-forwarded-for", "198.51.100.7"),
        ("x-real-ip", "198.51.100.7"),
        ("x-client-ip", "198.51.100.7"),
        ("cf-connecting-ip", "198.51.100.7"),
        ("true-client-ip", "198.51.100.7"),
        ("forwarded", "for=198.51.100.7"),
        ("x-cluster-client-ip", "198.51.100.7"),
    ] {
        let answer = ask(&bed, "203.0.113.1", &[(name, value)]).await;
        answer.refused(401, "invalid_client");
        assert_eq!(bed.refusal(&answer).await.from, "203.0.113.1", "{name}");
    }
}

#[tokio::test]
async fn t25_of_a_trusted_proxys_list_only_what_it_wrote_counts() {
    let bed = behind(&["10.0.0.0/8"]).await;
    for (list, from) in [
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("198.51.100.7,203.0.113.9 ,10.0.0.2, 10.0.0.3", "203.0.113.9"),
    ] {
        let answer = ask(&bed, "10.0.0.1", &[("x-forwarded-for", list)]).await;
        answer.refused(401, "invalid_client");
        assert_eq!(bed.refusal(&answer).await.from, from);
    }
    // A second line is the end of the first.
    let lines = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "203.0.113.9")];
    ask(&bed, "10.0.0.1", &lines).await.refused(401, "invalid_client");
    // From elsewhere the header is anybody's.
    ask(&bed, "203.0.113.1", &[("x-forwarded-for", "198.51.100.7")]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn t25_back_off_cannot_be_escaped_by_a_new_address_in_each_header() {
    let bed = behind(&[]).await;
    for number in 0..11 {
        let request = Way::Form.token("/oauth/token", ("meti", "wrong-secret-1234567890"), &[]);
        bed.send(request.header("x-forwarded-for", &format!("198.51.100.{number}"))).await;
    }
    let request = Way::Form.token("/oauth/token", ("meti", "wrong-secret-1234567890"), &[]);
    let answer = bed.send(request.header("x-forwarded-for", "203.0.113.77")).await;
    answer.refused(429, "temporarily_unavailable");
}

#[tokio::test]
async fn t25_a_forwarded_uri_or_method_changes_nothing() {
    let bed = Bed::start_behind(&["192.0.2.0/24"], |_| {}).await;
    for (name, value) in [
        ("x-forwarded-uri", "/livez"),
        ("x-original-url", "/livez"),
        ("x-rewrite-url", "/livez"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-http-method-override", "GET"),
        ("user-agent", "kube-probe/1.30"),
        ("user-agent", "ELB-HealthChecker/2.0"),
    ] {
        let wrong = Way::Form.token("/oauth/token", ("meti", "wrong-secret-1234567890"), &[]);
        let answer = bed.send(wrong.header(name, value).from("2001:db8::1")).await;
        assert!(matches!(answer.status, 401 | 429), "{name}");
        let get = Request::get("/oauth/token").header(name, value);
        bed.send(get).await.refused(405, "invalid_request");
    }
}

#[tokio::test]
async fn t26_inbound_identity_headers_authenticate_nobody_in_any_spelling() {
    let bed = Bed::start_behind(&["192.0.2.0/24"], |_| {}).await;
    let names = [
        "x-auth-request-user",
        "x_auth_request_user",
        "x-auth-user",
        "x-authenticated-client",
        "x_authenticated_client",
        "x-forwarded-user",
        "x-forwarded-client-cert",
        "x-ssl-client-s-dn",
        "x-client-id",
        "client_id",
        "remote-user",
        "remote_user",
        "x-symbolon-client",
        "proxy-authorization",
    ];
    for name in names {
        let anybody = Request::post("/oauth/token").form(&[("grant_type", "client_credentials")]);
        bed.send(anybody.header(name, "meti")).await.refused(401, "invalid_client");
        let introspect = Request::post("/oauth/introspect").form(&[("token", "x")]);
        bed.send(introspect.header(name, "meti")).await.refused(401, "invalid_client");
        // Beside good credentials it changes nobody's identity.
        let answer = bed.send(Way::Form.token("/oauth/token", METI, &[]).header(name, "m3ter-user")).await;
        assert_eq!((answer.status, answer.claims()["sub"].as_str()), (200, Some("meti")), "{name}");
    }
}
