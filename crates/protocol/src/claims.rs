//! The claims of an access token (RFC 9068), read strictly: a claim of the wrong type is an error, never ignored.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::json::{self, Glance};
use crate::scope::ScopeSet;

/// The claims that Symbolon sets itself; no claim map may override them.
pub const RESERVED: [&str; 19] = [
    "iss",
    "sub",
    "aud",
    "client_id",
    "azp",
    "iat",
    "nbf",
    "exp",
    "jti",
    "scope",
    "org_id",
    "key_id",
    "iat_ms",
    "typ",
    "cnf",
    "act",
    "auth_time",
    "active",
    "token_type",
];

/// Why a payload is not a set of access token claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not one JSON object with distinct keys.
    #[error("the payload is not one JSON object with distinct keys")]
    NotAnObject,
    /// A claim that must be there is not.
    #[error("the claim {0} is missing")]
    Missing(&'static str),
    /// A claim has another type than its specification says.
    #[error("the claim {0} has the wrong type")]
    WrongType(&'static str),
}

/// The claims of one access token, with everything that its payload says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Those that decide about it.
    pub known: KnownClaims,
    /// Everything, the known ones included, for the API's own use.
    pub all: Map<String, Value>,
}

impl Claims {
    /// Reads a payload. Its signature is the caller's business.
    pub fn parse(payload: &[u8]) -> Result<Self, ClaimsError> {
        Ok(Self { known: KnownClaims::parse(payload)?, all: all(payload)? })
    }
}

/// Everything that a payload says, for a payload whose [`KnownClaims`] are kept without it.
pub fn all(payload: &[u8]) -> Result<Map<String, Value>, ClaimsError> {
    match json::from_slice_without_duplicates(payload) {
        Ok(Value::Object(all)) => Ok(all),
        _ => Err(ClaimsError::NotAnObject),
    }
}

/// The claims that decide about an access token. Times are epoch seconds unless the name says otherwise. Whoever reads
/// tokens on every call keeps these alone, without the map of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownClaims {
    /// Issuer.
    pub iss: String,
    /// Subject: the client id, or a user id for password tokens.
    pub sub: String,
    /// The audiences; Symbolon itself writes exactly one.
    pub aud: Vec<String>,
    /// The client that asked for the token.
    pub client_id: Option<String>,
    /// Issued at.
    pub iat: Option<i64>,
    /// Not valid before.
    pub nbf: Option<i64>,
    /// Expires at.
    pub exp: i64,
    /// The token's own id.
    pub jti: Option<String>,
    /// What was granted.
    pub scope: ScopeSet,
    /// The customer's organization.
    pub org_id: Option<String>,
    /// The access key that the client used.
    pub key_id: Option<String>,
    /// Issued at, in epoch milliseconds: what revocations are compared with.
    pub iat_ms: Option<i64>,
    /// Whether there is a `cnf` of any type: the token is bound to a key of its bearer's (RFC 7800 §3.1).
    pub is_bound: bool,
}

impl KnownClaims {
    const NAMES: [&str; 13] = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "client_id",
        "scope",
        "org_id",
        "key_id",
        "iat_ms",
        "cnf",
    ];

    /// Reads a payload. Its signature is the caller's business.
    pub fn parse(payload: &[u8]) -> Result<Self, ClaimsError> {
        let [iss, sub, aud, exp, iat, nbf, jti, client_id, scope, org_id, key_id, iat_ms, cnf] =
            json::members(payload, &Self::NAMES).map_err(|_| ClaimsError::NotAnObject)?;
        let scope = match scope {
            None => Cow::Borrowed(""),
            Some(Glance::Text(scope)) => scope,
            Some(_) => return Err(ClaimsError::WrongType("scope")),
        };
        Ok(Self {
            iss: text(iss, "iss")?.ok_or(ClaimsError::Missing("iss"))?,
            sub: text(sub, "sub")?.ok_or(ClaimsError::Missing("sub"))?,
            aud: audiences(aud)?,
            client_id: text(client_id, "client_id")?,
            iat: seconds(iat.as_ref(), "iat")?,
            nbf: seconds(nbf.as_ref(), "nbf")?,
            exp: seconds(exp.as_ref(), "exp")?.ok_or(ClaimsError::Missing("exp"))?,
            jti: text(jti, "jti")?,
            scope: ScopeSet::parse(&scope).map_err(|_| ClaimsError::WrongType("scope"))?,
            org_id: text(org_id, "org_id")?,
            key_id: text(key_id, "key_id")?,
            iat_ms: seconds(iat_ms.as_ref(), "iat_ms")?,
            is_bound: cnf.is_some(),
        })
    }

    /// The moment of issue in epoch milliseconds, as exact as the token says it.
    pub fn issued_at_ms(&self) -> Option<i64> {
        self.iat_ms.or_else(|| self.iat.and_then(|iat| iat.checked_mul(1000)))
    }
}

