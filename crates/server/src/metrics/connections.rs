//! Connections, counted: how many come, how many are there, and which the server ended itself.

use symbolon_core::metrics::Counter;

/// The connections of one listener since it was opened.
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    accepted: Counter,
    ended: Counter,
    refused: Counter,
    made_room: Counter,
    timed_out: Counter,
    no_handshake: Counter,
}

/// How the server ended a connection that the other side did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Another one needed its place.
    MadeRoom,
    /// It was too slow, or idle for too long.
    TimedOut,
    /// Its TLS handshake failed.
    NoHandshake,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionReading {
    pub(crate) accepted: u64,
    pub(crate) open: u64,
    pub(crate) refused: u64,
    pub(crate) closed: [(&'static str, u64); 3],
}

impl ConnectionCounts {
    /// One was accepted; it is open until what is returned is dropped.
    pub(crate) fn accepted(self: &std::sync::Arc<Self>) -> Open {
        self.accepted.increment();
        Open(std::sync::Arc::clone(self))
    }

    /// One could not be accepted.
    pub(crate) fn refused(&self) {
        self.refused.increment();
    }

    /// The server ended one.
    pub(crate) fn closed(&self, end: End) {
        match end {
            End::MadeRoom => &self.made_room,
            End::TimedOut => &self.timed_out,
            End::NoHandshake => &self.no_handshake,
        }
        .increment();
    }

    pub(crate) fn read(&self) -> ConnectionReading {
        // In this order: one that ends in between is not missed.
        let ended = self.ended.get();
        let accepted = self.accepted.get();
        ConnectionReading {
            accepted,
            open: accepted.saturating_sub(ended),
            refused: self.refused.get(),
            closed: [
                ("made_room", self.made_room.get()),
                ("timed_out", self.timed_out.get()),
                ("no_handshake", self.no_handshake.get()),
            ],
        }
    }
}

/// An open connection.
pub(crate) struct Open(std::sync::Arc<ConnectionCounts>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.ended.increment();
    }
}
