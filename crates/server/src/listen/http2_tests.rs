//! Clients that speak HTTP/2 frame by frame, because no library can be made to misbehave as they do.

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};

use super::*;

/// Longer than anything here may take, and shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(15);
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const HEADERS: u8 = 1;
const ACK: u8 = 1;
/// `GET / http` by the static table, and an authority.
const REQUEST: &[u8] = b"\x82\x84\x86\x41\x01a";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Serves connections of HTTP/2 without TLS, for which the port of a listener has no way.
async fn start(limits: Limits) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let app = Router::new().route("/", get(|| async { "an answer" }));
    let shared = Arc::new(Shared { app, tls: None, counts: Arc::default(), http1: http1(), http2: http2() });
    let places = Places::new(limits.connections, Arc::default());
    tokio::spawn(async move {
        loop {
            let (stream, peer) = socket.accept().await.unwrap();
            let pace = Pace::new(limits);
            let (held, asked) = places.take(&pace).await;
            pace.is_http2();
            let watched = Watched::new(stream, Arc::clone(&pace));
            let connection = Connection { shared: Arc::clone(&shared), peer, pace, asked };
            tokio::spawn(async move {
                let _held = held;
                let shared = Arc::clone(&connection.shared);
                connection.speak(&shared.http2, watched).await;
            });
        }
    });
    address
}

struct Client {
    reads: ReadHalf<TcpStream>,
    writes: WriteHalf<TcpStream>,
}

impl Client {
    /// Connects and asks for something; `window` is how much of an answer it takes.
    async fn ask(address: SocketAddr, window: u32) -> Self {
        let (reads, mut writes) = split(TcpStream::connect(address).await.unwrap());
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let [a, b, c, d] = window.to_be_bytes();
        hello.extend(frame(SETTINGS, 0, 0, &[0, 4, a, b, c, d]));
        // The end of the headers, and of the request.
        hello.extend(frame(HEADERS, 4 | 1, 1, REQUEST));
        writes.write_all(&hello).await.unwrap();
        Self { reads, writes }
    }

    /// The next frame: its kind, flags and payload. None where the connection has ended.
    async fn next(&mut self) -> Option<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.reads.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.reads.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], payload))
    }

    /// Reads up to the headers of the answer.
    async fn headers(&mut self) {
        while self.next().await.expect("closed instead of answered").0 != HEADERS {}
    }

    /// Answers every ping and sends more of them, until the other side closes; says whether it did in time.
    async fn linger(mut self) -> bool {
        let began = Instant::now();
        let mut pings = tokio::time::interval(Duration::from_millis(20));
        let mut received = Vec::new();
        let mut buffer = [0; 1024];
        while began.elapsed() < PATIENCE {
            let sent = tokio::select! {
                _ = pings.tick() => frame(PING, 0, 0, &[7; 8]),
                read = self.reads.read(&mut buffer) => {
                    let Ok(1..) = read else { return true };
                    received.extend_from_slice(&buffer[..read.unwrap()]);
                    answers_to(&mut received)
                }
            };
            if self.writes.write_all(&sent).await.is_err() {
                return true;
            }
        }
        false
    }
}

/// The answers to all pings that have come in full, which are taken away.
fn answers_to(received: &mut Vec<u8>) -> Vec<u8> {
    let mut answers = Vec::new();
    while let [a, b, c, kind, flags, ..] = received[..] {
        let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
        if received.len() < end {
            break;
        }
        if kind == PING && flags & ACK == 0 {
            answers.extend(frame(PING, ACK, 0, &received[9..end]));
        }
        received.drain(..end);
    }
    answers
}

fn patient() -> Limits {
    Limits { header: PATIENCE * 2, idle: PATIENCE * 2, stalled: PATIENCE * 2, ..Limits::default() }
}

#[tokio::test]
async fn an_answer_that_a_shut_window_holds_back_is_given_up_however_lively_its_client_is() {
    let address = start(Limits { stalled: Duration::from_millis(300), ..patient() }).await;
    let mut client = Client::ask(address, 0).await;
    client.headers().await;
    assert!(client.linger().await, "the connection is still open");
}

#[tokio::test]
async fn connections_with_shut_windows_keep_no_place() {
    let address = start(Limits { connections: 2, ..patient() }).await;
    let mut lingering = Vec::new();
    for _ in 0..2 {
        let mut client = Client::ask(address, 0).await;
        client.headers().await;
        lingering.push(tokio::spawn(client.linger()));
    }
    let began = Instant::now();
    let mut ordinary = Client::ask(address, 65_535).await;
    let answered = tokio::time::timeout(PATIENCE, ordinary.headers()).await;
    answered.expect("kept out by clients that take nothing");
    // Not only because the others have gone by themselves, or took their time.
    assert!(began.elapsed() < PATIENCE / 3, "{:?}", began.elapsed());
    assert!(lingering.swap_remove(0).await.unwrap() || lingering.swap_remove(0).await.unwrap());
}

#[tokio::test]
async fn those_that_do_not_answer_a_farewell_do_not_hold_up_new_connections() {
    let address = start(Limits { connections: 2, ..patient() }).await;
    let began = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..12 {
        let mut client = Client::ask(address, 65_535).await;
        client.headers().await;
        silent.push(client);
    }
    // Ten of them had to wait for another one to go, which takes a second for one that is not hurried.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}
