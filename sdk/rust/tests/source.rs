//! What the vectors cannot say: many callers at once, callers that go away, processes beside one another, and secrets in
//! memory. Time stands still unless everybody waits.

#![expect(clippy::expect_used, reason = "a test's helpers may fail it")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use symbolon_client::{
    Builder, Secret, SecretProvider, SecretSource, SecretsFuture, TokenSource, Transport, TransportError,
    TransportFuture,
};
use tokio::time::{Instant, advance, sleep};

/// What a server does with a request: the n-th, counted from 0.
type Behaviour = dyn Fn(usize, &Request<Bytes>) -> Result<Response<Bytes>, TransportError> + Send + Sync;

/// A server that takes a while, and counts.
#[derive(Clone)]
struct Server {
    requests: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
    takes: Duration,
    behaviour: Arc<Behaviour>,
}

impl Server {
    fn new(
        takes: Duration,
        behaviour: impl Fn(usize, &Request<Bytes>) -> Result<Response<Bytes>, TransportError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { requests: Arc::default(), at_once: Arc::default(), takes, behaviour: Arc::new(behaviour) }
    }

    /// One whose tokens live for so many seconds.
    fn giving(seconds: u64) -> Self {
        Self::new(Duration::from_millis(200), move |number, _| Ok(token(number, seconds)))
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn source(&self) -> Builder {
        TokenSource::client_credentials("id", "hush")
            .token_url("https://auth.example.com/oauth/token")
            .transport(self.clone())
    }

    fn build(&self) -> TokenSource {
        self.source().build().expect("a source")
    }
}

impl Transport for Server {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(async move {
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            assert_eq!(self.at_once.fetch_add(1, Ordering::SeqCst), 0, "two requests at once");
            sleep(self.takes).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            (self.behaviour)(number, &request)
        })
    }
}

fn answer(status: StatusCode, body: String) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body)).expect("a response")
}

