//! The store failed, method by method, under signing in: nobody is let in by it, and nothing says why.

use std::collections::HashSet;

use symbolon_core::edit::{self, credentials, link};
use symbolon_core::session::{self, NotSignedIn};
use symbolon_core::sign_in::{Refused, SignIn, passkey, password};

use super::desk::{DEV, Desk, secret, visit};
use super::device::{Device, rp};
use crate::store_faults::SIGNING_IN;
use crate::support::{Bed, FAULT, Node, secrets};

/// What did not fail did all that it should; every refusal says that it is not possible now.
async fn everything(desk: &Desk, methods: &mut HashSet<&'static str>) -> bool {
    let mut whole = true;
    let mut now_or_never = |refused: Refused| {
        assert_eq!(refused, Refused::Unavailable);
        whole = false;
    };
    let signed_in = match password::sign_in(desk.attempt(), DEV, &secret(secrets::PASSWORD)).await {
        Ok(SignIn::Done(done)) => done,
        Ok(SignIn::SecondFactor(pending)) => {
            panic!("nothing is set up: {pending:?}")
        }
        Err(refused) => {
            now_or_never(refused);
            return false;
        }
    };
    let person = match session::authenticate(&desk.authority, signed_in.token.expose(), visit("req_1")).await
    {
        Ok(person) => person,
        Err(NotSignedIn::Store(error)) => {
            assert!(error.to_string().contains(FAULT));
            return false;
        }
        Err(other) => panic!("{other:?}"),
    };
    methods.insert("signed in");
    match password::prove(desk.attempt(), &person, &secret(secrets::PASSWORD)).await {
        Ok(_) => {}
        Err(refused) => now_or_never(refused),
    }
    let mut device = Device::new("laptop");
    let asked = match credentials::begin_passkey(&desk.authority, &person, &rp()).await {
        Ok(asked) => asked,
        Err(error) => {
            assert!(error.to_string().contains(FAULT), "{error}");
            return false;
        }
    };
    let made = device.makes(&asked.options);
    let state = asked.state.expose();
    let added = credentials::add_passkey(&desk.authority, (&person, &rp()), (state, &made), "x").await;
    if added.is_ok() {
        let asked = passkey::begin_sign_in(desk.attempt(), &rp()).await.unwrap();
        let answer = device.answers(&asked.options);
        match passkey::sign_in(desk.attempt(), &rp(), asked.state.expose(), &answer).await {
            Ok(_) => {}
            Err(refused) => now_or_never(refused),
        }
    }
    whole &= edit::session::end_others(&desk.authority, &person).await.is_ok();
    whole &=
        session::list(&**desk.authority.store(), desk.realm.id(), &person.user().id, desk.authority.now())
            .await
            .is_ok();
    let link = link::first_operator(&desk.authority).await;
    let Ok(Some(token)) = link else { return false };
    let chosen = password_of_an_owner();
    let chosen = link::Chosen { password: &chosen, email: Some("owner@auth.example") };
    whole & link::accept(&desk.authority, token.expose(), chosen, visit("req_2")).await.is_ok()
}

fn password_of_an_owner() -> symbolon_core::secret::Secret {
    secret("a tin of blue paint")
}

#[tokio::test]
async fn a_store_that_fails_lets_nobody_in() {
    let mut called = HashSet::new();
    for method in SIGNING_IN {
        let bed = Bed::start().await;
        let (node, store) = Node::faulty(&bed).await;
        let desk = Desk::of(&node.authority);
        store.fail(&[method]);
        let mut methods = HashSet::new();
        let whole = everything(&desk, &mut methods).await;
        // What is noted in passing may fail; a minute has not passed here.
        assert!(!whole || method == "touch_session", "{method} failed, and nobody noticed");
        store.fail(&[]);
        called.extend(store.called());
        // What holds the authority holds the journal.
        drop(desk);
        node.stop().await;
    }
    let missed: Vec<_> = SIGNING_IN
        .iter()
        .filter(|method| !called.contains(**method) && **method != "touch_session")
        .collect();
    assert!(missed.is_empty(), "nothing here calls {missed:?}");
}

#[tokio::test]
async fn a_request_is_served_though_it_could_not_be_noted() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    let desk = Desk::of(&node.authority);
    let token = desk.signs_in(DEV).await.token;
    bed.clock.advance(std::time::Duration::from_mins(1));
    node.catch_up().await;
    store.fail(&["touch_session"]);
    assert!(desk.asks(&token).await.is_ok());
    store.fail(&["find_user"]);
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Store(_))));
    drop(desk);
    node.stop().await;
}
