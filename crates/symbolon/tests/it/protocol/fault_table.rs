//! The fault table, row by row: body, status and headers on every token endpoint, in every encoding.

use crate::support::{Answer, Bed, REFUSED, Request, Way, secrets};

const STANDARD: &str = "/oauth/token";
const NAMED: &str = "/realms/default/oauth/token";
const KEYCLOAK: &str = "/realms/default/protocol/openid-connect/token";
const INVALID_CLIENT: &str = "Invalid client or Invalid client credentials";

const METI: (&str, &str) = ("meti", secrets::METI);

/// The endpoints of the realm `default`, with what each says of a missing grant type.
const ENDPOINTS: [(&str, &str); 3] = [
    (STANDARD, "Missing required parameter: grant_type"),
    (NAMED, "Missing required parameter: grant_type"),
    (KEYCLOAK, "Missing form parameter: grant_type"),
];

/// An OAuth error: exactly the two members, and nothing that a cache may keep.
#[track_caller]
fn is_fault(answer: &Answer, status: u16, code: &str, text: &str) {
    assert_eq!(answer.refused(status, code), text, "{answer:?}");
    assert_eq!(answer.body.as_object().unwrap().len(), 2, "{answer:?}");
}

#[tokio::test]
async fn a_repeated_parameter_is_an_invalid_request() {
    let bed = Bed::start().await;
    for (path, _) in ENDPOINTS {
        let body = "grant_type=client_credentials&scope=a&scope=a";
        let form = Request::post(path).basic(METI.0, METI.1);
        let answer = bed.send(form.raw("application/x-www-form-urlencoded", body.as_bytes())).await;
        // Keycloak does not say which.
        let text = if path == KEYCLOAK { "duplicated parameter" } else { "Repeated parameter: scope" };
        is_fault(&answer, 400, "invalid_request", text);
    }
}

