//! `symbolon client`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, GrantText, One, Sorted};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;
use crate::manage::transport::Asked;

/// The last is for lists of several organizations' clients.
const COLUMNS: [Column; 7] = [
    Column::plain("ID", "/id"),
    Column::plain("NAME", "/settings/name"),
    Column::plain("STATUS", "/status"),
    Column::new("GRANTS (SCOPES)", "/settings/grants", Reads::Grants),
    Column::plain("POLICIES", "/settings/policies"),
    Column::new("CREATED", "/created_at", Reads::Time),
    Column::plain("ORGANIZATION", "/organization"),
];

/// What can be done with clients.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The organization's clients; those of the whole realm where no organization is named.
    List(Sorted),
    /// One client.
    Show(One),
    /// Make a client with its first access key, whose secret is told this once.
    Create(Box<Create>),
    /// Change a client.
    Update {
        /// Which.
        #[command(flatten)]
        one: One,
        /// What is changed.
        #[command(flatten)]
        settings: Box<Settings>,
        /// In which version.
        #[command(flatten)]
        expected: Expected,
    },
    /// Show the token that a client would get now, or why it would get none. Nothing is issued.
    Preview {
        /// Which.
        #[command(flatten)]
        one: One,
        /// The API that the token is for; the client's default one where it is left out.
        #[arg(long, value_name = "AUDIENCE")]
        audience: Option<String>,
        /// The scopes, space separated; all that it has where they are left out.
        #[arg(long, value_name = "SCOPES")]
        scope: Option<String>,
        /// The access key; the first one that can be used where it is left out.
        #[arg(long, value_name = "ID")]
        access_key: Option<String>,
    },
    /// Switch a client on again. Its old tokens stay dead.
    Enable(One),
    /// Switch a client off: it gets no tokens, and those that it has are dead.
    Disable(One),
    /// Delete a client with its access keys: all its tokens are dead.
    Delete(One),
    /// Give a client a policy.
    AssignPolicy(Assignment),
    /// Take a policy from a client; it acts on its next token.
    UnassignPolicy(Assignment),
}

/// `symbolon client create`
#[derive(Debug, Args)]
pub struct Create {
    /// Its id, from elsewhere; made where it is left out.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Make no access key along with it.
    #[arg(long)]
    no_key: bool,
    /// Write the secret to this new file (mode 0600) instead of showing it.
    #[arg(long, value_name = "FILE", conflicts_with = "no_key")]
    secret_file: Option<PathBuf>,
    /// Its settings.
    #[command(flatten)]
    settings: Settings,
}

/// A client and a policy.
#[derive(Debug, Args)]
pub struct Assignment {
    /// The client.
    #[arg(value_name = "CLIENT")]
    client: String,
    /// The policy.
    #[arg(value_name = "POLICY")]
    policy: String,
}

/// The main settings.
#[derive(Debug, Args)]
pub struct Settings {
    /// A name for people.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Scopes given to it at an audience; may come several times. A change replaces all grants.
    #[arg(long = "grant", value_name = "AUDIENCE=SCOPE,SCOPE")]
    grants: Vec<GrantText>,
    /// A policy that it has; may come several times. A change replaces them all: see assign-policy.
    #[arg(long = "policy", value_name = "ID")]
    policies: Vec<String>,
    /// Token life in seconds.
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<i64>,
    /// The audience when it asks for none.
    #[arg(long, value_name = "AUDIENCE")]
    default_audience: Option<String>,
    /// A network that it may ask from; may come several times. Any where there is none.
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// The kind of licence that it stands for: trial, beta, full.
    #[arg(long, value_name = "KIND")]
    licence_kind: Option<String>,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Settings {
    fn body(self) -> Result<Body, Failure> {
        let mut body = Body::of(self.contents)?;
        body.put(&["settings", "name"], self.name)?
            .put_all(&["settings", "grants"], self.grants)?
            .put_all(&["settings", "policies"], self.policies)?
            .put(&["settings", "lifetime"], self.lifetime)?
            .put(&["settings", "default_audience"], self.default_audience)?
            .put_all(&["settings", "allowed_networks"], self.networks)?
            .put(&["settings", "licence_kind"], self.licence_kind)?;
        Ok(body)
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let at = |session: &Session, one: &One| session.in_organization(&["clients", &one.id]);
    match verb {
        Verb::List(sorted) if session.has_organization() => {
            let [columns @ .., _] = &COLUMNS;
            let all = sorted.below(&session.in_organization(&["clients"])?);
            session.list(&all, columns, sorted.part).await
        }
        Verb::List(sorted) => {
            let all = sorted.below(&session.in_realm(&["clients"])?);
            session.list(&all, &COLUMNS, sorted.part).await
        }
        Verb::Show(one) => session.show(at(session, &one)?).await,
        Verb::Create(create) => {
            let all = session.in_organization(&["clients"])?;
            let Create { id, no_key, secret_file, settings } = *create;
            let mut body = settings.body()?;
            body.put(&["id"], id)?.put(&["generate_access_key"], no_key.then_some(false))?;
            session.create_secret(all, Some(body.finish()), secret_file.as_deref()).await
        }
        Verb::Update { one, settings, expected } => {
            session.update(at(session, &one)?, settings.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Preview { one, audience, scope, access_key } => {
            let path = session.in_organization(&["clients", &one.id, "token-preview"])?;
            let mut asked = Body::of(Contents::default())?;
            asked.put(&["audience"], audience)?.put(&["scope"], scope)?.put(&["access_key"], access_key)?;
            session.create(path, asked.finish()).await
        }
        Verb::Enable(one) => session.enable(at(session, &one)?).await,
        Verb::Disable(one) => session.disable(at(session, &one)?, &format!("the client {}", one.id)).await,
        Verb::Delete(one) => {
            let effect = "Its access keys go too, and all its tokens are dead at once.";
            session.delete(at(session, &one)?, &format!("the client {}", one.id), effect).await
        }
        Verb::AssignPolicy(assignment) => assign(session, Method::PUT, &assignment).await,
        Verb::UnassignPolicy(assignment) => assign(session, Method::DELETE, &assignment).await,
    }
}

async fn assign(session: &mut Session, method: Method, assignment: &Assignment) -> Done {
    let Assignment { client, policy } = assignment;
    let path = session.in_organization(&["clients", client, "policies", policy])?;
    session.tell(Asked::new(method, path)).await
}
