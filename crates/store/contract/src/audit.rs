//! Promises about audit rows: one for each change, none without.

use serde_json::json;
use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::audit::{Actor, ActorKind, AuditRecord, Change, Subject, SubjectKind};
use symbolon_core::client::Client;
use symbolon_core::licence::Licence;
use symbolon_core::organization::Organization;
use symbolon_core::policy::Policy;
use symbolon_core::realm::Realm;
use symbolon_core::resource_server::ResourceServer;
use symbolon_core::signing_key::KeyState;
use symbolon_core::store::{Ended, StoreResult};
use symbolon_core::user::User;

use crate::Shared;
use crate::revocations::whole;
use crate::sessions::{room, session};
use crate::world::{
    NOW, add_client, add_key, audit, change, client, id, key, later, licence, organization, policy, populate,
    populate_realm, realm, server, signing_key, user,
};

pub(crate) async fn read_back(store: Shared) {
    let realm = populate(&*store).await;
    populate_realm(&*store, "s").await;
    let start = store.last_change().await.unwrap();
    let actors = [ActorKind::System, ActorKind::Operator, ActorKind::User, ActorKind::Client];
    let addresses = [None, Some("192.0.2.1"), Some("2001:db8::1")];
    let first = store.find_audit_chain(&realm).await.unwrap().unwrap().head;
    let (mut expected, mut previous) = (Vec::<AuditRecord>::new(), first.hash);
    for (number, kind) in (1_i64..).zip(actors) {
        let organization = (kind != ActorKind::System).then(|| id("o1"));
        let subject = Subject::new(SubjectKind::Client, "c'; --");
        let change = Change {
            at: later(number),
            actor: Actor {
                kind,
                id: format!("actor {number}"),
                realm: (number % 2 == 0).then(|| id("elsewhere")),
                request_id: format!("req-{number}"),
                from: addresses[usize::try_from(number).unwrap() % 3].map(|text| text.parse().unwrap()),
                repeat: None,
                is_customer: false,
            },
            action: "disable",
            subject: organization.as_ref().map_or(subject.clone(), |id| subject.clone().of(id)),
            before: (number % 2 == 0).then(|| json!({"number": number, "name": "ä\"\u{0}"})),
            after: (number % 2 == 1).then(|| json!([number])),
            revocations: Vec::new(),
        };
        store.insert_revocations(&realm, &change).await.unwrap();
        let link = store.list_audit_links(&realm, start + number - 1, 1).await.unwrap().remove(0);
        previous = link.record.hash(&previous).unwrap();
        expected.push(AuditRecord {
            sequence: start + number,
            number: first.number + number,
            at: change.at,
            actor: change.actor,
            action: "disable".to_owned(),
            subject_kind: SubjectKind::Client,
            subject_id: "c'; --".to_owned(),
            organization,
            before: change.before,
            after: change.after,
            hash: previous.clone(),
        });
    }
    let o1 = id("o1");
    assert_eq!(audit(&*store, &realm, None).await[3..], expected);
    assert_eq!(audit(&*store, &realm, Some(&o1)).await, expected[1..]);
    assert_eq!(audit(&*store, &realm, Some(&id("o2"))).await, []);
    assert_eq!(audit(&*store, &id("s"), Some(&o1)).await, []);
    let others = audit(&*store, &id("s"), None).await;
    assert!(others.iter().all(|row| row.at == NOW) && others.len() == 3);
}

/// Runs one change and sees that it left exactly one row and one number.
async fn leaves_one(store: &Shared, what: &str, change: impl Future<Output = StoreResult<()>>) {
    let before = store.last_change().await.unwrap();
    change.await.unwrap();
    assert_eq!(store.last_change().await.unwrap(), before + 1, "{what}");
    assert_eq!(store.list_changes(before, 10).await.unwrap().len(), 1, "{what}");
    let mut rows = Vec::new();
    for realm in store.list_realms().await.unwrap() {
        rows.append(&mut store.list_audit_links(&realm.id, before, 10).await.unwrap());
    }
    assert_eq!(rows.len(), 1, "{what}");
    assert_eq!(rows[0].record.sequence, before + 1, "{what}");
}

