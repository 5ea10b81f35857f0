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
use symbolon_core::organization::Organization;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::{Realm, RealmSettings, Status};
use symbolon_core::record::{GrantRecord, TokenRecord};
use symbolon_core::store::{
    AuditStore as _, BatchPlace, ChangeStore, Closing as _, JournalStore, ListFilter, OrganizationStore as _,
    PageRequest, RealmStore, Sort, StoreError, Whose,
};
use symbolon_core::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResults};
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

fn organization(id: &str) -> Organization {
    Organization {
        id: Id::new(id).unwrap(),
        name: format!("The {id}"),
        status: Status::Active,
        metadata: std::collections::BTreeMap::default(),
        version: 1,
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
        grant: grant.into(),
    }
}

const REQUEST: &str = "req_00000004W80000000000000000";

fn place(writer: &str, sequence: i64) -> BatchPlace {
    BatchPlace { writer: writer.to_owned(), sequence }
}

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// Of the client `c`, in all.
async fn tokens(store: &SqliteStore) -> i64 {
    let of = UsageOf::Client(Id::new("o").unwrap(), Id::new("c").unwrap());
    let (from, to) = (Timestamp::default(), NEVER);
    let filter = UsageFilter { of, audience: None, results: UsageResults::All, from, to };
    let question = UsageQuery { filter, group_by: GroupBy::default(), step: Step::Total };
    let page = store.list_usage(&Id::new("r").unwrap(), &question, &PageRequest::first()).await.unwrap();
    page.items.iter().flat_map(|series| &series.counts).map(|(_, tokens)| tokens).sum()
}

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
    assert_eq!(store.list_audit_links(&r, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.list_revocations(&r, 0).await.unwrap().len(), 1);
    assert_eq!(store.find_tokens_by_request(REQUEST).await.unwrap(), [record("1"), record("2")]);
    assert_eq!(store.count_tokens(Whose::Left(NEVER), 0, Timestamp::default()).await.unwrap(), 1);
    let (o, c, k) = (Id::new("o").unwrap(), Id::new("c").unwrap(), Id::new("k").unwrap());
    let last = store.find_last_use(&r, &o, &c, &k).await.unwrap();
    assert_eq!(last, Some(LastUse { at: Timestamp::from_seconds(5), from: "192.0.2.1".to_owned() }));
    assert_eq!(tokens(&store).await, 2);
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

/// The files as they were before usage stood in blocks and things were listed.
#[tokio::test]
async fn what_an_older_version_kept_is_counted_and_listed() {
    let folder = Folder::new();
    let store = open(&folder).await;
    let (realm, organization) = (realm("r", 1), organization("o"));
    store.insert_realm(&realm, &change()).await.unwrap();
    store.insert_organization(&realm.id, &organization, &change()).await.unwrap();
    store.close().await;
    let run = async |file: &str, statements: &'static str| {
        let url = format!("sqlite://{}", folder.path().join(file).display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    run(
        "state.db",
        "DROP TABLE listed; DROP TABLE listed_kinds; DROP TABLE sorted;
         DELETE FROM _sqlx_migrations WHERE version IN (22, 52)",
    )
    .await;
    run(
        "usage.db",
        "DROP TABLE usage_open; DROP TABLE usage_blocks; DROP TABLE usage_last;
         DELETE FROM _sqlx_migrations WHERE version > 1;
         CREATE TABLE usage_hours (realm TEXT NOT NULL, organization TEXT NOT NULL, client TEXT NOT NULL,
             access_key TEXT NOT NULL, hour BIGINT NOT NULL, tokens BIGINT NOT NULL, last_at BIGINT NOT NULL,
             last_from TEXT NOT NULL, PRIMARY KEY (realm, organization, client, access_key, hour));
         INSERT INTO usage_hours VALUES ('r', 'o', 'c', 'k', 0, 2, 5, '192.0.2.1'),
             ('r', 'o', 'c', 'k', 3600000, 3, 3600007, '192.0.2.2')",
    )
    .await;
    for _ in 0..2 {
        let store = open(&folder).await;
        let filter = ListFilter { prefix: Some("the o".to_owned()), ..ListFilter::default() };
        let page = store.search_organizations(&realm.id, &filter, &PageRequest::first()).await.unwrap();
        assert_eq!(page.items, std::slice::from_ref(&organization));
        let sorted = ListFilter { sort: Sort::named("-created"), ..ListFilter::default() };
        let page = store.search_organizations(&realm.id, &sorted, &PageRequest::first()).await.unwrap();
        assert_eq!(page.items, std::slice::from_ref(&organization));
        let (o, c, k) = (Id::new("o").unwrap(), Id::new("c").unwrap(), Id::new("k").unwrap());
        let last = store.find_last_use(&realm.id, &o, &c, &k).await.unwrap();
        assert_eq!(
            last,
            Some(LastUse { at: Timestamp::from_millis(3_600_007), from: "192.0.2.2".to_owned() })
        );
        assert_eq!(tokens(&store).await, 5);
        store.roll_up_usage(NEVER).await.unwrap();
        assert_eq!(tokens(&store).await, 5);
        store.close().await;
    }
}

/// The file of usage as it was before refusals were told apart by reasons.
#[tokio::test]
async fn what_was_counted_before_reasons_were_has_none_and_stays() {
    let folder = Folder::new();
    open(&folder).await.close().await;
    let url = format!("sqlite://{}", folder.path().join("usage.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let slots: Vec<_> = (0..64).map(|slot| format!("s{slot:02}")).collect();
    let back = format!(
        "DROP TABLE usage_open; DROP TABLE usage_blocks; DROP TABLE usage_last; DROP TABLE usage_counted;
         DELETE FROM _sqlx_migrations WHERE version > 22;
         {}
         {}
         INSERT INTO usage_open (realm, organization, client, access_key, audience, result, hour, tokens, last_at, last_from)
         VALUES ('r', 'o', 'c', 'k', 'a:b', 'issued', 36000000, 2, 36000001, '192.0.2.1'),
             ('r', 'o', 'c', '', '', 'invalid_client', 36000000, 3, 36000001, '192.0.2.1');
         INSERT INTO usage_blocks (realm, unit, level, organization, client, access_key, audience, result, block, {})
         VALUES ('r', 'hour', 2, 'o', 'c', '', '', 'invalid_client', 0, {}),
             ('r', 'day', 2, 'o', 'c', '', '', 'invalid_client', 0, {});",
        include_str!("../../migrations/usage/0001_usage.sql"),
        include_str!("../../migrations/usage/0022_usage_in_blocks.sql"),
        slots.join(", "),
        // Each slot one more than the one before it, and all 64 on the first day.
        (1..=64).map(|sum: i32| sum.to_string()).collect::<Vec<_>>().join(", "),
        ["64"; 64].join(", "),
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(back)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    for _ in 0..2 {
        let store = open(&folder).await;
        let of = UsageOf::Client(Id::new("o").unwrap(), Id::new("c").unwrap());
        let (from, to) = (Timestamp::default(), Timestamp::from_millis(36_000_000 * 10));
        let filter = UsageFilter { of, audience: None, results: UsageResults::All, from, to };
        let group_by = GroupBy { result: true, reason: true, ..GroupBy::default() };
        for step in [Step::Total, Step::Hour] {
            let question = UsageQuery { filter: filter.clone(), group_by, step };
            let page =
                store.list_usage(&Id::new("r").unwrap(), &question, &PageRequest::first()).await.unwrap();
            let counted = page.items.into_iter().map(|one| {
                let requests: i64 = one.counts.iter().map(|(_, requests)| requests).sum();
                (one.group.result.unwrap().name().to_owned(), one.group.reason, requests)
            });
            let counted: Vec<_> = counted.collect();
            let expected = [("invalid_client".to_owned(), None, 67), ("issued".to_owned(), None, 2)];
            assert_eq!(counted, expected, "{step:?}");
        }
        store.roll_up_usage(NEVER).await.unwrap();
        store.close().await;
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
        assert_eq!(tokens(&store).await, 40);
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
