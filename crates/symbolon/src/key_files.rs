//! Master keys and peppers: from the environment or from files, never from the command line, where every user
//! of the machine could read them.
//!
//! The text is one key a line, `name:base64` (a line of base64 alone is named `1`); the first line is the current
//! key, the others are older ones that still open what they sealed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use symbolon_core::random::{Random, SystemRandom};
use zeroize::Zeroizing;

/// Named key material.
pub type NamedKeys = Vec<(String, Zeroizing<Vec<u8>>)>;

/// Where one kind of key comes from.
#[derive(Clone, Copy, Debug)]
pub struct KeySource<'a> {
    /// What it is, for messages.
    pub what: &'static str,
    /// The variable that may hold the text itself.
    pub variable: &'static str,
    /// The file that holds it, if one was named.
    pub file: Option<&'a PathBuf>,
    /// The file that is looked for if none was named.
    pub default_file: &'static str,
}

/// The master keys.
pub const fn master_keys(file: Option<&PathBuf>) -> KeySource<'_> {
    KeySource { what: "master key", variable: "SYMBOLON_MASTER_KEY", file, default_file: "master.key" }
}

/// The peppers.
pub const fn peppers(file: Option<&PathBuf>) -> KeySource<'_> {
    KeySource { what: "pepper", variable: "SYMBOLON_PEPPER", file, default_file: "pepper.key" }
}

/// Reads keys: the variable goes before the named file, and that before the one in the data folder.
pub fn read(source: KeySource<'_>, data: &Path) -> anyhow::Result<NamedKeys> {
    let KeySource { what, variable, file, default_file } = source;
    if let Some(text) = given(variable, std::env::var(variable))? {
        return parse(&text).with_context(|| format!("the {what} in {variable}"));
    }
    let path = file.cloned().unwrap_or_else(|| data.join(default_file));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => {
            refuse_public(&path, what)?;
            Zeroizing::new(text)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "there is no {what}: set {variable}, or make the file {path}:\n  \
             (umask 077; openssl rand -base64 32 > {path})\n\
             Keep a copy in a safe place: without it, what it protects is lost.",
            path = path.display()
        ),
        Err(error) => return Err(error).with_context(|| format!("the {what} in {}", path.display())),
    };
    parse(&text).with_context(|| format!("the {what} in {}", path.display()))
}

/// What a variable holds, if it is set. One that cannot be read is not passed over: another key would be used.
fn given(
    variable: &str,
    value: Result<String, std::env::VarError>,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    match value {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        // The error itself would show the key.
        Err(std::env::VarError::NotUnicode(_)) => {
            bail!("{variable} is set, but not to text (UTF-8): set it to name:base64, or unset it")
        }
    }
}

/// A key that every user of the machine can read protects nothing. (A group may: service managers hand keys out so.)
pub(crate) fn refuse_public(path: &Path, what: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = std::fs::metadata(path).with_context(|| format!("the {what} in {}", path.display()))?;
    let mode = file.permissions().mode();
    if mode & 0o007 != 0 {
        bail!(
            "everybody can read the {what} in {path}; make it private first: chmod 600 {path}",
            path = path.display()
        );
    }
    Ok(())
}

/// Makes the file of the data folder with a random key, if it is not there; for the sandbox.
pub fn make_if_missing(source: KeySource<'_>, data: &Path) -> anyhow::Result<()> {
    let path = data.join(source.default_file);
    if path.exists() {
        return Ok(());
    }
    let mut key = Zeroizing::new([0; 32]);
    SystemRandom.fill(&mut *key)?;
    let text = Zeroizing::new(format!("1:{}\n", BASE64.encode(*key)));
    crate::files::replace_private(&path, text.as_bytes())
}

fn parse(text: &str) -> anyhow::Result<NamedKeys> {
    let mut keys = NamedKeys::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, encoded) = line.split_once(':').unwrap_or(("1", line));
        let decoded = BASE64.decode(encoded.trim());
        // The decoder's own message would quote what it could not read.
        let Ok(key) = decoded else { bail!("line {} is not name:base64", number + 1) };
        keys.push((name.trim().to_owned(), Zeroizing::new(key)));
    }
    if keys.is_empty() {
        bail!("it is empty");
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_optional_and_comments_are_skipped() {
        let keys = parse("# two\nnew:AQID\nold:BAUG\n").unwrap();
        assert_eq!(
            keys.iter().map(|(name, key)| (name.as_str(), key.to_vec())).collect::<Vec<_>>(),
            [("new", vec![1, 2, 3]), ("old", vec![4, 5, 6])]
        );
        assert_eq!(parse("AQID").unwrap()[0].0, "1");
    }

    #[test]
    fn a_variable_that_is_no_text_is_a_mistake_and_not_shown() {
        use std::env::VarError;
        use std::os::unix::ffi::OsStringExt as _;
        let value = std::ffi::OsString::from_vec(b"1:canary\xff".to_vec());
        let error = given("SYMBOLON_PEPPER", Err(VarError::NotUnicode(value))).unwrap_err();
        let shown = format!("{error:#} {error:?}");
        assert!(shown.contains("SYMBOLON_PEPPER") && !shown.contains("canary"), "{shown}");
        assert!(given("SYMBOLON_PEPPER", Err(VarError::NotPresent)).unwrap().is_none());
        assert_eq!(*given("SYMBOLON_PEPPER", Ok("1:AQID".to_owned())).unwrap().unwrap(), "1:AQID");
    }

    #[test]
    fn a_mistake_is_told_without_the_key() {
        let error = format!("{:#}", parse("a:AQID\nb:not base64 at all").unwrap_err());
        assert!(error.contains("line 2") && !error.contains("not base64 at all"), "{error}");
        assert!(parse("\n# nothing\n").is_err());
    }
}
