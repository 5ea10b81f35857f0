//! `symbolon call`: one request to an API, with a token. What the API answers goes to standard output as it comes.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use symbolon_client::SendWithToken as _;

use crate::commands::access::Access;
use crate::files;
use crate::manage::failure::Failure;
use crate::manage::render::{Output, plain};
use crate::manage::{failure, transport};

/// `symbolon call`
#[derive(Debug, Args)]
pub struct CallOptions {
    /// `GET`, `POST`, …
    #[arg(value_name = "METHOD")]
    method: Method,
    /// The whole address.
    #[arg(value_name = "URL")]
    url: String,
    /// Whose token, and for what.
    #[command(flatten)]
    access: Access,
    /// A header of the request; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// The body: the text itself, @FILE, or @- for standard input. It is JSON unless a header says otherwise.
    #[arg(long, short, value_name = "TEXT|@FILE")]
    data: Option<String>,
    /// Show the head of the answer, too.
    #[arg(long, short)]
    include: bool,
    /// Write the answer's body to a new file of mode 0600.
    #[arg(long = "output-file", short = 'o', value_name = "FILE")]
    file: Option<PathBuf>,
    /// Tell on standard error what is sent and answered, without the token.
    #[arg(long, short)]
    verbose: bool,
    /// How long to wait for the next part of the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

/// Runs the command. The exit code says what the API answered.
pub async fn run(options: CallOptions) -> ExitCode {
    match call(options).await {
        Ok(code) => ExitCode::from(code),
        Err(failed) => failure::exit(Err(failed), Output::Table),
    }
}

async fn call(options: CallOptions) -> Result<u8, Failure> {
    let url: Url = options
        .url
        .parse()
        .map_err(|_| Failure::usage(format!("{:?} is no address: https://api.example.com/…", options.url)))?;
    let opened = options.access.open(|builder| builder)?;
    let client = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(options.timeout))
        .user_agent(concat!("symbolon/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("TLS cannot be set up")?;
    let mut headers: HeaderMap = options.header.into_iter().collect();
    if headers.contains_key(AUTHORIZATION) {
        return Err(Failure::usage("the token is added by this command: leave Authorization out"));
    }
    let body = options.data.as_deref().map(body).transpose()?;
    if body.is_some() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if options.verbose {
        eprintln!("> {} {url}\n> authorization: Bearer …", options.method);
        tell(">", &headers);
    }
    let mut request = client.request(options.method, url.clone()).headers(headers);
    if let Some(body) = body {
        request = request.body(body);
    }
    let answered = request.send_with(&opened.tokens).await;
    let response = answered.map_err(|error| {
        if error.is_call() {
            return Failure::Unreachable(format!("{}: {error}", url.origin().ascii_serialization()));
        }
        opened.failure(&error)
    })?;
    if options.verbose {
        eprintln!("< {:?} {}", response.version(), response.status());
        tell("<", response.headers());
    }
    let status = response.status().as_u16();
    let mut sink: Box<dyn std::io::Write> = match &options.file {
        Some(path) => Box::new(files::create_private(path)?),
        None => Box::new(std::io::stdout()),
    };
    if options.include {
        let mut head = format!("{:?} {}\r\n", response.version(), response.status()).into_bytes();
        for (name, value) in response.headers() {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        write(&mut *sink, &head)?;
    }
    copy(response, &mut *sink, url.host_str().unwrap_or_default()).await?;
    let code = code(status);
    if code != 0 {
        eprintln!("symbolon: {url} answered {status}");
    }
    Ok(code)
}

/// What an API's status means as an exit code, as docs/cli.md has them.
pub fn code(status: u16) -> u8 {
    match status {
        200..=299 => 0,
        401 | 403 => 4,
        404 | 410 => 3,
        409 | 412 => 6,
        408 | 429 | 502..=504 => 5,
        _ => 1,
    }
}

async fn copy(mut response: Response, sink: &mut dyn std::io::Write, host: &str) -> Result<(), Failure> {
    while let Some(chunk) = response.chunk().await.map_err(|error| transport::unreachable(host, error))? {
        write(sink, &chunk)?;
    }
    Ok(sink.flush().context("the answer cannot be written")?)
}

fn write(sink: &mut dyn std::io::Write, bytes: &[u8]) -> Result<(), Failure> {
    match sink.write_all(bytes) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Closed),
        Err(error) => Err(anyhow::Error::from(error).context("the answer cannot be written").into()),
    }
}

fn tell(mark: &str, headers: &HeaderMap) {
    for (name, value) in headers {
        eprintln!("{mark} {name}: {}", plain(&String::from_utf8_lossy(value.as_bytes())));
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    let name = name.trim().parse::<HeaderName>().map_err(|_| "that is no name of a header")?;
    let value = value.trim().parse::<HeaderValue>().map_err(|_| "that cannot stand in a header")?;
    Ok((name, value))
}

fn body(given: &str) -> Result<Vec<u8>, Failure> {
    match given.strip_prefix('@') {
        None => Ok(given.as_bytes().to_vec()),
        Some("-") => {
            let mut body = Vec::new();
            std::io::stdin().read_to_end(&mut body).context("standard input")?;
            Ok(body)
        }
        Some(path) => std::fs::read(path).map_err(|error| Failure::usage(format!("--data @{path}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_the_exit_codes_of_the_document() {
        for (status, wanted) in [
            (200, 0),
            (204, 0),
            (301, 1),
            (400, 1),
            (401, 4),
            (403, 4),
            (404, 3),
            (409, 6),
            (429, 5),
            (500, 1),
            (503, 5),
        ] {
            assert_eq!(code(status), wanted, "{status}");
        }
    }

    #[test]
    fn a_header_is_a_name_and_a_value() {
        let (name, value) = header("X-Thing:  a: b ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-thing", "a: b"));
        for broken in ["X-Thing", "X Thing: a", "X-Thing: a\nb"] {
            assert!(header(broken).is_err(), "{broken:?}");
        }
    }
}
