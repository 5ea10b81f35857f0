//! The link by which somebody becomes the first operator of the console: on a terminal, and in no log, where whoever
//! reads it later could be faster.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use symbolon_core::authority::Authority;
use symbolon_core::edit::link;
use symbolon_core::secret::Secret;

/// Shows the link on the terminal of a server that starts, if there is a terminal and nobody who could sign in.
pub async fn offer(authority: &Authority, base_url: &str) -> anyhow::Result<()> {
    if !std::io::stderr().is_terminal() {
        if link::wants_first_operator(authority).await? {
            tracing::info!(
                "nobody can sign in to the console as an operator yet: `symbolon bootstrap --person` makes a link"
            );
        }
        return Ok(());
    }
    if let Some(token) = link::first_operator(authority).await? {
        eprintln!("\n{}\n", invitation(base_url, &token));
    }
    Ok(())
}

/// Makes the link for whoever is at the machine.
pub async fn make(authority: &Authority, url: &str) -> anyhow::Result<String> {
    authority.directory().default_realm().context(
        "there is no default realm yet: `symbolon bootstrap` without --person makes one, and so does `symbolon apply`",
    )?;
    let token = link::first_operator(authority).await?.context(
        "an operator can sign in already: he or she invites others, and resets their passwords, in the console",
    )?;
    Ok(invitation(url, &token))
}

/// Where the link of a server that starts is opened; `None` where somebody can sign in.
pub(super) async fn address(authority: &Authority, base_url: &str) -> anyhow::Result<Option<String>> {
    Ok(link::first_operator(authority).await?.map(|token| opened_at(base_url, &token)))
}

fn opened_at(base: &str, token: &Secret) -> String {
    format!("{}/console/link/{}", base.trim_end_matches('/'), token.expose())
}

fn invitation(base: &str, token: &Secret) -> String {
    format!(
        "Nobody can sign in to the console yet. Whoever opens this link within 30 minutes becomes its first operator:\n\
         {}",
        opened_at(base, token)
    )
}
