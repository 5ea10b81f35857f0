//! Rule 9: ids are prefixed and sort by time, imported ones are taken as they are, and no two are equal.

use std::time::Duration;

use symbolon_core::access_key::AccessKey;
use symbolon_core::apply::{self, description::Description};
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::edit::{EditError, access_key, client, user};
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId, UserId};
use symbolon_core::store::StoreError;
use symbolon_core::user::User;

use crate::support::{Bed, Way, in_default, realm_id, secrets};

#[track_caller]
fn is_taken<T: std::fmt::Debug>(outcome: &Result<T, EditError>, what: &str) {
    assert!(matches!(outcome, Err(EditError::Store(StoreError::Taken(_)))), "{what}: {outcome:?}");
}

/// Tries to make a client, a key and a user of an id, in an organization.
async fn all_are_taken(bed: &Bed, id: &str, organization: &str) {
    let organization = OrganizationId::new(organization).unwrap();
    let known = bed.find_client("default", "m3ter-bare").await;
    let users = bed.store().find_user_by_email(&realm_id("default"), "dev@custodian.example").await;
    let user = users.unwrap().unwrap();
    let client = Client {
        id: ClientId::new(id).unwrap(),
        organization: organization.clone(),
        version: 1,
        ..known.client.clone()
    };
    let key = AccessKey { id: AccessKeyId::new(id).unwrap(), version: 1, ..known.keys[0].clone() };
    let mut member = User { id: UserId::new(id).unwrap(), email: "free@example.org".to_owned(), ..user };
    member.version = 1;
    member.membership.as_mut().unwrap().organization = organization;
    let operator = User { membership: None, ..member.clone() };
    bed.operator("default", async |editor| {
        is_taken(&client::insert(editor, &client).await, id);
        is_taken(&access_key::insert(editor, &key).await, id);
        is_taken(&user::insert(editor, &member).await, id);
        is_taken(&user::insert(editor, &operator).await, id);
    })
    .await;
}

#[tokio::test]
async fn clients_keys_and_users_share_one_space_of_ids() {
    let bed = Bed::start().await;
    for id in ["meti", "meti-key", "usr_dev", "m3ter-bare", "metafold-key"] {
        for organization in ["custodian", "metafold-customer"] {
            all_are_taken(&bed, id, organization).await;
        }
    }
}

#[tokio::test]
async fn a_chosen_client_id_cannot_equal_a_users_sub() {
    let bed = Bed::start().await;
    let yaml = in_default("  - id: sly\n    clients:\n    - id: usr_dev\n");
    let plan = apply::plan(&bed.authority, &Description::parse(&yaml).unwrap()).await.unwrap();
    let actor = symbolon_core::audit::Actor::operator("test", "run_test");
    let error = apply::execute(&bed.authority, &actor, plan, |_| Ok(())).await.unwrap_err();
    assert!(matches!(error.source, EditError::Store(StoreError::Taken(_))), "{error}");
    // The client id of password tokens is nobody's either.
    let yaml = in_default("  - id: sly\n    clients:\n    - id: v1\n");
    let error = apply::plan(&bed.authority, &Description::parse(&yaml).unwrap()).await.unwrap_err();
    assert!(matches!(error, EditError::Invalid(_)), "{error}");
}

#[tokio::test]
async fn another_realm_may_have_the_same_ids() {
    let bed = Bed::start().await;
    bed.apply(
        "realms:\n- id: plain\n  settings: { hosts: [plain.example] }\n  organizations:\n  - id: custodian\n    \
         clients:\n    - id: meti\n      settings: { grants: [{ audience: \"https://api.plain.example\", scopes: \
         [a] }] }\n      access_keys: [{ id: meti-key, secret: another-meti-1234567890 }]\n",
    )
    .await;
    let plain = Way::Form.token("/realms/plain/oauth/token", ("meti", "another-meti-1234567890"), &[]);
    assert_eq!(bed.send(plain).await.status, 200);
    let wrong = Way::Form.token("/realms/plain/oauth/token", ("meti", secrets::METI), &[]);
    assert_eq!(bed.send(wrong).await.status, 401);
    let first = Way::Form.token("/oauth/token", ("meti", secrets::METI), &[]);
    assert_eq!(bed.send(first).await.status, 200);
}

#[tokio::test]
async fn imported_ids_are_taken_as_they_are() {
    let bed = Bed::start().await;
    let longest = "x".repeat(255);
    let ids =
        ["8f14e45f-ceea-467f-9c2b-000000000000", "a/b?c=d&e#f", "%41+", "'; DROP TABLE clients--", &longest];
    for (number, id) in ids.into_iter().enumerate() {
        let (id, secret) = (id.replace(' ', "_"), format!("imported-secret-{number}"));
        let quoted = serde_json::json!(id);
        bed.apply(&in_default(&format!(
            "  - id: org{number}\n    clients:\n    - id: {quoted}\n      settings: {{ grants: [{{ audience: \
             \"https://api.meti.io\", scopes: [\"read:sources\"] }}] }}\n      access_keys: [{{ id: k{number}, \
             secret: {secret} }}]\n"
        )))
        .await;
        for way in Way::ALL {
            let answer = bed.send(way.token("/oauth/token", (&id, &secret), &[])).await;
            assert_eq!(answer.status, 200, "{id}: {answer:?}");
            assert_eq!(answer.claims()["sub"], id.as_str());
        }
    }
}

#[tokio::test]
async fn what_cannot_be_an_id_is_refused_by_line() {
    for bad in ["\"\"", "\"a b\"", "\"é\"", "\"a\\n\"", &format!("\"{}\"", "x".repeat(256))] {
        let yaml = in_default(&format!("  - id: o\n    clients:\n    - id: {bad}\n"));
        let error = Description::parse(&yaml).unwrap_err().to_string();
        assert!(error.contains("line"), "{error}");
    }
}

#[tokio::test]
async fn made_ids_are_prefixed_sort_by_time_and_never_recur() {
    let bed = Bed::start().await;
    let organization = OrganizationId::new("custodian").unwrap();
    let mut clients = Vec::new();
    let mut keys = Vec::new();
    for _ in 0..10 {
        bed.advance(Duration::from_millis(1)).await;
        let (client, made) = bed
            .operator("default", async |editor| {
                client::create(editor, &organization, ClientSettings::default()).await.unwrap()
            })
            .await;
        clients.push(client.id.to_string());
        keys.push(made.key.id.to_string());
    }
    for (ids, prefix) in [(&clients, "cli_"), (&keys, "key_")] {
        assert!(ids.iter().all(|id| id.starts_with(prefix)));
        assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
    }
}

#[tokio::test]
async fn an_id_comes_back_only_in_its_own_organization_and_kind() {
    let bed = Bed::start().await;
    let known = bed.find_client("default", "metafold").await;
    bed.delete_client("default", "metafold").await;
    for id in ["metafold", "metafold-key"] {
        all_are_taken(&bed, id, "custodian").await;
    }
    // In its own organization, but as something else, it is not free either.
    let as_key = AccessKey {
        id: AccessKeyId::new("metafold").unwrap(),
        ..bed.find_client("default", "meti").await.keys.remove(0)
    };
    bed.operator("default", async |editor| {
        is_taken(&access_key::insert(editor, &as_key).await, "as a key");
        client::insert(editor, &known.client).await.unwrap();
        access_key::insert(editor, &known.keys[0]).await.unwrap();
    })
    .await;
    bed.advance(Duration::from_millis(1)).await;
    bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
}
