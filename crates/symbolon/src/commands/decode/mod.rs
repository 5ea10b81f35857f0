//! `symbolon decode`: what a token says, in words, and whether it holds: its signature, its time, and whether it was
//! revoked.

mod check;
mod tell;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value};
use symbolon_core::clock::{Clock as _, SystemClock};

use crate::commands::decode::check::{Findings, Found};
use crate::manage::failure::{self, Failure};
use crate::manage::render::{Output, Screen};

/// `symbolon decode`
#[derive(Debug, Args)]
pub struct DecodeOptions {
    /// The token; standard input where it is left out, which other users of the machine cannot read.
    #[arg(value_name = "JWT")]
    token: Option<String>,
    /// Verify with the keys of this file (a JWKS), and ask nobody.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// The issuer that the token has to be from. Its keys are asked for; the token's own claim says where from if this is
    /// left out.
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    issuer: Option<String>,
    /// The API that the token has to be for.
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,
    /// The profile whose client asks whether the token was revoked. It has to be the token's own client, or an
    /// introspector of its API.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Ask nobody: say what stands in it, and whether its time has come.
    #[arg(long, conflicts_with_all = ["profile", "issuer"])]
    offline: bool,
    /// Let keys be asked for over plain http from another machine.
    #[arg(long)]
    allow_http: bool,
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// A token taken apart, with nothing proven.
pub(crate) struct TokenParts {
    /// The token.
    pub(crate) text: String,
    /// Its header.
    pub(crate) unverified_header: Map<String, Value>,
    /// Its payload.
    pub(crate) unverified_claims: Map<String, Value>,
}

/// Runs the command.
pub async fn run(options: DecodeOptions) -> ExitCode {
    let output = if options.json { Output::Json } else { Output::Table };
    match decode(&options).await {
        Ok(code) => ExitCode::from(code),
        Err(failed) => failure::exit(Err(failed), output),
    }
}

async fn decode(options: &DecodeOptions) -> Result<u8, Failure> {
    let token = TokenParts::read(options.token.as_deref())?;
    let now = SystemClock.now();
    let findings = check::check(options, &token, now).await?;
    let text = if options.json { tell::json(&token, &findings) } else { tell::text(&token, &findings, now) };
    Screen::find().write(&text)?;
    Ok(findings.code())
}

impl TokenParts {
    fn read(given: Option<&str>) -> Result<Self, Failure> {
        let text = match given.filter(|text| *text != "-") {
            Some(text) => text.to_owned(),
            None => {
                let mut text = String::new();
                std::io::stdin().take(64 * 1024).read_to_string(&mut text).context("standard input")?;
                text
            }
        };
        // As it is copied from headers and logs.
        let text = text.trim();
        let text = text.strip_prefix("Authorization:").map_or(text, str::trim_start);
        let text = text.strip_prefix("Bearer ").map_or(text, str::trim).to_owned();
        let wrong = || {
            Failure::usage(
                "that is no JWT: three parts of base64url, with dots between them. (Tokens of other kinds say nothing \
                 to anybody but their issuer.)",
            )
        };
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, _] = parts.as_slice() else { return Err(wrong()) };
        let object = |part: &str| {
            let bytes = BASE64URL.decode(part).ok()?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
        };
        let (Some(unverified_header), Some(unverified_claims)) = (object(header), object(payload)) else {
            return Err(wrong());
        };
        Ok(Self { text, unverified_header, unverified_claims })
    }

    /// A claim that is a text.
    pub(crate) fn unverified_text(&self, name: &str) -> Option<&str> {
        self.unverified_claims.get(name).and_then(Value::as_str)
    }
}

impl Findings {
    /// 0: it holds, as far as was asked; 1: it does not; 5: nobody could be asked.
    fn code(&self) -> u8 {
        let all = [&self.signature, &self.time, &self.issuer, &self.audience, &self.revocation];
        let is = |wanted: fn(&Found) -> bool| all.into_iter().flatten().any(wanted);
        if is(|found| matches!(found, Found::Bad(_))) {
            1
        } else if is(|found| matches!(found, Found::Unreachable(_))) {
            5
        } else {
            0
        }
    }
}
