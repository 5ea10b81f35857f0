//! The clock is set by an hour or a day, forward or back, and perhaps put right again: no token is born dead or lives
//! too long, nothing revoked comes back, and no key goes that a token needs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

use std::collections::HashSet;
use std::time::Duration;

use symbolon_core::audit::Actor;
use symbolon_core::id::ClientId;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::Status;
use symbolon_core::revoke::revoke_before_now;
use symbolon_core::rotation::{Upkeep, keep_keys};
use symbolon_core::signing_key::KeyState;

use crate::support::{Answer, Bed, HOLDER, Node, Request, Switch, Way, realm_id, secrets};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const JUMPS: [i64; 4] = [HOUR, -HOUR, DAY, -DAY];
/// The longest that a token of the bed's default realm may live.
const MAXIMUM: i64 = DAY;
const MINUTE: Duration = Duration::from_mins(1);
const METAFOLD: (&str, &str) = ("metafold", secrets::METAFOLD);

/// Sets the clock by so many seconds, and nothing else: the background task has not looked yet.
fn set_by(bed: &Bed, seconds: i64) {
    use symbolon_core::clock::{Clock as _, Timestamp};
    bed.clock.set(Timestamp::from_millis(bed.clock.now().millis() + seconds * 1000));
}

/// The same, and the directory confirmed at the new time.
async fn jump(bed: &Bed, seconds: i64) {
    set_by(bed, seconds);
    bed.authority.directory().catch_up().await.unwrap();
}

async fn ask(bed: &Bed) -> Answer {
    bed.send(Way::Form.token("/oauth/token", METAFOLD, &[])).await
}

async fn lives(bed: &Bed, token: &str) -> bool {
    bed.is_active("/oauth/introspect", METAFOLD.0, METAFOLD.1, token).await
}

