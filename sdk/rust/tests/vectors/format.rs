//! The form of a vector, as sdk/vectors/README.md describes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(rename = "about")]
    _about: String,
    pub(crate) vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) source: Source,
    #[serde(default)]
    pub(crate) options: Options,
    #[serde(default)]
    pub(crate) random: f64,
    #[serde(default = "start")]
    pub(crate) wall_ms: i64,
    pub(crate) steps: Vec<Step>,
}

fn start() -> i64 {
    1_767_225_600_000
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) dialect: String,
    pub(crate) auth: Option<String>,
    pub(crate) token_url: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) realm: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) secrets: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    #[serde(rename = "patience_ms")]
    pub(crate) patience: Option<u64>,
    #[serde(rename = "backoff_base_ms")]
    pub(crate) backoff_base: Option<u64>,
    #[serde(rename = "backoff_cap_ms")]
    pub(crate) backoff_cap: Option<u64>,
    #[serde(rename = "assumed_life_ms")]
    pub(crate) assumed_life: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    AdvanceMs(u64),
    JumpWallMs(i64),
    Secrets(Vec<String>),
    Token(Ask),
    Call(Ask),
    ReportUnauthorized { token: String, retry: bool },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) answer: Option<Answer>,
    pub(crate) failure: Option<String>,
    #[serde(default)]
    pub(crate) takes_ms: u64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    pub(crate) form: Option<String>,
    pub(crate) json: Option<Value>,
    pub(crate) at_ms: Option<u64>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) json: Option<Value>,
    pub(crate) text: Option<String>,
    pub(crate) repeat: Option<Repeat>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    pub(crate) text: String,
    pub(crate) times: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Outcome {
    Token(String),
    Status(u16),
    Error(Told),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    pub(crate) kind: String,
    pub(crate) temporary: bool,
    pub(crate) code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after_ms: Option<u64>,
}
