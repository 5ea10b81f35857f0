//! Somebody who is told of every request when it is over, for traces across systems. What a trace is made of, and
//! where it goes, is the binary's affair; without anybody to tell, a request costs nothing more.
//!
//! A span is made when its request is over: there is but one for each, and nothing that happens in between asks for
//! it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use symbolon_core::metrics::Counter;

use crate::metrics::Endpoint;

/// Takes note of requests. It must not wait.
pub trait RequestTraces: Send + Sync {
    /// A request was answered.
    fn ended(&self, request: &EndedRequest<'_>);
}

/// A request that was answered, without anything secret: no query, no header but those of the trace, no body.
#[derive(Clone, Copy, Debug)]
pub struct EndedRequest<'a> {
    /// Its id, as in logs and records.
    pub id: &'a str,
    /// Its method.
    pub method: &'a Method,
    /// What it was for.
    pub endpoint: Endpoint,
    /// The realm that it was for, if there is that realm.
    pub realm: Option<&'a str>,
    /// How it was answered.
    pub status: StatusCode,
    /// From its first line to its answer.
    pub took: Duration,
    /// What the caller says of the trace that the request belongs to; unverified, as all that callers say.
    pub parent: Option<&'a TraceHeaders>,
}

/// The headers of W3C Trace Context.
#[derive(Clone, Debug)]
pub struct TraceHeaders {
    /// `traceparent`.
    pub parent: HeaderValue,
    /// `tracestate`.
    pub state: Option<HeaderValue>,
}

impl TraceHeaders {
    /// Those of a request. Of several `traceparent` none counts, as the specification has it.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Box<Self>> {
        let mut parents = headers.get_all("traceparent").iter();
        let parent = parents.next()?.clone();
        if parents.next().is_some() {
            return None;
        }
        Some(Box::new(Self { parent, state: headers.get("tracestate").cloned() }))
    }
}

/// What became of spans.
#[derive(Debug, Default)]
pub struct SpanCounts {
    /// The collector has them.
    pub sent: Counter,
    /// They could not be sent.
    pub failed: Counter,
}
