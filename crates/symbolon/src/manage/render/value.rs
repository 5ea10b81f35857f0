//! Single values for people: times, lives, scopes, statements.

use serde_json::Value;
use symbolon_core::clock::Timestamp;

use crate::manage::render::Paint;

/// A column of a table: its title, where its value lies in what the API answers, and how it reads.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The title.
    pub title: &'static str,
    /// A JSON pointer (RFC 6901).
    pub at: &'static str,
    /// How it reads.
    pub reads: Reads,
}

/// How a value reads.
#[derive(Clone, Copy, Debug)]
pub enum Reads {
    /// As it is.
    Plainly,
    /// As a moment, to the second, in UTC.
    Time,
    /// As a number of seconds.
    Life,
    /// As one word for true; nothing for false.
    If(&'static str),
    /// As audiences with the number of scopes of each.
    Grants,
}

impl Column {
    /// A column.
    pub const fn new(title: &'static str, at: &'static str, reads: Reads) -> Self {
        Self { title, at, reads }
    }

    /// A column whose values read as they are.
    pub const fn plain(title: &'static str, at: &'static str) -> Self {
        Self::new(title, at, Reads::Plainly)
    }

    /// Whether it may be cut: half a time says nothing.
    pub const fn is_flexible(&self) -> bool {
        matches!(self.reads, Reads::Plainly | Reads::Grants)
    }

    /// Its cell in the row of a thing.
    pub fn cell(&self, thing: &Value) -> String {
        let Some(value) = thing.pointer(self.at) else { return String::new() };
        match self.reads {
            Reads::Plainly => plainly(value),
            Reads::Time => value.as_str().map(time).unwrap_or_default(),
            Reads::Life => value.as_i64().map(life).unwrap_or_default(),
            Reads::If(word) => if value == &Value::Bool(true) { word } else { "" }.to_owned(),
            Reads::Grants => grants(value),
        }
    }
}

/// What a word says by its colour.
pub fn paint(text: &str) -> Paint {
    match text {
        "active" | "ACTIVE" => Paint::Good,
        "disabled" | "INACTIVE" => Paint::Bad,
        "pending" | "retired" => Paint::Between,
        "-" => Paint::Faint,
        _ => Paint::None,
    }
}

/// A value in one line.
pub fn plainly(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) if items.iter().all(|item| item.is_object() && item.get("effect").is_some()) => {
            items.iter().map(statement).collect::<Vec<_>>().join("; ")
        }
        Value::Array(items) => items.iter().map(plainly).collect::<Vec<_>>().join(" "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// One rule of a policy.
pub fn statement(value: &Value) -> String {
    let part = |name: &str| value.get(name).map(plainly).unwrap_or_default();
    format!("{} {} on {}", part("effect"), part("actions"), part("resources"))
}

fn grants(value: &Value) -> String {
    let grant = |grant: &Value| {
        let audience = grant.get("audience").map(plainly).unwrap_or_default();
        let scopes = grant.get("scopes").and_then(Value::as_array).map_or(0, Vec::len);
        format!("{audience} ({scopes})")
    };
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(grant).collect::<Vec<_>>().join(", ")
}

/// A moment to the second: `2026-11-22 08:00:00`. UTC, as all times of the API. What is built in was never made.
pub fn time(text: &str) -> String {
    let Some(moment) = Timestamp::parse(text) else { return text.to_owned() };
    if moment == Timestamp::default() {
        return String::new();
    }
    let text = Timestamp::from_seconds(moment.seconds()).to_string();
    text.get(..19).unwrap_or(&text).replacen('T', " ", 1)
}

/// How long ago a moment is, or how far ahead, roughly.
pub fn distance(text: &str, now: Timestamp) -> Option<String> {
    let moment = Timestamp::parse(text)?;
    let ahead = moment > now;
    let between = if ahead { moment.since(now) } else { now.since(moment) };
    let seconds = between.as_secs();
    let (count, unit) = match seconds {
        0..=4 if !ahead => return Some("just now".to_owned()),
        0..=59 => (seconds, "second"),
        60..=3599 => (seconds / 60, "minute"),
        3600..=86_399 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    Some(if ahead { format!("in {count} {unit}{plural}") } else { format!("{count} {unit}{plural} ago") })
}

/// A life in the largest unit that says it exactly.
pub fn life(seconds: i64) -> String {
    match seconds {
        0 => "0 s".to_owned(),
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_and_lives_read_well() {
        assert_eq!(time("2026-11-22T08:00:00.123Z"), "2026-11-22 08:00:00");
        assert_eq!(time("2026-11-22T09:00:00+01:00"), "2026-11-22 08:00:00");
        let now = Timestamp::parse("2026-11-22T08:00:00Z").unwrap();
        let distance = |text: &str| distance(text, now).unwrap();
        assert_eq!(distance("2026-11-22T07:59:59Z"), "just now");
        assert_eq!(distance("2026-11-22T07:59:00Z"), "1 minute ago");
        assert_eq!(time("1970-01-01T00:00:00.000Z"), "");
        assert_eq!(distance("2026-11-20T07:00:00Z"), "2 days ago");
        assert_eq!(distance("2026-11-22T09:30:00Z"), "in 1 hour");
        for (seconds, text) in [(3600, "1 h"), (90, "90 s"), (5400, "90 min"), (172_800, "2 d"), (0, "0 s")] {
            assert_eq!(life(seconds), text);
        }
    }

    #[test]
    fn grants_and_rules_read_in_one_line() {
        let thing = json!({"grants": [{"audience": "https://a", "scopes": ["x", "y"]}, {"audience": "https://b"}],
            "statements": [{"effect": "deny", "actions": ["delete:*"], "resources": ["https://a", "https://b"]}]});
        assert_eq!(Column::new("", "/grants", Reads::Grants).cell(&thing), "https://a (2), https://b (0)");
        assert_eq!(Column::plain("", "/statements").cell(&thing), "deny delete:* on https://a https://b");
        assert_eq!(Column::plain("", "/absent").cell(&thing), "");
    }
}