#[tokio::test]
async fn a_missing_grant_type_is_named_in_the_words_of_the_endpoint() {
    let bed = Bed::start().await;
    for (path, text) in ENDPOINTS {
        for way in Way::ALL {
            for more in [&[][..], &[("grant_type", "")][..]] {
                let answer = bed.send(way.request(path, METI, more)).await;
                is_fault(&answer, 400, "invalid_request", text);
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_grant_type_is_unsupported() {
    let bed = Bed::start().await;
    for (path, _) in ENDPOINTS {
        for way in Way::ALL {
            for grant in ["password", "refresh_token", "authorization_code", "CLIENT_CREDENTIALS", "x"] {
                let answer = bed.send(way.request(path, METI, &[("grant_type", grant)])).await;
                answer.refused(400, "unsupported_grant_type");
            }
        }
    }
}

#[tokio::test]
async fn every_failed_authentication_is_the_same_invalid_client() {
    let bed = Bed::start_with_bad_clients().await;
    for (path, _) in ENDPOINTS {
        for way in Way::ALL {
            for (id, secret, reason) in REFUSED {
                // Each from a network of its own, so that back-off stays out of it.
                let from = format!("2001:db8:{:x}::1", path.len() * 64 + reason.len() + way as usize * 4096);
                let answer = bed.send(way.token(path, (id, secret), &[]).from(&from)).await;
                is_fault(&answer, 401, "invalid_client", INVALID_CLIENT);
                let challenge = if way.is_basic() { r#"Basic realm="default", charset="UTF-8""# } else { "" };
                assert_eq!(answer.header("www-authenticate"), challenge, "{reason}");
            }
        }
    }
}

#[tokio::test]
async fn no_credentials_at_all_are_an_invalid_client() {
    let bed = Bed::start().await;
    for (path, _) in ENDPOINTS {
        let form = Request::post(path).form(&[("grant_type", "client_credentials")]);
        is_fault(&bed.send(form).await, 401, "invalid_client", INVALID_CLIENT);
        let json = Request::post(path).json(&serde_json::json!({ "grant_type": "client_credentials" }));
        is_fault(&bed.send(json).await, 401, "invalid_client", INVALID_CLIENT);
    }
}

#[tokio::test]
async fn an_organization_without_licence_is_unauthorized_and_told_which() {
    let bed = Bed::start().await;
    let who = ("eco-ended-client", secrets::ECOINVENT_ENDED);
    for path in ["/realms/ecoinvent/oauth/token", "/realms/ecoinvent/protocol/openid-connect/token"] {
        for way in Way::ALL {
            let answer = bed.send(way.token(path, who, &[])).await;
            let text = "The licence for this API ended at 2026-01-01T00:00:00.000Z";
            is_fault(&answer, 400, "unauthorized_client", text);
            assert_eq!(answer.header("www-authenticate"), "");
        }
    }
}

#[tokio::test]
async fn an_audience_that_is_unknown_or_not_granted_is_an_invalid_target() {
    let bed = Bed::start().await;
    let faults = [
        ("htttps://api.metafold3d.com", "Unknown audience: htttps://api.metafold3d.com"),
        ("https://api.m3ter.com", "The client is not allowed to get tokens for: https://api.m3ter.com"),
        ("api\"x\\", "Unknown audience: api?x?"),
    ];
    for (path, _) in ENDPOINTS {
        for way in Way::ALL {
            for (audience, text) in faults {
                let answer = bed.send(way.token(path, METI, &[("audience", audience)])).await;
                is_fault(&answer, 400, "invalid_target", text);
            }
            let answer = bed.send(way.token(path, METI, &[("resource", "https://api.m3ter.com")])).await;
            is_fault(&answer, 400, "invalid_target", faults[1].1);
        }
    }
}

#[tokio::test]
async fn asking_for_nothing_that_is_granted_is_an_invalid_scope() {
    let bed = Bed::start().await;
    let who = ("meti-readonly", secrets::METI_READONLY);
    for (path, _) in ENDPOINTS {
        for way in Way::ALL {
            let answer = bed.send(way.token(path, who, &[("scope", "write:sources nonsense")])).await;
            let text = answer.refused(400, "invalid_scope");
            assert!(text == "Invalid scopes: nonsense write:sources" || text.ends_with("nonsense"), "{text}");
            assert!(text.starts_with("Invalid scopes: ") && text.contains("write:sources"), "{text}");
        }
    }
}

#[tokio::test]
async fn too_many_failures_are_told_when_to_come_back() {
    let bed = Bed::start().await;
    for (path, _) in ENDPOINTS {
        for way in Way::ALL {
            let who = (format!("nobody-{way:?}-{}", path.len()), "wrong-secret-1234567890");
            // Each from a network of its own: all together they would be one that sprays.
            let from = format!("2001:db8:{:x}:{:x}::1", path.len(), way as usize);
            let request = way.token(path, (&who.0, who.1), &[]).from(&from);
            for _ in 0..10 {
                bed.send(request.clone()).await.refused(401, "invalid_client");
            }
            let answer = bed.send(request).await;
            answer.refused(429, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), "1");
            let reset = crate::support::NOW.seconds() + 1;
            assert_eq!(answer.header("x-ratelimit-reset"), reset.to_string());
            assert_eq!(answer.header("www-authenticate"), "");
        }
    }
}

#[tokio::test]
async fn v1_tells_a_malformed_request_from_a_wrong_password() {
    let bed = Bed::start().await;
    let good = [("email", "dev@custodian.example"), ("password", secrets::PASSWORD)];
    let refused = [
        (vec![good[0]], "Missing required parameter: password"),
        (vec![good[1]], "Missing required parameter: email"),
        (vec![good[0], ("password", "")], "Missing required parameter: password"),
    ];
    for (pairs, text) in refused {
        let answer = bed.send(Request::post("/token").form(&pairs)).await;
        is_fault(&answer, 400, "invalid_request", text);
        let members = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let body = serde_json::Value::Object(members.collect());
        is_fault(&bed.send(Request::post("/token").json(&body)).await, 400, "invalid_request", text);
        assert!(answer.header("deprecation").starts_with('@'), "{answer:?}");
    }
}

#[tokio::test]
async fn v1_has_one_text_for_every_failed_sign_in() {
    let bed = Bed::start().await;
    bed.apply(&crate::support::in_default(
        "  - id: custodian\n    name: Custodian Inc\n    users:\n    - { email: off@custodian.example, role: \
         viewer, status: disabled, password: correct horse battery staple }\n    - { email: \
         none@custodian.example, role: viewer }\n  - id: shut\n    status: disabled\n    users:\n    - { email: \
         a@shut.example, role: viewer, password: correct horse battery staple }\n",
    ))
    .await;
    let wrong = [
        ("nobody@custodian.example", secrets::PASSWORD),
        ("dev@custodian.example", "wrong"),
        ("dev@custodian.example", &"x".repeat(2000)),
        ("off@custodian.example", secrets::PASSWORD),
        ("none@custodian.example", secrets::PASSWORD),
        ("a@shut.example", secrets::PASSWORD),
    ];
    for (email, password) in wrong {
        let body = serde_json::json!({ "email": email, "password": password });
        let answer = bed.send(Request::post("/token").json(&body)).await;
        is_fault(&answer, 401, "invalid_grant", "Invalid email or password");
        assert_eq!(answer.header("www-authenticate"), "");
        assert!(answer.header("deprecation").starts_with('@'), "{answer:?}");
    }
}

#[tokio::test]
async fn v1_without_licence_is_unauthorized() {
    let bed = Bed::start().await;
    bed.change_server("default", "https://api.meti.io", |server| server.settings.requires_licence = true)
        .await;
    let body = serde_json::json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD });
    let answer = bed.send(Request::post("/token").json(&body)).await;
    is_fault(&answer, 400, "unauthorized_client", "The organization has no licence for this API");
}

#[tokio::test]
async fn v1_backs_off_after_too_many_failures() {
    let bed = Bed::start().await;
    // A password longer than anybody's is refused without hashing, so this is quick.
    let body = serde_json::json!({ "email": "Dev@Custodian.example ", "password": "x".repeat(2000) });
    for _ in 0..10 {
        bed.send(Request::post("/token").json(&body)).await.refused(401, "invalid_grant");
    }
    let answer = bed.send(Request::post("/token").json(&body)).await;
    answer.refused(429, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.header("x-ratelimit-reset").parse::<i64>().is_ok());
}

#[tokio::test]
async fn v1_is_not_there_unless_the_realm_turns_it_on() {
    let bed = Bed::start().await;
    let body = serde_json::json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD });
    let answer = bed.send(Request::post("/token").host("plain.example").json(&body)).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    bed.change_realm("default", |realm| realm.settings.password_tokens = None).await;
    assert_eq!(bed.send(Request::post("/token").json(&body)).await.status, 404);
}
