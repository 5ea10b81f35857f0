//! `symbolon explain`: what a person is told of a request, by the id that its answer carried.

use symbolon::commands::explain::{find, tell};

use crate::support::{Answer, Bed, REFUSED, Way, kept_of, secrets};

async fn explained(bed: &Bed, answer: &Answer) -> String {
    let id = answer.header("x-request-id");
    if answer.status != 200 {
        bed.refusal(answer).await;
    }
    let (tokens, refusals) = find(bed.store(), id).await.unwrap();
    tell(id, &tokens, &refusals)
}

#[tokio::test]
async fn a_token_is_told_with_everything_that_it_was_issued_for() {
    let bed = Bed::start().await;
    let request = Way::Form.token("/oauth/token", ("meti", secrets::METI), &[("scope", "read:sources")]);
    let answer = bed.send(request).await;
    let text = explained(&bed, &answer).await;
    let claims = answer.claims();
    let told = [
        answer.header("x-request-id"),
        claims["jti"].as_str().unwrap(),
        "meti",
        "meti-key",
        "https://api.meti.io",
        "read:sources",
        "192.0.2.1",
        "default",
        "2026-11-22T12:00:00.000Z",
        "2026-11-22T13:00:00.000Z",
    ];
    for part in told {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains(answer.body["access_token"].as_str().unwrap()));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_exact_reason() {
    let bed = Bed::start_with_bad_clients().await;
    for (id, secret, reason) in REFUSED {
        let answer = bed.send(Way::Form.token("/oauth/token", (id, secret), &[])).await;
        let text = explained(&bed, &answer).await;
        for part in [kept_of(id), reason, "invalid_client", "192.0.2.1"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_v1_token_names_its_user_and_an_unknown_id_is_told_to_be_one() {
    let bed = Bed::start().await;
    let answer = bed.send(Bed::sign_in()).await;
    assert!(explained(&bed, &answer).await.contains("usr_dev"));
    let (tokens, refusals) = find(bed.store(), "req_nothing").await.unwrap();
    let text = tell("req_nothing", &tokens, &refusals);
    assert!(text.starts_with("Nothing is recorded under req_nothing"), "{text}");
}
