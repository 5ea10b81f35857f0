//! Rule 3: no token without a licence where the API asks for one, and a refusal that says which is missing.

use std::time::Duration;

use symbolon_core::claim_map::Template;
use symbolon_core::clock::Timestamp;
use symbolon_core::licence::{Licence, LicenceKind};
use symbolon_core::realm::Status;

use crate::support::{Answer, Api, Bed, NOW, Way, secrets};

const API: &str = "https://api.ecoinvent.org";
const TRIAL: (&str, &str) = ("eco-trial", secrets::ECOINVENT);
const PATH: &str = "/realms/ecoinvent/oauth/token";
const INTROSPECT: &str = "/realms/ecoinvent/oauth/introspect";

async fn ask(bed: &Bed) -> Answer {
    bed.send(Way::Form.token(PATH, TRIAL, &[])).await
}

#[track_caller]
fn is_missing(answer: &Answer, text: &str) {
    assert_eq!(answer.refused(400, "unauthorized_client"), text);
}

#[tokio::test]
async fn the_refusal_says_which_licence_is_missing() {
    let bed = Bed::start().await;
    assert_eq!(ask(&bed).await.status, 200);
    bed.change_licence("ecoinvent", "eco-customer", |licence| licence.status = Status::Disabled).await;
    is_missing(&ask(&bed).await, "The licence for this API is not active");
    bed.change_licence("ecoinvent", "eco-customer", |licence| {
        licence.status = Status::Active;
        licence.starts_at = Timestamp::parse("2026-12-01").unwrap();
    })
    .await;
    is_missing(&ask(&bed).await, "The licence for this API starts at 2026-12-01T00:00:00.000Z");
    bed.change_licence("ecoinvent", "eco-customer", |licence| {
        licence.starts_at = Timestamp::parse("2026-01-01").unwrap();
        licence.kind = LicenceKind::Beta;
    })
    .await;
    is_missing(&ask(&bed).await, "The organization has no active trial licence for this API");
    let licence = bed.licences("ecoinvent", "eco-customer").await.remove(0);
    bed.operator("ecoinvent", async |editor| {
        symbolon_core::edit::licence::delete(editor, &licence).await.unwrap();
    })
    .await;
    is_missing(&ask(&bed).await, "The organization has no licence for this API");
}

#[tokio::test]
async fn a_licence_spans_from_its_first_moment_up_to_its_end() {
    let bed = Bed::start().await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| {
        licence.starts_at = NOW.plus(Duration::from_secs(10));
        licence.ends_at = Some(NOW.plus(Duration::from_secs(20)));
    })
    .await;
    ask(&bed).await.refused(400, "unauthorized_client");
    bed.advance(Duration::from_secs(10)).await;
    assert_eq!(ask(&bed).await.status, 200);
    bed.advance(Duration::from_secs(10)).await;
    is_missing(&ask(&bed).await, "The licence for this API ended at 2026-11-22T12:00:20.000Z");
}

#[tokio::test]
async fn a_licence_that_begins_by_itself_needs_nobody_to_open_it() {
    let bed = Bed::start().await;
    // Ids sort by time: the licence of the world comes first.
    bed.advance(Duration::from_millis(1)).await;
    // The next one is agreed upon already when the present one is switched off.
    bed.add_licence("ecoinvent", "eco-customer", API, LicenceKind::Full, None).await;
    bed.change_client("ecoinvent", "eco-trial", |client| client.settings.licence_kind = None).await;
    let next = bed.licences("ecoinvent", "eco-customer").await;
    let next = next.into_iter().find(|licence| licence.kind == LicenceKind::Full).unwrap();
    let mut later = next.clone();
    later.starts_at = NOW.plus(Duration::from_secs(100));
    bed.operator("ecoinvent", async |editor| {
        symbolon_core::edit::licence::update(editor, &next, &later).await.unwrap();
    })
    .await;
    bed.advance(Duration::from_secs(1)).await;
    let token = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| licence.status = Status::Disabled).await;
    assert!(!bed.is_active("/realms/ecoinvent/oauth/introspect", TRIAL.0, TRIAL.1, &token).await);
    ask(&bed).await.refused(400, "unauthorized_client");
    bed.advance(Duration::from_secs(99)).await;
    assert_eq!(ask(&bed).await.status, 200);
    assert!(!bed.is_active("/realms/ecoinvent/oauth/introspect", TRIAL.0, TRIAL.1, &token).await);
}

