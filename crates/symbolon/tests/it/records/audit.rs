//! Audit: every change has its row, in its own transaction, by whom it was made, and without secrets.

use serde_json::Value;
use symbolon_core::access_key::KeyStatus;
use symbolon_core::audit::verify::verify;
use symbolon_core::audit::{ActorKind, AuditRecord, SubjectKind};
use symbolon_core::edit::{access_key, user};
use symbolon_core::id::OrganizationId;
use symbolon_core::realm::Status;
use symbolon_core::rotation::{keep_keys, replace_compromised};
use symbolon_core::secret::Secret;

use crate::support::{Bed, HOLDER, Switch, Way, in_default, realm_id, secrets};

async fn rows(bed: &Bed, realm: &str, after: i64) -> Vec<AuditRecord> {
    bed.audit(realm, after, None).await
}

async fn last(bed: &Bed) -> AuditRecord {
    rows(bed, "default", 0).await.pop().unwrap()
}

#[tokio::test]
async fn every_change_has_a_row_that_says_who_what_and_how() {
    let bed = Bed::start_with_switches().await;
    let subjects = [
        (Switch::Realm, SubjectKind::Realm, "default"),
        (Switch::Organization, SubjectKind::Organization, "custodian"),
        (Switch::Client, SubjectKind::Client, "meti"),
        (Switch::AccessKey, SubjectKind::AccessKey, "meti-key"),
        (Switch::User, SubjectKind::User, "usr_dev"),
    ];
    for (switch, kind, id) in subjects {
        bed.turn(switch, Status::Disabled).await;
        let row = last(&bed).await;
        assert_eq!((row.subject_kind, row.subject_id.as_str(), row.action.as_str()), (kind, id, "update"));
        assert_eq!((row.actor.kind, row.actor.id.as_str()), (ActorKind::Operator, "test"));
        assert_eq!(row.actor.request_id, "run_test");
        assert_eq!((row.at, row.sequence), (bed.authority.now(), bed.store().last_change().await.unwrap()));
        let (before, after) = (row.before.unwrap(), row.after.unwrap());
        assert_ne!(before["status"], after["status"]);
        assert_eq!(before["version"].as_i64().unwrap() + 1, after["version"].as_i64().unwrap());
        bed.turn(switch, Status::Active).await;
    }
    bed.turn(Switch::Licence, Status::Disabled).await;
    let row = last(&bed).await;
    assert_eq!((row.subject_kind, row.organization.unwrap().as_str()), (SubjectKind::Licence, "custodian"));
}

#[tokio::test]
async fn a_deletion_keeps_what_was_there() {
    let bed = Bed::start().await;
    bed.delete_client("default", "metafold").await;
    let row = last(&bed).await;
    assert_eq!((row.action.as_str(), row.subject_id.as_str()), ("delete", "metafold"));
    assert_eq!(row.before.unwrap()["organization"], "metafold-customer");
    assert_eq!(row.after, None);
}

#[tokio::test]
async fn a_clients_own_revocation_is_by_the_client_and_its_request() {
    let bed = Bed::start().await;
    let token = bed.access_token("/oauth/token", HOLDER.0, HOLDER.1).await;
    let answer = bed.send(Way::Form.request("/oauth/revoke", HOLDER, &[("token", &token)])).await;
    let row = last(&bed).await;
    assert_eq!((row.action.as_str(), row.subject_kind), ("revoke_token", SubjectKind::Revocation));
    assert_eq!((row.actor.kind, row.actor.id.as_str()), (ActorKind::Client, "meti"));
    assert_eq!(row.actor.request_id, answer.header("x-request-id"));
    assert_eq!(row.actor.from.unwrap().to_string(), "192.0.2.1");
    assert_eq!(row.organization.unwrap().as_str(), "custodian");
}

#[tokio::test]
async fn rotation_is_by_the_system() {
    let bed = Bed::start().await;
    bed.advance(std::time::Duration::from_hours(90 * 24)).await;
    keep_keys(&bed.authority, &realm_id("default")).await.unwrap();
    let row = last(&bed).await;
    assert_eq!((row.actor.kind, row.actor.id.as_str()), (ActorKind::System, "rotation"));
    assert_eq!(row.subject_kind, SubjectKind::SigningKey);
}

#[tokio::test]
async fn an_organization_sees_its_own_rows_alone() {
    let bed = Bed::start().await;
    for organization in ["custodian", "metafold-customer"] {
        let rows = bed.audit("default", 0, Some(organization)).await;
        assert!(!rows.is_empty());
        let organization = OrganizationId::new(organization).unwrap();
        assert!(rows.iter().all(|row| row.organization.as_ref() == Some(&organization)));
    }
    assert!(rows(&bed, "plain", 0).await.iter().all(|row| row.subject_id != "meti"));
}

