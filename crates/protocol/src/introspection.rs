//! Token introspection (RFC 7662): what the server says of a token to those who may ask.

use serde::Serialize;
use serde_json::{Map, Value};

/// The answer. An inactive token is described by nothing but `{"active":false}`, whatever the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introspection {
    /// Unknown, expired, revoked, or none of the caller's business.
    Inactive,
    /// A live token with its claims.
    Active(Map<String, Value>),
}

impl Serialize for Introspection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Inactive => map.serialize_entry("active", &false)?,
            Self::Active(claims) => {
                map.serialize_entry("active", &true)?;
                map.serialize_entry("token_type", crate::token::BEARER)?;
                for (name, value) in claims {
                    if name != "active" && name != "token_type" {
                        map.serialize_entry(name, value)?;
                    }
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inactive_says_nothing_else() {
        assert_eq!(serde_json::to_string(&Introspection::Inactive).unwrap(), r#"{"active":false}"#);
    }

    #[test]
    fn a_claim_cannot_pose_as_the_verdict() {
        let mut claims = Map::new();
        claims.insert("active".to_owned(), Value::Bool(false));
        let text = serde_json::to_string(&Introspection::Active(claims)).unwrap();
        assert_eq!(text, r#"{"active":true,"token_type":"Bearer"}"#);
    }
}
