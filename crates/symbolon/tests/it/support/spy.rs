//! What a test reads over the shoulder of the server: its log, at the finest level.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged on this thread while it is held.
pub(crate) struct Log {
    lines: Lines,
    _held: tracing::subscriber::DefaultGuard,
    // While there is but one subscriber, the tests of other threads, which have none, decide which places in the
    // code are worth asking it about.
    _second: tracing::Dispatch,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        let lines = Lines::default();
        let second = tracing_subscriber::fmt().with_writer(io::sink).finish();
        let second = tracing::Dispatch::new(second);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(lines.clone())
            .finish();
        Self { lines, _held: tracing::subscriber::set_default(subscriber), _second: second }
    }

    /// What was logged so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lines.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
