//! The page in OpenMetrics: every family with its name, type, unit and labels. docs/observability.md has the same list,
//! which a test compares with this one.

use std::fmt::{Error, Result};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};
use symbolon_core::metrics::{HistogramReading, Reading};

use super::Sources;
use super::connections::ConnectionReading;
use super::process::{self, ProcessReading};
use super::requests::RequestReading;

/// Microseconds in a second.
const MICROS: f64 = 1e6;

/// Everything that the page shows, read once.
#[derive(Debug)]
struct Snapshot {
    core: Reading,
    requests: Vec<RequestReading>,
    connections: Vec<(&'static str, ConnectionReading)>,
    spans: [(&'static str, u64); 2],
    process: Option<ProcessReading>,
    version: &'static str,
}

/// The page as it is now.
pub(super) fn open_metrics(sources: &Sources) -> std::result::Result<String, Error> {
    let process = process::read();
    if let Err(error) = &process {
        tracing::debug!(%error, "the system says nothing of this process");
    }
    let snapshot = Snapshot {
        core: Reading::take(&sources.authority),
        requests: sources.requests.read(),
        connections: sources.connections.iter().map(|(name, counts)| (*name, counts.read())).collect(),
        spans: [("sent", sources.spans.sent.get()), ("failed", sources.spans.failed.get())],
        process: process.ok(),
        version: sources.version,
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder) -> Result {
        let mut page = Page(encoder);
        page.issuance(&self.core)?;
        page.directory(&self.core)?;
        page.journal(&self.core)?;
        page.requests(&self.requests)?;
        page.connections(&self.connections)?;
        page.counter("symbolon_trace_spans", "Spans of requests, by what became of them", || {
            self.spans.iter().map(|(result, count)| (vec![("result", *result)], *count))
        })?;
        if let Some(process) = &self.process {
            page.process(process)?;
        }
        let mut info =
            page.0.encode_descriptor("symbolon_build", "The version that runs", None, MetricType::Info)?;
        info.encode_info(&[("version", self.version)])
    }
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn issuance(&mut self, core: &Reading) -> Result {
        self.counter("symbolon_tokens_issued", "Tokens that were signed and recorded", || {
            core.realms.iter().flat_map(|realm| {
                // Algorithms that the realm never used would only be noise.
                let used = |algorithm| realm.keys.iter().any(|(of, ..)| *of == algorithm);
                realm.issued.iter().filter(move |(algorithm, _, count)| used(*algorithm) || *count > 0).map(
                    |(algorithm, grant, count)| {
                        let labels = vec![
                            ("realm", realm.realm.as_str()),
                            ("algorithm", algorithm.name()),
                            ("grant", grant.name()),
                        ];
                        (labels, *count)
                    },
                )
            })
        })?;
        self.counter("symbolon_refusals", "Refused requests by the exact reason", || {
            core.refusals.iter().map(|refusal| {
                (vec![("endpoint", refusal.endpoint), ("reason", refusal.reason)], refusal.count)
            })
        })?;
        let help = "Tokens that were given beyond a quota that is only watched";
        self.counter("symbolon_tokens_beyond_quota", help, || [(Vec::new(), core.limits.beyond_quota)])?;
        let help = "Requests that were given a token that was issued before";
        self.counter("symbolon_tokens_reused", help, || [(Vec::new(), core.limits.reused)])?;
        self.gauge("symbolon_signing_keys", "Signing keys by where they are in their lives", None, || {
            core.realms.iter().flat_map(|realm| {
                realm.keys.iter().map(|(algorithm, state, count)| {
                    let labels = vec![
                        ("realm", realm.realm.as_str()),
                        ("algorithm", algorithm.name()),
                        ("state", state.name()),
                    ];
                    (labels, *count)
                })
            })
        })
    }

    fn directory(&mut self, core: &Reading) -> Result {
        let caches = || core.caches.iter();
        let label = |cache: &symbolon_core::metrics::CacheReading| vec![("cache", cache.name)];
        self.counter("symbolon_cache_hits", "Look-ups that a cache of the directory answered", || {
            caches().map(|cache| (label(cache), cache.hits))
        })?;
        self.counter("symbolon_cache_misses", "Look-ups that the database had to answer", || {
            caches().map(|cache| (label(cache), cache.misses))
        })?;
        self.gauge("symbolon_cache_entries", "What a cache of the directory holds", None, || {
            caches().map(|cache| (label(cache), cache.size))
        })?;
        let help = "Since the database last confirmed that the directory is current; nothing is minted past \
                    max_directory_age_ms";
        self.seconds("symbolon_directory_age", help, core.directory_age.as_secs_f64())?;
        let help = "The place in the change sequence that the directory has reached";
        self.one("symbolon_directory_sequence", help, core.directory_sequence)
    }

    fn journal(&mut self, core: &Reading) -> Result {
        let journal = &core.journal;
        self.one("symbolon_journal_depth", "Tokens that wait to be recorded", journal.depth)?;
        let mut family = self.0.encode_descriptor(
            "symbolon_journal_batch_tokens",
            "Tokens recorded together",
            None,
            MetricType::Histogram,
        )?;
        histogram(&mut family, &journal.batches, 1.0)?;
        let mut family = self.0.encode_descriptor(
            "symbolon_journal_commit",
            "Until a batch was durable",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        histogram(&mut family, &journal.commits, MICROS)?;
        let help = "Batches that could not be recorded; their tokens were not given out";
        self.counter("symbolon_journal_failed_batches", help, || [(Vec::new(), journal.failed)])?;
        let help =
            "Refusals of which no record was kept, because there were too many or the database was away";
        self.counter("symbolon_refusal_records_dropped", help, || [(Vec::new(), journal.refusals_dropped)])?;
        let help = "How long the oldest token of this process waits to be counted into usage and last use";
        self.seconds("symbolon_usage_lag", help, journal.counting_lag.as_secs_f64())
    }

    fn requests(&mut self, requests: &[RequestReading]) -> Result {
        let mut family = self.0.encode_descriptor(
            "symbolon_request_duration",
            "From a request's header to its answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for request in requests {
            let labels = [("endpoint", request.endpoint), ("status", request.status)];
            histogram(&mut family.encode_family(&labels)?, &request.took, MICROS)?;
        }
        Ok(())
    }

    fn connections(&mut self, listeners: &[(&'static str, ConnectionReading)]) -> Result {
        let all = || listeners.iter().map(|(name, reading)| (vec![("listener", *name)], reading));
        self.counter("symbolon_connections_accepted", "Connections that were accepted", || {
            all().map(|(labels, reading)| (labels, reading.accepted))
        })?;
        self.gauge("symbolon_connections_open", "Connections that are open", None, || {
            all().map(|(labels, reading)| (labels, reading.open))
        })?;
        let help =
            "Times that the system could give no further connection, for want of file descriptors mostly";
        self.counter("symbolon_connections_refused", help, || {
            all().map(|(labels, reading)| (labels, reading.refused))
        })?;
        self.counter("symbolon_connections_closed", "Connections that the server ended, by reason", || {
            listeners.iter().flat_map(|(name, reading)| {
                let reasons = reading.closed.iter();
                reasons.map(|(reason, count)| (vec![("listener", *name), ("reason", *reason)], *count))
            })
        })
    }

    fn process(&mut self, process: &ProcessReading) -> Result {
        let mut family = self.0.encode_descriptor(
            "process_cpu",
            "Processor time of the process",
            Some(&Unit::Seconds),
            MetricType::Counter,
        )?;
        family.encode_counter(&process.cpu, NO_EXEMPLAR)?;
        let memory = [
            ("process_resident_memory", "Memory in use", process.resident),
            ("process_virtual_memory", "Memory that addresses were given to", process.virtual_memory),
        ];
        for (name, help, bytes) in memory {
            self.gauge(name, help, Some(&Unit::Bytes), || [(Vec::new(), bytes)])?;
        }
        self.one("process_open_fds", "Open file descriptors", process.descriptors)?;
        let most = process.most_descriptors.and_then(|most| i64::try_from(most).ok());
        self.one(
            "process_max_fds",
            "How many file descriptors there may be; -1 for no limit",
            most.unwrap_or(-1),
        )?;
        let help = "When the process was started, since 1970";
        self.seconds("process_start_time", help, process.started_at)
    }

    /// A counter; its samples are named with `_total` behind.
    fn counter<'l, V: EncodeCounterValue, I: IntoIterator<Item = (Labels<'l>, V)>>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Fn() -> I,
    ) -> Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples() {
            labelled(&mut family, &labels, |metric| metric.encode_counter(&value, NO_EXEMPLAR))?;
        }
        Ok(())
    }

    /// A gauge; its name ends in its unit.
    fn gauge<'l, V: EncodeGaugeValue, I: IntoIterator<Item = (Labels<'l>, V)>>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl Fn() -> I,
    ) -> Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in samples() {
            labelled(&mut family, &labels, |metric| metric.encode_gauge(&value))?;
        }
        Ok(())
    }

