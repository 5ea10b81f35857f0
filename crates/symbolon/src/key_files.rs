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

use crate::open_store::Database;

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

const PEPPER: &str = "SYMBOLON_PEPPER";

/// The master keys.
pub const fn master_keys(file: Option<&PathBuf>) -> KeySource<'_> {
    KeySource { what: "master key", variable: "SYMBOLON_MASTER_KEY", file, default_file: "master.key" }
}

/// The peppers.
pub const fn peppers(file: Option<&PathBuf>) -> KeySource<'_> {
    KeySource { what: "pepper", variable: PEPPER, file, default_file: "pepper.key" }
}

/// Reads keys: the variable goes before the named file, and that before the one in the data folder. The database is
/// looked at only to say what to do where there is no key.
pub fn read(source: KeySource<'_>, data: &Path, database: &Database) -> anyhow::Result<NamedKeys> {
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
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("{}", advice(source, &path, database))
        }
        Err(error) => return Err(error).with_context(|| format!("the {what} in {}", path.display())),
    };
    parse(&text).with_context(|| format!("the {what} in {}", path.display()))
}

/// What to do where a key is missing. A new one for an installation that has data would open nothing of it.
fn advice(KeySource { what, variable, .. }: KeySource<'_>, path: &Path, database: &Database) -> String {
    let flag = if variable == PEPPER { "--pepper-file" } else { "--master-key-file" };
    let its_own = format!(
        "name the key that it was made with: by {flag} or {variable}, or by --config if the configuration names it"
    );
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    let folder = folder.map(|folder| format!("mkdir -m 700 -p {}; ", quoted(folder))).unwrap_or_default();
    let path_quoted = quoted(path);
    let make = format!(
        "  ({folder}umask 077; openssl rand -base64 32 > {path_quoted})\nKeep a copy in a safe place: without it, what \
         it protects is lost."
    );
    let missing =
        format!("there is no {what}: {variable} is not set, and there is no file {}", path.display());
    match database.has_data() {
        Some(true) => format!(
            "{missing}. This installation has data, which no new key can open: {its_own}, or bring the file back from \
             a copy"
        ),
        Some(false) => format!("{missing}. For this new installation, make one:\n{make}"),
        None => format!(
            "{missing}. If the database holds an installation already, {its_own}: a new key opens nothing of it. Only \
             for a new installation, make one:\n{make}"
        ),
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%=:,".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What a variable holds, if it is set to something. One that cannot be read is not passed over: another key would be used.
fn given(
    variable: &str,
    value: Result<String, std::env::VarError>,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    match value {
        // What compose files make of a variable that is not there.
        Ok(text) if text.is_empty() => Ok(None),
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
        assert!(given("SYMBOLON_PEPPER", Ok(String::new())).unwrap().is_none());
        assert_eq!(*given("SYMBOLON_PEPPER", Ok("1:AQID".to_owned())).unwrap().unwrap(), "1:AQID");
    }

    #[test]
    fn a_new_key_is_advised_for_a_new_installation_alone_and_the_advice_works_as_it_is_printed() {
        let kept = tempfile::tempdir().unwrap();
        let data = kept.path().join("new data");
        let database = Database::from(&data);
        let advised = |database: &Database| advice(peppers(None), &data.join("pepper.key"), database);
        let advice = advised(&database);
        let command = advice.lines().nth(1).unwrap();
        let made = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
        assert!(made.success() && data.join("pepper.key").is_file(), "{advice}");
        read(peppers(None), &data, &database).unwrap();
        std::fs::write(data.join("state.db"), "").unwrap();
        let advice = advised(&database);
        assert!(advice.contains("has data") && advice.contains("--pepper-file"), "{advice}");
        assert!(advice.contains("--config") && !advice.contains("openssl"), "{advice}");
    }

    #[test]
    fn a_mistake_is_told_without_the_key() {
        let error = format!("{:#}", parse("a:AQID\nb:not base64 at all").unwrap_err());
        assert!(error.contains("line 2") && !error.contains("not base64 at all"), "{error}");
        assert!(parse("\n# nothing\n").is_err());
    }
}
