//! `symbolon leak`

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use symbolon_core::leak::secrets_in;
use symbolon_core::secret::Secret;
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Done, Failure};
use crate::manage::render::value::Column;
use crate::manage::session::{Session, path};
use crate::manage::transport::Asked;

/// More than a file with a secret in it has; what is larger is for `symbolon scan`.
const LARGEST: u64 = 64 * 1024 * 1024;

const COLUMNS: [Column; 4] = [
    Column::plain("ACCESS KEY", "/access_key"),
    Column::plain("CLIENT", "/client"),
    Column::plain("ORGANIZATION", "/organization"),
    Column::plain("REALM", "/realm"),
];

/// What can be done with leaked secrets.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Report secrets that were found where strangers can read them: their access keys are switched off at once.
    Report(Report),
}

/// What was found.
#[derive(Debug, Args)]
pub struct Report {
    /// Secrets, files that they stand in, or `-` for standard input. (Other users of this machine can read arguments.)
    #[arg(value_name = "SECRET|FILE|-", required = true)]
    pub found: Vec<String>,
    /// The client id or access key id that stood beside it, for a secret from another system: it is the whole file or
    /// argument then.
    #[arg(long, value_name = "ID")]
    pub credential: Option<String>,
    /// Where it was found, a URL or words; the file's name where it is left out.
    #[arg(long, value_name = "PLACE")]
    pub found_at: Option<String>,
}

/// A secret, and where it stood.
type Found = (Secret, Option<String>);

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    let Verb::Report(report) = verb;
    // All of it is read before anything is sent.
    let mut all: Vec<Found> = Vec::new();
    for given in &report.found {
        all.extend(read(given, report.credential.is_some())?);
    }
    let mut seen = BTreeSet::new();
    all.retain(|(secret, _)| seen.insert(secret.expose().to_owned()));
    let mut deactivated = Some(Vec::new());
    for (secret, place) in all {
        let found_at = report.found_at.as_ref().or(place.as_ref());
        let body = json!({"secret": secret.expose(), "credential": report.credential, "found_at": found_at});
        let asked = Asked { body: Some(body), ..Asked::new(Method::POST, path(&["leaks"])?) };
        let answer = session.ask(asked).await?;
        let answer: Value = serde_json::from_str(&answer.text).context("the answer")?;
        match (answer["deactivated"].as_array(), &mut deactivated) {
            (Some(keys), Some(all)) => all.extend(keys.iter().cloned()),
            _ => deactivated = None,
        }
    }
    let mut whole = json!({"received": true});
    if let Some(keys) = &deactivated {
        whole["deactivated"] = json!(keys);
    }
    let told = match deactivated.as_deref() {
        None => "The report was received.",
        Some([]) => {
            "Nothing was switched off: it is no secret of this installation, or its key is off already."
        }
        Some(_) => "These access keys are switched off, and their tokens dead:",
    };
    session.tell_items(&whole, told, (&COLUMNS, &deactivated.unwrap_or_default()))
}

fn read(given: &str, is_foreign: bool) -> Result<Vec<Found>, Failure> {
    let here = secrets_in(given);
    if is_whole(given, &here) || (is_foreign && given != "-" && !Path::new(given).exists()) {
        return Ok(vec![(Secret::new(given.to_owned()), None)]);
    }
    let (text, place) = if given == "-" {
        (text(std::io::stdin(), "standard input")?, None)
    } else {
        let file = std::fs::File::open(given).with_context(|| given.to_owned())?;
        (text(file, given)?, Some(given.to_owned()))
    };
    let found = secrets_in(&text);
    if found.is_empty() && is_foreign {
        return Ok(vec![(Secret::new(text.trim().to_owned()), place)]);
    }
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "there is no secret of Symbolon's form in {}: for one from another system, name its client with --credential",
            place.as_deref().unwrap_or("standard input")
        )));
    }
    Ok(found.into_iter().map(|secret| (secret, place.clone())).collect())
}

/// Whether a text is a secret and nothing else.
fn is_whole(text: &str, found: &[Secret]) -> bool {
    matches!(found, [secret] if secret.expose().len() == text.len())
}

fn text(from: impl std::io::Read, what: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(LARGEST).read_to_end(&mut bytes).with_context(|| what.to_owned())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
