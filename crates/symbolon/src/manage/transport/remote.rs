//! The API over HTTP, as the client of a profile: a token once a run, renewed once if it is not taken any more.

mod stream;

use std::error::Error;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE, IF_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use symbolon_core::permission::AUDIENCE;
use symbolon_core::secret::Secret;

use crate::manage::failure::Failure;
use crate::manage::profile::Profile;
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
    token: Option<Secret>,
    renewed: bool,
}

impl Remote {
    /// Goes to the server of a profile; nothing is sent yet.
    pub fn new(name: String, profile: Profile) -> Result<Self, Failure> {
        Ok(Self { client: client()?, name, profile, token: None, renewed: false })
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.profile.url
    }

    /// Asks the server. A `401` means that nothing was done, so that asking again with a new token is safe.
    pub async fn send(&mut self, asked: &Asked) -> Result<Answer, Failure> {
        let answer = self.send_once(asked).await?;
        if answer.status != StatusCode::UNAUTHORIZED.as_u16() || self.renewed {
            return Ok(answer);
        }
        self.renewed = true;
        self.token = None;
        self.send_once(asked).await
    }

    async fn send_once(&mut self, asked: &Asked) -> Result<Answer, Failure> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => request_token(&self.client, &self.name, &self.profile).await?,
        };
        let url = format!("{}{}", self.profile.url, asked.path);
        let mut request = self.client.request(asked.method.clone(), url).bearer_auth(token.expose());
        self.token = Some(token);
        if let Some(version) = asked.if_version {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some(content) = asked.content()? {
            request = request.header(CONTENT_TYPE, "application/json").body(content);
        }
        sent(request, &self.profile.url).await.map(|(answer, _)| answer)
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

async fn sent(request: RequestBuilder, to: &str) -> Result<(Answer, String), Failure> {
    let unreachable = |error: reqwest::Error| {
        Failure::Unreachable(format!("{to} cannot be reached: {}", innermost(&error.without_url())))
    };
    let response = request.header(ACCEPT, "application/json").send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let id =
        response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let text = response.text().await.map_err(unreachable)?;
    Ok((Answer { status, text }, id))
}

/// The last cause says what happened: connection refused, a name that does not exist, a certificate that is not trusted.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[derive(Deserialize)]
struct Issued {
    access_token: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NotIssued {
    error: String,
    error_description: String,
}

/// Gets a token for managing by client credentials (RFC 6749 §4.4).
pub async fn request_token(client: &Client, name: &str, profile: &Profile) -> Result<Secret, Failure> {
    let url = match &profile.realm {
        Some(realm) => format!("{}/realms/{}/oauth/token", profile.url, encoded(realm)),
        None => format!("{}/oauth/token", profile.url),
    };
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&audience={}",
        encoded(&profile.client_id),
        encoded(profile.client_secret.expose()),
        encoded(AUDIENCE)
    );
    let request = client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
    let (answer, request_id) = sent(request, &profile.url).await?;
    if answer.status == StatusCode::OK.as_u16() {
        let read = serde_json::from_str::<Issued>(&answer.text);
        // The error's own text could show the token.
        return read.map(|issued| issued.access_token).map_err(|_| {
            Failure::Unreachable(format!(
                "{} answered, but not in the way in which Symbolon does",
                profile.url
            ))
        });
    }
    let told = serde_json::from_str::<NotIssued>(&answer.text).unwrap_or_default();
    let (status, id) = (answer.status, &profile.client_id);
    if told.error.is_empty() || status >= 500 || status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
        return Err(Failure::Unreachable(format!(
            "{} gives no tokens now ({status} {}); try again in a moment",
            profile.url, told.error
        )));
    }
    Err(Failure::NotLetIn(format!(
        "{} gives the client {id} of the profile {name} no token to manage with\n  why      {}: {}\n  try      \
         `symbolon request explain {request_id}` as another operator, or with --local at the server",
        profile.url, told.error, told.error_description
    )))
}

fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

/// Reads the address of a server. Credentials go over plain http to this machine alone, unless that is asked for.
pub fn check_url(text: &str, allow_http: bool) -> Result<String, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--url {text:?} {why}"));
    let url: Url = text.parse().map_err(|_| wrong("is not an address, such as https://auth.example.com"))?;
    let is_here = match url.host_str() {
        None | Some("") => return Err(wrong("names no host")),
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(Failure::usage("--url is the address alone: no user, no query, no fragment"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_here || allow_http => {}
        "http" => {
            return Err(wrong(
                "is plain http to another machine, where everybody on the way can read the secret: use https, or say \
                 --allow-http",
            ));
        }
        _ => return Err(wrong("is neither https nor http")),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
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
