//! Codes of an app and recovery codes: each counts once, and guessing them ends soon.

use std::time::Duration;

use symbolon_core::edit::credentials::{self, CredentialError};
use symbolon_core::edit::user;
use symbolon_core::sign_in::factors::{Methods, overview};
use symbolon_core::sign_in::{Refused, SignIn, password, totp};

use super::desk::{ADMIN, DEV, Desk, code, reason, secret, wrong_code};
use crate::support::{Bed, realm_id, secrets};

const STEP: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_app_is_set_up_by_one_right_code_and_wanted_from_then_on() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(DEV).await;
    let enrolment = credentials::begin_totp(&bed.authority, &person, "auth.example").unwrap();
    let state = enrolment.state.expose();
    for wrong in ["", "000000000", "abcdef"] {
        let answer = credentials::confirm_totp(&bed.authority, &person, state, wrong).await;
        assert!(matches!(answer, Err(CredentialError::WrongCode)), "{answer:?}");
    }
    // Until then nothing is set up.
    desk.signs_in(DEV).await;
    let app = desk.sets_up_app(&person).await;
    bed.advance(STEP).await;
    let pending = desk.begins(DEV).await;
    assert_eq!(pending.methods, Methods { code: true, ..Methods::default() });
    let wrong = wrong_code(&app, bed.authority.now());
    assert_eq!(desk.code(&pending, &wrong).await.unwrap_err(), Refused::Wrong);
    let done = desk.code(&pending, &code(&app, bed.authority.now())).await.unwrap();
    assert_eq!(desk.asks(&done.token).await.unwrap().user().id.as_str(), "usr_dev");
    let realm = realm_id("default");
    let shown = overview(bed.store(), &realm, &done.user.id).await.unwrap();
    assert!(shown.totp_since.is_some() && shown.recovery_codes_left == 0 && shown.passkeys.is_empty());
}

#[tokio::test]
async fn a_code_that_was_used_is_refused() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let app = desk.sets_up_app(&desk.person(DEV).await).await;
    // The code that set it up counts as used, too.
    let first = code(&app, bed.authority.now());
    let pending = desk.begins(DEV).await;
    let answer = totp::sign_in(desk.attempt_as("req_1"), pending.state.expose(), &first).await;
    assert_eq!((answer.unwrap_err(), reason(&bed, "req_1").await.as_str()), (Refused::Wrong, "used_code"));
    bed.advance(STEP).await;
    let second = code(&app, bed.authority.now());
    desk.code(&pending, &second).await.unwrap();
    for _ in 0..2 {
        let pending = desk.begins(DEV).await;
        assert_eq!(desk.code(&pending, &second).await.unwrap_err(), Refused::Wrong);
        bed.advance(STEP).await;
    }
    let early = code(&app, bed.authority.now().plus(STEP));
    desk.code(&desk.begins(DEV).await, &early).await.unwrap();
    // One of an earlier step is used up with it.
    let late = code(&app, bed.authority.now());
    assert_eq!(desk.code(&desk.begins(DEV).await, &late).await.unwrap_err(), Refused::Wrong);
}

#[tokio::test]
async fn of_one_code_at_the_same_time_one_counts() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let app = desk.sets_up_app(&desk.person(DEV).await).await;
    bed.advance(STEP).await;
    let (pending, code) = (desk.begins(DEV).await, code(&app, bed.authority.now()));
    let answers = tokio::join!(
        desk.code(&pending, &code),
        desk.code(&pending, &code),
        desk.code(&pending, &code),
        desk.code(&pending, &code),
    );
    let passed = [answers.0.is_ok(), answers.1.is_ok(), answers.2.is_ok(), answers.3.is_ok()];
    assert_eq!(passed.iter().filter(|passed| **passed).count(), 1);
}

