//! Rule 12: a write from an older version is refused, whatever the noun, and changes nothing.

use symbolon_core::access_key::KeyStatus;
use symbolon_core::edit::{
    EditError, access_key, client, licence, organization, policy, realm, resource_server, user,
};
use symbolon_core::id::{OrganizationId, PolicyId};
use symbolon_core::policy::Policy;
use symbolon_core::realm::Status;
use symbolon_core::store::StoreError;

use crate::support::{Bed, HOLDER, Switch, Way, realm_id};

#[track_caller]
fn is_stale<T: std::fmt::Debug>(outcome: &Result<T, EditError>) {
    assert!(matches!(outcome, Err(EditError::Store(StoreError::Stale))), "{outcome:?}");
}

#[tokio::test]
async fn of_two_who_read_the_same_version_the_second_writer_loses() {
    let bed = Bed::start_with_switches().await;
    let realm = realm_id("default");
    let store = bed.store();
    let realms = store.list_realms().await.unwrap();
    let one = realms.into_iter().find(|one| one.id == realm).unwrap();
    let server = store.list_resource_servers(&realm).await.unwrap().remove(0);
    let organization = OrganizationId::new("custodian").unwrap();
    let organization = store.find_organization(&realm, &organization).await.unwrap().unwrap();
    let licence = bed.licences("default", "custodian").await.remove(0);
    let known = bed.find_client("default", "meti").await;
    let user = store.find_user_by_email(&realm, "dev@custodian.example").await.unwrap().unwrap();
    let policy = Policy {
        id: PolicyId::new("p").unwrap(),
        name: "p".to_owned(),
        statements: Vec::new(),
        version: 1,
        created_at: bed.authority.now(),
    };
    bed.operator("default", async |editor| {
        policy::insert(editor, &policy).await.unwrap();
        // The first writer of each wins …
        realm::update(editor, &one, &one).await.unwrap();
        resource_server::update(editor, &server, &server).await.unwrap();
        policy::update(editor, &policy, &policy).await.unwrap();
        organization::update(editor, &organization, &organization).await.unwrap();
        licence::update(editor, &licence, &licence).await.unwrap();
        client::update(editor, &known.client, &known.client).await.unwrap();
        access_key::update(editor, &known.keys[0], &known.keys[0]).await.unwrap();
        user::update(editor, &user, &user).await.unwrap();
        // … and the second is refused, also where it would have deleted.
        is_stale(&realm::update(editor, &one, &one).await);
        is_stale(&resource_server::update(editor, &server, &server).await);
        is_stale(&policy::update(editor, &policy, &policy).await);
        is_stale(&organization::update(editor, &organization, &organization).await);
        is_stale(&licence::update(editor, &licence, &licence).await);
        is_stale(&licence::delete(editor, &licence).await);
        is_stale(&client::update(editor, &known.client, &known.client).await);
        is_stale(&client::delete(editor, &known.client, &known.keys).await);
        is_stale(&access_key::update(editor, &known.keys[0], &known.keys[0]).await);
        is_stale(&access_key::delete(editor, &known.keys[0]).await);
        is_stale(&user::update(editor, &user, &user).await);
    })
    .await;
}

#[tokio::test]
async fn a_stale_write_leaves_neither_revocation_nor_audit() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    let known = bed.find_client("default", "meti").await;
    bed.change_client("default", "meti", |client| "renamed".clone_into(&mut client.settings.name)).await;
    let before = bed.store().last_change().await.unwrap();
    bed.operator("default", async |editor| {
        is_stale(&client::set_status(editor, &known.client, Status::Disabled).await);
        is_stale(&client::delete(editor, &known.client, &known.keys).await);
    })
    .await;
    assert_eq!(bed.store().last_change().await.unwrap(), before);
    bed.authority.directory().catch_up().await.unwrap();
    assert!(bed.lives(&token).await);
    assert_eq!(bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 200);
}

#[tokio::test]
async fn versions_count_up_by_one() {
    let bed = Bed::start().await;
    for version in 1..4 {
        assert_eq!(bed.find_client("default", "meti").await.client.version, version);
        assert_eq!(bed.find_key("default", "meti-key").await.version, version);
        bed.change_client("default", "meti", |client| client.settings.name.push('x')).await;
        let status = if version % 2 == 1 { KeyStatus::Inactive } else { KeyStatus::Active };
        bed.change_key("default", "meti-key", |key| key.status = status).await;
    }
}

#[tokio::test]
async fn two_who_disable_and_rename_at_once_cannot_undo_each_other() {
    let bed = Bed::start_with_switches().await;
    let known = bed.find_client("default", "meti").await.client;
    let mut renamed = known.clone();
    "renamed".clone_into(&mut renamed.settings.name);
    bed.turn(Switch::Client, Status::Disabled).await;
    bed.operator("default", async |editor| is_stale(&client::update(editor, &known, &renamed).await)).await;
    assert_eq!(bed.find_client("default", "meti").await.client.status, Status::Disabled);
}
