//! The API over HTTP, as the client of a profile: a token once a run, renewed once if it is not taken any more.

mod stream;

use std::error::Error;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use symbolon_client::{Backoff, ReqwestTransport, Token, TokenSource};
use symbolon_core::permission::AUDIENCE;

use crate::manage::failure::Failure;
use crate::manage::profile::Profile;
use crate::manage::profile::source;
use crate::manage::transport::{Answer, Asked};

pub use stream::{Content, Streamed};

/// Longer than the server works on anything.
const LONGEST: Duration = Duration::from_mins(1);
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// A server, and who asks it.
pub struct Remote {
    client: Client,
    name: String,
    profile: Profile,
    tokens: TokenSource,
}

impl Remote {
    /// Goes to the server of a profile; nothing is sent yet.
    pub fn new(name: String, profile: Profile) -> Result<Self, Failure> {
        let client = client()?;
        // A person waits, and would rather be told than wait for long.
        let soon = Duration::from_millis(100);
        let backoff = Backoff::new(soon, soon).context("waiting times")?;
        let tokens = profile.source(Some(AUDIENCE), None)?;
        let tokens = tokens
            .transport(ReqwestTransport::with_client(client.clone()))
            .timeout(LONGEST)
            .patience(Duration::ZERO)
            .backoff(backoff)
            .build()
            .map_err(|error| source::failure(&error, &name, &profile))?;
        Ok(Self { client, name, profile, tokens })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.profile.url
    }

    /// Asks the server. A `401` means that nothing was done, so that asking again with a new token is safe.
    pub async fn send(&mut self, asked: &Asked) -> Result<Answer, Failure> {
        let token = self.token().await?;
        let answer = self.send_once(asked, &token).await?;
        if answer.status != StatusCode::UNAUTHORIZED.as_u16() || !self.tokens.report_unauthorized(&token) {
            return Ok(answer);
        }
        let token = self.token().await?;
        self.send_once(asked, &token).await
    }

    async fn token(&self) -> Result<Token, Failure> {
        self.tokens.token().await.map_err(|error| source::failure(&error, &self.name, &self.profile))
    }

    async fn send_once(&self, asked: &Asked, token: &Token) -> Result<Answer, Failure> {
        let url = format!("{}{}", self.profile.url, asked.path);
        let mut request =
            self.client.request(asked.method.clone(), url).header(AUTHORIZATION, token.header());
        if let Some(version) = asked.if_version {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some(content) = asked.content()? {
            request = request.header(CONTENT_TYPE, "application/json").body(content);
        }
        sent(request, &self.profile.url).await
    }
}

/// What speaks HTTP here: no redirects, which would carry credentials to wherever an answer points.
pub fn client() -> Result<Client, Failure> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(LONGEST_CONNECT)
        .timeout(LONGEST)
        .user_agent(concat!("symbolon/", env!("CARGO_PKG_VERSION")));
    Ok(builder.build().context("TLS cannot be set up")?)
}

async fn sent(request: RequestBuilder, to: &str) -> Result<Answer, Failure> {
    let response =
        request.header(ACCEPT, "application/json").send().await.map_err(|error| unreachable(to, error))?;
    let status = response.status().as_u16();
    let text = response.text().await.map_err(|error| unreachable(to, error))?;
    Ok(Answer { status, text })
}

/// Nobody answered there. The last cause says what happened: connection refused, a name that does not exist, a certificate
/// that is not trusted.
pub fn unreachable(to: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Failure::Unreachable(format!("{to} cannot be reached: {cause}"))
}

/// Reads the address of a server, the address alone.
pub fn check_url(text: &str, allow_http: bool) -> Result<String, Failure> {
    let url = check_address(text, allow_http)?;
    if url.query().is_some() {
        return Err(Failure::usage("--url is the address alone: no user, no query, no fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Reads an address. Credentials go over plain http to this machine alone, unless that is asked for.
pub fn check_address(text: &str, allow_http: bool) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::usage(format!("the address {text:?} {why}"));
    let url: Url = text.parse().map_err(|_| wrong("is not one, such as https://auth.example.com"))?;
    let is_here = match url.host_str() {
        None | Some("") => return Err(wrong("names no host")),
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Failure::usage("an address is without user, password and fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here || allow_http => Ok(url),
        "http" => Err(wrong(
            "is plain http to another machine, where everybody on the way can read the secret: use https, or say \
             --allow-http",
        )),
        _ => Err(wrong("is neither https nor http")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_plain_http_to_this_machine_alone() {
        for good in
            ["https://auth.example.com/", "http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:80"]
        {
            assert!(check_url(good, false).is_ok_and(|url| !url.ends_with('/')), "{good}");
        }
        assert!(check_url("http://auth.example.com", false).is_err());
        assert!(check_url("http://symbolon:8080", true).is_ok());
        for bad in [
            "auth.example.com",
            "ftp://a.example",
            "https://",
            "https://u:p@a.example",
            "https://a.example/?x",
        ] {
            assert!(check_url(bad, true).is_err(), "{bad}");
        }
    }
}
