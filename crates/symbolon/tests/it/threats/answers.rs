//! Answers that say too much (21), or differ where they must be alike.

use serde_json::Value;
use symbolon_core::realm::Status;

use crate::support::{Answer, Bed, HOLDER, REFUSED, Request, Switch, Way, realm_id, secrets};

/// Names that only private keys and secrets have.
const PRIVATE: [&str; 16] = [
    "d",
    "p",
    "q",
    "dp",
    "dq",
    "qi",
    "oth",
    "k",
    "private",
    "private_key",
    "sealed",
    "data_key",
    "secret",
    "client_secret",
    "hmac",
    "password",
];

fn find_private(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => object.iter().find_map(|(name, value)| {
            if PRIVATE.contains(&name.as_str()) { Some(name.clone()) } else { find_private(value) }
        }),
        Value::Array(items) => items.iter().find_map(find_private),
        _ => None,
    }
}

/// Every endpoint, asked rightly and wrongly, in every realm.
async fn every_answer(bed: &Bed) -> Vec<Answer> {
    let mut answers = Vec::new();
    let gets = [
        ".well-known/jwks.json",
        ".well-known/openid-configuration",
        ".well-known/oauth-authorization-server",
        "protocol/openid-connect/certs",
    ];
    let posts = [
        "oauth/token",
        "protocol/openid-connect/token",
        "oauth/introspect",
        "protocol/openid-connect/token/introspect",
        "oauth/revoke",
        "protocol/openid-connect/revoke",
    ];
    let token = bed.access_token("/oauth/token", HOLDER.0, HOLDER.1).await;
    for start in ["/", "/realms/default/", "/realms/plain/", "/realms/ecoinvent/", "/realms/nowhere/"] {
        for end in gets {
            answers.push(bed.send(Request::get(&format!("{start}{end}"))).await);
        }
        for end in posts {
            let path = format!("{start}{end}");
            for who in
                [HOLDER, ("meti", "wrong-secret-1234567890"), ("eco-ended-client", secrets::ECOINVENT_ENDED)]
            {
                for way in Way::ALL {
                    let from = format!("2001:db8:{:x}::1", answers.len());
                    let more = [("token", token.as_str()), ("scope", "read:sources nonsense")];
                    answers.push(bed.send(way.token(&path, who, &more).from(&from)).await);
                }
            }
            answers.push(bed.send(Request::get(&path)).await);
            answers.push(bed.send(Request::post(&path).raw("text/plain", secrets::METI.as_bytes())).await);
            let echoed = format!("{}={}", secrets::METI, secrets::METI);
            let form = Request::post(&path).raw("application/x-www-form-urlencoded", echoed.as_bytes());
            answers.push(bed.send(form).await);
            answers.push(bed.send(Way::Form.token(&format!("{path}?client_secret=x"), HOLDER, &[])).await);
        }
    }
    answers.push(bed.send(Bed::sign_in()).await);
    for path in ["/livez", "/readyz", "/", "/token", "/nothing"] {
        answers.push(bed.send(Request::get(path)).await);
    }
    answers
}

#[tokio::test]
async fn t21_no_answer_of_any_endpoint_holds_private_members_or_secrets() {
    let bed = Bed::start_with_switches().await;
    let mut known: Vec<String> =
        vec![secrets::METI.into(), secrets::ECOINVENT_ENDED.into(), "PRIVATE KEY".into()];
    for realm in ["default", "plain", "ecoinvent"] {
        for key in bed.store().list_signing_keys(&realm_id(realm)).await.unwrap() {
            known.extend([key.private.sealed, key.private.data_key]);
        }
    }
    known.push(bed.find_key("default", "meti-key").await.secret.hmac.to_string());
    known.push("$argon2".to_owned());
    let answers = every_answer(&bed).await;
    assert!(answers.len() > 200);
    for answer in answers {
        assert_eq!(find_private(&answer.body), None, "{answer:?}");
        let headers = format!("{:?}", answer.headers);
        for secret in &known {
            assert!(
                !answer.text.contains(secret.as_str()) && !headers.contains(secret.as_str()),
                "{answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_failed_authentication_is_the_same_answer_to_the_byte() {
    let bed = Bed::start_with_bad_clients().await;
    let alike = |answer: Answer| {
        let mut headers = answer.headers;
        headers.remove("x-request-id");
        (answer.status, headers, answer.text)
    };
    let paths = [
        "/oauth/token",
        "/realms/default/protocol/openid-connect/token",
        "/oauth/introspect",
        "/oauth/revoke",
    ];
    for path in paths {
        for way in Way::ALL {
            let mut first = None;
            for (number, (id, secret, reason)) in REFUSED.into_iter().enumerate() {
                let from = format!("2001:db8:{number:x}:{:x}::1", path.len() * 4 + way as usize);
                let request = way.token(path, (id, secret), &[("token", "x")]).from(&from);
                let answer = alike(bed.send(request).await);
                assert_eq!(first.get_or_insert_with(|| answer.clone()), &answer, "{reason}");
            }
        }
    }
}

#[tokio::test]
async fn every_failed_sign_in_is_the_same_answer_to_the_byte() {
    let bed = Bed::start_with_switches().await;
    let mut first: Option<(u16, symbolon_server::axum::http::HeaderMap, String)> = None;
    for switch in [None, Some(Switch::User), Some(Switch::Organization)] {
        if let Some(switch) = switch {
            bed.turn(switch, Status::Disabled).await;
        }
        let wrong = |email: &str, password: &str| {
            Request::post("/token").json(&serde_json::json!({ "email": email, "password": password }))
        };
        let mut requests = vec![wrong("nobody@x.example", "x"), wrong("viewer@custodian.example", "x")];
        requests.extend(switch.map(|_| Bed::sign_in()));
        for request in requests {
            let answer = bed.send(request).await;
            let mut headers = answer.headers;
            headers.remove("x-request-id");
            let alike = (answer.status, headers, answer.text);
            assert_eq!(first.get_or_insert_with(|| alike.clone()), &alike);
        }
    }
}

#[tokio::test]
async fn an_inner_fault_tells_nothing_of_the_inside() {
    let bed = Bed::start().await;
    let (node, store) = crate::support::Node::faulty(&bed).await;
    for method in ["find_credential", "find_organization", "append_tokens", "find_user_by_email"] {
        store.fail(&[method]);
        for request in [Way::BasicForm.token("/oauth/token", HOLDER, &[]), Bed::sign_in()] {
            let answer = node.send(request).await;
            if answer.status == 200 {
                continue;
            }
            answer.refused(503, "temporarily_unavailable");
            for inner in ["injected", "table", "database", "journal", method] {
                assert!(!answer.text.contains(inner), "{answer:?}");
            }
        }
    }
}
