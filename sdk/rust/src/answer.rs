//! What an answer means: a token, or which kind of error. The rows are those of the conformance vectors.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, Kind, Told};
use crate::life::LONGEST_SECONDS;
use crate::secret::Secret;
use crate::token::is_token;

/// The longest answer that is read, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// What a server wrote is shown up to so many characters.
const LONGEST_TEXT: usize = 200;

/// The longest that a server is believed when it asks for patience.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The codes that mean something here. They are told as they are, whatever the secret is.
const KNOWN: [&str; 9] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// A token, as it was answered.
pub(crate) struct Answered {
    pub(crate) token: Zeroizing<String>,
    pub(crate) scope: Option<String>,
    /// The life that the server named, in milliseconds.
    pub(crate) expires_in_ms: Option<u64>,
}

/// How an answer is read.
pub(crate) struct Reading<'a> {
    /// Whether it comes from v1's endpoint, whose words differ.
    pub(crate) is_password: bool,
    /// The wall clock, in epoch milliseconds.
    pub(crate) wall_ms: i64,
    /// Who is asked, for the text of an error.
    pub(crate) server: &'a str,
    /// What was sent, and must not be told.
    pub(crate) secret: Option<&'a Secret>,
}

impl Reading<'_> {
    /// Reads the answer of a token endpoint.
    pub(crate) fn token(&self, response: Response<Bytes>) -> Result<Answered, Error> {
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            return Err(self.refusal(parts.status, &parts.headers, &body));
        }
        let read = self.read_token(&body);
        // The transport's buffer holds the token as well; it can be wiped if nobody else has it.
        if let Ok(mut unshared) = body.try_into_mut() {
            unshared.as_mut().zeroize();
        }
        read.map_err(|what| self.malformed(parts.status, what))
    }

    fn read_token(&self, body: &[u8]) -> Result<Answered, &'static str> {
        let mut object = object(body).ok_or("is not one JSON object of at most 64 KiB")?;
        let name = if self.is_password { "token" } else { "access_token" };
        let token = match object.remove(name) {
            Some(Value::String(token)) => Zeroizing::new(token),
            _ => return Err("has no token in it"),
        };
        if !is_token(&token) {
            return Err("has a token that cannot stand in a header");
        }
        match object.get("token_type") {
            None => {}
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("Bearer") => {}
            Some(_) => return Err("has a token that is no Bearer token"),
        }
        let expires_in_ms = match object.get("expires_in") {
            None | Some(Value::Null) => None,
            Some(value) => Some(seconds(value).ok_or("has an expires_in that is no time to come")? * 1000),
        };
        let scope = match object.remove("scope") {
            Some(Value::String(scope)) => Some(scope),
            _ => None,
        };
        Ok(Answered { token, scope, expires_in_ms })
    }

    /// Reads a document that is one JSON object.
    pub(crate) fn document(&self, response: &Response<Bytes>) -> Result<Map<String, Value>, Error> {
        let (status, body) = (response.status(), response.body());
        if !status.is_success() {
            return Err(self.refusal(status, response.headers(), body));
        }
        object(body).ok_or_else(|| self.malformed(status, "is not one JSON object of at most 64 KiB"))
    }

    /// An answer that is none.
    pub(crate) fn malformed(&self, status: StatusCode, what: &str) -> Error {
        let told = Told { status: Some(status.as_u16()), ..Told::default() };
        Error::told(Kind::Malformed, format_args!("what {} answered {what}", self.server), told)
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let object = object(body).unwrap_or_default();
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let code = text("error");
        let kind = kind(status.as_u16(), code, self.is_password);
        let is_temporary = matches!(kind, Kind::Temporary | Kind::RateLimited);
        let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let told = Told {
            status: Some(status.as_u16()),
            code: code.map(|code| if KNOWN.contains(&code) { code.to_owned() } else { self.clean(code) }),
            description: text("error_description").map(|text| self.clean(text)),
            request_id: id.map(|text| self.clean(text)),
            retry_after: if is_temporary { wait_named(headers, self.wall_ms) } else { None },
        };
        let text = match kind {
            Kind::Temporary => "cannot answer now",
            Kind::RateLimited => "asks for fewer requests",
            Kind::InvalidClient => "does not take the credentials",
            Kind::Redirect => "answers with a redirect, which is not followed",
            Kind::Malformed => "answers in no way that is known",
            _ => "gives no token",
        };
        Error::told(kind, format_args!("{} {text} ({})", self.server, status.as_u16()), told)
    }

    /// What a server wrote, short, on one line, and without the secret.
    fn clean(&self, text: &str) -> String {
        let text = match self.secret {
            Some(secret) => text.replace(secret.expose(), "[redacted]"),
            None => text.to_owned(),
        };
        text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// The kind of a refusal, by the table of the vectors, from top to bottom.
fn kind(status: u16, code: Option<&str>, is_password: bool) -> Kind {
    let code = code.unwrap_or_default();
    match status {
        300..=399 => return Kind::Redirect,
        429 => return Kind::RateLimited,
        408 | 500..=599 => return Kind::Temporary,
        400..=499 => {}
        _ => return Kind::Malformed,
    }
    match code {
        "temporarily_unavailable" | "server_error" => Kind::Temporary,
        "invalid_scope" => Kind::InvalidScope,
        "invalid_target" => Kind::InvalidTarget,
        "invalid_request" => Kind::InvalidRequest,
        "unsupported_grant_type" => Kind::UnsupportedGrantType,
        _ if status == 401 => Kind::InvalidClient,
        "invalid_client" => Kind::InvalidClient,
        "invalid_grant" if is_password => Kind::InvalidClient,
        "unauthorized_client" => Kind::UnauthorizedClient,
        _ => Kind::Refused,
    }
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    if body.len() > LONGEST {
        return None;
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Whole seconds of a life: at least one, and at most a year.
fn seconds(value: &Value) -> Option<u64> {
    let whole = match value {
        Value::Number(number) => match number.as_u64() {
            Some(whole) => whole,
            None => {
                let float = number.as_f64().filter(|float| *float >= 0.0)?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "not negative, and what is too large becomes the largest"
                )]
                let whole = float as u64;
                whole
            }
        },
        // More digits than fit are more than a year as well.
        Value::String(text) if is_digits(text) => text.parse().unwrap_or(u64::MAX),
        _ => return None,
    };
    (whole >= 1).then_some(whole.min(LONGEST_SECONDS))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// How long the server asks to be left alone: `Retry-After` (RFC 9110 §10.2.3), else `x-ratelimit-reset`. Points in time
/// are compared with the server's own clock where the answer tells it, so that a wrong clock here does no harm.
fn wait_named(headers: &HeaderMap, wall_ms: i64) -> Option<Duration> {
    let text =
        |name: &http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| {
        let time = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(time.as_millis()).ok()
    };
    let now = text(&DATE).and_then(date).unwrap_or(wall_ms);
    let until = |then: i64| u64::try_from(then.saturating_sub(now)).ok().map(Duration::from_millis);
    let digits = |text: &str| is_digits(text).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    let after = text(&RETRY_AFTER).and_then(|text| match digits(text) {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => date(text).and_then(until),
    });
    let reset = || {
        let text = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim();
        until(i64::try_from(digits(text)?).ok()?.checked_mul(1000)?)
    };
    let positive = |wait: &Duration| !wait.is_zero();
    after.filter(positive).or_else(|| reset().filter(positive)).map(|wait| wait.min(LONGEST_WAIT))
}
