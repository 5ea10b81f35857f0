//! Moments as people read them: in UTC as they leave the server, in the reader's own zone once the script has seen them
//! (`<time datetime="…">`).

use std::fmt;
use std::time::Duration;

use symbolon_core::clock::Timestamp;

use crate::console::texts::Texts;

/// A moment; as text it is the whole element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// In a form that programs read (RFC 3339).
    pub(crate) fn machine(self) -> String {
        self.0.to_string()
    }

    /// In a form that people read, in UTC and to the second.
    pub(crate) fn human(self) -> String {
        let text = self.machine();
        let (day, time) = text.split_once('T').unwrap_or((&text, ""));
        format!("{day} {} UTC", time.get(..8).unwrap_or(time))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\">{}</time>", self.machine(), self.human())
    }
}

// Digits and marks that are none of HTML's: nothing in it has to be escaped.
impl askama::filters::HtmlSafe for Moment {}

/// How long ago something was, in words.
pub(crate) fn ago(t: Texts, then: Timestamp, now: Timestamp) -> String {
    lasting(t, now.since(then))
}

/// A length of time in words, in the largest unit that is at least one.
pub(crate) fn lasting(t: Texts, time: Duration) -> String {
    let seconds = time.as_secs();
    let (name, count) = match seconds {
        0..60 => ("time-seconds", seconds),
        60..3600 => ("time-minutes", seconds / 60),
        3600..86_400 => ("time-hours", seconds / 3600),
        _ => ("time-days", seconds / 86_400),
    };
    t.one(name, count).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_for_people_and_for_programs() {
        let moment = Moment(Timestamp::from_millis(1_795_334_400_123));
        assert_eq!(
            moment.to_string(),
            "<time datetime=\"2026-11-22T08:00:00.123Z\">2026-11-22 08:00:00 UTC</time>"
        );
    }

    #[test]
    fn a_length_of_time_has_its_largest_unit() {
        let words = |seconds| lasting(Texts::default(), Duration::from_secs(seconds));
        assert_eq!(
            [words(1), words(59), words(60), words(7200), words(86_400 * 3)],
            ["1 second", "59 seconds", "1 minute", "2 hours", "3 days"]
        );
    }
}
