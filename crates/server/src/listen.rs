//! Accepts connections, plain or TLS, HTTP/1.1 and HTTP/2, and lets requests finish when it is told to stop.
//!
//! Every connection is in a stranger's hand: each has its time for whatever it does (`pace`), and none keeps a place
//! that another one needs (`places`).

#[cfg(test)]
mod http2_tests;
mod pace;
mod places;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower_service::Service;

use self::pace::{Answer, Pace, Watched};
use self::places::{Leave, Places};
use crate::metrics::{ConnectionCounts, End};
use crate::middleware::address::PeerAddress;
use crate::tls::CurrentTls;

/// How often an HTTP/2 connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of a request's headers.
const LARGEST_HEADER: usize = 16 * 1024;
/// Requests at once on one HTTP/2 connection: enough for a busy proxy, and multiplied by all connections still few
/// enough to be held in memory.
const STREAMS: u32 = 32;
/// Bytes that one HTTP/2 request may send ahead, and all of a connection together: bodies are small, and every byte
/// that a stranger may leave unread here is multiplied by all connections.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Connections that wait to be accepted; the system cuts it to its own limit (4,096, usually).
const BACKLOG: u32 = 4096;
/// After accepting failed (no file descriptors left, for instance), wait this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Failures to accept are logged once in this time.
const ACCEPT_WARNING: Duration = Duration::from_secs(10);

/// One listening socket and what is spoken on it.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// TLS, or plain where absent.
    pub tls: Option<Arc<CurrentTls>>,
    /// Where its connections are counted.
    pub counts: Arc<ConnectionCounts>,
}

impl Listener {
    /// What it is spoken to in.
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Binds a socket whose queue holds a burst of connections. A full queue costs each further client a second, after
/// which it tries again.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait until old connections are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once. When one more comes, those that have waited longest for the other side are closed.
    pub connections: usize,
    /// From the start of a connection to the end of its first header, TLS handshake included; later from the first
    /// byte of a header to its last.
    pub header: Duration,
    /// How long a connection may rest between two requests.
    pub idle: Duration,
    /// A request that runs may stand still for so long: nothing of its answer is taken, and it does not end.
    pub stalled: Duration,
    /// After being told to stop, running requests may take this long.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stalled: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// What answers the requests: the app, which is always ready.
pub trait Answering:
    Service<axum::extract::Request, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answering for S where
    S: Service<axum::extract::Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// What all connections of a listener share.
struct Shared<S> {
    app: S,
    tls: Option<Arc<CurrentTls>>,
    counts: Arc<ConnectionCounts>,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
}

/// Serves an app on a socket until `stop` turns true or its sender is gone; then finishes what is running.
pub async fn serve<S: Answering>(
    listener: Listener,
    app: S,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let Listener { socket, tls, counts } = listener;
    let places = Places::new(limits.connections, Arc::clone(&counts));
    let shared = Arc::new(Shared { app, tls, counts: Arc::clone(&counts), http1: http1(), http2: http2() });
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                counts.refused();
                let exhausted = is_exhausted(&error);
                if warned.is_none_or(|at| at.elapsed() >= ACCEPT_WARNING) {
                    tracing::warn!(%error, closing_some = exhausted, "connections cannot be accepted");
                    warned = Some(Instant::now());
                }
                if exhausted {
                    places.shrink();
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let open = counts.accepted();
        let pace = Pace::new(limits);
        let (held, asked) = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            taken = places.take(&pace) => taken,
        };
        let connection = Connection { shared: Arc::clone(&shared), peer, pace, asked };
        tokio::spawn(async move {
            let _held = (held, open);
            connection.attend(stream).await;
        });
    }
    drop(socket);
    if tokio::time::timeout(limits.grace, places.empty()).await.is_err() {
        tracing::warn!("some connections were still busy when the grace period ended");
    }
}

/// Whether the system has nothing left for another connection. Whatever else is wrong with a new one (Linux tells of
/// its network here, and of its firewall) is not made better by closing those that there are.
fn is_exhausted(error: &std::io::Error) -> bool {
    let known = Errno::from_io_error(error);
    known.is_some_and(|errno| [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].contains(&errno))
}

