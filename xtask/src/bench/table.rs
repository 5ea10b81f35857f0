//! The table: what was measured, what it is compared with, and whether the goal is met.

use std::fmt::{self, Write as _};

/// What a value should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// A ratio of at least so much.
    Least(f64),
    /// A ratio of at most so much.
    Most(f64),
    /// At most so many of a unit.
    MostOf(f64, &'static str),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::Least(goal) => value >= goal,
            Self::Most(goal) | Self::MostOf(goal, _) => value <= goal,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Least(goal) => write!(f, "≥ {goal:.2}×"),
            Self::Most(goal) => write!(f, "≤ {goal:.2}×"),
            Self::MostOf(goal, unit) => write!(f, "≤ {goal} {unit}"),
        }
    }
}

/// One line of the table.
#[derive(Debug, Default)]
pub(crate) struct Row {
    what: String,
    measured: String,
    beside: String,
    ratio: Option<f64>,
    by_cpu: Option<f64>,
    judged: Option<(f64, Goal)>,
}

impl Row {
    /// A line that says what was measured.
    pub(crate) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), ..Self::default() }
    }

    /// What it is compared with, and the ratio to it.
    pub(crate) fn beside(mut self, beside: impl Into<String>, ratio: f64) -> Self {
        self.beside = beside.into();
        self.ratio = Some(ratio);
        self
    }

    /// The ratio that processor times make of the same comparison: what rates would be if the machine did nothing
    /// else. Greater is better here.
    pub(crate) fn by_cpu(mut self, ratio: f64) -> Self {
        self.by_cpu = Some(ratio);
        self
    }

    /// Something to be read beside it, without a ratio.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.beside = note.into();
        self
    }

    /// What the ratio should be.
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.judged = self.ratio.map(|ratio| (ratio, goal));
        self
    }

    /// What the measured value itself should be.
    pub(crate) fn goal_of(mut self, value: f64, goal: Goal) -> Self {
        self.judged = Some((value, goal));
        self
    }
}

impl Row {
    /// Shows it beside what is judged: without a goal, and without a ratio of processor times, which leave out what
    /// another process takes.
    pub(crate) fn judged_if(mut self, judged: bool) -> Self {
        if !judged {
            (self.judged, self.by_cpu) = (None, None);
        }
        self
    }
}

/// All lines, in groups.
#[derive(Debug, Default)]
pub(crate) struct Table {
    groups: Vec<(String, Vec<Row>)>,
}

/// The widths of the columns; with the spaces between them and the verdict they stay within 120.
const WIDTHS: [usize; 6] = [38, 19, 21, 7, 7, 9];

impl Table {
    /// Begins a group of lines.
    pub(crate) fn group(&mut self, title: impl Into<String>) {
        self.groups.push((title.into(), Vec::new()));
    }

    /// Adds a line to the last group.
    pub(crate) fn add(&mut self, row: Row) {
        if let Some((_, rows)) = self.groups.last_mut() {
            rows.push(row);
        }
    }

    /// How many goals are met, and how many are not.
    pub(crate) fn verdicts(&self) -> (usize, usize) {
        let judged = self.groups.iter().flat_map(|(_, rows)| rows).filter_map(|row| row.judged);
        let (met, missed): (Vec<_>, Vec<_>) = judged.partition(|(value, goal)| goal.is_met(*value));
        (met.len(), missed.len())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "measured", "beside", "ratio", "by CPU", "goal"].map(str::to_owned);
        writeln!(f, "{}", line(&head, ""))?;
        for (title, rows) in self.groups.iter().filter(|(_, rows)| !rows.is_empty()) {
            writeln!(f, "\n{title}")?;
            for row in rows {
                let verdict = match row.judged {
                    None => "",
                    Some((value, goal)) if goal.is_met(value) => "met",
                    Some(_) => "MISSED",
                };
                let cells = [
                    format!("  {}", row.what),
                    row.measured.clone(),
                    row.beside.clone(),
                    row.ratio.map(times).unwrap_or_default(),
                    row.by_cpu.map(times).unwrap_or_default(),
                    row.judged.map(|(_, goal)| goal.to_string()).unwrap_or_default(),
                ];
                writeln!(f, "{}", line(&cells, verdict))?;
            }
        }
        Ok(())
    }
}

/// The first column stands left, the others right, as numbers do.
fn line(cells: &[String; 6], verdict: &str) -> String {
    let mut text = String::new();
    for (index, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        let _ = if index == 0 { write!(text, "{cell}{padding}") } else { write!(text, "  {padding}{cell}") };
    }
    let _ = write!(text, "  {verdict}");
    text.trim_end().to_owned()
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2}×")
}

/// A whole number with commas between its thousands.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The middle of some values; 0 if there are none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    match (values.get(upper), values.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => f64::midpoint(values[upper - 1], *value),
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_thousands() {
        let texts = [0.0, 999.4, 1000.0, 25_400.0, 1_234_567.0].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "25,400", "1,234,567"]);
    }

    #[test]
    fn a_median_of_even_many_lies_between_the_middle_two() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < f64::EPSILON);
        assert!((median(vec![9.0, 1.0, 3.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }

    #[test]
    fn a_missed_goal_is_marked_and_every_line_fits() {
        let mut table = Table::default();
        table.group("Tokens a second, durable, against the naive endpoint");
        let wide = "123,456/s  123.4 µs";
        let row = Row::new("Ed25519, PostgreSQL, 256 connections", wide).beside(wide, 0.6).by_cpu(0.7);
        table.add(row.goal(Goal::Least(0.65)));
        table.add(Row::new("ES256", "1/s").beside("1/s", 1.0).goal(Goal::Least(0.75)));
        table.add(Row::new("memory", "12.0 MiB").goal_of(12.0, Goal::MostOf(16.0, "MiB")));
        let text = table.to_string();
        assert_eq!(text.matches("MISSED").count(), 1, "{text}");
        assert_eq!(table.verdicts(), (2, 1));
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }

    #[test]
    fn a_goal_is_met_at_its_edge() {
        assert!(Goal::Least(0.75).is_met(0.75) && !Goal::Least(0.75).is_met(0.749));
        assert!(Goal::Most(2.0).is_met(2.0) && !Goal::MostOf(5.0, "ms").is_met(5.01));
    }
}
