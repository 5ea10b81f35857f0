//! Every file operation failed once, in turn: nothing that was answered is lost, nobody panics, and the process serves
//! on or says why it ends.
//!
//! The tests take each so-manieth read and write, of which there are many; `cargo xtask soak faults` takes all.

use std::time::{Duration, Instant};

use crate::installation::{Installation, LOADER, SECRET, Server, Token, client, printed};
use crate::shim::{EIO, ENOSPC, Shim};

/// After a single fault everything works again within this time.
const RECOVERY: Duration = Duration::from_secs(10);
/// What can fail, and how.
const KINDS: [(&str, i32); 7] = [
    ("open", EIO),
    ("read", EIO),
    ("write", EIO),
    ("write", ENOSPC),
    ("sync", EIO),
    ("truncate", EIO),
    ("unlink", EIO),
];

/// What was answered with success, and so must be there for good.
#[derive(Default)]
struct Told {
    tokens: Vec<Token>,
    revoked: Vec<Token>,
}

/// Whether it is ready, or has ended and said why.
fn comes_up(server: &mut Server, fault: &str) -> bool {
    let began = Instant::now();
    loop {
        if server.status("/readyz") == 200 {
            return true;
        }
        if let Some(status) = server.ended() {
            let log = server.log();
            assert!(
                !status.success() && log.contains("symbolon: "),
                "{fault}: it ended without saying why: {log}"
            );
            return false;
        }
        assert!(began.elapsed() < RECOVERY, "{fault}: neither ready nor at its end: {}", server.log());
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// One of everything, as far as it is answered. Whatever is not a success must be a refusal of the right kind.
fn one_of_everything(server: &Server, told: &mut Told, fault: &str) {
    let mut connection = server.connect();
    for _ in 0..3 {
        let answer = connection.token(LOADER).expect("an answer");
        match Token::of(&answer) {
            Some(token) => told.tokens.push(token),
            None => answer.is_unavailable(),
        }
    }
    if let Some(token) = told.tokens.last().cloned() {
        let answer = connection.revoke(LOADER, &token.token).expect("an answer");
        match answer.status {
            200 => told.revoked.push(token.clone()),
            _ => answer.is_unavailable(),
        }
        let answer = connection.introspect(LOADER, &token.token).expect("an answer");
        match answer.status {
            200 => {
                let revoked = told.revoked.last().is_some_and(|last| last.request_id == token.request_id);
                assert!(!revoked || !answer.is_active(), "{fault}: it was revoked");
            }
            _ => answer.is_unavailable(),
        }
    }
    let answer = connection.token((LOADER.0, "a-wrong-secret-of-some-length")).expect("an answer");
    assert!(answer.status == 401 || answer.status == 503, "{fault}: {answer:?}");
}

/// A server that meets the fault somewhere between its start and its end; says whether it did.
fn server_meets(installation: &Installation, kind: &str, call: u32, errno: i32) -> bool {
    let fault = format!("{kind} {call}");
    let shim = Shim::over(installation.data()).failing(kind, call, errno);
    let mut server = installation.start(Some(&shim));
    let mut told = Told::default();
    if comes_up(&mut server, &fault) {
        one_of_everything(&server, &mut told, &fault);
        server.wait_within(RECOVERY, &fault, || {
            server.connect().token(LOADER).is_ok_and(|answer| answer.status == 200)
                && server.status("/readyz") == 200
        });
        one_of_everything(&server, &mut told, &fault);
        assert!(server.ended().is_none(), "{fault}");
        server.ends();
    }
    assert!(!server.log().contains("panicked"), "{fault}: {}", server.log());
    let struck = shim.has_struck();
    let server = installation.serve();
    for token in &told.revoked {
        assert!(!server.lives(&token.token), "{fault}: what was revoked came back");
    }
    server.token(LOADER);
    server.stop();
    installation.has_records(&told.tokens);
    struck
}

/// `symbolon apply` that meets the fault; says whether it did.
fn apply_meets(installation: &Installation, kind: &str, call: u32, errno: i32) -> bool {
    let fault = format!("apply, {kind} {call}");
    let id = format!("new-{kind}-{errno}-{call}");
    let shim = Shim::over(installation.data()).failing(kind, call, errno);
    let mut command = installation.apply(&client(&id, ""));
    shim.around(&mut command);
    let output = command.output().expect("apply");
    let text = printed(&output);
    assert!(!text.contains("panicked"), "{fault}: {text}");
    assert!(output.status.success() || text.contains("symbolon: "), "{fault}: {text}");
    if !output.status.success() {
        installation.applies(&client(&id, ""));
    }
    assert!(installation.finds(&id), "{fault}: it was acknowledged, and is lost");
    shim.has_struck()
}

/// Steps through the calls of every kind until one is not reached any more; says how many faults were met.
fn step_through(stride: u32, meets: impl Fn(&str, u32, i32) -> bool) -> u32 {
    let mut met = 0;
    for (kind, errno) in KINDS {
        let mut call = 1;
        let stride = if matches!(kind, "read" | "write") { stride } else { 1 };
        while meets(kind, call, errno) {
            call += stride;
            met += 1;
        }
        println!("{kind} ({errno}): up to call {call}");
    }
    met
}

fn servers(stride: u32) -> u32 {
    let prepared = Installation::new();
    step_through(stride, |kind, call, errno| server_meets(&prepared.copy(), kind, call, errno))
}

fn applies(stride: u32) -> u32 {
    let installation = Installation::new();
    let met = step_through(stride, |kind, call, errno| apply_meets(&installation, kind, call, errno));
    let server = installation.serve();
    let status = server.connect().token(("new-write-5-1", SECRET)).expect("an answer").status;
    assert_eq!(status, 200);
    met
}

#[test]
fn a_fault_of_any_file_operation_loses_nothing_that_a_server_answered() {
    let met = servers(11);
    assert!(met > 10, "only {met} faults were met");
}

#[test]
fn a_fault_of_any_file_operation_loses_nothing_that_apply_acknowledged() {
    let met = applies(7);
    assert!(met > 10, "only {met} faults were met");
}

#[test]
#[ignore = "long: `cargo xtask soak faults` runs it"]
fn soak_faults() {
    let stride = std::env::var("SYMBOLON_SOAK_STRIDE").map_or(1, |text| text.parse().expect("a number"));
    println!("{} faults met by the server", servers(stride));
    println!("{} faults met by apply", applies(stride));
}
