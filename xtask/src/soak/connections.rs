//! Thousands of connections that rest and a thousand that crawl, and sixteen clients that want tokens all the same.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::clients::{Client, LIVE, Pace, ordinary};
use super::server::{KNOWN, Server};
use crate::shell::Workspace;

/// A slow header may live for ten seconds; beyond this the server has missed it.
const LONGEST: Duration = Duration::from_secs(13);

/// The slow connections do not all send in the same moment: a second has so many moments.
const SLICES: usize = 50;
const MOMENT: Duration = Duration::from_millis(20);

#[derive(Args)]
pub(crate) struct Options {
    /// Connections that were served once and rest
    #[arg(long, default_value_t = 5_000)]
    idle: usize,
    /// Connections that send a byte of their header a second
    #[arg(long, default_value_t = 1_000)]
    slow: usize,
    /// Ordinary clients
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Seconds of each phase
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The server's bound on connections; below `idle` and `slow` together the idle ones have to make room
    #[arg(long, default_value_t = 10_000)]
    places: usize,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    raise_limit(options.idle + options.slow + 500)?;
    let server = Server::start(workspace, "connections", &format!("connections = {}", options.places))?;
    let pace = Pace {
        clients: options.clients,
        every: Duration::from_millis(20),
        lasts: Duration::from_secs(options.seconds),
    };
    let quiet = ordinary(&server.address, &KNOWN, pace);
    println!("{}", quiet.row("quiet"));

    let mut idle = Vec::with_capacity(options.idle);
    for _ in 0..options.idle {
        let mut client = Client::new(&server.address);
        ensure!(client.ask(LIVE)? == 200, "a connection was not served");
        idle.push(client);
    }
    let resting = ordinary(&server.address, &KNOWN, pace);
    println!("{}", resting.row(&format!("{} idle", options.idle)));

    let done = AtomicBool::new(false);
    let (crawling, slow) = std::thread::scope(|threads| {
        let crawler = threads.spawn(|| crawl(&server.address, options.slow, &done));
        let figures = ordinary(&server.address, &KNOWN, pace);
        done.store(true, Ordering::SeqCst);
        (figures, crawler.join())
    });
    println!("{}", crawling.row(&format!("{} idle, {} slow", options.idle, options.slow)));
    let memory = server.memory()?;
    let slow = slow.ok().context("the slow connections broke down")??;
    let there = idle.iter_mut().map(Client::is_still_there).filter(|there| *there).count();
    drop(idle);
    let after = ordinary(&server.address, &KNOWN, pace);
    println!("{}", after.row("quiet again"));
    println!(
        "slow: {} closed by the server, the longest lived {:.1?}; idle: {there} of {} still there; memory {memory} MiB",
        slow.closed, slow.longest, options.idle
    );
    let warnings = server.log();
    if !warnings.is_empty() {
        println!("the server warned: {warnings}");
    }
    for figures in [&quiet, &resting, &crawling, &after] {
        ensure!(figures.failures.is_empty(), "ordinary requests failed: {:?}", figures.failures);
    }
    ensure!(slow.longest <= LONGEST, "a slow connection lived for {:?}", slow.longest);
    let fits = options.idle + options.slow + options.clients < options.places;
    ensure!(!fits || there == options.idle, "idle connections were closed though there was room for all");
    Ok(())
}

fn raise_limit(needed: usize) -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let enough = maximum.is_none_or(|limit| limit >= needed as u64);
    ensure!(enough, "this needs {needed} file descriptors: raise the limit (ulimit -n)");
    Ok(())
}

#[derive(Default)]
struct Slow {
    closed: usize,
    longest: Duration,
}

struct Crawling {
    stream: TcpStream,
    opened: Instant,
}

impl Crawling {
    fn open(address: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        let opened = Instant::now();
        stream.write_all(b"POST /oauth/token HTTP/1.1\r\nX-Slow: ")?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, opened })
    }

    /// One more byte; whether the connection still stands.
    fn goes_on(&mut self) -> bool {
        let silent =
            matches!(self.stream.read(&mut [0; 8]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        silent && self.stream.write_all(b"x").is_ok()
    }
}

/// Keeps so many connections crawling; one that the server closes is opened anew.
fn crawl(address: &str, count: usize, done: &AtomicBool) -> Result<Slow> {
    let mut slow = Slow::default();
    let mut all = (0..count).map(|_| Crawling::open(address)).collect::<Result<Vec<_>>>()?;
    let at_once = count.div_ceil(SLICES).max(1);
    while !done.load(Ordering::SeqCst) {
        for slice in all.chunks_mut(at_once) {
            let began = Instant::now();
            for crawling in slice {
                if !crawling.goes_on() {
                    slow.closed += 1;
                    slow.longest = slow.longest.max(crawling.opened.elapsed());
                    *crawling = Crawling::open(address)?;
                }
            }
            std::thread::sleep(MOMENT.saturating_sub(began.elapsed()));
        }
    }
    let oldest = all.iter().map(|crawling| crawling.opened.elapsed()).max();
    slow.longest = slow.longest.max(oldest.unwrap_or_default());
    Ok(slow)
}