async fn revoke(bed: &Bed, token: &str) {
    let answer = bed.send(Way::Form.request("/oauth/revoke", METAFOLD, &[("token", token)])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn text(answer: &Answer) -> String {
    answer.body["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[tokio::test]
async fn until_the_directory_is_confirmed_at_the_new_time_nothing_is_minted() {
    for seconds in JUMPS {
        let bed = Bed::start().await;
        set_by(&bed, seconds);
        ask(&bed).await.refused(503, "temporarily_unavailable");
        bed.authority.directory().catch_up().await.unwrap();
        assert_eq!(ask(&bed).await.status, 200, "{seconds}");
    }
}

#[tokio::test]
async fn every_token_has_its_own_id_its_right_times_and_its_record() {
    let bed = Bed::start().await;
    let mut ids = HashSet::new();
    let mut answers = Vec::new();
    for seconds in [0, HOUR, -HOUR, DAY, -DAY, -DAY, DAY, -HOUR, DAY, HOUR, 0, 0] {
        jump(&bed, seconds).await;
        for _ in 0..3 {
            let answer = ask(&bed).await;
            let (claims, now) = (answer.claims(), bed.clock_seconds());
            let [iat, nbf, exp] = ["iat", "nbf", "exp"].map(|name| claims[name].as_i64().unwrap());
            assert_eq!((iat, nbf), (now, now));
            assert!(exp > now, "expired when it was issued");
            assert!(exp - iat <= MAXIMUM, "it lives longer than anything may");
            assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()), "the id was there before");
            assert!(lives(&bed, &text(&answer)).await);
            answers.push(answer);
        }
    }
    for answer in &answers {
        let jti = answer.claims()["jti"].as_str().unwrap().to_owned();
        assert_eq!(bed.recorded(answer).await.jti, jti);
        assert!(bed.store().find_token(&realm_id("default"), &jti).await.unwrap().is_some());
    }
}

/// Upkeep as the server runs it: once a minute, while the clock does what it does.
async fn keep(bed: &Bed, upkeep: &mut Upkeep, passed: &mut Duration, minutes: u32) {
    for _ in 0..minutes {
        *passed += MINUTE;
        jump(bed, 60).await;
        upkeep.round(&bed.authority, *passed).await;
    }
}

#[tokio::test]
async fn what_was_revoked_before_a_jump_is_dead_after_it() {
    for seconds in JUMPS {
        let bed = Bed::start().await;
        let (mut upkeep, mut passed) = (Upkeep::begin(bed.authority.now()), Duration::ZERO);
        // Long enough to be trusted before the jump.
        keep(&bed, &mut upkeep, &mut passed, 65).await;
        let (single, whole) = (text(&ask(&bed).await), text(&ask(&bed).await));
        revoke(&bed, &single).await;
        jump(&bed, 1).await;
        bed.change_client("default", METAFOLD.0, |client| client.status = Status::Disabled).await;
        bed.change_client("default", METAFOLD.0, |client| client.status = Status::Active).await;
        // The clock goes wrong for three quarters of an hour, and a process starts meanwhile.
        jump(&bed, seconds).await;
        keep(&bed, &mut upkeep, &mut passed, 40).await;
        Upkeep::begin(bed.authority.now()).round(&bed.authority, MINUTE).await;
        jump(&bed, -seconds).await;
        keep(&bed, &mut upkeep, &mut passed, 2).await;
        for token in [&single, &whole] {
            assert!(!lives(&bed, token).await, "{seconds}: it came back");
        }
        let another = Node::start(&bed).await;
        for token in [&single, &whole] {
            let request = Way::Form.request("/oauth/introspect", METAFOLD, &[("token", token)]);
            assert_eq!(another.send(request).await.body["active"], false, "{seconds}: it came back");
        }
        assert!(lives(&bed, &text(&ask(&bed).await)).await, "what is new is alive");
        // Right for good, the clock is trusted again, and what is over is forgotten.
        jump(&bed, DAY + HOUR).await;
        keep(&bed, &mut upkeep, &mut passed, 65).await;
        assert_eq!(bed.store().list_revocations(&realm_id("default"), 0).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_clock_that_went_back_mints_nothing_dead_and_makes_nobody_wait_for_ever() {
    for seconds in [-HOUR, -DAY] {
        let bed = Bed::start_with_switches().await;
        bed.turn(Switch::Client, Status::Disabled).await;
        bed.turn(Switch::Client, Status::Active).await;
        jump(&bed, seconds).await;
        // A token of now would fall under the revocation, and none is stamped in the future.
        let refused = bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await;
        refused.refused(503, "temporarily_unavailable");
        // Others are not concerned.
        assert!(lives(&bed, &text(&ask(&bed).await)).await);
        jump(&bed, -seconds).await;
        bed.advance(Duration::from_millis(1)).await;
        assert!(bed.lives(&bed.client_token().await).await);
    }
}

#[tokio::test]
async fn another_process_revokes_what_was_minted_while_the_clock_was_ahead() {
    let bed = Bed::start_with_switches().await;
    jump(&bed, HOUR).await;
    let ahead = bed.client_token().await;
    jump(&bed, -HOUR).await;
    // It never minted anything itself.
    let (another, _, _) = bed.another_node().await;
    let (actor, realm) = (Actor::operator("test", "run_test"), realm_id("default"));
    revoke_before_now(&another, &actor, &realm, (Kind::Client, HOLDER.0), None).await.unwrap();
    bed.authority.directory().catch_up().await.unwrap();
    assert!(!bed.lives(&ahead).await);
    jump(&bed, HOUR).await;
    bed.advance(Duration::from_millis(1)).await;
    assert!(!bed.lives(&ahead).await, "it came to life when its time had come");
}

#[tokio::test]
async fn a_revocation_reaches_what_was_minted_while_the_clock_was_ahead() {
    for seconds in [HOUR, DAY] {
        let bed = Bed::start_with_switches().await;
        jump(&bed, seconds).await;
        let ahead = [bed.client_token().await, bed.client_token().await];
        jump(&bed, -seconds).await;
        bed.operator("default", async |editor| {
            revoke_before_now(editor.authority, editor.actor, editor.realm, (Kind::Client, HOLDER.0), None)
                .await
                .unwrap();
        })
        .await;
        for token in &ahead {
            assert!(!bed.lives(token).await);
        }
        // And when their time comes, they are still dead.
        jump(&bed, seconds).await;
        bed.advance(Duration::from_millis(1)).await;
        for token in &ahead {
            assert!(!bed.lives(token).await, "{seconds}: it came to life when its time had come");
        }
        assert!(bed.lives(&bed.client_token().await).await);
    }
}

#[tokio::test]
async fn no_key_goes_that_a_token_needs() {
    for seconds in JUMPS {
        let bed = Bed::start().await;
        let realm = realm_id("default");
        // A key has just been replaced by its successor, and tokens of a day hang on it.
        bed.advance(Duration::from_hours(90 * 24)).await;
        keep_keys(&bed.authority, &realm).await.unwrap();
        let token = text(&ask(&bed).await);
        bed.advance(Duration::from_mins(11)).await;
        keep_keys(&bed.authority, &realm).await.unwrap();
        let keys = async || bed.store().list_signing_keys(&realm).await.unwrap();
        assert!(keys().await.iter().any(|key| key.state == KeyState::Retired), "nothing was replaced");
        let before = keys().await;
        let (mut upkeep, mut passed) = (Upkeep::begin(bed.authority.now()), Duration::ZERO);
        jump(&bed, seconds).await;
        keep(&bed, &mut upkeep, &mut passed, 30).await;
        // A description is applied meanwhile, which looks after keys, too.
        bed.change_realm("default", |realm| realm.settings.default_lifetime = 1800).await;
        bed.change_server("default", "https://api.metafold3d.com", |_| {}).await;
        assert_eq!(keys().await, before, "{seconds}: the clock alone moved a key");
        assert_eq!(ask(&bed).await.status, 200, "{seconds}");
        jump(&bed, -seconds).await;
        keep(&bed, &mut upkeep, &mut passed, 5).await;
        assert!(lives(&bed, &token).await, "{seconds}: its key is gone");
        let set = bed.send(Request::get("/.well-known/jwks.json")).await;
        assert_eq!(set.body["keys"].as_array().unwrap().len(), 2);
        // Once its tokens have died, and the clock has been right for an hour, the old one goes.
        jump(&bed, 2 * DAY).await;
        keep(&bed, &mut upkeep, &mut passed, 65).await;
        assert!(!keys().await.iter().any(|key| key.state == KeyState::Retired), "{seconds}");
    }
}

#[tokio::test]
async fn a_realm_without_keys_gets_them_whatever_the_clock_does() {
    let bed = Bed::start().await;
    let realm = realm_id("plain");
    for key in bed.store().list_signing_keys(&realm).await.unwrap() {
        bed.operator("plain", async |editor| {
            let subject =
                symbolon_core::audit::Subject::new(symbolon_core::audit::SubjectKind::SigningKey, &key.kid);
            let change = symbolon_core::audit::Change {
                at: editor.authority.now(),
                actor: editor.actor.clone(),
                action: "delete",
                subject,
                before: None,
                after: None,
                revocations: Vec::new(),
            };
            bed.store().delete_signing_key(&realm, &key.kid, key.version, &change).await.unwrap();
        })
        .await;
    }
    jump(&bed, DAY).await;
    let ask =
        async || bed.token("/realms/plain/oauth/token", "plain-client", secrets::PLAIN, &[]).await.status;
    assert_eq!(ask().await, 503);
    Upkeep::begin(bed.authority.now()).round(&bed.authority, Duration::ZERO).await;
    assert_eq!(ask().await, 200);
}

#[tokio::test]
async fn whoever_failed_while_the_clock_was_ahead_waits_no_longer_than_others() {
    let bed = Bed::start().await;
    jump(&bed, DAY).await;
    let wrong = || Way::Form.token("/oauth/token", (METAFOLD.0, "wrong-secret-1234567890"), &[]);
    for _ in 0..30 {
        bed.send(wrong()).await;
    }
    jump(&bed, -DAY).await;
    let answer = bed.send(wrong()).await;
    answer.refused(429, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() <= 60, "{answer:?}");
    assert_eq!(ask(&bed).await.status, 200, "a right secret always passes");
}

#[tokio::test]
async fn introspectors_and_clients_are_told_the_same_after_every_jump() {
    let bed = Bed::start_with_switches().await;
    bed.change_server("default", "https://api.meti.io", |server| {
        server.settings.introspectors = vec![ClientId::new(METAFOLD.0).unwrap()];
    })
    .await;
    for seconds in JUMPS {
        let token = bed.client_token().await;
        jump(&bed, seconds).await;
        let now = bed.clock_seconds();
        let by_introspector = bed.lives(&token).await;
        let own = bed.is_active("/oauth/introspect", HOLDER.0, HOLDER.1, &token).await;
        assert_eq!(by_introspector, own);
        // Of an hour's life, and no token is believed before its time.
        assert!(!own, "{seconds}: at {now}");
        jump(&bed, -seconds).await;
        assert!(bed.lives(&token).await, "{seconds}: the clock is right again");
    }
}
