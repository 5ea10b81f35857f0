//! A server that is away, in each of the ways in which servers are: calls fail soon and say why, and succeed again
//! as soon as it is back, without anything being opened anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Executor as _;
use symbolon_core::clock::Timestamp;
use symbolon_core::store::{ChangeStore as _, Closing as _, JournalStore as _, RealmStore as _};
use symbolon_store_postgres::{Options, PostgresStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::database::with_database;
use crate::others::unavailable;
use crate::things::{ALL, change, place, realm, record};

/// Has every kind of connection made.
async fn warm_up(store: &PostgresStore) {
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.list_realms().await.unwrap() })
        })
        .collect();
    for read in reads {
        read.await.unwrap();
    }
    store.append_tokens(&place("warm"), &[record("warm")]).await.unwrap();
    store.count_tokens(ALL, 0, Timestamp::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_all_connections_were_ended_no_call_fails() {
    with_database("", async |database| {
        let store = database.open().await;
        warm_up(&store).await;
        for round in 0..3 {
            database.cut_off().await;
            store.append_tokens(&place(&format!("b{round}")), &[record("t")]).await.unwrap();
            store.count_tokens(ALL, 0, Timestamp::default()).await.unwrap();
            for number in 0..10 {
                store.list_realms().await.unwrap();
                store.insert_realm(&realm(&format!("r{round}-{number}")), &change()).await.unwrap();
            }
        }
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_lets_nobody_in_is_given_up_soon_and_used_again_once_it_does() {
    with_database("", async |database| {
        let store = database.open().await;
        warm_up(&store).await;
        database.alter("ALLOW_CONNECTIONS false").await;
        database.cut_off().await;
        for _ in 0..3 {
            let began = Instant::now();
            unavailable(store.list_realms().await);
            unavailable(store.append_tokens(&place("lost"), &[record("t")]).await);
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        }
        database.alter("ALLOW_CONNECTIONS true").await;
        store.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_read_only_is_called_so() {
    with_database("", async |database| {
        let store = database.open().await;
        database.alter("SET default_transaction_read_only = on").await;
        database.cut_off().await;
        for said in [
            unavailable(store.insert_realm(&realm("r"), &change()).await),
            unavailable(store.append_tokens(&place("b1"), &[record("t1")]).await),
        ] {
            assert!(said.contains("read-only") && said.contains("25006"), "{said}");
        }
        assert_eq!(store.list_realms().await.unwrap(), []);
        let opened = PostgresStore::open(&database.url(), &Options::default()).await;
        assert!(opened.unwrap_err().to_string().contains("read-only"));
        database.alter("RESET default_transaction_read_only").await;
        database.cut_off().await;
        store.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_given_up_soon() {
    with_database("", async |database| {
        let role = format!("{}_few", database.name());
        database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 3")).await;
        database.alter(&format!("OWNER TO {role}")).await;
        let url: symbolon_store_postgres::DatabaseUrl = database.address_of(&role, "x").parse().unwrap();
        let one = PostgresStore::open(&url, &Options::default()).await.unwrap();
        one.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        one.list_realms().await.unwrap();
        // Its listener is the third.
        database
            .wait_for(&format!(
                "SELECT usename FROM pg_stat_activity WHERE usename = '{role}' GROUP BY usename HAVING count(*) = 3"
            ))
            .await;
        let error = PostgresStore::open(&url, &Options::default()).await.unwrap_err().to_string();
        assert!(error.contains("max_connections") && error.contains("53300"), "{error}");
        let began = Instant::now();
        let said = unavailable(one.count_tokens(ALL, 0, Timestamp::default()).await);
        assert!(said.contains("database_connections") && said.contains("53300"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        one.append_tokens(&place("b2"), &[record("t2")]).await.unwrap();
        one.close().await;
        database.alter("OWNER TO CURRENT_USER").await;
        database.run(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP ROLE {role}")).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_so() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let url = format!("postgres://role:canary@127.0.0.1:{port}/auth").parse().unwrap();
    let error = PostgresStore::open(&url, &Options::default()).await.unwrap_err().to_string();
    assert!(error.contains("connection refused") && !error.contains("canary"), "{error}");
}

/// A network between the store and the server. Its state is a number that grows: while it is odd nothing gets
/// through, and what was connected under an earlier number is forgotten, as a firewall forgets it.
struct Network {
    port: u16,
    state: Arc<watch::Sender<u32>>,
}

impl Network {
    async fn to(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(0));
        let (host, seen) = (host.to_owned(), state.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&host).await.unwrap();
                let ((client_reads, client_writes), (server_reads, server_writes)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(carry(client_reads, server_writes, seen.clone()));
                tokio::spawn(carry(server_reads, client_writes, seen.clone()));
            }
        });
        Self { port, state }
    }

    fn change(&self) {
        self.state.send_modify(|state| *state += 1);
    }
}

/// Carries what is said for as long as the network is as it was, and then swallows it.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: watch::Receiver<u32>,
) {
    let born = *state.borrow();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let gets_through = born.is_multiple_of(2) && *state.borrow() == born;
        if gets_through && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything_is_given_up_in_time_and_used_again_at_once() {
    with_database("", async |database| {
        let network = Network::to(&database.host()).await;
        let url = database.address().replacen(&database.host(), &format!("127.0.0.1:{}", network.port), 1);
        let options = Options {
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_millis(500),
            lock_timeout: Duration::from_millis(500),
            ..Options::default()
        };
        let store = PostgresStore::open(&url.parse().unwrap(), &options).await.unwrap();
        warm_up(&store).await;
        // In the middle of statements, and before them.
        let mut held = Vec::new();
        for number in 0..8 {
            let store = store.clone();
            held.push(tokio::spawn(async move {
                loop {
                    let began = Instant::now();
                    let answer = match number % 2 {
                        0 => store.list_realms().await.map(drop),
                        _ => store.last_change().await.map(drop),
                    };
                    if answer.is_err() {
                        return began.elapsed();
                    }
                }
            }));
        }
        // This one for certain: its answer waits for a lock until nothing gets through any more.
        let mut other = database.connect().await;
        other.execute("BEGIN; SELECT sequence FROM change_counter FOR UPDATE").await.unwrap();
        let writing = {
            let store = store.clone();
            tokio::spawn(async move {
                let began = Instant::now();
                unavailable(store.insert_realm(&realm("r"), &change()).await);
                began.elapsed()
            })
        };
        database.wait_for("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'").await;
        network.change();
        held.push(writing);
        for call in held {
            let took = tokio::time::timeout(Duration::from_secs(10), call).await.expect("an answer").unwrap();
            assert!(took < Duration::from_secs(4), "{took:?}");
        }
        unavailable(store.append_tokens(&place("lost"), &[record("t")]).await);
        network.change();
        store.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        for _ in 0..20 {
            store.list_realms().await.unwrap();
        }
        store.close().await;
    })
    .await;
}
