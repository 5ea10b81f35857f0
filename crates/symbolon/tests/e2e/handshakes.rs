//! Threat 23: what is spoken below HTTP. The hellos are bytes of this test's own, because no library can be made to
//! say most of them any more.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::served::{CLIENT, Pem, Prepared, SECRET, Served};
use crate::support::{PATIENCE, access_token};
use crate::tls_client::{TlsClient, trusting};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const FATAL: u8 = 2;
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const NO_APPLICATION_PROTOCOL: u8 = 120;

const SSL3: u16 = 0x0300;
const TLS10: u16 = 0x0301;
const TLS11: u16 = 0x0302;
const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// What the server said first.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Alert(u8),
    Hello {
        version: u16,
        suite: u16,
    },
    /// It closed without a word.
    Nothing,
}

/// A client's hello.
struct Hello<'a> {
    /// The version of the message itself.
    legacy: u16,
    /// Those of the extension that TLS 1.3 brought; no extension where there are none.
    supported: &'a [u16],
    suites: &'a [u16],
    alpn: &'a [&'a str],
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).expect("a short list").to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

fn numbers(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|number| number.to_be_bytes()).collect()
}

impl Hello<'_> {
    fn extensions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut add = |kind: u16, body: &[u8]| {
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&with_length(body));
        };
        // A name that the server does not know: it has one certificate, and shows it.
        let name = [&[0], with_length(b"unknown.example").as_slice()].concat();
        add(0, &with_length(&name));
        add(10, &with_length(&numbers(&[0x001d, 0x0017, 0x0018])));
        add(11, &[1, 0]);
        // ECDSA, RSA-PSS and PKCS #1 with SHA-256 and more, and what old clients sent: SHA-1.
        add(13, &with_length(&numbers(&[0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0201, 0x0203])));
        if !self.alpn.is_empty() {
            let names = self.alpn.iter().flat_map(|name| {
                let length = u8::try_from(name.len()).expect("a short name");
                std::iter::once(length).chain(name.bytes()).collect::<Vec<_>>()
            });
            add(16, &with_length(&names.collect::<Vec<_>>()));
        }
        // Extended master secret; no renegotiation.
        add(23, &[]);
        add(0xff01, &[0]);
        if !self.supported.is_empty() {
            let versions = numbers(self.supported);
            let length = u8::try_from(versions.len()).expect("a short list");
            add(43, &[&[length], versions.as_slice()].concat());
            // No key share: the server names its suite and asks for one.
            add(51, &[0, 0]);
        }
        out
    }

    fn bytes(&self) -> Vec<u8> {
        let mut body = self.legacy.to_be_bytes().to_vec();
        body.extend_from_slice(&[0x5a; 32]);
        body.push(0);
        body.extend_from_slice(&with_length(&numbers(self.suites)));
        body.extend_from_slice(&[1, 0]);
        if self.legacy > SSL3 {
            body.extend_from_slice(&with_length(&self.extensions()));
        }
        let length = u32::try_from(body.len()).expect("a short hello").to_be_bytes();
        let message = [&[1], &length[1..], &body].concat();
        let record_version = self.legacy.min(TLS10).to_be_bytes();
        [&[HANDSHAKE], record_version.as_slice(), &with_length(&message)].concat()
    }

    fn say(&self, served: &Served) -> Said {
        say(served, &self.bytes())
    }
}

/// Sends bytes and reads the first record of the answer.
fn say(served: &Served, bytes: &[u8]) -> Said {
    let mut stream = TcpStream::connect(("127.0.0.1", served.https)).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.write_all(bytes).expect("a hello");
    let mut head = [0; 5];
    if stream.read_exact(&mut head).is_err() {
        return Said::Nothing;
    }
    let mut record = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut record).expect("a whole record");
    match head[0] {
        ALERT => {
            assert_eq!(record[0], FATAL, "{record:?}");
            Said::Alert(record[1])
        }
        HANDSHAKE => server_hello(&record),
        other => panic!("a record of type {other}"),
    }
}

fn server_hello(record: &[u8]) -> Said {
    assert_eq!(record[0], 2, "not a server's hello");
    let number = |at: usize| u16::from_be_bytes([record[at], record[at + 1]]);
    let legacy = number(4);
    let suite_at = 6 + 32 + 1 + usize::from(record[38]);
    let mut version = legacy;
    let mut at = suite_at + 3 + 2;
    while at + 4 <= record.len() {
        if number(at) == 43 {
            version = number(at + 4);
        }
        at += 4 + usize::from(number(at + 2));
    }
    Said::Hello { version, suite: number(suite_at) }
}

/// Every suite that was ever registered below these numbers: RC4, DES, 3DES, NULL, EXPORT, anonymous, static RSA and
/// DH, CBC, PSK, SRP, CCM and the good ones.
fn every_suite() -> Vec<u16> {
    [0x0000_u16, 0x1300, 0xc000, 0xc100, 0xcc00, 0xd000]
        .iter()
        .flat_map(|start| *start..=start + 0xff)
        .collect()
}

