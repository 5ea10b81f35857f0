//! The client for Rust against the running binary, with lifetimes of seconds: load, restarts, faults of every kind,
//! rotation and revocation; and against a server that is not ours.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use reqwest::StatusCode;
use serde_json::Value;
use symbolon_client::{Auth, Builder, SecretSource, SendWithToken as _, TokenSource};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::clients::from_environment;
use crate::expiry::short_lived;
use crate::gateway::{Fault, Gateway};
use crate::support::{Running, call, entry};

/// METI's client of the sandbox, whose tokens come through the gateway.
fn meti(credentials: &Value, secret: impl Into<SecretSource>, gateway: &Gateway) -> Builder {
    TokenSource::client_credentials(entry(credentials, "meti_v2", "client_id"), secret)
        .token_url(format!("{}/oauth/token", gateway.url))
        .auth(Auth::Json)
        .audience(entry(credentials, "meti_v2", "audience"))
}

fn secret(credentials: &Value) -> &str {
    entry(credentials, "meti_v2", "client_secret")
}

/// Calls an API until it is told to stop; how many calls there were, and what went wrong.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Option<String>>>,
}

impl Load {
    fn start(tasks: usize, pause: Duration, url: &str, source: &TokenSource) -> Self {
        let http = reqwest::Client::new();
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..tasks).map(|number| {
            let (http, source, url) = (http.clone(), source.clone(), url.to_owned());
            let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
            tokio::spawn(async move {
                // All ask for the first token at once, and then spread.
                if let Err(error) = source.token().await {
                    return Some(error.to_string());
                }
                tokio::time::sleep(pause.mul_f64(f64::from(u32::try_from(number % 100).ok()?) / 100.0)).await;
                while !stop.load(Ordering::SeqCst) {
                    match http.get(&url).send_with(&source).await {
                        Ok(answer) if answer.status() == StatusCode::OK => {}
                        Ok(answer) => return Some(format!("{}", answer.status())),
                        Err(error) => return Some(error.to_string()),
                    }
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(pause).await;
                }
                None
            })
        });
        let tasks = tasks.collect();
        Self { stop, calls, tasks }
    }

    /// Waits until so many more calls were made.
    fn goes_on(&self, sandbox: &Running, calls: usize) {
        let wanted = self.calls.load(Ordering::SeqCst) + calls;
        sandbox.wait("calls", || {
            self.calls.load(Ordering::SeqCst) >= wanted || self.tasks.iter().any(JoinHandle::is_finished)
        });
    }

    /// Stops, and expects that no call failed.
    async fn ends_well(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            assert_eq!(task.await.expect("no panic"), None);
        }
        self.calls.load(Ordering::SeqCst)
    }
}

#[test]
fn a_thousand_tasks_and_an_expiring_token_are_one_request_a_lifetime_and_no_failed_call() {
    // Long enough that a call on a busy machine ends before its token does.
    let sandbox = short_lived(6);
    let credentials = sandbox.credentials();
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let gateway = Gateway::before(&sandbox.base()).await;
        let source = meti(&credentials, secret(&credentials), &gateway).build().expect("a source");
        let began = Instant::now();
        let load =
            Load::start(1000, Duration::from_secs(3), entry(&credentials, "meti_v2", "api_url"), &source);
        let span = Duration::from_secs(16);
        sandbox.wait("lifetimes", || began.elapsed() >= span);
        let calls = load.ends_well().await;
        let took = began.elapsed();
        let requests = gateway.requests();
        println!("{calls} calls in {took:?} took {requests} token requests");
        // 6 s are 5 s of use, of which the first 3.9 to 4 are before renewal.
        let most = took.as_millis() / 3900 + 1;
        let least = span.as_millis() / 5000;
        let requests = u128::try_from(requests).expect("a count");
        assert!(requests <= most && requests >= least, "{requests} requests in {took:?}");
        assert!(calls > 1000, "{calls}");
    });
}

#[test]
fn a_server_that_restarts_fails_nobody() {
    let kept = tempfile::tempdir().expect("a folder");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    drop(socket);
    let folder = kept.path().join("data");
    let mut sandbox = Running::sandbox_in(&folder, &address);
    let credentials = sandbox.credentials();
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let gateway = Gateway::before(&sandbox.base()).await;
        let source = meti(&credentials, secret(&credentials), &gateway).build().expect("a source");
        sandbox.kill();
        let asking: Vec<_> = (0..100)
            .map(|_| {
                let source = source.clone();
                tokio::spawn(async move { source.token().await.map(|token| token.expose().to_owned()) })
            })
            .collect();
        sandbox.wait("vain tries", || gateway.requests() >= 2);
        let again = Running::sandbox_in(&folder, &address);
        for asked in asking {
            let token = asked.await.expect("no panic").expect("a token");
            assert_eq!(call(entry(&credentials, "meti_v2", "api_url"), &token).status, 200);
        }
        drop(again);
    });
}

