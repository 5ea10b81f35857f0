//! `symbolon licence`

use clap::{Args, Subcommand};

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, One, Part};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;

const COLUMNS: [Column; 6] = [
    Column::plain("ID", "/id"),
    Column::plain("AUDIENCE", "/audience"),
    Column::plain("KIND", "/kind"),
    Column::plain("STATUS", "/status"),
    Column::new("STARTS", "/starts_at", Reads::Time),
    Column::new("ENDS", "/ends_at", Reads::Time),
];

/// What can be done with licences.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The organization's licences.
    List(Part),
    /// One licence.
    Show(One),
    /// Make a licence.
    Create {
        /// Its id; made where it is left out.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        /// The resource server.
        #[arg(long, value_name = "AUDIENCE")]
        audience: Option<String>,
        /// Its terms.
        #[command(flatten)]
        terms: Terms,
    },
    /// Change a licence. Ended, the tokens that relied on it are dead.
    Update {
        /// Which.
        #[command(flatten)]
        one: One,
        /// What is changed.
        #[command(flatten)]
        terms: Terms,
        /// In which version.
        #[command(flatten)]
        expected: Expected,
    },
    /// Switch a licence on again.
    Enable(One),
    /// Switch a licence off: the tokens that relied on it are dead.
    Disable(One),
    /// Delete a licence: the tokens that relied on it are dead.
    Delete(One),
}

/// What was agreed.
#[derive(Debug, Args)]
pub struct Terms {
    /// What was agreed: trial, beta, full.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// From then on (RFC 3339); from now on where it is left out.
    #[arg(long, value_name = "TIME")]
    starts: Option<String>,
    /// Until then, exclusively; for ever where it is left out.
    #[arg(long, value_name = "TIME")]
    ends: Option<String>,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Terms {
    fn body(self) -> Result<Body, Failure> {
        let mut body = Body::of(self.contents)?;
        body.put(&["kind"], self.kind)?.put(&["starts_at"], self.starts)?.put(&["ends_at"], self.ends)?;
        Ok(body)
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let all = session.in_organization(&["licences"])?;
    let at = |session: &Session, one: &One| session.in_organization(&["licences", &one.id]);
    match verb {
        Verb::List(part) => session.list(&all, &COLUMNS, part).await,
        Verb::Show(one) => session.show(at(session, &one)?).await,
        Verb::Create { id, audience, terms } => {
            let mut body = terms.body()?;
            body.put(&["id"], id)?.put(&["audience"], audience)?;
            session.create(all, body.finish()).await
        }
        Verb::Update { one, terms, expected } => {
            session.update(at(session, &one)?, terms.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Enable(one) => session.enable(at(session, &one)?).await,
        Verb::Disable(one) => session.disable(at(session, &one)?, &format!("the licence {}", one.id)).await,
        Verb::Delete(one) => {
            let effect = "The tokens that relied on it are dead at once.";
            session.delete(at(session, &one)?, &format!("the licence {}", one.id), effect).await
        }
    }
}
