//! Which keys count, and when the guard asks for them: rotation, floods of unknown keys, and failures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use symbolon_guard::protocol::jwk::{Jwk, JwkSet};
use symbolon_guard::protocol::jws::SigningKey;
use symbolon_guard::{FetchError, FetchFuture, Guard, Issuer, KeySource, Refusal};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};

use crate::support::{
    AUDIENCE, Clock, ISSUER, World, bearer, claims, claims_with, get, key, send, set, sign,
};

/// A source that counts, fails on demand, and answers only when allowed to.
struct Counting {
    answer: Mutex<Result<JwkSet, FetchError>>,
    fetches: AtomicUsize,
    gate: Semaphore,
}

impl Counting {
    fn new(answer: Result<JwkSet, FetchError>) -> Arc<Self> {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        Arc::new(Self { answer: Mutex::new(answer), fetches: AtomicUsize::new(0), gate })
    }

    fn shut(answer: Result<JwkSet, FetchError>) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(answer), fetches: AtomicUsize::new(0), gate: Semaphore::new(0) })
    }

    fn becomes(&self, answer: Result<JwkSet, FetchError>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl KeySource for Counting {
    fn fetch(&self) -> FetchFuture<'_> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            let _permit = self.gate.acquire().await.unwrap();
            self.answer.lock().unwrap().clone()
        })
    }
}

fn guard_of(source: &Arc<Counting>, clock: &Clock) -> Guard {
    Guard::builder()
        .issuer(Issuer::new(ISSUER, source.clone()))
        .audience(AUDIENCE)
        .clock(clock.reader())
        .build()
        .unwrap()
}

/// Lets the other tasks run until something holds.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        yield_now().await;
    }
    assert!(holds(), "it never came to that");
}

fn down() -> Result<JwkSet, FetchError> {
    Err(FetchError::new("the issuer is down"))
}

#[test]
fn a_key_taken_out_of_the_set_takes_its_remembered_tokens_along() {
    let world = World::new();
    let token = world.token();
    assert!(world.verify(&token).is_ok());
    world.keys.publish(set([&key("k2")]));
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::UnknownKey);
    world.keys.publish(set([&world.key]));
    assert!(world.verify(&token).is_ok());
}

#[test]
fn another_key_under_the_same_name_inherits_no_remembered_tokens() {
    let world = World::new();
    let token = world.token();
    assert!(world.verify(&token).is_ok());
    world.keys.publish(set([&key("k1")]));
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::BadSignature);
}

#[test]
fn a_rotation_keeps_old_tokens_alive_while_their_key_is_in_the_set() {
    let world = World::new();
    let old = world.token();
    let next = key("k2");
    world.keys.publish(set([&world.key, &next]));
    assert!(world.verify(&old).is_ok());
    assert!(world.verify(&sign(&next, &claims())).is_ok());
    world.keys.publish(set([&next]));
    assert!(world.verify(&old).is_err());
    assert!(world.verify(&sign(&next, &claims())).is_ok());
}

#[test]
fn useless_keys_are_left_out_and_of_two_with_one_name_the_first_counts() {
    let world = World::new();
    let nameless = Jwk { kid: None, ..key("x").jwk() };
    let other_algorithm = Jwk { alg: Some("HS256".to_owned()), ..key("k1").jwk() };
    let keys = vec![nameless, other_algorithm, world.key.jwk(), key("k1").jwk()];
    world.keys.publish(JwkSet { keys });
    assert!(world.verify(&world.token()).is_ok());
}

#[test]
fn no_more_than_64_keys_are_taken_of_a_set() {
    let world = World::new();
    let keys: Vec<SigningKey> = (0..65).map(|n| key(&format!("n{n}"))).collect();
    world.keys.publish(set(&keys));
    assert!(world.verify(&sign(&keys[63], &claims())).is_ok());
    assert_eq!(world.verify(&sign(&keys[64], &claims())).unwrap_err(), Refusal::UnknownKey);
}

