//! Answers that are read while they are made: an export, or what comes of a description.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use symbolon_server::axum::body::Bytes;
use symbolon_server::axum::http::Method;

use super::{LONGEST, Remote, innermost, request_token};
use crate::manage::failure::Failure;
use crate::manage::transport::{Answer, Asked};

/// The whole may take long; what is bounded is how long nothing comes.
const WHOLE: Duration = Duration::from_hours(24);

/// A body as it is sent.
pub struct Content {
    /// Its media type.
    pub kind: &'static str,
    /// The body.
    pub bytes: Bytes,
}

/// An answer that is read while it is made.
pub struct Streamed {
    response: Response,
    from: String,
    /// What arrived of the next line.
    begun: Vec<u8>,
}

impl Remote {
    /// What is at a path; a problem is a failure.
    pub async fn fetch(&mut self, path: String) -> Result<String, Failure> {
        let answer = self.send(&Asked::new(Method::GET, path)).await?;
        Ok(answer.checked(self.url())?.text)
    }

    /// Posts a body, or gets what is at the path where there is none. A problem is a failure.
    pub async fn stream(&mut self, path: &str, content: Option<&Content>) -> Result<Streamed, Failure> {
        let from = self.url().to_owned();
        loop {
            let token = match &self.token {
                Some(token) => token.clone(),
                None => request_token(&self.client, &self.name, &self.profile).await?,
            };
            let method = if content.is_some() { Method::POST } else { Method::GET };
            let request = self.client.request(method, format!("{from}{path}")).bearer_auth(token.expose());
            self.token = Some(token);
            let mut request = request.timeout(WHOLE);
            if let Some(Content { kind, bytes }) = content {
                request = request.header(CONTENT_TYPE, *kind).body(bytes.clone());
            }
            let response = in_time(&from, request.send()).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(Streamed { response, from, begun: Vec::new() });
            }
            if status == StatusCode::UNAUTHORIZED && !self.renewed {
                self.renewed = true;
                self.token = None;
                continue;
            }
            let text = in_time(&from, response.text()).await?;
            Answer { status: status.as_u16(), text }.checked(&from)?;
        }
    }
}

impl Streamed {
    /// The next part, of any length; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        in_time(&self.from, self.response.chunk()).await
    }

    /// The next line, without its end; `None` at the end.
    pub async fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let rest = self.begun.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.begun, rest);
                line.pop();
                return Ok(Some(line));
            }
            match self.chunk().await? {
                Some(more) => self.begun.extend_from_slice(&more),
                None => return Ok(None),
            }
        }
    }
}

async fn in_time<T>(from: &str, work: impl Future<Output = reqwest::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(LONGEST, work).await {
        Ok(done) => done.map_err(|error| {
            Failure::Unreachable(format!("{from} cannot be reached: {}", innermost(&error.without_url())))
        }),
        Err(_) => Err(Failure::Unreachable(format!("{from} says nothing any more"))),
    }
}
