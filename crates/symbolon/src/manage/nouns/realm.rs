//! `symbolon realm`

use clap::{Args, Subcommand};

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, One, Part};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::{Session, path};

const COLUMNS: [Column; 5] = [
    Column::plain("ID", "/id"),
    Column::plain("STATUS", "/status"),
    Column::plain("ISSUER", "/issuer"),
    Column::plain("OPERATORS", "/settings/operators"),
    Column::new("CREATED", "/created_at", Reads::Time),
];

/// What can be done with realms.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Realms within reach.
    List(Part),
    /// One realm.
    Show(One),
    /// Make a realm.
    Create {
        /// Its name in URLs.
        #[command(flatten)]
        one: One,
        /// Its settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a realm.
    Update {
        /// Which.
        #[command(flatten)]
        one: One,
        /// What is changed.
        #[command(flatten)]
        settings: Settings,
        /// In which version.
        #[command(flatten)]
        expected: Expected,
    },
    /// Switch a realm on again. Its old tokens stay dead.
    Enable(One),
    /// Switch a realm off: nothing of it is served, and all its tokens are dead.
    Disable(One),
}

/// The main settings.
#[derive(Debug, Args)]
pub struct Settings {
    /// The issuer; derived from the base address where it is not set.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// A host name whose requests belong to the realm; may come several times.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Whose clients it serves: default, auth0, keycloak, m3ter.
    #[arg(long, value_name = "KIND")]
    compatibility: Option<String>,
    /// Token life in seconds where neither client nor resource server has one.
    #[arg(long, value_name = "SECONDS")]
    default_lifetime: Option<i64>,
    /// No token lives longer, in seconds.
    #[arg(long, value_name = "SECONDS")]
    maximum_lifetime: Option<i64>,
    /// The audience of clients that ask for none and have none of their own.
    #[arg(long, value_name = "AUDIENCE")]
    default_audience: Option<String>,
    /// The organization whose clients manage the realm.
    #[arg(long, value_name = "ID")]
    operators: Option<String>,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Settings {
    fn body(self) -> Result<Body, Failure> {
        let mut body = Body::of(self.contents)?;
        body.put(&["settings", "issuer"], self.issuer)?
            .put_all(&["settings", "hosts"], self.hosts)?
            .put(&["settings", "compatibility"], self.compatibility)?
            .put(&["settings", "default_lifetime"], self.default_lifetime)?
            .put(&["settings", "maximum_lifetime"], self.maximum_lifetime)?
            .put(&["settings", "default_audience"], self.default_audience)?
            .put(&["settings", "operators"], self.operators)?;
        Ok(body)
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let at = |id: &str| path(&["realms", id]);
    match verb {
        Verb::List(part) => session.list(&path(&["realms"])?, &COLUMNS, part).await,
        Verb::Show(one) => session.show(at(&one.id)?).await,
        Verb::Create { one, settings } => {
            let mut body = settings.body()?;
            body.put(&["id"], Some(one.id))?;
            session.create(path(&["realms"])?, body.finish()).await
        }
        Verb::Update { one, settings, expected } => {
            session.update(at(&one.id)?, settings.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Enable(one) => session.enable(at(&one.id)?).await,
        Verb::Disable(one) => session.disable(at(&one.id)?, &format!("the realm {}", one.id)).await,
    }
}
