//! Secrets, and where they come from: a value, the environment, a file, a command, or two of them.
//!
//! A source is read again for every token request, which are rare, so that a rotated secret is taken up without anything
//! being restarted.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::error::Error;

/// Longer than any secret, in bytes.
const LONGEST: usize = 8 * 1024;

/// A command that tells a secret may take this long.
const LONGEST_COMMAND: Duration = Duration::from_secs(20);

/// After a command failed it is left alone for so long.
const COMMAND_PAUSE: Duration = Duration::from_secs(1);

/// A secret: its memory is wiped when it is dropped, and nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, to be sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads what a file or a command gave: a secret in each line that is not empty.
    fn lines(bytes: &[u8]) -> Option<Vec<Self>> {
        let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}');
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<Self> = lines.map(Self::new).collect();
        let is_text = |secret: &Self| !secret.expose().chars().any(char::is_control);
        (!secrets.is_empty() && secrets.iter().all(is_text)).then_some(secrets)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What [`SecretProvider::read`] returns.
pub type SecretsFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<Secret>, Error>> + Send + 'a>>;

/// Gives the secrets that may be right now, the likeliest first. A place that this crate does not know, a vault for
/// instance, is read by an implementation of one's own.
pub trait SecretProvider: Send + Sync + 'static {
    /// Reads them. It is called before each token request, and again when the server refused all of them.
    fn read(&self) -> SecretsFuture<'_>;

    /// Whether reading costs next to nothing, so that it may be done several times a second to see a change.
    fn is_cheap(&self) -> bool {
        false
    }
}

/// Where a secret comes from.
#[derive(Clone)]
pub struct SecretSource(Arc<dyn SecretProvider>);

impl SecretSource {
    /// This very secret.
    pub fn value(secret: impl Into<String>) -> Self {
        Self::provider(Value(Secret::new(secret)))
    }

    /// A variable of the environment.
    pub fn env(name: impl Into<String>) -> Self {
        Self::provider(Env(name.into()))
    }

    /// A file with a secret in each line: the one, or a new one and the old one. It is read anew for every token request,
    /// and watched while its secret is refused.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::provider(File(path.into()))
    }

    /// What a command prints, such as `pass show api` or `secret-tool lookup service api`: a secret in each line. It is run
    /// for every token request, without a shell.
    pub fn command<A: Into<String>>(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self::provider(Command { program: program.into(), arguments, failed: Mutex::default() })
    }

    /// A source of one's own.
    pub fn provider(provider: impl SecretProvider) -> Self {
        Self(Arc::new(provider))
    }

    /// This one, and where its secret is refused or cannot be read, another one.
    #[must_use]
    pub fn or(self, other: impl Into<Self>) -> Self {
        Self::provider(Either(self, other.into()))
    }

    /// The secrets that may be right now, the likeliest first; at least one.
    pub async fn read(&self) -> Result<Vec<Secret>, Error> {
        let mut secrets = self.0.read().await?;
        secrets.retain(|secret| !secret.expose().is_empty());
        if secrets.is_empty() {
            return Err(Error::no_secret("the source of the secret gives none"));
        }
        Ok(secrets)
    }

    pub(crate) fn is_cheap(&self) -> bool {
        self.0.is_cheap()
    }
}

impl From<&str> for SecretSource {
    fn from(secret: &str) -> Self {
        Self::value(secret)
    }
}

impl From<String> for SecretSource {
    fn from(secret: String) -> Self {
        Self::value(secret)
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::provider(Value(secret))
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSource(…)")
    }
}

struct Value(Secret);

impl SecretProvider for Value {
    fn read(&self) -> SecretsFuture<'_> {
        Box::pin(std::future::ready(Ok(vec![self.0.clone()])))
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

struct Env(String);

impl SecretProvider for Env {
    fn read(&self) -> SecretsFuture<'_> {
        let found = std::env::var(&self.0).map(Zeroizing::new).ok();
        let read = found.and_then(|text| Secret::lines(text.as_bytes()));
        let missing = || Error::no_secret(format_args!("the variable {} holds no secret", self.0));
        Box::pin(std::future::ready(read.ok_or_else(missing)))
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

struct File(PathBuf);

impl File {
    fn contents(&self) -> Result<Vec<Secret>, Error> {
        use std::io::Read as _;
        let wrong = |why: &dyn fmt::Display| {
            Error::no_secret(format_args!("no secret can be read from {}: {why}", self.0.display()))
        };
        // To open a pipe that nobody writes to would never end.
        let is_file = std::fs::metadata(&self.0).map_err(|error| wrong(&error))?.is_file();
        if !is_file {
            return Err(wrong(&"it is no regular file"));
        }
        let opened = std::fs::File::open(&self.0).map_err(|error| wrong(&error))?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let most = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
        opened.take(most).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
        if bytes.len() > LONGEST {
            return Err(wrong(&"it is too long for one"));
        }
        Secret::lines(&bytes).ok_or_else(|| wrong(&"it has no line of text"))
    }
}

impl SecretProvider for File {
    fn read(&self) -> SecretsFuture<'_> {
        // A few hundred bytes: handing it to another thread would cost more than the reading.
        Box::pin(std::future::ready(self.contents()))
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

struct Command {
    program: String,
    arguments: Vec<String>,
    /// How it failed last, and when: a program that asks again and again is no reason to run it as often.
    failed: Mutex<Option<(Instant, Error)>>,
}

impl Command {
    async fn run(&self) -> Result<Vec<Secret>, Error> {
        let wrong = |why: &dyn fmt::Display| {
            Error::no_secret(format_args!("the command {} tells no secret: {why}", self.program))
        };
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let running = async {
            let mut child = command.spawn()?;
            let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
            if let Some(output) = child.stdout.take() {
                let most = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
                output.take(most).read_to_end(&mut bytes).await?;
            }
            Ok::<_, std::io::Error>((child.wait().await?, bytes))
        };
        let ended = tokio::time::timeout(LONGEST_COMMAND, running).await;
        let (status, bytes) =
            ended.map_err(|_| wrong(&"it takes too long"))?.map_err(|error| wrong(&error))?;
        if !status.success() {
            return Err(wrong(&status));
        }
        let read = if bytes.len() > LONGEST { None } else { Secret::lines(&bytes) };
        read.ok_or_else(|| wrong(&"it printed no line of text"))
    }
}

impl SecretProvider for Command {
    fn read(&self) -> SecretsFuture<'_> {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move {
            let lately = failed().clone().filter(|(at, _)| at.elapsed() < COMMAND_PAUSE);
            if let Some((_, error)) = lately {
                return Err(error);
            }
            let ended = self.run().await;
            *failed() = ended.as_ref().err().map(|error| (Instant::now(), error.clone()));
            ended
        })
    }
}

