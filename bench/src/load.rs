//! The load generator: keep-alive connections on one thread that ask for tokens for a given time, and check that
//! they get them. Requests are bytes made beforehand, and the answers are read no further than is needed.
//!
//! As a *closed loop* each connection asks again as soon as it has its answer, which finds the highest rate. At a
//! *steady rate* requests are due at fixed moments, and a latency counts from that moment: a server that stops for
//! a while is charged for every request that became due meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::answer::{self, Malformed};
use crate::latencies::Latencies;
use crate::process;
use crate::request::{Target, TokenRequest};

/// The options of `load`.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// Connections at once
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// How many clients ask, in a scattered order
    #[arg(long, default_value_t = 100)]
    clients: u32,
    /// Milliseconds before what counts begins
    #[arg(long, default_value_t = 500)]
    warm_up: u64,
    /// Milliseconds that count
    #[arg(long, default_value_t = 2000)]
    time: u64,
    /// Requests a second, at fixed moments; as many as it takes where absent
    #[arg(long)]
    rate: Option<u32>,
    /// Stop after so many requests on all connections together, whatever the time
    #[arg(long, conflicts_with = "rate")]
    requests: Option<u64>,
    /// The server's process, whose processor time and memory are read
    #[arg(long)]
    pid: Option<u32>,
}

/// How often the server's memory is looked at.
const MEMORY_PAUSE: Duration = Duration::from_millis(50);

/// How long a server may take to answer what was asked before the end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one connection, and then all, saw in the time that counts.
#[derive(Default)]
struct Seen {
    latencies: Latencies,
    /// Tokens, whenever they came.
    answered: u64,
    /// Answers without a token, whenever they came.
    refused: u64,
    /// The first of them.
    example: Option<String>,
}

/// The moments between which answers count.
#[derive(Clone, Copy)]
struct Span {
    begin: Instant,
    end: Instant,
}

/// Numbers the requests of all connections.
struct Numbers {
    next: AtomicU64,
    most: u64,
    clients: u64,
}

impl Numbers {
    /// The client of the next request, or `None` when there were enough. Neighbours are scattered over the clients
    /// by a step that has no divisor in common with any round number of them, so each comes up equally often.
    fn next_client(&self) -> Option<u32> {
        const STEP: u64 = 7_919_999_983;
        let number = self.next.fetch_add(1, Relaxed);
        if number >= self.most {
            return None;
        }
        u32::try_from(number.wrapping_mul(STEP) % self.clients).ok()
    }
}

/// Runs the load and prints what was seen.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.clients > 0 && options.connections > 0, "nobody would ask");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(drive(options))
}

async fn drive(options: &Options) -> Result<()> {
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(Connection::open(&options.target).await?);
    }
    let numbers = Arc::new(Numbers {
        next: AtomicU64::new(0),
        most: options.requests.unwrap_or(u64::MAX),
        clients: options.clients.into(),
    });
    let begin = Instant::now() + Duration::from_millis(options.warm_up);
    let span = Span { begin, end: begin + Duration::from_millis(options.time) };
    let mut tasks: Vec<JoinHandle<Result<Seen>>> = Vec::new();
    match options.rate {
        None => {
            for connection in connections {
                tasks.push(tokio::spawn(ask_again_and_again(connection, Arc::clone(&numbers), span)));
            }
        }
        Some(rate) => {
            ensure!(rate > 0, "a rate of 0 asks for nothing");
            let mut senders = Vec::new();
            for connection in connections {
                let (sender, due) = mpsc::unbounded_channel();
                senders.push(sender);
                tasks.push(tokio::spawn(ask_when_due(connection, Arc::clone(&numbers), due, span)));
            }
            std::thread::spawn(move || keep_time(rate, &senders, span.end));
        }
    }
    let usage = tokio::spawn(watch(options.pid, span));
    let mut all = Seen::default();
    for task in tasks {
        let seen = tokio::time::timeout(PATIENCE + span.end.saturating_duration_since(Instant::now()), task);
        let seen = seen.await.context("a connection got no answer")???;
        all.latencies.append(seen.latencies);
        all.answered += seen.answered;
        all.refused += seen.refused;
        all.example = all.example.or(seen.example);
    }
    let usage = if options.requests.is_some() { Usage::default() } else { usage.await?? };
    report(options, all, &usage);
    Ok(())
}

/// What the server used while answers counted.
#[derive(Default)]
struct Usage {
    cpu_micros: u64,
    peak_kib: u64,
}

async fn watch(pid: Option<u32>, span: Span) -> Result<Usage> {
    let Some(pid) = pid else { return Ok(Usage::default()) };
    tokio::time::sleep_until(span.begin.into()).await;
    let before = process::cpu_micros(pid)?;
    let mut peak_kib = 0;
    while Instant::now() < span.end {
        peak_kib = peak_kib.max(process::resident_kib(pid)?);
        tokio::time::sleep_until((Instant::now() + MEMORY_PAUSE).min(span.end).into()).await;
    }
    Ok(Usage { cpu_micros: process::cpu_micros(pid)? - before, peak_kib })
}

