//! `symbolon key`: the access keys of a client. It has two at most, so that one can take over from the other.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, Part};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;
use crate::manage::transport::Asked;

const COLUMNS: [Column; 7] = [
    Column::plain("ID", "/id"),
    Column::plain("STATUS", "/status"),
    Column::new("LAST USED", "/last_used_at", Reads::Time),
    Column::plain("FROM", "/last_used_from"),
    Column::new("RETIRE", "/safe_to_retire", Reads::If("safe")),
    Column::new("EXPIRES", "/expires_at", Reads::Time),
    Column::new("CREATED", "/created_at", Reads::Time),
];

/// What can be done with access keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The client's keys, when each was last used, and whether it can go.
    List {
        /// Whose.
        #[command(flatten)]
        of: OfClient,
        /// Which part.
        #[command(flatten)]
        part: Part,
    },
    /// One key.
    Show(Key),
    /// Make a key, whose secret is told this once.
    Create {
        /// Whose.
        #[command(flatten)]
        of: OfClient,
        /// From then on it gets no tokens (RFC 3339); never where it is left out.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Where its secret goes.
        #[command(flatten)]
        secret: SecretPlace,
        /// Everything else.
        #[command(flatten)]
        contents: Contents,
    },
    /// Begin a rotation: make the second key beside the one in use, which goes on working.
    Rotate {
        /// Whose.
        #[command(flatten)]
        of: OfClient,
        /// Where its secret goes.
        #[command(flatten)]
        secret: SecretPlace,
    },
    /// Change a key. Ended sooner, the tokens that it got are dead.
    Update {
        /// Which.
        #[command(flatten)]
        key: Key,
        /// From then on it gets no tokens (RFC 3339).
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Everything else.
        #[command(flatten)]
        contents: Contents,
        /// In which version.
        #[command(flatten)]
        expected: Expected,
    },
    /// Make a key ACTIVE.
    Activate(Key),
    /// Make a key INACTIVE: the tokens that it got are dead.
    Deactivate(Key),
    /// Remove a key, which has to be INACTIVE.
    Delete(Key),
}

/// A client.
#[derive(Debug, Args)]
pub struct OfClient {
    /// The client.
    #[arg(long, value_name = "ID")]
    client: String,
}

/// A key of a client.
#[derive(Debug, Args)]
pub struct Key {
    /// Whose.
    #[command(flatten)]
    of: OfClient,
    /// The key's id.
    #[arg(value_name = "KEY")]
    id: String,
}

/// Where a secret goes.
#[derive(Debug, Args)]
pub struct SecretPlace {
    /// Write the secret to this new file (mode 0600) instead of showing it.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl OfClient {
    fn at(&self, session: &Session, more: &[&str]) -> Result<String, Failure> {
        session.in_organization(&[&["clients", &self.client], more].concat())
    }
}

impl Key {
    fn at(&self, session: &Session, more: &[&str]) -> Result<String, Failure> {
        self.of.at(session, &[&["access-keys", &self.id], more].concat())
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    match verb {
        Verb::List { of, part } => {
            let all = of.at(session, &["access-keys"])?;
            session.list(&all, &COLUMNS, part).await
        }
        Verb::Show(key) => session.show(key.at(session, &[])?).await,
        Verb::Create { of, expires, secret, contents } => {
            let mut body = Body::of(contents)?;
            body.put(&["expires_at"], expires)?;
            let all = of.at(session, &["access-keys"])?;
            session.create_secret(all, Some(body.finish()), secret.secret_file.as_deref()).await
        }
        Verb::Rotate { of, secret } => {
            let path = of.at(session, &["rotate"])?;
            session.create_secret(path, None, secret.secret_file.as_deref()).await
        }
        Verb::Update { key, expires, contents, expected } => {
            let mut body = Body::of(contents)?;
            body.put(&["expires_at"], expires)?;
            session.update(key.at(session, &[])?, body.finish_change()?, expected.if_version).await
        }
        Verb::Activate(key) => session.tell(Asked::new(Method::POST, key.at(session, &["activate"])?)).await,
        Verb::Deactivate(key) => {
            session.confirm(&format!(
                "Deactivate the key {}? The tokens that it got are dead at once.",
                key.id
            ))?;
            session.tell(Asked::new(Method::POST, key.at(session, &["deactivate"])?)).await
        }
        Verb::Delete(key) => {
            let effect = "Whoever still uses it gets no tokens.";
            session.delete(key.at(session, &[])?, &format!("the key {}", key.id), effect).await
        }
    }
}