#[test]
fn a_server_that_is_busy_slow_or_torn_down_is_waited_for_as_it_asks() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let gateway = Gateway::before(&sandbox.base()).await;
        let second = Duration::from_secs(1);
        for (fault, times, least) in [
            (Fault::Status(503, 1), 2, second * 2),
            (Fault::Status(429, 2), 1, second * 2),
            (Fault::Slow(second), 1, second),
            (Fault::Reset, 3, Duration::from_millis(300)),
        ] {
            let source = meti(&credentials, secret(&credentials), &gateway).build().expect("a source");
            let before = gateway.requests();
            gateway.has(fault, times);
            let began = Instant::now();
            let asking: Vec<_> = (0..50)
                .map(|_| {
                    let source = source.clone();
                    tokio::spawn(async move { source.token().await.map(drop) })
                })
                .collect();
            for asked in asking {
                asked.await.expect("no panic").expect("a token");
            }
            let took = began.elapsed();
            assert!(took >= least, "{fault:?} took {took:?}");
            let passed = usize::from(!matches!(fault, Fault::Slow(_)));
            assert_eq!(gateway.requests() - before, times * passed + 1, "{fault:?}");
        }
        // Asked for more patience than there is: said at once, and asked no more.
        let source = meti(&credentials, secret(&credentials), &gateway).build().expect("a source");
        gateway.has(Fault::Status(429, 3600), 1);
        let before = gateway.requests();
        for _ in 0..1000 {
            let error = source.token().await.expect_err("no token");
            assert!(
                error.is_rate_limited() && error.retry_after() == Some(Duration::from_hours(1)),
                "{error}"
            );
        }
        assert_eq!(gateway.requests() - before, 1);
        // Too slow.
        gateway.has(Fault::Slow(second * 5), 1);
        let source = meti(&credentials, secret(&credentials), &gateway)
            .timeout(Duration::from_millis(300))
            .patience(Duration::ZERO)
            .build()
            .expect("a source");
        let error = source.token().await.expect_err("no token");
        assert!(error.is_timeout() && error.is_temporary(), "{error}");
    });
}

#[test]
fn a_clock_that_is_five_minutes_off_changes_nothing() {
    let sandbox = short_lived(5);
    let credentials = sandbox.credentials();
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let gateway = Gateway::before(&sandbox.base()).await;
        #[expect(clippy::disallowed_methods, reason = "the very clock that is off")]
        let (ahead, behind) =
            (|| SystemTime::now() + Duration::from_mins(5), || SystemTime::now() - Duration::from_mins(5));
        let folder = tempfile::tempdir().expect("a folder");
        let build =
            |builder: Builder, name: &str| builder.cache(folder.path().join(name)).build().expect("a source");
        let source = || meti(&credentials, secret(&credentials), &gateway);
        let sources =
            [build(source().wall_clock(ahead), "ahead"), build(source().wall_clock(behind), "behind")];
        let url = entry(&credentials, "meti_v2", "api_url");
        let loads: Vec<Load> =
            sources.iter().map(|source| Load::start(20, Duration::from_millis(200), url, source)).collect();
        let began = Instant::now();
        sandbox.wait("lifetimes", || began.elapsed() >= Duration::from_secs(9));
        for load in loads {
            assert!(load.ends_well().await > 100);
        }
        // 4 s of use each, of which 3.12 to 3.2 are before renewal.
        let most = 2 * (began.elapsed().as_millis() / 3120 + 1);
        let requests = u128::try_from(gateway.requests()).expect("a count");
        assert!((4..=most).contains(&requests), "{requests}");
    });
}

/// The description with a second key before METI's, or with that switched off.
fn with_second_key(description: &str, second: &str, first_is_active: bool) -> String {
    let key = "- id: \"key_meti\"\n";
    let before = description.split(key).next().expect("the key's place");
    let indent = before.lines().last().map_or(0, str::len);
    let (item, member) = (" ".repeat(indent), " ".repeat(indent + 2));
    let status = if first_is_active { "" } else { &format!("{member}status: INACTIVE\n") };
    let both = format!("- id: \"key_meti_second\"\n{member}secret: \"{second}\"\n{item}{key}{status}");
    assert!(description.contains(key));
    description.replacen(key, &both, 1)
}

#[test]
fn a_secret_that_is_rotated_under_load_fails_no_call() {
    const SECOND: &str = "a-second-secret-of-the-tests-0123456789";
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let file = sandbox.folder().join("secret");
    std::fs::write(&file, secret(&credentials)).expect("a secret");
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let gateway = Gateway::before(&sandbox.base()).await;
        let source = meti(&credentials, SecretSource::file(&file), &gateway).build().expect("a source");
        let url = entry(&credentials, "meti_v2", "api_url");
        let load = Load::start(50, Duration::from_millis(100), url, &source);
        load.goes_on(&sandbox, 100);
        let old = source.token().await.expect("a token");
        let description = sandbox.description();
        sandbox.apply(&with_second_key(&description, SECOND, true));
        std::fs::write(file.with_extension("new"), SECOND).expect("a secret");
        std::fs::rename(file.with_extension("new"), &file).expect("a secret");
        load.goes_on(&sandbox, 100);
        sandbox.apply(&with_second_key(&description, SECOND, false));
        // The tokens of the old key die; the next call learns of it by a 401.
        sandbox.wait("the old token's end", || call(url, old.expose()).status == 401);
        load.goes_on(&sandbox, 300);
        let calls = load.ends_well().await;
        assert_ne!(source.token().await.expect("a token").expose(), old.expose());
        assert_eq!(gateway.requests(), 2, "in {calls} calls");
    });
}

