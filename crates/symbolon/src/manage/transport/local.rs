//! The API without a server: its own router, over the store of this machine, asked in memory.
//!
//! Whoever can read the database and the keys needs no token, and could have none before the first client exists. The
//! request carries [`AtTheMachine`] instead, which nothing that comes over a network can carry.

use symbolon_server::axum::body::Body;
use symbolon_server::axum::http::{Request, Version, header};
use symbolon_server::manage::AtTheMachine;
use symbolon_server::router::{App, router, with_request_id};
use symbolon_server::state::ServerState;
use tower::ServiceExt as _;

use anyhow::Context as _;

use crate::commands::Installation;
use crate::config::Config;
use crate::manage::failure::Failure;
use crate::manage::local_options::LocalOptions;
use crate::manage::transport::{Answer, Asked};

/// The longest answer: the largest page of the largest things stays far below it.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// An installation opened here.
pub struct Local {
    installation: Installation,
    app: App,
    operator: AtTheMachine,
    default_realm: String,
}

impl Local {
    /// Opens the store and the keys.
    pub async fn open(options: LocalOptions) -> Result<Self, Failure> {
        let config = options.load()?;
        config.database.expect_there()?;
        Self::of(config).await
    }

    /// The same of an installation that may be new: its folder is made if it is not there.
    pub async fn make(options: LocalOptions) -> Result<Self, Failure> {
        let config = options.load()?;
        config.database.make_folder()?;
        Self::of(config).await
    }

    async fn of(config: Config) -> Result<Self, Failure> {
        let default_realm = config.authority.directory.default_realm.to_string();
        let installation = Installation::of(&config).await?;
        let authority = installation.authority.clone();
        let run = authority.request_id().context("the run cannot be named")?;
        let operator = AtTheMachine::operator(&crate::commands::operator(), &run);
        let state = ServerState { authority, trusted_proxies: [].into() };
        let app = with_request_id(router(state.clone()), state);
        Ok(Self { installation, app, operator, default_realm })
    }

    /// The realm of host names that no realm owns.
    pub fn default_realm(&self) -> &str {
        &self.default_realm
    }

    /// Asks the router.
    pub async fn send(&mut self, asked: &Asked) -> Result<Answer, Failure> {
        // Of a version that may leave the host out: there is none.
        let mut request =
            Request::builder().method(asked.method.clone()).uri(&asked.path).version(Version::HTTP_10);
        request = request.extension(self.operator.clone());
        if let Some(version) = asked.if_version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        let content = asked.content()?;
        if content.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Body::from(content.unwrap_or_default())).context("the request")?;
        let Ok(response) = self.app.clone().oneshot(request).await;
        let status = response.status().as_u16();
        let body = symbolon_server::axum::body::to_bytes(response.into_body(), LONGEST_ANSWER).await;
        let text = String::from_utf8(body.context("the answer")?.into()).context("the answer")?;
        Ok(Answer { status, text })
    }

    /// Closes the store.
    pub async fn close(self) {
        drop(self.app);
        self.installation.close().await;
    }
}
