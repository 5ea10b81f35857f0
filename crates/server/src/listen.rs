//! Accepts connections, plain or TLS, HTTP/1.1 and HTTP/2, and lets requests finish when it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::middleware::address::PeerAddress;
use crate::router::App;

/// Headers must have arrived after this long; also the time for a TLS handshake.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an HTTP/2 connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// The most bytes of a request's headers.
const LARGEST_HEADER: usize = 16 * 1024;
/// After accepting failed (no file descriptors left, for instance), wait this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One listening socket and what is spoken on it.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// TLS, or plain where absent.
    pub tls: Option<Arc<ServerConfig>>,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// After being told to stop, running requests may take this long.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10_000, grace: Duration::from_secs(10) }
    }
}

/// Serves an app on a socket until `stop` turns true or its sender is gone; then finishes what is running.
pub async fn serve(listener: Listener, app: App, limits: Limits, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let acceptor = listener.tls.map(TlsAcceptor::from);
    let (http1, http2) = (http1(), http2());
    loop {
        let place = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (http1, http2, app, watcher) = (http1.clone(), http2.clone(), app.clone(), graceful.watcher());
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => speak(&http1, stream, app, peer, watcher).await,
                Some(acceptor) => {
                    if let Some(stream) = handshake(&acceptor, stream).await {
                        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        let builder = if is_http2 { &http2 } else { &http1 };
                        speak(builder, stream, app, peer, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener.socket);
    if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were still busy when the grace period ended");
    }
}

/// HTTP/1.1 alone. Which protocol it is, is settled before the first byte (by ALPN, or because there is no TLS), so
/// that the time for headers runs from the start: guessing by the first bytes would wait for them without end.
fn http1() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(LARGEST_HEADER);
    builder
}

/// HTTP/2 alone, with pings that find out who has gone.
fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    let largest = u32::try_from(LARGEST_HEADER).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(HEADER_TIMEOUT)
        .max_header_list_size(largest)
        .max_concurrent_streams(200);
    builder
}

async fn handshake(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(HEADER_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    app: App,
    peer: SocketAddr,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddress(peer));
        app.answer(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended badly");
    }
}