fn report(options: &Options, all: Seen, usage: &Usage) {
    let requests = all.latencies.count();
    let sorted = all.latencies.sorted();
    #[expect(clippy::cast_precision_loss, reason = "counts of a run of seconds are far below 2^52")]
    let (count, time, cpu) = (requests as f64, options.time as f64, usage.cpu_micros as f64);
    println!(
        "{}",
        json!({
            "requests": requests,
            "answered": all.answered,
            "refused": all.refused,
            "example": all.example,
            "rate": count * 1000.0 / time,
            "p50_us": sorted.percentile(50),
            "p99_us": sorted.percentile(99),
            "max_us": sorted.longest(),
            "cpu_us": (requests > 0 && options.pid.is_some()).then(|| cpu / count),
            "peak_kib": usage.peak_kib,
        })
    );
}

/// The closed loop of one connection.
async fn ask_again_and_again(mut connection: Connection, numbers: Arc<Numbers>, span: Span) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut asked = Instant::now();
    while let Some(client) = numbers.next_client() {
        let refused = connection.ask(client).await?;
        let answered = Instant::now();
        seen.note(refused, answered - asked, span.begin <= answered && answered < span.end);
        if answered >= span.end {
            break;
        }
        asked = answered;
    }
    Ok(seen)
}

/// One connection at a steady rate: it asks when its turn was due, or as soon after as it is free.
async fn ask_when_due(
    mut connection: Connection,
    numbers: Arc<Numbers>,
    mut due: mpsc::UnboundedReceiver<Instant>,
    span: Span,
) -> Result<Seen> {
    let mut seen = Seen::default();
    while let Some(due) = due.recv().await {
        let Some(client) = numbers.next_client() else { break };
        let refused = connection.ask(client).await?;
        seen.note(refused, due.elapsed(), span.begin <= due);
    }
    Ok(seen)
}

/// Tells the connections in turn when their next request is due. A thread of its own, because the runtime's timers
/// are no finer than a millisecond.
fn keep_time(rate: u32, connections: &[mpsc::UnboundedSender<Instant>], end: Instant) {
    let begin = Instant::now();
    let pause = Duration::from_secs(1) / rate;
    for number in 0_u32.. {
        let due = begin + pause * number;
        if due >= end {
            return;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let turn = usize::try_from(number).unwrap_or_default() % connections.len();
        if connections.get(turn).is_none_or(|connection| connection.send(due).is_err()) {
            return;
        }
    }
}

impl Seen {
    fn note(&mut self, refused: Option<String>, latency: Duration, counts: bool) {
        match refused {
            Some(answer) => {
                self.refused += 1;
                self.example.get_or_insert(answer);
            }
            None => {
                self.answered += 1;
                if counts {
                    self.latencies.add(latency);
                }
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    request: TokenRequest,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await.context("the server cannot be reached")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: TokenRequest::new(target), buffer: Vec::with_capacity(8 * 1024) })
    }

    /// Asks for a token. Returns the answer if it has none.
    async fn ask(&mut self, client: u32) -> Result<Option<String>> {
        self.stream.write_all(self.request.of_client(client)).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            match answer::parse(&self.buffer) {
                Ok(None) => {}
                Ok(Some(answer)) if answer.length != self.buffer.len() => bail!("more came than an answer"),
                Ok(Some(answer)) if answer.status == 200 && answer::has_token(answer.body) => {
                    return Ok(None);
                }
                Ok(Some(answer)) => {
                    return Ok(Some(format!("{} {}", answer.status, String::from_utf8_lossy(answer.body))));
                }
                Err(Malformed(what)) => bail!("the answer has {what}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn numbers(most: u64, clients: u64) -> Numbers {
        Numbers { next: AtomicU64::new(0), most, clients }
    }

    #[test]
    fn every_client_comes_up_equally_often() {
        for clients in [1, 100, 50_000, 100_000] {
            let numbers = numbers(2 * clients, clients);
            let mut times: HashMap<u32, u32> = HashMap::new();
            while let Some(client) = numbers.next_client() {
                *times.entry(client).or_default() += 1;
            }
            assert_eq!(times.len() as u64, clients);
            assert!(times.values().all(|times| *times == 2));
        }
    }

    #[test]
    fn an_answer_without_a_token_counts_as_refused_and_not_as_a_latency() {
        let mut seen = Seen::default();
        seen.note(None, Duration::from_millis(1), true);
        seen.note(None, Duration::from_millis(1), false);
        seen.note(Some("503".to_owned()), Duration::from_millis(1), true);
        seen.note(Some("429".to_owned()), Duration::from_millis(1), true);
        assert_eq!((seen.latencies.count(), seen.answered, seen.refused), (1, 2, 2));
        assert_eq!(seen.example.as_deref(), Some("503"));
    }
}