#[tokio::test]
async fn the_first_token_fetches_the_keys_and_the_next_ones_do_not() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let token = sign(&k1, &claims());
    assert!(guard.verify_now(&token).is_none());
    assert_eq!(guard.verify(&token).await.unwrap().subject(), "cli_1");
    for n in 0..20 {
        let token = sign(&k1, &claims_with("jti", n.to_string().into()));
        assert!(guard.verify_now(&token).unwrap().is_ok());
    }
    clock.pass_s(1000);
    assert!(guard.verify(&token).await.is_ok());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_causes_one_fetch_in_thirty_seconds() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let flood = |from: u32| {
        let guard = guard.clone();
        async move {
            for n in from..from + 50 {
                let invented = sign(&key(&format!("u{n}")), &claims());
                assert_eq!(guard.verify(&invented).await.unwrap_err(), Refusal::UnknownKey);
            }
        }
    };
    flood(0).await;
    assert_eq!(source.fetches(), 1);
    clock.pass_s(29);
    flood(50).await;
    assert_eq!(source.fetches(), 1);
    let invented = sign(&key("u"), &claims());
    assert_eq!(guard.verify_now(&invented).unwrap().unwrap_err(), Refusal::UnknownKey, "without waiting");
    clock.pass_s(1);
    flood(100).await;
    assert_eq!(source.fetches(), 2);
    assert!(guard.verify(&sign(&k1, &claims())).await.is_ok());
}

#[tokio::test]
async fn tokens_of_foreign_issuers_and_broken_ones_cause_no_fetch() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let foreign = sign(&k1, &claims_with("iss", "https://other.example".into()));
    assert_eq!(guard.verify(&foreign).await.unwrap_err(), Refusal::ForeignIssuer);
    assert_eq!(guard.verify("a.b.c").await.unwrap_err(), Refusal::Malformed);
    assert_eq!(source.fetches(), 0);
}

