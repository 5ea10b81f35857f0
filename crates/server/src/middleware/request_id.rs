//! The request's id: made here, sent back as `x-request-id`, written into every record and log line of it. And what
//! is told of a request when it is over: to the log, to the metrics, to whoever traces.
//!
//! An id that came with the request is not taken over: ids find records, so strangers must not choose them.
//!
//! This is a service around the router and not a layer in it: a layer costs each request two more boxes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::metrics::{Endpoint, RequestCounts};
use crate::middleware::host::{is_clear, of_address, unclear};
use crate::middleware::log_share::{Line, LogShares, cut};
use crate::middleware::unserved::Unserved;
use crate::state::ServerState;
use crate::traces::{EndedRequest, RequestTraces, TraceHeaders};

/// The header that tells it.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id, in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// A router whose every request has an id and a line in the log. Cheap to clone.
#[derive(Clone)]
pub struct App {
    router: Router,
    watch: Arc<Watch>,
}

/// What every request of an app is told to.
struct Watch {
    state: ServerState,
    shares: LogShares,
    counts: Arc<RequestCounts>,
    traces: Option<Arc<dyn RequestTraces>>,
}

impl App {
    pub(crate) fn new(router: Router, state: ServerState) -> Self {
        Self::watched(router, state, Arc::default(), None)
    }

    pub(crate) fn watched(
        router: Router,
        state: ServerState,
        counts: Arc<RequestCounts>,
        traces: Option<Arc<dyn RequestTraces>>,
    ) -> Self {
        Self { router, watch: Arc::new(Watch { state, shares: LogShares::default(), counts, traces }) }
    }

    /// Where its requests are counted.
    pub fn counts(&self) -> &Arc<RequestCounts> {
        &self.watch.counts
    }
}

impl<B> Service<Request<B>> for App
where
    B: HttpBody<Data = axum::body::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Answering {
        let began = tokio::time::Instant::now();
        let watch = Arc::clone(&self.watch);
        let id = watch.state.authority.request_id().unwrap_or_else(|_| "req_unknown".to_owned());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let host = request.headers().get(header::HOST).cloned();
        let parent = watch.traces.as_ref().and_then(|_| TraceHeaders::of(request.headers()));
        let span = tracing::debug_span!(
            "request",
            request_id = %id,
            method = cut(method.as_str()),
            path = cut(shown(uri.path()))
        );
        request.extensions_mut().insert(RequestId(id.clone()));
        let is_clear = is_clear(&request);
        let host = host.filter(|_| is_clear);
        let inner =
            is_clear.then(|| span.in_scope(|| Service::<Request<B>>::call(&mut self.router, request)));
        Answering { inner, span, asked: Asked { id, method, uri, host, parent, began, watch } }
    }
}

struct Asked {
    id: String,
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
    parent: Option<Box<TraceHeaders>>,
    began: tokio::time::Instant,
    watch: Arc<Watch>,
}

impl Asked {
    /// The name of the realm that was asked, if there is one; found anew, for nobody needs it of most requests.
    fn realm(&self) -> Option<String> {
        let directory = self.watch.state.authority.directory();
        of_address(directory, &self.uri, self.host.as_ref()).map(|realm| realm.id().to_string())
    }
}

pin_project! {
    /// An answer in the making.
    pub struct Answering {
        #[pin]
        // Nothing where it is not said clearly for whom the request is.
        inner: Option<RouteFuture<Infallible>>,
        span: tracing::Span,
        asked: Asked,
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        let mut response = match this.inner.as_pin_mut() {
            Some(inner) => {
                let Ok(response) = ready!(inner.poll(cx));
                response
            }
            None => unclear(),
        };
        if let Ok(value) = HeaderValue::from_str(&this.asked.id) {
            response.headers_mut().insert(HEADER, value);
        }
        tell(this.asked, &response);
        Poll::Ready(Ok(response))
    }
}

/// Tells how a request went.
fn tell(asked: &Asked, response: &Response<Body>) {
    let (endpoint, took) = (Endpoint::of(asked.uri.path()), asked.began.elapsed());
    asked.watch.counts.answered(endpoint, response.status(), took);
    if let Some(traces) = &asked.watch.traces {
        traces.ended(&EndedRequest {
            id: &asked.id,
            method: &asked.method,
            endpoint,
            realm: asked.realm().as_deref(),
            status: response.status(),
            took,
            parent: asked.parent.as_deref(),
        });
    }
    log(asked, response, endpoint.name(), took);
}

/// A path as it may be logged: one-time links of the console are secrets.
fn shown(path: &str) -> &str {
    const LINKS: &str = "/console/link/";
    if path.starts_with(LINKS) { LINKS } else { path }
}

/// Logs method and path, never query, headers or body; and why, if it could not be served.
fn log(asked: &Asked, response: &Response<Body>, endpoint: &str, took: std::time::Duration) {
    let Asked { id, watch, .. } = asked;
    let (method, path) = (cut(asked.method.as_str()), cut(shown(asked.uri.path())));
    let status = response.status().as_u16();
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (share, left_out) = match status {
        500.. => {
            (&watch.shares.failed, "that many requests of a second that could not be served were not logged")
        }
        400.. => (&watch.shares.refused, "that many refused requests of a second were not logged"),
        _ => {
            tracing::debug!(
                request_id = id,
                method,
                path,
                endpoint,
                realm = asked.realm(),
                status,
                micros,
                "answered"
            );
            return;
        }
    };
    let Line::Written { left_out: before } = share.take(tokio::time::Instant::now()) else { return };
    if before > 0 {
        tracing::warn!(left_out = before, "{left_out}");
    }
    let realm = asked.realm();
    if status < 500 {
        tracing::info!(request_id = id, method, path, endpoint, realm, status, micros, "answered");
    } else {
        let reason = response.extensions().get().map(|Unserved(reason)| reason.as_str());
        tracing::warn!(request_id = id, method, path, endpoint, realm, status, micros, reason, "answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_time_link_is_logged_without_what_makes_it_one() {
        assert_eq!(shown("/console/link/sym_link_lnk_1_secret"), "/console/link/");
        assert_eq!(shown("/console/realms/link/secret"), "/console/realms/link/secret");
        assert_eq!(shown("/oauth/token"), "/oauth/token");
    }
}
