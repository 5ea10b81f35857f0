//! What the running server tells of itself: metrics at an address of their own, and spans to a collector of traces.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message as _;

use crate::clients::{python, succeeds};
use crate::served::{CLIENT, Pem, Prepared, SECRET, Served};
use crate::support::{Fetched, curl};

const CANARY: &str = "canary-canary-canary";

/// A server whose metrics are read at the address that comes with it.
fn watched(settings: &str) -> (Served, String) {
    let mut prepared = Prepared::with(&Pem::usual());
    let address = free_address();
    prepared.settings = format!("metrics_listen = \"{address}\"\n{settings}");
    // Spans leave soon, so that nobody waits for them.
    prepared.variables = vec![("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "100".to_owned())];
    (prepared.start(), format!("http://{address}/metrics"))
}

fn free_address() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").to_string()
}

/// Asks for a token over http.
fn token(served: &Served, secret: &str, more: &[&str]) -> Fetched {
    let (url, user) = (format!("http://{}/oauth/token", served.http), format!("{CLIENT}:{secret}"));
    let mut arguments = vec![url.as_str(), "-u", &user, "-d", "grant_type=client_credentials"];
    arguments.extend(more);
    curl(&arguments)
}

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in {page}")).parse().expect("a number")
}

#[test]
fn metrics_are_read_at_an_address_of_their_own_and_by_other_peoples_readers() {
    let (served, metrics) = watched("");
    for _ in 0..3 {
        assert_eq!(token(&served, SECRET, &[]).status, 200);
    }
    assert_eq!(token(&served, CANARY, &[]).status, 401);
    assert_eq!(served.over_tls("/livez", &[]).status, 200);

    let page = curl(&[&metrics]);
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
    let ok = "symbolon_request_duration_seconds_count{endpoint=\"token\",status=\"2xx\"}";
    assert!((value(&page.text, ok) - 3.0).abs() < 0.5, "{}", page.text);
    let wrong = "symbolon_refusals_total{endpoint=\"token\",reason=\"wrong_secret\"}";
    assert!((value(&page.text, wrong) - 1.0).abs() < 0.5, "{}", page.text);
    assert!(value(&page.text, "symbolon_connections_accepted_total{listener=\"https\"}") >= 1.0);
    assert!(value(&page.text, "symbolon_connections_open{listener=\"metrics\"}") >= 1.0);
    assert!(value(&page.text, "process_open_fds") > 10.0);
    assert!(page.text.contains(&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))));
    for secret in [SECRET, CANARY, CLIENT] {
        assert!(!page.text.contains(secret), "{secret}");
    }
    let read = succeeds({
        let mut command = python("metrics_parse.py");
        command.arg(&metrics);
        command
    });
    assert!(read.ends_with("3 tokens"), "{read}");

    // Plain http where TLS is spoken.
    assert_eq!(curl(&[&format!("http://localhost:{}/livez", served.https)]).status, 0);
    let ended = "symbolon_connections_closed_total{listener=\"https\",reason=\"no_handshake\"}";
    served.running.wait("failed handshake", || value(&curl(&[&metrics]).text, ended) > 0.0);

    // The public listeners do not have it, and its own has nothing else.
    assert_eq!(curl(&[&format!("http://{}/metrics", served.http)]).status, 404);
    assert_eq!(served.over_tls("/metrics", &[]).status, 404);
    assert_eq!(curl(&[&metrics.replace("/metrics", "/oauth/token")]).status, 404);
    assert_eq!(curl(&[&metrics, "-X", "POST"]).status, 405);
}

#[test]
fn the_sandbox_has_its_metrics_on_its_own_port() {
    let sandbox = crate::support::Running::sandbox();
    let page = curl(&[&format!("{}/metrics", sandbox.base())]);
    assert_eq!(page.status, 200);
    assert!(page.text.contains("symbolon_signing_keys{realm=\"ecoinvent\""), "{}", page.text);
}

/// A collector that takes what comes and keeps it.
struct Collector {
    address: String,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        let taken = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let keeps = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let keeps = Arc::clone(&keeps);
                std::thread::spawn(move || while take(&stream, &keeps).is_some() {});
            }
        });
        Self { address, taken }
    }

    /// All that came, undecoded.
    fn bytes(&self) -> Vec<u8> {
        self.taken.lock().expect("what came").concat()
    }

    /// The resource's attributes and the spans of each export.
    fn exports(&self) -> Vec<(Vec<KeyValue>, Vec<Span>)> {
        let taken = self.taken.lock().expect("what came");
        let decoded =
            taken.iter().map(|body| ExportTraceServiceRequest::decode(&body[..]).expect("an export"));
        decoded
            .flat_map(|request| request.resource_spans)
            .map(|spans| {
                let attributes = spans.resource.expect("a resource").attributes;
                (attributes, spans.scope_spans.into_iter().flat_map(|scope| scope.spans).collect())
            })
            .collect()
    }

    fn span_of(&self, answer: &Fetched) -> Option<Span> {
        let id = answer.header("x-request-id");
        let spans = self.exports().into_iter().flat_map(|(_, spans)| spans);
        spans.into_iter().find(|span| text(&span.attributes, "symbolon.request_id") == id)
    }
}

