//! `kill -9` under load: what was answered is on record, and nothing that was revoked comes back.
//!
//! Three kills run with the tests; `cargo xtask soak kill` runs as many as one likes, and prints the report.

use std::collections::HashMap;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use symbolon_core::protocol::claims::KnownClaims;
use symbolon_core::protocol::revocation::Subjects;

use crate::cluster::Cluster;
use crate::http::{Answer, Connection};
use crate::installation::{
    INACTIVE_KEY, Installation, LOADER, SECRET, Server, Token, WATCHER, client, printed,
};
use crate::shim::Shim;
use crate::support::PATIENCE;

/// Clients that fetch tokens as fast as they can.
const LOADERS: usize = 4;
/// From the start of the server to its readiness.
const LONGEST_START: Duration = Duration::from_secs(2);
/// The load lasts between these before the kill.
const SHORTEST_LOAD: u64 = 150;
const LONGEST_LOAD: u64 = 1500;

/// What the runs came to.
#[derive(Debug, Default)]
struct Report {
    runs: u32,
    databases: u32,
    tokens: usize,
    revoked: usize,
    changes: usize,
    half_done: usize,
    slowest_start: Duration,
}

/// What clients were told before the kill.
#[derive(Default)]
struct Told {
    /// Tokens that were received whole.
    tokens: Vec<Token>,
    /// Tokens whose revocation was asked for, and may be done.
    asked: Vec<String>,
    /// Tokens whose revocation was answered.
    revoked: Vec<Token>,
    /// What became of clients by acknowledged changes, with a token that each got before.
    clients: HashMap<String, (State, Option<Token>)>,
    /// Changes that were acknowledged.
    changes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Made,
    Disabled,
    KeyOff,
}

/// A generator that a seed repeats; quality does not matter here.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A load that ends when the server does.
struct Load<'a> {
    installation: &'a Installation,
    run: u32,
    told: Mutex<Told>,
    over: AtomicBool,
    /// Whether the database's server is killed, too: then it may be away before the server is.
    database_dies: bool,
}

impl Load<'_> {
    fn connect(&self) -> Option<Connection> {
        Connection::open(self.installation.address(), PATIENCE).ok()
    }

    /// The token of an answer. There must be one, unless the database is dead already.
    fn token(&self, answer: &Answer) -> Option<Token> {
        let token = Token::of(answer);
        assert!(token.is_some() || (self.database_dies && answer.status == 503), "{answer:?}");
        token
    }

    /// Fetches tokens until the connection breaks.
    fn fetch(&self) {
        let Some(mut connection) = self.connect() else { return };
        let mut tokens = Vec::new();
        while let Ok(answer) = connection.token(LOADER) {
            tokens.extend(self.token(&answer));
        }
        self.told.lock().expect("the list").tokens.append(&mut tokens);
    }

    /// Fetches tokens and revokes each second one. A client of this run alone: many revocations of one client would
    /// become one of all its tokens.
    fn revoke(&self) {
        let Some(mut connection) = self.connect() else { return };
        let id = format!("revoker-{}", self.run);
        let who = (id.as_str(), SECRET);
        while let Ok(answer) = connection.token(who) {
            let Some(token) = self.token(&answer) else { continue };
            self.told.lock().expect("the list").tokens.push(token.clone());
            if self.told.lock().expect("the list").revoked.len() >= 900 {
                continue;
            }
            self.told.lock().expect("the list").asked.push(token.request_id.clone());
            let Ok(answer) = connection.revoke(who, &token.token) else { return };
            if self.database_dies && answer.status == 503 {
                continue;
            }
            assert_eq!(answer.status, 200, "{answer:?}");
            self.told.lock().expect("the list").revoked.push(token);
            // And one that stays alive.
            let Ok(answer) = connection.token(who) else { return };
            self.told.lock().expect("the list").tokens.extend(Token::of(&answer));
        }
    }

    /// Makes clients, and takes them or their keys out of service, by `symbolon apply`, until it is killed, too.
    fn change(&self, seed: u64) {
        let mut seeded = Seeded(seed);
        let mut made: Vec<String> = Vec::new();
        let mut number = 0;
        while !self.over.load(SeqCst) {
            let victim = if made.len() > 1 { Some(made.remove(0)) } else { None };
            let (id, state) = match victim {
                Some(id) if seeded.below(2) == 0 => (id, State::Disabled),
                Some(id) => (id, State::KeyOff),
                None => {
                    number += 1;
                    (format!("made-{}-{number}", self.run), State::Made)
                }
            };
            if !self.applies(&id, state) {
                return;
            }
            let token = if state == State::Made { self.token_of_new(&id) } else { None };
            let mut told = self.told.lock().expect("the list");
            told.changes += 1;
            let known = told.clients.entry(id.clone()).or_insert((state, None));
            known.0 = state;
            known.1 = token.or(known.1.take());
            if state == State::Made {
                made.push(id);
            }
        }
    }

    /// Whether the change was acknowledged: the command ended well before it was killed.
    fn applies(&self, id: &str, state: State) -> bool {
        let status = match state {
            State::Made => "",
            State::Disabled => "status: disabled",
            State::KeyOff => INACTIVE_KEY,
        };
        let mut command = self.installation.apply(&client(id, status));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("apply");
        while child.try_wait().expect("its state").is_none() {
            if self.over.load(SeqCst) {
                // It dies with the server, wherever it is.
                let _ = child.kill();
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        ended_well(child, self.database_dies)
    }

    /// A token of a client that was just made; another process made it, so that it takes a moment to be known.
    fn token_of_new(&self, id: &str) -> Option<Token> {
        let mut connection = self.connect()?;
        for _ in 0..20 {
            let answer = connection.token((id, SECRET)).ok()?;
            if let Some(token) = Token::of(&answer) {
                self.told.lock().expect("the list").tokens.push(token.clone());
                return Some(token);
            }
        }
        None
    }
}

fn ended_well(child: Child, database_dies: bool) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    let output = child.wait_with_output().expect("its end");
    let killed = output.status.signal() == Some(9);
    let said = database_dies && printed(&output).contains("symbolon: ");
    assert!(killed || said || output.status.success(), "{}", printed(&output));
    output.status.success()
}

