//! `symbolon organization`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, One, Sorted};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;

const COLUMNS: [Column; 4] = [
    Column::plain("ID", "/id"),
    Column::plain("NAME", "/name"),
    Column::plain("STATUS", "/status"),
    Column::new("CREATED", "/created_at", Reads::Time),
];

/// What can be done with organizations.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The realm's organizations.
    List(Sorted),
    /// One organization.
    Show(One),
    /// Make an organization.
    Create {
        /// Its id; made where it is left out.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        /// Its settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Change an organization.
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
    /// Switch an organization on again. Its old tokens stay dead.
    Enable(One),
    /// Switch an organization off: its clients get no tokens, and those that they have are dead.
    Disable(One),
}

/// The main settings.
#[derive(Debug, Args)]
pub struct Settings {
    /// A name for people.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Something to remember of it, which claim maps can read; may come several times.
    #[arg(long, value_name = "NAME=VALUE")]
    metadata: Vec<String>,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Settings {
    fn body(self) -> Result<Body, Failure> {
        let mut body = Body::of(self.contents)?;
        let pair = |text: &String| {
            let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
            pair.ok_or_else(|| Failure::usage("--metadata wants NAME=VALUE"))
        };
        let metadata = self.metadata.iter().map(pair).collect::<Result<BTreeMap<_, _>, _>>()?;
        body.put(&["name"], self.name)?.put(&["metadata"], (!metadata.is_empty()).then_some(metadata))?;
        Ok(body)
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let all = session.in_realm(&["organizations"])?;
    let at = |session: &Session, one: &One| session.in_realm(&["organizations", &one.id]);
    match verb {
        Verb::List(sorted) => session.list(&sorted.below(&all), &COLUMNS, sorted.part).await,
        Verb::Show(one) => session.show(at(session, &one)?).await,
        Verb::Create { id, settings } => {
            let mut body = settings.body()?;
            body.put(&["id"], id)?;
            session.create(all, body.finish()).await
        }
        Verb::Update { one, settings, expected } => {
            session.update(at(session, &one)?, settings.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Enable(one) => session.enable(at(session, &one)?).await,
        Verb::Disable(one) => {
            session.disable(at(session, &one)?, &format!("the organization {}", one.id)).await
        }
    }
}
