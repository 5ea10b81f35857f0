//! `symbolon resource-server`

use clap::{Args, Subcommand};

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, Part};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;

const COLUMNS: [Column; 6] = [
    Column::plain("IDENTIFIER", "/identifier"),
    Column::plain("NAME", "/settings/name"),
    Column::plain("STATUS", "/status"),
    Column::new("LICENCE", "/settings/requires_licence", Reads::If("needed")),
    Column::new("LIFETIME", "/settings/lifetime", Reads::Life),
    Column::plain("SCOPES", "/settings/scopes"),
];

/// What can be done with resource servers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The realm's resource servers.
    List(Part),
    /// One resource server.
    Show(Api),
    /// Make a resource server.
    Create {
        /// Which.
        #[command(flatten)]
        api: Api,
        /// Its settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a resource server.
    Update {
        /// Which.
        #[command(flatten)]
        api: Api,
        /// What is changed.
        #[command(flatten)]
        settings: Settings,
        /// In which version.
        #[command(flatten)]
        expected: Expected,
    },
    /// Let it have tokens again.
    Enable(Api),
    /// Give no tokens for it any more.
    Disable(Api),
}

/// An API.
#[derive(Debug, Args)]
pub struct Api {
    /// The audience, byte for byte as it stands in tokens.
    #[arg(value_name = "IDENTIFIER")]
    identifier: String,
}

/// The main settings.
#[derive(Debug, Args)]
pub struct Settings {
    /// A name for people.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The scopes that exist there; a change replaces them all.
    #[arg(long = "scope", value_name = "SCOPE,SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,
    /// Another identifier under which it is asked for; may come several times.
    #[arg(long = "alias", value_name = "URI")]
    aliases: Vec<String>,
    /// Token life in seconds.
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<i64>,
    /// Whether an organization needs a licence for it.
    #[arg(long, value_name = "true|false")]
    requires_licence: Option<bool>,
    /// A client that may introspect its tokens; may come several times.
    #[arg(long = "introspector", value_name = "CLIENT")]
    introspectors: Vec<String>,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Settings {
    fn body(self) -> Result<Body, Failure> {
        let mut body = Body::of(self.contents)?;
        body.put(&["settings", "name"], self.name)?
            .put_all(&["settings", "scopes"], self.scopes)?
            .put_all(&["settings", "aliases"], self.aliases)?
            .put(&["settings", "lifetime"], self.lifetime)?
            .put(&["settings", "requires_licence"], self.requires_licence)?
            .put_all(&["settings", "introspectors"], self.introspectors)?;
        Ok(body)
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let all = session.in_realm(&["resource-servers"])?;
    let at = |session: &Session, api: &Api| session.in_realm(&["resource-servers", &api.identifier]);
    match verb {
        Verb::List(part) => session.list(&all, &COLUMNS, part).await,
        Verb::Show(api) => session.show(at(session, &api)?).await,
        Verb::Create { api, settings } => {
            let mut body = settings.body()?;
            body.put(&["identifier"], Some(api.identifier))?;
            session.create(all, body.finish()).await
        }
        Verb::Update { api, settings, expected } => {
            session.update(at(session, &api)?, settings.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Enable(api) => session.enable(at(session, &api)?).await,
        Verb::Disable(api) => session.disable(at(session, &api)?, &api.identifier).await,
    }
}
