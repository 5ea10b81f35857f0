//! Token revocation (RFC 7009).

use crate::support::{Answer, Bed, FAULT, Node, Request, Way, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const STRANGER: (&str, &str) = ("metafold", secrets::METAFOLD);
const INTROSPECT: &str = "/oauth/introspect";
const PATHS: [&str; 3] =
    ["/oauth/revoke", "/realms/default/oauth/revoke", "/realms/default/protocol/openid-connect/revoke"];

async fn revoke(bed: &Bed, path: &str, who: (&str, &str), token: &str) -> Answer {
    bed.send(Way::Form.request(path, who, &[("token", token)])).await
}

async fn token(bed: &Bed) -> String {
    bed.access_token("/oauth/token", METI.0, METI.1).await
}

async fn lives(bed: &Bed, token: &str) -> bool {
    bed.is_active(INTROSPECT, METI.0, METI.1, token).await
}

#[track_caller]
fn is_done(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn ones_own_token_dies_at_once_and_alone() {
    let bed = Bed::start().await;
    for path in PATHS {
        for way in Way::ALL {
            let (one, other) = (token(&bed).await, token(&bed).await);
            is_done(&bed.send(way.request(path, METI, &[("token", &one)])).await);
            assert!(!lives(&bed, &one).await);
            assert!(lives(&bed, &other).await);
        }
    }
}

#[tokio::test]
async fn revoking_twice_is_fine() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    is_done(&revoke(&bed, PATHS[0], METI, &token).await);
    let sequence = bed.authority.directory().sequence();
    is_done(&revoke(&bed, PATHS[0], METI, &token).await);
    // The second time there is nothing to change.
    assert_eq!(bed.authority.directory().sequence(), sequence);
    assert!(!lives(&bed, &token).await);
}

#[tokio::test]
async fn somebody_elses_token_is_answered_alike_and_lives() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    for path in PATHS {
        is_done(&revoke(&bed, path, STRANGER, &token).await);
    }
    assert!(lives(&bed, &token).await);
}

#[tokio::test]
async fn an_introspector_may_look_but_not_revoke() {
    let bed = Bed::start().await;
    bed.change_server("default", "https://api.meti.io", |server| {
        server.settings.introspectors = vec![symbolon_core::id::ClientId::new(STRANGER.0).unwrap()];
    })
    .await;
    let token = token(&bed).await;
    is_done(&revoke(&bed, PATHS[0], STRANGER, &token).await);
    assert!(lives(&bed, &token).await);
}

#[tokio::test]
async fn an_unknown_token_is_no_error() {
    let bed = Bed::start().await;
    let plain = ("plain-client", secrets::PLAIN);
    let elsewhere = bed.access_token("/realms/plain/oauth/token", plain.0, plain.1).await;
    let real = token(&bed).await;
    let cut = &real[..real.len() - 1];
    for garbage in ["x", "a.b.c", &elsewhere, cut] {
        is_done(&revoke(&bed, PATHS[0], METI, garbage).await);
    }
    assert!(lives(&bed, &real).await);
    assert!(bed.is_active("/realms/plain/oauth/introspect", plain.0, plain.1, &elsewhere).await);
}

#[tokio::test]
async fn an_expired_token_leaves_no_trace() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    bed.advance(std::time::Duration::from_hours(1)).await;
    let sequence = bed.authority.directory().sequence();
    is_done(&revoke(&bed, PATHS[0], METI, &token).await);
    assert_eq!(bed.authority.directory().sequence(), sequence);
}

#[tokio::test]
async fn the_caller_must_be_a_client_and_name_a_token() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    for path in PATHS {
        bed.send(Request::post(path).form(&[("token", &token)])).await.refused(401, "invalid_client");
        let wrong = ("meti", "wrong-secret-1234567890");
        let answer = bed.send(Way::BasicJson.request(path, wrong, &[("token", &token)])).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
        bed.send(Way::Form.request(path, METI, &[])).await.refused(400, "invalid_request");
        let repeated = format!("token={token}&token={token}");
        let request = Request::post(path).basic(METI.0, METI.1);
        let answer = bed.send(request.raw("application/x-www-form-urlencoded", repeated.as_bytes())).await;
        answer.refused(400, "invalid_request");
    }
    assert!(lives(&bed, &token).await);
}

#[tokio::test]
async fn a_restart_keeps_it() {
    let bed = Bed::start().await;
    let (dead, alive) = (token(&bed).await, token(&bed).await);
    is_done(&revoke(&bed, PATHS[0], METI, &dead).await);
    let node = Node::start(&bed).await;
    for (token, active) in [(&dead, false), (&alive, true)] {
        let answer = node.send(Way::Form.request(INTROSPECT, METI, &[("token", token)])).await;
        assert_eq!(answer.body["active"], active);
    }
}

#[tokio::test]
async fn a_revocation_that_could_not_be_written_is_not_called_done() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["revoke_tokens"]);
    for path in PATHS {
        let answer = node.send(Way::Form.request(path, METI, &[("token", &token)])).await;
        answer.refused(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        assert!(!answer.text.contains(FAULT));
    }
    store.fail(&[]);
    is_done(&node.send(Way::Form.request(PATHS[0], METI, &[("token", &token)])).await);
    bed.authority.directory().catch_up().await.unwrap();
    assert!(!lives(&bed, &token).await);
}

#[tokio::test]
async fn a_revocation_that_is_not_known_here_yet_is_not_called_done() {
    let bed = Bed::start().await;
    let token = token(&bed).await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["list_changes"]);
    let answer = node.send(Way::Form.request(PATHS[0], METI, &[("token", &token)])).await;
    answer.refused(503, "temporarily_unavailable");
    // It was written all the same, and asking again says so.
    store.fail(&[]);
    is_done(&node.send(Way::Form.request(PATHS[0], METI, &[("token", &token)])).await);
    bed.authority.directory().catch_up().await.unwrap();
    assert!(!lives(&bed, &token).await);
}
