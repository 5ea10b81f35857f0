//! Signing in by email and password: who is refused, that it reads the same outside, and that guessing is slow.

use std::time::Duration;

use symbolon_core::edit::credentials::{self, CredentialError};
use symbolon_core::realm::Status;
use symbolon_core::session::NotSignedIn;
use symbolon_core::sign_in::password::{WeakPassword, sign_in};
use symbolon_core::sign_in::{Refused, SignIn};

use super::desk::{ADMIN, DEV, Desk, reason, secret, visit};
use crate::support::{Bed, Request, secrets};

#[tokio::test]
async fn every_refusal_reads_the_same_and_its_reason_is_on_record() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let refused = async |request: &str, email: &str, password: &str, why: &str| {
        let answer = sign_in(desk.attempt_as(request), email, &secret(password)).await;
        assert_eq!(answer.unwrap_err(), Refused::Wrong, "{why}");
        assert_eq!(reason(&bed, request).await, why);
    };
    refused("req_1", "nobody@custodian.example", secrets::PASSWORD, "unknown_user").await;
    refused("req_2", DEV, "wrong", "wrong_password").await;
    refused("req_3", DEV, "", "wrong_password").await;
    refused("req_4", DEV, &"x".repeat(100_000), "wrong_password").await;
    bed.change_user("default", DEV, |user| user.status = Status::Disabled).await;
    refused("req_5", DEV, secrets::PASSWORD, "user_disabled").await;
    refused("req_6", DEV, "wrong", "wrong_password").await;
    bed.change_organization("default", "custodian", |o| o.status = Status::Disabled).await;
    refused("req_7", ADMIN, secrets::PASSWORD, "organization_disabled").await;
    bed.change_organization("default", "custodian", |o| o.status = Status::Active).await;
    bed.change_user("default", ADMIN, |user| user.password = None).await;
    refused("req_8", ADMIN, "", "wrong_password").await;
    bed.change_realm("default", |realm| realm.status = Status::Disabled).await;
    let desk = Desk::of(&bed.authority);
    let password = secret(secrets::PASSWORD);
    let answer = sign_in(desk.attempt_as("req_9"), "viewer@custodian.example", &password).await;
    assert_eq!(answer.unwrap_err(), Refused::Wrong);
    assert_eq!(reason(&bed, "req_9").await, "realm_disabled");
}

#[tokio::test]
async fn a_password_typed_into_the_wrong_field_is_on_no_record() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    for (request, email, kept) in [("req_1", secrets::PASSWORD, None), ("req_2", DEV, Some(DEV))] {
        sign_in(desk.attempt_as(request), email, &secret("wrong")).await.unwrap_err();
        reason(&bed, request).await;
        let record = bed.store().find_refusals_by_request(request).await.unwrap().remove(0);
        assert_eq!(record.unverified_client.as_deref(), kept);
    }
}

#[tokio::test]
async fn an_email_is_known_however_it_is_written() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    assert_eq!(desk.signs_in("  DEV@custodian.EXAMPLE ").await.user.id.as_str(), "usr_dev");
}

#[tokio::test]
async fn brute_force_is_delayed_and_the_right_password_always_passes() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    for email in [DEV, "nobody@custodian.example"] {
        let mut waits = Vec::new();
        for _ in 0..13 {
            match desk.tries(email, "wrong").await.unwrap_err() {
                Refused::Wrong => waits.push(0),
                Refused::Later(wait) => {
                    waits.push(wait.as_secs());
                    bed.advance(wait).await;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4], "{email}");
    }
    let later = desk.tries(DEV, "wrong").await.unwrap_err();
    assert!(matches!(later, Refused::Later(_)));
    desk.signs_in(DEV).await;
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_ends_all_that_the_old_one_gave() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let body = serde_json::json!({ "email": DEV, "password": secrets::PASSWORD });
    let v1 = bed.send(Request::post("/token").json(&body)).await;
    assert_eq!(v1.status, 200, "{v1:?}");
    let elsewhere = desk.signs_in(DEV).await.token;
    let own = desk.signs_in(DEV).await.token;
    let person = desk.asks(&own).await.unwrap();
    let (old, new) = (secret(secrets::PASSWORD), secret("a tin of blue paint"));

    let wrong = credentials::change_password(desk.attempt(), &person, (&secret("wrong"), &new)).await;
    assert!(matches!(wrong, Err(CredentialError::Refused(Refused::Wrong))), "{wrong:?}");
    let weak = credentials::change_password(desk.attempt(), &person, (&old, &secret("password1234"))).await;
    assert!(matches!(weak, Err(CredentialError::Weak(WeakPassword::Common))), "{weak:?}");
    assert!(desk.asks(&elsewhere).await.is_ok() && desk.asks(&own).await.is_ok());

    let before = bed.store().last_change().await.unwrap();
    bed.advance(Duration::from_secs(1)).await;
    let changed = credentials::change_password(desk.attempt(), &person, (&old, &new)).await.unwrap();
    for token in [&elsewhere, &own] {
        assert!(matches!(desk.asks(token).await, Err(NotSignedIn::Unknown)));
    }
    assert!(desk.asks(&changed.token).await.is_ok());
    assert_eq!(desk.tries(DEV, secrets::PASSWORD).await.unwrap_err(), Refused::Wrong);
    assert!(matches!(desk.tries(DEV, new.expose()).await, Ok(SignIn::Done(_))));
    let audit = bed.audit("default", before, None).await;
    assert_eq!(audit[0].action, "change_password");
    let text = serde_json::to_string(&audit).unwrap();
    assert!(!text.contains("argon2") && !text.contains("blue paint"), "{text}");
    let realm = bed.authority.directory().default_realm().unwrap();
    let cutoff = realm.revocations().cutoff(symbolon_core::protocol::revocation::Kind::User, "usr_dev");
    assert!(cutoff.is_some(), "v1 tokens of the old password are dead");
}

#[tokio::test]
async fn a_canary_is_in_nothing_that_can_be_printed() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let done = desk.signs_in(DEV).await;
    let token = done.token.expose().to_owned();
    let (_, canary) = token.rsplit_once('_').unwrap();
    let hmac = done.session.secret.hmac.to_string();
    let person = desk.asks(&done.token).await.unwrap();
    let enrolment = credentials::begin_totp(&bed.authority, &person, "x").unwrap();
    let text = format!("{done:?} {:?} {enrolment:?} {:?}", person.session(), visit("req_1"));
    for hidden in [canary, &hmac, enrolment.secret.expose(), enrolment.state.expose()] {
        assert!(!text.contains(hidden), "{text}");
    }
    assert!(!enrolment.state.expose().contains(enrolment.secret.expose()));
}
