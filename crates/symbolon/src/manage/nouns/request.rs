//! `symbolon request`

use clap::Subcommand;

use crate::manage::failure::Done;
use crate::manage::session::Session;

/// What can be asked about requests.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Say what happened to a token request, and why it was refused.
    Explain {
        /// The `x-request-id` of its answer.
        #[arg(value_name = "REQUEST-ID")]
        id: String,
    },
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let Verb::Explain { id } = verb;
    let path = session.in_realm(&["requests", &id])?;
    session.show_groups(path, &[("refusals", "Refused"), ("tokens", "Issued")]).await
}
