//! Rule 6: what is switched off is dead, and what was dead stays dead when it is switched on again.

use std::time::Duration;

use symbolon_core::access_key::KeyStatus;
use symbolon_core::edit::{access_key, client, user};
use symbolon_core::protocol::scope::ScopeSet;
use symbolon_core::realm::Status;
use symbolon_core::secret::Secret;
use symbolon_core::user::MemberRole;

use crate::support::{Bed, HOLDER, Node, Switch, Way, secrets};

const MILLI: Duration = Duration::from_millis(1);

async fn ask(bed: &Bed) -> u16 {
    bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status
}

#[tokio::test]
async fn off_kills_on_brings_nothing_back_and_new_tokens_live() {
    for switch in Switch::ALL {
        let bed = Bed::start_with_switches().await;
        let (client_token, user_token) = (bed.client_token().await, bed.user_token().await);
        bed.advance(Duration::from_secs(5)).await;
        assert!(bed.lives(&client_token).await && bed.lives(&user_token).await);

        bed.turn(switch, Status::Disabled).await;
        if switch != Switch::Realm {
            assert_eq!(bed.lives(&client_token).await, !switch.concerns_client(), "{switch:?}");
            assert_eq!(bed.lives(&user_token).await, !switch.concerns_user(), "{switch:?}");
        }
        // Time alone opens nothing.
        bed.advance(Duration::from_secs(5)).await;
        bed.turn(switch, Status::Active).await;
        bed.advance(MILLI).await;
        assert_eq!(bed.lives(&client_token).await, !switch.concerns_client(), "{switch:?}");
        assert_eq!(bed.lives(&user_token).await, !switch.concerns_user(), "{switch:?}");

        let (client_token, user_token) = (bed.client_token().await, bed.user_token().await);
        assert!(bed.lives(&client_token).await && bed.lives(&user_token).await, "{switch:?}");
    }
}

#[tokio::test]
async fn a_mint_is_stamped_after_the_cutoff_or_refused_for_now() {
    let bed = Bed::start_with_switches().await;
    for switch in Switch::ALL.into_iter().filter(|switch| switch.concerns_client()) {
        bed.turn(switch, Status::Disabled).await;
        bed.turn(switch, Status::Active).await;
        // In the very millisecond of the cutoff a token would be dead, and none is stamped in the future.
        let answer = bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await;
        answer.refused(503, "temporarily_unavailable");
        assert_eq!(bed.refusal(&answer).await.reason, "revoked_until_now");
        bed.advance(MILLI).await;
        assert_eq!(ask(&bed).await, 200, "{switch:?}");
    }
}

#[tokio::test]
async fn a_clock_that_went_back_mints_nothing_that_would_be_dead() {
    let bed = Bed::start_with_switches().await;
    bed.advance(Duration::from_mins(1)).await;
    bed.turn(Switch::Client, Status::Disabled).await;
    bed.turn(Switch::Client, Status::Active).await;
    bed.clock.set(crate::support::NOW);
    bed.authority.directory().catch_up().await.unwrap();
    assert_eq!(ask(&bed).await, 503);
}

#[tokio::test]
async fn deleting_kills_and_the_same_id_anew_starts_from_nothing() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let known = bed.find_client("default", "meti").await;
    bed.advance(MILLI).await;
    bed.delete_client("default", "meti").await;
    assert!(!bed.lives(&token).await);
    assert_eq!(ask(&bed).await, 401);
    bed.operator("default", async |editor| {
        client::insert(editor, &known.client).await.unwrap();
        access_key::insert(editor, &known.keys[0]).await.unwrap();
    })
    .await;
    bed.advance(MILLI).await;
    assert!(!bed.lives(&token).await);
    let fresh = bed.client_token().await;
    assert!(bed.lives(&fresh).await);
}

#[tokio::test]
async fn a_key_that_is_removed_and_imported_again_starts_from_nothing() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let key = bed.find_key("default", "meti-key").await;
    bed.turn(Switch::AccessKey, Status::Disabled).await;
    let inactive = bed.find_key("default", "meti-key").await;
    bed.operator("default", async |editor| {
        access_key::delete(editor, &inactive).await.unwrap();
        access_key::insert(editor, &key).await.unwrap();
    })
    .await;
    bed.advance(MILLI).await;
    assert!(!bed.lives(&token).await);
    let fresh = bed.client_token().await;
    assert!(bed.lives(&fresh).await);
}

#[tokio::test]
async fn a_key_kills_its_own_tokens_and_not_those_of_the_other() {
    let bed = Bed::start_with_switches().await;
    let client = bed.find_client("default", "meti").await.client;
    let second = bed
        .operator("default", async |editor| access_key::create(editor, &client, None).await.unwrap())
        .await;
    let first_token = bed.client_token().await;
    let secret = second.secret.expose().to_owned();
    let second_token = bed.access_token("/oauth/token", "meti", &secret).await;
    bed.turn(Switch::AccessKey, Status::Disabled).await;
    assert!(!bed.lives(&first_token).await);
    assert!(bed.lives(&second_token).await);
    assert_eq!(ask(&bed).await, 401);
    bed.access_token("/oauth/token", "meti", &secret).await;
}

