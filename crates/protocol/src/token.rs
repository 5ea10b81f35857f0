//! The bodies of successful token answers (RFC 6749 §5.1), in the two shapes that clients know.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::scope::ScopeSet;

/// The only token type there is here; some clients compare it letter by letter.
pub const BEARER: &str = "Bearer";

/// The standard answer.
#[derive(Clone, Serialize)]
pub struct TokenResponse<'a> {
    /// The signed JWT.
    pub access_token: &'a str,
    /// Always [`BEARER`].
    pub token_type: &'static str,
    /// Seconds until the token's `exp`, counted from its `iat`.
    pub expires_in: i64,
    /// What was granted, space separated.
    #[serde(serialize_with = "spaced")]
    pub scope: &'a ScopeSet,
}

impl TokenResponse<'_> {
    /// The answer as JSON, written by hand because a token is long and every token is answered: none of its texts
    /// has a character that JSON would escape (a compact JWS has letters, digits, `-`, `_` and `.`; for scopes see
    /// RFC 6749 §3.3).
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.access_token.len() + 32 * self.scope.len() + 128);
        json.push_str("{\"access_token\":\"");
        json.push_str(self.access_token);
        json.push_str("\",\"token_type\":\"");
        json.push_str(self.token_type);
        // Writing into a string cannot fail.
        let _ = write!(json, "\",\"expires_in\":{},\"scope\":\"", self.expires_in);
        for (index, scope) in self.scope.iter().enumerate() {
            if index > 0 {
                json.push(' ');
            }
            json.push_str(scope.as_str());
        }
        json.push_str("\"}");
        json
    }
}

/// The answer as Keycloak shapes it.
#[derive(Clone, Serialize)]
pub struct KeycloakTokenResponse<'a> {
    /// The standard members.
    #[serde(flatten)]
    pub standard: TokenResponse<'a>,
    /// Always 0: client credentials have no refresh token.
    pub refresh_expires_in: i64,
    /// Tokens issued before this second (epoch) are dead; 0 when none were revoked.
    #[serde(rename = "not-before-policy")]
    pub not_before_policy: i64,
    /// A fresh UUID; there is no session behind it.
    pub session_state: String,
}

/// The answer of the v1 password endpoint.
#[derive(Clone, Serialize)]
pub struct PasswordTokenResponse<'a> {
    /// The signed JWT.
    pub token: &'a str,
    /// Seconds until it expires.
    pub expires_in: i64,
}

/// What a client of any dialect reads back.
#[derive(Clone, Deserialize)]
pub struct ReceivedToken {
    /// The token under either name.
    #[serde(alias = "token")]
    pub access_token: String,
    /// Seconds of life.
    pub expires_in: i64,
    /// What was granted, if the answer says so.
    #[serde(default)]
    pub scope: Option<String>,
}

fn spaced<S: serde::Serializer>(scope: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_answer_by_hand_is_the_one_of_the_library(
            token in "[A-Za-z0-9_.-]{0,80}", scopes in "[!#-\\[\\]-~ ]{0,40}", expires_in in 1_i64..
        ) {
            let scope = ScopeSet::parse(&scopes).unwrap();
            let answer = TokenResponse { access_token: &token, token_type: BEARER, expires_in, scope: &scope };
            proptest::prop_assert_eq!(answer.to_json(), serde_json::to_string(&answer).unwrap());
        }
    }

    #[test]
    fn the_keycloak_shape_keeps_the_hyphens() {
        let scope = ScopeSet::parse("b a").unwrap();
        let standard = TokenResponse { access_token: "t", token_type: BEARER, expires_in: 60, scope: &scope };
        let body = KeycloakTokenResponse {
            standard,
            refresh_expires_in: 0,
            not_before_policy: 7,
            session_state: "s".to_owned(),
        };
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({
                "access_token": "t", "token_type": "Bearer", "expires_in": 60, "scope": "a b",
                "refresh_expires_in": 0, "not-before-policy": 7, "session_state": "s"
            })
        );
    }
}