/// HTTP/1.1 alone. Which protocol it is, is settled before the first byte (by ALPN, or because there is no TLS):
/// guessing by the first bytes would wait for them without end. Times are kept by `pace`.
fn http1() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(LARGEST_HEADER);
    builder
}

/// HTTP/2 alone, with pings that find out who has gone. Streams that are reset as soon as they are opened end the
/// connection after a few (the default of the library below).
fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    let largest = u32::try_from(LARGEST_HEADER).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(largest)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

/// One connection.
struct Connection<S> {
    shared: Arc<Shared<S>>,
    peer: SocketAddr,
    pace: Arc<Pace>,
    asked: oneshot::Receiver<Leave>,
}

impl<A: Answering> Connection<A> {
    async fn attend(mut self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let stream = Watched::new(stream, Arc::clone(&self.pace));
        let shared = Arc::clone(&self.shared);
        let Some(tls) = &shared.tls else { return self.speak(&shared.http1, stream).await };
        let acceptor = TlsAcceptor::from(tls.config());
        let Some(stream) = self.handshake(&acceptor, stream).await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.pace.is_http2();
            self.speak(&shared.http2, stream).await;
        } else {
            self.speak(&shared.http1, stream).await;
        }
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        acceptor: &TlsAcceptor,
        stream: S,
    ) -> Option<TlsStream<S>> {
        tokio::select! {
            done = acceptor.accept(stream) => match done {
                Ok(stream) => Some(stream),
                Err(error) => {
                    tracing::debug!(%error, peer = %self.peer, "a TLS handshake failed");
                    self.shared.counts.closed(End::NoHandshake);
                    None
                }
            },
            () = sleep_until(self.pace.due()) => {
                self.shared.counts.closed(End::TimedOut);
                None
            }
            _ = &mut self.asked => None,
        }
    }

    /// Serves requests until the other side goes, is too slow, or is asked to leave.
    async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        builder: &Builder<TokioExecutor>,
        stream: S,
    ) {
        let Self { shared, peer, pace, mut asked } = self;
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            let (parts, body) = request.into_parts();
            let (running, body) = pace.begin(body);
            let mut request = Request::from_parts(parts, Body::new(body));
            request.extensions_mut().insert(PeerAddress(peer));
            let answering = shared.app.clone().call(request);
            async move { answering.await.map(|response| response.map(|body| Answer::new(body, running))) }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut timer = pin!(sleep_until(pace.due()));
        let mut was_asked = false;
        let mut leaves_at: Option<Instant> = None;
        let ended = poll_fn(|cx| {
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(Some(ended));
                }
                if !was_asked && let Poll::Ready(leave) = Pin::new(&mut asked).poll(cx) {
                    was_asked = true;
                    connection.as_mut().graceful_shutdown();
                    if leave == Ok(Leave::MakeRoom) {
                        leaves_at = Some(Instant::now() + pace.hasty_farewell());
                    }
                    continue;
                }
                let waits = pace.waits_since().is_some();
                let due = match leaves_at {
                    Some(moment) if waits => moment.min(pace.due()),
                    _ => pace.due(),
                };
                // A later moment can wait until the timer has run out: most requests so leave it as it is.
                if due < timer.deadline() {
                    timer.as_mut().reset(due);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                if due > Instant::now() {
                    timer.as_mut().reset(due);
                } else if leaves_at.is_none() && waits && !pace.farewell().is_zero() {
                    connection.as_mut().graceful_shutdown();
                    shared.counts.closed(End::TimedOut);
                    leaves_at = Some(Instant::now() + pace.farewell());
                } else {
                    return Poll::Ready(None);
                }
            }
        });
        match ended.await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, %peer, "a connection ended badly"),
            None => {
                // Whoever was asked to go is counted already.
                if leaves_at.is_none() {
                    shared.counts.closed(End::TimedOut);
                }
                tracing::debug!(%peer, "a connection was closed: it was too slow, or idle for too long");
            }
        }
    }
}
