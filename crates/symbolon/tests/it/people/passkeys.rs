//! Passkeys: as a second factor, alone, and to prove again who one is; made and used by a device of software.

use std::time::Duration;

use symbolon_core::edit::credentials::{self, CredentialError};
use symbolon_core::realm::Status;
use symbolon_core::session::{Method, Person};
use symbolon_core::sign_in::factors::{Methods, overview};
use symbolon_core::sign_in::passkey::{self, Ceremony, PasskeyFault, RelyingParty};
use symbolon_core::sign_in::{Refused, SignedIn};

use super::desk::{ADMIN, DEV, Desk, reason};
use super::device::{Device, rp};
use crate::support::{Bed, realm_id};

impl Desk {
    /// Adds a passkey of a device.
    async fn adds(&self, person: &Person, device: &mut Device) {
        let asked = credentials::begin_passkey(&self.authority, person, &rp()).await.unwrap();
        let answer = device.makes(&asked.options);
        let state = asked.state.expose();
        credentials::add_passkey(&self.authority, (person, &rp()), (state, &answer), "laptop").await.unwrap();
    }

    async fn asks_anybody(&self) -> Ceremony {
        passkey::begin_sign_in(self.attempt(), &rp()).await.unwrap()
    }

    /// Signs in by a device's answer to a question.
    async fn answers(&self, asked: &Ceremony, device: &mut Device) -> Result<SignedIn, Refused> {
        let answer = device.answers(&asked.options);
        passkey::sign_in(self.attempt(), &rp(), asked.state.expose(), &answer).await
    }
}

#[tokio::test]
async fn a_passkey_signs_in_alone() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let mut device = Device::new("laptop");
    desk.adds(&desk.person(DEV).await, &mut device).await;
    let asked = desk.asks_anybody().await;
    assert_eq!(asked.options["allowCredentials"], serde_json::json!([]), "it names nobody");
    assert_eq!(asked.options["userVerification"], "required");
    let done = desk.answers(&asked, &mut device).await.unwrap();
    assert_eq!((done.user.id.as_str(), done.session.method), ("usr_dev", Method::Passkey));
    assert!(desk.asks(&done.token).await.unwrap().is_proven(bed.authority.now()));
    let shown = overview(bed.store(), &realm_id("default"), &done.user.id).await.unwrap();
    assert_eq!(shown.passkeys[0].name, "laptop");
    assert_eq!(shown.passkeys[0].last_used_at, Some(bed.authority.now()));
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_beside_the_password() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let mut device = Device::new("stick");
    device.verifies = false;
    desk.adds(&desk.person(DEV).await, &mut device).await;
    let pending = desk.begins(DEV).await;
    assert_eq!(pending.methods, Methods { passkey: true, ..Methods::default() });
    let state = pending.state.expose();
    let asked = passkey::begin_second_factor(desk.attempt(), &rp(), state).await.unwrap();
    assert_eq!(asked.options["allowCredentials"].as_array().unwrap().len(), 1);
    device.names_user = false;
    let done = desk.answers(&asked, &mut device).await.unwrap();
    assert_eq!(done.session.method, Method::PasswordAndPasskey);
    // Alone it is not enough, since the device verifies nobody.
    device.names_user = true;
    let asked = desk.asks_anybody().await;
    let answer = device.answers(&asked.options);
    let alone = passkey::sign_in(desk.attempt_as("req_1"), &rp(), asked.state.expose(), &answer).await;
    assert_eq!(alone.unwrap_err(), Refused::Wrong);
    assert_eq!(reason(&bed, "req_1").await, "passkey");
}

#[tokio::test]
async fn a_passkey_proves_again_who_one_is() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let mut device = Device::new("laptop");
    let begun = desk.signs_in(DEV).await;
    let person = desk.asks(&begun.token).await.unwrap();
    desk.adds(&person, &mut device).await;
    bed.advance(Duration::from_mins(12)).await;
    let person = desk.asks(&begun.token).await.unwrap();
    assert!(!person.is_proven(bed.authority.now()));
    let asked = passkey::begin_proof(desk.attempt(), &rp(), &person).await.unwrap();
    let done = desk.answers(&asked, &mut device).await.unwrap();
    assert_eq!(done.session.id, begun.session.id);
    assert!(desk.asks(&begun.token).await.is_err());
    assert!(desk.asks(&done.token).await.unwrap().is_proven(bed.authority.now()));
}

