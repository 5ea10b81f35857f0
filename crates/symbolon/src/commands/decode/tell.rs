//! How a decoded token is shown: every claim, with what it means, and then the verdicts.

use std::fmt::Write as _;

use serde_json::{Value, json};
use symbolon_core::clock::Timestamp;

use crate::commands::decode::TokenParts;
use crate::commands::decode::check::{Findings, Found};
use crate::manage::render::{plain, value};

/// The claims that are known, in the order in which they are shown, and what they mean.
const CLAIMS: [(&str, &str); 17] = [
    ("iss", "issuer"),
    ("sub", "subject"),
    ("client_id", "client"),
    ("azp", "authorized party"),
    ("org_id", "organization"),
    ("key_id", "access key"),
    ("aud", "for the API"),
    ("scope", "scopes"),
    ("role", "role"),
    ("iat", "issued"),
    ("iat_ms", "issued, exactly"),
    ("nbf", "valid from"),
    ("exp", "expires"),
    ("jti", "token id"),
    ("typ", "type"),
    ("cnf", "bound to a key"),
    ("auth_time", "signed in"),
];

/// For people.
pub(crate) fn text(token: &TokenParts, findings: &Findings, now: Timestamp) -> String {
    let mut lines: Vec<(String, String, String)> = Vec::new();
    let mut line = |name: &str, meaning: &str, text: String| {
        lines.push((plain(name), meaning.to_owned(), plain(&text)));
    };
    for name in ["alg", "typ", "kid"] {
        if let Some(value) = token.unverified_header.get(name) {
            line(name, "header", value::plainly(value));
        }
    }
    for (name, value) in &token.unverified_header {
        if !["alg", "typ", "kid"].contains(&name.as_str()) {
            line(name, "header", value::plainly(value));
        }
    }
    for (name, meaning) in CLAIMS {
        if let Some(value) = token.unverified_claims.get(name) {
            line(name, meaning, claim(name, value, now));
        }
    }
    for (name, value) in &token.unverified_claims {
        if CLAIMS.iter().all(|(known, _)| known != name) {
            line(name, "", value::plainly(value));
        }
    }
    let width = |column: fn(&(String, String, String)) -> usize| lines.iter().map(column).max().unwrap_or(0);
    let (names, meanings) = (width(|line| line.0.chars().count()), width(|line| line.1.chars().count()));
    let mut text = String::new();
    for (name, meaning, value) in &lines {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{name:<names$}  {meaning:<meanings$}  {value}");
    }
    text.push('\n');
    for (name, found) in verdicts(findings) {
        let (word, why) = found.words();
        let _ = writeln!(text, "{name:<10}  {word:<8}  {}", plain(why));
    }
    text
}

/// For programs.
pub(crate) fn json(token: &TokenParts, findings: &Findings) -> String {
    let checks: serde_json::Map<String, Value> = verdicts(findings)
        .map(|(name, found)| {
            let (word, why) = found.words();
            (name.to_owned(), json!({ "result": word, "text": why }))
        })
        .collect();
    let whole =
        json!({ "header": token.unverified_header, "claims": token.unverified_claims, "checks": checks });
    format!("{whole}\n")
}

fn verdicts(findings: &Findings) -> impl Iterator<Item = (&'static str, &Found)> {
    let all = [
        ("signature", &findings.signature),
        ("time", &findings.time),
        ("issuer", &findings.issuer),
        ("audience", &findings.audience),
        ("revocation", &findings.revocation),
    ];
    all.into_iter().filter_map(|(name, found)| Some((name, found.as_ref()?)))
}

impl Found {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Good(why) => ("good", why),
            Self::Bad(why) => ("bad", why),
            Self::Unknown(why) => ("unknown", why),
            Self::Unreachable(why) => ("no answer", why),
        }
    }
}

/// A claim's value; moments in words, too.
fn claim(name: &str, value: &Value, now: Timestamp) -> String {
    let moment = match (name, value.as_i64()) {
        ("iat" | "nbf" | "exp" | "auth_time", Some(seconds)) => Timestamp::from_seconds(seconds),
        ("iat_ms", Some(millis)) => Timestamp::from_millis(millis),
        _ => return value::plainly(value),
    };
    let text = moment.to_string();
    match value::distance(&text, now) {
        Some(distance) => format!("{} UTC ({distance})", value::time(&text)),
        None => value::plainly(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_told_in_words() {
        let now = Timestamp::parse("2026-11-22T08:00:00Z").unwrap();
        let at = |name: &str, value: Value| claim(name, &value, now);
        assert_eq!(at("exp", json!(now.seconds() + 720)), "2026-11-22 08:12:00 UTC (in 12 minutes)");
        assert_eq!(at("iat_ms", json!(now.millis() - 3_600_000)), "2026-11-22 07:00:00 UTC (1 hour ago)");
        assert_eq!(at("scope", json!("a b")), "a b");
        assert_eq!(at("exp", json!("soon")), "soon");
    }

    #[test]
    fn nothing_in_a_token_can_steer_the_terminal() {
        let token = TokenParts {
            text: String::new(),
            unverified_header: json!({"alg": "\x1b[2J"}).as_object().unwrap().clone(),
            unverified_claims: json!({"\x1b[1m": "\x1b[2J"}).as_object().unwrap().clone(),
        };
        let findings = Findings {
            signature: Some(Found::Bad("\x1b[2J".to_owned())),
            time: None,
            issuer: None,
            audience: None,
            revocation: None,
        };
        assert!(!text(&token, &findings, Timestamp::default()).contains('\x1b'));
    }
}
