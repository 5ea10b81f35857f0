//! PostgreSQL that is slow, gone, killed, or read only: bounded waits, 503, and everything comes back by itself. And
//! the proof that an answer means a commit on the disk, whatever the server's default is.

use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::http::Connection;
use crate::installation::{INACTIVE_KEY, Installation, LOADER, SECRET, Server, Token, client, printed};

/// From the end of a disturbance to the first token.
const RECOVERY: Duration = Duration::from_secs(5);
/// More attempts to connect than this in the few seconds of a test would be a stampede.
const MOST_ATTEMPTS: usize = 100;

struct Bed {
    cluster: Cluster,
    installation: Installation,
    server: Server,
    alive: Token,
    dead: Token,
}

impl Bed {
    fn new() -> Self {
        let cluster = Cluster::new();
        let installation = Installation::in_postgres(cluster.database("faulty"));
        let server = installation.serve();
        let (alive, dead) = (server.token(LOADER), server.token(LOADER));
        server.revokes(LOADER, &dead.token);
        Self { cluster, installation, server, alive, dead }
    }

    /// What holds while the database is away.
    #[track_caller]
    fn is_away(&self) {
        let server = &self.server;
        assert_eq!(server.status("/livez"), 200);
        assert_eq!(server.in_time(|connection| connection.get("/.well-known/jwks.json")).status, 200);
        server.in_time(|connection| connection.token(LOADER)).is_unavailable();
        server.in_time(|connection| connection.revoke(LOADER, &self.alive.token)).is_unavailable();
        // Within the directory's age introspection goes on from memory; after it, a revoked token might be called
        // alive.
        let answer = server.in_time(|connection| connection.introspect(LOADER, &self.dead.token));
        if answer.status == 200 {
            assert!(!answer.is_active());
        } else {
            answer.is_unavailable();
        }
    }

    /// Until it says that it is not ready.
    fn says_so(&self) {
        self.server
            .wait_within(Duration::from_secs(10), "no readiness", || self.server.status("/readyz") == 503);
        self.server.in_time(|connection| connection.introspect(LOADER, &self.alive.token)).is_unavailable();
    }

    /// What holds once it is back.
    #[track_caller]
    fn recovers(&self) {
        let server = &self.server;
        let took = server.wait_within(RECOVERY, "token", || {
            let answer =
                Connection::open(self.installation.address(), RECOVERY).and_then(|mut one| one.token(LOADER));
            answer.is_ok_and(|answer| answer.status == 200)
        });
        println!("the first token came {} ms after the database", took.as_millis());
        server.wait_within(RECOVERY, "readiness", || server.status("/readyz") == 200);
        assert!(server.lives(&self.alive.token) && !server.lives(&self.dead.token));
        let token = server.token(LOADER);
        server.revokes(LOADER, &token.token);
        assert!(!server.lives(&token.token));
        assert!(!server.log().contains("panicked"), "{}", server.log());
    }
}

#[test]
fn an_answer_means_that_the_commit_is_on_the_disk_whatever_the_servers_default_is() {
    let bed = Bed::new();
    let flushed = || {
        let now = bed.cluster.run("faulty", "SELECT pg_current_wal_flush_lsn() - '0/0'");
        now.parse::<u64>().expect("a position")
    };
    assert_eq!(bed.cluster.run("faulty", "SHOW synchronous_commit"), "off");
    // With the default of the server a commit is answered first and written within the next 200 ms or more; here that
    // never happens by itself, so that what is flushed was flushed for the answer.
    bed.cluster.run("faulty", "ALTER SYSTEM SET wal_writer_delay = '10s'");
    bed.cluster.run("faulty", "SELECT pg_reload_conf()");
    let mut connection = bed.server.connect();
    for _ in 0..40 {
        let before = flushed();
        let token = Token::of(&connection.token(LOADER).expect("an answer")).expect("a token");
        assert!(flushed() > before, "the answer left before its commit was on the disk");
        let before = flushed();
        assert_eq!(connection.revoke(LOADER, &token.token).expect("an answer").status, 200);
        assert!(flushed() > before, "the revocation was answered before it was on the disk");
    }
    // The measure can tell: a session that relies on the default is answered without any of that.
    let before = flushed();
    bed.cluster.run("faulty", "CREATE TABLE unsafe (x int)");
    let lazy = (0..20).filter(|_| {
        let before = flushed();
        bed.cluster.run("faulty", "INSERT INTO unsafe VALUES (1)");
        flushed() == before
    });
    assert!(lazy.count() > 0, "nothing here is lazy, so nothing was proved (from {before})");
}

