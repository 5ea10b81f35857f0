//! Back-off of a whole network: many ids that fail from one place. A right secret always passes (rule 5).

use std::time::Duration;

use super::{PATH, PLAIN};
use crate::support::{Answer, Bed, Request, Way, secrets};

/// Failures of one network that are answered plainly.
const FREE: usize = 100;

async fn guess(bed: &Bed, id: &str, from: &str) -> Answer {
    let request = Way::BasicForm.token(PATH, (id, "wrong-secret-1234567890"), &[]);
    bed.send(request.from(from)).await
}

async fn spray(bed: &Bed, from: &str) {
    for number in 0..FREE {
        guess(bed, &format!("guess-{number}"), from).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn a_network_that_sprays_waits_longer_and_longer_and_a_right_secret_passes() {
    let bed = Bed::start().await;
    spray(&bed, "192.0.2.9").await;
    for wait in [1, 2] {
        let answer = guess(&bed, "one-more", "192.0.2.9").await;
        assert_eq!(
            answer.refused(429, "temporarily_unavailable"),
            "Too many failed attempts; try again later"
        );
        assert_eq!(answer.header("retry-after"), wait.to_string());
        let reset = bed.authority.now().seconds() + wait;
        assert_eq!(answer.header("x-ratelimit-reset"), reset.to_string());
        let kept = bed.refusal(&answer).await;
        assert_eq!(kept.reason, "too_many_from_network");
        assert!(kept.detail.contains("no client"), "{kept:?}");
        for way in Way::ALL {
            assert_eq!(bed.send(way.token(PATH, PLAIN, &[]).from("192.0.2.9")).await.status, 200);
        }
        bed.advance(Duration::from_secs(wait.cast_unsigned())).await;
    }
    assert_eq!(bed.authority.limit_counts().delayed_networks, 2);
    bed.advance(Duration::from_mins(10)).await;
    guess(&bed, "one-more", "192.0.2.9").await.refused(401, "invalid_client");
}

#[tokio::test]
async fn known_and_unknown_ids_are_delayed_alike() {
    let bed = Bed::start().await;
    spray(&bed, "192.0.2.9").await;
    let alike = |answer: Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        (answer.status, headers, answer.text)
    };
    let known = alike(guess(&bed, PLAIN.0, "192.0.2.9").await);
    assert_eq!(known.0, 429);
    assert_eq!(known, alike(guess(&bed, "nobody-at-all", "192.0.2.9").await));
}

#[tokio::test]
async fn other_networks_and_realms_are_not_concerned_and_an_ipv6_subscriber_is_one_network() {
    let bed = Bed::start().await;
    for number in 0..FREE {
        let from = format!("2001:db8:0:7::{number:x}");
        guess(&bed, &format!("guess-{number}"), &from).await.refused(401, "invalid_client");
    }
    guess(&bed, "x", "2001:db8:0:7:ffff::1").await.refused(429, "temporarily_unavailable");
    guess(&bed, "x", "2001:db8:0:8::1").await.refused(401, "invalid_client");
    let elsewhere = Way::Form.token("/oauth/token", ("meti", "wrong-secret-1234567890"), &[]);
    bed.send(elsewhere.from("2001:db8:0:7::1")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn one_client_with_a_wrong_secret_makes_its_neighbours_wait_for_nothing() {
    let bed = Bed::start().await;
    for _ in 0..2 * FREE {
        guess(&bed, "broken", "192.0.2.9").await;
        bed.advance(Duration::from_secs(1)).await;
    }
    guess(&bed, "another", "192.0.2.9").await.refused(401, "invalid_client");
    assert_eq!(bed.authority.limit_counts().delayed_networks, 0);
}

#[tokio::test]
async fn every_endpoint_counts_for_the_network_passwords_too() {
    let bed = Bed::start().await;
    let from = "192.0.2.9";
    for number in 0..FREE {
        let id = format!("guess-{number}@custodian.example");
        let request = match number % 4 {
            0 => Way::Form.token("/oauth/token", (&id, "wrong-secret-1234567890"), &[]),
            1 => Way::Json.request("/oauth/introspect", (&id, "wrong-secret-1234567890"), &[("token", "x")]),
            2 => Way::BasicForm.request("/oauth/revoke", (&id, "wrong-secret-1234567890"), &[("token", "x")]),
            _ => Request::post("/token").json(&serde_json::json!({ "email": id, "password": "wrong" })),
        };
        assert_eq!(bed.send(request.from(from)).await.status, 401);
    }
    let body = serde_json::json!({ "email": "dev@custodian.example", "password": "wrong" });
    bed.send(Request::post("/token").json(&body).from(from)).await.refused(429, "temporarily_unavailable");
    assert_eq!(bed.send(Bed::sign_in().from(from)).await.status, 200, "a right password passes");
    let right = Way::Form.token("/oauth/token", ("meti", secrets::METI), &[]);
    assert_eq!(bed.send(right.from(from)).await.status, 200);
}
