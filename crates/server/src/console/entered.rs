//! What somebody had entered in a form when it turned out to be too long ago that it had shown who it is. It waits in
//! the browser, in a cookie, while that is made up for: nothing has to be typed twice.
//!
//! It is shown to nobody but the session that it was entered in, and sent again only by a button of a page of its own.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::failure;
use crate::console::form::Form;
use crate::console::visitor::Visitor;

/// What browsers keep as one cookie, in bytes, with room for its name and attributes.
const LONGEST: usize = 3800;
/// How long it waits, in seconds.
const PATIENCE: u32 = 600;

/// The form of a request, for whoever learns only from the answer that it has to wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Entered(Arc<OnceLock<Bytes>>);

/// Marks an answer: what was entered has to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct HasToWait;

/// What waited: where it was sent to, and what it was.
pub(super) struct Waiting {
    pub(super) path: String,
    pub(super) form: Form,
}

impl Entered {
    /// Notes a form as it came.
    pub(super) fn note(&self, body: &Bytes) {
        // A request has one body; whoever reads it first has read all.
        let _ = self.0.set(body.clone());
    }

    /// The answer that keeps it and leads on to `account::go_on`; `None` where there is nothing to keep, or too much.
    pub(super) fn waits(&self, visitor: &Visitor) -> Option<Response> {
        let body = self.0.get().filter(|body| !body.is_empty())?;
        let body = std::str::from_utf8(body).ok()?;
        let path = address::next(Some(&visitor.asked.path))?;
        let value = written(visitor.person.session().id.as_str(), body, &path)?;
        let cookie = Cookie::Entered.set(cookie::are_secure(&visitor.authority), &value, Some(PATIENCE))?;
        let mut response = failure::to(address::PROVE, address::GO_ON, "");
        response.headers_mut().append(header::SET_COOKIE, cookie);
        Some(response)
    }
}

/// What waits for this visitor, if it was entered in the same session.
pub(super) fn waiting(visitor: &Visitor, headers: &HeaderMap) -> Option<Waiting> {
    let value = Cookie::Entered.read(cookie::are_secure(&visitor.authority), headers)?;
    read(visitor.person.session().id.as_str(), value)
}

/// As the cookie says it: browsers send forms without `!`. `None` where it could not stand in a cookie (RFC 6265
/// §4.1.1).
fn written(session: &str, body: &str, path: &str) -> Option<String> {
    let value = format!("{session}!{body}!{path}");
    let stands = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\');
    (value.len() <= LONGEST && !body.contains('!') && value.bytes().all(stands)).then_some(value)
}

fn read(session: &str, value: &str) -> Option<Waiting> {
    let rest = value.strip_prefix(session)?.strip_prefix('!')?;
    let (body, path) = rest.split_once('!')?;
    Some(Waiting { path: address::next(Some(path))?, form: Form::parse(body.as_bytes())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_read_as_it_was_entered_and_in_its_session_alone() {
        let path = "/console/realms/a/clients/new?x=1!2";
        let value = written("ses_1", "name=A+%26%3B+B&scope=a&scope=b", path).unwrap();
        let waiting = read("ses_1", &value).unwrap();
        assert_eq!(waiting.path, path);
        let pairs = [("name", "A &; B"), ("scope", "a"), ("scope", "b")];
        assert_eq!(waiting.form.pairs(), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for other in ["ses_2", "ses_", "ses_12", ""] {
            assert!(read(other, &value).is_none(), "{other:?}");
        }
        for path in ["//evil.example/", "https://evil.example/", "/oauth/token", ""] {
            assert!(read("ses_1", &format!("ses_1!name=x!{path}")).is_none(), "{path}");
        }
    }

    #[test]
    fn what_no_cookie_can_hold_does_not_wait() {
        assert!(written("ses_1", &"x".repeat(LONGEST), "/console").is_none());
        for body in ["a=b;c", "a=\"", "a=b c", "a=b\r\nc", "a=!", "a=ä"] {
            assert!(written("ses_1", body, "/console").is_none(), "{body}");
        }
    }
}