#[tokio::test]
async fn guessing_codes_ends_after_ten_and_a_passkey_or_recovery_code_still_works() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(DEV).await;
    let app = desk.sets_up_app(&person).await;
    let codes = credentials::renew_recovery_codes(&bed.authority, &person).await.unwrap();
    bed.advance(STEP).await;
    let pending = desk.begins(DEV).await;
    for _ in 0..10 {
        let wrong = wrong_code(&app, bed.authority.now());
        assert_eq!(desk.code(&pending, &wrong).await.unwrap_err(), Refused::Wrong);
    }
    // Not even the right one is looked at, from whatever network.
    let right = code(&app, bed.authority.now());
    let answer = desk.code(&pending, &right).await.unwrap_err();
    assert_eq!(answer, Refused::Later(Duration::from_hours(1)));
    desk.recovery(&pending, codes[0].expose()).await.unwrap();
    bed.advance(Duration::from_hours(1)).await;
    let right = code(&app, bed.authority.now());
    desk.code(&desk.begins(DEV).await, &right).await.unwrap();
}

#[tokio::test]
async fn a_recovery_code_counts_once_however_it_is_typed() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(DEV).await;
    let none = credentials::renew_recovery_codes(&bed.authority, &person).await;
    assert!(none.is_err(), "there is no second factor to stand in for");
    desk.sets_up_app(&person).await;
    let codes = credentials::renew_recovery_codes(&bed.authority, &person).await.unwrap();
    assert_eq!(codes.len(), 10);
    let typed = codes[3].expose().to_lowercase().replace('-', " ");
    let pending = desk.begins(DEV).await;
    assert!(pending.methods.recovery_code);
    desk.recovery(&pending, &typed).await.unwrap();
    for again in [&typed, codes[3].expose()] {
        assert_eq!(desk.recovery(&desk.begins(DEV).await, again).await.unwrap_err(), Refused::Wrong);
    }
    let both = (desk.begins(DEV).await, codes[4].expose());
    let answers = tokio::join!(desk.recovery(&both.0, both.1), desk.recovery(&both.0, both.1));
    assert!(answers.0.is_ok() != answers.1.is_ok());
    let left = overview(bed.store(), &realm_id("default"), &person.user().id).await.unwrap();
    assert_eq!(left.recovery_codes_left, 8);

    let newer = credentials::renew_recovery_codes(&bed.authority, &person).await.unwrap();
    let pending = desk.begins(DEV).await;
    assert_eq!(desk.recovery(&pending, codes[5].expose()).await.unwrap_err(), Refused::Wrong);
    desk.recovery(&pending, newer[0].expose()).await.unwrap();
}

#[tokio::test]
async fn the_second_step_ends_with_time_with_another_password_and_at_anothers_hands() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let app = desk.sets_up_app(&desk.person(DEV).await).await;
    let right = || code(&app, bed.authority.now());
    bed.advance(STEP).await;

    let pending = desk.begins(DEV).await;
    bed.advance(Duration::from_mins(5)).await;
    assert_eq!(desk.code(&pending, &right()).await.unwrap_err(), Refused::Expired);

    let pending = desk.begins(DEV).await;
    let text = pending.state.expose();
    for forged in ["", "x", &text[..text.len() - 2], &format!("{text}AA"), &"A".repeat(100_000)] {
        let answer = totp::sign_in(desk.attempt(), forged, &right()).await;
        assert_eq!(answer.unwrap_err(), Refused::Expired);
    }
    let other = bed.authority.directory().realms().into_iter().find(|realm| !realm.is_default()).unwrap();
    let elsewhere = symbolon_core::sign_in::Attempt { realm: &other, ..desk.attempt() };
    let answer = totp::sign_in(elsewhere, text, &right()).await;
    assert_eq!(answer.unwrap_err(), Refused::Expired, "in another realm");

    let hash = bed
        .operator("default", async |editor| {
            user::hash_password(editor, &secret("another password"), "somebody@api.example").await.unwrap()
        })
        .await;
    bed.change_user("default", DEV, |user| user.password = Some(hash)).await;
    assert_eq!(desk.code(&pending, &right()).await.unwrap_err(), Refused::Expired);
}

#[tokio::test]
async fn proving_again_wants_the_second_factor_too() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let begun = desk.signs_in(DEV).await;
    let person = desk.asks(&begun.token).await.unwrap();
    let app = desk.sets_up_app(&person).await;
    bed.advance(Duration::from_mins(11)).await;
    let person = desk.asks(&begun.token).await.unwrap();
    assert!(!person.is_proven(bed.authority.now()));
    let step = password::prove(desk.attempt(), &person, &secret(secrets::PASSWORD)).await.unwrap();
    let SignIn::SecondFactor(pending) = step else { panic!("{step:?}") };
    let done = desk.code(&pending, &code(&app, bed.authority.now())).await.unwrap();
    assert_eq!(done.session.id, begun.session.id, "the same session");
    assert!(desk.asks(&begun.token).await.is_err(), "by another token");
    assert!(desk.asks(&done.token).await.unwrap().is_proven(bed.authority.now()));
}

