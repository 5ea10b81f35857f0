//! Things to store, and what every promise says the same way.

use std::fmt::Debug;

use serde_json::json;
use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::audit::{Actor, AuditRecord, Change, Movement, RevocationWrite, Subject, SubjectKind};
use symbolon_core::client::Client;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::Id;
use symbolon_core::licence::{Licence, LicenceKind};
use symbolon_core::organization::{Organization, OrganizationId};
use symbolon_core::password::PasswordHash;
use symbolon_core::policy::Policy;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::jwk::Jwk;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::{Realm, RealmId, RealmSettings, Status};
use symbolon_core::resource_server::ResourceServer;
use symbolon_core::seal::Sealed;
use symbolon_core::secret::{SecretHash, Tag};
use symbolon_core::signing_key::{KeyState, StoredSigningKey};
use symbolon_core::store::{Store, StoreError, StoreResult};
use symbolon_core::trail::{ChangeFilter, TrailRequest};
use symbolon_core::user::{MemberRole, Membership, User};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_750_000_000);

/// The moment so many seconds after `NOW`.
pub(crate) fn later(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + seconds * 1000)
}

pub(crate) fn id<T>(text: &str) -> Id<T> {
    Id::new(text).unwrap()
}

pub(crate) fn realm(name: &str) -> Realm {
    Realm {
        id: id(name),
        status: Status::Active,
        settings: RealmSettings { hosts: vec![format!("{name}.example")], ..RealmSettings::default() },
        longest_lifetime: 86_400,
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn organization(name: &str) -> Organization {
    Organization {
        id: id(name),
        name: format!("“{name}” & sons"),
        status: Status::Active,
        metadata: [("tier".to_owned(), "gold".to_owned())].into(),
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn licence(organization: &str, name: &str) -> Licence {
    Licence {
        id: id(name),
        organization: id(organization),
        audience: "https://api.example".to_owned(),
        kind: LicenceKind::Full,
        starts_at: NOW,
        ends_at: Some(later(1000)),
        status: Status::Active,
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn client(organization: &str, name: &str) -> Client {
    let settings = json!({
        "name": "Mähroboter \u{1f69c} 'quoted' \"twice\" \\ \u{0}",
        "grants": [{"audience": "https://api.example", "scopes": ["read:a", "write:a"]}],
        "default_audience": "https://api.example",
        "policies": ["p"],
        "lifetime": 600,
        "allowed_networks": ["192.0.2.0/24", "2001:db8::/32"],
        "claims": {"limit": 5, "deep": {"list": [1, null, "x"]}},
        "licence_kind": "beta",
    });
    Client {
        id: id(name),
        organization: id(organization),
        status: Status::Active,
        held: false,
        settings: serde_json::from_value(settings).unwrap(),
        version: 1,
        created_at: NOW,
    }
}

/// What a secret of this name, of at most 32 bytes, might come to.
pub(crate) fn tag(name: &str) -> Tag {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Tag::new(bytes)
}

pub(crate) fn key(organization: &str, client: &str, name: &str) -> AccessKey {
    AccessKey {
        id: id(name),
        client: id(client),
        organization: id(organization),
        secret: SecretHash { pepper: "p1".into(), hmac: tag("secret") },
        status: KeyStatus::Active,
        held: false,
        expires_at: Some(later(5000)),
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn user(organization: Option<&str>, name: &str) -> User {
    User {
        id: id(name),
        email: format!("{name}@Example.test"),
        password: PasswordHash::import(
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ),
        status: Status::Active,
        held: false,
        membership: organization
            .map(|name| Membership { organization: id(name), role: MemberRole::Developer }),
        operator: None,
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn policy(name: &str) -> Policy {
    let statements = json!([{"effect": "deny", "actions": ["write:*"], "resources": ["*"]}]);
    Policy {
        id: id(name),
        name: name.to_uppercase(),
        statements: serde_json::from_value(statements).unwrap(),
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn server(identifier: &str) -> ResourceServer {
    let settings = json!({
        "name": "API",
        "aliases": ["urn:other"],
        "scopes": ["read:a", "write:a"],
        "claims": {"https://api.example/org": "{organization.id}"},
        "introspectors": ["c"],
    });
    ResourceServer {
        identifier: identifier.to_owned(),
        status: Status::Active,
        settings: serde_json::from_value(settings).unwrap(),
        version: 1,
        created_at: NOW,
    }
}

pub(crate) fn signing_key(kid: &str, state: KeyState) -> StoredSigningKey {
    StoredSigningKey {
        kid: kid.to_owned(),
        algorithm: Algorithm::Es256,
        state,
        public: Jwk {
            kty: "EC".to_owned(),
            usage: Some("sig".to_owned()),
            alg: Some("ES256".to_owned()),
            kid: Some(kid.to_owned()),
            crv: Some("P-256".to_owned()),
            x: Some("x".to_owned()),
            y: Some("y".to_owned()),
            n: None,
            e: None,
        },
        private: Sealed {
            master_key: "m1".to_owned(),
            data_key: "ZGs=".to_owned(),
            sealed: "c2VhbGVk".to_owned(),
        },
        published_at: NOW,
        active_at: None,
        retired_at: None,
        version: 1,
    }
}

/// A change that also writes a revocation, so that one which fails would leave something behind.
pub(crate) fn change(kind: SubjectKind, id: &str) -> Change {
    Change {
        at: NOW,
        actor: Actor::operator("tests", "run-1"),
        action: "change",
        subject: Subject::new(kind, id),
        before: None,
        after: Some(json!({"id": id})),
        revocations: vec![revocation(Kind::User, &format!("mark of {id}"), Movement::Before(NOW), None)],
    }
}

pub(crate) fn revocation(
    kind: Kind,
    id: &str,
    movement: Movement,
    forget_after: Option<Timestamp>,
) -> RevocationWrite {
    RevocationWrite { kind, id: id.to_owned(), client: None, movement, forget_after }
}

/// A change that is nothing but its revocations.
pub(crate) fn revoking(revocations: Vec<RevocationWrite>) -> Change {
    Change { revocations, ..change(SubjectKind::Revocation, "revocations") }
}

/// The realm `r` with the organizations `o1` and `o2`, as most promises need it.
pub(crate) async fn populate(store: &dyn Store) -> RealmId {
    populate_realm(store, "r").await
}

pub(crate) async fn populate_realm(store: &dyn Store, name: &str) -> RealmId {
    let realm = realm(name);
    store.insert_realm(&realm, &change(SubjectKind::Realm, name)).await.unwrap();
    for name in ["o1", "o2"] {
        let change = change(SubjectKind::Organization, name);
        store.insert_organization(&realm.id, &organization(name), &change).await.unwrap();
    }
    realm.id
}

/// Adds a client without keys.
pub(crate) async fn add_client(store: &dyn Store, realm: &RealmId, organization: &str, name: &str) -> Client {
    let client = client(organization, name);
    store.insert_client(realm, &client, &change(SubjectKind::Client, name)).await.unwrap();
    client
}

/// Adds a key.
pub(crate) async fn add_key(
    store: &dyn Store,
    realm: &RealmId,
    organization: &str,
    client: &str,
    name: &str,
) -> AccessKey {
    let key = key(organization, client, name);
    store.insert_access_key(realm, &key, &change(SubjectKind::AccessKey, name)).await.unwrap();
    key
}

/// The case of an error, since errors themselves are not compared.
pub(crate) const fn case(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotFound => "NotFound",
        StoreError::Stale => "Stale",
        StoreError::Taken(_) => "Taken",
        StoreError::Refused(_) => "Refused",
        StoreError::Cursor => "Cursor",
        StoreError::Damaged(_) => "Damaged",
        StoreError::Unavailable(_) => "Unavailable",
    }
}

/// Everything that a change leaves behind beside itself.
pub(crate) async fn traces(store: &dyn Store) -> String {
    let sequence = store.last_change().await.unwrap();
    let changes = store.list_changes(0, 100_000).await.unwrap();
    let mut of_realms = Vec::new();
    for realm in store.list_realms().await.unwrap() {
        let audit = store.list_audit_links(&realm.id, 0, 100_000).await.unwrap();
        let chain = store.find_audit_chain(&realm.id).await.unwrap();
        let revocations = store.list_revocations(&realm.id, 0).await.unwrap();
        of_realms.push((audit, chain, revocations));
    }
    format!("{sequence} {changes:?} {of_realms:?}")
}

/// Runs a change that must fail, and answers how: no trace of it may be left.
pub(crate) async fn fails<T: Debug>(
    store: &dyn Store,
    change: impl Future<Output = StoreResult<T>>,
) -> &'static str {
    let before = traces(store).await;
    let error = change.await.unwrap_err();
    assert_eq!(traces(store).await, before, "a change that failed left traces");
    case(&error)
}

/// The newest records of a realm's audit, as many as a page can hold, in their order; with an organization, those that
/// concern it.
pub(crate) async fn audit(
    store: &dyn Store,
    realm: &RealmId,
    organization: Option<&OrganizationId>,
) -> Vec<AuditRecord> {
    let filter = ChangeFilter { organization: organization.cloned(), ..ChangeFilter::default() };
    let page = TrailRequest { limit: 1000, ..TrailRequest::default() };
    let mut records = store.list_audit(realm, &filter, &page).await.unwrap().items;
    records.sort_by_key(|record| record.sequence);
    records
}
