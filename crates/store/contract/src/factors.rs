//! Promises about what users have beside their passwords.

use symbolon_core::audit::SubjectKind;
use symbolon_core::secret::SecretHash;
use symbolon_core::sign_in::factors::{Factors, UsedChallenge};
use symbolon_core::sign_in::passkey::Passkey;
use symbolon_core::sign_in::totp::Totp;
use symbolon_core::store::Store;

use crate::Shared;
use crate::world::{NOW, audit, change, fails, id, later, populate, populate_realm, signing_key, tag, user};

fn factors(user: &str, handle: &str) -> Factors {
    let sealed = signing_key("k", symbolon_core::signing_key::KeyState::Active).private;
    Factors {
        user: id(user),
        handle: handle.to_owned(),
        totp: Some(Totp { secret: sealed, last_step: 58_333_333, since: NOW }),
        recovery_codes: vec![SecretHash { pepper: "p1".into(), hmac: tag("code") }],
        passkeys: vec![Passkey {
            id: id("psk_1"),
            name: "Mähroboter \u{1f69c}".to_owned(),
            credential: "Y3JlZA".to_owned(),
            key: "a2V5".to_owned(),
            counter: u32::MAX,
            backup_eligible: true,
            backed_up: false,
            transports: vec!["usb".to_owned()],
            created_at: NOW,
            last_used_at: Some(later(5)),
        }],
        used_challenges: vec![UsedChallenge { digest: "ZGlnZXN0".to_owned(), expires_at: later(300) }],
        wrong_codes: 3,
        wrong_code_at: later(2),
        version: 1,
    }
}

async fn people(store: &dyn Store) {
    let realm = populate(store).await;
    for name in ["u", "v"] {
        store.insert_user(&realm, &user(None, name), &change(SubjectKind::User, name)).await.unwrap();
    }
}

pub(crate) async fn read_back(store: Shared) {
    people(&*store).await;
    populate_realm(&*store, "s").await;
    let (r, s, u) = (id("r"), id("s"), id("u"));
    assert_eq!(store.find_factors(&r, &u).await.unwrap(), None);
    let before = store.last_change().await.unwrap();
    let first = factors("u", "handle");
    store.put_factors(&r, &first, None).await.unwrap();
    assert_eq!(store.last_change().await.unwrap(), before, "using a factor is no change");
    assert_eq!(store.find_factors(&r, &u).await.unwrap(), Some(first.clone()));
    let second = Factors { totp: None, passkeys: Vec::new(), version: 2, ..first };
    store.put_factors(&r, &second, Some(&change(SubjectKind::User, "u"))).await.unwrap();
    assert_eq!(store.last_change().await.unwrap(), before + 1);
    assert_eq!(audit(&*store, &r, None).await.len(), 6);
    assert_eq!(store.find_factors_by_handle(&r, "handle").await.unwrap(), Some(second));
    for strange in ["", "\0", "other", "handle\0", "HANDLE", "%"] {
        assert_eq!(store.find_factors_by_handle(&r, strange).await.unwrap(), None, "{strange:?}");
    }
    assert_eq!(store.find_factors(&s, &u).await.unwrap(), None);
    assert_eq!(store.find_factors_by_handle(&s, "handle").await.unwrap(), None);
    assert_eq!(store.find_factors(&r, &id("v")).await.unwrap(), None);
}

pub(crate) async fn stale(store: Shared) {
    people(&*store).await;
    let (r, c) = (id("r"), change(SubjectKind::User, "u"));
    let first = factors("u", "handle");
    store.put_factors(&r, &first, Some(&c)).await.unwrap();
    for version in [1, 3] {
        let other = Factors { version, wrong_codes: 9, ..first.clone() };
        assert_eq!(fails(&*store, store.put_factors(&r, &other, Some(&c))).await, "Stale", "{version}");
    }
    // A handle is one user's, and stays.
    let same_handle = factors("v", "handle");
    assert_eq!(fails(&*store, store.put_factors(&r, &same_handle, Some(&c))).await, "Stale");
    let other_handle = Factors { handle: "other".to_owned(), version: 2, ..first.clone() };
    assert_eq!(fails(&*store, store.put_factors(&r, &other_handle, Some(&c))).await, "Stale");
    let missing = Factors { version: 2, ..factors("v", "another") };
    assert_eq!(fails(&*store, store.put_factors(&r, &missing, Some(&c))).await, "NotFound");
    let nobody = factors("nobody", "nobodys");
    assert_eq!(fails(&*store, store.put_factors(&r, &nobody, Some(&c))).await, "NotFound");
    assert_eq!(fails(&*store, store.put_factors(&id("s"), &first, Some(&c))).await, "NotFound");
    assert_eq!(store.find_factors(&r, &id("u")).await.unwrap(), Some(first.clone()));

    let next = Factors { version: 2, ..first };
    let both = tokio::join!(store.put_factors(&r, &next, None), store.put_factors(&r, &next, None));
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|done| **done).count(), 1);
}