fn text(claim: Option<Glance<'_>>, name: &'static str) -> Result<Option<String>, ClaimsError> {
    match claim {
        None => Ok(None),
        Some(Glance::Text(text)) => Ok(Some(text.into_owned())),
        Some(_) => Err(ClaimsError::WrongType(name)),
    }
}

/// A NumericDate (RFC 7519 §2): a JSON number, with or without a fraction, that an `i64` can hold.
fn seconds(claim: Option<&Glance<'_>>, name: &'static str) -> Result<Option<i64>, ClaimsError> {
    match claim {
        None => Ok(None),
        Some(Glance::Number(number)) => whole(number).map(Some).ok_or(ClaimsError::WrongType(name)),
        Some(_) => Err(ClaimsError::WrongType(name)),
    }
}

fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let float = number.as_f64().filter(|float| float.abs() < EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked against the exact range of f64 above")]
    Some(float.floor() as i64)
}

fn audiences(claim: Option<Glance<'_>>) -> Result<Vec<String>, ClaimsError> {
    let one = |item| match item {
        Glance::Text(audience) => Ok(audience.into_owned()),
        _ => Err(ClaimsError::WrongType("aud")),
    };
    match claim {
        None => Err(ClaimsError::Missing("aud")),
        Some(Glance::List(list)) => list.into_iter().map(one).collect(),
        Some(item) => one(item).map(|audience| vec![audience]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<KnownClaims, ClaimsError> {
        Claims::parse(value.to_string().as_bytes()).map(|claims| claims.known)
    }

    #[test]
    fn an_expiry_as_a_string_is_refused() {
        let payload = json!({"iss":"i","sub":"s","aud":"a","exp":"99999999999"});
        assert_eq!(parse(&payload).unwrap_err(), ClaimsError::WrongType("exp"));
    }

    #[test]
    fn every_wrong_type_is_refused() {
        let good = json!({
            "iss":"i","sub":"s","aud":"a","exp":1,"iat":1,"nbf":1,"jti":"j","scope":"x",
            "client_id":"c","org_id":"o","key_id":"k","iat_ms":1000
        });
        assert!(parse(&good).is_ok());
        for name in [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "nbf",
            "jti",
            "scope",
            "client_id",
            "org_id",
            "key_id",
            "iat_ms",
        ] {
            for wrong in [json!(null), json!(true), json!({}), json!([1])] {
                let mut payload = good.clone();
                payload[name] = wrong.clone();
                assert!(matches!(parse(&payload), Err(ClaimsError::WrongType(_))), "{name}: {wrong}");
            }
        }
        for name in ["iss", "sub", "aud", "exp"] {
            let mut payload = good.clone();
            payload.as_object_mut().unwrap().remove(name);
            assert_eq!(parse(&payload).unwrap_err(), ClaimsError::Missing(name));
        }
    }

    #[test]
    fn duplicate_claims_are_refused() {
        let payload = br#"{"iss":"i","sub":"s","aud":"a","exp":1,"exp":9}"#;
        assert_eq!(Claims::parse(payload).unwrap_err(), ClaimsError::NotAnObject);
    }

    #[test]
    fn fractions_are_numbers_too() {
        let claims = parse(&json!({"iss":"i","sub":"s","aud":["a","b"],"exp":12.9})).unwrap();
        assert_eq!(claims.exp, 12);
        assert_eq!(claims.aud, ["a", "b"]);
        let huge = json!({"iss":"i","sub":"s","aud":"a","exp":1e300});
        assert!(parse(&huge).is_err());
    }
}
