//! How far long work is: a bar on standard error while somebody looks at it, and nothing otherwise.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Below this many steps it is over before anybody could read it.
const WORTH_SHOWING: usize = 500;

/// The progress of a number of steps.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins at the first of so many steps.
    pub(crate) fn of(steps: usize) -> Self {
        // It hides itself where standard error is no terminal.
        let target =
            if steps < WORTH_SHOWING { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        match ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len}, {per_sec}, {eta} left") {
            Ok(style) => Self(bar.with_style(style)),
            Err(_) => Self(bar),
        }
    }

    /// So many steps are done.
    pub(crate) fn reached(&self, steps: usize) {
        tracing::debug!(steps, "done for good");
        self.0.set_position(steps as u64);
    }

    /// Does something that prints.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// It is over, well or not.
    pub(crate) fn end(self) {
        self.0.finish_and_clear();
    }
}