#[tokio::test]
async fn a_new_key_is_picked_up_by_its_first_token() {
    let (clock, k1, k2) = (Clock::new(), key("k1"), key("k2"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let old = sign(&k1, &claims());
    assert!(guard.verify(&old).await.is_ok());
    source.becomes(Ok(set([&k1, &k2])));
    clock.pass_s(30);
    assert!(guard.verify(&sign(&k2, &claims())).await.is_ok());
    assert!(guard.verify(&old).await.is_ok());
    assert_eq!(source.fetches(), 2);
}

#[tokio::test]
async fn a_fetch_that_fails_counts_and_takes_no_key_away() {
    let (clock, k1, k2) = (Clock::new(), key("k1"), key("k2"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let old = sign(&k1, &claims());
    assert!(guard.verify(&old).await.is_ok());
    source.becomes(down());
    clock.pass_s(30);
    let new = sign(&k2, &claims());
    for _ in 0..5 {
        assert_eq!(guard.verify(&new).await.unwrap_err(), Refusal::UnknownKey);
        assert!(guard.verify(&old).await.is_ok());
    }
    assert_eq!(source.fetches(), 2);
    source.becomes(Ok(set([&k1, &k2])));
    clock.pass_s(30);
    assert!(guard.verify(&new).await.is_ok());
}

#[tokio::test]
async fn a_fetch_takes_away_what_the_issuer_took_away() {
    let (clock, k1, k2) = (Clock::new(), key("k1"), key("k2"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let old = sign(&k1, &claims());
    assert!(guard.verify(&old).await.is_ok());
    source.becomes(Ok(set([&k2])));
    guard.refresh().await.unwrap();
    assert_eq!(guard.verify(&old).await.unwrap_err(), Refusal::UnknownKey);
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_asked_again_after_thirty_seconds() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(down());
    let guard = guard_of(&source, &clock);
    let token = sign(&k1, &claims());
    for _ in 0..5 {
        assert_eq!(guard.verify(&token).await.unwrap_err(), Refusal::KeysUnavailable);
    }
    assert_eq!(source.fetches(), 1);
    source.becomes(Ok(set([&k1])));
    clock.pass_s(30);
    assert!(guard.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_clock_that_jumps_back_does_not_lengthen_the_pause() {
    let (clock, k1, k2) = (Clock::new(), key("k1"), key("k2"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    clock.pass_s(1000);
    assert!(guard.verify(&sign(&k1, &claims())).await.is_ok());
    source.becomes(Ok(set([&k1, &k2])));
    clock.pass_s(-1000);
    assert!(guard.verify(&sign(&k2, &claims())).await.is_ok());
}

#[tokio::test]
async fn requests_with_unknown_keys_join_one_flight() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::shut(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let mut waiting = JoinSet::new();
    for n in 0..20 {
        let token = sign(&k1, &claims_with("jti", n.to_string().into()));
        let guard = guard.clone();
        waiting.spawn(async move { guard.verify(&token).await });
    }
    until(|| source.fetches() == 1).await;
    for _ in 0..100 {
        yield_now().await;
    }
    source.gate.add_permits(1);
    let outcomes = waiting.join_all().await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_the_fetch() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::shut(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let token = sign(&k1, &claims());
    let impatient = tokio::spawn({
        let (guard, token) = (guard.clone(), token.clone());
        async move { guard.verify(&token).await }
    });
    until(|| source.fetches() == 1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    source.gate.add_permits(1);
    assert!(guard.verify(&token).await.is_ok());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_is_given_up_and_frees_those_who_wait() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::shut(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    assert_eq!(guard.verify(&sign(&k1, &claims())).await.unwrap_err(), Refusal::KeysUnavailable);
    assert!(guard.refresh().await.unwrap_err().is_timeout());
    assert_eq!(source.fetches(), 2);
}

#[tokio::test]
async fn a_source_that_panics_harms_nobody_else() {
    struct Panicking;
    impl KeySource for Panicking {
        fn fetch(&self) -> FetchFuture<'_> {
            Box::pin(async { panic!("a fault of the source") })
        }
    }
    let guard = Guard::builder().issuer(Issuer::new(ISSUER, Panicking)).audience(AUDIENCE).build().unwrap();
    let token = sign(&key("k1"), &claims());
    assert_eq!(guard.verify(&token).await.unwrap_err(), Refusal::KeysUnavailable);
    assert_eq!(guard.verify(&token).await.unwrap_err(), Refusal::KeysUnavailable);
}

#[tokio::test]
async fn the_layer_waits_for_keys_and_then_answers() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let layer = guard.layer().require("read:sources").unwrap();
    let request = || get("/sources").header("authorization", bearer(&sign(&k1, &claims())));
    assert_eq!(send(&layer, request()).await.body(), "cli_1");
    clock.pass_s(30);
    let invented = get("/sources").header("authorization", bearer(&sign(&key("k2"), &claims())));
    assert_eq!(send(&layer, invented).await.status(), 401);
    assert_eq!(source.fetches(), 2);
    let elsewhere = guard_of(&source, &clock).layer().require("delete:sources").unwrap();
    assert_eq!(send(&elsewhere, request()).await.status(), 403);
}

#[tokio::test]
async fn refreshing_tells_a_failure_and_starts_the_pause() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(down());
    let guard = guard_of(&source, &clock);
    let error = guard.refresh().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot fetch the issuer's keys: the issuer is down");
    assert_eq!(guard.verify(&sign(&k1, &claims())).await.unwrap_err(), Refusal::KeysUnavailable);
    assert_eq!(source.fetches(), 1);
    assert!(World::new().guard.refresh().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_refresh_task_drops_keys_without_any_token_and_ends_with_the_guard() {
    let (clock, k1) = (Clock::new(), key("k1"));
    let source = Counting::new(Ok(set([&k1])));
    let guard = guard_of(&source, &clock);
    let token = sign(&k1, &claims());
    assert!(guard.verify(&token).await.is_ok());
    source.becomes(Ok(JwkSet::default()));
    let task = tokio::spawn(guard.refresh_task(Duration::ZERO));
    // The task's timer must be set before time moves.
    yield_now().await;
    tokio::time::advance(Duration::from_secs(29)).await;
    yield_now().await;
    assert_eq!(source.fetches(), 1, "the pause is at least 30 s");
    tokio::time::advance(Duration::from_secs(2)).await;
    until(|| source.fetches() == 2).await;
    until(|| guard.verify_now(&token).unwrap().is_err()).await;
    drop(guard);
    task.await.unwrap();
}
