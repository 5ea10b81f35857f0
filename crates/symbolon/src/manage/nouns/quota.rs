//! `symbolon quota`

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use symbolon_core::clock::{Clock as _, SystemClock, Timestamp};
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Done, Failure};
use crate::manage::session::{Session, query};
use crate::manage::transport::Asked;

/// In milliseconds; quotas count by the hours of the clock.
const HOUR: i64 = 3_600_000;

/// What can be done with quotas.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The quota of a client and what it got of it in this hour; without a client, the realm's.
    Show {
        /// The client; its organization is that of --organization or of the profile.
        #[arg(value_name = "CLIENT")]
        client: Option<String>,
    },
    /// Set the quota of a client, or of each client of the realm that has none of its own.
    Set(Set),
}

/// A quota.
#[derive(Debug, Args)]
pub struct Set {
    /// The client; the realm where it is left out.
    #[arg(value_name = "CLIENT")]
    pub client: Option<String>,
    /// So many tokens in an hour.
    #[arg(long, value_name = "NUMBER", required_unless_present_any = ["none", "mode"])]
    pub tokens_per_hour: Option<u32>,
    /// What happens to others.
    #[arg(long, value_enum, required_unless_present = "none")]
    pub mode: Option<Mode>,
    /// Take the quota away; a client has the realm's then.
    #[arg(long, conflicts_with_all = ["tokens_per_hour", "mode"])]
    pub none: bool,
}

/// What happens to tokens beyond a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// They are issued, and recorded as beyond it.
    Monitor,
    /// They are refused until the hour is over.
    Enforce,
    /// There is none, whatever the realm's is.
    Off,
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    match verb {
        Verb::Show { client: None } => {
            let realm = fetch(session, session.in_realm(&[])?).await?;
            let quota = &realm["settings"]["quota"];
            session.tell_thing(&json!({"realm": realm["id"], "quota": quota}))
        }
        Verb::Show { client: Some(client) } => show(session, &client).await,
        Verb::Set(set) => {
            let place = match &set.client {
                Some(client) => session.in_organization(&["clients", client])?,
                None => session.in_realm(&[])?,
            };
            let body = Some(json!({"settings": {"quota": wanted(&set)?}}));
            let answer = session.ask(Asked { body, ..Asked::new(Method::PATCH, place) }).await?;
            let changed: Value = serde_json::from_str(&answer.text).context("the answer")?;
            let whose = if set.client.is_some() { "client" } else { "realm" };
            session.tell_thing(&json!({whose: changed["id"], "quota": changed["settings"]["quota"]}))
        }
    }
}

fn wanted(set: &Set) -> Result<Value, Failure> {
    let mode = match set.mode {
        None => return Ok(Value::Null),
        Some(Mode::Off) => return Ok(json!({"mode": "off"})),
        Some(Mode::Monitor) => "monitor",
        Some(Mode::Enforce) => "enforce",
    };
    let Some(tokens) = set.tokens_per_hour else {
        return Err(Failure::usage("how many? Say --tokens-per-hour NUMBER"));
    };
    Ok(json!({"tokens_per_hour": tokens, "mode": mode}))
}

async fn show(session: &mut Session, id: &str) -> Done {
    let client = fetch(session, session.in_organization(&["clients", id])?).await?;
    let own = client["settings"]["quota"].clone();
    let (quota, of) = if own.is_null() {
        // Customers do not read their realm.
        match fetch(session, session.in_realm(&[])?).await {
            Ok(realm) => (realm["settings"]["quota"].clone(), json!("realm")),
            Err(Failure::Refused(refusal)) if refusal.status == 403 => (Value::Null, Value::Null),
            Err(failure) => return Err(failure),
        }
    } else {
        (own, json!("client"))
    };
    let now = SystemClock.now().millis();
    let hour = Timestamp::from_millis(now - now.rem_euclid(HOUR));
    let ends = hour.plus(Duration::from_hours(1));
    let parameters = [
        ("from", Some(hour.to_string())),
        ("to", Some(ends.to_string())),
        ("client", Some(id.to_owned())),
        ("result", Some("issued".to_owned())),
    ];
    let usage = fetch(session, query(&session.in_organization(&["usage"])?, &parameters)).await?;
    let series = usage["items"].as_array().into_iter().flatten();
    let counts = series.filter_map(|series| series["counts"].as_array()).flatten();
    let used: i64 = counts.filter_map(|count| count["requests"].as_i64()).sum();
    let quota_of = if quota.is_null() { Value::Null } else { of };
    session
        .tell_thing(&json!({"client": client["id"], "organization": client["organization"], "quota": quota,
        "quota_of": quota_of, "used": used, "since": hour.to_string(), "until": ends.to_string()}))
}

async fn fetch(session: &mut Session, path: String) -> Result<Value, Failure> {
    let answer = session.ask(Asked::new(Method::GET, path)).await?;
    Ok(serde_json::from_str(&answer.text).context("the answer")?)
}