#[test]
fn a_secret_that_is_revoked_is_a_typed_error_and_is_not_hammered() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let gateway = Gateway::before(&sandbox.base()).await;
        let source = meti(&credentials, secret(&credentials), &gateway).build().expect("a source");
        let url = entry(&credentials, "meti_v2", "api_url");
        let old = source.token().await.expect("a token");
        let key = "- id: \"key_meti\"\n";
        let description = sandbox.description();
        let indent =
            description.split(key).next().and_then(|before| before.lines().last()).map_or(0, str::len);
        let inactive = format!("{key}{}status: INACTIVE\n", " ".repeat(indent + 2));
        sandbox.apply(&description.replacen(key, &inactive, 1));
        sandbox.wait("the token's end", || call(url, old.expose()).status == 401);
        let (http, before) = (reqwest::Client::new(), gateway.requests());
        let (began, mut calls) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_secs(6) {
            let error = http.get(url).send_with(&source).await.expect_err("no token");
            assert!(error.is_invalid_client() && !error.is_temporary(), "{error}");
            assert!(error.request_id().is_some_and(|id| id.starts_with("req_")), "{error:?}");
            calls += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let requests = gateway.requests() - before;
        println!("{calls} calls were {requests} token requests");
        assert!(calls > 500 && requests <= 15, "{requests} token requests in {calls} calls");
    });
}

#[test]
fn every_dialect_of_the_sandbox_gives_tokens_that_its_apis_take() {
    let sandbox = Running::sandbox();
    let all = sandbox.credentials();
    let of = |system: &str, member: &str| entry(&all, system, member).to_owned();
    let client = |system: &str| {
        TokenSource::client_credentials(of(system, "client_id"), of(system, "client_secret"))
            .audience(of(system, "audience"))
    };
    let mut sources: Vec<(&str, Builder)> = [Auth::Basic, Auth::Form, Auth::Json]
        .into_iter()
        .flat_map(|auth| {
            ["meti_v2", "metafold"]
                .map(|system| (system, client(system).auth(auth).issuer(of(system, "issuer"))))
        })
        .collect();
    sources.push((
        "ecoinvent",
        TokenSource::keycloak(
            sandbox.base(),
            "ecoinvent",
            of("ecoinvent", "client_id"),
            of("ecoinvent", "client_secret"),
        ),
    ));
    sources.push(("ecoinvent", client("ecoinvent").issuer(of("ecoinvent", "issuer"))));
    sources.push((
        "m3ter",
        TokenSource::access_key(of("m3ter", "access_key_id"), of("m3ter", "api_secret"))
            .token_url(of("m3ter", "token_url")),
    ));
    sources.push((
        "meti_v1",
        TokenSource::password(of("meti_v1", "email"), of("meti_v1", "password"))
            .token_url(of("meti_v1", "token_url")),
    ));
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let http = reqwest::Client::new();
        for (system, builder) in sources {
            let source = builder.build().expect("a source");
            let answer = http.get(of(system, "api_url")).send_with(&source).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{system}: {source:?}");
        }
    });
}

#[test]
fn node_oidc_provider_gives_tokens_and_refuses_in_its_own_words() {
    // What was installed under that name only starts the program, and would outlive its own end.
    let asked =
        Command::new(from_environment("SYMBOLON_TEST_NODE")).args(["-p", "process.execPath"]).output();
    let node = String::from_utf8(asked.expect("node").stdout).expect("a path");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    drop(socket);
    let mut command = Command::new(node.trim());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/peers/oidc_provider.mjs"));
    command.args([&port.to_string(), "ES256"]).env("NODE_ENV", "production");
    command.env("BENCH_NODE_MODULES", from_environment("SYMBOLON_TEST_NODE_MODULES"));
    let kept = tempfile::tempdir().expect("a folder");
    let provider = Running::start(command, kept.path());
    let issuer = format!("http://127.0.0.1:{port}");
    provider.wait("oidc-provider", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let source = |secret: &str| {
        TokenSource::client_credentials("cli_bench000000000000000000000", secret)
            .issuer(&issuer)
            .auth(Auth::Form)
            .resource("https://es256.bench.example")
            .scope("read:sources")
    };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let source_of_tokens =
            source("bench-Q2hlYXAgdG8gaGFzaCwgYW5kIG5vdCBhIHNlY3JldA").build().expect("a source");
        let token = source_of_tokens.token().await.expect("a token");
        let claims = crate::http::claims(token.expose());
        assert_eq!(
            (claims["iss"].as_str(), claims["scope"].as_str()),
            (Some(&*issuer), Some("read:sources"))
        );
        assert!(token.remaining() > Duration::from_mins(59));
        let error = source("wrong").build().expect("a source").token().await.expect_err("a refusal");
        assert!(error.is_invalid_client() && error.code() == Some("invalid_client"), "{error:?}");
    });
}
