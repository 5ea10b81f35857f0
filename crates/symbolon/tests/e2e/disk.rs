//! A disk that is full, read only, or locked by somebody else: what can be answered from memory is, everything else
//! says 503 in time, and all goes on by itself when the disk does.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::{Guard, Issuer, SharedKeys};

use crate::installation::{INACTIVE_KEY, Installation, LOADER, SECRET, Server, Token, client, printed};
use crate::shim::{EIO, ENOSPC, EROFS, Shim};

/// From the end of a disturbance to the first token.
const FULL_RECOVERY: Duration = Duration::from_secs(10);
const RECOVERY: Duration = Duration::from_secs(5);

/// What goes on from memory while nothing can be written.
#[track_caller]
fn goes_on_from_memory(server: &Server, alive: &Token, dead: &Token) {
    assert_eq!(server.status("/livez"), 200);
    let keys = server.in_time(|connection| connection.get("/.well-known/jwks.json"));
    assert_eq!(keys.status, 200, "{keys:?}");
    assert!(guard_accepts(&keys.body, &alive.token), "the keys that are served do not verify");
    assert!(server.lives(&alive.token), "a valid token is not called alive");
    assert!(!server.lives(&dead.token), "a revoked token is called alive");
}

/// Whether an API that has just fetched these keys takes the token.
fn guard_accepts(keys: &str, token: &str) -> bool {
    let keys = SharedKeys::new(serde_json::from_str::<JwkSet>(keys).expect("a key set"));
    let guard =
        Guard::builder().issuer(Issuer::new("https://auth.example", keys)).audience("https://api.example");
    let guard = guard.build().expect("a guard");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(guard.verify(token)).is_ok()
}

#[track_caller]
fn refuses_to_write(server: &Server, alive: &Token) {
    server.in_time(|connection| connection.token(LOADER)).is_unavailable();
    server.in_time(|connection| connection.revoke(LOADER, &alive.token)).is_unavailable();
}

fn tokens_come(server: &Server) -> bool {
    server.connect().token(LOADER).is_ok_and(|answer| answer.status == 200)
}

/// Everything is refused while a flag is up, and comes again when it is down.
fn is_survived(flag: &str, errno: i32, recovery: Duration) {
    let installation = Installation::new();
    let shim = Shim::over(installation.data());
    let mut server = installation.serve_behind(&shim);
    let (alive, dead) = (server.token(LOADER), server.token(LOADER));
    server.revokes(LOADER, &dead.token);
    let mut answered = vec![alive.clone(), dead.clone()];
    for _ in 0..2 {
        shim.raise(flag, errno);
        for _ in 0..5 {
            refuses_to_write(&server, &alive);
            goes_on_from_memory(&server, &alive, &dead);
        }
        let mut apply = installation.apply(&client("late", ""));
        shim.around(&mut apply);
        let output = apply.output().expect("apply");
        let text = printed(&output);
        assert!(
            !output.status.success() && text.contains("symbolon: ") && !text.contains("panicked"),
            "{text}"
        );
        shim.lower(flag);
        server.wait_within(recovery, "token", || tokens_come(&server));
        answered.push(server.token(LOADER));
        let extra = server.token(LOADER);
        server.revokes(LOADER, &extra.token);
        assert!(!server.lives(&extra.token));
    }
    assert!(server.lives(&alive.token));
    installation.applies(&client("late", ""));
    server.wait("the new client", || {
        server.connect().token(("late", SECRET)).is_ok_and(|answer| answer.status == 200)
    });
    assert!(server.ended().is_none() && !server.log().contains("panicked"), "{}", server.log());
    server.stop();
    installation.has_records(&answered);
}

#[test]
fn a_full_disk_refuses_what_must_be_kept_and_nothing_else() {
    is_survived("fail-write", ENOSPC, FULL_RECOVERY);
}

#[test]
fn a_file_system_that_became_read_only_is_survived() {
    is_survived("fail-write", EROFS, RECOVERY);
}

#[test]
fn a_disk_that_fails_for_a_while_is_survived() {
    is_survived("fail-write", EIO, RECOVERY);
}

#[test]
fn a_start_without_room_or_without_the_right_to_write_says_so() {
    let installation = Installation::new();
    for (flag, errno, said) in [("fail-write", ENOSPC, "full"), ("fail-open", EROFS, "readonly")] {
        let shim = Shim::over(installation.data());
        shim.raise(flag, errno);
        let mut server = installation.start(Some(&shim));
        server.wait("its end", || server.log().contains("symbolon: "));
        let log = server.log();
        assert!(log.contains("state.db") && log.contains(said), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        server.wait_until_ended();
        shim.lower(flag);
        installation.serve_behind(&shim).token(LOADER);
    }
}

#[test]
fn files_that_cannot_be_opened_for_writing_for_a_while_are_opened_again() {
    let installation = Installation::new();
    let shim = Shim::over(installation.data());
    let server = installation.serve_behind(&shim);
    let alive = server.token(LOADER);
    // A failed sync makes the store look for a new connection, which it cannot have.
    shim.raise("fail-open", EROFS);
    shim.raise("fail-sync", EIO);
    server.in_time(|connection| connection.revoke(LOADER, &alive.token)).is_unavailable();
    shim.lower("fail-sync");
    server.in_time(|connection| connection.revoke(LOADER, &alive.token)).is_unavailable();
    shim.lower("fail-open");
    server.wait_within(FULL_RECOVERY, "revocation", || {
        server.connect().revoke(LOADER, &alive.token).is_ok_and(|answer| answer.status == 200)
    });
    assert!(!server.lives(&alive.token));
}

/// Another program that holds the write lock of a database file until it is told to let go.
struct Lock(Child);

const HOLD: &str = "
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.readline()
";

impl Lock {
    fn of(installation: &Installation, file: &str) -> Self {
        use std::io::{BufRead as _, BufReader};
        let mut command = Command::new("python3");
        command.args(["-c", HOLD]).arg(installation.data().join(file));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert_eq!(line, "held\n");
        Self(child)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_journal_that_somebody_else_locks_is_waited_for_in_vain_but_not_for_long() {
    let installation = Installation::new();
    let server = installation.serve();
    let alive = server.token(LOADER);
    let lock = Lock::of(&installation, "journal.db");
    server.in_time(|connection| connection.token(LOADER)).is_unavailable();
    // Changes do not touch the journal.
    let other = alive.clone();
    assert!(server.lives(&other.token));
    server.revokes(LOADER, &other.token);
    assert!(!server.lives(&other.token));
    assert_eq!((server.status("/livez"), server.status("/readyz")), (200, 200));
    drop(lock);
    server.wait_within(RECOVERY, "token", || tokens_come(&server));
}

#[test]
fn a_state_that_somebody_else_locks_lets_tokens_go_on() {
    let installation = Installation::new();
    let server = installation.serve();
    let alive = server.token(LOADER);
    let lock = Lock::of(&installation, "state.db");
    server.in_time(|connection| connection.revoke(LOADER, &alive.token)).is_unavailable();
    // Reading needs no lock in write-ahead logging, so the directory stays fresh and tokens come.
    let answered = server.token(LOADER);
    assert!(server.lives(&answered.token));
    drop(lock);
    server.wait_within(RECOVERY, "revocation", || {
        server.connect().revoke(LOADER, &alive.token).is_ok_and(|answer| answer.status == 200)
    });
    assert!(!server.lives(&alive.token));
    installation.applies(&client("loader", INACTIVE_KEY));
    server.wait("refusal", || server.connect().token(LOADER).is_ok_and(|answer| answer.status == 401));
}