    fn one<V: EncodeGaugeValue + Copy>(&mut self, name: &str, help: &str, value: V) -> Result {
        self.gauge(name, help, None, || [(Vec::new(), value)])
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) -> Result {
        self.gauge(name, help, Some(&Unit::Seconds), || [(Vec::new(), value)])
    }
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, f64>> = None;

fn labelled(
    family: &mut MetricEncoder<'_>,
    labels: &Labels<'_>,
    write: impl FnOnce(&mut MetricEncoder<'_>) -> Result,
) -> Result {
    // An empty set would be written as a pair of braces.
    if labels.is_empty() { write(family) } else { write(&mut family.encode_family(labels)?) }
}

/// A histogram whose values are so many to the unit.
#[expect(
    clippy::cast_precision_loss,
    reason = "bounds are small, and a sum of microseconds may be off by one in 2^52"
)]
fn histogram(metric: &mut MetricEncoder<'_>, reading: &HistogramReading, per_unit: f64) -> Result {
    let within = reading.within.iter().map(|(bound, count)| (*bound as f64 / per_unit, *count));
    let buckets: Vec<_> = within.chain([(f64::INFINITY, reading.beyond)]).collect();
    metric.encode_histogram::<NoLabelSet>(reading.sum as f64 / per_unit, reading.count(), &buckets, None)
}
