//! Revocations and their freshness: what memory must never answer for.

use std::time::Duration;

use symbolon_guard::protocol::revocation::{Cutoff, Kind, RevocationSet, licence_id};
use symbolon_guard::{Refusal, Revocations, WhenStale};

use crate::support::{AUDIENCE, NOW, World, claims, claims_with};

const ISSUED_MS: i64 = NOW * 1000 + 7;

fn all_kinds() -> [(Kind, String); 8] {
    [
        (Kind::Realm, String::new()),
        (Kind::Organization, "org_1".to_owned()),
        (Kind::Licence, licence_id("org_1", AUDIENCE)),
        (Kind::Client, "cli_1".to_owned()),
        (Kind::AccessKey, "key_1".to_owned()),
        (Kind::User, "cli_1".to_owned()),
        (Kind::SigningKey, "k1".to_owned()),
        (Kind::Token, "tok_1".to_owned()),
    ]
}

#[test]
fn a_revocation_of_any_kind_kills_a_token_that_is_remembered() {
    for (kind, id) in all_kinds() {
        for cutoff in [Cutoff::Open, Cutoff::Before(ISSUED_MS)] {
            let world = World::new();
            let token = world.token();
            assert!(world.verify(&token).is_ok());
            let mut set = RevocationSet::default();
            set.add(kind, &id, cutoff);
            world.revocations.publish(set);
            assert_eq!(world.verify(&token).unwrap_err(), Refusal::Revoked, "{kind:?} {cutoff:?}");
        }
    }
}

#[test]
fn a_revocation_of_any_kind_kills_a_token_that_was_never_seen() {
    for (kind, id) in all_kinds() {
        let world = World::new();
        world.revocations.update(|set| set.add(kind, &id, Cutoff::Open));
        assert_eq!(world.verify(&world.token()).unwrap_err(), Refusal::Revoked, "{kind:?}");
    }
}

#[test]
fn a_revocation_of_something_else_kills_nothing() {
    let world = World::new();
    world.revocations.update(|set| {
        for (kind, _) in all_kinds().into_iter().skip(1) {
            set.add(kind, "other", Cutoff::Open);
        }
    });
    assert!(world.verify(&world.token()).is_ok());
}

#[test]
fn after_enabling_again_old_tokens_stay_dead_and_later_ones_live() {
    let world = World::new();
    let old = world.token();
    world.revocations.update(|set| set.add(Kind::Client, "cli_1", Cutoff::Open));
    assert_eq!(world.verify(&old).unwrap_err(), Refusal::Revoked);
    world.revocations.update(|set| set.replace(Kind::Client, "cli_1", Some(Cutoff::Before(ISSUED_MS))));
    assert_eq!(world.verify(&old).unwrap_err(), Refusal::Revoked);
    let mut later = claims_with("jti", "tok_2".into());
    later["iat_ms"] = (ISSUED_MS + 1).into();
    assert!(world.verify(&world.sign(&later)).is_ok());
}

#[test]
fn a_token_that_does_not_say_when_it_was_issued_falls_to_any_revocation() {
    let world = World::new();
    let mut undated = claims();
    undated.as_object_mut().unwrap().retain(|name, _| !name.starts_with("iat"));
    let token = world.sign(&undated);
    assert!(world.verify(&token).is_ok());
    world.revocations.update(|set| set.add(Kind::Realm, "", Cutoff::Before(0)));
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Revoked);
}

#[test]
fn a_clock_that_jumps_back_revives_nothing() {
    let world = World::new();
    let token = world.token();
    assert!(world.verify(&token).is_ok());
    world.revocations.update(|set| set.add(Kind::Client, "cli_1", Cutoff::Before(ISSUED_MS)));
    world.clock.pass_s(-20);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Revoked);
}

#[test]
fn stale_revocations_fail_closed_and_say_so_until_confirmed() {
    let world =
        World::with(Revocations::with_max_staleness(Duration::from_mins(1), WhenStale::Refuse), |builder| {
            builder
        });
    let token = world.token();
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::RevocationsStale, "never confirmed");
    world.revocations.publish(RevocationSet::default());
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::RevocationsStale, "published, but of unknown age");
    world.revocations.confirm(NOW * 1000);
    assert!(world.verify(&token).is_ok());
    world.clock.pass_s(60);
    assert!(world.verify(&token).is_ok(), "exactly at the limit");
    world.clock.set_ms((NOW + 60) * 1000 + 1);
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::RevocationsStale);
    world.revocations.confirm((NOW + 60) * 1000);
    assert!(world.verify(&token).is_ok());
}

#[test]
fn stale_revocations_fail_open_only_where_configured_and_still_kill_what_they_know() {
    let world =
        World::with(Revocations::with_max_staleness(Duration::from_mins(1), WhenStale::Accept), |builder| {
            builder
        });
    let token = world.token();
    assert!(world.revocations.is_stale(NOW * 1000));
    assert!(world.verify(&token).is_ok());
    world.revocations.update(|set| set.add(Kind::Token, "tok_1", Cutoff::Open));
    assert_eq!(world.verify(&token).unwrap_err(), Refusal::Revoked);
}

#[test]
fn known_revocations_are_named_as_such_even_while_stale() {
    let world =
        World::with(Revocations::with_max_staleness(Duration::from_mins(1), WhenStale::Refuse), |builder| {
            builder
        });
    world.revocations.update(|set| set.add(Kind::Token, "tok_1", Cutoff::Open));
    assert_eq!(world.verify(&world.token()).unwrap_err(), Refusal::Revoked);
}

#[test]
fn a_clock_that_jumps_back_does_not_keep_revocations_fresh() {
    let world =
        World::with(Revocations::with_max_staleness(Duration::from_secs(5), WhenStale::Refuse), |builder| {
            builder
        });
    world.revocations.confirm(NOW * 1000);
    world.clock.pass_s(-6);
    assert_eq!(world.verify(&world.token()).unwrap_err(), Refusal::RevocationsStale);
}

#[test]
fn revocations_of_the_same_process_are_never_stale() {
    assert!(!Revocations::new().is_stale(i64::MAX));
}
