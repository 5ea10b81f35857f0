//! `symbolon proxy`: a sidecar on this machine that gives tokens to the requests of programs that cannot.
//!
//! Whoever reaches it calls the API with the profile's rights, so it listens on this machine alone, and lets no browser
//! in: any page could otherwise call the API through its visitor's machine.

use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use http_body::Frame;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, ORIGIN, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use symbolon_client::TokenSource;
use symbolon_server::axum::body::{Body, Bytes, HttpBody};
use symbolon_server::axum::extract::{Request, State};
use symbolon_server::axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use symbolon_server::axum::{self, Router};

use crate::commands::access::Access;
use crate::commands::stop_signal;
use crate::manage::failure::{Done, Failure};
use crate::manage::render::Output;
use crate::manage::{failure, transport};

/// Bodies up to this length are kept until the answer is there, so that they can be sent once more with a new token.
const REPLAYED: u64 = 64 * 1024;

/// What belongs to one connection and is not passed on (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// `symbolon proxy`
#[derive(Debug, Args)]
pub struct ProxyOptions {
    /// The API that requests are passed on to; a path in it stands before theirs.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Where to listen on this machine; port 0 takes any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8089")]
    listen: SocketAddr,
    /// Whose token, and for what.
    #[command(flatten)]
    access: Access,
    /// Let other machines use it too: everybody who reaches it then has the profile's rights.
    #[arg(long)]
    allow_remote: bool,
    /// Let tokens go over plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// How long to wait for the next part of an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

/// Runs until it is told to stop.
pub async fn run(options: ProxyOptions) -> ExitCode {
    failure::exit(serve(options).await, Output::Table)
}

struct Proxy {
    client: Client,
    tokens: TokenSource,
    /// Without a slash at its end.
    to: String,
    allow_remote: bool,
}

async fn serve(options: ProxyOptions) -> Done {
    if !options.listen.ip().is_loopback() && !options.allow_remote {
        return Err(Failure::usage(format!(
            "{} can be reached from other machines, which would have the profile's rights: listen on 127.0.0.1, or say \
             --allow-remote",
            options.listen
        )));
    }
    let to = transport::check_url(&options.to, options.allow_http)?;
    // Programs wait for an answer anyway; a server that restarts is no reason to fail them.
    let patience = Duration::from_secs(options.access.wait.max(30));
    let opened = options.access.open(|builder| builder.patience(patience))?;
    let client = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(options.timeout))
        .build()
        .context("TLS cannot be set up")?;
    let (tokens, allow_remote) = (opened.tokens, options.allow_remote);
    let proxy = Arc::new(Proxy { client, tokens, to: to.clone(), allow_remote });
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr().context("the address")?;
    println!("Listening on http://{address}, for {to}");
    let router = Router::new().fallback(pass_on).with_state(proxy);
    let stop = async {
        let _ = stop_signal().await;
    };
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop).await.context("the proxy")?)
}

async fn pass_on(State(proxy): State<Arc<Proxy>>, request: Request) -> Response<Body> {
    if let Err(why) = proxy.lets_in(request.headers()) {
        return refusal(StatusCode::FORBIDDEN, "access_denied", why, None);
    }
    proxy.pass_on(request).await.unwrap_or_else(|refused| *refused)
}

impl Proxy {
    /// Programs name this machine and no page; browsers say where a page comes from.
    fn lets_in(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
            return Err(
                "browsers are not let in: a page would call the API with rights that are not its own",
            );
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if self.allow_remote || is_here(host) {
            return Ok(());
        }
        Err("the Host header names another machine")
    }

