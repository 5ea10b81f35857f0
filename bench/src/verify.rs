//! One token of a server, checked against the keys that the server publishes: a rate counts only for tokens that
//! an API would accept.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::json;
use symbolon_protocol::claims::KnownClaims;
use symbolon_protocol::jwk::{JwkSet, VerifyingKey};
use symbolon_protocol::jws::UnverifiedJws;
use symbolon_protocol::token::ReceivedToken;

use crate::answer::{self, Malformed};
use crate::request::{Target, TokenRequest};
use crate::seed::audience;

/// The options of `verify`.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// The path of the server's public keys
    #[arg(long, default_value = "/.well-known/jwks.json")]
    keys: String,
}

/// A server answers within this time, or there is something wrong with it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gets a token and checks it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = &options.target;
    let (token_body, answer_length) = fetch(target.address, TokenRequest::new(target).bytes())?;
    let received: ReceivedToken = serde_json::from_slice(&token_body).context("the token answer")?;
    let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", options.keys, target.address);
    let (keys, _) = fetch(target.address, request.as_bytes())?;
    let keys: JwkSet = serde_json::from_slice(&keys).context("the key set")?;

    let token = UnverifiedJws::parse(&received.access_token)?;
    ensure!(
        token.unverified_algorithm == target.algorithm,
        "the token is signed with {}, not {}",
        token.unverified_algorithm,
        target.algorithm
    );
    let key = keys.keys.iter().find(|key| key.kid.as_deref() == Some(&token.unverified_kid));
    let key = key.ok_or_else(|| anyhow!("the key set has no key {}", token.unverified_kid))?;
    let claims = KnownClaims::parse(&token.verify(&VerifyingKey::from_jwk(key)?)?)?;
    ensure!(claims.aud == [audience(target.algorithm)], "the token is for {:?}", claims.aud);
    println!("{}", json!({ "token_bytes": received.access_token.len(), "answer_bytes": answer_length }));
    Ok(())
}

/// The body of an answer with status 200, and the length of the whole answer.
pub(crate) fn fetch(address: SocketAddr, request: &[u8]) -> Result<(Vec<u8>, usize)> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("{address} cannot be reached"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part)?;
        ensure!(read > 0, "{address} closed the connection");
        bytes.extend_from_slice(part.get(..read).unwrap_or_default());
        match answer::parse(&bytes) {
            Ok(None) => {}
            Ok(Some(answer)) if answer.status == 200 => return Ok((answer.body.to_vec(), answer.length)),
            Ok(Some(answer)) => {
                bail!("{address} answered {}: {}", answer.status, String::from_utf8_lossy(answer.body))
            }
            Err(Malformed(what)) => bail!("the answer of {address} has {what}"),
        }
    }
}
