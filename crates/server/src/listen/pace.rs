//! How long a connection may take, judged by what it does: a first request must come soon, a header and an answer
//! must not crawl, and only between two requests may a connection rest for long.
//!
//! hyper has one time-out for all of this, which runs from the end of the last request on: it cannot tell a client
//! that rests from one that sends a byte a second. So the bytes are watched below TLS, where every client shows.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Limits;

/// HTTP/2 says goodbye and hears the answer within this time; HTTP/1.1 has no such words.
const FAREWELL: Duration = Duration::from_secs(1);
/// The same while another connection waits for the place.
const HASTY_FAREWELL: Duration = Duration::from_millis(100);

/// What one connection has done so far. Moments are milliseconds since it was accepted.
pub(super) struct Pace {
    limits: Limits,
    accepted: Instant,
    http2: AtomicBool,
    /// Requests that are not yet answered in full.
    running: AtomicUsize,
    /// Those of them whose bodies have not yet come in full.
    arriving: AtomicUsize,
    /// Those of them whose answers are made, as far as they were asked for.
    handed: AtomicUsize,
    /// Whether any request was ever answered.
    served: AtomicBool,
    /// When the last request was finished.
    rests_since: AtomicU64,
    /// When the first byte after it came, plus one; 0 while there is none.
    header_since: AtomicU64,
    /// When a request began or ended, or something of an answer was taken: bytes over HTTP/1.1, a frame over HTTP/2.
    progress: AtomicU64,
    /// The other side takes nothing of what it is sent.
    blocked: AtomicBool,
}

impl Pace {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            accepted: Instant::now(),
            http2: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            arriving: AtomicUsize::new(0),
            handed: AtomicUsize::new(0),
            served: AtomicBool::new(false),
            rests_since: AtomicU64::new(0),
            header_since: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
        })
    }

    /// HTTP/2 sends frames that belong to no request, so that bytes alone say nothing about headers and answers.
    pub(super) fn is_http2(&self) {
        self.http2.store(true, Ordering::Relaxed);
    }

    fn speaks_http2(&self) -> bool {
        self.http2.load(Ordering::Relaxed)
    }

    /// How long it may take to go, if no request runs.
    pub(super) fn farewell(&self) -> Duration {
        if self.speaks_http2() { FAREWELL } else { Duration::ZERO }
    }

    /// How long it may take to go when another one needs the place, if no request runs.
    pub(super) fn hasty_farewell(&self) -> Duration {
        self.farewell().min(HASTY_FAREWELL)
    }

    /// A request has been read as far as its body. It runs until the first of what is returned is dropped.
    pub(super) fn begin<B: Body>(self: &Arc<Self>, body: B) -> (Running, Arriving<B>) {
        self.progress.store(self.now(), Ordering::Relaxed);
        self.header_since.store(0, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        let rest = (!body.is_end_stream()).then(|| {
            self.arriving.fetch_add(1, Ordering::Relaxed);
            Rest(Arc::clone(self))
        });
        (Running(Arc::clone(self)), Arriving { body, rest })
    }

    /// Since when everything here waits for the other side: for a request, for the rest of one, or for an answer to
    /// be taken. None while the server has something to do.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let running = self.running.load(Ordering::Relaxed);
        if running == 0 {
            return Some(self.at(self.rests_since.load(Ordering::Relaxed)));
        }
        // A window of HTTP/2 that the client keeps shut holds an answer back while every byte written is taken.
        let handed = if self.speaks_http2() { self.handed.load(Ordering::Relaxed) } else { 0 };
        let left = running <= self.arriving.load(Ordering::Relaxed) + handed;
        let waits = left || self.blocked.load(Ordering::Relaxed);
        waits.then(|| self.at(self.progress.load(Ordering::Relaxed)))
    }

    /// When the connection is to be closed, if it goes on as it does now.
    pub(super) fn due(&self) -> Instant {
        let busy = self.running.load(Ordering::Relaxed) > 0 || self.blocked.load(Ordering::Relaxed);
        if busy {
            return self.at(self.progress.load(Ordering::Relaxed)) + self.limits.stalled;
        }
        if !self.served.load(Ordering::Relaxed) {
            return self.accepted + self.limits.header;
        }
        match self.header_since.load(Ordering::Relaxed) {
            0 => self.at(self.rests_since.load(Ordering::Relaxed)) + self.limits.idle,
            since => self.at(since - 1) + self.limits.header,
        }
    }

    fn at(&self, millis: u64) -> Instant {
        self.accepted + Duration::from_millis(millis)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    fn came(&self) {
        let rests = self.running.load(Ordering::Relaxed) == 0 && !self.speaks_http2();
        if rests && self.header_since.load(Ordering::Relaxed) == 0 {
            self.header_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// Bytes were taken. Those of HTTP/2 may be no more than answers to pings.
    fn went(&self) {
        if !self.speaks_http2() {
            self.progress.store(self.now(), Ordering::Relaxed);
        }
        self.blocked.store(false, Ordering::Relaxed);
    }

    fn stuck(&self) {
        if !self.blocked.swap(true, Ordering::Relaxed) && !self.speaks_http2() {
            self.progress.store(self.now(), Ordering::Relaxed);
        }
    }
}

/// A request that is not yet answered in full.
pub(super) struct Running(Arc<Pace>);

impl Drop for Running {
    fn drop(&mut self) {
        let pace = &self.0;
        let now = pace.now();
        pace.progress.store(now, Ordering::Relaxed);
        pace.rests_since.store(now, Ordering::Relaxed);
        pace.served.store(true, Ordering::Relaxed);
        pace.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The part of a body that has not come.
struct Rest(Arc<Pace>);

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.arriving.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a request, which tells when it has come in full, or when nobody wants it any more.
pub(super) struct Arriving<B> {
    body: B,
    rest: Option<Rest>,
}

impl<B: Body + Unpin> Body for Arriving<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if self.body.is_end_stream() || matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer that waits for the client, not for the server.
struct Handed(Arc<Pace>);

impl Handed {
    fn new(pace: &Arc<Pace>) -> Self {
        pace.handed.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(pace))
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.0.handed.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, which tells whether the server has still to make some of it, and when it has been handed
/// over.
pub(super) struct Answer<B> {
    body: B,
    // Given up before `running`: it must not for a moment stand for another request that is still worked on.
    handed: Option<Handed>,
    running: Running,
}

impl<B> Answer<B> {
    pub(super) fn new(body: B, running: Running) -> Self {
        let handed = Some(Handed::new(&running.0));
        Self { body, handed, running }
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_pending() {
            self.handed = None;
        } else {
            let pace = &self.running.0;
            if pace.speaks_http2() {
                pace.progress.store(pace.now(), Ordering::Relaxed);
            }
            if self.handed.is_none() {
                self.handed = Some(Handed::new(pace));
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose bytes are noticed.
pub(super) struct Watched<S> {
    stream: S,
    pace: Arc<Pace>,
}

impl<S> Watched<S> {
    pub(super) const fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace }
    }

    fn written(&self, written: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        match &written {
            Poll::Ready(_) => self.pace.went(),
            Poll::Pending => self.pace.stuck(),
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.came();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
