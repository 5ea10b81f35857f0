//! Answers that are read while they are made: an export, or what comes of a description.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Response, StatusCode};
use symbolon_client::Token;
use symbolon_server::axum::body::Bytes;
use symbolon_server::axum::http::Method;

use super::{LONGEST, Remote, unreachable};
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
        let token = self.token().await?;
        let mut response = self.send_content(path, content, &token).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.tokens.report_unauthorized(&token) {
            let token = self.token().await?;
            response = self.send_content(path, content, &token).await?;
        }
        let from = self.url().to_owned();
        let status = response.status();
        if status.is_success() {
            return Ok(Streamed { response, from, begun: Vec::new() });
        }
        let text = in_time(&from, response.text()).await?;
        let refused = Answer { status: status.as_u16(), text }.checked(&from);
        Err(refused.err().unwrap_or_else(|| Failure::Unreachable(format!("{from} answered {status}"))))
    }

    async fn send_content(
        &self,
        path: &str,
        content: Option<&Content>,
        token: &Token,
    ) -> Result<Response, Failure> {
        let method = if content.is_some() { Method::POST } else { Method::GET };
        let request = self.client.request(method, format!("{}{path}", self.url())).timeout(WHOLE);
        let mut request = request.header(AUTHORIZATION, token.header());
        if let Some(Content { kind, bytes }) = content {
            request = request.header(CONTENT_TYPE, *kind).body(bytes.clone());
        }
        in_time(self.url(), request.send()).await
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
        Ok(done) => done.map_err(|error| unreachable(from, error)),
        Err(_) => Err(Failure::Unreachable(format!("{from} says nothing any more"))),
    }
}
