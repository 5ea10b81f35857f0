//! Tables: aligned columns, made narrower and then fewer where a terminal is narrow.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::manage::render::{Paint, Screen, plain, value};

/// Between two columns.
const GAP: usize = 2;
/// No column is cut below that.
const NARROWEST: usize = 10;
/// Rather than cut a column below that, the last one goes.
const TELLING: usize = 20;

/// Rows under titles. The most telling columns come first: the last ones go where there is no room.
pub struct Table {
    titles: Vec<&'static str>,
    /// Whether a column may be cut. The first one never is: ids are copied.
    flexible: Vec<bool>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    headed: bool,
}

impl Table {
    /// An empty table: titles, and whether the column may be cut.
    pub fn new(columns: &[(&'static str, bool)]) -> Self {
        let titles: Vec<&'static str> = columns.iter().map(|(title, _)| *title).collect();
        let flexible =
            columns.iter().enumerate().map(|(index, (_, flexible))| index > 0 && *flexible).collect();
        Self {
            flexible,
            rows: Vec::new(),
            widths: titles.iter().map(|title| title.width()).collect(),
            titles,
            headed: false,
        }
    }

    /// Adds a row. Line breaks and whatever could steer a terminal are taken out.
    pub fn row(&mut self, cells: Vec<String>) {
        let cells: Vec<String> = cells
            .into_iter()
            .map(|cell| if cell.is_empty() { "-".to_owned() } else { plain(&cell).replace('\n', " ") })
            .collect();
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.width());
        }
        self.rows.push(cells);
    }

    /// The rows so far as text, the titles once. What is added later continues it.
    pub fn render(&mut self, screen: &Screen) -> String {
        let widths = fitted(&self.widths, &self.flexible, screen.width);
        let mut text = String::new();
        if !self.headed {
            let titles: Vec<String> = self.titles.iter().map(|title| (*title).to_owned()).collect();
            text.push_str(&line(&titles, &widths, |cell| screen.paint(Paint::Heading, cell)));
            self.headed = true;
        }
        for row in self.rows.drain(..) {
            text.push_str(&line(&row, &widths, |cell| screen.paint(value::paint(cell.trim_end()), cell)));
        }
        text
    }
}

/// The widths that fit: columns that may be cut give way first, the widest before others, and then the last columns
/// go altogether. Two stay, whatever the room.
fn fitted(wanted: &[usize], flexible: &[bool], room: Option<usize>) -> Vec<usize> {
    let Some(room) = room else { return wanted.to_vec() };
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let least = |(width, flexible): (&usize, &bool)| if *flexible { (*width).min(TELLING) } else { *width };
    let mut widths = wanted.to_vec();
    while widths.len() > 2 && total(&widths.iter().zip(flexible).map(least).collect::<Vec<_>>()) > room {
        widths.pop();
    }
    while total(&widths) > room {
        let can_give = (0..widths.len()).filter(|index| flexible[*index] && widths[*index] > NARROWEST);
        let Some(widest) = can_give.max_by_key(|index| widths[*index]) else { break };
        widths[widest] -= 1;
    }
    widths
}

fn line(cells: &[String], widths: &[usize], paint: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let last = widths.len().saturating_sub(1);
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cut = cut(cell, *width);
        let padding = if index == last { 0 } else { width.saturating_sub(cut.width()) + GAP };
        text.push_str(&paint(&cut));
        text.extend(std::iter::repeat_n(' ', padding));
    }
    text.push('\n');
    text
}

/// A text that is no wider; where something is missing, it says so.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let keeps = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken < width
    };
    let mut cut: String = text.chars().take_while(keeps).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[("ID", true), ("NAME", true), ("STATUS", true), ("CREATED", false)]);
        table.row(vec![
            "cli_1".to_owned(),
            "Importer".to_owned(),
            "active".to_owned(),
            "2026-11-22".to_owned(),
        ]);
        table.row(vec![
            "cli_22".to_owned(),
            "東京 a name that goes on and on".to_owned(),
            String::new(),
            "2026-11-22".to_owned(),
        ]);
        table
    }

    fn screen(width: Option<usize>) -> Screen {
        Screen { width, colour: false }
    }

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let text = table().render(&screen(None));
        let expected = "\
ID      NAME                             STATUS  CREATED
cli_1   Importer                         active  2026-11-22
cli_22  東京 a name that goes on and on  -       2026-11-22
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_narrow_terminal_gets_narrower_columns_and_then_fewer() {
        let text = table().render(&screen(Some(50)));
        let expected = "\
ID      NAME                    STATUS  CREATED
cli_1   Importer                active  2026-11-22
cli_22  東京 a name that goes…  -       2026-11-22
";
        assert_eq!(text, expected);
        let text = table().render(&screen(Some(36)));
        let expected = "\
ID      NAME                  STATUS
cli_1   Importer              active
cli_22  東京 a name that go…  -
";
        assert_eq!(text, expected);
        for width in 28..80 {
            let text = table().render(&screen(Some(width)));
            assert!(text.lines().all(|line| line.width() <= width), "{width}: {text}");
        }
    }

    #[test]
    fn the_head_is_written_once_and_colour_takes_no_room() {
        let mut table = table();
        let colourful = Screen { width: None, colour: true };
        let first = table.render(&colourful);
        assert!(
            first.contains("\x1b[32mactive\x1b[0m  2026") && first.starts_with("\x1b[1mID\x1b[0m      "),
            "{first:?}"
        );
        table.row(vec!["cli_3".to_owned(), String::new(), "disabled".to_owned(), String::new()]);
        assert_eq!(table.render(&screen(None)), format!("cli_3   -{}disabled  -\n", " ".repeat(32)));
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let mut table = Table::new(&[("NAME", true)]);
        table.row(vec!["a\x1b]0;owned\x07\n\u{202e}b\u{9b}c".to_owned()]);
        let text = table.render(&screen(None));
        assert_eq!(text, "NAME\na\u{fffd}]0;owned\u{fffd} \u{fffd}b\u{fffd}c\n");
    }
}
