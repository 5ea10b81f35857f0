//! No answer with a token, and no answer to a change, leaves before its record is on the disk: watched from between the
//! process and its files.

use std::time::Duration;

use crate::http::Connection;
use crate::installation::{Installation, LOADER, Server, Token};
use crate::shim::{EIO, Event, Shim, left_too_early};
use crate::support::PATIENCE;

/// Lets several clients ask at once, each on a connection of its own, and collects what each of them returns.
fn together<T: Send>(server: &Server, clients: usize, work: impl Fn(&mut Connection) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = server.connect();
                    work(&mut connection)
                })
            })
            .collect();
        asking.into_iter().map(|one| one.join().expect("a client")).collect()
    })
}

#[test]
fn every_answer_leaves_after_the_sync_of_its_record() {
    let installation = Installation::new();
    let shim = Shim::over(installation.data());
    let server = installation.serve_behind(&shim);
    // A disk that is slow enough for anybody who would not wait for it to be seen.
    shim.raise("slow-sync", 3);
    let tokens: Vec<Token> = together(&server, 12, |connection| {
        let answers = (0..25).map(|_| connection.token(LOADER).expect("an answer"));
        answers.map(|answer| Token::of(&answer).expect("a token")).collect::<Vec<_>>()
    })
    .concat();
    let mut changes = Vec::new();
    let mut connection = server.connect();
    for token in tokens.iter().take(20) {
        let answer = connection.revoke(LOADER, &token.token).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        changes.push(answer.request_id());
    }
    drop(connection);
    server.stop();
    let events = shim.events();
    for id in tokens.iter().map(|token| &token.request_id).chain(&changes) {
        assert_eq!(left_too_early(&events, id), None, "{id}");
    }
    let syncs = events.iter().filter(|event| matches!(event, Event::Syncing { .. })).count();
    assert!(syncs < tokens.len(), "{syncs} syncs for {} tokens: none was shared", tokens.len());
    installation.has_records(&tokens);
}

#[test]
fn a_sync_that_does_not_end_lets_nothing_out() {
    let installation = Installation::new();
    let shim = Shim::over(installation.data());
    let server = installation.serve_behind(&shim);
    let token = server.token(LOADER);
    let answered = |status: u16| {
        let events = shim.events();
        events.iter().filter(|event| matches!(event, Event::Answer { status: found, ids } if *found == status && !ids.is_empty())).count()
    };
    shim.raise("hold-sync", 1);
    let before = answered(200);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            together(&server, 8, |connection| Token::of(&connection.token(LOADER).expect("an answer")))
        });
        let revoking = scope.spawn(|| server.revokes(LOADER, &token.token));
        server.wait("sync", || shim.events().contains(&Event::Holding));
        // Other answers come and go meanwhile, so there was time enough for these.
        for _ in 0..20 {
            assert_eq!(server.status("/livez"), 200);
        }
        assert_eq!(answered(200), before + 20, "an answer left before its sync had ended");
        shim.lower("hold-sync");
        let tokens: Vec<Token> =
            asking.join().expect("the clients").into_iter().map(|one| one.expect("a token")).collect();
        revoking.join().expect("the revocation");
        assert!(!server.lives(&token.token));
        assert_eq!(tokens.len(), 8);
    });
}

#[test]
fn a_sync_that_fails_lets_no_token_and_no_change_out() {
    let installation = Installation::new();
    let shim = Shim::over(installation.data());
    let server = installation.serve_behind(&shim);
    let mut answered = vec![server.token(LOADER)];
    let kept = answered[0].token.clone();
    for _ in 0..3 {
        shim.raise("fail-sync", EIO);
        together(&server, 4, |connection| connection.token(LOADER).expect("an answer").is_unavailable());
        server.connect().revoke(LOADER, &kept).expect("an answer").is_unavailable();
        shim.lower("fail-sync");
        answered.push(server.token(LOADER));
    }
    server.revokes(LOADER, &kept);
    assert!(!server.lives(&kept));
    assert!(server.lives(&answered[1].token));
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.stop();
    installation.has_records(&answered);
    let server = installation.serve();
    assert!(!server.lives(&kept), "what was revoked came back");
}

#[test]
fn a_slow_disk_is_waited_for_and_no_longer_than_a_client_does() {
    let installation = Installation::new();
    let shim = Shim::over(installation.data());
    let server = installation.serve_behind(&shim);
    shim.raise("hold-sync", 1);
    let refused = server.in_time(|connection| connection.token(LOADER));
    refused.is_unavailable();
    assert_eq!(server.status("/livez"), 200);
    shim.lower("hold-sync");
    let came = |server: &Server| {
        Connection::open(installation.address(), PATIENCE)
            .and_then(|mut one| one.token(LOADER))
            .is_ok_and(|answer| answer.status == 200)
            && server.status("/readyz") == 200
    };
    server.wait_within(Duration::from_secs(5), "token", || came(&server));
}