#[tokio::test]
async fn nothing_is_changed_by_somebody_who_has_not_proved_lately_who_it_is() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = desk.signs_in(DEV).await.token;
    let enrolment = credentials::begin_totp(&bed.authority, &desk.asks(&token).await.unwrap(), "x").unwrap();
    bed.advance(Duration::from_mins(11)).await;
    let person = desk.asks(&token).await.unwrap();
    let refused = [
        credentials::begin_totp(&bed.authority, &person, "x").err(),
        credentials::confirm_totp(&bed.authority, &person, enrolment.state.expose(), "1").await.err(),
        credentials::remove_totp(&bed.authority, &person).await.err(),
        credentials::renew_recovery_codes(&bed.authority, &person).await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(CredentialError::NotProven)), "{error:?}");
    }
}

#[tokio::test]
async fn an_app_is_removed_by_its_user_or_by_an_operator_and_codes_go_with_it() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(DEV).await;
    desk.sets_up_app(&person).await;
    let codes = credentials::renew_recovery_codes(&bed.authority, &person).await.unwrap();
    credentials::remove_totp(&bed.authority, &person).await.unwrap();
    desk.signs_in(DEV).await;
    desk.sets_up_app(&person).await;
    let pending = desk.begins(DEV).await;
    assert_eq!(desk.recovery(&pending, codes[0].expose()).await.unwrap_err(), Refused::Wrong);

    let user = desk.user(DEV).await;
    bed.operator("default", async |editor| credentials::remove_factors(editor, &user).await.unwrap()).await;
    assert!(desk.authority.store().list_sessions(&realm_id("default"), &user.id).await.unwrap().is_empty());
    desk.signs_in(DEV).await;
}

#[tokio::test]
async fn an_enrolment_is_of_one_session_alone() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let (dev, admin) = (desk.person(DEV).await, desk.person(ADMIN).await);
    let again = desk.person(DEV).await;
    let enrolment = credentials::begin_totp(&bed.authority, &dev, "x").unwrap();
    for other in [&admin, &again] {
        let answer =
            credentials::confirm_totp(&bed.authority, other, enrolment.state.expose(), "000000").await;
        assert!(matches!(answer, Err(CredentialError::Expired)), "{answer:?}");
    }
    bed.advance(Duration::from_mins(8)).await;
    bed.advance(Duration::from_mins(1)).await;
    let wrong = credentials::confirm_totp(&bed.authority, &dev, enrolment.state.expose(), "x").await;
    assert!(matches!(wrong, Err(CredentialError::WrongCode)), "{wrong:?}");
}

#[tokio::test]
async fn a_password_takes_the_place_of_no_second_factor_and_without_one_it_is_proof_enough() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let (old, new) = (secret(secrets::PASSWORD), secret("a tin of blue paint"));
    let later = Duration::from_mins(11);
    let token = desk.signs_in(DEV).await.token;
    let before = desk.asks(&token).await.unwrap();
    desk.sets_up_app(&before).await;
    bed.advance(later).await;
    let old_session = desk.asks(&token).await.unwrap();
    for password in [&old, &secret("wrong")] {
        let answer = credentials::change_password(desk.attempt(), &old_session, (password, &new)).await;
        assert!(matches!(answer, Err(CredentialError::NotProven)), "{answer:?}");
    }
    desk.begins(DEV).await;

    let token = desk.signs_in(ADMIN).await.token;
    bed.advance(later).await;
    let alone = desk.asks(&token).await.unwrap();
    let changed = credentials::change_password(desk.attempt(), &alone, (&old, &new)).await.unwrap();
    let after = desk.asks(&changed.token).await.unwrap();
    assert!(!after.is_proven(bed.authority.now()), "what follows asks for itself");
    assert_eq!(after.session().proven_at, alone.session().proven_at);
}
