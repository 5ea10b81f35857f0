//! Clients that mean harm to the connections themselves, and ordinary ones that go on meanwhile.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::served::{CLIENT, Pem, Prepared, SECRET, Served, connect, exchange};
use crate::support::PATIENCE;
use crate::tls_client::{TlsClient, trusting};

const LIVE: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// How long a header may take (docs/configuration.md), and as much again for a busy machine.
const HEADER: Duration = Duration::from_secs(10);

/// A connection that was served once and then rests.
fn idle(served: &Served) -> BufReader<TcpStream> {
    let mut stream = connect(&served.http);
    assert_eq!(exchange(&mut stream, LIVE), Some(200));
    stream
}

/// Whether the other side has closed. Nothing is ever sent to these connections.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a mode");
    match stream.read(&mut [0; 16]) {
        Ok(0) => true,
        Ok(_) => panic!("an answer to half a header"),
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

#[test]
fn ordinary_clients_go_on_beside_many_idle_and_slow_connections() {
    let served = Prepared::with(&Pem::usual()).start();
    let mut idle: Vec<_> = (0..300).map(|_| idle(&served)).collect();
    let began = Instant::now();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                threads.spawn(|| {
                    let mut client = served.client();
                    let mut tokens = 0;
                    while !done.load(Ordering::SeqCst) || tokens == 0 {
                        assert_eq!(client.token(CLIENT, SECRET), 200);
                        tokens += 1;
                    }
                    tokens
                })
            })
            .collect();
        let mut slow: Vec<_> = (0..50)
            .map(|_| {
                let mut stream = TcpStream::connect(&served.http).expect("a connection");
                stream.write_all(b"POST /oauth/token HTTP/1.1\r\nX-Slow: ").expect("half a header");
                stream
            })
            .collect();
        // A byte at a time, until the server has had enough of each of them.
        while !slow.is_empty() && began.elapsed() < HEADER * 3 {
            slow.retain_mut(|stream| !is_closed(stream) && stream.write_all(b"x").is_ok());
            std::thread::park_timeout(Duration::from_millis(200));
        }
        done.store(true, Ordering::SeqCst);
        let tokens: u32 = clients.into_iter().map(|client| client.join().expect("an ordinary client")).sum();
        assert!(slow.is_empty(), "{} slow connections are still open", slow.len());
        println!("{tokens} tokens in {:?}", began.elapsed());
    });
    assert!(began.elapsed() >= HEADER / 2, "slow connections were cut off too early");
    // Those that only rest were let rest, for longer than a header may take.
    assert!(idle.iter_mut().all(|stream| exchange(stream, LIVE) == Some(200)));
}

#[test]
fn more_connections_than_file_descriptors_do_not_keep_ordinary_clients_out() {
    let mut prepared = Prepared::with(&Pem::usual());
    prepared.wrapper = ["sh", "-c", "ulimit -n 160; exec \"$0\" \"$@\""].map(str::to_owned).to_vec();
    let served = prepared.start();
    assert!(served.running.log().contains("LimitNOFILE"), "{}", served.running.log());
    let mut held = Vec::new();
    for round in 0..10 {
        held.extend((0..40).map(|_| connect(&served.http)));
        for _ in 0..5 {
            assert_eq!(served.client().token(CLIENT, SECRET), 200, "round {round}");
        }
    }
    assert_eq!(served.over_tls("/livez", &[]).status, 200);
}

#[test]
fn the_server_recovers_by_itself_when_file_descriptors_run_out() {
    let served = Prepared::with(&Pem::usual()).start();
    let process = served.running.process();
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).expect("its descriptors").count();
    // From outside and behind its back, so that its own bound does not know.
    let limit = format!("--nofile={}", open + 20);
    let limited = Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status();
    assert!(limited.expect("prlimit").success());
    let mut held = Vec::new();
    for _ in 0..5 {
        held.extend((0..20).map(|_| connect(&served.http)));
        assert_eq!(exchange(&mut connect(&served.http), LIVE), Some(200));
    }
    let log = served.running.log();
    assert!(log.contains("connections cannot be accepted"), "{log}");
    drop(held);
    assert_eq!(served.client().token(CLIENT, SECRET), 200);
}

#[test]
fn a_handshake_that_stalls_is_given_up() {
    let served = Prepared::with(&Pem::usual()).start();
    let mut stalled = TcpStream::connect(("127.0.0.1", served.https)).expect("a connection");
    stalled.write_all(&[22, 3, 1, 2, 0, 1]).expect("the beginning of a hello");
    stalled.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let began = Instant::now();
    let closed = matches!(stalled.read(&mut [0; 16]), Ok(0));
    assert!(closed && began.elapsed() < HEADER * 2, "{:?}", began.elapsed());
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The error code with which the server said goodbye.
fn goodbye(client: &mut TlsClient) -> u32 {
    loop {
        let mut head = [0; 9];
        client.0.read_exact(&mut head).expect("a goodbye before the end");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        client.0.read_exact(&mut payload).expect("a whole frame");
        if head[3] == 7 {
            return u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]]);
        }
    }
}

