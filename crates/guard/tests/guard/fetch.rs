//! Keys over HTTP (feature `fetch`): what is read, and everything that is not.

use symbolon_guard::{FetchError, HttpKeys, KeySource as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{key, set};

/// An issuer that gives one answer to one request. Returns its port.
async fn issuer(answer: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        assert!(request[..read].starts_with(b"GET /jwks HTTP/1.1\r\n"));
        // The client hangs up early where it refuses the answer.
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    port
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn fetch(answer: String) -> Result<usize, FetchError> {
    let url = format!("http://127.0.0.1:{}/jwks", issuer(answer).await);
    let keys = HttpKeys::builder(&url).allow_http_for_loopback().build().unwrap();
    keys.fetch().await.map(|set| set.keys.len())
}

#[tokio::test]
async fn a_set_is_read_and_keys_of_unknown_shape_are_left_out() {
    let body = serde_json::to_string(&set([&key("k1"), &key("k2")])).unwrap();
    assert_eq!(fetch(ok(&body)).await.unwrap(), 2);
    let strange = body.replacen('[', "[{\"kid\":1},7,", 1);
    assert_eq!(fetch(ok(&strange)).await.unwrap(), 2);
}

#[tokio::test]
async fn localhost_may_be_named_where_loopback_is_allowed() {
    let port = issuer(ok("{\"keys\":[]}")).await;
    let keys = HttpKeys::builder(&format!("http://localhost:{port}/jwks"))
        .allow_http_for_loopback()
        .build()
        .unwrap();
    assert!(keys.fetch().await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn redirects_errors_and_other_documents_are_bad_answers() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert!(fetch(redirect.to_owned()).await.unwrap_err().is_bad_answer());
    let error = ok("{\"keys\":[]}").replacen("200 OK", "500 Oh", 1);
    assert!(fetch(error).await.unwrap_err().is_bad_answer());
    for body in ["", "<html>", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}"] {
        assert!(fetch(ok(body)).await.unwrap_err().is_bad_answer(), "{body:?}");
    }
}

#[tokio::test]
async fn no_more_than_64_kib_are_read() {
    let body = |length: usize| format!("{{\"keys\":[]}}{}", " ".repeat(length - 11));
    assert!(fetch(ok(&body(64 * 1024))).await.is_ok());
    assert!(fetch(ok(&body(64 * 1024 + 1))).await.unwrap_err().is_bad_answer());
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let endless = format!("{chunked}{}", format!("10000\r\n{}\r\n", " ".repeat(0x10000)).repeat(2));
    assert!(fetch(endless).await.unwrap_err().is_bad_answer());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let keys = HttpKeys::builder(&url).allow_http_for_loopback().build().unwrap();
    assert!(keys.fetch().await.unwrap_err().is_timeout());
}

#[test]
fn threat_16_only_https_without_credentials_and_public_addresses_make_a_source() {
    for bad in [
        "http://auth.example/jwks",
        "ftp://auth.example/jwks",
        "file:///etc/passwd",
        "auth.example",
        "",
        "https://user:secret@auth.example/jwks",
        "http://127.0.0.1/jwks",
        "http://localhost/jwks",
        "https://127.0.0.1/jwks",
        "https://2130706433/jwks",
        "https://0x7f.1/jwks",
        "https://[::1]/jwks",
        "https://[::ffff:127.0.0.1]/jwks",
        "https://10.0.0.1/jwks",
        "https://192.168.1.1/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/latest",
        "https://[fe80::1]/jwks",
    ] {
        assert!(HttpKeys::new(bad).unwrap_err().is_forbidden_address(), "{bad}");
    }
    assert!(HttpKeys::new("https://auth.example/jwks").is_ok());
    let loopback = |url: &str| HttpKeys::builder(url).allow_http_for_loopback().build();
    assert!(loopback("http://auth.example/jwks").unwrap_err().is_forbidden_address());
    assert!(loopback("http://10.0.0.1/jwks").unwrap_err().is_forbidden_address());
    assert!(loopback("https://10.0.0.1/jwks").unwrap_err().is_forbidden_address());
    assert!(loopback("http://[::1]/jwks").is_ok());
    let private = |url: &str| HttpKeys::builder(url).allow_private_host("10.0.0.1").build();
    assert!(private("https://10.0.0.1/jwks").is_ok());
    assert!(private("http://10.0.0.1/jwks").unwrap_err().is_forbidden_address());
    assert!(private("https://10.0.0.2/jwks").unwrap_err().is_forbidden_address());
}

#[tokio::test]
async fn threat_16_a_name_with_a_private_address_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let keys = HttpKeys::new(&format!("https://localhost:{port}/jwks")).unwrap();
    assert!(keys.fetch().await.unwrap_err().is_forbidden_address());
    let connected =
        std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx).is_ready())).await;
    assert!(!connected);
}
