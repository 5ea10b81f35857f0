//! `symbolon usage`

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use symbolon_core::clock::{Clock as _, SystemClock, Timestamp};

use crate::manage::failure::Done;
use crate::manage::nouns::audit::moment;
use crate::manage::options::Part;
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::{Session, query};

const COLUMNS: [Column; 8] = [
    Column::new("FROM", "/at", Reads::Time),
    Column::plain("REQUESTS", "/requests"),
    Column::plain("ORGANIZATION", "/group/organization"),
    Column::plain("CLIENT", "/group/client"),
    Column::plain("ACCESS KEY", "/group/access_key"),
    Column::plain("AUDIENCE", "/group/audience"),
    Column::plain("RESULT", "/group/result"),
    Column::plain("REASON", "/group/reason"),
];

const BUSIEST: [Column; 3] = [
    Column::plain("REQUESTS", "/requests"),
    Column::plain("ORGANIZATION", "/group/organization"),
    Column::plain("CLIENT", "/group/client"),
];

/// When nothing is said: the last thirty days.
const USUAL: Duration = Duration::from_hours(30 * 24);

/// What can be asked of usage.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// How often clients got tokens and were refused, of the realm or of --organization.
    Show(Box<Show>),
    /// The clients or organizations of the realm with the most requests.
    Busiest(Busiest),
}

/// The time that is counted.
#[derive(Debug, Args)]
pub struct Span {
    /// From this moment on: RFC 3339, or a day; thirty days ago where absent.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Up to this moment; now where absent.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
}

impl Span {
    fn ends(&self) -> [(&'static str, Option<String>); 2] {
        let until = self.until.unwrap_or_else(|| SystemClock.now());
        let since = self.since.unwrap_or_else(|| until.minus(USUAL));
        [("from", Some(since.to_string())), ("to", Some(until.to_string()))]
    }
}

/// What one count spans.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
    /// The whole time.
    #[default]
    Total,
}

/// Which requests, and how they are told apart.
#[derive(Debug, Args)]
pub struct Show {
    /// The time.
    #[command(flatten)]
    pub span: Span,
    /// What one count spans.
    #[arg(long, value_enum, default_value = "total")]
    pub step: Step,
    /// What is told apart, separated by commas: organization, client, access_key, audience, result, reason.
    #[arg(long, value_name = "NAMES")]
    pub by: Option<String>,
    /// Of this client alone; needs its organization.
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// Of this access key alone.
    #[arg(long, value_name = "ID", requires = "client")]
    pub access_key: Option<String>,
    /// For this audience alone.
    #[arg(long, value_name = "URI")]
    pub audience: Option<String>,
    /// With this result alone: issued, refused, or an OAuth error code.
    #[arg(long, value_name = "NAME")]
    pub result: Option<String>,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
}

/// Who is looked for.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Who {
    /// Clients.
    #[default]
    Clients,
    /// Organizations.
    Organizations,
}

/// The busiest in a time.
#[derive(Debug, Args)]
pub struct Busiest {
    /// Whom to look for.
    #[arg(value_enum, default_value = "clients")]
    pub who: Who,
    /// The time.
    #[command(flatten)]
    pub span: Span,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
}

/// The columns of what is told apart, so that they are not crowded out by empty ones.
fn columns(by: Option<&str>) -> Vec<Column> {
    let by: Vec<&str> = by.unwrap_or_default().split(',').map(str::trim).collect();
    let told_apart = |column: &Column| match column.at.strip_prefix("/group/") {
        None => true,
        Some("organization") => ["organization", "client", "access_key"].iter().any(|name| by.contains(name)),
        Some("client") => ["client", "access_key"].iter().any(|name| by.contains(name)),
        Some(name) => by.contains(&name),
    };
    COLUMNS.into_iter().filter(told_apart).collect()
}

/// A row for each count of a series.
fn rows(series: &Value) -> Vec<Value> {
    let counts = series["counts"].as_array().into_iter().flatten();
    counts
        .map(|count| json!({"group": series["group"], "at": count["at"], "requests": count["requests"]}))
        .collect()
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    match verb {
        Verb::Show(asked) => {
            let [from, to] = asked.span.ends();
            let columns = columns(asked.by.as_deref());
            let step = match asked.step {
                Step::Hour => "hour",
                Step::Day => "day",
                Step::Total => "total",
            };
            let parameters = [
                from,
                to,
                ("step", Some(step.to_owned())),
                ("group_by", asked.by),
                ("client", asked.client),
                ("access_key", asked.access_key),
                ("audience", asked.audience),
                ("result", asked.result),
            ];
            let place = if session.has_organization() {
                session.in_organization(&["usage"])?
            } else {
                session.in_realm(&["usage"])?
            };
            session.list_rows(&query(&place, &parameters), &columns, asked.part, rows).await
        }
        Verb::Busiest(asked) => {
            let [from, to] = asked.span.ends();
            let who = match asked.who {
                Who::Clients => "clients",
                Who::Organizations => "organizations",
            };
            let parameters = [from, to, ("who", Some(who.to_owned()))];
            let path = query(&session.in_realm(&["usage", "busiest"])?, &parameters);
            session.list(&path, &BUSIEST, asked.part).await
        }
    }
}
