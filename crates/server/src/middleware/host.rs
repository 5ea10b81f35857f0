//! The host name that a request is for: it says whose realm that is.

use std::borrow::Cow;

use axum::http::request::Parts;
use axum::http::{Uri, header};

/// The host name that the client asked for, without port, in lower case.
pub(crate) fn host(parts: &Parts) -> Option<Cow<'_, str>> {
    if let Some(host) = parts.uri.host() {
        return Some(comparable(host).into());
    }
    let text = parts.headers.get(header::HOST)?.to_str().ok()?;
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

    proptest! {
        #[test]
        fn a_plain_host_is_what_the_parser_finds(text in "[a-c0-9.:A-]{0,12}|[a-z.-]{1,9}:[0-9+]{0,6}") {
            if let Some(host) = plain_host(&text) {
                let parsed = format!("http://{text}/").parse::<Uri>().unwrap();
                prop_assert_eq!(comparable(parsed.host().unwrap()), host);
            }
        }
    }
}