#[test]
fn a_server_that_is_stopped_and_started_is_borne() {
    let mut bed = Bed::new();
    for _ in 0..2 {
        bed.cluster.stop();
        bed.is_away();
        bed.says_so();
        bed.is_away();
        bed.cluster.start();
        bed.recovers();
    }
}

#[test]
fn a_server_that_is_killed_loses_nothing_that_was_answered() {
    let mut bed = Bed::new();
    let mut answered = vec![bed.alive.clone(), bed.dead.clone()];
    for _ in 0..3 {
        answered.extend((0..20).map(|_| bed.server.token(LOADER)));
        bed.cluster.kill();
        bed.is_away();
        bed.cluster.start();
        bed.recovers();
    }
    bed.installation.has_records(&answered);
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_and_not_stampeded() {
    let bed = Bed::new();
    let before = bed.cluster.connections_seen();
    let halt = bed.cluster.halt();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    bed.server.in_time(|connection| connection.token(LOADER)).is_unavailable();
                }
            });
        }
        bed.is_away();
    });
    bed.says_so();
    bed.is_away();
    drop(halt);
    bed.recovers();
    let attempts = bed.cluster.connections_seen() - before;
    println!("{attempts} attempts to connect");
    assert!(attempts <= MOST_ATTEMPTS, "{attempts} attempts to connect");
}

#[test]
fn a_server_that_is_away_is_asked_for_now_and_then_and_not_by_every_request() {
    let mut bed = Bed::new();
    bed.cluster.stop();
    bed.says_so();
    // Somebody listens in its place, and hangs up on everybody.
    let counting = bed.cluster.hang_up_on_everybody();
    let until = Instant::now() + Duration::from_secs(4);
    let asked: usize = std::thread::scope(|scope| {
        let asking = (0..16).map(|_| {
            scope.spawn(|| {
                let mut asked = 0;
                while Instant::now() < until {
                    bed.server.in_time(|connection| connection.token(LOADER)).is_unavailable();
                    asked += 1;
                }
                asked
            })
        });
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().expect("a client")).sum()
    });
    let (attempts, took) = counting.end();
    println!("{attempts} attempts to connect in {took:?} with {asked} requests");
    assert!(attempts <= MOST_ATTEMPTS, "{attempts} attempts to connect in {took:?}");
    bed.cluster.start();
    bed.recovers();
}

#[test]
fn a_database_that_became_read_only_refuses_what_must_be_kept_and_nothing_else() {
    let bed = Bed::new();
    let set = |value: &str| {
        bed.cluster.run("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
        bed.cluster.run("postgres", "SELECT pg_reload_conf()");
    };
    set("on");
    let refused = || {
        let answer = bed.server.in_time(|connection| connection.token(LOADER));
        answer.status == 503
    };
    bed.server.wait("refusal", refused);
    for _ in 0..5 {
        bed.server.in_time(|connection| connection.token(LOADER)).is_unavailable();
        bed.server.in_time(|connection| connection.revoke(LOADER, &bed.alive.token)).is_unavailable();
        assert!(bed.server.lives(&bed.alive.token) && !bed.server.lives(&bed.dead.token));
        assert_eq!((bed.server.status("/livez"), bed.server.status("/readyz")), (200, 200));
    }
    let output = bed.installation.apply(&client("late", "")).output().expect("apply");
    let text = printed(&output);
    assert!(!output.status.success() && text.contains("symbolon: ") && !text.contains("panicked"), "{text}");
    bed.cluster.run("postgres", "ALTER SYSTEM RESET default_transaction_read_only");
    bed.cluster.run("postgres", "SELECT pg_reload_conf()");
    bed.recovers();
    bed.installation.applies(&client("late", ""));
    bed.server.wait("the new client", || {
        bed.server.connect().token(("late", SECRET)).is_ok_and(|answer| answer.status == 200)
    });
    bed.installation.applies(&client("late", INACTIVE_KEY));
    bed.server.wait("refusal", || {
        bed.server.connect().token(("late", SECRET)).is_ok_and(|answer| answer.status == 401)
    });
}

#[test]
fn a_server_that_is_away_at_the_start_is_said_to_be() {
    let mut bed = Bed::new();
    bed.cluster.stop();
    bed.server.kill();
    let mut again = bed.installation.start(None);
    again.wait("its end", || again.log().contains("symbolon: "));
    let log = again.log();
    assert!(log.contains("cannot connect to the") && !log.contains("panicked"), "{log}");
    assert!(!log.contains("a-password-of-the-fault-tests"), "{log}");
    again.wait_until_ended();
}
