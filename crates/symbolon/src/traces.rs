//! Traces by OTLP: a span for each request, sent to a collector in batches by a thread of its own. Nothing of this
//! is there unless `otlp_endpoint` names a collector (docs/observability.md).
//!
//! A full queue drops spans, and a collector that is away costs spans too; neither ever costs a request anything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use symbolon_server::traces::{EndedRequest, RequestTraces, SpanCounts, TraceHeaders};

/// Where the collector takes spans, below its address (OTLP/HTTP).
const PATH: &str = "/v1/traces";
/// A collector has so long to take a batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last batch may take when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// A collector that is away is warned of once in this time.
const WARNING: Duration = Duration::from_mins(1);
/// The longest `tracestate` that is passed on: what everybody must pass on (W3C Trace Context, 3.3.1.5).
const LONGEST_STATE: usize = 512;

/// What an operator configures.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    endpoint: String,
    ratio: f64,
}

impl TraceSettings {
    /// The address of a collector, and the part of the requests that spans are made of unless their callers decided
    /// already: from 0 to 1.
    pub fn new(endpoint: &str, ratio: f64) -> anyhow::Result<Self> {
        let base = endpoint.trim_end_matches('/');
        let base = base.strip_suffix(PATH).unwrap_or(base);
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['?', '#', ' '])) {
            bail!("otlp_endpoint {endpoint:?} is not an http(s) address");
        }
        if base.contains('@') {
            bail!("otlp_endpoint must hold no credentials: give them in OTEL_EXPORTER_OTLP_HEADERS");
        }
        if !(0.0..=1.0).contains(&ratio) {
            bail!("otlp_sampling_ratio = {ratio} makes no sense: give a number from 0 to 1");
        }
        Ok(Self { endpoint: format!("{base}{PATH}"), ratio })
    }
}

/// Makes spans and sends them.
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

impl Traces {
    /// Starts the thread that sends.
    pub fn start(settings: &TraceSettings, counts: Arc<SpanCounts>) -> anyhow::Result<Arc<Self>> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&settings.endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .with_context(|| format!("traces cannot be sent to {}", settings.endpoint))?;
        let resource = Resource::builder()
            .with_service_name("symbolon")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let root = Sampler::TraceIdRatioBased(settings.ratio);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_batch_exporter(Counted { exporter, counts, warned: Mutex::default() })
            .build();
        let tracer = provider.tracer("symbolon");
        Ok(Arc::new(Self { provider, tracer, propagator: TraceContextPropagator::new() }))
    }

    /// Sends what is left. It blocks its thread until the collector has it, for a few seconds at most.
    pub fn finish(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FAREWELL) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

impl RequestTraces for Traces {
    fn ended(&self, request: &EndedRequest<'_>) {
        let ended_at = opentelemetry::time::now();
        let parent = match request.parent {
            Some(headers) => self.propagator.extract_with_context(&Context::new(), &Carrier(headers)),
            None => Context::new(),
        };
        let builder = SpanBuilder::from_name(request.endpoint.name())
            .with_kind(SpanKind::Server)
            .with_start_time(ended_at.checked_sub(request.took).unwrap_or(ended_at));
        let mut span = self.tracer.build_with_context(builder, &parent);
        if !span.is_recording() {
            return;
        }
        span.set_attribute(KeyValue::new("http.request.method", method(request.method.as_str())));
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(request.status.as_u16())));
        span.set_attribute(KeyValue::new("symbolon.endpoint", request.endpoint.name()));
        span.set_attribute(KeyValue::new("symbolon.request_id", request.id.to_owned()));
        if let Some(realm) = request.realm {
            span.set_attribute(KeyValue::new("symbolon.realm", realm.to_owned()));
        }
        if request.status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", request.status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(ended_at);
    }
}

/// Methods that strangers make up have one name (OpenTelemetry's conventions for HTTP).
fn method(name: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == name).unwrap_or("_OTHER")
}

/// The headers, as the library reads them.
struct Carrier<'a>(&'a TraceHeaders);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.0.parent.to_str().ok(),
            "tracestate" => self.0.state.as_ref()?.to_str().ok().filter(|state| state.len() <= LONGEST_STATE),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

/// An exporter whose successes and failures show.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<SpanCounts>,
    warned: Mutex<Option<Instant>>,
}

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let sent = self.exporter.export(batch).await;
        match &sent {
            Ok(()) => self.counts.sent.add(spans),
            Err(error) => {
                self.counts.failed.add(spans);
                let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
                if warned.is_none_or(|at| at.elapsed() >= WARNING) {
                    tracing::warn!(%error, spans, "spans could not be sent to the collector of traces");
                    *warned = Some(Instant::now());
                }
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_collector_is_known_with_and_without_its_path() {
        for endpoint in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"]
        {
            let settings = TraceSettings::new(endpoint, 1.0).unwrap();
            assert_eq!(settings.endpoint, "http://127.0.0.1:4318/v1/traces");
        }
    }

    #[test]
    fn what_is_no_collector_or_no_ratio_is_refused() {
        for endpoint in ["", "127.0.0.1:4318", "grpc://x", "https://", "https://key@collector.example"] {
            assert!(TraceSettings::new(endpoint, 1.0).is_err(), "{endpoint}");
        }
        for ratio in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(TraceSettings::new("http://x", ratio).is_err(), "{ratio}");
        }
    }

    #[test]
    fn a_method_that_somebody_made_up_makes_no_name_of_its_own() {
        assert_eq!((method("POST"), method("CANARY")), ("POST", "_OTHER"));
    }
}
