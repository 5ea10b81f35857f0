//! The Rust crate `oauth2`, over a transport of a dozen lines, so that nothing but the crate decides what is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, Scope, TokenResponse as _, TokenUrl,
};

use crate::support::{Running, call, entry};

/// One request over a new connection. The crate sends full URLs on the loopback interface here.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the crate asks for")]
fn transport(request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
    let authority = request.uri().authority().expect("a host").as_str();
    let mut stream = TcpStream::connect(authority)?;
    write!(stream, "{} {} HTTP/1.1\r\nHost: {authority}\r\n", request.method(), request.uri().path())?;
    for (name, value) in request.headers() {
        write!(stream, "{name}: {}\r\n", value.to_str().expect("text"))?;
    }
    write!(stream, "Connection: close\r\nContent-Length: {}\r\n\r\n", request.body().len())?;
    stream.write_all(request.body())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let status: u16 = head.split(' ').nth(1).expect("a status").parse().expect("a status");
    let mut response = oauth2::http::Response::builder().status(status);
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        response = response.header(name, value.trim());
    }
    Ok(response.body(body.as_bytes().to_vec()).expect("a response"))
}

#[test]
fn the_oauth2_crate_gets_tokens_by_basic_and_by_body() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    for way in [AuthType::BasicAuth, AuthType::RequestBody] {
        for system in ["meti_v2", "metafold", "ecoinvent"] {
            let client = BasicClient::new(ClientId::new(entry(&credentials, system, "client_id").to_owned()))
                .set_client_secret(ClientSecret::new(entry(&credentials, system, "client_secret").to_owned()))
                .set_auth_type(way.clone())
                .set_token_uri(
                    TokenUrl::new(entry(&credentials, system, "token_url").to_owned()).expect("a URL"),
                );
            let mut request = client.exchange_client_credentials();
            if system == "meti_v2" {
                request = request.add_scope(Scope::new("read:sources".to_owned()));
            }
            let token = request.request(&transport).expect("a token");
            assert!(token.expires_in().is_some());
            let answer = call(entry(&credentials, system, "api_url"), token.access_token().secret());
            assert_eq!(answer.status, 200, "{system}: {answer:?}");
        }
    }
}

#[test]
fn the_oauth2_crate_reads_our_refusals() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let client = BasicClient::new(ClientId::new(entry(&credentials, "meti_v2", "client_id").to_owned()))
        .set_client_secret(ClientSecret::new("wrong".to_owned()))
        .set_token_uri(TokenUrl::new(entry(&credentials, "meti_v2", "token_url").to_owned()).expect("a URL"));
    let error = client.exchange_client_credentials().request(&transport).expect_err("a refusal");
    let oauth2::RequestTokenError::ServerResponse(response) = error else { panic!("{error:?}") };
    assert_eq!(response.error().to_string(), "invalid_client");
    assert_eq!(
        response.error_description().map(String::as_str),
        Some("Invalid client or Invalid client credentials")
    );
}
