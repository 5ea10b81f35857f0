//! Tells a service manager how the server is doing (`sd_notify`): one datagram to the socket that systemd names in
//! `NOTIFY_SOCKET`. Without a manager nothing is sent.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// The manager, if there is one.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager {
    address: Option<SocketAddr>,
}

impl ServiceManager {
    /// Finds it in the environment.
    pub fn find() -> Self {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let address = name.as_ref().map(|name| match name.as_bytes().split_first() {
            Some((b'@', name)) => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(name),
        });
        match address.transpose() {
            Ok(address) => Self { address },
            Err(error) => {
                tracing::warn!(%error, ?name, "NOTIFY_SOCKET names no socket; the service manager is told nothing");
                Self::default()
            }
        }
    }

    /// The sockets listen and requests are answered.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is being read again; `ready` follows.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// Running requests are finished, and then it is over.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        let Some(address) = &self.address else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), address));
        if let Err(error) = sent {
            tracing::warn!(%error, state, "the service manager could not be told");
        }
    }
}
