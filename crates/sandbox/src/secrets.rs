//! The sandbox's secrets: made at random when they are first needed, and kept, so that a credential that was
//! pasted somewhere works again at the next start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use symbolon_core::random::{NoRandomness, Random};
use symbolon_core::secret::Secret;

use crate::error::SandboxError;
use crate::file;

/// As `apply` wants it of imported secrets.
const SHORTEST: usize = 16;

/// The kept secrets by name.
pub(crate) struct Secrets<'a> {
    path: PathBuf,
    known: BTreeMap<String, String>,
    random: &'a dyn Random,
}

impl<'a> Secrets<'a> {
    /// Reads the file, if there is one.
    pub(crate) fn open(path: PathBuf, random: &'a dyn Random) -> Result<Self, SandboxError> {
        let known: BTreeMap<String, String> = match file::read(&path).map_err(SandboxError::file(&path))? {
            Some(text) => serde_json::from_slice(&text).map_err(SandboxError::damaged(&path))?,
            None => BTreeMap::new(),
        };
        match known.iter().find(|(_, secret)| !is_plain(secret)) {
            Some((name, _)) => Err(SandboxError::Secret { path, name: name.clone() }),
            None => Ok(Self { path, known, random }),
        }
    }

    /// The secret of an access key.
    pub(crate) fn secret(&mut self, key_id: &str) -> Result<String, SandboxError> {
        self.get(key_id, |random| Ok(Secret::generate(key_id, random)?.expose().to_owned()))
    }

    /// A person's password.
    pub(crate) fn password(&mut self, name: &str) -> Result<String, SandboxError> {
        self.get(name, pronounceable)
    }

    fn get(
        &mut self,
        name: &str,
        make: impl FnOnce(&dyn Random) -> Result<String, NoRandomness>,
    ) -> Result<String, SandboxError> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let secret = make(self.random)?;
        self.known.insert(name.to_owned(), secret.clone());
        Ok(secret)
    }

    /// Writes the file, for its owner alone.
    pub(crate) fn save(&self) -> Result<(), SandboxError> {
        let mut text = serde_json::to_vec_pretty(&self.known).map_err(SandboxError::damaged(&self.path))?;
        text.push(b'\n');
        file::replace(&self.path, &text).map_err(SandboxError::file(&self.path))
    }
}

/// Whether a secret means itself in YAML, in JSON and in a shell.
fn is_plain(secret: &str) -> bool {
    secret.len() >= SHORTEST
        && secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'+' | b'-'))
}

/// A password that can be read out: 72 random bits as six groups of two syllables, `bafo-kiru-…`.
fn pronounceable(random: &dyn Random) -> Result<String, NoRandomness> {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aiou";
    let mut bytes = [0; 12];
    random.fill(&mut bytes)?;
    let mut password = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 2 == 0 {
            password.push('-');
        }
        password.push(char::from(CONSONANTS[usize::from(byte % 16)]));
        password.push(char::from(VOWELS[usize::from(byte / 16 % 4)]));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use symbolon_core::random::SystemRandom;

    use super::*;

    #[test]
    fn passwords_differ_and_can_be_read_out() {
        let password = pronounceable(&SystemRandom).unwrap();
        assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [4; 6]);
        assert!(is_plain(&password));
        assert_ne!(password, pronounceable(&SystemRandom).unwrap());
    }

    #[test]
    fn what_a_shell_would_read_as_something_else_is_not_plain() {
        for bad in
            ["short", "sixteen characters", "sixteen-chars-$HOME", "sixteen-chars-\"\"", "sixteen-chärs-00"]
        {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
