//! Requests of reqwest that carry a token: a server on this machine, spoken to over the wire.

#![expect(clippy::expect_used, reason = "a test's helpers may fail it")]

use std::sync::{Arc, Mutex};

use reqwest::StatusCode;
use reqwest_middleware::ClientBuilder;
use symbolon_client::{Auth, SendWithToken as _, TokenSource};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What was asked: the first line, the `authorization`, and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Heard {
    line: String,
    authorization: String,
    body: String,
}

/// A token endpoint, whose n-th token is `tN`, and an API that takes `t1` and later ones.
#[derive(Clone, Default)]
struct Server {
    url: String,
    /// Another one, to which `/elsewhere` leads.
    elsewhere: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Server {
    async fn start() -> Self {
        Self::leading_to(String::new()).await
    }

    async fn leading_to(elsewhere: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, elsewhere, heard: Arc::default() };
        let itself = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                itself.answer(stream).await;
            }
        });
        server
    }

    /// One request a connection.
    async fn answer(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let mut heard = Heard { line: String::new(), authorization: String::new(), body: String::new() };
        stream.read_line(&mut heard.line).await.expect("a line");
        heard.line.truncate(heard.line.trim_end().len());
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.expect("a header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().expect("a length"),
                "authorization" => value.clone_into(&mut heard.authorization),
                _ => {}
            }
        }
        (&mut stream).take(length).read_to_string(&mut heard.body).await.expect("a body");
        let elsewhere = format!("302 Elsewhere\r\nLocation: {}/refuses", self.elsewhere);
        let (status, body) = {
            let mut all = self.heard.lock().expect("the lock");
            all.push(heard.clone());
            let tokens = all.iter().filter(|heard| heard.line.starts_with("POST /token ")).count();
            match heard.line.split(' ').nth(1) {
                Some("/token") => {
                    ("200 OK", format!(r#"{{"access_token":"t{}","expires_in":60}}"#, tokens - 1))
                }
                Some("/redirected") => ("307 Elsewhere\r\nLocation: /api", String::new()),
                Some("/elsewhere") => (&*elsewhere, String::new()),
                Some("/refuses") => ("401 No", String::new()),
                _ if heard.authorization == "Bearer t0" => ("401 No", String::new()),
                _ => ("200 OK", "taken".to_owned()),
            }
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.expect("an answer");
    }

    fn source(&self, path: &str) -> TokenSource {
        let source = TokenSource::client_credentials("id", "hush").auth(Auth::Form);
        source.token_url(format!("{}{path}", self.url)).build().expect("a source")
    }

    /// What the API heard: the authorization and the body of each request.
    fn calls(&self) -> Vec<(String, String)> {
        let all = self.heard.lock().expect("the lock").clone();
        let of_api = all.into_iter().filter(|heard| heard.line.contains(" /api "));
        of_api.map(|heard| (heard.authorization, heard.body)).collect()
    }
}

fn refused_and_taken(body: &str) -> Vec<(String, String)> {
    ["Bearer t0", "Bearer t1"].map(|token| (token.to_owned(), body.to_owned())).to_vec()
}

#[tokio::test]
async fn a_request_is_sent_once_more_with_a_new_token_body_and_all() {
    let server = Server::start().await;
    let source = server.source("/token");
    let http = reqwest::Client::new();
    let sent = http.post(format!("{}/api", server.url)).body("a body").send_with(&source).await;
    assert_eq!(sent.expect("an answer").text().await.expect("a text"), "taken");
    assert_eq!(server.calls(), refused_and_taken("a body"));
    let asked = server.heard.lock().expect("the lock").first().cloned().expect("the token request");
    assert_eq!(asked.body, "grant_type=client_credentials&client_id=id&client_secret=hush");
}

#[tokio::test]
async fn the_source_is_a_middleware() {
    let server = Server::start().await;
    let http = ClientBuilder::new(reqwest::Client::new()).with(server.source("/token")).build();
    let sent = http.put(format!("{}/api", server.url)).body("a body").send().await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(server.calls(), refused_and_taken("a body"));
    let error = http.get("http://api.example.com/").send().await.expect_err("no token over plain http");
    assert!(format!("{error:?}").contains("plain http"), "{error:?}");
}

#[tokio::test]
async fn a_request_with_a_token_of_its_own_is_left_alone_and_none_goes_over_plain_http() {
    let server = Server::start().await;
    let source = server.source("/token");
    let http = reqwest::Client::new();
    let own = http.get(format!("{}/api", server.url)).bearer_auth("own").send_with(&source).await;
    assert_eq!(own.expect("an answer").status(), StatusCode::OK);
    assert_eq!(server.calls(), [("Bearer own".to_owned(), String::new())]);
    let error = http.get("http://api.example.com/").send_with(&source).await.expect_err("plain http");
    assert!(error.is_configuration(), "{error}");
    assert_eq!(server.heard.lock().expect("the lock").len(), 1, "no token was needed");
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed_and_a_call_that_fails_is_told_apart() {
    let server = Server::start().await;
    let error = server.source("/redirected").token().await.expect_err("a redirect");
    assert!(error.is_malformed() && error.kind() == "redirect" && error.status() == Some(307), "{error:?}");
    assert_eq!(server.calls(), []);
    // Port 9 is nobody's.
    let call = reqwest::Client::new().get("http://127.0.0.1:9/x").send_with(&server.source("/token")).await;
    let error = call.expect_err("nobody");
    assert!(error.is_call() && !error.is_temporary(), "{error:?}");
}

#[tokio::test]
async fn a_401_of_another_host_that_was_redirected_to_says_nothing_about_the_token() {
    let there = Server::start().await;
    let here = Server::leading_to(there.url.clone()).await;
    let source = here.source("/token");
    let middleware = ClientBuilder::new(reqwest::Client::new()).with(source.clone()).build();
    let http = reqwest::Client::new();
    let url = format!("{}/elsewhere", here.url);
    let sent = http.get(&url).send_with(&source).await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(middleware.get(&url).send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(source.token().await.expect("a token").expose(), "t0");
    let heard = there.heard.lock().expect("the lock").clone();
    assert!(heard.len() == 2 && heard.iter().all(|heard| heard.authorization.is_empty()), "{heard:?}");
}
