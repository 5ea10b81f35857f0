//! `symbolon token`: prints a token, the same one until it is to be renewed.

use clap::Args;

use crate::commands::access::Access;
use crate::manage::failure::Done;
use crate::manage::render::Screen;

/// `symbolon token`
#[derive(Debug, Args)]
pub struct TokenOptions {
    /// Whose token, and for what.
    #[command(flatten)]
    access: Access,
    /// Print the whole header, `Authorization: Bearer …`, as `curl -H @-` reads it.
    #[arg(long)]
    header: bool,
}

/// Runs the command.
pub async fn run(options: TokenOptions) -> Done {
    let opened = options.access.open(|builder| builder)?;
    let token = opened.tokens.token().await.map_err(|error| opened.failure(&error))?;
    let before = if options.header { "Authorization: Bearer " } else { "" };
    let line = zeroize::Zeroizing::new(format!("{before}{}\n", token.expose()));
    Screen::find().write(&line)
}