/// One run: load, kill, start, check. With a server of the database, that is killed at the same moment in each second
/// run.
fn run(
    (installation, cluster): (&Installation, Option<&mut Cluster>),
    mut server: Server,
    run: u32,
    seed: u64,
    report: &mut Report,
) -> Server {
    let mut seeded = Seeded(seed);
    let moment = SHORTEST_LOAD + seeded.below(LONGEST_LOAD - SHORTEST_LOAD);
    installation.applies(&client(&format!("revoker-{run}"), ""));
    let revoker = format!("revoker-{run}");
    let known =
        |server: &Server| server.connect().token((&revoker, SECRET)).is_ok_and(|answer| answer.status == 200);
    server.wait("client", || known(&server));
    let cluster = cluster.filter(|_| run % 2 == 1);
    let database_dies = cluster.is_some();
    let load =
        Load { installation, run, told: Mutex::default(), over: AtomicBool::new(false), database_dies };
    std::thread::scope(|scope| {
        for _ in 0..LOADERS {
            scope.spawn(|| load.fetch());
        }
        scope.spawn(|| load.revoke());
        scope.spawn(|| load.change(seeded.below(u64::MAX - 1) + 1));
        wait_until(Instant::now() + Duration::from_millis(moment));
        load.over.store(true, SeqCst);
        if let Some(cluster) = cluster {
            cluster.kill();
            server.kill();
            cluster.start();
            report.databases += 1;
        } else {
            server.kill();
        }
    });
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let began = Instant::now();
    let server = installation.serve();
    let start = began.elapsed();
    assert!(start <= LONGEST_START, "the start took {start:?}");
    assert!(!server.log().contains("ERROR") && !server.log().contains("panicked"), "{}", server.log());
    report.slowest_start = report.slowest_start.max(start);
    let told = load.told.into_inner().expect("the list");
    check(installation, &server, &told, report);
    server
}

/// A load that ends with the power: only what was synced is left. Without `symbolon apply`, since a shadow is of one
/// process.
fn power_cut(seed: u64, report: &mut Report) {
    let mut seeded = Seeded(seed);
    let installation = Installation::new();
    installation.applies(&client("revoker-0", ""));
    let left = installation.copy();
    let shim = Shim::over(installation.data()).shadowing(left.data());
    let mut server = installation.serve_behind(&shim);
    let moment = SHORTEST_LOAD + seeded.below(LONGEST_LOAD);
    let (told, over) = (Mutex::default(), AtomicBool::new(false));
    let load = Load { installation: &installation, run: 0, told, over, database_dies: false };
    std::thread::scope(|scope| {
        for _ in 0..LOADERS {
            scope.spawn(|| load.fetch());
        }
        scope.spawn(|| load.revoke());
        wait_until(Instant::now() + Duration::from_millis(moment));
        server.kill();
    });
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let began = Instant::now();
    let server = left.serve();
    report.slowest_start = report.slowest_start.max(began.elapsed());
    assert!(!server.log().contains("ERROR"), "{}", server.log());
    check(&left, &server, &load.told.into_inner().expect("the list"), report);
    server.stop();
}

