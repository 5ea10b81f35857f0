//! The addresses that secrets are sent to: https, or plain http to this machine alone.

use std::net::IpAddr;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in one segment of a path: what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Checks an address: absolute, without user and fragment, and https unless it is this machine's or plain http is allowed.
pub(crate) fn check(url: &str, allow_http: bool) -> Result<Uri, String> {
    let wrong = |why: &str| format!("the address {url:?} {why}");
    let uri: Uri = url.parse().map_err(|_| wrong("cannot be read"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("is not complete: it begins with https://"));
    };
    if authority.host().is_empty() {
        return Err(wrong("names no host"));
    }
    if authority.as_str().contains('@') || url.contains('#') {
        return Err("an address is without user, password and fragment".to_owned());
    }
    if scheme.eq_ignore_ascii_case("https") {
        return Ok(uri);
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(wrong("is neither https nor http"));
    }
    if allow_http || is_loopback(authority.host()) {
        return Ok(uri);
    }
    Err(wrong("is plain http to another machine, where everybody on the way can read what is sent"))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Keycloak's token endpoint of a realm.
pub(crate) fn keycloak(base: &str, realm: &str) -> String {
    let realm = utf8_percent_encode(realm, SEGMENT);
    format!("{}/realms/{realm}/protocol/openid-connect/token", base.trim_end_matches('/'))
}
