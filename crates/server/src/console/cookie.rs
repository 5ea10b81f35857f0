//! The cookies of the console.
//!
//! Over https the names begin with `__Host-`: a browser then takes them from this host alone, for the whole host, over
//! https only (RFC 6265bis §4.1.3). An installation whose base address is http, which is for trying out, cannot have
//! that and gets plain names.

use axum::http::{HeaderMap, HeaderValue, header};
use symbolon_core::authority::Authority;

/// A cookie of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session.
    Session,
    /// The first half of a sign-in that wants a second factor.
    Pending,
    /// A form that waits until the person has shown who it is.
    Entered,
}

impl Cookie {
    const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Session => ["__Host-symbolon", "symbolon"],
            Self::Pending => ["__Host-symbolon-pending", "symbolon-pending"],
            Self::Entered => ["__Host-symbolon-entered", "symbolon-entered"],
        }
    }

    const fn name(self, secure: bool) -> &'static str {
        let [strict, plain] = self.names();
        if secure { strict } else { plain }
    }

    /// Its value in a request: only if it stands there once. Over https a plain name counts for nothing: another host
    /// of the same domain could have set it.
    pub(crate) fn read(self, secure: bool, headers: &HeaderMap) -> Option<&str> {
        let name = self.name(secure);
        let mut values = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        (values.next().is_none() && !value.is_empty()).then_some(value)
    }

    /// The header that sets it, for so many seconds or, without, until the browser is closed.
    pub(crate) fn set(self, secure: bool, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
        let (name, attribute) = (self.name(secure), if secure { "; Secure" } else { "" });
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{attribute}{age}");
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The header that takes it away.
    pub(crate) fn gone(self, secure: bool) -> Option<HeaderValue> {
        self.set(secure, "", Some(0))
    }
}

/// Whether cookies are for https alone, as the base address is.
pub(crate) fn are_secure(authority: &Authority) -> bool {
    !authority.directory().base().starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_read_if_it_stands_there_once_and_under_its_strict_name_over_https() {
        let read = |secure, lines: &[&str]| Cookie::Session.read(secure, &headers(lines)).map(str::to_owned);
        assert_eq!(read(false, &["a=b; symbolon=x"]).as_deref(), Some("x"));
        assert_eq!(read(true, &["symbolon=x", "__Host-symbolon=y"]).as_deref(), Some("y"));
        assert_eq!(read(true, &["symbolon=x"]), None);
        assert_eq!(read(false, &["symbolon=x; symbolon=y"]), None);
        assert_eq!(read(false, &["symbolon="]), None);
        assert_eq!(read(false, &["symbolon-pending=x"]), None);
    }

    #[test]
    fn a_cookie_over_https_is_for_this_host_and_https_alone() {
        let text = |secure| Cookie::Session.set(secure, "v", None).unwrap().to_str().unwrap().to_owned();
        assert_eq!(text(true), "__Host-symbolon=v; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(text(false), "symbolon=v; Path=/; HttpOnly; SameSite=Lax");
    }
}