pub(crate) async fn every_method(store: Shared) {
    let r = populate(&*store).await;
    let made = change(SubjectKind::Client, "x");
    let c = &made;
    leaves_one(&store, "insert_realm", store.insert_realm(&realm("n"), c)).await;
    leaves_one(&store, "update_realm", store.update_realm(&Realm { version: 2, ..realm("n") }, c)).await;
    let api = server("https://a.example");
    leaves_one(&store, "insert_resource_server", store.insert_resource_server(&r, &api, c)).await;
    let api = ResourceServer { version: 2, ..api };
    leaves_one(&store, "update_resource_server", store.update_resource_server(&r, &api, c)).await;
    leaves_one(&store, "insert_policy", store.insert_policy(&r, &policy("p"), c)).await;
    let changed = Policy { version: 2, ..policy("p") };
    leaves_one(&store, "update_policy", store.update_policy(&r, &changed, c)).await;
    leaves_one(&store, "delete_policy", store.delete_policy(&r, &id("p"), 2, c)).await;
    leaves_one(&store, "insert_organization", store.insert_organization(&r, &organization("o3"), c)).await;
    let changed = Organization { version: 2, ..organization("o3") };
    leaves_one(&store, "update_organization", store.update_organization(&r, &changed, c)).await;
    leaves_one(&store, "insert_licence", store.insert_licence(&r, &licence("o1", "l"), c)).await;
    let changed = Licence { version: 2, ..licence("o1", "l") };
    leaves_one(&store, "update_licence", store.update_licence(&r, &changed, c)).await;
    leaves_one(&store, "delete_licence", store.delete_licence(&r, &id("o1"), &id("l"), 2, c)).await;
    leaves_one(&store, "insert_client", store.insert_client(&r, &client("o1", "c"), c)).await;
    let changed = Client { version: 2, ..client("o1", "c") };
    leaves_one(&store, "update_client", store.update_client(&r, &changed, c)).await;
    leaves_one(&store, "insert_access_key", store.insert_access_key(&r, &key("o1", "c", "k"), c)).await;
    let changed = AccessKey { version: 2, status: KeyStatus::Inactive, ..key("o1", "c", "k") };
    leaves_one(&store, "update_access_key", store.update_access_key(&r, &changed, c)).await;
    leaves_one(&store, "delete_access_key", store.delete_access_key(&r, &id("o1"), &id("k"), 2, c)).await;
    add_key(&*store, &r, "o1", "c", "k2").await;
    leaves_one(&store, "delete_client", store.delete_client(&r, &id("o1"), &id("c"), 2, c)).await;
    add_client(&*store, &r, "o1", "c").await;
    leaves_one(&store, "insert_user", store.insert_user(&r, &user(None, "u"), c)).await;
    let changed = User { version: 2, ..user(None, "u") };
    leaves_one(&store, "update_user", store.update_user(&r, &changed, c)).await;
    let (session, user) = (session("s1", "u", NOW), id("u"));
    let quiet = Change { revocations: Vec::new(), ..c.clone() };
    leaves_one(&store, "insert_session", store.insert_session(&session, 2, room(&quiet), &quiet)).await;
    let ending = async { store.delete_sessions(&r, &user, Ended::All, c).await.map(drop) };
    leaves_one(&store, "delete_sessions", ending).await;
    let signing = signing_key("kid", KeyState::Active);
    leaves_one(&store, "rotate", store.rotate_signing_keys(&r, Some(&signing), &[], c)).await;
    leaves_one(&store, "delete_signing_key", store.delete_signing_key(&r, "kid", 1, c)).await;
    leaves_one(&store, "insert_revocations", store.insert_revocations(&r, c)).await;
    leaves_one(&store, "revoke_tokens", store.revoke_tokens(&r, 1, &whole("c"), c)).await;

    let before = store.last_change().await.unwrap();
    store.forget_revocations(&r, later(1000)).await.unwrap();
    assert_eq!(store.last_change().await.unwrap(), before, "forgetting is no change");
}
