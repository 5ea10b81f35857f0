//! Addresses within the console. What stands in a path is encoded here and nowhere else.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a person shows once more who it is.
pub(super) const PROVE: &str = "/console/prove";
/// Where a person goes on afterwards with what it had entered.
pub(super) const GO_ON: &str = "/console/prove/go-on";
/// The realms within reach.
pub(super) const REALMS: &str = "/console/realms";
/// Where the console begins.
pub(super) const HOME: &str = "/console";

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as one segment of a path, or as a value in a query.
pub(super) fn encoded(text: impl Display) -> String {
    utf8_percent_encode(&text.to_string(), SEGMENT).to_string()
}

/// A page of a realm: `realm("main", &["policies", id])`.
pub(super) fn realm(realm: impl Display, segments: &[&str]) -> String {
    joined(format!("/console/realms/{}", encoded(realm)), segments)
}

/// A page of an organization.
pub(super) fn organization(realm: impl Display, organization: impl Display, segments: &[&str]) -> String {
    let base = format!("/console/realms/{}/organizations/{}", encoded(realm), encoded(organization));
    joined(base, segments)
}

fn joined(base: String, segments: &[&str]) -> String {
    segments.iter().fold(base, |path, segment| format!("{path}/{}", encoded(segment)))
}

/// The page to sign in at, for whoever wants to see `next`: that of the realm in its path, if there is one.
pub(super) fn sign_in(next: &str) -> String {
    let realm = next.strip_prefix("/console/realms/").and_then(|rest| rest.split(['/', '?']).next());
    match realm.filter(|realm| !realm.is_empty()) {
        Some(realm) => format!("/console/realms/{realm}/sign-in"),
        None => "/console/sign-in".to_owned(),
    }
}

/// A page of the console to go on to; nothing else is followed, so that no link leads people away after they signed in.
pub(super) fn next(unverified: Option<&str>) -> Option<String> {
    let text = unverified?;
    let inside = text == HOME || text.starts_with("/console/") || text.starts_with("/console?");
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    // `//` and `..` could mean another place to a browser than to this check, and so could `..` as `%2e%2e`.
    let path = text.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let straight =
        !text.contains("//") && !text.contains("/..") && !text.contains("/./") && !path.contains("%2e");
    (inside && plain && straight && text.len() <= 2048).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_path_is_encoded() {
        assert_eq!(realm("a", &["policies", "x/../y?z"]), "/console/realms/a/policies/x%2F..%2Fy%3Fz");
        assert_eq!(organization("a", "o 1", &["clients"]), "/console/realms/a/organizations/o%201/clients");
    }

    #[test]
    fn the_page_to_sign_in_at_is_that_of_the_realm_in_the_path() {
        assert_eq!(sign_in("/console/realms/eco/organizations/x?a=b"), "/console/realms/eco/sign-in");
        assert_eq!(sign_in("/console/account"), "/console/sign-in");
    }

    #[test]
    fn only_pages_of_the_console_are_gone_on_to() {
        let inside = "/console/realms/a/clients?status=active&q=x%20y%2ez";
        assert_eq!(next(Some(inside)).as_deref(), Some(inside));
        let outside = [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/console//evil.example",
            "/consolex",
            "/console/../oauth/token",
            "javascript:alert(1)",
            "/console/\r\nx",
            "",
            "/oauth/token",
            "/console/%0d%0a/..",
            "/console/%2e%2e/oauth/token",
            "/console/.%2E/.%2E/oauth/token",
            "/console/%2E./oauth/token?x=%2e",
            "/console/\u{e9}",
        ];
        for text in outside {
            assert_eq!(next(Some(text)), None, "{text:?}");
        }
        assert_eq!(next(None), None);
    }
}
