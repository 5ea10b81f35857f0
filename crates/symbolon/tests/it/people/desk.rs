//! Where people come to: their attempts, from an address and with a browser.

use std::sync::Arc;

use aws_lc_rs::hmac;
use symbolon_core::authority::Authority;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::{self, credentials};
use symbolon_core::realm_view::RealmView;
use symbolon_core::secret::Secret;
use symbolon_core::session::{self, NotSignedIn, Person, Visit};
use symbolon_core::sign_in::{Attempt, Pending, Refused, SignIn, SignedIn, password, recovery, totp};
use symbolon_core::user::{OperatorRole, User};

use crate::support::{Bed, realm_id, secrets};

/// A member who may manage clients.
pub(crate) const DEV: &str = "dev@custodian.example";
/// A member who may manage members.
pub(crate) const ADMIN: &str = "admin@custodian.example";
/// An operator, where a test has made one.
pub(crate) const OWNER: &str = "owner@auth.example";

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// A request of somebody's browser.
pub(crate) fn visit(request_id: &str) -> Visit<'_> {
    Visit { request_id, from: [192, 0, 2, 7].into(), user_agent: "Browser/1.0" }
}

/// The console of a realm.
pub(crate) struct Desk {
    pub(crate) authority: Arc<Authority>,
    pub(crate) realm: Arc<RealmView>,
}

impl Desk {
    /// Of the default realm.
    pub(crate) fn of(authority: &Arc<Authority>) -> Self {
        let realm = authority.directory().default_realm().unwrap();
        Self { authority: Arc::clone(authority), realm }
    }

    pub(crate) fn attempt(&self) -> Attempt<'_> {
        self.attempt_as("req_test")
    }

    pub(crate) fn attempt_as<'a>(&'a self, request_id: &'a str) -> Attempt<'a> {
        Attempt { authority: &self.authority, realm: &self.realm, visit: visit(request_id) }
    }

    /// By email and a password.
    pub(crate) async fn tries(&self, email: &str, password: &str) -> Result<SignIn, Refused> {
        password::sign_in(self.attempt(), email, &secret(password)).await
    }

    /// By email and the right password, where that is enough.
    pub(crate) async fn signs_in(&self, email: &str) -> SignedIn {
        match self.tries(email, secrets::PASSWORD).await {
            Ok(SignIn::Done(done)) => *done,
            other => panic!("{other:?}"),
        }
    }

    /// By email and the right password, where a second factor is wanted.
    pub(crate) async fn begins(&self, email: &str) -> Pending {
        match self.tries(email, secrets::PASSWORD).await {
            Ok(SignIn::SecondFactor(pending)) => pending,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn code(&self, pending: &Pending, code: &str) -> Result<SignedIn, Refused> {
        totp::sign_in(self.attempt(), pending.state.expose(), code).await
    }

    pub(crate) async fn recovery(&self, pending: &Pending, code: &str) -> Result<SignedIn, Refused> {
        recovery::sign_in(self.attempt(), pending.state.expose(), code).await
    }

    /// A request with a session's token.
    pub(crate) async fn asks(&self, token: &Secret) -> Result<Person, NotSignedIn> {
        session::authenticate(&self.authority, token.expose(), visit("req_asks")).await
    }

    /// Somebody who has just signed in by the password alone.
    pub(crate) async fn person(&self, email: &str) -> Person {
        let token = self.signs_in(email).await.token;
        self.asks(&token).await.unwrap()
    }

    /// Sets an app up, and answers what it computes with.
    pub(crate) async fn sets_up_app(&self, person: &Person) -> Vec<u8> {
        let enrolment = credentials::begin_totp(&self.authority, person, "auth.example").unwrap();
        let app = unbase32(enrolment.secret.expose());
        let code = code(&app, self.authority.now());
        credentials::confirm_totp(&self.authority, person, enrolment.state.expose(), &code).await.unwrap();
        app
    }

    pub(crate) async fn user(&self, email: &str) -> User {
        self.authority.store().find_user_by_email(self.realm.id(), email).await.unwrap().unwrap()
    }
}

/// The owner of the default realm.
pub(crate) async fn add_owner(bed: &Bed) -> User {
    let dev = bed.store().find_user_by_email(&realm_id("default"), DEV).await.unwrap().unwrap();
    let id = symbolon_core::id::UserId::new("usr_owner").unwrap();
    let owner = User {
        id,
        email: OWNER.to_owned(),
        membership: None,
        operator: Some(OperatorRole::Owner),
        version: 1,
        ..dev
    };
    bed.operator("default", async |editor| edit::user::insert(editor, &owner).await.unwrap()).await;
    owner
}

/// What an app shows at a moment: written here anew, so that the server is not its own judge.
pub(crate) fn code(app: &[u8], at: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, app);
    let tag = hmac::sign(&key, &(at.seconds() / 30).to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// A code that is certainly not the one of now.
pub(crate) fn wrong_code(app: &[u8], at: Timestamp) -> String {
    let right: Vec<String> =
        (-1..=1).map(|step| code(app, Timestamp::from_seconds(at.seconds() + step * 30))).collect();
    (0..10).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
}

pub(crate) fn unbase32(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_usize, 0);
    for character in text.chars() {
        bits = (bits << 5 | alphabet.find(character).unwrap()) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

/// The reason that is on record of a request's refusal; it is written beside the answer.
pub(crate) async fn reason(bed: &Bed, request_id: &str) -> String {
    loop {
        let mut found = bed.store().find_refusals_by_request(request_id).await.unwrap();
        if let Some(record) = found.pop() {
            assert_eq!(record.endpoint, "console");
            return record.reason;
        }
        tokio::task::yield_now().await;
    }
}
