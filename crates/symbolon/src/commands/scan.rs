//! `symbolon scan`: finds secrets of Symbolon's form in files, folders and standard input. What it prints never shows
//! one.
//!
//! It looks into everything, hidden files and what `.gitignore` leaves out among it: a `.env` that was never to be
//! committed is where secrets lie. The checksum in each secret spares it doubtful finds.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use symbolon_core::protocol::secret_format;

/// Larger files are left out, and said so: they are dumps and images of disks, which take long. They can come by
/// standard input.
const LARGEST: u64 = 64 << 20;
/// A file with a zero byte within so many is binary, as git has it.
const LOOKED_AT: usize = 8000;
const CHUNK: usize = 256 << 10;

/// `symbolon scan`
#[derive(Debug, Args)]
pub struct ScanOptions {
    /// Files and folders; `-` for standard input.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object a line, for programs.
    #[arg(long)]
    pub json: bool,
}

/// Where a secret stands.
struct Place {
    line: usize,
    column: usize,
}

#[derive(Default)]
struct Tally {
    json: bool,
    found: usize,
    files: usize,
    binary: usize,
    failed: bool,
}

/// Runs the command: 0 if there is none, 1 if there is, 2 if something could not be read.
pub fn run(options: &ScanOptions) -> ExitCode {
    let mut tally = Tally { json: options.json, ..Tally::default() };
    for path in &options.paths {
        if path.as_os_str() == "-" {
            tally.note(path, |hit| search(&[], io::stdin().lock(), hit));
        } else {
            tally.walk(path);
        }
    }
    let Tally { found, files, binary, failed, .. } = tally;
    eprintln!("secrets: {found}, files searched: {files}, binary files left out: {binary}");
    match (failed, found) {
        (true, _) => ExitCode::from(2),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(1),
    }
}

impl Tally {
    fn fail(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        eprintln!("symbolon: {}: {error}", path.display());
        self.failed = true;
    }

    fn walk(&mut self, root: &Path) {
        for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() => self.file(entry.path()),
                Ok(_) => {}
                Err(error) => self.fail(error.path().unwrap_or(root), &error),
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let opened = File::open(path).and_then(|mut file| {
            let length = file.metadata()?.len();
            let mut head = Vec::new();
            Read::by_ref(&mut file).take(LOOKED_AT as u64).read_to_end(&mut head)?;
            Ok((file, length, head))
        });
        let (mut file, length, head) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.fail(path, &error),
        };
        if length > LARGEST {
            eprintln!("symbolon: {}: left out, larger than {} MiB", path.display(), LARGEST >> 20);
        } else if let Some(little_endian) = utf_16(&head) {
            self.note(path, |hit| {
                let mut bytes = head;
                file.read_to_end(&mut bytes)?;
                search(from_utf_16(&bytes, little_endian).as_bytes(), io::empty(), hit)
            });
        } else if head.contains(&0) {
            self.binary += 1;
        } else {
            self.note(path, |hit| search(&head, file, hit));
        }
    }

    fn note(&mut self, path: &Path, search: impl FnOnce(&mut dyn FnMut(&str, Place)) -> io::Result<()>) {
        let mut hits = Vec::new();
        let searched = search(&mut |secret, place| {
            hits.push((
                secret_format::masked(secret),
                secret_format::written_id(secret).map(str::to_owned),
                place,
            ));
        });
        self.files += 1;
        self.found += hits.len();
        for (masked, key, Place { line, column }) in hits {
            let path = path.display().to_string();
            let told = if self.json {
                json!({ "path": path, "line": line, "column": column, "access_key": key, "secret": masked })
                    .to_string()
            } else {
                format!("{path}:{line}: {masked}")
            };
            if writeln!(io::stdout().lock(), "{told}").is_err() {
                self.failed = true;
            }
        }
        if let Err(error) = searched {
            self.fail(path, &error);
        }
    }
}

/// Searches what comes after a begin that was read already, in pieces: however long it is, little of it is held.
fn search(begin: &[u8], mut rest: impl Read, hit: &mut dyn FnMut(&str, Place)) -> io::Result<()> {
    let mut buffer = begin.to_vec();
    let (mut line, mut column) = (1, 1);
    loop {
        let held = buffer.len();
        buffer.resize(held + CHUNK, 0);
        let read = loop {
            match rest.read(&mut buffer[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        buffer.truncate(held + read);
        let mut gone = 0;
        for range in secret_format::find(&buffer) {
            (line, column) = after(&buffer[gone..range.start], line, column);
            if let Ok(secret) = std::str::from_utf8(&buffer[range.clone()]) {
                hit(secret, Place { line, column });
            }
            column += range.len();
            gone = range.end;
        }
        if read == 0 {
            return Ok(());
        }
        // The begin of a secret may be at the end of this piece.
        let kept = gone.max(buffer.len().saturating_sub(secret_format::LONGEST - 1));
        (line, column) = after(&buffer[gone..kept], line, column);
        buffer.drain(..kept);
    }
}

/// Line and column behind a text that begins at these.
fn after(text: &[u8], line: usize, column: usize) -> (usize, usize) {
    let lines = text.split(|b| *b == b'\n').count() - 1;
    match text.iter().rposition(|b| *b == b'\n') {
        Some(last) => (line + lines, text.len() - last),
        None => (line, column + text.len()),
    }
}

/// Whether a file begins as UTF-16, which some shells write, and whether the low byte comes first.
fn utf_16(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ => None,
    }
}

fn from_utf_16(bytes: &[u8], little_endian: bool) -> String {
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        if little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    let units: Vec<u16> = bytes.chunks_exact(2).skip(1).map(unit).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, or whatever number it is made with.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn places(begin: &[u8], rest: &[u8], step: usize) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        search(begin, Slow(rest, step), &mut |_, place| places.push((place.line, place.column))).unwrap();
        places
    }

    #[test]
    fn a_secret_is_found_however_the_text_comes_in_pieces() {
        let one = secret_format::encode(secret_format::ACCESS_KEY, &"k".repeat(255), &[7; 32]);
        let two = secret_format::encode(secret_format::ACCESS_KEY, "key_2", &[8; 32]);
        let text = format!("a\n  b={}\n\n{}{}\nend", one.as_str(), two.as_str(), one.as_str());
        let expected = [(2, 5), (4, 1), (4, 1 + two.len())];
        for step in [1, 7, 300, 100_000] {
            assert_eq!(places(b"", text.as_bytes(), step), expected, "{step}");
            let (begin, rest) = text.as_bytes().split_at(300);
            assert_eq!(places(begin, rest, step), expected, "{step}");
        }
    }
}