#[tokio::test]
async fn an_answer_counts_once() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let mut device = Device::new("laptop");
    desk.adds(&desk.person(DEV).await, &mut device).await;
    // A device without a counter, for which the challenge is all that there is.
    let mut synced = Device::new("synced");
    synced.counter = 0;
    desk.adds_second(&mut synced, &mut device).await;
    let asked = desk.asks_anybody().await;
    let answer = synced.answers_without_counting(&asked.options);
    let state = asked.state.expose();
    let try_it = async || passkey::sign_in(desk.attempt(), &rp(), state, &answer).await;
    let both = tokio::join!(try_it(), try_it());
    assert!(both.0.is_ok() != both.1.is_ok(), "{both:?}");
    let replayed = passkey::sign_in(desk.attempt_as("req_1"), &rp(), state, &answer).await;
    assert_eq!(replayed.unwrap_err(), Refused::Wrong);
    assert_eq!(reason(&bed, "req_1").await, "passkey");
    // The answer to another challenge is none to this one.
    let other = desk.asks_anybody().await;
    let crossed = passkey::sign_in(desk.attempt(), &rp(), other.state.expose(), &answer).await;
    assert_eq!(crossed.unwrap_err(), Refused::Wrong);
}

impl Desk {
    /// Adds another passkey for the developer, who signs in by the one that there is.
    async fn adds_second(&self, second: &mut Device, first: &mut Device) {
        let asked = self.asks_anybody().await;
        let token = self.answers(&asked, first).await.unwrap().token;
        self.adds(&self.asks(&token).await.unwrap(), second).await;
    }
}

#[tokio::test]
async fn a_copied_device_a_foreign_site_and_a_late_answer_are_refused() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let mut device = Device::new("laptop");
    desk.adds(&desk.person(DEV).await, &mut device).await;
    let asked = desk.asks_anybody().await;
    desk.answers(&asked, &mut device).await.unwrap();

    let asked = desk.asks_anybody().await;
    let state = asked.state.expose();
    let copied = device.answers_without_counting(&asked.options);
    let answer = passkey::sign_in(desk.attempt(), &rp(), state, &copied).await;
    assert_eq!(answer.unwrap_err(), Refused::Wrong, "its counter stood still");

    device.origin = "https://auth.example.evil.test";
    assert_eq!(desk.answers(&asked, &mut device).await.unwrap_err(), Refused::Wrong);
    device.origin = super::device::ORIGIN;
    device.rp_id = "evil.test";
    assert_eq!(desk.answers(&asked, &mut device).await.unwrap_err(), Refused::Wrong);
    device.rp_id = "auth.example";
    let right = device.answers(&asked.options);
    let elsewhere = RelyingParty::at("https://other.example", "x").unwrap();
    let answer = passkey::sign_in(desk.attempt(), &elsewhere, state, &right).await;
    assert_eq!(answer.unwrap_err(), Refused::Wrong);
    bed.advance(Duration::from_mins(5)).await;
    let answer = passkey::sign_in(desk.attempt(), &rp(), state, &right).await;
    assert_eq!(answer.unwrap_err(), Refused::Expired);
}

#[tokio::test]
async fn a_passkey_opens_its_own_users_door_alone() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let (mut devs, mut admins) = (Device::new("devs"), Device::new("admins"));
    desk.adds(&desk.person(DEV).await, &mut devs).await;
    desk.adds(&desk.person(ADMIN).await, &mut admins).await;
    // After the admin's password, the developer's passkey.
    let pending = desk.begins(ADMIN).await;
    let asked = passkey::begin_second_factor(desk.attempt(), &rp(), pending.state.expose()).await.unwrap();
    assert_eq!(desk.answers(&asked, &mut devs).await.unwrap_err(), Refused::Wrong);
    devs.names_user = false;
    assert_eq!(desk.answers(&asked, &mut devs).await.unwrap_err(), Refused::Wrong);
    // Alone, without a word whose it is.
    let asked = desk.asks_anybody().await;
    assert_eq!(desk.answers(&asked, &mut devs).await.unwrap_err(), Refused::Wrong);
    devs.names_user = true;
    assert_eq!(desk.answers(&asked, &mut devs).await.unwrap().user.id.as_str(), "usr_dev");
    // Whoever is switched off is refused, passkey or not.
    bed.change_user("default", ADMIN, |user| user.status = Status::Disabled).await;
    let asked = desk.asks_anybody().await;
    assert_eq!(desk.answers(&asked, &mut admins).await.unwrap_err(), Refused::Wrong);
}

