//! What goes over the wire to a server that is not as it should be: answers in a row, played to the binary.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use crate::support::{Running, SYMBOLON, entry};

/// What a player was asked: the first line, and the bearer token.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    line: String,
    bearer: String,
}

/// Plays answers, one a connection: status line and headers, and a body. Tells what it heard.
fn play(answers: &'static [(&str, &str)]) -> (String, Receiver<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for ((head, body), stream) in answers.iter().zip(listener.incoming()) {
            let mut stream = stream.expect("a connection");
            // Whoever listens may have heard enough.
            let _ = tell.send(hear(&stream));
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    (url, told)
}

fn hear(stream: &TcpStream) -> Heard {
    let mut reader = BufReader::new(stream);
    let mut heard = Heard { line: String::new(), bearer: String::new() };
    reader.read_line(&mut heard.line).expect("a line");
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "authorization" => heard.bearer = value.to_owned(),
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).expect("a body");
    heard
}

/// Runs `realm list` against it.
fn list(url: &str, more: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "canary-secret").expect("a secret");
    let mut private = Command::new("chmod");
    assert!(private.arg("600").arg(&secret).status().expect("chmod").success());
    let symbolon = |arguments: &[&str]| {
        Command::new(SYMBOLON)
            .args(arguments)
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .expect("the binary")
    };
    let secret = secret.to_str().expect("a path");
    let added = symbolon(&["profile", "add", "p", "--url", url, "--client-id", "c", "--secret-file", secret]);
    assert!(added.status.success(), "{added:?}");
    let said = symbolon(&[&["realm", "list"], more].concat());
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    assert!(!text.contains("canary-secret"), "{text}");
    (said.status.code().unwrap_or(-1), text)
}

const TOKEN_1: (&str, &str) = ("200 OK", r#"{"access_token": "one", "token_type": "Bearer"}"#);
const TOKEN_2: (&str, &str) = ("200 OK", r#"{"access_token": "two", "token_type": "Bearer"}"#);
const DEAD: (&str, &str) = (
    "401 Unauthorized",
    r#"{"type": "urn:symbolon:problem:unauthenticated", "title": "A valid access token is needed", "status": 401,
        "detail": "revoked", "request_id": "req_1"}"#,
);

#[test]
fn a_token_that_is_dead_is_renewed_once() {
    let (url, told) = play(&[TOKEN_1, DEAD, TOKEN_2, ("200 OK", r#"{"items": [{"id": "found"}]}"#)]);
    let (code, text) = list(&url, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("found"), "{text}");
    let heard: Vec<String> = told.iter().map(|heard| heard.bearer).collect();
    assert_eq!(heard, ["", "Bearer one", "", "Bearer two"]);
}

#[test]
fn a_second_dead_token_is_the_end() {
    let (url, told) = play(&[TOKEN_1, DEAD, TOKEN_2, DEAD]);
    let (code, text) = list(&url, &[]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("401 unauthenticated"), "{text}");
    assert_eq!(told.iter().count(), 4);
}

#[test]
fn credentials_do_not_follow_a_redirect() {
    let (elsewhere, told_elsewhere) = play(&[TOKEN_1]);
    let location = format!("307 Temporary Redirect\r\nLocation: {elsewhere}/oauth/token");
    let answers = Box::leak(Box::new([(&*location.leak(), "")]));
    let (url, told) = play(answers);
    let (code, text) = list(&url, &[]);
    assert_eq!((code, told.iter().count()), (5, 1), "{text}");
    assert!(told_elsewhere.try_recv().is_err());
}

#[test]
fn an_answer_that_is_not_symbolons_is_called_so() {
    for answer in [("502 Bad Gateway", "<html>"), ("200 OK", "<html>canary"), ("200 OK", "{}")] {
        let answers = Box::leak(Box::new([TOKEN_1, answer]));
        let (url, _told) = play(answers);
        let (code, text) = list(&url, &[]);
        assert_eq!(code, 5, "{text}");
        assert!(text.contains("check the address") && !text.contains("canary"), "{text}");
    }
    let (url, _told) = play(&[("503 Service Unavailable", r#"{"error": "temporarily_unavailable"}"#)]);
    let (code, text) = list(&url, &[]);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("try again"), "{text}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let (url, ca) = (entry(&credentials, "tls", "base_url"), entry(&credentials, "tls", "ca_file"));
    let config = sandbox.folder().join("config");
    let run = |arguments: &[&str], trusted: Option<&str>| {
        let mut command = Command::new(SYMBOLON);
        command.args(arguments).env("XDG_CONFIG_HOME", &config).env_remove("SSL_CERT_FILE");
        command.envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        let said = command.output().expect("the binary");
        let text = String::from_utf8([said.stdout, said.stderr].concat()).expect("text");
        (said.status.code().unwrap_or(-1), text)
    };
    let data = sandbox.folder().to_str().expect("a path");
    let made = run(&["bootstrap", "--url", url, "--data", data, "--base-url", &sandbox.base()], Some(ca));
    assert!(made.0 == 0 && made.1.contains("lets it in"), "{made:?}");
    let distrusted = run(&["realm", "list"], None);
    assert!(distrusted.0 == 5 && distrusted.1.contains("certificate"), "{distrusted:?}");
    let listed = run(&["realm", "list"], Some(ca));
    assert!(listed.0 == 0 && listed.1.contains("ecoinvent"), "{listed:?}");
}
