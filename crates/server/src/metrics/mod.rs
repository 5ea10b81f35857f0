//! `/metrics`: what core and this edge count, as text that Prometheus and its like read.
//!
//! It is no part of the public router. Whoever may read it is decided by where it is served (docs/observability.md):
//! on a listener of its own, or in the sandbox on loopback.

mod classic;
mod connections;
mod process;
mod render;
mod requests;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use symbolon_core::authority::Authority;

pub use self::connections::ConnectionCounts;
pub(crate) use self::connections::End;
pub use self::requests::{Endpoint, RequestCounts};
use crate::traces::SpanCounts;

/// Where the page is.
pub const PATH: &str = "/metrics";

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const CLASSIC: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Where the page has its numbers from.
pub struct Sources {
    /// What decides.
    pub authority: Arc<Authority>,
    /// The requests of the public app.
    pub requests: Arc<RequestCounts>,
    /// The connections of each listener, by a name for it.
    pub connections: Vec<(&'static str, Arc<ConnectionCounts>)>,
    /// The spans that went to a collector of traces.
    pub spans: Arc<SpanCounts>,
    /// The version of the program.
    pub version: &'static str,
}

/// The two forms of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own, 0.0.4, which every such program reads.
    Classic,
}

impl Format {
    /// What a reader asks for; the classic one unless it names the other.
    fn asked(headers: &HeaderMap) -> Self {
        let named = |value: &HeaderValue| {
            value.to_str().is_ok_and(|text| text.contains("application/openmetrics-text"))
        };
        if headers.get_all(header::ACCEPT).iter().any(named) { Self::OpenMetrics } else { Self::Classic }
    }
}

impl Sources {
    /// The page as it is now.
    pub fn page(&self, format: Format) -> Result<String, std::fmt::Error> {
        let text = render::open_metrics(self)?;
        Ok(match format {
            Format::OpenMetrics => text,
            Format::Classic => classic::from_open_metrics(&text),
        })
    }

    /// A router with nothing but the page.
    pub fn router(self) -> Router {
        Router::new().route(PATH, get(page)).with_state(Arc::new(self))
    }
}

async fn page(State(sources): State<Arc<Sources>>, headers: HeaderMap) -> Response {
    let format = Format::asked(&headers);
    // The system's files about the process are read for it.
    let made = tokio::task::spawn_blocking(move || sources.page(format)).await;
    let mut response = match made {
        Ok(Ok(text)) => Response::new(Body::from(text)),
        _ => {
            let mut response = Response::new(Body::from("the metrics could not be written\n"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    let kind = if format == Format::OpenMetrics { OPEN_METRICS } else { CLASSIC };
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_given_to_whoever_asks_for_it() {
        let asked = |accept: &'static str| {
            Format::asked(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(asked(prometheus), Format::OpenMetrics);
        assert_eq!(asked("*/*"), Format::Classic);
        assert_eq!(asked("text/plain"), Format::Classic);
        assert_eq!(Format::asked(&HeaderMap::new()), Format::Classic);
    }
}