/// Opens an HTTP/2 connection and sends what a function makes for each stream.
fn http2(served: &Served, pem: &Pem, streams: u32, make: impl Fn(u32) -> Vec<u8>) -> TlsClient {
    let mut client = TlsClient::connect(served, &trusting(&[pem], &["h2"])).expect("a connection");
    client.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("the preface");
    client.0.write_all(&frame(4, 0, 0, &[])).expect("settings");
    // In one go: what is sent after the server has closed would take its goodbye away.
    let frames: Vec<u8> = (0..streams).flat_map(|number| make(number * 2 + 1)).collect();
    client.0.write_all(&frames).expect("frames");
    client
}

/// GET https://localhost/ by the static table (RFC 7541, appendix A).
const GET: &[u8] = b"\x82\x87\x84\x41\x09localhost";

#[test]
fn http_2_streams_that_are_reset_as_they_are_opened_end_the_connection() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    let pem = Pem::usual();
    let served = Prepared::with(&pem).start();
    let mut rapid = http2(&served, &pem, 100, |stream| {
        [frame(1, 0x5, stream, GET), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    assert_eq!(goodbye(&mut rapid), ENHANCE_YOUR_CALM);
    assert_eq!(served.client().token(CLIENT, SECRET), 200);
}

#[test]
fn how_long_a_connection_may_rest_is_a_setting_and_http_2_hears_a_goodbye() {
    const NO_ERROR: u32 = 0;
    let pem = Pem::usual();
    let mut prepared = Prepared::with(&pem);
    prepared.settings = "idle_timeout_seconds = 1".to_owned();
    let served = prepared.start();
    let began = Instant::now();
    let mut resting = idle(&served);
    assert_eq!(resting.get_mut().read(&mut [0; 1]).expect("an orderly end"), 0);
    let mut resting = http2(&served, &pem, 1, |stream| frame(1, 0x5, stream, GET));
    assert_eq!(goodbye(&mut resting), NO_ERROR);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2) && took < HEADER, "{took:?}");
}

#[test]
fn a_header_that_never_ends_is_refused() {
    let pem = Pem::usual();
    let served = Prepared::with(&pem).start();
    let mut stream = connect(&served.http);
    let endless = format!("GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: {}", "x".repeat(20_000));
    let status = exchange(&mut stream, &endless);
    assert_eq!(status, Some(431));
    let mut stream = connect(&served.http);
    let many = "X-Many: x\r\n".repeat(1_000);
    let status = exchange(&mut stream, &format!("GET /livez HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"));
    assert_eq!(status, Some(431));
    // HTTP/2: one header and continuations of it, more than any header needs.
    let mut flood = http2(&served, &pem, 30, |stream| match stream {
        1 => frame(1, 0x1, 1, GET),
        _ => frame(9, 0, 1, &[0x40, 1, b'x', 1, b'y'].repeat(200)),
    });
    assert_ne!(goodbye(&mut flood), 0);
    assert_eq!(served.client().token(CLIENT, SECRET), 200);
}

#[test]
fn a_flood_of_wrong_secrets_harms_no_right_client() {
    let served = Prepared::with(&Pem::usual()).start();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let attackers: Vec<_> = (0..8)
            .map(|number| {
                let (served, done) = (&served, &done);
                threads.spawn(move || {
                    let mut client = served.client();
                    let mut delayed = 0;
                    for attempt in 0_u32.. {
                        if done.load(Ordering::SeqCst) && delayed > 0 {
                            break;
                        }
                        // Half of them guess at the one client, the others at ids that come to their minds.
                        let id =
                            if number % 2 == 0 { CLIENT.to_owned() } else { format!("id{}", attempt % 50) };
                        let status = client.token(&id, "a-wrong-secret-of-some-length");
                        assert!(matches!(status, 401 | 429), "{status}");
                        delayed += u32::from(status == 429);
                    }
                    delayed
                })
            })
            .collect();
        let mut client = served.client();
        for _ in 0..300 {
            assert_eq!(client.token(CLIENT, SECRET), 200);
        }
        done.store(true, Ordering::SeqCst);
        for attacker in attackers {
            assert!(attacker.join().expect("an attacker") > 0, "no failure was held back");
        }
        assert_eq!(client.token(CLIENT, SECRET), 200);
    });
}