#[tokio::test]
async fn a_licence_that_was_off_and_is_to_begin_later_begins() {
    let bed = Bed::start().await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| licence.status = Status::Disabled).await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| {
        licence.status = Status::Active;
        licence.starts_at = NOW.plus(Duration::from_secs(10));
    })
    .await;
    bed.advance(Duration::from_secs(10)).await;
    assert_eq!(ask(&bed).await.status, 200);
}

#[tokio::test]
async fn another_customers_licence_helps_nobody() {
    let bed = Bed::start().await;
    let ended = ("eco-ended-client", secrets::ECOINVENT_ENDED);
    bed.send(Way::Form.token(PATH, ended, &[])).await.refused(400, "unauthorized_client");
    bed.add_licence("ecoinvent", "eco-ended", API, LicenceKind::Full, None).await;
    assert_eq!(bed.send(Way::Form.token(PATH, ended, &[])).await.status, 200);
}

#[tokio::test]
async fn a_licence_for_another_api_counts_for_nothing() {
    let bed = Bed::start().await;
    bed.change_server("default", "https://api.meti.io", |server| server.settings.requires_licence = true)
        .await;
    bed.add_licence("default", "custodian", "https://api.metafold3d.com", LicenceKind::Full, None).await;
    let meti = ("meti", secrets::METI);
    is_missing(
        &bed.send(Way::Form.token("/oauth/token", meti, &[])).await,
        "The organization has no licence for this API",
    );
}

#[tokio::test]
async fn any_kind_serves_a_client_that_stands_for_none() {
    let bed = Bed::start().await;
    bed.change_client("ecoinvent", "eco-trial", |client| client.settings.licence_kind = None).await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| licence.kind = LicenceKind::Beta).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(ask(&bed).await.status, 200);
}

#[tokio::test]
async fn ending_a_licence_sooner_kills_the_tokens_that_relied_on_it() {
    let bed = Bed::start().await;
    let introspect = "/realms/ecoinvent/oauth/introspect";
    let token = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
    bed.advance(Duration::from_secs(1)).await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| {
        licence.ends_at = Some(NOW.plus(Duration::from_secs(1)));
    })
    .await;
    assert!(!bed.is_active(introspect, TRIAL.0, TRIAL.1, &token).await);
    // A new one does not bring them back.
    bed.add_licence("ecoinvent", "eco-customer", API, LicenceKind::Trial, None).await;
    assert!(!bed.is_active(introspect, TRIAL.0, TRIAL.1, &token).await);
    bed.advance(Duration::from_millis(1)).await;
    let fresh = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
    assert!(bed.is_active(introspect, TRIAL.0, TRIAL.1, &fresh).await);
}

/// Makes a change to the licence of a token's customer, and says whether the token lives on.
async fn survives(change: impl FnOnce(&mut Licence)) -> bool {
    let bed = Bed::start().await;
    let token = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
    bed.advance(Duration::from_secs(1)).await;
    bed.change_licence("ecoinvent", "eco-customer", change).await;
    let lives = bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &token).await;
    // What is open already needs no new token.
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(lives, ask(&bed).await.status == 200);
    lives
}

#[tokio::test]
async fn a_change_after_which_a_licence_opens_nothing_kills_the_tokens_that_relied_on_it() {
    let later = NOW.plus(Duration::from_hours(100));
    assert!(!survives(|licence| licence.starts_at = later).await, "begins again");
    assert!(!survives(|licence| licence.kind = LicenceKind::Beta).await, "another kind than the client's");
    assert!(!survives(|licence| licence.ends_at = Some(NOW)).await, "ended in the past");
    let begun = |licence: &mut Licence| licence.starts_at = NOW;
    assert!(survives(begun).await, "still opens it");
}

