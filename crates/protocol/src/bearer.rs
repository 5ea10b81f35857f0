//! Bearer tokens in requests, and the challenges that answer their absence (RFC 6750).

use std::fmt;

use crate::error::{ErrorCode, allowed_description};

/// The longest token that is looked at, in bytes.
pub const LONGEST_TOKEN: usize = 8 * 1024;

/// What a request says in its Authorization headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No credentials of any kind.
    None,
    /// One Bearer token, not verified.
    Token(&'a str),
    /// Credentials of another scheme, or not well-formed.
    Malformed,
    /// More than one.
    Twice,
}

/// Reads the Authorization headers of a request to a guarded API.
pub fn presented<'a>(mut headers: impl Iterator<Item = &'a [u8]>) -> Presented<'a> {
    let Some(header) = headers.next() else { return Presented::None };
    if headers.next().is_some() {
        return Presented::Twice;
    }
    let Ok(text) = std::str::from_utf8(header) else { return Presented::Malformed };
    let Some((scheme, token)) = text.split_once(' ') else { return Presented::Malformed };
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() || !token.bytes().all(is_token_byte) {
        return Presented::Malformed;
    }
    Presented::Token(token)
}

/// Whether a query string carries an access token, which is never read (RFC 6750 §2.3 as narrowed by OAuth 2.1).
pub fn query_has_token(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        crate::parameters::form_decode(name.as_bytes()).is_some_and(|name| *name == *"access_token")
    })
}

/// The `b64token` characters of RFC 6750 §2.1.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

/// A `WWW-Authenticate` value of the Bearer scheme (RFC 6750 §3), with the pointer of RFC 9728 §5.1.
#[derive(Clone, Debug, Default)]
pub struct Challenge<'a> {
    /// The realm's name for people.
    pub realm: &'a str,
    /// The address of the protected resource metadata.
    pub resource_metadata: Option<&'a str>,
    /// The error; absent where the request had no credentials at all.
    pub error: Option<(ErrorCode, &'a str)>,
    /// The scopes that would have been enough.
    pub scope: Option<&'a str>,
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer realm=\"{}\"", allowed_description(self.realm))?;
        if let Some((code, description)) = self.error {
            write!(f, ", error=\"{}\"", code.name())?;
            write!(f, ", error_description=\"{}\"", allowed_description(description))?;
        }
        if let Some(scope) = self.scope {
            write!(f, ", scope=\"{}\"", allowed_description(scope))?;
        }
        if let Some(address) = self.resource_metadata {
            write!(f, ", resource_metadata=\"{}\"", allowed_description(address))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[&'static str]) -> Presented<'static> {
        presented(headers.iter().map(|h| h.as_bytes()))
    }

    #[test]
    fn one_bearer_token_in_any_case() {
        assert_eq!(read(&[]), Presented::None);
        assert_eq!(read(&["Bearer abc.def"]), Presented::Token("abc.def"));
        assert_eq!(read(&["bearer  abc"]), Presented::Token("abc"));
        assert_eq!(read(&["Bearer a", "Bearer a"]), Presented::Twice);
        for bad in ["Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer a,b", "abc"] {
            assert_eq!(read(&[bad]), Presented::Malformed, "{bad}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_noticed_however_it_is_spelt() {
        assert!(query_has_token("a=b&access_token=x"));
        assert!(query_has_token("access%5Ftoken=x"));
        assert!(!query_has_token("a=access_token"));
    }

    #[test]
    fn challenges_quote_safely() {
        let challenge = Challenge {
            realm: "a\"b",
            resource_metadata: Some("https://x.example/m"),
            error: Some((ErrorCode::InvalidToken, "expired")),
            scope: None,
        };
        assert_eq!(
            challenge.to_string(),
            "Bearer realm=\"a?b\", error=\"invalid_token\", error_description=\"expired\", \
             resource_metadata=\"https://x.example/m\""
        );
    }
}
