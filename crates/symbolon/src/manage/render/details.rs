//! One thing in full: a line for each member, the settings among them, and nothing that is not set.

use serde_json::{Map, Value};
use symbolon_core::clock::Timestamp;
use unicode_width::UnicodeWidthStr as _;

use crate::manage::render::{Paint, Screen, plain, value};

/// What comes first, in this order; `LAST` ends it, and everything else stands between in the order of its names.
const FIRST: [&str; 8] = ["id", "identifier", "kid", "name", "email", "status", "role", "organization"];
const LAST: [&str; 4] = ["version", "created_at", "access_key", "secret"];

/// A thing, as lines.
pub fn render(thing: &Value, screen: &Screen, now: Timestamp) -> String {
    let mut lines = Vec::new();
    collect(thing, "", now, &mut lines);
    lines.sort_by_key(|line| rank(&line.name));
    let width = lines.iter().map(|line| line.label.width()).max().unwrap_or(0);
    let mut text = String::new();
    for line in &lines {
        let room = screen.width.map_or(usize::MAX, |all| all.saturating_sub(width + 2).max(20));
        for (index, part) in line.parts.iter().flat_map(|part| wrapped(part, room)).enumerate() {
            let shown = screen.paint(value::paint(&part), &part);
            if index == 0 {
                text.push_str(&screen.paint(Paint::Faint, &line.label));
                text.push_str(&" ".repeat(width - line.label.width() + 2));
            } else {
                text.push_str(&" ".repeat(width + 2));
            }
            text.push_str(&shown);
            text.push('\n');
        }
    }
    text
}

struct Line {
    name: String,
    label: String,
    parts: Vec<String>,
}

fn rank(name: &str) -> usize {
    let first = FIRST.iter().position(|other| *other == name);
    let last = LAST.iter().position(|other| *other == name).map(|index| FIRST.len() + 1 + index);
    first.or(last).unwrap_or(FIRST.len())
}

fn collect(thing: &Value, under: &str, now: Timestamp, lines: &mut Vec<Line>) {
    let Some(members) = thing.as_object() else { return };
    for (name, member) in members {
        if name == "settings" {
            collect(member, "", now, lines);
            continue;
        }
        // Told where it is so.
        if name == "held" && *member == Value::Bool(false) {
            continue;
        }
        let parts = parts(name, member, now);
        if parts.iter().all(String::is_empty) {
            continue;
        }
        let parts = parts.iter().map(|part| plain(part)).collect();
        lines.push(Line { name: name.clone(), label: format!("{under}{}", label(name)), parts });
    }
}

/// A member's name in words: `last_used_at` is "Last used at".
fn label(name: &str) -> String {
    let mut words = plain(name).replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn parts(name: &str, member: &Value, now: Timestamp) -> Vec<String> {
    let is_life = name == "lifetime" || name.ends_with("_lifetime");
    match member {
        Value::String(text) if name.ends_with("_at") || name == "before" || name == "at" => {
            match (value::time(text), value::distance(text, now)) {
                (time, Some(distance)) if !time.is_empty() => vec![format!("{time} UTC ({distance})")],
                (time, _) => vec![time],
            }
        }
        Value::Number(number) if is_life => number.as_i64().map(value::life).into_iter().collect(),
        Value::Array(items) if items.iter().any(|item| item.get("effect").is_some()) => {
            items.iter().map(value::statement).collect()
        }
        Value::Array(items) if items.iter().any(|item| item.get("audience").is_some()) => {
            items.iter().flat_map(grant).collect()
        }
        Value::Object(members) => nested(members, now),
        other => vec![value::plainly(other)],
    }
}

fn grant(grant: &Value) -> Vec<String> {
    let scopes = grant.get("scopes").map(value::plainly).unwrap_or_default();
    let audience = grant.get("audience").map(value::plainly).unwrap_or_default();
    if scopes.is_empty() { vec![audience] } else { vec![audience, format!("  {scopes}")] }
}

fn nested(members: &Map<String, Value>, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, member) in members {
        let inner = parts(name, member, now);
        match inner.as_slice() {
            [] => {}
            [one] if one.is_empty() => {}
            [one] => lines.push(format!("{name} = {one}")),
            more => {
                lines.push(format!("{name}:"));
                lines.extend(more.iter().map(|line| format!("  {line}")));
            }
        }
    }
    lines
}

/// A text in lines that are no wider, broken at spaces; the indentation of the first goes for all.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    if text.width() <= room {
        return vec![text.to_owned()];
    }
    let indentation: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.is_empty() {
            line = format!("{indentation}{word}");
        } else if line.width() + 1 + word.width() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(std::mem::replace(&mut line, format!("{indentation}{word}")));
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_set_is_shown_and_nothing_else() {
        let thing = json!({"created_at": "2026-11-22T07:00:00.000Z", "id": "cli_1", "organization": "acme",
            "settings": {"allowed_networks": [], "claims": {"tier": "gold"}, "default_audience": null,
                "grants": [{"audience": "https://api.meti.io", "scopes": ["read:sources", "write:sources"]}],
                "lifetime": 600, "name": "Importer", "requires": false},
            "status": "active", "version": 3});
        let now = Timestamp::parse("2026-11-22T08:00:00Z").unwrap();
        let text = render(&thing, &Screen { width: Some(40), colour: false }, now);
        let expected = "\
Id            cli_1
Name          Importer
Status        active
Organization  acme
Claims        tier = gold
Grants        https://api.meti.io
                read:sources
                write:sources
Lifetime      10 min
Requires      no
Version       3
Created at    2026-11-22 07:00:00 UTC (1
              hour ago)
";
        assert_eq!(text, expected);
    }
}