#[tokio::test]
async fn the_sequence_has_no_holes_and_ends_with_the_last_change() {
    let bed = Bed::start().await;
    let mut all = Vec::new();
    for realm in ["default", "ecoinvent", "plain"] {
        all.extend(rows(&bed, realm, 0).await.into_iter().map(|row| row.sequence));
    }
    all.sort_unstable();
    let expected: Vec<i64> = (1..=bed.store().last_change().await.unwrap()).collect();
    assert_eq!(all, expected);
}

/// Whether any member of a document, at any depth, has one of these names, and holds more than a word in its place.
fn names(value: &Value, forbidden: &[&str]) -> bool {
    let is_word = |value: &Value| value == "set" || value == "changed";
    match value {
        Value::Object(object) => object.iter().any(|(name, value)| {
            forbidden.contains(&name.as_str()) && !is_word(value) || names(value, forbidden)
        }),
        Value::Array(items) => items.iter().any(|item| names(item, forbidden)),
        _ => false,
    }
}

#[tokio::test]
async fn another_password_and_another_secret_are_seen_and_a_new_hash_of_the_same_one_is_not() {
    let bed = Bed::start().await;
    let describe = async |secret: &str, password: &str| {
        bed.apply(&in_default(&format!(
            "  - id: seen\n    users:\n    - {{ email: seen@example.org, role: viewer{password} }}\n    clients:\n    \
             - id: seen\n      access_keys: [{{ id: seen-key, secret: {secret} }}]\n"
        )))
        .await;
        rows(&bed, "default", 0).await
    };
    let shown = |rows: &[AuditRecord], id: &str, member: &str| {
        let row = rows.iter().rev().find(|row| row.subject_id == id).unwrap().clone();
        let of = |document: Option<Value>| document.map(|document| document[member].clone());
        (row.action, of(row.before), of(row.after))
    };
    let update = |before: Value, after: Value| ("update".to_owned(), Some(before), Some(after));
    let first = describe("seen-secret-1234567890", "").await;
    let user = first.iter().rfind(|row| row.subject_kind == SubjectKind::User).unwrap().subject_id.clone();
    let made = ("create".to_owned(), None, Some(Value::Null));
    assert_eq!(shown(&first, "seen-key", "secret"), made);
    let second = describe("seen-secret-0987654321", ", password: a long enough password").await;
    assert_eq!(shown(&second, "seen-key", "secret"), update("set".into(), "changed".into()));
    assert_eq!(shown(&second, &user, "password"), update(Value::Null, "set".into()));
    let third = describe("seen-secret-0987654321", ", password: another long password").await;
    assert_eq!(third.len(), second.len() + 1, "the secret is the same");
    assert_eq!(shown(&third, &user, "password"), update("set".into(), "changed".into()));
    bed.change_key("default", "seen-key", |key| key.status = KeyStatus::Inactive).await;
    let last = rows(&bed, "default", 0).await;
    assert_eq!(shown(&last, "seen-key", "secret"), update(Value::Null, Value::Null), "another change");
    let report = verify(bed.store(), &realm_id("default"), &[]).await.unwrap();
    assert!(report.holds(), "{report:?}");
}

#[tokio::test]
async fn no_row_holds_a_secret_a_hash_or_a_private_key() {
    let bed = Bed::start().await;
    bed.apply(&in_default(
        "  - id: canary\n    users:\n    - { email: canary@example.org, role: viewer, password: \
         canary-password-123 }\n    clients:\n    - id: canary\n      access_keys: [{ id: canary-key, secret: \
         canary-secret-1234567890 }]\n",
    ))
    .await;
    let client = bed.find_client("default", "canary").await.client;
    let made = bed
        .operator("default", async |editor| {
            let made = access_key::create(editor, &client, None).await.unwrap();
            access_key::update(editor, &made.key, &made.key).await.unwrap();
            made
        })
        .await;
    let hash = bed
        .operator("default", async |editor| {
            user::hash_password(
                editor,
                &Secret::new("canary-password-456".to_owned()),
                "somebody@api.example",
            )
            .await
            .unwrap()
        })
        .await;
    bed.change_user("default", "canary@example.org", |user| user.password = Some(hash)).await;
    let kid = bed.store().list_signing_keys(&realm_id("default")).await.unwrap().remove(0).kid;
    bed.operator("default", async |editor| replace_compromised(editor, &kid).await.unwrap()).await;
    let hash = made.key.secret.hmac.to_string();
    let known =
        ["canary-secret", "canary-password", made.secret.expose(), &hash, secrets::METI, "$argon2id$"];
    for realm in ["default", "ecoinvent", "plain"] {
        for row in rows(&bed, realm, 0).await {
            let text = serde_json::to_string(&row).unwrap();
            assert!(!known.iter().any(|secret| text.contains(secret)), "{text}");
            let forbidden = ["secret", "password", "private", "hmac", "sealed", "data_key", "d"];
            for document in [&row.before, &row.after].into_iter().flatten() {
                assert!(!names(document, &forbidden), "{text}");
            }
        }
    }
}