#[tokio::test]
async fn another_secret_or_an_earlier_end_kills_what_the_key_got() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let hash = bed.find_key("default", "metafold-key").await.secret;
    bed.advance(MILLI).await;
    bed.change_key("default", "meti-key", |key| key.secret = hash).await;
    assert!(!bed.lives(&token).await);
    assert_eq!(ask(&bed).await, 401);

    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let end = bed.authority.now().plus(Duration::from_hours(2));
    bed.advance(MILLI).await;
    bed.change_key("default", "meti-key", |key| key.expires_at = Some(end)).await;
    assert!(!bed.lives(&token).await);
    // A later end kills nothing.
    bed.advance(MILLI).await;
    let token = bed.client_token().await;
    bed.change_key("default", "meti-key", |key| key.expires_at = None).await;
    assert!(bed.lives(&token).await);
}

#[tokio::test]
async fn a_new_password_or_role_kills_the_users_tokens() {
    let bed = Bed::start_with_switches().await;
    let token = bed.user_token().await;
    bed.advance(MILLI).await;
    let hash = bed
        .operator("default", async |editor| {
            user::hash_password(editor, &Secret::new("another password".to_owned()), "somebody@api.example")
                .await
                .unwrap()
        })
        .await;
    bed.change_user("default", "dev@custodian.example", |user| user.password = Some(hash)).await;
    assert!(!bed.lives(&token).await);
    bed.send(Bed::sign_in()).await.refused(401, "invalid_grant");

    let bed = Bed::start_with_switches().await;
    let token = bed.user_token().await;
    bed.advance(MILLI).await;
    bed.change_user("default", "dev@custodian.example", |user| {
        user.membership.as_mut().unwrap().role = MemberRole::Viewer;
    })
    .await;
    assert!(!bed.lives(&token).await);
    bed.advance(MILLI).await;
    let token = bed.user_token().await;
    assert!(bed.lives(&token).await);
}

#[tokio::test]
async fn narrower_scopes_act_on_the_next_token() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    bed.change_client("default", "meti", |client| {
        client.settings.grants[0].scopes = ScopeSet::parse("read:sources").unwrap();
    })
    .await;
    assert!(bed.lives(&token).await);
    let answer = bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await;
    assert_eq!(answer.body["scope"], "read:sources");
}

#[tokio::test]
async fn another_node_sees_each_change_and_mints_nothing_until_it_looked() {
    for switch in Switch::ALL {
        let bed = Bed::start_with_switches().await;
        let node = Node::start(&bed).await;
        let (client_token, user_token) = (bed.client_token().await, bed.user_token().await);
        // It holds everything in its caches.
        assert_eq!(node.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 200);
        assert_eq!(node.send(Bed::sign_in()).await.status, 200);
        bed.turn(switch, Status::Disabled).await;
        // The directory's maximum age passes without a look: nothing is minted from it.
        bed.clock.advance(Duration::from_secs(3));
        assert_eq!(node.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 503);
        node.catch_up().await;
        let client = node.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status;
        let user = node.send(Bed::sign_in()).await.status;
        let refused = |concerned: bool| if concerned { 400..500 } else { 200..201 };
        assert!(refused(switch.concerns_client()).contains(&client), "{switch:?}: {client}");
        assert!(refused(switch.concerns_user()).contains(&user), "{switch:?}: {user}");
        if switch != Switch::Realm {
            for (token, concerned) in
                [(&client_token, switch.concerns_client()), (&user_token, switch.concerns_user())]
            {
                let who = ("metafold", secrets::METAFOLD);
                let request = Way::Form.request("/oauth/introspect", who, &[("token", token)]);
                assert_eq!(node.send(request).await.body["active"], !concerned, "{switch:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_imported_as_inactive_gets_nothing_until_it_is_active() {
    let bed = Bed::start_with_switches().await;
    let client = bed.find_client("default", "meti").await.client;
    let made = bed
        .operator("default", async |editor| {
            let made = access_key::create(editor, &client, None).await.unwrap();
            let off = access_key::set_status(editor, &made.key, KeyStatus::Inactive).await.unwrap();
            (off, made.secret)
        })
        .await;
    let who = ("meti", made.1.expose());
    bed.send(Way::Form.token("/oauth/token", who, &[])).await.refused(401, "invalid_client");
    bed.operator("default", async |editor| {
        access_key::set_status(editor, &made.0, KeyStatus::Active).await.unwrap();
    })
    .await;
    bed.advance(MILLI).await;
    assert_eq!(bed.send(Way::Form.token("/oauth/token", who, &[])).await.status, 200);
}
