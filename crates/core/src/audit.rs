//! Audit: what was changed, by whom, and what it looked like before and after; written in the change's own
//! transaction, so that neither exists without the other. The records of a realm are chained by hashes.

pub mod chain;
pub mod verify;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use symbolon_protocol::revocation::Kind;

use crate::clock::Timestamp;
use crate::id::{ClientId, OrganizationId, RealmId, UserId};

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `system`, `operator`, `user` or `client`.
    pub kind: ActorKind,
    /// The id within that kind; for the system, the part of it.
    pub id: String,
    /// The realm that it is one of, where ids are of a realm. A record has it only where it is not the record's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub realm: Option<RealmId>,
    /// The request that the change came with, or the id of a run of a command.
    pub request_id: String,
    /// The network address that it came from; none where no network was involved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<IpAddr>,
    /// The caller's own name for the request, if it may send it again; not part of the record.
    #[serde(skip)]
    pub repeat: Option<RepeatKey>,
    /// Whether it is a customer of the realm, and none of those who run it; not part of the record.
    #[serde(skip)]
    pub is_customer: bool,
}

/// What a caller calls a request that makes something, so that it can send it again and have one thing all the same
/// (the header `Idempotency-Key`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatKey {
    /// The name, unique among the caller's own.
    pub key: String,
    /// The digest of what is asked for: the name stands for that alone.
    pub digest: String,
}

/// What a request of a name made when it came for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The digest of what was asked for.
    pub digest: String,
    /// The kind of thing that was made.
    pub subject_kind: SubjectKind,
    /// The thing.
    pub subject_id: String,
}

/// The kinds of actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Symbolon itself: key rotation, a collapse of revocations.
    System,
    /// Somebody with access to the machine, through the command line.
    Operator,
    /// A person who signed in.
    User,
    /// A machine with a token.
    Client,
}

impl Actor {
    /// A part of Symbolon itself.
    pub fn system(part: &str) -> Self {
        Self::of(ActorKind::System, part, "")
    }

    /// Somebody at the command line.
    pub fn operator(name: &str, run: &str) -> Self {
        Self::of(ActorKind::Operator, name, run)
    }

    /// A machine, by the request that it made.
    pub fn client(id: &ClientId, request_id: &str) -> Self {
        Self::of(ActorKind::Client, id.as_str(), request_id)
    }

    /// A person who signed in, by the request that they made.
    pub fn user(id: &UserId, request_id: &str) -> Self {
        Self::of(ActorKind::User, id.as_str(), request_id)
    }

    fn of(kind: ActorKind, id: &str, request_id: &str) -> Self {
        Self {
            kind,
            id: id.to_owned(),
            realm: None,
            request_id: request_id.to_owned(),
            from: None,
            repeat: None,
            is_customer: false,
        }
    }

    /// The same, known to be one of a realm.
    #[must_use]
    pub fn of_realm(mut self, realm: &RealmId) -> Self {
        self.realm = Some(realm.clone());
        self
    }

    /// Its realm, as far as a record of another one has to say it.
    pub fn foreign_to(&self, realm: &RealmId) -> Option<&RealmId> {
        self.realm.as_ref().filter(|home| *home != realm)
    }

    /// The same, at a network address.
    #[must_use]
    pub const fn at(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }
}

/// The kinds of things that change, as records and the change sequence name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A realm.
    Realm,
    /// A resource server.
    ResourceServer,
    /// A policy.
    Policy,
    /// An organization.
    Organization,
    /// A licence; the change sequence names its organization.
    Licence,
    /// A user.
    User,
    /// A client.
    Client,
    /// An access key; the change sequence names its client.
    AccessKey,
    /// A signing key.
    SigningKey,
    /// Revocations alone.
    Revocation,
}

impl SubjectKind {
    /// The kind's name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::ResourceServer => "resource_server",
            Self::Policy => "policy",
            Self::Organization => "organization",
            Self::Licence => "licence",
            Self::User => "user",
            Self::Client => "client",
            Self::AccessKey => "access_key",
            Self::SigningKey => "signing_key",
            Self::Revocation => "revocation",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Realm,
            Self::ResourceServer,
            Self::Policy,
            Self::Organization,
            Self::Licence,
            Self::User,
            Self::Client,
            Self::AccessKey,
            Self::SigningKey,
            Self::Revocation,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Its id.
    pub id: String,
    /// The thing that caches hold it under: the client of an access key, the organization of a licence; else
    /// the subject itself.
    pub cached_under: String,
    /// The customer concerned, if it is one's.
    pub organization: Option<OrganizationId>,
}

impl Subject {
    /// A subject that is cached under its own id.
    pub fn new(kind: SubjectKind, id: &str) -> Self {
        Self { kind, id: id.to_owned(), cached_under: id.to_owned(), organization: None }
    }

    /// The same, belonging to a customer.
    #[must_use]
    pub fn of(mut self, organization: &OrganizationId) -> Self {
        self.organization = Some(organization.clone());
        self
    }

    /// The same, cached under another thing's id.
    #[must_use]
    pub fn under(mut self, id: &str) -> Self {
        id.clone_into(&mut self.cached_under);
        self
    }
}

/// Everything that goes into a change's transaction beside the change itself: its audit row, its place in the
/// change sequence, and the revocations that it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done: `create`, `update`, `disable`, `delete`, …
    pub action: &'static str,
    /// To what.
    pub subject: Subject,
    /// What it looked like, without secrets.
    pub before: Option<Value>,
    /// What it looks like, without secrets.
    pub after: Option<Value>,
    /// The revocations that take effect with it.
    pub revocations: Vec<RevocationWrite>,
}

/// How a change moves a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Every token is dead from now on, whenever it was issued.
    Open,
    /// Every token is dead, and the subject will not come back by itself: remembered only as long as its tokens.
    Gone,
    /// Tokens issued at or before the moment are dead; an open revocation, or one that reaches further, stays.
    Before(Timestamp),
    /// An open revocation ends: tokens issued at or before the moment stay dead, later ones live. One that is
    /// not open stays as it is.
    Close(Timestamp),
}

/// One revocation that a change writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationWrite {
    /// The kind of its subject.
    pub kind: Kind,
    /// The subject's id.
    pub id: String,
    /// The client that a revoked token was issued to: such revocations are counted by client.
    pub client: Option<String>,
    /// What happens to it.
    pub movement: Movement,
    /// When the longest token that it can hit has expired; absent while it must be kept.
    pub forget_after: Option<Timestamp>,
}

/// An audit row as it is read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// Its place in the change sequence.
    pub sequence: i64,
    /// Its place in its realm's chain, from 1; 0 where it was written before there was one.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: String,
    /// The kind of thing.
    pub subject_kind: SubjectKind,
    /// The thing.
    pub subject_id: String,
    /// The customer concerned.
    pub organization: Option<OrganizationId>,
    /// What it looked like.
    pub before: Option<Value>,
    /// What it looks like.
    pub after: Option<Value>,
    /// Its hash, which holds it and all records of the realm before it ([`chain`]); empty where `number` is 0.
    pub hash: String,
}
