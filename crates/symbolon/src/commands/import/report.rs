//! What is told of an import: how much there is to do, and what is not taken over.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use symbolon_core::apply::plan::Counts;
use symbolon_core::import::{Fate, Note};

use super::{ImportFrom, ReportForm};
use crate::manage::render::plain;

/// The steps that there are to take.
#[derive(Default)]
pub(super) struct Steps {
    /// How many of each kind.
    pub(super) counts: BTreeMap<String, Counts>,
    /// In words, where nothing else comes of them.
    pub(super) texts: Vec<String>,
}

/// What is told of an import.
pub(super) struct Report<'a> {
    from: &'a ImportFrom,
    counts: serde_json::Value,
    summary: String,
    /// The steps one by one, where nothing else comes of them.
    steps: Vec<String>,
    notes: Vec<Note>,
}

impl<'a> Report<'a> {
    /// Of an import with these steps.
    pub(super) fn of(from: &'a ImportFrom, told: Steps, notes: Vec<Note>) -> Self {
        let Steps { counts, texts: steps } = told;
        let mut summary = String::new();
        for (kind, counts) in &counts {
            let _ = writeln!(
                summary,
                "{kind:<16} {:>8} to create, {:>8} to change",
                counts.create, counts.change
            );
        }
        if counts.is_empty() {
            summary.push_str("Nothing to do: everything is as in the export.\n");
        }
        Self { from, counts: json!(counts), summary, steps, notes }
    }

    /// What is going to be done.
    pub(super) fn begin(&self) {
        if self.from.output == ReportForm::Table {
            print!("{}", plain(&self.for_people()));
        }
    }

    /// That it is done.
    pub(super) fn end(&self) {
        match self.from.output {
            ReportForm::Json => println!("{}", self.for_programs()),
            ReportForm::Table if self.from.dry_run => println!("Nothing was changed."),
            ReportForm::Table => println!("Done."),
        }
    }

    fn for_people(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let _ = writeln!(text, "{step}");
        }
        text.push_str(&self.summary);
        for (fate, title) in
            [(Fate::LeftOut, "Not taken over:"), (Fate::Differs, "Taken over, but not as it was:")]
        {
            let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
            for note in self.notes.iter().filter(|note| note.fate == fate) {
                groups.entry((&note.kind, &note.reason)).or_default().push(&note.name);
            }
            if !groups.is_empty() {
                let _ = writeln!(text, "\n{title}");
            }
            for ((kind, reason), names) in groups {
                let _ = writeln!(text, "  {kind:<20} {}\n  {:<20}   {reason}", some_of(&names), "");
            }
        }
        text.push('\n');
        text
    }

    fn for_programs(&self) -> serde_json::Value {
        let mut report = json!({ "dry_run": self.from.dry_run, "plan": self.counts, "notes": self.notes });
        if self.from.dry_run {
            report["steps"] = json!(self.steps);
        }
        report
    }
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
