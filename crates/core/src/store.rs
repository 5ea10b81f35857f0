//! The one port to storage: small traits, one a noun, which every backend implements.
//!
//! A method is a whole transaction. Methods that change something take a [`Change`] and write its audit row,
//! its place in the change sequence and its revocations in that same transaction. Every method takes the realm,
//! and the organization where a thing has one, so that nothing of another customer can be reached by its id. (Two
//! are for the machine's own operator alone and take neither: looking up a request by its id.)
//! `find_*` answers `None` for what is not there, `list_*` answers a page with a cursor.

mod audit;
mod list;
mod people;

use async_trait::async_trait;
use symbolon_protocol::revocation::{Cutoff, Kind};

use crate::access_key::{AccessKey, LastUse};
use crate::audit::{Actor, Change, Repeated, RevocationWrite, SubjectKind};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::id::{AccessKeyId, ClientId, LicenceId, OrganizationId, PolicyId, RealmId, UserId};
use crate::key_check::KeyKind;
use crate::licence::Licence;
use crate::organization::Organization;
use crate::policy::Policy;
use crate::realm::Realm;
use crate::record::{RefusalRecord, TokenRecord};
use crate::resource_server::ResourceServer;
use crate::signing_key::StoredSigningKey;
use crate::usage::{Busiest, UsageFilter, UsageGroup, UsageQuery, UsageSeries};
use crate::user::User;

pub use audit::AuditStore;
pub use list::{ListFilter, Page, PageRequest, Sort, SortKey};
pub use people::{Ended, FactorStore, LinkStore, MakingRoom, SessionStore};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is to be changed is not there.
    #[error("not found")]
    NotFound,
    /// The version that the change was made from is not the current one (rule 12).
    #[error("it was changed by somebody else in the meantime")]
    Stale,
    /// The id, email, host name or identifier is taken, or was once and may not be used again here.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// A rule of the data forbids it, for instance a third access key.
    #[error("{0}")]
    Refused(&'static str),
    /// What a list is to be continued after is none of its places.
    #[error("the cursor is none of this list's: begin without one")]
    Cursor,
    /// What is stored cannot be read back; the text never holds stored data.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The database does not answer, or not in time.
    #[error("the database is not available: {0}")]
    Unavailable(String),
}

/// What every method answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// A client with all its access keys, as authentication needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientWithKeys {
    /// The client.
    pub client: Client,
    /// Its access keys, at most two.
    pub keys: Vec<AccessKey>,
}

/// A client that is to be added with its keys: each of them with what it means beside itself.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The client.
    pub client: Client,
    /// What adding it means.
    pub change: Change,
    /// Its keys, at most two, and what adding each means.
    pub keys: Vec<(AccessKey, Change)>,
}

/// One entry of the change sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// Its number; numbers only grow, and an entry becomes visible in their order.
    pub sequence: i64,
    /// The realm concerned.
    pub realm: RealmId,
    /// What kind of thing changed.
    pub kind: SubjectKind,
    /// What caches hold it under.
    pub cached_under: String,
}

/// A revocation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRevocation {
    /// The kind of its subject.
    pub kind: Kind,
    /// Its subject.
    pub id: String,
    /// How far it reaches.
    pub cutoff: Cutoff,
}

/// Where a batch of the journal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPlace {
    /// Who wrote it: a process from its start to its end.
    pub writer: String,
    /// Its number among the batches of that writer, from 1; each batch has a greater one than those before it.
    pub sequence: i64,
}

/// Whose batches are to be counted.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// One writer's.
    Writer(&'a str),
    /// Those of every writer whose batches nobody has counted since that moment.
    Left(Timestamp),
}

/// Realms and their host names.
#[async_trait]
pub trait RealmStore {
    /// Every realm; there are few.
    async fn list_realms(&self) -> StoreResult<Vec<Realm>>;
    /// Adds one. A host name that another realm owns is `Taken`.
    async fn insert_realm(&self, realm: &Realm, change: &Change) -> StoreResult<()>;
    /// Changes one whose stored version is one less than the given one's.
    async fn update_realm(&self, realm: &Realm, change: &Change) -> StoreResult<()>;
}

/// Resource servers.
#[async_trait]
pub trait ResourceServerStore {
    /// Every one of a realm; there are few.
    async fn list_resource_servers(&self, realm: &RealmId) -> StoreResult<Vec<ResourceServer>>;
    /// Adds one.
    async fn insert_resource_server(
        &self,
        realm: &RealmId,
        server: &ResourceServer,
        change: &Change,
    ) -> StoreResult<()>;
    /// Changes one whose stored version is one less.
    async fn update_resource_server(
        &self,
        realm: &RealmId,
        server: &ResourceServer,
        change: &Change,
    ) -> StoreResult<()>;
}