fn token(number: usize, seconds: u64) -> Response<Bytes> {
    answer(StatusCode::OK, format!(r#"{{"access_token":"t{number}","expires_in":{seconds}}}"#))
}

fn refusal() -> Response<Bytes> {
    answer(StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#.to_owned())
}

/// So many callers that each ask once; what they got.
async fn callers(source: &TokenSource, count: usize) -> Vec<String> {
    let asking: Vec<_> = (0..count)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await.map(|token| token.expose().to_owned()) })
        })
        .collect();
    let mut got = Vec::new();
    for asked in asking {
        got.push(asked.await.expect("no panic").expect("a token"));
    }
    got
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_are_one_request() {
    let server = Server::giving(60);
    let source = server.build();
    let got = callers(&source, 1000).await;
    assert!(got.iter().all(|token| token == "t0"));
    assert_eq!(server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_over_ten_lifetimes_ask_once_a_lifetime_and_never_hold_a_dead_token() {
    let server = Server::giving(10);
    let source = server.source().random(|| 0.0).build().expect("a source");
    let began = Instant::now();
    let tasks: Vec<_> = (0..1000)
        .map(|number| {
            let source = source.clone();
            tokio::spawn(async move {
                while began.elapsed() < Duration::from_secs(72) {
                    let token = source.token().await.expect("a token");
                    assert!(!token.remaining().is_zero());
                    sleep(Duration::from_millis(100 + number % 50)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no failed call");
    }
    // 9 s of use, renewed after 7.2: 72 s are ten of them.
    assert!((10..=11).contains(&server.requests()), "{}", server.requests());
}

#[tokio::test(start_paused = true)]
async fn patience_may_be_longer_than_clocks_go() {
    let server = Server::new(Duration::from_millis(200), |number, _| match number {
        0..5 => Ok(answer(StatusCode::SERVICE_UNAVAILABLE, String::new())),
        _ => Ok(token(number, 60)),
    });
    let source = server.source().patience(Duration::MAX).timeout(Duration::MAX).build().expect("a source");
    assert_eq!(source.token().await.expect("a token").expose(), "t5");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_nothing_along() {
    let server = Server::giving(60);
    let source = server.build();
    let impatient = tokio::time::timeout(Duration::from_millis(50), source.token()).await;
    assert!(impatient.is_err());
    assert_eq!(source.token().await.expect("a token").expose(), "t0");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn renewal_is_in_the_background_and_nobody_waits_for_it() {
    let server = Server::giving(60);
    let source = server.source().random(|| 0.0).build().expect("a source");
    source.token().await.expect("a token");
    advance(Duration::from_secs(48)).await;
    let began = Instant::now();
    let got = callers(&source, 100).await;
    assert!(got.iter().all(|token| token == "t0") && began.elapsed().is_zero());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(source.token().await.expect("a token").expose(), "t1");
    assert_eq!(server.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_waited_for_by_all_and_asked_by_one() {
    let server = Server::new(Duration::from_millis(20), |number, _| {
        if number < 5 { Err(TransportError::connection("connection refused")) } else { Ok(token(number, 60)) }
    });
    let source = server.source().random(|| 0.5).build().expect("a source");
    let began = Instant::now();
    let got = callers(&source, 200).await;
    assert!(got.iter().all(|token| token == "t5"));
    assert_eq!(server.requests(), 6);
    assert!(began.elapsed() >= Duration::from_millis(250 + 500 + 1000 + 2000 + 4000));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_and_says_why() {
    let server =
        Server::new(Duration::from_millis(20), |_, _| Err(TransportError::connection("connection refused")));
    let source = server.source().patience(Duration::from_secs(5)).build().expect("a source");
    let began = Instant::now();
    let error = source.token().await.expect_err("no server");
    assert!(error.is_temporary() && error.to_string().contains("connection refused"), "{error}");
    assert!(began.elapsed() <= Duration::from_secs(6));
    let slow = Server::giving(60);
    let source =
        slow.source().timeout(Duration::from_millis(100)).patience(Duration::ZERO).build().expect("a source");
    let error = source.token().await.expect_err("too slow");
    assert!(error.is_timeout() && error.is_temporary(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_secret_is_a_typed_error_and_is_not_hammered() {
    let server = Server::new(Duration::from_millis(20), |_, _| Ok(refusal()));
    let source = server.build();
    let began = Instant::now();
    let (mut calls, mut refused) = (0, 0);
    while began.elapsed() < Duration::from_mins(2) {
        calls += 1;
        refused += usize::from(source.token().await.expect_err("no token").is_invalid_client());
        sleep(Duration::from_millis(5)).await;
    }
    assert!(calls > 10_000 && refused == calls);
    // By full jitter about 14 in two minutes; many more would be hammering.
    assert!(server.requests() < 40, "{}", server.requests());
}

/// A source of secrets that costs something, and counts.
#[derive(Clone, Default)]
struct Vault {
    reads: Arc<AtomicUsize>,
    secret: Arc<Mutex<String>>,
}

impl SecretProvider for Vault {
    fn read(&self) -> SecretsFuture<'_> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let secret = Secret::new(self.secret.lock().expect("the lock").clone());
        Box::pin(std::future::ready(Ok(vec![secret])))
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_is_taken_up_while_the_old_one_is_refused() {
    let server = Server::new(Duration::from_millis(20), |number, request| {
        let is_new = std::str::from_utf8(request.body()).is_ok_and(|body| body.contains("client_secret=new"));
        Ok(if is_new { token(number, 60) } else { refusal() })
    });
    let vault = Vault::default();
    "old".clone_into(&mut vault.secret.lock().expect("the lock"));
    let source = TokenSource::client_credentials("id", SecretSource::provider(vault.clone()))
        .token_url("https://auth.example.com/oauth/token")
        .auth(symbolon_client::Auth::Form)
        // As rarely as it can be: only the look at the vault brings the token so soon.
        .random(|| 0.999)
        .backoff(symbolon_client::Backoff::new(Duration::from_hours(1), Duration::from_hours(1)).expect("times"))
        .transport(server.clone())
        .build()
        .expect("a source");
    for _ in 0..500 {
        assert!(source.token().await.expect_err("no token").is_invalid_client());
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.requests(), 1);
    assert!(vault.reads.load(Ordering::SeqCst) < 10, "a vault is not a value");
    "new".clone_into(&mut vault.secret.lock().expect("the lock"));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(source.token().await.expect("a token").expose(), "t1");
}

#[tokio::test(start_paused = true)]
async fn a_second_secret_behind_a_refused_one_is_no_reason_to_hammer_a_server_that_fails() {
    let server = Server::new(Duration::from_millis(20), |number, _| {
        let status = if number == 0 { StatusCode::UNAUTHORIZED } else { StatusCode::SERVICE_UNAVAILABLE };
        Ok(answer(status, String::new()))
    });
    let folder = tempfile::tempdir().expect("a folder");
    let second = folder.path().join("second");
    // Cheap to read, and so looked at by every call.
    let secrets = SecretSource::value("first").or(SecretSource::file(&second));
    let source = TokenSource::client_credentials("id", secrets)
        .token_url("https://auth.example.com/oauth/token")
        .patience(Duration::ZERO)
        .random(|| 0.9)
        .transport(server.clone())
        .build()
        .expect("a source");
    assert!(source.token().await.expect_err("no token").is_invalid_client());
    std::fs::write(&second, "second").expect("a secret");
    for _ in 0..1000 {
        source.token().await.expect_err("no token");
        sleep(Duration::from_millis(10)).await;
    }
    assert!(server.requests() < 12, "{}", server.requests());
}

/// A source of secrets that makes one up each time.
struct Dice(AtomicUsize);

impl SecretProvider for Dice {
    fn read(&self) -> SecretsFuture<'_> {
        let secret = Secret::new(format!("secret-{}", self.0.fetch_add(1, Ordering::SeqCst)));
        Box::pin(std::future::ready(Ok(vec![secret])))
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_makes_secrets_up_does_not_end_every_wait() {
    let server = Server::new(Duration::from_millis(1), |_, _| Ok(refusal()));
    let source = TokenSource::client_credentials("id", SecretSource::provider(Dice(AtomicUsize::new(0))))
        .token_url("https://auth.example.com/oauth/token")
        .transport(server.clone())
        .build()
        .expect("a source");
    for _ in 0..2000 {
        assert!(source.token().await.expect_err("no token").is_invalid_client());
        sleep(Duration::from_millis(10)).await;
    }
    // Each attempt tries two: what the source names, and what it names when it is asked again.
    assert!(server.requests() < 60, "{}", server.requests());
}

#[tokio::test(start_paused = true)]
async fn processes_beside_one_another_share_one_token() {
    let kept = tempfile::tempdir().expect("a folder");
    let server = Server::giving(60);
    let source = || server.source().cache(kept.path()).build().expect("a source");
    let mut asking = Vec::new();
    for _ in 0..20 {
        let source = source();
        asking.push(tokio::spawn(async move { source.token().await.expect("a token").expose().to_owned() }));
    }
    for asked in asking {
        assert_eq!(asked.await.expect("no panic"), "t0");
    }
    assert_eq!(server.requests(), 1);
    let held = source();
    let token = held.token().await.expect("a token");
    assert!(held.report_unauthorized(&token));
    assert_eq!(held.token().await.expect("a token").expose(), "t1");
    assert_eq!(source().token().await.expect("a token").expose(), "t1");
    assert_eq!(server.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_cannot_be_used_costs_the_sharing_alone() {
    let kept = tempfile::tempdir().expect("a folder");
    let file = kept.path().join("a-file");
    std::fs::write(&file, "").expect("a file");
    let server = Server::giving(60);
    let source = server.source().cache(file.join("below")).build().expect("a source");
    assert_eq!(source.token().await.expect("a token").expose(), "t0");
}

#[tokio::test(start_paused = true)]
async fn nothing_prints_a_secret_or_a_token() {
    let server = Server::giving(60);
    let source = server.build();
    let token = source.token().await.expect("a token");
    let shown = format!("{source:?} {token:?} {:?}", token.header());
    assert!(!shown.contains("hush") && !shown.contains("t0"), "{shown}");
    let refusing = Server::new(Duration::ZERO, |_, request| {
        // A server that tells what it was sent.
        let sent =
            request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = serde_json::json!({ "error": "hush", "error_description": format!("hush {sent}") });
        Ok(answer(StatusCode::BAD_REQUEST, body.to_string()))
    });
    let error = refusing.build().token().await.expect_err("no token");
    assert!(!format!("{error:?} {error}").contains("hush"), "{error:?}");
}

#[test]
fn settings_that_make_no_sense_are_refused_when_a_source_is_built() {
    let server = Server::giving(60);
    let builder = || TokenSource::client_credentials("id", "secret").transport(server.clone());
    let url = "https://auth.example.com/oauth/token";
    assert!(builder().token_url(url).build().is_ok());
    for broken in [
        builder(),
        builder().token_url("http://auth.example.com/x"),
        builder().issuer("ftp://auth.example.com"),
        builder().token_url(url).timeout(Duration::ZERO),
        builder().token_url(url).assumed_life(Duration::from_millis(999)),
        TokenSource::client_credentials("", "secret").token_url(url).transport(server.clone()),
    ] {
        assert!(broken.build().expect_err("a mistake").is_configuration());
    }
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let source = Server::giving(60).build();
    let mut asking = std::pin::pin!(source.token());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = asking.as_mut().poll(&mut context);
    let std::task::Poll::Ready(Err(error)) = polled else { unreachable!("there is nothing to wait for") };
    assert!(error.is_configuration() && error.to_string().contains("tokio"), "{error}");
}
