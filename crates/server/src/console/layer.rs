//! What goes around every page: a bound on its time, where changes may come from, what browsers are told, and the pages
//! of failures.

use std::time::Duration;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::console::cookie;
use crate::console::entered::{Entered, HasToWait};
use crate::console::failure::Failure;
use crate::console::page::failure_page;
use crate::console::visitor::{Asked, Visitor};
use crate::state::ServerState;

/// Nothing takes longer: whoever waits may try again.
const LONGEST: Duration = Duration::from_secs(20);

/// Scripts, styles, pictures and requests of this server alone, nothing inline, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const FOR_BROWSERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers then hide where a form comes from, which is what changes are judged by.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self), \
         camera=(), microphone=(), geolocation=()",
    ),
];

pub(crate) async fn around(State(state): State<ServerState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(asked) = Asked::from_request_parts(&mut parts, &state).await;
    let secure = cookie::are_secure(&state.authority);
    let allowed = is_from_here(secure, &parts.method, &parts.headers, parts.uri.host());
    // Who asks is looked up again for the page of a failure alone: it then shows the way back.
    let again = parts.clone();
    let entered = Entered::default();
    parts.extensions.insert(entered.clone());
    let answer = async {
        if allowed {
            next.run(Request::from_parts(parts, body)).await
        } else {
            Failure::Origin.into_response()
        }
    };
    let mut response = match tokio::time::timeout(LONGEST, answer).await {
        Ok(response) => response,
        Err(_) => Failure::Unavailable("the page took too long".to_owned()).into_response(),
    };
    let failure = response.extensions_mut().remove::<Failure>();
    let has_to_wait = response.extensions_mut().remove::<HasToWait>().is_some();
    if failure.is_some() || has_to_wait {
        let mut again = again;
        let visitor = Visitor::from_request_parts(&mut again, &state).await.ok();
        if let Some(waits) = visitor.as_ref().filter(|_| has_to_wait).and_then(|one| entered.waits(one)) {
            response = waits;
        }
        if let Some(failure) = failure {
            response = failure_page(response, &failure, &asked, visitor.as_ref());
        }
    }
    let headers = response.headers_mut();
    for (name, value) in FOR_BROWSERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Files say themselves how long they may be kept.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("HX-Request"));
    response
}

/// Whether a change comes from a page of this host. Browsers say where a request comes from (`Sec-Fetch-Site`, and
/// `Origin` with every form); what says neither was not sent by a browser that protects its user, and is refused.
/// A page of the same name that came over http may be anybody's who sits on the way: over https it is another's.
fn is_from_here(secure: bool, method: &Method, headers: &HeaderMap, asked_host: Option<&str>) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site")
        && site != "same-origin"
    {
        return false;
    }
    let Some(origin) = text("origin") else { return text("sec-fetch-site").is_some() };
    let Some((scheme, from)) = origin.split_once("://") else { return false };
    (scheme == "https" || !secure) && Some(from) == text("host").or(asked_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(&'static str, &str)]) -> bool {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        is_from_here(true, &Method::POST, &headers.collect(), None)
    }

    #[test]
    fn a_change_is_taken_from_pages_of_this_host_alone() {
        let host = ("host", "auth.example:8443");
        assert!(judged(&[host, ("origin", "https://auth.example:8443"), ("sec-fetch-site", "same-origin")]));
        assert!(judged(&[host, ("origin", "https://auth.example:8443")]));
        assert!(judged(&[host, ("sec-fetch-site", "same-origin")]));
        for from in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "https://auth.example")],
            &[("origin", "http://auth.example:8443")],
            &[("origin", "https://auth.example:8443"), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
            &[],
        ] {
            assert!(!judged(&[&[host], from].concat()), "{from:?}");
        }
        assert!(is_from_here(true, &Method::GET, &HeaderMap::new(), None));
        let plain = [("host", "localhost:8080"), ("origin", "http://localhost:8080")];
        let plain = plain.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        assert!(is_from_here(false, &Method::POST, &plain.into_iter().collect(), None));
    }
}
