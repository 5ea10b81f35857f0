//! Exports: what comes out goes in elsewhere, and comes out of there the same; secrets never do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

use std::sync::Arc;

use symbolon_core::apply::{self, description::Description};
use symbolon_core::audit::Actor;
use symbolon_core::export::{Export, Item, YamlWriter};
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::store::{Store, StoreError};

use crate::support::{Bed, FaultyStore, Node, secrets};

async fn items(mut export: Export) -> Vec<Item> {
    let mut all = Vec::new();
    while let Some(items) = export.next().await.unwrap() {
        all.extend(items);
    }
    all
}

async fn yaml(store: &Arc<dyn Store>) -> String {
    let mut writer = YamlWriter::default();
    let items = items(Export::begin(Arc::clone(store), None).await.unwrap()).await;
    items.iter().map(|item| writer.item(item).unwrap()).collect::<String>() + writer.end()
}

async fn applies(node: &Node, yaml: &str) {
    let description = Description::parse(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let plan = apply::plan(&node.authority, &description).await.unwrap();
    let actor = Actor::operator("test", "run_test");
    apply::execute(&node.authority, &actor, plan, |_| Ok(())).await.unwrap();
    assert!(apply::plan(&node.authority, &description).await.unwrap().is_empty());
}

/// More of everything than the world has.
const MORE: &str = r#"
realms:
  - id: default
    status: active
    policies: [{ id: p1, name: "No: writing", statements: [{ effect: deny, actions: ["write:*"], resources: ["*"] }] }]
    organizations:
      - id: odd
        name: "- yes: #1 and more"
        status: disabled
        metadata: { "a: b": "true", c: "" }
        licences: [{ audience: "https://api.meti.io", kind: beta, starts_at: 2026-01-01, ends_at: 2027-01-01T12:00:00.5Z }]
        clients:
          - id: "odd:client/1"
            status: disabled
            settings:
              policies: [p1, Administrator]
              lifetime: 60
              allowed_networks: [192.0.2.0/24, "2001:db8::/32"]
              claims: { deep: { list: [1, 2.5, null, "x", true] }, text: "07" }
              licence_kind: trial
            access_keys:
              - { id: odd-1, secret: odd-secret-1234567890, status: INACTIVE }
              - { id: odd-2, secret: odd-secret-0987654321, expires_at: 2030-01-01 }
    operators: [{ email: root@api.example, id: usr_root, role: auditor, password: canary-password }]
"#;

#[tokio::test]
async fn an_export_applied_elsewhere_is_exported_the_same() {
    let bed = Bed::start().await;
    let world = Node::start(&bed).await;
    applies(&world, MORE).await;
    let first = yaml(world.authority.store()).await;
    let folder = tempfile::tempdir().unwrap();
    let empty = FaultyStore::around(symbolon::open_store::open(folder.path()).await.unwrap());
    let elsewhere = Node::try_over(&bed, empty).await.unwrap();
    assert_eq!(yaml(elsewhere.authority.store()).await, "realms: []\n");
    applies(&elsewhere, &first).await;
    assert_eq!(yaml(elsewhere.authority.store()).await, first);
    assert!(
        first.contains("odd:client/1") && first.contains("usr_root") && first.contains("odd-1"),
        "{first}"
    );
    for secret in
        [secrets::METI, secrets::PASSWORD, "odd-secret", "canary-password", "argon2", "hmac", "pepper"]
    {
        assert!(!first.contains(secret), "{secret} is in the export");
    }
    // In its own place the export changes nothing: keys without a secret keep the one that they have.
    assert!(apply::plan(&world.authority, &Description::parse(&first).unwrap()).await.unwrap().is_empty());
    elsewhere.stop().await;
    world.stop().await;
}

#[tokio::test]
async fn lines_of_json_name_what_each_thing_belongs_to() {
    let bed = Bed::start().await;
    let realm = RealmId::new("default").unwrap();
    let all = items(Export::begin(Arc::clone(bed.authority.store()), Some(&realm)).await.unwrap()).await;
    let lines: Vec<serde_json::Value> = all.iter().map(|item| serde_json::to_value(item).unwrap()).collect();
    assert!(lines.iter().all(|line| line["realm"] == "default"));
    assert_eq!((&lines[0]["type"], &lines[0]["id"]), (&"realm".into(), &"default".into()));
    let client = lines.iter().find(|line| line["id"] == "meti").unwrap();
    assert_eq!((&client["type"], &client["organization"]), (&"client".into(), &"custodian".into()));
    assert_eq!(client["access_keys"], serde_json::json!([{ "id": "meti-key", "status": "ACTIVE" }]));
    let user = lines.iter().find(|line| line["id"] == "usr_dev").unwrap();
    assert_eq!((&user["type"], &user["role"]), (&"user".into(), &"developer".into()));
}

#[tokio::test]
async fn an_organizations_export_holds_nothing_of_others() {
    let bed = Bed::start().await;
    let (realm, id) = (RealmId::new("default").unwrap(), OrganizationId::new("custodian").unwrap());
    let all =
        items(Export::of_organization(Arc::clone(bed.authority.store()), &realm, &id).await.unwrap()).await;
    assert!(all.len() > 4);
    assert!(all.iter().skip(1).all(|item| item.organization.as_ref() == Some(&id)));
    let nobody = OrganizationId::new("nobody").unwrap();
    let missing = Export::of_organization(Arc::clone(bed.authority.store()), &realm, &nobody).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
    let missing =
        Export::begin(Arc::clone(bed.authority.store()), Some(&RealmId::new("nowhere").unwrap())).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
}
