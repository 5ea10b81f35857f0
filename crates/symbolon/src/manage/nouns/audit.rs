//! `symbolon audit changes|tokens|refusals`: what happened, read back from the API.

use clap::{Args, ValueEnum};
use symbolon_core::clock::Timestamp;

use crate::manage::failure::{Done, Failure};
use crate::manage::options::Part;
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::{Session, query};

const CHANGES: [Column; 8] = [
    Column::new("AT", "/at", Reads::Time),
    Column::plain("ACTION", "/action"),
    Column::plain("KIND", "/subject_kind"),
    Column::plain("SUBJECT", "/subject_id"),
    Column::plain("ACTOR", "/actor_id"),
    Column::plain("OF REALM", "/actor_realm"),
    Column::plain("FROM", "/actor_from"),
    Column::plain("REQUEST", "/request_id"),
];

const TOKENS: [Column; 6] = [
    Column::new("AT", "/at", Reads::Time),
    Column::plain("CLIENT", "/client"),
    Column::plain("AUDIENCE", "/audience"),
    Column::plain("SCOPE", "/scope"),
    Column::plain("FROM", "/from"),
    Column::plain("REQUEST", "/request_id"),
];

const REFUSALS: [Column; 6] = [
    Column::new("AT", "/at", Reads::Time),
    Column::plain("REASON", "/reason"),
    Column::plain("NAMED", "/named"),
    Column::plain("ENDPOINT", "/endpoint"),
    Column::plain("FROM", "/from"),
    Column::plain("REQUEST", "/request_id"),
];

/// A stretch of time.
#[derive(Debug, Args)]
pub struct Period {
    /// From this moment on: RFC 3339, or a day.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Up to, and without, this moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
}

/// Reads a moment of the command line.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "a time is said as 2026-11-22T08:00:00Z or as 2026-11-22".to_owned())
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Order {
    /// The latest.
    #[default]
    Newest,
    /// The earliest.
    Oldest,
}

impl Order {
    const fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
        }
    }
}

/// What is asked of changes.
#[derive(Debug, Args)]
pub struct Changes {
    /// Those of this actor; needs --actor-kind.
    #[arg(long, value_name = "ID", requires = "actor_kind")]
    pub actor: Option<String>,
    /// Those of this kind of actor: system, operator, user, client.
    #[arg(long, value_name = "KIND")]
    pub actor_kind: Option<String>,
    /// Those of this thing; needs --subject-kind.
    #[arg(long, value_name = "ID", requires = "subject_kind")]
    pub subject: Option<String>,
    /// Those of this kind of thing: client, access_key, organization, …
    #[arg(long, value_name = "KIND")]
    pub subject_kind: Option<String>,
    /// Those in which this was done: create, update, delete, …
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// When.
    #[command(flatten)]
    pub period: Period,
    /// Which end comes first.
    #[arg(long, value_enum, default_value = "newest")]
    pub order: Order,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
}

/// What is asked of tokens.
#[derive(Debug, Args)]
pub struct Tokens {
    /// Those of this client.
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// When.
    #[command(flatten)]
    pub period: Period,
    /// Which end comes first.
    #[arg(long, value_enum, default_value = "newest")]
    pub order: Order,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
}

/// What is asked of refusals.
#[derive(Debug, Args)]
pub struct Refusals {
    /// Those whose request named this client or one of its access keys. Within an organization it has to be said.
    #[arg(long, value_name = "ID")]
    pub client: Option<String>,
    /// Those for this reason, by its stable name.
    #[arg(long, value_name = "NAME")]
    pub reason: Option<String>,
    /// When.
    #[command(flatten)]
    pub period: Period,
    /// Which end comes first.
    #[arg(long, value_enum, default_value = "newest")]
    pub order: Order,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
}

/// Of the organization that is named, or of the whole realm.
fn place(session: &Session, of: &str) -> Result<String, Failure> {
    if session.has_organization() {
        session.in_organization(&["audit", of])
    } else {
        session.in_realm(&["audit", of])
    }
}

fn times(period: &Period) -> [(&'static str, Option<String>); 2] {
    [("from", period.since.map(|time| time.to_string())), ("to", period.until.map(|time| time.to_string()))]
}

/// Lists changes.
pub async fn changes(asked: Changes, session: &mut Session) -> Done {
    let [from, to] = times(&asked.period);
    let parameters = [
        ("actor", asked.actor),
        ("actor_kind", asked.actor_kind),
        ("subject", asked.subject),
        ("subject_kind", asked.subject_kind),
        ("action", asked.action),
        from,
        to,
        ("order", Some(asked.order.name().to_owned())),
    ];
    let path = query(&place(session, "changes")?, &parameters);
    session.list(&path, &CHANGES, asked.part).await
}

/// Lists tokens.
pub async fn tokens(asked: Tokens, session: &mut Session) -> Done {
    let [from, to] = times(&asked.period);
    let parameters = [("client", asked.client), from, to, ("order", Some(asked.order.name().to_owned()))];
    let path = query(&place(session, "tokens")?, &parameters);
    session.list(&path, &TOKENS, asked.part).await
}

/// Lists refusals.
pub async fn refusals(asked: Refusals, session: &mut Session) -> Done {
    let [from, to] = times(&asked.period);
    let order = ("order", Some(asked.order.name().to_owned()));
    let parameters = [("client", asked.client), ("reason", asked.reason), from, to, order];
    let path = query(&place(session, "refusals")?, &parameters);
    session.list(&path, &REFUSALS, asked.part).await
}