/// The suites that are accepted one by one.
fn accepted(served: &Served, version: u16) -> Vec<u16> {
    let supported: &[u16] = if version == TLS13 { &[TLS13] } else { &[] };
    let mut accepted = Vec::new();
    for suite in every_suite() {
        let hello = Hello { legacy: TLS12, supported, suites: &[suite], alpn: &[] };
        match hello.say(served) {
            Said::Hello { version: chosen, suite: named } => {
                assert_eq!((chosen, named), (version, suite));
                accepted.push(suite);
            }
            refused => assert_eq!(refused, Said::Alert(HANDSHAKE_FAILURE), "{suite:04x}"),
        }
    }
    accepted
}

#[test]
fn t23_only_tls_1_2_and_1_3_with_strong_suites_are_spoken() {
    let everything = every_suite();
    // AES-GCM and ChaCha20 behind an ephemeral key exchange, by the kind of the certificate's key.
    let strong_1_3 = vec![0x1301, 0x1302, 0x1303];
    let ecdsa = (Pem::usual(), vec![0xc02b, 0xc02c, 0xcca9]);
    let rsa = (Pem::of(&rcgen::PKCS_RSA_SHA256), vec![0xc02f, 0xc030, 0xcca8]);
    for (pem, strong_1_2) in [ecdsa, rsa] {
        let served = Prepared::with(&pem).start();
        assert_eq!(accepted(&served, TLS12), strong_1_2);
        assert_eq!(accepted(&served, TLS13), strong_1_3);
        for legacy in [TLS10, TLS11] {
            let hello = Hello { legacy, supported: &[], suites: &everything, alpn: &[] };
            assert_eq!(hello.say(&served), Said::Alert(PROTOCOL_VERSION), "{legacy:04x}");
        }
        // SSL 3 has no extensions, and their absence is noticed before the version is.
        let hello = Hello { legacy: SSL3, supported: &[], suites: &everything, alpn: &[] };
        assert_eq!(hello.say(&served), Said::Alert(HANDSHAKE_FAILURE));
        // The newer way to ask for the same.
        for asked in [SSL3, TLS10, TLS11] {
            let hello = Hello { legacy: TLS12, supported: &[asked], suites: &everything, alpn: &[] };
            assert_eq!(hello.say(&served), Said::Alert(PROTOCOL_VERSION), "{asked:04x}");
        }
        let both = Hello { legacy: TLS12, supported: &[TLS10, TLS13], suites: &everything, alpn: &[] };
        assert!(matches!(both.say(&served), Said::Hello { version: TLS13, .. }));
    }
}

#[test]
fn t23_what_is_no_tls_gets_no_answer_in_the_clear() {
    let served = Prepared::with(&Pem::usual()).start();
    // The hello of SSL 2 with one of its suites, and plain HTTP.
    let ssl2 = [&[0x80, 0x1c, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80], [0x5a; 16].as_slice()].concat();
    for bytes in [ssl2.as_slice(), b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let said = say(&served, bytes);
        assert!(matches!(said, Said::Alert(_) | Said::Nothing), "{said:?}");
    }
    assert_eq!(served.over_tls("/livez", &[]).status, 200);
}

#[test]
fn t23_a_protocol_that_nobody_speaks_is_refused_and_none_is_http_1_1() {
    let pem = Pem::usual();
    let served = Prepared::with(&pem).start();
    let suites = [0xc02b, 0x1301];
    // RFC 7301 §3.2: without an overlap the handshake ends with this alert.
    let foreign = Hello { legacy: TLS12, supported: &[], suites: &suites, alpn: &["spdy/3", "smtp"] };
    assert_eq!(foreign.say(&served), Said::Alert(NO_APPLICATION_PROTOCOL));
    for (offered, chosen) in [
        (&["http/1.1"][..], Some("http/1.1")),
        (&["h2", "http/1.1"], Some("h2")),
        (&["smtp", "http/1.1"], Some("http/1.1")),
    ] {
        let connection = TlsClient::connect(&served, &trusting(&[&pem], offered)).expect("a connection");
        assert_eq!(connection.0.conn.alpn_protocol(), chosen.map(str::as_bytes));
    }
    let mut silent = TlsClient::connect(&served, &trusting(&[&pem], &[])).expect("a connection");
    assert_eq!(silent.0.conn.alpn_protocol(), None);
    assert!(silent.lives());
}

#[test]
fn http_1_1_and_http_2_over_tls_both_get_a_token() {
    let served = Prepared::with(&Pem::usual()).start();
    let user = format!("{CLIENT}:{SECRET}");
    for (flag, status) in [("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200")] {
        for tls in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
            let head = served.running.folder().join("head");
            let head_path = head.to_str().expect("a path");
            let form = ["-u", &user, "-d", "grant_type=client_credentials", flag, "-D", head_path];
            let answer = served.over_tls("/oauth/token", &[&form[..], &tls[..]].concat());
            access_token(&answer);
            let lines = std::fs::read_to_string(&head).expect("the head");
            assert!(lines.starts_with(status), "{flag} {tls:?}: {lines}");
        }
    }
}
