//! A token as people read it: header and claims, with what they mean, and times in words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use symbolon_core::clock::Timestamp;

use crate::console::texts::Texts;
use crate::console::time::{Moment, lasting};

/// A member of the header or of the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) value: String,
    /// Where it is one.
    pub(super) moment: Option<Moment>,
    /// What it means, where that is known.
    pub(super) meaning: String,
}

/// A decoded token. Its signature is not among it: what is shown cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenView {
    pub(super) header: Vec<Member>,
    pub(super) claims: Vec<Member>,
}

/// What members say that every token has, by the name of its text.
const MEANINGS: [(&str, &str); 16] = [
    ("alg", "claim-alg"),
    ("typ", "claim-typ"),
    ("kid", "claim-kid"),
    ("iss", "claim-iss"),
    ("sub", "claim-sub"),
    ("aud", "claim-aud"),
    ("exp", "claim-exp"),
    ("iat", "claim-iat"),
    ("nbf", "claim-nbf"),
    ("jti", "claim-jti"),
    ("scope", "claim-scope"),
    ("client_id", "claim-client-id"),
    ("azp", "claim-client-id"),
    ("key_id", "claim-key-id"),
    ("org_id", "claim-org-id"),
    ("iat_ms", "claim-iat-ms"),
];

fn member(t: Texts, now: Timestamp, (name, value): (String, Value)) -> Member {
    let is_time = matches!(name.as_str(), "exp" | "iat" | "nbf");
    let moment = value.as_i64().filter(|_| is_time).map(Timestamp::from_seconds);
    let known = MEANINGS.iter().find(|(other, _)| *other == name).map_or("claim-own", |(_, text)| text);
    let in_words = moment.filter(|at| name == "exp" && *at > now).map(|at| {
        let left = lasting(t, at.since(now));
        t.with("claim-left", &[("left", &left)]).into_owned()
    });
    let meaning = std::iter::once(t.of(known).into_owned()).chain(in_words).collect::<Vec<_>>().join(" ");
    let value = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Member { name, value, moment: moment.map(Moment), meaning }
}

impl TokenView {
    /// Reads a compact JWT that was just made here; `None` if it is none.
    pub(super) fn of(t: Texts, token: &str, now: Timestamp) -> Option<Self> {
        let mut parts = token.split('.');
        let mut part = || {
            let bytes = BASE64URL.decode(parts.next()?).ok()?;
            let members: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
            Some(members.into_iter().map(|pair| member(t, now, pair)).collect())
        };
        Some(Self { header: part()?, claims: part()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_with_its_times_and_without_its_signature() {
        let encode = |text: &str| BASE64URL.encode(text);
        let token = format!(
            "{}.{}.c2lnbmF0dXJl",
            encode(r#"{"alg":"ES256","kid":"k1"}"#),
            encode(r#"{"exp":4600,"iss":"https://a.example","own":{"a":[1]}}"#)
        );
        let view = TokenView::of(Texts::default(), &token, Timestamp::from_seconds(1000)).unwrap();
        assert_eq!(view.header[0].value, "ES256");
        let claim = |name: &str| view.claims.iter().find(|claim| claim.name == name).unwrap();
        assert_eq!(claim("exp").moment, Some(Moment(Timestamp::from_seconds(4600))));
        assert!(claim("exp").meaning.contains("1 hour"), "{:?}", claim("exp"));
        assert_eq!(
            (claim("own").value.as_str(), claim("own").meaning.as_str()),
            (r#"{"a":[1]}"#, "Set by the API.")
        );
        assert!(!format!("{view:?}").contains("c2ln"));
        assert_eq!(TokenView::of(Texts::default(), "none", Timestamp::default()), None);
    }
}
