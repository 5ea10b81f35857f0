//! The shims between the binary and its files (tests/shim/files.c), and between it and the clock (tests/shim/clock.c):
//! compiled here, steered and read here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim");

/// What the system says when there is no room left, and when a disk fails.
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EIO: i32 = 5;
/// A file system that was remounted to be read only.
pub(crate) const EROFS: i32 = 30;

/// A compiled shim; a C compiler is needed to build the product, too.
fn library(made: &'static OnceLock<PathBuf>, name: &str) -> &'static Path {
    made.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = folder.join(format!("{name}.so"));
        let making = folder.join(format!("{name}-{}.so", std::process::id()));
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let made = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&making)
            .arg(format!("{SOURCES}/{name}.c"))
            .status()
            .expect("a C compiler");
        assert!(made.success(), "the shim {name} does not compile");
        std::fs::rename(&making, &library).expect("the shim in its place");
        library
    })
}

/// A clock that others move on: so many milliseconds as its file says, eight bytes, it is ahead of the system's.
pub(crate) struct ClockFile(PathBuf);

impl ClockFile {
    /// One that is right, in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let file = folder.join("clock");
        std::fs::write(&file, 0_i64.to_ne_bytes()).expect("a file");
        Self(file)
    }

    /// Puts it around a command.
    pub(crate) fn around(&self, command: &mut Command) {
        static MADE: OnceLock<PathBuf> = OnceLock::new();
        command.env("LD_PRELOAD", library(&MADE, "clock")).env("SYMBOLON_SHIM_CLOCK", &self.0);
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// The shim around one process.
pub(crate) struct Shim {
    kept: tempfile::TempDir,
    watched: PathBuf,
    fault: Option<String>,
    shadow: Option<PathBuf>,
}

impl Shim {
    /// Watches a folder.
    pub(crate) fn over(folder: &Path) -> Self {
        let kept = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(kept.path().join("flags")).expect("a folder");
        Self { kept, watched: folder.canonicalize().expect("the watched folder"), fault: None, shadow: None }
    }

    /// Lets the Nth call of a kind fail once.
    pub(crate) fn failing(mut self, kind: &str, call: u32, errno: i32) -> Self {
        self.fault = Some(format!("{kind} {call} {errno}"));
        self
    }

    /// Keeps what was synced in a folder, which begins as a copy of the watched one.
    pub(crate) fn shadowing(mut self, shadow: &Path) -> Self {
        self.shadow = Some(shadow.to_owned());
        self
    }

    /// Puts it around a command.
    pub(crate) fn around(&self, command: &mut Command) {
        static MADE: OnceLock<PathBuf> = OnceLock::new();
        command
            .env("LD_PRELOAD", library(&MADE, "files"))
            .env("SYMBOLON_SHIM_FOLDER", &self.watched)
            .env("SYMBOLON_SHIM_LOG", self.log_file())
            .env("SYMBOLON_SHIM_STEER", self.kept.path().join("flags"));
        if let Some(shadow) = &self.shadow {
            command.env("SYMBOLON_SHIM_SHADOW", shadow);
        }
        if let Some(fault) = &self.fault {
            command.env("SYMBOLON_SHIM_FAIL", fault);
        }
    }

    fn log_file(&self) -> PathBuf {
        self.kept.path().join("events.log")
    }

    /// Raises a flag.
    pub(crate) fn raise(&self, flag: &str, value: i32) {
        // In one step: the process may look at any moment.
        let (new, flag) = (self.kept.path().join("new"), self.kept.path().join("flags").join(flag));
        std::fs::write(&new, value.to_string()).expect("a flag");
        std::fs::rename(new, flag).expect("a flag");
    }

    /// Takes a flag down.
    pub(crate) fn lower(&self, flag: &str) {
        std::fs::remove_file(self.kept.path().join("flags").join(flag)).expect("the flag");
    }

    /// What happened so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        log.lines().map(Event::read).collect()
    }

    /// Whether the one fault was met.
    pub(crate) fn has_struck(&self) -> bool {
        self.events().iter().any(|event| matches!(event, Event::Fault(_)))
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A write to a file was made; it held these request ids.
    Wrote { file: String, ids: Vec<String> },
    /// A sync waits to be let go on.
    Holding,
    /// A sync of a file begins.
    Syncing { file: String, number: u32 },
    /// It succeeded.
    Synced { number: u32 },
    /// An answer is about to be sent.
    Answer { status: u16, ids: Vec<String> },
    /// The fault was met.
    Fault(String),
}

impl Event {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_else(|| panic!("the shim's log says {line:?}"));
        match word().as_str() {
            "wrote" => Self::Wrote { file: word(), ids: words.collect() },
            "holding" => Self::Holding,
            "syncing" => Self::Syncing { file: word(), number: word().parse().expect("a number") },
            "synced" => {
                word();
                Self::Synced { number: word().parse().expect("a number") }
            }
            "answer" => Self::Answer { status: word().parse().expect("a status"), ids: words.collect() },
            "fault" => Self::Fault(line.to_owned()),
            _ => panic!("the shim's log says {line:?}"),
        }
    }
}

/// Says why the answer to a request was not allowed to leave when it did: its record must have been written to a file,
/// a sync of that file begun after that, and ended before the answer.
pub(crate) fn left_too_early(events: &[Event], id: &str) -> Option<&'static str> {
    let answered =
        |event: &Event| matches!(event, Event::Answer { ids, .. } if ids.iter().any(|one| one == id));
    let Some(answered) = events.iter().position(answered) else { return Some("it was never answered") };
    let before = &events[..answered];
    let mut why = "its record was not written before";
    for (at, event) in before.iter().enumerate() {
        let Event::Wrote { file, ids } = event else { continue };
        if !ids.iter().any(|one| one == id) {
            continue;
        }
        why = "its record was written, but no sync of it had ended";
        let begun = before[at..].iter().filter_map(|event| match event {
            Event::Syncing { file: synced, number } if synced == file => Some(*number),
            _ => None,
        });
        if begun.into_iter().any(|number| before[at..].contains(&Event::Synced { number })) {
            return None;
        }
    }
    Some(why)
}

#[test]
fn an_answer_before_the_end_of_its_sync_is_seen() {
    let wrote = Event::Wrote { file: "journal.db-wal".to_owned(), ids: vec!["req_1".to_owned()] };
    let begin = |number| Event::Syncing { file: "journal.db-wal".to_owned(), number };
    let end = |number| Event::Synced { number };
    let answer = Event::Answer { status: 200, ids: vec!["req_1".to_owned()] };
    let other = Event::Syncing { file: "state.db-wal".to_owned(), number: 7 };
    let right = [wrote.clone(), begin(1), end(1), answer.clone()];
    assert_eq!(left_too_early(&right, "req_1"), None);
    for wrong in [
        vec![wrote.clone(), begin(1), answer.clone(), end(1)],
        vec![wrote.clone(), answer.clone(), begin(1), end(1)],
        vec![begin(1), wrote.clone(), end(1), answer.clone()],
        // The end of a sync that began before the write, and the begin of one that has not ended.
        vec![begin(1), wrote.clone(), begin(2), end(1), answer.clone(), end(2)],
        vec![wrote.clone(), other, end(7), answer.clone()],
        vec![begin(1), end(1), answer.clone()],
    ] {
        assert!(left_too_early(&wrong, "req_1").is_some(), "{wrong:?}");
    }
}
