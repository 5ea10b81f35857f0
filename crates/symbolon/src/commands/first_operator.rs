<<<<<<< HEAD
//! The link by which somebody becomes the first operator of the console: on a terminal, and in no log, where whoever
//! reads it later could be faster.

use std::io::IsTerminal as _;
=======
//! The way in for the first operator of an installation: a link that is shown at each start for as long as nobody
//! operates the default realm.
//!
//! Whoever has it becomes the owner, so it never goes into a log: it is shown on a terminal, and where there is none
//! it lies in a file that only the server's user can read.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
>>>>>>> 2df0767027ad85cc891cd2109f7868bc7c6c1000

use anyhow::Context as _;
use symbolon_core::authority::Authority;
use symbolon_core::edit::link;
<<<<<<< HEAD
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
=======

use crate::files;

/// The name of the file, in the data folder.
const FILE: &str = "first-operator-link";

/// Where the link is to be opened; `None` where there is an operator, or no default realm.
pub(super) async fn address(authority: &Authority, base_url: &str) -> anyhow::Result<Option<String>> {
    let token = link::first_operator(authority).await?;
    Ok(token.map(|token| format!("{base_url}/console/link/{}", token.expose())))
}

/// Shows the link of a server. That it cannot be made keeps nothing from being served.
pub(super) async fn offer(authority: &Authority, base_url: &str, data: &Path) {
    let offered = match address(authority, base_url).await {
        Ok(Some(address)) if std::io::stdout().is_terminal() => {
            println!("Nobody operates this installation yet. Become its owner, within 30 minutes:\n  {address}");
            Ok(())
        }
        Ok(Some(address)) => put(data, &address).map(|file| {
            tracing::warn!(
                file = %file.display(),
                "nobody operates this installation yet: whoever opens the link in this file within 30 minutes \
                 becomes its owner"
            );
        }),
        Ok(None) => forget(data),
        Err(error) => Err(error),
    };
    if let Err(error) = offered {
        tracing::warn!(error = format!("{error:#}"), "the first operator's link could not be made");
    }
}

fn put(data: &Path, address: &str) -> anyhow::Result<PathBuf> {
    let file = std::path::absolute(data)?.join(FILE);
    files::replace_private(&file, format!("{address}\n").as_bytes())?;
    Ok(file)
}

/// Takes away what an earlier start left.
fn forget(data: &Path) -> anyhow::Result<()> {
    let file = data.join(FILE);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", file.display()))
        }
        _ => Ok(()),
    }
>>>>>>> 2df0767027ad85cc891cd2109f7868bc7c6c1000
}
