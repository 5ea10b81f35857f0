//! The way in for the first operator of an installation: a link that is shown at each start for as long as nobody
//! operates the default realm.
//!
//! Whoever has it becomes the owner, so it never goes into a log: it is shown on a terminal, and where there is none
//! it lies in a file that only the server's user can read.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use symbolon_core::authority::Authority;
use symbolon_core::edit::link;

use crate::files;
use crate::told::told;

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
        tracing::warn!(error = told(&error), "the first operator's link could not be made");
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
}
