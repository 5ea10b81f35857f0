//! A gateway before a server, which counts what goes through and can be out of order: it answers itself, takes its time,
//! or tears connections down.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the gateway does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It passes it on.
    None,
    /// It answers this status itself, with `Retry-After` in seconds.
    Status(u16, u64),
    /// It passes it on after a while.
    Slow(Duration),
    /// It tears the connection down.
    Reset,
}

/// A running gateway.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    /// What it does with the next so many requests; with those after them it has no fault.
    fault: Arc<Mutex<(Fault, usize)>>,
}

impl Gateway {
    /// Starts one before `http://ADDRESS`.
    pub(crate) async fn before(base: &str) -> Self {
        let upstream: SocketAddr =
            base.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let gateway = Self { url, requests: Arc::default(), fault: Arc::new(Mutex::new((Fault::None, 0))) };
        let itself = gateway.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let gateway = itself.clone();
                // What a client or a server breaks off is theirs to tell.
                tokio::spawn(async move { gateway.pass_on(stream, upstream).await.ok() });
            }
        });
        gateway
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Has a fault for the next so many requests.
    pub(crate) fn has(&self, fault: Fault, times: usize) {
        *self.fault.lock().expect("the lock") = (fault, times);
    }

    fn next(&self) -> Fault {
        let mut fault = self.fault.lock().expect("the lock");
        match fault.1.checked_sub(1) {
            Some(left) => {
                fault.1 = left;
                fault.0
            }
            None => Fault::None,
        }
    }

    /// One request a connection.
    async fn pass_on(self, mut stream: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
        let mut request = vec![0; 1];
        // Only whoever sends something asks; and what is left unread makes the system tear the connection down.
        stream.read_exact(&mut request).await?;
        self.requests.fetch_add(1, Ordering::SeqCst);
        match self.next() {
            Fault::Reset => return Ok(()),
            Fault::Status(status, seconds) => {
                read_request(&mut stream, &mut request).await?;
                let answer = format!(
                    "HTTP/1.1 {status} Out of order\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                return stream.write_all(answer.as_bytes()).await;
            }
            Fault::Slow(time) => tokio::time::sleep(time).await,
            Fault::None => {}
        }
        let head = read_request(&mut stream, &mut request).await?;
        let mut server = TcpStream::connect(upstream).await?;
        let line = request.iter().position(|byte| *byte == b'\n').map_or(head, |end| end + 1);
        server.write_all(&request[..line]).await?;
        server.write_all(b"Connection: close\r\n").await?;
        server.write_all(&request[line..]).await?;
        tokio::io::copy(&mut server, &mut stream).await?;
        stream.shutdown().await
    }
}

/// Reads a request to the end of its body; the length of its head.
async fn read_request(stream: &mut TcpStream, request: &mut Vec<u8>) -> std::io::Result<usize> {
    let head = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    while request.len() < head + length.unwrap_or(0) {
        if stream.read_buf(request).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
