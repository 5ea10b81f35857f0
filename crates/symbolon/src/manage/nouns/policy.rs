//! `symbolon policy`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, One, Part};
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;

const COLUMNS: [Column; 4] = [
    Column::plain("ID", "/id"),
    Column::plain("NAME", "/name"),
    Column::plain("STATEMENTS", "/statements"),
    Column::new("CREATED", "/created_at", Reads::Time),
];

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The realm's policies.
    List(Part),
    /// One policy.
    Show(One),
    /// Make a policy.
    Create {
        /// Its id; made where it is left out.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        /// Its settings.
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a policy.
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
    /// Delete a policy: clients that have it lose what it allows with their next token.
    Delete(One),
}

/// The main settings.
#[derive(Debug, Args)]
pub struct Settings {
    /// A name for people.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Scopes that it gives at audiences; both are patterns with *. May come several times; a change replaces all
    /// statements.
    #[arg(long, value_name = "AUDIENCE=SCOPE,SCOPE")]
    allow: Vec<String>,
    /// Scopes that it takes away, whoever else gives them.
    #[arg(long, value_name = "AUDIENCE=SCOPE,SCOPE")]
    deny: Vec<String>,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Settings {
    fn body(self) -> Result<Body, Failure> {
        let allowed = self.allow.iter().map(|text| statement("allow", text));
        let denied = self.deny.iter().map(|text| statement("deny", text));
        let statements = allowed.chain(denied).collect::<Result<Vec<Value>, Failure>>()?;
        let mut body = Body::of(self.contents)?;
        body.put(&["name"], self.name)?.put_all(&["statements"], statements)?;
        Ok(body)
    }
}

fn statement(effect: &str, text: &str) -> Result<Value, Failure> {
    let (resource, actions) = text.rsplit_once('=').ok_or_else(|| {
        Failure::usage(format!("--{effect} wants AUDIENCE=SCOPE,SCOPE, such as https://api.example=read:*"))
    })?;
    let actions: Vec<&str> = actions.split(',').filter(|action| !action.is_empty()).collect();
    Ok(json!({"effect": effect, "actions": actions, "resources": [resource]}))
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let all = session.in_realm(&["policies"])?;
    let at = |session: &Session, one: &One| session.in_realm(&["policies", &one.id]);
    match verb {
        Verb::List(part) => session.list(&all, &COLUMNS, part).await,
        Verb::Show(one) => session.show(at(session, &one)?).await,
        Verb::Create { id, settings } => {
            let mut body = settings.body()?;
            body.put(&["id"], id)?;
            session.create(all, body.finish()).await
        }
        Verb::Update { one, settings, expected } => {
            session.update(at(session, &one)?, settings.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Delete(one) => {
            let effect = "Clients that have it lose what it allows with their next token.";
            session.delete(at(session, &one)?, &format!("the policy {}", one.id), effect).await
        }
    }
}