/// The one's secrets, then the other's.
struct Either(SecretSource, SecretSource);

impl SecretProvider for Either {
    fn read(&self) -> SecretsFuture<'_> {
        Box::pin(async move {
            match (self.0.read().await, self.1.read().await) {
                (Ok(mut first), Ok(second)) => {
                    first.extend(second);
                    Ok(first)
                }
                (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
                (Err(error), Err(_)) => Err(error),
            }
        })
    }

    fn is_cheap(&self) -> bool {
        self.0.is_cheap() && self.1.is_cheap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(secrets: &[Secret]) -> Vec<&str> {
        secrets.iter().map(Secret::expose).collect()
    }

    #[tokio::test]
    async fn a_file_is_read_anew_each_time_and_its_line_end_is_no_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let source = SecretSource::file(&path);
        assert!(source.read().await.unwrap_err().is_no_secret());
        for (written, read) in
            [("first\n", &["first"][..]), ("second\r\n", &["second"]), ("\nnew \n\nold", &["new", "old"])]
        {
            std::fs::write(&path, written).unwrap();
            assert_eq!(texts(&source.read().await.unwrap()), read);
        }
        for broken in ["", "\n", "a\u{7}b"] {
            std::fs::write(&path, broken).unwrap();
            assert!(source.read().await.unwrap_err().is_no_secret(), "{broken:?}");
        }
        std::fs::write(&path, "x".repeat(LONGEST + 1)).unwrap();
        assert!(source.read().await.unwrap_err().is_no_secret());
        std::fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success() && source.read().await.unwrap_err().to_string().contains("regular file"));
    }

    #[tokio::test]
    async fn a_command_tells_a_secret_or_why_it_does_not() {
        let told = SecretSource::command("printf", ["%s\n", "from a command"]).read().await.unwrap();
        assert_eq!(texts(&told), ["from a command"]);
        for (program, arguments) in [("false", vec![]), ("true", vec![]), ("/nowhere/at/all", vec!["x"])] {
            let error = SecretSource::command(program, arguments).read().await.unwrap_err();
            assert!(error.is_no_secret() && error.to_string().contains(program), "{error}");
        }
    }

    #[tokio::test]
    async fn a_command_that_fails_is_not_run_again_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let script = format!("echo run >> {}; exit 1", log.display());
        let source = SecretSource::command("sh", ["-c", &script]);
        for _ in 0..20 {
            source.read().await.unwrap_err();
        }
        let runs = std::fs::read_to_string(&log).unwrap().lines().count();
        assert!(runs < 5, "{runs}");
    }

    #[tokio::test]
    async fn the_environment_is_a_source() {
        // Every test runs with this one, and its value is no secret.
        let path = SecretSource::env("PATH").read().await.unwrap();
        assert_eq!(texts(&path), [std::env::var("PATH").unwrap()]);
        let error = SecretSource::env("SYMBOLON_NO_SUCH_VARIABLE").read().await.unwrap_err();
        assert!(error.to_string().contains("SYMBOLON_NO_SUCH_VARIABLE"));
    }

    #[tokio::test]
    async fn of_two_sources_one_is_enough() {
        let both = SecretSource::value("a").or("b").read().await.unwrap();
        assert_eq!(texts(&both), ["a", "b"]);
        let one = SecretSource::env("SYMBOLON_NO_SUCH_VARIABLE").or("b").read().await.unwrap();
        assert_eq!(texts(&one), ["b"]);
    }

    #[test]
    fn nothing_prints_a_secret() {
        let source = SecretSource::value("canary").or(Secret::new("canary"));
        assert!(!format!("{source:?} {:?}", Secret::new("canary")).contains("canary"));
    }
}
