//! Secrets at the command line: read from files, standard input or a terminal that does not show them, and handed out
//! once. They are never arguments, which all users of a machine can read.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use symbolon_core::secret::Secret;
use zeroize::Zeroizing;

use crate::files;
use crate::manage::failure::Failure;

/// Longer than any secret.
const LONGEST: u64 = 4096;

/// Reads a secret from a file, or else from standard input, where a terminal asks for it and does not show it.
pub fn read(file: Option<&Path>, what: &str) -> Result<Secret, Failure> {
    let text = match file {
        Some(path) => {
            crate::key_files::refuse_public(path, what)?;
            let opened = File::open(path).with_context(|| format!("the {what} in {}", path.display()))?;
            read_text(opened, what)?
        }
        None if std::io::stdin().is_terminal() => ask(what)?,
        None => read_text(std::io::stdin(), what)?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Failure::usage(format!(
            "the {what} is one line of text: give it by a file (see --help) or on standard input"
        )));
    }
    Ok(Secret::new(text.to_owned()))
}

fn read_text(from: impl std::io::Read, what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    from.take(LONGEST).read_to_string(&mut text).with_context(|| format!("the {what} cannot be read"))?;
    Ok(text)
}

fn ask(what: &str) -> Result<Zeroizing<String>, Failure> {
    let mut name = what.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    eprint!("{name} (not shown): ");
    let terminal = std::io::stdin();
    let before = tcgetattr(&terminal).context("the terminal")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &silent).context("the terminal")?;
    let mut text = Zeroizing::new(String::new());
    let read = terminal.read_line(&mut text);
    tcsetattr(&terminal, OptionalActions::Flush, &before).context("the terminal")?;
    eprintln!();
    read.with_context(|| format!("the {what} cannot be read"))?;
    Ok(text)
}

/// A file for a secret that is about to be made: made first, so that no secret is lost to a full disk or a wrong path.
pub struct SecretFile {
    file: File,
    path: std::path::PathBuf,
}

impl SecretFile {
    /// Makes the file, which must not be there.
    pub fn make(path: &Path) -> Result<Self, Failure> {
        let file = files::create_private(path)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Writes the secret.
    pub fn write(mut self, secret: &str) -> Result<(), Failure> {
        let written = writeln!(self.file, "{secret}").and_then(|()| self.file.sync_all());
        Ok(written.with_context(|| format!("the secret cannot be written to {}", self.path.display()))?)
    }

    /// Removes it again: there is no secret.
    pub fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