/// Reads one export and takes it.
fn take(stream: &TcpStream, keeps: &Mutex<Vec<Vec<u8>>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length, mut kind) = (String::new(), 0, String::new());
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        if let Some(value) = line.strip_prefix("content-type: ") {
            value.clone_into(&mut kind);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let known = first == "POST /v1/traces HTTP/1.1\r\n" && kind == "application/x-protobuf";
    let status = if known { "200 OK" } else { "400 Bad Request" };
    if known {
        keeps.lock().expect("what came").push(body);
    }
    let mut stream = stream;
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == name);
    match value.and_then(|attribute| attribute.value.clone()).and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_span_of_each_request_reaches_the_collector_in_the_trace_of_its_caller_and_holds_no_secret() {
    let collector = Collector::start();
    let (mut served, _) = watched(&format!("otlp_endpoint = \"http://{}\"", collector.address));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = |flags: &str| format!("traceparent: 00-{trace}-b7ad6b7169203331-{flags}");
    let (followed, unwanted) = (parent("01"), parent("00"));
    let issued = token(&served, SECRET, &["-H", &followed, "-H", "tracestate: vendor=kept"]);
    let not_sampled = token(&served, SECRET, &["-H", &unwanted]);
    let refused = token(&served, CANARY, &["-H", &format!("traceparent: {CANARY}")]);
    let query = curl(&[&format!("http://{}/oauth/token?client_secret={CANARY}", served.http), "-d", "a=b"]);
    let lost = curl(&[&format!("http://{}/realms/{CANARY}/oauth/token", served.http), "-d", "a=b"]);
    let statuses = [&issued, &not_sampled, &refused, &query, &lost].map(|answer| answer.status);
    assert_eq!(statuses, [200, 200, 401, 400, 404]);
    // What was not sent yet is sent before it stops.
    served.running.stop();

    let span = collector.span_of(&issued).expect("a span of the token");
    assert_eq!((span.name.as_str(), span.kind), ("token", SpanKind::Server as i32));
    let hex = |bytes: &[u8]| -> String {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("a digit");
        bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    };
    assert_eq!(
        (hex(&span.trace_id), hex(&span.parent_span_id)),
        (trace.to_owned(), "b7ad6b7169203331".to_owned())
    );
    assert_eq!(span.trace_state, "vendor=kept");
    let took = span.end_time_unix_nano - span.start_time_unix_nano;
    assert!(took > 0 && took < 60_000_000_000, "{took}");
    for (name, expected) in [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("symbolon.endpoint", "token"),
        ("symbolon.realm", "default"),
    ] {
        assert_eq!(text(&span.attributes, name), expected, "{name}");
    }
    assert_eq!(span.attributes.len(), 5, "{:?}", span.attributes);

    assert!(collector.span_of(&not_sampled).is_none(), "the caller did not want it");
    let root = collector.span_of(&refused).expect("a span of the refusal");
    assert!(root.parent_span_id.is_empty() && hex(&root.trace_id) != trace);
    assert_eq!(text(&root.attributes, "http.response.status_code"), "401");
    let nowhere = collector.span_of(&lost).expect("a span of what was not found");
    assert!(nowhere.attributes.iter().all(|attribute| attribute.key != "symbolon.realm"));
    assert!(collector.span_of(&query).is_some());

    let (resource, _) = &collector.exports()[0];
    assert_eq!(text(resource, "service.name"), "symbolon");
    assert_eq!(text(resource, "service.version"), env!("CARGO_PKG_VERSION"));
    let all = String::from_utf8_lossy(&collector.bytes()).into_owned();
    let given = issued.json()["access_token"].as_str().unwrap().to_owned();
    for kept in [SECRET, CANARY, &given, "client_secret", "127.0.0.1"] {
        assert!(!all.contains(kept), "{kept} is in a span");
    }
}

#[test]
fn a_collector_that_is_away_costs_no_request_and_shows_in_the_metrics() {
    let (mut served, metrics) = watched(&format!("otlp_endpoint = \"http://{}\"", free_address()));
    assert_eq!(token(&served, SECRET, &[]).status, 200);
    let failed = "symbolon_trace_spans_total{result=\"failed\"}";
    served.running.wait("failed span", || value(&curl(&[&metrics]).text, failed) > 0.0);
    assert_eq!(token(&served, SECRET, &[]).status, 200);
    let log = served.running.log();
    assert!(log.contains("spans could not be sent"), "{log}");
    served.running.stop();
}

#[test]
fn a_ratio_of_nothing_traces_only_those_whose_callers_do() {
    let collector = Collector::start();
    let settings = format!("otlp_endpoint = \"http://{}\"\notlp_sampling_ratio = 0.0", collector.address);
    let (mut served, _) = watched(&settings);
    let unasked = token(&served, SECRET, &[]);
    let followed = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let asked = token(&served, SECRET, &["-H", followed]);
    served.running.stop();
    assert!(collector.span_of(&asked).is_some());
    assert!(collector.span_of(&unasked).is_none());
}
