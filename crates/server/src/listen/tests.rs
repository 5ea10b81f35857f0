//! The times and the bound, over real sockets and with short limits.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use hyper::body::{Body as HttpBody, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::*;

/// Longer than anything here may take, and shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST: &[u8] = b"GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct Server {
    address: SocketAddr,
    counts: Arc<ConnectionCounts>,
    _stop: watch::Sender<bool>,
}

impl Server {
    async fn start(limits: Limits, router: Router) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let router = router.route("/quick", get(|| async { "quick" }));
        let counts = Arc::<ConnectionCounts>::default();
        let listener = Listener { socket, tls: None, counts: Arc::clone(&counts) };
        tokio::spawn(serve(listener, router, limits, stopping));
        Self { address, counts, _stop: stop }
    }

    /// Waits until the connections are counted so: accepted, open, made to leave, timed out.
    async fn counts(&self, expected: [u64; 4]) {
        let counted = async || loop {
            let seen = self.counts.read();
            let [(_, made_room), (_, timed_out), _] = seen.closed;
            if [seen.accepted, seen.open, made_room, timed_out] == expected {
                return;
            }
            tokio::task::yield_now().await;
        };
        let seen = tokio::time::timeout(PATIENCE, counted()).await;
        assert!(seen.is_ok(), "{:?} is not {expected:?}", self.counts.read());
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Limits that no test reaches unless it sets its own.
fn patient() -> Limits {
    Limits { header: PATIENCE, idle: PATIENCE, stalled: PATIENCE, ..Limits::default() }
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"quick") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "closed instead of answered");
    }
}

/// Waits until the other side has closed, by an end or a reset, and says how long that took.
async fn closed(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    let reading = stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(PATIENCE / 2, reading).await.expect("the connection is still open");
    began.elapsed()
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_when_its_header_is_due() {
    let header = Duration::from_millis(300);
    let server = Server::start(Limits { header, ..patient() }, Router::new()).await;
    let mut silent = server.connect().await;
    assert!(closed(&mut silent).await >= header / 2);
    server.counts([1, 0, 0, 1]).await;
}

#[tokio::test]
async fn connections_are_counted_as_they_come_stay_and_are_made_to_leave() {
    let server = Server::start(Limits { connections: 2, ..patient() }, Router::new()).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    ask(&mut first).await;
    ask(&mut second).await;
    server.counts([2, 2, 0, 0]).await;
    let mut third = server.connect().await;
    ask(&mut third).await;
    closed(&mut first).await;
    server.counts([3, 2, 1, 0]).await;
    // One that goes by itself is nobody's doing.
    drop(second);
    server.counts([3, 1, 1, 0]).await;
}

#[tokio::test]
async fn a_header_that_comes_a_byte_at_a_time_is_cut_off_first_or_later() {
    let header = Duration::from_millis(300);
    let server = Server::start(Limits { header, ..patient() }, Router::new()).await;
    for served in [false, true] {
        let mut slow = server.connect().await;
        if served {
            ask(&mut slow).await;
        }
        let began = Instant::now();
        let mut byte = [0; 1];
        let mut drops = REQUEST[..REQUEST.len() - 2].iter().cycle();
        let mut pause = tokio::time::interval(header / 10);
        loop {
            tokio::select! {
                _ = pause.tick() => if slow.write_all(&[*drops.next().unwrap()]).await.is_err() { break },
                read = slow.read(&mut byte) => { assert!(matches!(read, Ok(0) | Err(_))); break }
            }
            assert!(began.elapsed() < PATIENCE / 2, "served: {served}");
        }
    }
}

#[tokio::test]
async fn a_connection_may_rest_between_requests_for_longer_than_a_header_may_take() {
    let (header, idle) = (Duration::from_millis(250), Duration::from_millis(1500));
    let server = Server::start(Limits { header, idle, ..patient() }, Router::new()).await;
    let mut resting = server.connect().await;
    ask(&mut resting).await;
    tokio::time::sleep(header * 3).await;
    ask(&mut resting).await;
    assert!(closed(&mut resting).await >= idle / 2);
}

#[tokio::test]
async fn a_request_may_run_for_longer_than_a_header_or_a_rest() {
    let short = Duration::from_millis(300);
    let go = Arc::new(Notify::new());
    let waiting = Arc::clone(&go);
    let slow = get(move || async move {
        waiting.notified().await;
        "slow"
    });
    let limits = Limits { header: short, idle: short, ..patient() };
    let server = Server::start(limits, Router::new().route("/slow", slow)).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(short * 4).await;
    go.notify_one();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"slow"), "{answer:?}");
}

/// A body without end that tells when it is given up.
struct Endless(Arc<AtomicBool>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_client_that_never_reads_its_answer_is_dropped() {
    let given_up = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&given_up);
    let endless = get(move || async move { Body::new(Endless(told)) });
    let stalled = Duration::from_millis(300);
    let server =
        Server::start(Limits { stalled, ..patient() }, Router::new().route("/endless", endless)).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let began = Instant::now();
    while !given_up.load(Ordering::SeqCst) {
        assert!(began.elapsed() < PATIENCE / 2, "the answer still waits to be read");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn when_all_places_are_taken_the_longest_waiting_goes_and_the_busy_stay() {
    let go = Arc::new(Notify::new());
    let (started, ends) = (Arc::new(Notify::new()), Arc::clone(&go));
    let starts = Arc::clone(&started);
    let slow = get(move || async move {
        starts.notify_one();
        ends.notified().await;
        "slow"
    });
    let limits = Limits { connections: 3, ..patient() };
    let server = Server::start(limits, Router::new().route("/slow", slow)).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    started.notified().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    ask(&mut first).await;
    ask(&mut second).await;
    // Milliseconds decide who waited longest.
    tokio::time::sleep(Duration::from_millis(20)).await;
    ask(&mut first).await;
    let mut third = server.connect().await;
    ask(&mut third).await;
    closed(&mut second).await;
    ask(&mut first).await;
    go.notify_one();
    let mut answer = Vec::new();
    busy.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"slow"), "{answer:?}");
}

#[tokio::test]
async fn bodies_that_do_not_come_keep_no_place() {
    let read = axum::routing::post(|body: Bytes| async move { body });
    let limits = Limits { connections: 4, ..patient() };
    let server = Server::start(limits, Router::new().route("/read", read)).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect().await;
        let half = b"POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf";
        stream.write_all(half).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..8 {
        let mut ordinary = server.connect().await;
        tokio::time::timeout(PATIENCE / 2, ask(&mut ordinary)).await.expect("kept out");
    }
    closed(&mut slow[0]).await;
}

#[tokio::test]
async fn connections_beyond_the_bound_that_say_nothing_do_not_keep_others_out() {
    let server = Server::start(Limits { connections: 8, ..patient() }, Router::new()).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(server.connect().await);
        let mut ordinary = server.connect().await;
        ask(&mut ordinary).await;
    }
}

#[test]
fn connections_are_closed_only_where_that_makes_room_for_others() {
    for (errno, exhausted) in [
        (Errno::MFILE, true),
        (Errno::NFILE, true),
        (Errno::NOBUFS, true),
        (Errno::NOMEM, true),
        (Errno::PERM, false),
        (Errno::NETDOWN, false),
        (Errno::PROTO, false),
    ] {
        assert_eq!(is_exhausted(&errno.into()), exhausted, "{errno}");
    }
    assert!(!is_exhausted(&std::io::Error::other("not of the system")));
}
