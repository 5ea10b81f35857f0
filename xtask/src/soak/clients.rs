//! Ordinary clients: HTTP/1.1 over a connection that is kept, requests at a steady pace, and what they waited.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::server::SECRET;

/// A request that costs next to nothing.
pub(super) const LIVE: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// No answer takes longer, or the request failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that is opened when it is needed, and again when the server closed it while it rested.
pub(super) struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    /// The status of the answer.
    pub(super) fn ask(&mut self, request: &str) -> Result<u16> {
        if let Some(kept) = &mut self.connection
            && let Ok(status) = exchange(kept, request)
        {
            return Ok(status);
        }
        let stream = TcpStream::connect(&self.address).context("no connection")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(self.connection.insert(BufReader::new(stream)), request)
    }

    /// Whether the connection that was used before still answers.
    pub(super) fn is_still_there(&mut self) -> bool {
        self.connection.as_mut().is_some_and(|kept| exchange(kept, LIVE).is_ok_and(|status| status == 200))
    }
}

/// A request for a token.
pub(super) fn token_request(id: &str, secret: &str) -> String {
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> Result<u16> {
    stream.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    ensure!(stream.read_line(&mut line)? > 0, "closed instead of answered");
    let status = line.split(' ').nth(1).context("no status")?.parse()?;
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        ensure!(stream.read_line(&mut line)? > 0, "closed within the header");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    stream.read_exact(&mut vec![0; length])?;
    Ok(status)
}

/// What clients saw in one phase.
pub(super) struct Figures {
    waits: Vec<Duration>,
    /// What was no token, in words.
    pub(super) failures: Vec<String>,
}

impl Figures {
    /// The time below which so many of a thousand answers came.
    pub(super) fn permille(&self, share: usize) -> Duration {
        let last = self.waits.len().saturating_sub(1);
        self.waits.get((self.waits.len() * share / 1000).min(last)).copied().unwrap_or_default()
    }

    /// How many tokens there were.
    pub(super) fn tokens(&self) -> u64 {
        self.waits.len() as u64
    }

    /// A row of the printed table.
    pub(super) fn row(&self, phase: &str) -> String {
        format!(
            "{phase:<34} {:>8} tokens  p50 {:>8.2?}  p99 {:>8.2?}  max {:>8.2?}  failed {}",
            self.waits.len(),
            self.permille(500),
            self.permille(990),
            self.permille(1000),
            self.failures.len()
        )
    }
}

/// How many clients, how often each asks, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) clients: usize,
    pub(super) every: Duration,
    pub(super) lasts: Duration,
}

/// Lets clients ask for tokens at their pace. What one waits counts from the moment at which it meant to ask, so that
/// a server that stands still cannot hide it.
pub(super) fn ordinary(address: &str, ids: &[&str], pace: Pace) -> Figures {
    let (sender, waits) = mpsc::channel();
    std::thread::scope(|threads| {
        for (number, id) in (0..pace.clients).zip(ids.iter().cycle()) {
            let sender = sender.clone();
            let request = token_request(id, &format!("{id}{SECRET}"));
            threads.spawn(move || {
                let mut client = Client::new(address);
                let began = Instant::now();
                let offset = pace.every * u32::try_from(number).unwrap_or(0)
                    / u32::try_from(pace.clients.max(1)).unwrap_or(1);
                let mut due = began + offset;
                while due.duration_since(began) < pace.lasts {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let outcome = match client.ask(&request) {
                        Ok(200) => Ok(due.elapsed()),
                        Ok(status) => Err(format!("status {status}")),
                        Err(error) => Err(format!("{error:#}")),
                    };
                    let _ = sender.send(outcome);
                    due += pace.every;
                }
            });
        }
        drop(sender);
    });
    let mut figures = Figures { waits: Vec::new(), failures: Vec::new() };
    for outcome in waits {
        match outcome {
            Ok(wait) => figures.waits.push(wait),
            Err(failure) => figures.failures.push(failure),
        }
    }
    figures.waits.sort_unstable();
    figures
}