#[tokio::test]
async fn a_question_for_one_purpose_is_answered_for_that_alone() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(DEV).await;
    let mut device = Device::new("laptop");
    desk.adds(&person, &mut device).await;
    let making = credentials::begin_passkey(&bed.authority, &person, &rp()).await.unwrap();
    assert_eq!(desk.answers(&making, &mut device).await.unwrap_err(), Refused::Wrong);
    let asked = desk.asks_anybody().await;
    let made = Device::new("other").makes_for(&making, &asked);
    let state = asked.state.expose();
    let added = credentials::add_passkey(&bed.authority, (&person, &rp()), (state, &made), "x").await;
    assert!(matches!(added, Err(CredentialError::Passkey(PasskeyFault::Ceremony))), "{added:?}");
    // A pending sign-in is no ceremony, and the other way round.
    let pending = desk.begins(DEV).await;
    let answer = device.answers(&asked.options);
    let crossed = passkey::sign_in(desk.attempt(), &rp(), pending.state.expose(), &answer).await;
    assert_eq!(crossed.unwrap_err(), Refused::Expired);
    let code = symbolon_core::sign_in::totp::sign_in(desk.attempt(), state, "000000").await;
    assert_eq!(code.unwrap_err(), Refused::Expired);
}

impl Device {
    /// Makes a passkey for a user, in answer to another question.
    fn makes_for(&mut self, making: &Ceremony, asked: &Ceremony) -> passkey::RegistrationResponse {
        let mut options = making.options.clone();
        options["challenge"] = asked.options["challenge"].clone();
        self.makes(&options)
    }
}

#[tokio::test]
async fn passkeys_are_several_named_listed_and_removed() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(DEV).await;
    let before = bed.store().last_change().await.unwrap();
    let (mut laptop, mut stick) = (Device::new("laptop"), Device::new("stick"));
    desk.adds(&person, &mut laptop).await;
    desk.adds(&person, &mut stick).await;
    let (realm, user) = (realm_id("default"), person.user().id.clone());
    let shown = async || overview(bed.store(), &realm, &user).await.unwrap().passkeys;
    let ids: Vec<_> = shown().await.into_iter().map(|passkey| passkey.id).collect();
    credentials::rename_passkey(&bed.authority, &person, &ids[1], "blue stick").await.unwrap();
    for bad in ["", "  ", "a\u{1b}[31m", &"x".repeat(300)] {
        assert!(credentials::rename_passkey(&bed.authority, &person, &ids[1], bad).await.is_err(), "{bad}");
    }
    assert_eq!(shown().await[1].name, "blue stick");
    // The same device again is the same passkey.
    let asked = credentials::begin_passkey(&bed.authority, &person, &rp()).await.unwrap();
    assert_eq!(asked.options["excludeCredentials"].as_array().unwrap().len(), 2);
    let answer = laptop.makes(&asked.options);
    let state = asked.state.expose();
    let again = credentials::add_passkey(&bed.authority, (&person, &rp()), (state, &answer), "x").await;
    assert!(again.is_err(), "{again:?}");
    // Somebody else has no hand in it.
    let other = desk.person(ADMIN).await;
    assert!(credentials::remove_passkey(&bed.authority, &other, &ids[0]).await.is_err());
    credentials::remove_passkey(&bed.authority, &person, &ids[0]).await.unwrap();
    let asked = desk.asks_anybody().await;
    assert_eq!(desk.answers(&asked, &mut laptop).await.unwrap_err(), Refused::Wrong);
    desk.answers(&asked, &mut stick).await.unwrap();
    credentials::remove_passkey(&bed.authority, &person, &ids[1]).await.unwrap();
    desk.signs_in(DEV).await;
    let actions: Vec<_> =
        bed.audit("default", before, None).await.into_iter().map(|row| row.action).collect();
    let removed = ["remove_passkey", "sign_in"];
    let expected =
        [&["add_passkey", "add_passkey", "rename_passkey", "sign_in"][..], &removed, &removed].concat();
    assert_eq!(actions, expected);
}