#[tokio::test]
async fn a_licence_that_begins_or_is_of_its_kind_again_brings_no_token_back() {
    for what in ["start", "kind"] {
        let bed = Bed::start().await;
        let token = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
        let was = bed.licences("ecoinvent", "eco-customer").await.remove(0);
        bed.advance(Duration::from_secs(1)).await;
        bed.change_licence("ecoinvent", "eco-customer", |licence| match what {
            "start" => licence.starts_at = NOW.plus(Duration::from_hours(1)),
            _ => licence.kind = LicenceKind::Beta,
        })
        .await;
        bed.change_licence("ecoinvent", "eco-customer", |licence| {
            (licence.starts_at, licence.kind) = (was.starts_at, was.kind);
        })
        .await;
        bed.advance(Duration::from_millis(1)).await;
        assert!(!bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &token).await, "{what}");
        let fresh = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
        assert!(bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &fresh).await, "{what}");
    }
}

#[tokio::test]
async fn tokens_from_before_an_api_needed_licences_die_when_it_does() {
    let bed = Bed::start().await;
    let needs = async |needed: bool| {
        bed.change_server("ecoinvent", API, |server| server.settings.requires_licence = needed).await;
        bed.advance(Duration::from_millis(1)).await;
    };
    let switch = async |status: Status| {
        bed.change_licence("ecoinvent", "eco-customer", |licence| licence.status = status).await;
        bed.advance(Duration::from_millis(1)).await;
    };
    needs(false).await;
    let token = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
    let ended = ("eco-ended-client", secrets::ECOINVENT_ENDED);
    let others = bed.access_token(PATH, ended.0, ended.1).await;
    switch(Status::Disabled).await;
    assert!(bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &token).await, "no licence is needed");
    let guard = Api::ecoinvent(&bed);
    for token in [&token, &others] {
        assert_eq!(guard.get("/v0/versions", token).await.status, 200);
    }
    needs(true).await;
    for token in [&token, &others] {
        assert!(!bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, token).await);
        assert_eq!(guard.get("/v0/versions", token).await.status, 401, "a guard knows it too");
    }
    ask(&bed).await.refused(400, "unauthorized_client");
    // Neither a licence nor its need being off again brings them back; what is new lives.
    switch(Status::Active).await;
    assert!(!bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &token).await);
    let fresh = bed.access_token(PATH, TRIAL.0, TRIAL.1).await;
    needs(false).await;
    assert!(!bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &token).await);
    assert!(bed.is_active(INTROSPECT, TRIAL.0, TRIAL.1, &fresh).await);
    assert_eq!(guard.get("/v0/versions", &fresh).await.status, 200);
}

#[tokio::test]
async fn claims_speak_of_the_licence_that_opens_the_api_now() {
    let bed = Bed::start().await;
    bed.change_server("ecoinvent", API, |server| {
        server
            .settings
            .claims
            .insert("licence_kind".to_owned(), Template::parse("{licence.kind}").unwrap().into());
    })
    .await;
    bed.change_client("ecoinvent", "eco-trial", |client| client.settings.licence_kind = None).await;
    // The trial runs a minute longer; a full licence ends before it, and another one begins when it ends.
    let trial_end = NOW.plus(Duration::from_mins(1));
    bed.change_licence("ecoinvent", "eco-customer", |licence| licence.ends_at = Some(trial_end)).await;
    let full_end = NOW.plus(Duration::from_hours(24));
    bed.advance(Duration::from_millis(1)).await;
    bed.add_licence("ecoinvent", "eco-customer", API, LicenceKind::Full, Some(full_end)).await;
    let full = bed.licences("ecoinvent", "eco-customer").await;
    let full = full.into_iter().find(|licence| licence.kind == LicenceKind::Full).unwrap();
    let mut later = full.clone();
    later.starts_at = trial_end;
    bed.operator("ecoinvent", async |editor| {
        symbolon_core::edit::licence::update(editor, &full, &later).await.unwrap();
    })
    .await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(ask(&bed).await.claims()["licence_kind"], "trial");
    bed.advance(Duration::from_mins(1)).await;
    assert_eq!(ask(&bed).await.claims()["licence_kind"], "full");
}