/// Policies.
#[async_trait]
pub trait PolicyStore {
    /// Every one of a realm; there are few. The built-in one is not stored.
    async fn list_policies(&self, realm: &RealmId) -> StoreResult<Vec<Policy>>;
    /// Adds one.
    async fn insert_policy(&self, realm: &RealmId, policy: &Policy, change: &Change) -> StoreResult<()>;
    /// Changes one whose stored version is one less.
    async fn update_policy(&self, realm: &RealmId, policy: &Policy, change: &Change) -> StoreResult<()>;
    /// Removes one at that version.
    async fn delete_policy(
        &self,
        realm: &RealmId,
        id: &PolicyId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()>;
}

/// Organizations and their licences.
#[async_trait]
pub trait OrganizationStore {
    /// Finds one.
    async fn find_organization(
        &self,
        realm: &RealmId,
        id: &OrganizationId,
    ) -> StoreResult<Option<Organization>>;
    /// A page of them.
    async fn list_organizations(
        &self,
        realm: &RealmId,
        page: &PageRequest,
    ) -> StoreResult<Page<Organization>>;
    /// A page of those that pass a filter; as of clients.
    async fn search_organizations(
        &self,
        realm: &RealmId,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Organization>>;
    /// Adds one.
    async fn insert_organization(
        &self,
        realm: &RealmId,
        organization: &Organization,
        change: &Change,
    ) -> StoreResult<()>;
    /// Changes one whose stored version is one less.
    async fn update_organization(
        &self,
        realm: &RealmId,
        organization: &Organization,
        change: &Change,
    ) -> StoreResult<()>;
    /// Every licence of an organization; there are few.
    async fn list_licences(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
    ) -> StoreResult<Vec<Licence>>;
    /// The licences of a realm that end after a moment and not after another, the earliest first, at most so many:
    /// for who runs the realm.
    async fn list_licences_ending(
        &self,
        realm: &RealmId,
        between: (Timestamp, Timestamp),
        limit: u32,
    ) -> StoreResult<Vec<Licence>>;
    /// Adds one.
    async fn insert_licence(&self, realm: &RealmId, licence: &Licence, change: &Change) -> StoreResult<()>;
    /// Changes one of the same organization whose stored version is one less.
    async fn update_licence(&self, realm: &RealmId, licence: &Licence, change: &Change) -> StoreResult<()>;
    /// Removes one at that version.
    async fn delete_licence(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &LicenceId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()>;
}

/// Clients and their access keys.
#[async_trait]
pub trait ClientStore {
    /// The client that a credential id names: the client of that id, or the one with an access key of that id.
    /// Authentication alone may ask without naming an organization, since it is what finds it out.
    async fn find_credential(&self, realm: &RealmId, id: &str) -> StoreResult<Option<ClientWithKeys>>;
    /// Finds one of an organization.
    async fn find_client(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &ClientId,
    ) -> StoreResult<Option<ClientWithKeys>>;
    /// A page of an organization's.
    async fn list_clients(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        page: &PageRequest,
    ) -> StoreResult<Page<Client>>;
    /// A page of those of the realm, or of one organization, that pass a filter. Without a [`Sort`] the order is that
    /// of what was looked for, without regard to case. The cursor is not an id, and goes on in its own order alone:
    /// with another one it is a `Cursor` error.
    async fn search_clients(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Client>>;
    /// A page of an organization's with their keys.
    async fn list_clients_with_keys(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        page: &PageRequest,
    ) -> StoreResult<Page<ClientWithKeys>>;
    /// The keys whose ids are written like this in secrets, where every character beside letters and digits stands
    /// as `_`, and perhaps some that only resemble them; in no order, at most 1,000. It looks through all keys of the
    /// realm without naming an organization, and is for reports of leaks alone: they find out whose a secret is.
    async fn list_access_keys_written(&self, realm: &RealmId, id: &str) -> StoreResult<Vec<AccessKey>>;
    /// Adds one. An id that a client, key or user of the realm has, or one of another organization once had, is
    /// `Taken`.
    async fn insert_client(&self, realm: &RealmId, client: &Client, change: &Change) -> StoreResult<()>;
    /// Adds many with their keys, all or none, as if one after the other.
    async fn insert_clients(&self, realm: &RealmId, clients: &[NewClient]) -> StoreResult<()>;
    /// Changes one of the same organization whose stored version is one less.
    async fn update_client(&self, realm: &RealmId, client: &Client, change: &Change) -> StoreResult<()>;
    /// Removes one at that version with all its keys; the ids stay reserved for the organization.
    async fn delete_client(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &ClientId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()>;
    /// Adds a key to a client of the same organization; the third is `Refused`, whatever the status of the
    /// others, and a taken id is `Taken`.
    async fn insert_access_key(&self, realm: &RealmId, key: &AccessKey, change: &Change) -> StoreResult<()>;
    /// Changes one of the same client whose stored version is one less.
    async fn update_access_key(&self, realm: &RealmId, key: &AccessKey, change: &Change) -> StoreResult<()>;
    /// Removes one at that version; one that is ACTIVE is `Refused`.
    async fn delete_access_key(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &AccessKeyId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()>;
}

/// Users.
#[async_trait]
pub trait UserStore {
    /// Finds one by email, without regard to case.
    async fn find_user_by_email(&self, realm: &RealmId, email: &str) -> StoreResult<Option<User>>;
    /// Finds one by id; with an organization, only among its members.
    async fn find_user(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        id: &UserId,
    ) -> StoreResult<Option<User>>;
    /// A page of an organization's members, or of the users without one.
    async fn list_users(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        page: &PageRequest,
    ) -> StoreResult<Page<User>>;
    /// A page of those of the realm, members or not, or of one organization, that pass a filter; as of clients.
    async fn search_users(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<User>>;
    /// A page of those of the realm without an organization that pass a filter, which are its operators; as of
    /// clients.
    async fn search_operators(
        &self,
        realm: &RealmId,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<User>>;
    /// Adds one. A taken email or id is `Taken`.
    async fn insert_user(&self, realm: &RealmId, user: &User, change: &Change) -> StoreResult<()>;
    /// Changes one whose stored version is one less.
    async fn update_user(&self, realm: &RealmId, user: &User, change: &Change) -> StoreResult<()>;
}

/// Signing keys.
#[async_trait]
pub trait SigningKeyStore {
    /// Every one of a realm; there are few.
    async fn list_signing_keys(&self, realm: &RealmId) -> StoreResult<Vec<StoredSigningKey>>;
    /// Adds the first, updates the others, all or none: one step of rotation. A key whose stored version is not
    /// one less is `Stale`, and so is an added one where the realm already has keys of the algorithm in that
    /// state: two nodes may take the same step at the same time, and one of them must lose.
    async fn rotate_signing_keys(
        &self,
        realm: &RealmId,
        added: Option<&StoredSigningKey>,
        updated: &[StoredSigningKey],
        change: &Change,
    ) -> StoreResult<()>;
    /// Removes one at that version.
    async fn delete_signing_key(
        &self,
        realm: &RealmId,
        kid: &str,
        version: i64,
        change: &Change,
    ) -> StoreResult<()>;
}

/// What tells master keys and peppers of one name apart; see [`crate::key_check`].
#[async_trait]
pub trait KeyCheckStore {
    /// What is kept of the key of that name.
    async fn find_key_check(&self, kind: KeyKind, name: &str) -> StoreResult<Option<String>>;
    /// Keeps it, unless something is kept of that name already.
    async fn insert_key_check(&self, kind: KeyKind, name: &str, digest: &str) -> StoreResult<()>;
}

/// Revocations and the change sequence.
#[async_trait]
pub trait ChangeStore {
    /// Writes the revocations of a change that changes nothing else.
    async fn insert_revocations(&self, realm: &RealmId, change: &Change) -> StoreResult<()>;
    /// Revokes single tokens of one client; if that makes more than `most` live ones, they are replaced by `whole`,
    /// a revocation of that client.
    async fn revoke_tokens(
        &self,
        realm: &RealmId,
        most: u32,
        whole: &RevocationWrite,
        change: &Change,
    ) -> StoreResult<()>;
    /// Every revocation of a realm that changed after that place in the sequence; all live ones for 0.
    async fn list_revocations(
        &self,
        realm: &RealmId,
        changed_after: i64,
    ) -> StoreResult<Vec<StoredRevocation>>;
    /// What the caller's request of that name ([`Actor::repeat`]) made, if it came before.
    async fn find_repeat(&self, realm: &RealmId, actor: &Actor) -> StoreResult<Option<Repeated>>;
    /// Forgets the names of requests that came before a moment.
    async fn forget_repeats(&self, before: Timestamp) -> StoreResult<u64>;
    /// Removes the revocations that can hit no token any more; says which. The sequence does not move: whoever
    /// still holds one holds it in vain.
    async fn forget_revocations(&self, realm: &RealmId, now: Timestamp) -> StoreResult<u64>;
    /// Returns when another process may have changed something since the last call, or not at all: it makes
    /// changes known sooner, and the sequence is looked at without it too. One task waits at a time.
    async fn wait_for_change(&self) -> StoreResult<()>;
    /// The last number of the change sequence; 0 before the first.
    async fn last_change(&self) -> StoreResult<i64>;
    /// The entries after a number, in order, at most so many. A gap in the numbers says that those in it are forgotten.
    async fn list_changes(&self, after: i64, limit: u32) -> StoreResult<Vec<ChangeEntry>>;
    /// Removes the first entries of the sequence, as far as they were made before a moment. The last one always stays:
    /// whoever has fallen behind sees by it what it has missed.
    async fn forget_changes(&self, before: Timestamp) -> StoreResult<u64>;
}

/// The journal of tokens and refusals, and what its tokens add up to. On SQLite each is a database file of its own.
#[async_trait]
pub trait JournalStore {
    /// Appends a batch in one statement and answers once it is durable.
    async fn append_tokens(&self, place: &BatchPlace, records: &[TokenRecord]) -> StoreResult<()>;
    /// Counts batches into what `find_last_use`, `list_usage` and `list_busiest` read, each batch once, so that it can be cut off
    /// anywhere and others may count at the same time. Answers how many it counted: 0 also where others did. After
    /// each few batches it rests so many times as long as they took, for the sake of those who wait for tokens.
    async fn count_tokens(&self, whose: Whose<'_>, rest: u32, now: Timestamp) -> StoreResult<u32>;
    /// Counts the refusals that are kept, each once, in the same way. Answers how many it counted.
    async fn count_refusals(&self, now: Timestamp) -> StoreResult<u64>;
    /// Keeps refusals; not urgent, not durable before the next sync.
    async fn append_refusals(&self, records: &[RefusalRecord]) -> StoreResult<()>;
    /// The token that a request got.
    async fn find_tokens_by_request(&self, request_id: &str) -> StoreResult<Vec<TokenRecord>>;
    /// The refusal that a request got.
    async fn find_refusals_by_request(&self, request_id: &str) -> StoreResult<Vec<RefusalRecord>>;
    /// The moment of the latest token of all, whoever issued it; `None` before the first.
    async fn last_token(&self) -> StoreResult<Option<Timestamp>>;
    /// A token's record by `jti`.
    async fn find_token(&self, realm: &RealmId, jti: &str) -> StoreResult<Option<TokenRecord>>;
    /// When and from where a key of the client was last used, as far as it is counted.
    async fn find_last_use(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        client: &ClientId,
        key: &AccessKeyId,
    ) -> StoreResult<Option<LastUse>>;
    /// Requests by group and time, as far as they are counted. A page has at most so many organizations or clients as
    /// its request says, where counts are told apart by them, with all that belongs to them, and may have fewer; all
    /// else is one page. A question that cannot be answered is `Refused`.
    async fn list_usage(
        &self,
        realm: &RealmId,
        question: &UsageQuery,
        page: &PageRequest,
    ) -> StoreResult<Page<UsageSeries>>;
    /// The organizations or clients with the most requests on the days of a time, those with more first, at most so
    /// many.
    async fn list_busiest(
        &self,
        realm: &RealmId,
        filter: &UsageFilter,
        who: Busiest,
        limit: u32,
    ) -> StoreResult<Vec<(UsageGroup, i64)>>;
    /// Brings what was counted for hours before a moment into the form that is kept. Until then, and after, it is
    /// found; questions about long times cost the more, the longer this is put off. Answers how many counts it moved.
    async fn roll_up_usage(&self, before: Timestamp) -> StoreResult<u64>;
    /// Removes the counts of hours before a moment, but for those of the last three days before it; the counts of days
    /// and last uses stay.
    async fn forget_usage(&self, before: Timestamp) -> StoreResult<u64>;
    /// Removes the records of tokens that were issued before a moment.
    async fn forget_tokens(&self, before: Timestamp) -> StoreResult<u64>;
    /// Removes refusals older than a moment, and all but the newest so many.
    async fn forget_refusals(&self, before: Timestamp, keep: u32) -> StoreResult<u64>;
}

/// The end of a store's use.
#[async_trait]
pub trait Closing {
    /// Waits for what is being written, and closes files and connections. Further calls fail.
    async fn close(&self);
}

/// A whole store.
pub trait Store:
    RealmStore
    + ResourceServerStore
    + PolicyStore
    + OrganizationStore
    + ClientStore
    + UserStore
    + SessionStore
    + FactorStore
    + LinkStore
    + SigningKeyStore
    + KeyCheckStore
    + ChangeStore
    + AuditStore
    + JournalStore
    + Closing
    + Send
    + Sync
{
}

impl<S> Store for S where
    S: RealmStore
        + ResourceServerStore
        + PolicyStore
        + OrganizationStore
        + ClientStore
        + UserStore
        + SessionStore
        + FactorStore
        + LinkStore
        + SigningKeyStore
        + KeyCheckStore
        + ChangeStore
        + AuditStore
        + JournalStore
        + Closing
        + Send
        + Sync
{
}
