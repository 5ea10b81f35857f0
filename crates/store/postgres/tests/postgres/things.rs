//! Things to store.

use symbolon_core::audit::{Actor, Change, Movement, RevocationWrite, Subject, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::Id;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::{Realm, RealmSettings, Status};
use symbolon_core::record::TokenRecord;

pub(crate) fn realm(name: &str) -> Realm {
    Realm {
        id: Id::new(name).unwrap(),
        status: Status::Active,
        settings: RealmSettings::default(),
        longest_lifetime: 86_400,
        version: 1,
        created_at: Timestamp::default(),
    }
}

pub(crate) fn change() -> Change {
    Change {
        at: Timestamp::default(),
        actor: Actor::system("tests"),
        action: "create",
        subject: Subject::new(SubjectKind::Realm, "r"),
        before: None,
        after: None,
        revocations: vec![RevocationWrite {
            kind: Kind::Realm,
            id: "r".to_owned(),
            client: None,
            movement: Movement::Open,
            forget_after: None,
        }],
    }
}

pub(crate) fn record(jti: &str) -> TokenRecord {
    TokenRecord {
        at: Timestamp::from_seconds(5),
        request_id: "req".to_owned(),
        realm: Id::new("r").unwrap(),
        jti: jti.to_owned(),
        kid: "kid".to_owned(),
        client: Some(Id::new("c").unwrap()),
        access_key: Some(Id::new("k").unwrap()),
        user: None,
        organization: Some(Id::new("o").unwrap()),
        audience: "a:b".to_owned(),
        scope: String::new(),
        expires_at: Timestamp::from_seconds(65),
        from: "::1".to_owned(),
    }
}
