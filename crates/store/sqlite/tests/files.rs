//! What only a store in files can promise: what it leaves on the disk, and who else can open it.

#![expect(clippy::unwrap_used, reason = "the things to store are made by helpers, which are test code too")]

mod folder;

use std::sync::Arc;
use std::time::Duration;

use folder::Folder;
use sqlx::{Connection, SqliteConnection};
use symbolon_core::access_key::LastUse;
use symbolon_core::audit::{Actor, Change, Movement, RevocationWrite, Subject, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::Id;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::{Realm, RealmSettings, Status};
use symbolon_core::record::{GrantRecord, TokenRecord, WrittenGrant};
use symbolon_core::store::{
    BatchPlace, ChangeStore, Closing as _, JournalStore, RealmStore, StoreError, Whose,
};
use symbolon_store_sqlite::{OpenError, Options, SqliteStore};

async fn open(folder: &Folder) -> SqliteStore {
    SqliteStore::open(folder.path(), &Options::default()).await.unwrap()
}

fn realm(name: &str, version: i64) -> Realm {
    Realm {
        id: Id::new(name).unwrap(),
        status: Status::Active,
        settings: RealmSettings::default(),
        longest_lifetime: 86_400,
        version,
        created_at: Timestamp::default(),
    }
}

fn change() -> Change {
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
fn record(name: &str) -> TokenRecord {
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
        grant: Arc::new(WrittenGrant::new(&grant).unwrap()),
    }
}

const REQUEST: &str = "req_00000004W80000000000000000";

fn place(writer: &str, sequence: i64) -> BatchPlace {
    BatchPlace { writer: writer.to_owned(), sequence }
}

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

#[tokio::test]
async fn reopening_keeps_everything() {
    let folder = Folder::new();
    let store = open(&folder).await;
    store.insert_realm(&realm("r", 1), &change()).await.unwrap();
    store.append_tokens(&place("w", 1), &[record("1")]).await.unwrap();
    assert_eq!(store.count_tokens(Whose::Left(NEVER), 0, Timestamp::default()).await.unwrap(), 1);
    store.append_tokens(&place("w", 2), &[record("2")]).await.unwrap();
    store.close().await;
    assert!(matches!(store.last_change().await, Err(StoreError::Unavailable(_))));

    let store = open(&folder).await;
    let r = Id::new("r").unwrap();
    assert_eq!(store.list_realms().await.unwrap(), [realm("r", 1)]);
    assert_eq!(store.last_change().await.unwrap(), 1);
    assert_eq!(store.list_audit(&r, None, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.list_revocations(&r, 0).await.unwrap().len(), 1);
    assert_eq!(store.find_tokens_by_request(REQUEST).await.unwrap(), [record("1"), record("2")]);
    assert_eq!(store.count_tokens(Whose::Left(NEVER), 0, Timestamp::default()).await.unwrap(), 1);
    let (o, c, k) = (Id::new("o").unwrap(), Id::new("c").unwrap(), Id::new("k").unwrap());
    let last = store.find_last_use(&r, &o, &c, &k).await.unwrap();
    assert_eq!(last, Some(LastUse { at: Timestamp::from_seconds(5), from: "192.0.2.1".to_owned() }));
    let hours = store.list_usage(&r, &o, &c, Timestamp::default(), NEVER).await.unwrap();
    assert_eq!(hours, [(Timestamp::default(), 2)]);
}

/// A copy of the files, taken while the store is open, is what a crash would leave.
#[tokio::test]
async fn what_was_answered_is_there_after_a_crash() {
    let (folder, copy) = (Folder::new(), Folder::new());
    let store = open(&folder).await;
    store.insert_realm(&realm("r", 1), &change()).await.unwrap();
    store.append_tokens(&place("w", 1), &[record("1")]).await.unwrap();
    std::fs::create_dir(copy.path()).unwrap();
    for file in ["state.db", "state.db-wal", "journal.db", "journal.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let after = open(&copy).await;
    assert_eq!(after.list_realms().await.unwrap(), [realm("r", 1)]);
    assert_eq!(after.find_tokens_by_request(REQUEST).await.unwrap(), [record("1")]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_own_user_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let nested = folder.path().join("a/b");
    let store = SqliteStore::open(&nested, &Options::default()).await.unwrap();
    store.insert_realm(&realm("r", 1), &change()).await.unwrap();
    store.append_tokens(&place("w", 1), &[record("1")]).await.unwrap();
    store.count_tokens(Whose::Writer("w"), 0, Timestamp::default()).await.unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(nested.clone()), 0o700);
    let files: Vec<_> = std::fs::read_dir(&nested).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        assert_eq!(mode(file.clone()), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for file in ["state.db", "journal.db", "usage.db"] {
        let folder = Folder::new();
        open(&folder).await.close().await;
        let url = format!("sqlite://{}", folder.path().join(file).display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9000, 'newer', TRUE, X'00', 0)";
        sqlx::query(newer).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let error = SqliteStore::open(folder.path(), &Options::default()).await.unwrap_err();
        assert!(matches!(&error, OpenError::Newer { migration: 9000, path } if path.ends_with(file)));
        assert!(error.to_string().contains("newer version of Symbolon"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path()).unwrap();
    std::fs::write(folder.path().join("state.db"), "not a database at all, but long enough to be looked at")
        .unwrap();
    let error = SqliteStore::open(folder.path(), &Options::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = SqliteStore::open(&folder.path().join("file"), &Options::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_handles_share_the_files() {
    let folder = Arc::new(Folder::new());
    let tasks: Vec<_> = (0..4)
        .map(|handle| {
            let folder = Arc::clone(&folder);
            tokio::spawn(async move {
                let store = open(&folder).await;
                for number in 0..10 {
                    let name = format!("r{handle}-{number}");
                    store.insert_realm(&realm(&name, 1), &change()).await.unwrap();
                    let place = place(&format!("w{handle}"), number + 1);
                    store.append_tokens(&place, &[record(&format!("{handle}{number}"))]).await.unwrap();
                    store.count_tokens(Whose::Left(NEVER), 0, Timestamp::default()).await.unwrap();
                }
                store
            })
        })
        .collect();
    let mut stores = Vec::new();
    for task in tasks {
        stores.push(task.await.unwrap());
    }
    for store in stores {
        while store.count_tokens(Whose::Left(NEVER), 0, Timestamp::default()).await.unwrap() > 0 {}
        assert_eq!(store.list_realms().await.unwrap().len(), 40);
        assert_eq!(store.last_change().await.unwrap(), 40);
        assert_eq!(store.find_tokens_by_request(REQUEST).await.unwrap().len(), 40);
        let (r, o, c) = (Id::new("r").unwrap(), Id::new("o").unwrap(), Id::new("c").unwrap());
        let hours = store.list_usage(&r, &o, &c, Timestamp::default(), NEVER).await.unwrap();
        assert_eq!(hours, [(Timestamp::default(), 40)]);
    }
}

#[tokio::test]
async fn a_lock_that_is_not_given_back_is_waited_for_in_vain_but_not_for_ever() {
    let folder = Folder::new();
    let options = Options { busy_timeout: Duration::from_millis(50), ..Options::default() };
    let store = SqliteStore::open(folder.path(), &options).await.unwrap();
    let url = format!("sqlite://{}", folder.path().join("state.db").display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = store.insert_realm(&realm("r", 1), &change()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(store.list_realms().await.unwrap(), []);
    // Tokens do not wait for the state.
    store.append_tokens(&place("w", 1), &[record("1")]).await.unwrap();
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store.insert_realm(&realm("r", 1), &change()).await.unwrap();
}
