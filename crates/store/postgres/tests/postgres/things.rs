//! Things to store.

use symbolon_core::audit::{Actor, Change, Movement, RevocationWrite, Subject, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::Id;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::{Realm, RealmSettings, Status};
use symbolon_core::record::{GrantRecord, TokenRecord};
use symbolon_core::store::{BatchPlace, Whose};

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

/// Made at the fifth second; ids of that moment begin with it.
pub(crate) fn record(name: &str) -> TokenRecord {
    let grant = GrantRecord {
        realm: Id::new("r").unwrap(),
        kid: "kid".to_owned(),
        client: Some(Id::new("c").unwrap()),
        access_key: Some(Id::new("k").unwrap()),
        user: None,
        organization: Some(Id::new("o").unwrap()),
        audience: "a:b".to_owned(),
        scope: String::new(),
    };
    TokenRecord {
        at: Timestamp::from_seconds(5),
        request_id: REQUEST.to_owned(),
        jti: format!("tok_00000004W8{name:0>16}"),
        expires_at: Timestamp::from_seconds(65),
        from: [192, 0, 2, 1].into(),
        remark: None,
        grant: grant.into(),
    }
}

pub(crate) const REQUEST: &str = "req_00000004W80000000000000000";

/// The first batch of a writer.
pub(crate) fn place(writer: &str) -> BatchPlace {
    BatchPlace { writer: writer.to_owned(), sequence: 1 }
}

/// Everybody's batches.
pub(crate) const ALL: Whose<'static> = Whose::Left(Timestamp::from_millis(i64::MAX));
