//! What a command says when it cannot do what it was asked, and the exit code that it ends with.
//!
//! docs/cli.md has the table of the codes; programs rely on them.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Deserialize;

use crate::manage::render::{Output, plain};
use crate::told::told;

/// How a command ended.
pub type Done = Result<(), Failure>;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The API refused.
    #[error("{}", .0.title)]
    Refused(Box<Refusal>),
    /// No token was given for the profile's credentials.
    #[error("{0}")]
    NotLetIn(String),
    /// Nobody answered, or not in the way in which Symbolon does.
    #[error("{0}")]
    Unreachable(String),
    /// Whoever was asked said no.
    #[error("nothing was done")]
    Declined,
    /// Nobody reads the output any more.
    #[error("the output was closed")]
    Closed,
    /// Something on this machine is not as it has to be.
    #[error("{}", told(.0))]
    Here(#[from] anyhow::Error),
}

/// A problem (RFC 9457), as the API answered it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// The request's id.
    pub request_id: String,
    /// The whole answer, byte for byte.
    #[serde(skip)]
    pub text: String,
}

/// Refused or failed.
const FAILED: u8 = 1;
/// The command line makes no sense; clap uses it too.
const USAGE: u8 = 2;
const NOT_FOUND: u8 = 3;
const NOT_ALLOWED: u8 = 4;
/// Not reachable, or not able to answer now.
const UNREACHABLE: u8 = 5;
/// Somebody else was faster: the id is taken, or it has another version.
const CONFLICT: u8 = 6;

impl Failure {
    /// A mistake on the command line.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// The code that the process ends with.
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Usage(_) => USAGE,
            Self::NotLetIn(_) => NOT_ALLOWED,
            Self::Unreachable(_) => UNREACHABLE,
            Self::Declined | Self::Here(_) => FAILED,
            Self::Refused(refusal) => match refusal.status {
                401 | 403 => NOT_ALLOWED,
                404 => NOT_FOUND,
                412 => CONFLICT,
                409 if matches!(refusal.name(), "taken" | "stale") => CONFLICT,
                429 | 502..=504 => UNREACHABLE,
                _ => FAILED,
            },
        }
    }

    /// For people: what happened, what to do, and under which id the log knows it.
    fn tell(&self) -> String {
        let Self::Refused(refusal) = self else { return format!("symbolon: {}\n", plain(&self.to_string())) };
        let mut text = format!("symbolon: {}\n", plain(&refusal.title));
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(text, "  {name:<9}{}", plain(value));
            }
        };
        line("why", &refusal.detail);
        line("try", refusal.advice());
        line("request", &format!("{} ({} {})", refusal.request_id, refusal.status, refusal.name()));
        text
    }
}

impl Refusal {
    /// The kind's own name, without what all kinds begin with.
    pub fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    fn advice(&self) -> &'static str {
        match self.name() {
            "unauthenticated" => "the profile's client may be off or deleted: see `symbolon profile list`",
            "insufficient-scope" | "not-offered" => {
                "another profile (--profile), or ask an operator for the right"
            }
            "not-found" => "the same noun with `list`, and check --realm and --organization",
            "taken" => "another id or name",
            "stale" | "precondition-failed" => "`show` it again, and repeat with the version that it has now",
            "busy" | "unavailable" => "again in a moment; what was asked for may or may not have been done",
            "internal" => "the server's log, by the request's id",
            _ => "",
        }
    }
}

/// Says what went wrong on standard error, and gives the exit code.
pub fn exit(done: Done, output: Output) -> ExitCode {
    let Err(failure) = done else { return ExitCode::SUCCESS };
    match (&failure, output) {
        (Failure::Closed, _) => {}
        (Failure::Refused(refusal), Output::Json) => eprintln!("{}", refusal.text),
        (other, Output::Json) => eprintln!("{}", serde_json::json!({ "title": other.to_string() })),
        (other, Output::Table) => eprint!("{}", other.tell()),
    }
    ExitCode::from(failure.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, name: &str) -> Failure {
        Failure::Refused(Box::new(Refusal {
            kind: format!("urn:symbolon:problem:{name}"),
            title: "There is no such thing".to_owned(),
            detail: "There is no such client here\x1b[2J".to_owned(),
            request_id: "req_1".to_owned(),
            status,
            ..Refusal::default()
        }))
    }

    #[test]
    fn exit_codes_are_those_of_the_document() {
        let document = include_str!("../../../../docs/cli.md");
        for (failure, code, words) in [
            (refused(422, "invalid-change"), 1, "refused"),
            (refused(409, "refused"), 1, "refused"),
            (refused(500, "internal"), 1, "failed"),
            (Failure::Declined, 1, "failed"),
            (Failure::usage("x"), 2, "command line"),
            (refused(404, "not-found"), 3, "not there"),
            (refused(401, "unauthenticated"), 4, "not allowed"),
            (refused(403, "insufficient-scope"), 4, "not allowed"),
            (Failure::NotLetIn(String::new()), 4, "not allowed"),
            (Failure::Unreachable(String::new()), 5, "not reachable"),
            (refused(503, "unavailable"), 5, "not reachable"),
            (refused(429, "busy"), 5, "not reachable"),
            (refused(409, "taken"), 6, "taken"),
            (refused(409, "stale"), 6, "version"),
            (refused(412, "precondition-failed"), 6, "version"),
        ] {
            assert_eq!(failure.code(), code, "{failure:?}");
            let row = document.lines().find(|line| line.starts_with(&format!("| {code} |"))).unwrap();
            assert!(row.contains(words), "{row}");
        }
    }

    #[test]
    fn a_refusal_says_why_what_to_do_and_which_request_and_cannot_steer_the_terminal() {
        let told = refused(404, "not-found").tell();
        assert_eq!(
            told,
            "symbolon: There is no such thing\n  why      There is no such client here�[2J\n  try      the same noun \
             with `list`, and check --realm and --organization\n  request  req_1 (404 not-found)\n"
        );
    }
}
