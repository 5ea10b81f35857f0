//! `symbolon scan` from outside: what it finds, what it shows of it, and how it ends.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use symbolon_core::protocol::secret_format::{ACCESS_KEY, encode};

use crate::support::SYMBOLON;

fn scan(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(SYMBOLON);
    command.arg("scan").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("scan");
    child.stdin.take().expect("its input").write_all(input).expect("an input");
    child.wait_with_output().expect("its end")
}

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(file, contents).expect("a file");
}

#[test]
fn secrets_are_found_and_never_shown() {
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path();
    let secret = encode(ACCESS_KEY, "key_01J", &[7; 32]).to_string();
    let wrong = format!("{}x", &secret[..secret.len() - 1]);
    write(folder, "src/clean.rs", format!("// {wrong}\n"));
    let path = folder.to_str().expect("a path");
    assert_eq!(scan(&[path], b"").status.code(), Some(0));

    write(folder, ".env", format!("A=1\nSECRET=\"{secret}\"\n"));
    write(folder, ".gitignore", ".env\n");
    write(folder, "a/b.json", format!("{{\"s\":\"{secret}\",\n\"t\":\"{secret}\"}}"));
    write(folder, "image.png", [b"\x89PNG\0".as_slice(), secret.as_bytes()].concat());
    let utf_16: Vec<u8> =
        format!("\u{feff}\r\nx={secret}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    write(folder, "windows.txt", utf_16);
    std::os::unix::fs::symlink("/", folder.join("loop")).expect("a link");
    let found = scan(&[path], b"");
    assert_eq!(found.status.code(), Some(1));
    let (out, err) = (String::from_utf8_lossy(&found.stdout), String::from_utf8_lossy(&found.stderr));
    let lines: Vec<&str> = out.lines().collect();
    let expected = [".env:2", "a/b.json:1", "a/b.json:2", "windows.txt:2"];
    assert_eq!(lines, expected.map(|at| format!("{path}/{at}: sym_sk_key_01J_********")), "{err}");
    assert!(!out.contains(&secret[15..]) && !err.contains(&secret[15..]));
    assert!(err.contains("left out: 1"), "{err}");

    let json = scan(&["--json", &format!("{path}/.env")], b"");
    let line: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(
        (&line["line"], &line["column"], &line["access_key"]),
        (&2.into(), &9.into(), &"key_01J".into())
    );
    assert!(!line.to_string().contains(&secret[15..]));
}

#[test]
fn standard_input_is_scanned_and_what_cannot_be_read_is_an_error_of_its_own() {
    let secret = encode(ACCESS_KEY, "key_01J", &[7; 32]).to_string();
    let long = format!("{}\0{secret}", "x\n".repeat(300_000));
    let found = scan(&["-"], long.as_bytes());
    assert_eq!(found.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&found.stdout).starts_with("-:300001: "), "{found:?}");
    assert_eq!(scan(&["-"], b"nothing").status.code(), Some(0));
    let both = scan(&["/nowhere/at/all", "-"], long.as_bytes());
    assert_eq!(both.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&both.stdout).contains("-:300001"), "the rest is searched all the same");
    assert_eq!(scan(&[], b"").status.code(), Some(2), "no path at all");
}
