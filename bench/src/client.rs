//! How long a program waits for a token that the client holds already: what every call to an API costs.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use symbolon_client::{TokenSource, Transport, TransportFuture};

/// The options of `client`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rounds, of which the median counts
    #[arg(long, default_value_t = 601)]
    rounds: u32,
    /// Milliseconds of each round: few, so that most rounds are interrupted by nobody
    #[arg(long, default_value_t = 1)]
    time: u64,
}

/// Tokens between two looks at the clock.
const AT_ONCE: u32 = 1024;

/// A server in the same process, asked once.
struct Once;

impl Transport for Once {
    fn send(&self, _: Request<Bytes>) -> TransportFuture<'_> {
        let body = json!({ "access_token": "e".repeat(700), "token_type": "Bearer", "expires_in": 86_400 });
        Box::pin(std::future::ready(Ok(Response::new(Bytes::from(body.to_string())))))
    }
}

/// Prints the nanoseconds of a token from memory.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let measured = runtime.block_on(measure(options))?;
    println!("{}", json!({ "nanoseconds": measured }));
    Ok(())
}

async fn measure(options: &Options) -> Result<f64> {
    let source = TokenSource::client_credentials("id", "secret")
        .token_url("https://auth.example.com/oauth/token")
        .transport(Once)
        .build()?;
    let first = source.token().await?;
    let time = Duration::from_millis(options.time);
    let mut rounds = Vec::new();
    for _ in 0..options.rounds.max(1) {
        let (began, mut done) = (Instant::now(), 0_u32);
        while began.elapsed() < time {
            for _ in 0..AT_ONCE {
                black_box(source.token().await?);
            }
            done += AT_ONCE;
        }
        rounds.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(done));
    }
    ensure!(source.token().await?.expose() == first.expose(), "the token was renewed meanwhile");
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().context("no rounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_from_memory_is_measured() {
        assert!(measure(&Options { rounds: 1, time: 1 }).await.unwrap() > 0.0);
    }
}
