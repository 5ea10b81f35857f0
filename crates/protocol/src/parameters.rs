//! The parameters of a token request, read once, whatever the encoding of its body.
//!
//! Rules that hold for every encoding: unknown parameters are kept aside and ignored, an empty value counts as
//! absent (RFC 6749 §3.2), and a repeated parameter is an error, except `resource` (RFC 8707 §2).

use std::fmt;
use std::ops::Deref;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::json;

/// The largest body of a token request, in bytes.
pub const LARGEST_BODY: usize = 16 * 1024;

/// The most parameters of a token request; no grant has a quarter as many.
pub const MOST_PARAMETERS: usize = 64;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/json`
    Json,
}

impl Encoding {
    /// Reads a `Content-Type` value, in any case and with any parameters behind it.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }
}

/// Why a body could not be read. The texts go to the client as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// More than [`LARGEST_BODY`].
    #[error("The body is larger than 16 KiB")]
    TooLarge,
    /// The connection broke off, or was too slow, before the whole body had arrived.
    #[error("The body did not arrive in full")]
    Incomplete,
    /// A form that is not UTF-8 once decoded.
    #[error("The form is not UTF-8")]
    NotUtf8,
    /// Not JSON, or not one object.
    #[error("The body is not one JSON object with distinct keys")]
    NotAnObject,
    /// A JSON member of another type.
    #[error("Parameter {0} must be a string")]
    NotAString(String),
    /// More than [`MOST_PARAMETERS`].
    #[error("The body has more than 64 parameters")]
    TooMany,
    /// A parameter that came more than once.
    #[error("Repeated parameter: {0}")]
    Repeated(String),
}

/// A text of a request: a part of the body as it came, or made from it. What was made may be a secret: it is wiped
/// when dropped.
#[derive(Clone)]
pub enum Text<'a> {
    /// As it came.
    Plain(&'a str),
    /// Decoded.
    Made(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// The parameters of one request. Values may be secrets and are never shown.
pub struct Parameters<'a> {
    pairs: Vec<(Text<'a>, Text<'a>)>,
}

impl<'a> Parameters<'a> {
    /// No parameters at all, for a request with an empty body.
    pub const fn empty() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Reads a body in its encoding.
    pub fn read(encoding: Encoding, body: &'a [u8]) -> Result<Self, ParametersError> {
        if body.len() > LARGEST_BODY {
            return Err(ParametersError::TooLarge);
        }
        match encoding {
            Encoding::Form => Self::from_form(body),
            Encoding::Json => Self::from_json(body),
        }
    }

    /// The one value of a parameter; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, value)| **key == *name && !value.is_empty()).map(|(_, value)| &**value)
    }

    /// Every value of a parameter that may be repeated.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        let wanted = move |(key, value): &&'b (Text<'a>, Text<'a>)| **key == *name && !value.is_empty();
        self.pairs.iter().filter(wanted).map(|(_, value)| &**value)
    }

    fn from_form(body: &'a [u8]) -> Result<Self, ParametersError> {
        // As many as a token request has.
        let mut parameters = Self { pairs: Vec::with_capacity(6) };
        for part in body.split(|b| *b == b'&').filter(|part| !part.is_empty()) {
            let split = part.iter().position(|b| *b == b'=');
            let (name, value) = match split {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, &[][..]),
            };
            let name = form_decode(name).ok_or(ParametersError::NotUtf8)?;
            let value = form_decode(value).ok_or(ParametersError::NotUtf8)?;
            parameters.push(name, value)?;
        }
        Ok(parameters)
    }

    fn from_json(body: &[u8]) -> Result<Self, ParametersError> {
        let body = plain_spaces(body);
        let Ok(Value::Object(object)) = json::from_slice_without_duplicates(&body) else {
            return Err(ParametersError::NotAnObject);
        };
        let made = |text| Text::Made(Zeroizing::new(text));
        let mut parameters = Self::empty();
        for (name, value) in object {
            match value {
                Value::Null => {}
                Value::String(text) => parameters.push(made(name), made(text))?,
                _ => return Err(ParametersError::NotAString(name)),
            }
        }
        Ok(parameters)
    }

    fn push(&mut self, name: Text<'a>, value: Text<'a>) -> Result<(), ParametersError> {
        if self.pairs.len() >= MOST_PARAMETERS {
            return Err(ParametersError::TooMany);
        }
        if *name != *"resource" && self.pairs.iter().any(|(seen, _)| **seen == *name) {
            return Err(ParametersError::Repeated((*name).to_owned()));
        }
        self.pairs.push((name, value));
        Ok(())
    }
}

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| &**name)).finish()
    }
}

/// Decodes one name or value of `application/x-www-form-urlencoded`: `+` is a space, `%XX` a byte, and a stray
/// `%` stands for itself. `None` if the result is not UTF-8.
pub fn form_decode(text: &[u8]) -> Option<Text<'_>> {
    if !text.iter().any(|b| matches!(b, b'+' | b'%')) {
        return str::from_utf8(text).ok().map(Text::Plain);
    }
    let spaced = Zeroizing::new(text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect::<Vec<u8>>());
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    match String::from_utf8(bytes) {
        Ok(text) => Some(Text::Made(Zeroizing::new(text))),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}

/// Turns each no-break space (U+00A0) outside of strings into a plain one. JSON knows only four white space
/// characters, but a widely copied example indents its body with this one.
fn plain_spaces(body: &[u8]) -> Zeroizing<Vec<u8>> {
    const NO_BREAK_SPACE: [u8; 2] = [0xC2, 0xA0];
    let mut plain = Zeroizing::new(Vec::with_capacity(body.len()));
    let (mut in_string, mut escaped, mut at) = (false, false, 0);
    while let Some(&byte) = body.get(at) {
        if !in_string && body[at..].starts_with(&NO_BREAK_SPACE) {
            plain.push(b' ');
            at += NO_BREAK_SPACE.len();
            continue;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        plain.push(byte);
        at += 1;
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(body: &str) -> Result<Parameters<'_>, ParametersError> {
        Parameters::read(Encoding::Form, body.as_bytes())
    }

    fn json(body: &str) -> Result<Parameters<'_>, ParametersError> {
        Parameters::read(Encoding::Json, body.as_bytes())
    }

    #[test]
    fn content_types_are_read_in_any_case_with_parameters() {
        let read = Encoding::from_content_type;
        assert_eq!(read("application/json"), Some(Encoding::Json));
        assert_eq!(read("Application/JSON;charset=UTF-8"), Some(Encoding::Json));
        assert_eq!(read("application/X-WWW-Form-Urlencoded ; charset=utf-8"), Some(Encoding::Form));
        assert_eq!(read("text/plain"), None);
        assert_eq!(read("application/jsonp"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn null_and_empty_mean_absent() {
        let parameters = json(r#"{"organization":null,"scope":"","grant_type":"x"}"#).unwrap();
        assert_eq!(parameters.get("organization"), None);
        assert_eq!(parameters.get("scope"), None);
        assert_eq!(parameters.get("grant_type"), Some("x"));
        assert_eq!(form("scope=&username&a=b").unwrap().get("scope"), None);
    }

    #[test]
    fn only_resource_may_be_repeated() {
        assert_eq!(form("a=1&a=2").unwrap_err(), ParametersError::Repeated("a".to_owned()));
        assert_eq!(form("a=&a=2").unwrap_err(), ParametersError::Repeated("a".to_owned()));
        assert_eq!(json(r#"{"a":"1","a":"1"}"#).unwrap_err(), ParametersError::NotAnObject);
        let parameters = form("resource=x&resource=y").unwrap();
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn other_json_types_are_refused() {
        for body in ["[]", "1", "\"a\"", "null", "{", ""] {
            assert_eq!(json(body).unwrap_err(), ParametersError::NotAnObject, "{body}");
        }
        for body in [r#"{"a":1}"#, r#"{"a":["x"]}"#, r#"{"a":{}}"#, r#"{"a":true}"#] {
            assert_eq!(json(body).unwrap_err(), ParametersError::NotAString("a".to_owned()), "{body}");
        }
    }

    #[test]
    fn no_break_spaces_are_spaces_outside_of_strings_and_themselves_inside() {
        let parameters = json("{\u{a0}\"a\":\u{a0}\u{a0}\"x\u{a0}\\\"\u{a0}\"\u{a0}}").unwrap();
        assert_eq!(parameters.get("a"), Some("x\u{a0}\"\u{a0}"));
    }

    #[test]
    fn oversized_bodies_are_refused_whole() {
        let body = format!("grant_type=client_credentials&scope={}", "x".repeat(LARGEST_BODY));
        assert_eq!(form(&body).unwrap_err(), ParametersError::TooLarge);
    }

    #[test]
    fn more_parameters_than_any_grant_has_are_refused() {
        let body = |count: usize| (0..count).map(|n| format!("p{n}=x")).collect::<Vec<_>>().join("&");
        assert!(form(&body(MOST_PARAMETERS)).is_ok());
        assert_eq!(form(&body(MOST_PARAMETERS + 1)).unwrap_err(), ParametersError::TooMany);
        let resources = vec!["resource=x"; MOST_PARAMETERS + 1].join("&");
        assert_eq!(form(&resources).unwrap_err(), ParametersError::TooMany);
    }

    #[test]
    fn debug_shows_names_only() {
        assert_eq!(format!("{:?}", form("client_secret=hush&b=c").unwrap()), r#"["client_secret", "b"]"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Parameters::read(Encoding::Form, &body);
            let _ = Parameters::read(Encoding::Json, &body);
        }

        #[test]
        fn any_text_survives_json(text in ".{1,40}") {
            let body = serde_json::json!({ "a": text }).to_string();
            let parameters = json(&body).unwrap();
            prop_assert_eq!(parameters.get("a"), Some(text.as_str()));
        }
    }
}
