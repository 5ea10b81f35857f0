//! The host name that a request is for: it says whose realm that is.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::{HeaderValue, Uri};
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

/// The host name that the client asked for, without port, in lower case.
pub(crate) fn host<'a>(uri: &Uri, header: Option<&'a HeaderValue>) -> Option<Cow<'a, str>> {
    if let Some(host) = uri.host() {
        return Some(comparable(host).into());
    }
    let text = header?.to_str().ok()?;
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
