//! The world around a source: the servers that answer as a vector says, the clocks, and the source of the secret.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use symbolon_client::{Secret, SecretProvider, SecretsFuture, Transport, TransportError, TransportFuture};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::format::{Answer, Exchange};

/// Everything that a vector moves.
pub(crate) struct World {
    began: Instant,
    wall_ms: AtomicI64,
    pub(crate) secrets: Mutex<Vec<String>>,
    expected: Mutex<VecDeque<Exchange>>,
    faults: Mutex<Vec<String>>,
    under_way: AtomicUsize,
    ended: Notify,
}

impl World {
    pub(crate) fn new(wall_ms: i64, secrets: Vec<String>) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            wall_ms: AtomicI64::new(wall_ms),
            secrets: Mutex::new(secrets),
            expected: Mutex::default(),
            faults: Mutex::default(),
            under_way: AtomicUsize::new(0),
            ended: Notify::new(),
        })
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).expect("a short time")
    }

    pub(crate) fn jump(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn wall(&self) -> SystemTime {
        let ms =
            self.wall_ms.load(Ordering::SeqCst) + i64::try_from(self.elapsed_ms()).expect("a short time");
        UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).expect("after 1970"))
    }

    pub(crate) fn expect(&self, exchanges: &[Exchange]) {
        self.expected.lock().expect("the lock").extend(exchanges.iter().cloned());
    }

    /// Lets everything end that runs in the background, and says what was wrong in this step.
    pub(crate) async fn settle(&self) -> Result<(), String> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
            while self.under_way.load(Ordering::SeqCst) > 0 {
                self.ended.notified().await;
            }
        }
        let missing = std::mem::take(&mut *self.expected.lock().expect("the lock"));
        let mut faults = std::mem::take(&mut *self.faults.lock().expect("the lock"));
        faults.extend(missing.iter().map(|exchange| {
            format!(
                "not sent: {} {} at {:?}",
                exchange.request.method, exchange.request.url, exchange.request.at_ms
            )
        }));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    fn fault(&self, text: String) {
        self.faults.lock().expect("the lock").push(text);
    }

    /// Takes the next exchange, if this request is the one that it names.
    fn take(&self, request: &Request<Bytes>) -> Option<Exchange> {
        let now = self.elapsed_ms();
        let said = || format!("{} {} at {now}", request.method(), request.uri());
        let Some(exchange) = self.expected.lock().expect("the lock").pop_front() else {
            self.fault(format!("one too many: {}", said()));
            return None;
        };
        let wanted = &exchange.request;
        if request.method().as_str() != wanted.method || request.uri() != wanted.url.as_str() {
            self.fault(format!("{} instead of {} {}", said(), wanted.method, wanted.url));
        }
        if wanted.at_ms.is_some_and(|at| at != now) {
            self.fault(format!("{} instead of {:?}", said(), wanted.at_ms));
        }
        for (name, value) in &wanted.headers {
            let sent: Vec<_> = request.headers().get_all(name).iter().collect();
            if sent.len() != 1 || sent[0].as_bytes() != value.as_bytes() {
                let sent: Vec<_> =
                    sent.iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
                self.fault(format!("{}: {name} is {sent:?} instead of {value:?}", said()));
            }
        }
        for name in &wanted.absent {
            if request.headers().contains_key(name) {
                self.fault(format!("{}: {name} is there", said()));
            }
        }
        let body = String::from_utf8_lossy(request.body());
        if wanted.form.as_ref().is_some_and(|form| *form != body) {
            self.fault(format!("{}: {body} instead of {:?}", said(), wanted.form));
        }
        let sent_json = || serde_json::from_str::<serde_json::Value>(&body).ok();
        if wanted.json.is_some() && wanted.json != sent_json() {
            self.fault(format!("{}: {body} instead of {:?}", said(), wanted.json));
        }
        Some(exchange)
    }

    pub(crate) async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let under_way = UnderWay::new(self);
        let exchange = self.take(&request);
        let Some(exchange) = exchange else {
            return Err(TransportError::connection("nobody expected this"));
        };
        if exchange.takes_ms > 0 {
            tokio::time::sleep(Duration::from_millis(exchange.takes_ms)).await;
        }
        drop(under_way);
        match (exchange.answer, exchange.failure.as_deref()) {
            (Some(answer), None) => Ok(response(answer)),
            (None, Some("timeout")) => Err(TransportError::timeout("the time was up")),
            (None, Some(kind @ ("refused" | "reset"))) => Err(TransportError::connection(kind)),
            (_, other) => panic!("no such answer: {other:?}"),
        }
    }
}

fn response(answer: Answer) -> Response<Bytes> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = match (answer.json, answer.text, answer.repeat) {
        (Some(json), None, None) => json.to_string(),
        (None, Some(text), None) => text,
        (None, None, Some(repeat)) => repeat.text.repeat(repeat.times),
        (None, None, None) => String::new(),
        _ => panic!("two bodies"),
    };
    response.body(Bytes::from(body)).expect("a response")
}

/// A request that is not answered yet.
struct UnderWay<'a>(&'a World);

impl<'a> UnderWay<'a> {
    fn new(world: &'a World) -> Self {
        world.under_way.fetch_add(1, Ordering::SeqCst);
        Self(world)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify_one();
    }
}

/// The world as a transport.
pub(crate) struct Wire(pub(crate) Arc<World>);

impl Transport for Wire {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(self.0.answer(request))
    }
}

/// The world as the place of the secret.
pub(crate) struct Safe(pub(crate) Arc<World>);

impl SecretProvider for Safe {
    fn read(&self) -> SecretsFuture<'_> {
        let secrets = self.0.secrets.lock().expect("the lock").iter().map(Secret::new).collect();
        Box::pin(std::future::ready(Ok(secrets)))
    }

    fn is_cheap(&self) -> bool {
        true
    }
}