fn wait_until(moment: Instant) {
    while let Some(left) = moment.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

fn check(installation: &Installation, server: &Server, told: &Told, report: &mut Report) {
    installation.has_records(&told.tokens);
    let mut watching = server.connect();
    let mut lives =
        |token: &Token| watching.introspect(WATCHER, &token.token).expect("an answer").is_active();
    for token in &told.revoked {
        assert!(!lives(token), "{} was revoked, and came back", token.jti());
    }
    // The others live, or the verdicts above would mean nothing.
    let mut checked = 0;
    for token in told.tokens.iter().rev().filter(|token| !told.asked.contains(&token.request_id)).take(300) {
        let subject = crate::http::claims(&token.token)["client_id"].as_str().expect("client_id").to_owned();
        if subject.starts_with("made-") {
            continue;
        }
        assert!(lives(token), "{} died without being revoked", token.jti());
        checked += 1;
    }
    assert!(checked > 0, "no load at all");
    for (id, (state, token)) in &told.clients {
        let status = server.connect().token((id, SECRET)).expect("an answer").status;
        match state {
            // The next change of it may have been done without being acknowledged.
            State::Made => report.half_done += usize::from(status != 200),
            State::Disabled | State::KeyOff => {
                assert_eq!(status, 401, "{id}: {state:?} was acknowledged, and is lost");
                assert!(token.as_ref().is_none_or(|token| !lives(token)), "{id}: its token came back");
            }
        }
        let known = installation.finds(id);
        assert!(known, "{id} was made, and is lost");
    }
    guards_agree(installation, told);
    server.token(LOADER);
    report.runs += 1;
    report.tokens += told.tokens.len();
    report.revoked += told.revoked.len();
    report.changes += told.changes;
}

/// What a guard is fed kills the same tokens.
fn guards_agree(installation: &Installation, told: &Told) {
    let revocations = installation.revocations();
    let kills = |token: &Token| {
        let claims = crate::http::claims(&token.token).to_string();
        let claims = KnownClaims::parse(claims.as_bytes()).expect("claims");
        revocations.kills(&Subjects::of(&claims, "any"))
    };
    let off = told.clients.values().filter(|(state, _)| *state != State::Made);
    for token in told.revoked.iter().chain(off.filter_map(|(_, token)| token.as_ref())) {
        assert!(kills(token), "a guard would let {} pass", token.jti());
    }
}

fn soak(installation: &Installation, mut cluster: Option<&mut Cluster>, runs: u32, seed: u64) -> Report {
    println!("seed {seed}: set SYMBOLON_SOAK_SEED to it to repeat the moments");
    let mut report = Report::default();
    let mut seeds = Seeded(seed);
    let mut server = installation.serve();
    for number in 0..runs {
        let seed = seeds.below(u64::MAX - 1) + 1;
        server = run((installation, cluster.as_deref_mut()), server, number, seed, &mut report);
    }
    server.stop();
    report
}

fn print(report: &Report) {
    println!("runs             {}, {} of them with the database's server", report.runs, report.databases);
    println!("tokens received  {}, each found in the journal", report.tokens);
    println!("tokens revoked   {}, each still dead, for introspection and for the guard", report.revoked);
    println!("changes          {} acknowledged, none lost", report.changes);
    println!(
        "half done        {} changes were made without being acknowledged, which is allowed",
        report.half_done
    );
    println!("slowest start    {} ms", report.slowest_start.as_millis());
}

fn seed() -> u64 {
    let chosen = std::env::var("SYMBOLON_SOAK_SEED").ok().map(|text| text.parse().expect("a seed"));
    chosen.unwrap_or_else(|| {
        let now = symbolon_core::clock::Clock::now(&symbolon_core::clock::SystemClock);
        u64::try_from(now.millis()).expect("a time after 1970")
    })
}

#[test]
fn three_kills_lose_nothing_that_was_answered() {
    print(&soak(&Installation::new(), None, 3, seed()));
}

#[test]
fn three_power_cuts_lose_nothing_that_was_answered() {
    print(&power_cuts(3, seed()));
}

fn power_cuts(runs: u32, seed: u64) -> Report {
    println!("seed {seed}: set SYMBOLON_SOAK_SEED to it to repeat the moments");
    let (mut report, mut seeds) = (Report::default(), Seeded(seed));
    for _ in 0..runs {
        power_cut(seeds.below(u64::MAX - 1) + 1, &mut report);
    }
    report
}

#[test]
fn three_kills_lose_nothing_that_was_answered_from_postgresql() {
    print(&in_postgres(3));
}

fn in_postgres(runs: u32) -> Report {
    let mut cluster = Cluster::new();
    let installation = Installation::in_postgres(cluster.database("killed"));
    soak(&installation, Some(&mut cluster), runs, seed())
}

#[test]
#[ignore = "long: `cargo xtask soak kill` runs it"]
fn soak_kill() {
    let runs = std::env::var("SYMBOLON_SOAK_RUNS").map_or(50, |text| text.parse().expect("a number"));
    print(&match std::env::var("SYMBOLON_SOAK_DATABASE").as_deref() {
        Ok("postgres") => in_postgres(runs),
        Ok("power") => power_cuts(runs, seed()),
        _ => soak(&Installation::new(), None, runs, seed()),
    });
}
