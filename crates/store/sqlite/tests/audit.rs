//! The audit in its file: what somebody does to it with SQL, what an older version left in it, and how much of it is
//! read for a page.

#![expect(clippy::unwrap_used, reason = "helpers are test code too")]

mod folder;

use std::sync::Arc;

use folder::Folder;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};
use symbolon_core::audit::verify::{Known, verify};
use symbolon_core::audit::{Actor, ActorKind, Change, Subject, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{Id, RealmId};
use symbolon_core::realm::{Realm, RealmSettings, Status};
use symbolon_core::store::{AuditStore as _, ChangeStore as _, Closing as _, RealmStore as _};
use symbolon_core::trail::{ChangeFilter, TrailRequest};
use symbolon_store_sqlite::{Options, SqliteStore};

async fn open(folder: &Folder) -> SqliteStore {
    SqliteStore::open(folder.path(), &Options::default()).await.unwrap()
}

async fn connect(folder: &Folder) -> SqliteConnection {
    connect_to(folder, "state.db").await
}

async fn connect_to(folder: &Folder, file: &str) -> SqliteConnection {
    let url = format!("sqlite://{}?mode=rwc", folder.path().join(file).display());
    SqliteConnection::connect(&url).await.unwrap()
}

async fn run(folder: &Folder, sql: String) {
    let mut connection = connect(folder).await;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    connection.close().await.unwrap();
}

fn change() -> Change {
    Change {
        at: Timestamp::from_seconds(7),
        actor: Actor::system("tests"),
        action: "create",
        subject: Subject::new(SubjectKind::Realm, "r"),
        before: None,
        after: None,
        revocations: Vec::new(),
    }
}

async fn make_realm(store: &SqliteStore) -> RealmId {
    let realm = Realm {
        id: Id::new("r").unwrap(),
        status: Status::Active,
        settings: RealmSettings::default(),
        longest_lifetime: 86_400,
        version: 1,
        created_at: Timestamp::default(),
    };
    store.insert_realm(&realm, &change()).await.unwrap();
    realm.id
}

#[tokio::test]
async fn whatever_somebody_does_to_records_is_found() {
    let folder = Folder::new();
    let store = Arc::new(open(&folder).await);
    symbolon_store_contract::tampering_is_found(store, async |sql| run(&folder, sql).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_holds_whichever_process_writes() {
    let folder = Folder::new();
    let store = open(&folder).await;
    let realm = make_realm(&store).await;
    let mut writing = Vec::new();
    for _ in 0..4 {
        let (node, realm) = (open(&folder).await, realm.clone());
        writing.push(tokio::spawn(async move {
            for number in 0..20 {
                node.insert_revocations(&realm, &change()).await.unwrap();
                if number % 5 == 0 {
                    // Old ones are forgotten meanwhile, by all of them at once.
                    node.forget_audit(&realm, Timestamp::from_seconds(8)).await.unwrap();
                }
            }
            node.close().await;
        }));
    }
    for task in writing {
        task.await.unwrap();
    }
    let report = verify(&store, &realm, &[]).await.unwrap();
    assert_eq!((report.findings, report.chain.head.number), (vec![], 81));
    assert!(report.chain.anchor.number > 0, "nothing was forgotten");
    store.close().await;
}

/// What migrations before the chain made, with two records of a realm and one of another.
#[tokio::test]
async fn a_chain_begins_behind_what_an_older_version_left() {
    let (folder, migrations) = (Folder::new(), Folder::new());
    std::fs::create_dir_all(folder.path()).unwrap();
    std::fs::create_dir_all(migrations.path()).unwrap();
    let first = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/state/0001_state.sql");
    std::fs::copy(first, migrations.path().join("0001_state.sql")).unwrap();
    let mut connection = connect(&folder).await;
    Migrator::new(migrations.path()).await.unwrap().run_direct(None, &mut connection, false).await.unwrap();
    connection.close().await.unwrap();
    let row = |sequence, realm| {
        format!(
            "INSERT INTO audit (sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind,
                 subject_id, after_document)
             VALUES ({sequence}, '{realm}', 5000, 'operator', 'ann', 'run', 'update', 'client', 'c', '{{}}');"
        )
    };
    let counter = "UPDATE change_counter SET sequence = 3;";
    run(&folder, [&row(1, "r"), &row(2, "s"), &row(3, "r"), counter].concat()).await;

    let store = open(&folder).await;
    let realm = make_realm(&store).await;
    store.insert_revocations(&realm, &change()).await.unwrap();
    let report = verify(&store, &realm, &[]).await.unwrap();
    assert_eq!((report.findings, report.unchained, report.records), (vec![], 2, 2));
    let page = TrailRequest { limit: 10, ..TrailRequest::default() };
    let found = store.list_audit(&realm, &ChangeFilter::default(), &page).await.unwrap();
    let numbers: Vec<_> = found.items.iter().map(|found| (found.sequence, found.number)).collect();
    assert_eq!(numbers, [(5, 2), (4, 1), (3, 0), (1, 0)], "they are listed all the same");
    // They are forgotten like all others, and the chain still begins where it did.
    assert_eq!(store.forget_audit(&realm, Timestamp::from_seconds(6)).await.unwrap(), 2);
    let known = Known { number: 1, hash: found.items[1].hash.clone() };
    let report = verify(&store, &realm, &[known]).await.unwrap();
    assert_eq!((report.findings, report.unchained, report.records), (vec![], 0, 2));
    store.close().await;
}

/// The queries that lists of a table are read by, as they were compiled, with how SQLite goes about them.
async fn plans(connection: &mut SqliteConnection, table: &str) -> Vec<(String, Vec<String>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx");
    let mut plans = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let data = std::fs::read(entry.unwrap().path()).unwrap();
        let data: serde_json::Value = serde_json::from_slice(&data).unwrap();
        let query = data["query"].as_str().unwrap().to_owned();
        if query.starts_with("SELECT")
            && query.contains(&format!("FROM {table}"))
            && query.contains("ORDER BY")
            && query.contains(" < ")
        {
            let explained = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")));
            let plan = connection.fetch_all(explained).await.unwrap();
            plans.push((query, plan.iter().map(|row| row.get(3)).collect()));
        }
    }
    plans
}

/// SQLite knows no figures of the table and could go through all of a realm instead.
#[tokio::test]
async fn every_list_of_changes_is_read_in_the_index_of_what_leads_it() {
    let folder = Folder::new();
    open(&folder).await.close().await;
    let mut connection = connect(&folder).await;
    let plans = plans(&mut connection, "audit").await;
    assert_eq!(plans.len(), 12, "{plans:#?}");
    for (query, plan) in plans {
        let leads =
            ["subject_kind", "subject_id", "request_id", "actor_kind", "actor_id", "organization", "action"];
        let led: Vec<&str> =
            leads.into_iter().filter(|column| query.contains(&format!("AND {column} = "))).collect();
        let wanted = led.iter().fold("realm=?".to_owned(), |all, column| format!("{all} AND {column}=?"));
        let wanted = format!("({wanted} AND (at,sequence)>(?,?) AND (at,sequence)<(?,?))");
        assert!(plan.len() == 1 && plan[0].ends_with(&wanted), "{query}: {plan:?}");
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn lists_of_tokens_and_refusals_are_read_by_time() {
    let folder = Folder::new();
    open(&folder).await.close().await;
    let mut connection = connect_to(&folder, "journal.db").await;
    let batches = plans(&mut connection, "journal_batches").await;
    let refusals = plans(&mut connection, "refusals").await;
    assert_eq!((batches.len(), refusals.len()), (3, 2), "{batches:#?} {refusals:#?}");
    for (query, plan) in batches.into_iter().chain(refusals) {
        let wanted = if query.contains("first_at > 600000") {
            "INDEX journal_batches_wide (first_at<?)"
        } else if query.contains("FROM refusals") {
            "INDEX refusals_by_time (at>? AND at<?)"
        } else {
            "INDEX journal_batches_by_time (last_at>? AND last_at<?)"
        };
        assert!(plan[0].ends_with(wanted), "{query}: {plan:?}");
    }
    connection.close().await.unwrap();
}

/// Where two parts of a filter are common and hardly ever meet, a page ends early and says where to continue.
#[tokio::test]
async fn a_page_reads_no_more_than_so_many_rows() {
    const ROWS: i64 = 5000;
    let folder = Folder::new();
    let store = open(&folder).await;
    let realm = make_realm(&store).await;
    run(
        &folder,
        format!(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO audit (sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind, subject_id)
             SELECT i, 'r', i, 'operator', 'ann', '', CASE WHEN i = 2 THEN 'rare' ELSE 'update' END, 'client', 'c'
             FROM n"
        ),
    )
    .await;
    let filter = ChangeFilter {
        actor: Some((ActorKind::Operator, Some("ann".to_owned()))),
        action: Some("rare".to_owned()),
        ..ChangeFilter::default()
    };
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = TrailRequest { after, limit: 10, ..TrailRequest::default() };
        let found = store.list_audit(&realm, &filter, &page).await.unwrap();
        pages.push(found.items.len());
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [0, 0, 1]);
    store.close().await;
}