    async fn pass_on(&self, request: Request) -> Result<Response<Body>, Box<Response<Body>>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", self.to);
        let mut headers = parts.headers;
        leave_hop_by_hop(&mut headers);
        for own in [AUTHORIZATION, HOST, EXPECT] {
            headers.remove(own);
        }
        let mut body = Outgoing::of(body, &headers).await?;
        let mut token = self.tokens.token().await.map_err(|error| Box::new(no_token(&error)))?;
        let mut last_try = false;
        loop {
            let (now, again) = body.take();
            let mut request = self.client.request(parts.method.clone(), &url).headers(headers.clone());
            if let Some(now) = now {
                request = request.body(now);
            }
            let answered = request.header(AUTHORIZATION, token.header()).send().await;
            let response = answered.map_err(|error| {
                let told = transport::unreachable(&self.to, error).to_string();
                Box::new(refusal(StatusCode::BAD_GATEWAY, "unreachable", &told, None))
            })?;
            let is_refused = response.status() == StatusCode::UNAUTHORIZED;
            if last_try || !is_refused || !self.tokens.report_unauthorized(&token) {
                return Ok(passed_back(response));
            }
            let Some(again) = again else { return Ok(passed_back(response)) };
            (body, last_try) = (again, true);
            token = self.tokens.token().await.map_err(|error| Box::new(no_token(&error)))?;
        }
    }
}

/// A body on its way out.
enum Outgoing {
    None,
    /// Short enough to be sent again.
    Kept(Bytes),
    Streamed(Body),
}

impl Outgoing {
    async fn of(body: Body, headers: &HeaderMap) -> Result<Self, Box<Response<Body>>> {
        let hint = HttpBody::size_hint(&body);
        if hint.exact() == Some(0) && !headers.contains_key(CONTENT_LENGTH) {
            return Ok(Self::None);
        }
        if hint.upper().is_some_and(|most| most <= REPLAYED) {
            let most = usize::try_from(REPLAYED).unwrap_or(usize::MAX);
            let kept = axum::body::to_bytes(body, most).await.map_err(|_| {
                Box::new(refusal(StatusCode::BAD_REQUEST, "invalid_request", "the body ended too soon", None))
            })?;
            return Ok(Self::Kept(kept));
        }
        Ok(Self::Streamed(body))
    }

    /// What to send now, and what to send if it has to be sent again.
    fn take(self) -> (Option<reqwest::Body>, Option<Self>) {
        match self {
            Self::None => (None, Some(Self::None)),
            Self::Kept(bytes) => (Some(bytes.clone().into()), Some(Self::Kept(bytes))),
            Self::Streamed(body) => (Some(reqwest::Body::wrap(Shared(Mutex::new(body)))), None),
        }
    }
}

/// A body that may be named from several threads, as reqwest asks, though only one ever reads it.
struct Shared(Mutex<Body>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(body).poll_frame(cx)
    }
}

fn passed_back(response: reqwest::Response) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = response.status();
    answer.headers_mut().clone_from(response.headers());
    leave_hop_by_hop(answer.headers_mut());
    *answer.body_mut() = Body::new(reqwest::Body::from(response));
    answer
}

fn leave_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether a Host header names this machine.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn no_token(error: &symbolon_client::Error) -> Response<Body> {
    tracing::warn!(%error, "there is no token for a request");
    let (status, code) = if error.is_temporary() {
        (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
    } else {
        (StatusCode::BAD_GATEWAY, "no_token")
    };
    let wait = error.is_temporary().then(|| error.retry_after().map_or(1, |wait| wait.as_secs().max(1)));
    refusal(status, code, &error.to_string(), wait)
}

/// What the proxy itself answers.
fn refusal(status: StatusCode, code: &str, why: &str, wait: Option<u64>) -> Response<Body> {
    let body = serde_json::json!({ "error": code, "error_description": format!("symbolon proxy: {why}") });
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = wait {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_header_of_another_name_is_not_this_machine() {
        for here in ["localhost", "LOCALHOST:80", "127.0.0.1:8089", "127.9.9.9", "[::1]:1", "[::1]"] {
            assert!(is_here(here), "{here}");
        }
        for elsewhere in
            ["", "evil.example", "127.0.0.1.evil.example:8089", "localhost.evil.example", "10.0.0.1:1"]
        {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn what_belongs_to_one_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("x-other", "2"),
            ("accept", "*/*"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        leave_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "x-other"]);
    }
}
