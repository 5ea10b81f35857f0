//! How answers are shown: tables and details for people, or what the API answered for programs.
//!
//! Names come from customers. Nothing in them may steer the terminal, so control characters never reach it.

pub mod details;
pub mod table;
pub mod value;

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

use crate::manage::failure::{Done, Failure};

/// How to show answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// What the API answered, for programs.
    Json,
}

/// What standard output is.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Columns of a terminal; no bound where the output goes elsewhere.
    pub width: Option<usize>,
    /// Whether to colour.
    pub colour: bool,
}

impl Screen {
    /// Looks at what standard output is.
    pub fn find() -> Self {
        let output = std::io::stdout();
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let is_terminal = output.is_terminal();
        let told = variable("COLUMNS").and_then(|text| text.parse::<usize>().ok()).filter(|width| *width > 0);
        let measured = || {
            let size = is_terminal.then(|| rustix::termios::tcgetwinsize(&output).ok()).flatten();
            size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0)
        };
        let colour = is_terminal
            && variable("NO_COLOR").is_none()
            && variable("TERM").is_some_and(|terminal| terminal != "dumb");
        Self { width: told.or_else(measured), colour }
    }

    /// Writes to standard output. That nobody reads on is no mistake: `| head` does that.
    pub fn write(&self, text: &str) -> Done {
        let mut output = std::io::stdout().lock();
        match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Closed),
            Err(error) => Err(anyhow::Error::from(error).context("standard output").into()),
        }
    }

    /// Paints a text.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::None => return text.to_owned(),
            _ if !self.colour => return text.to_owned(),
            Paint::Heading => "1",
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Between => "33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Nothing.
    None,
    /// The head of a table.
    Heading,
    /// Less telling.
    Faint,
    /// In use.
    Good,
    /// Off.
    Bad,
    /// On its way from one to the other.
    Between,
}

/// A text without what could steer a terminal or turn its neighbours around: control characters, and the marks that
/// change the direction of writing.
pub fn plain(text: &str) -> String {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if steers(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}
