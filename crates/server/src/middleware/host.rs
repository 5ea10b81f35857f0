//! The host name that a request is for: it says whose realm that is.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, Version, header};
use axum::response::Response;
use symbolon_core::directory::Directory;
use symbolon_core::realm_view::RealmView;

/// The realm that an address chooses, for whoever does not know the route: logs and traces. One that is switched off
/// has its name all the same.
pub(crate) fn of_address(
    directory: &Directory,
    uri: &Uri,
    host_header: Option<&HeaderValue>,
) -> Option<Arc<RealmView>> {
    let named = uri.path().split('/').skip_while(|segment| *segment != "realms").nth(1);
    chosen(directory, named, host(uri, host_header).as_deref())
}

/// The realm of that name and host name.
pub(crate) fn chosen(
    directory: &Directory,
    named: Option<&str>,
    host: Option<&str>,
) -> Option<Arc<RealmView>> {
    match (named, host.and_then(|host| directory.realm_of_host(host))) {
        (None, Some(owner)) => Some(owner),
        (None, None) => directory.default_realm(),
        (Some(name), Some(owner)) => (owner.id().as_str() == name).then_some(owner),
        (Some(name), None) => directory.realm(name),
    }
}

/// What a request is told that says less, or more, than one host.
const UNCLEAR: &str = "{\"error\":\"invalid_request\",\"error_description\":\"An HTTP/1.1 request names its host once, \
     in one well-formed Host field (RFC 9112 section 3.2)\"}";

/// Whether a request says clearly for which host it is (RFC 9112 §3.2, RFC 9113 §8.3.1): were there two answers, or a
/// name that nobody else reads alike, a proxy before this server could take it for another realm than this server does.
/// HTTP/1.0 need not name any, and HTTP/2 says it as `:authority`.
pub(crate) fn is_clear<B>(request: &Request<B>) -> bool {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let clear = match (lines.next(), lines.next()) {
        // An empty one is well-formed, and names none.
        (Some(one), None) => one.is_empty() || is_host(one.as_bytes()),
        (None, _) => request.version() != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    clear && request.uri().authority().is_none_or(|authority| is_host(authority.as_str().as_bytes()))
}

/// The answer to a request that is not.
pub(crate) fn unclear() -> Response {
    let mut response = Response::new(Body::from(UNCLEAR));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A name or an address, and perhaps a port: without whom, without a path, and without percent signs, which no name
/// in use has.
fn is_host(text: &[u8]) -> bool {
    let port_at = match text.first() {
        Some(b'[') => text.iter().position(|b| *b == b']').map_or(0, |at| at + 1),
        _ => text.iter().position(|b| *b == b':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(port_at);
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let is_host = match host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
        Some(address) => std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.iter().all(is_name),
    };
    is_host && is_port(port)
}

/// Nothing, or a colon and a number; between them nothing is allowed to stand, either (RFC 3986 §3.2.3).
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None | Some((b':', [])) => true,
        Some((b':', digits)) => {
            digits.iter().all(u8::is_ascii_digit)
                && std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u16>().is_ok())
        }
        Some(_) => false,
    }
}

/// The host name that the client asked for, without port, in lower case.
pub(crate) fn host<'a>(uri: &Uri, header: Option<&'a HeaderValue>) -> Option<Cow<'a, str>> {
    if let Some(host) = uri.host() {
        return Some(comparable(host).into());
    }
    host_of_line(header?)
}

fn host_of_line(header: &HeaderValue) -> Option<Cow<'_, str>> {
    let text = header.to_str().ok()?;
    if let Some(host) = plain_host(text) {
        return Some(host.into());
    }
    let uri = format!("http://{text}/").parse::<Uri>().ok()?;
    Some(comparable(uri.host()?).into())
}

fn comparable(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// The name in what nearly every client sends, which needs no parser and no copy: a name in lower case, and
/// perhaps a port. `None` for everything else, right or wrong.
fn plain_host(text: &str) -> Option<&str> {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let plain = !host.is_empty() && !host.ends_with('.') && host.bytes().all(is_plain);
    (plain && port.parse::<u16>().is_ok() && !port.starts_with('+')).then_some(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asking(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        is_clear(&request.body(()).unwrap())
    }

    #[test]
    fn http_1_1_names_one_host_and_names_it_well() {
        for host in [
            "",
            "t.example",
            "T.example",
            "t.example.",
            "t.example:8080",
            "t.example:",
            "localhost",
            "a_b",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8080",
            "[::ffff:192.0.2.1]",
        ] {
            assert!(asking(Version::HTTP_11, "/", &[host]), "{host}");
        }
        for host in [
            " ",
            ":80",
            "t.example:abc",
            "t.example:+1",
            "t.example:65536",
            "t.example:80:80",
            "user@t.example",
            "t.example/x",
            "t.example?x",
            "t.example,other",
            "t.example other",
            "t%2Eexample",
            "tü.example",
            "[::1",
            "::1",
            "[::1]x",
            "[x]",
            "[]",
            "[fe80::1%25eth0]",
            "http://t.example",
        ] {
            assert!(!asking(Version::HTTP_11, "/", &[host]), "{host:?}");
            assert!(!asking(Version::HTTP_10, "/", &[host]), "{host:?}");
        }
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(!asking(version, "/", &["t.example", "t.example"]));
            assert!(!asking(version, "/", &["t.example", "other.example"]));
            assert_eq!(asking(version, "/", &[]), version != Version::HTTP_11);
            assert!(asking(version, "http://t.example/x", &["t.example"]));
            assert!(!asking(version, "http://user@t.example/x", &["t.example"]));
        }
    }

    proptest! {
        #[test]
        fn every_host_that_is_served_is_read_as_what_stands_before_its_port(
            text in "[a-cA-C0-9._-]{1,12}(:[0-9]{0,6})?|\\[[0-9a-f:.]{2,12}\\](:[0-9]{0,6})?|[!-~]{0,12}",
        ) {
            let value = HeaderValue::from_str(&text).unwrap();
            if is_host(text.as_bytes()) {
                let host = match text.rsplit_once(':') {
                    Some((host, port)) if !port.contains(']') => host,
                    _ => &text,
                };
                let read = host_of_line(&value).map(Cow::into_owned);
                prop_assert_eq!(read, Some(comparable(host)));
            }
        }

        #[test]
        fn a_plain_host_is_what_the_parser_finds(text in "[a-c0-9.:A-]{0,12}|[a-z.-]{1,9}:[0-9+]{0,6}") {
            if let Some(host) = plain_host(&text) {
                let parsed = format!("http://{text}/").parse::<Uri>().unwrap();
                prop_assert_eq!(comparable(parsed.host().unwrap()), host);
            }
        }
    }
}
