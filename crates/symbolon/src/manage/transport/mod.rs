//! The two ways to the management API: over HTTP, or to the same router within this process.

mod local;
mod remote;

use anyhow::Context as _;
use serde_json::Value;
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Failure, Refusal};
pub use crate::manage::transport::local::Local;
pub use crate::manage::transport::remote::{
    Content, Remote, Streamed, check_address, check_url, client as http_client, unreachable,
};

/// What is asked of the API.
#[derive(Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The body.
    pub body: Option<Value>,
    /// Only if the thing has this version.
    pub if_version: Option<i64>,
}

impl Asked {
    /// A request without a body.
    pub const fn new(method: Method, path: String) -> Self {
        Self { method, path, body: None, if_version: None }
    }

    fn content(&self) -> Result<Option<Vec<u8>>, Failure> {
        let written = self.body.as_ref().map(serde_json::to_vec).transpose();
        Ok(written.context("the body cannot be written")?)
    }
}

/// What the API answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The answer, unless it is a problem.
    fn checked(self, from: &str) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let refusal = serde_json::from_str::<Refusal>(&self.text).ok();
        match refusal.filter(|refusal| refusal.status == self.status) {
            Some(refusal) => Err(Failure::Refused(Box::new(Refusal { text: self.text, ..refusal }))),
            None => Err(Failure::Unreachable(format!(
                "{from} answered {}, and not in the way in which Symbolon does: check the address, and what stands in \
                 between",
                self.status
            ))),
        }
    }
}

/// A way to the API.
pub enum Transport {
    /// To a server, by a profile.
    Remote(Box<Remote>),
    /// To the store on this machine.
    Local(Box<Local>),
}

impl Transport {
    /// Asks; a problem is a failure.
    pub async fn ask(&mut self, asked: &Asked) -> Result<Answer, Failure> {
        match self {
            Self::Remote(remote) => {
                let answer = remote.send(asked).await?;
                answer.checked(remote.url())
            }
            Self::Local(local) => local.send(asked).await?.checked("the router"),
        }
    }

    /// Ends in good order.
    pub async fn close(self) {
        if let Self::Local(local) = self {
            local.close().await;
        }
    }
}
