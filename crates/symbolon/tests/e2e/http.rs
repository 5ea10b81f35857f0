//! A small HTTP/1.1 client that keeps its connection and says exactly what it received whole: load is made of it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;

/// A client's id and secret.
pub(crate) type Credentials<'a> = (&'a str, &'a str);

/// One connection.
pub(crate) struct Connection(BufReader<TcpStream>);

/// An answer that was received whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Connection {
    /// Connects. An answer that takes longer than `patience` is an error.
    pub(crate) fn open(address: &str, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Posts a form as a client, with Basic.
    pub(crate) fn post(&mut self, path: &str, who: Credentials<'_>, form: &str) -> io::Result<Answer> {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", who.0, who.1));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {basic}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        self.read()
    }

    /// Asks for a token.
    pub(crate) fn token(&mut self, who: Credentials<'_>) -> io::Result<Answer> {
        self.post("/oauth/token", who, "grant_type=client_credentials")
    }

    /// Revokes a token of the client's own.
    pub(crate) fn revoke(&mut self, who: Credentials<'_>, token: &str) -> io::Result<Answer> {
        self.post("/oauth/revoke", who, &format!("token={token}"))
    }

    /// Asks whether a token is alive.
    pub(crate) fn introspect(&mut self, who: Credentials<'_>, token: &str) -> io::Result<Answer> {
        self.post("/oauth/introspect", who, &format!("token={token}"))
    }

    /// Gets a document.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.0.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
        self.read()
    }

    fn read(&mut self) -> io::Result<Answer> {
        let status = self.line()?;
        let status =
            status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut head = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            head.push((name.to_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").parse().unwrap_or(0);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(answer)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Answer {
    /// A header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.head.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The id under which the request is on record.
    pub(crate) fn request_id(&self) -> String {
        self.header("x-request-id").to_owned()
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The access token, if there is one.
    pub(crate) fn access_token(&self) -> Option<String> {
        self.json()["access_token"].as_str().map(str::to_owned)
    }

    /// Whether introspection called the token alive.
    #[track_caller]
    pub(crate) fn is_active(&self) -> bool {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["active"].as_bool().expect("a verdict")
    }

    /// Asserts that it says 503, when to come back, and that it holds nothing else.
    #[track_caller]
    pub(crate) fn is_unavailable(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        let wait: u64 = self.header("retry-after").parse().expect("Retry-After");
        assert!(wait >= 1, "{self:?}");
        let body = self.json();
        assert_eq!(body["error"], "temporarily_unavailable");
        assert!(
            body["error_description"].as_str().is_some_and(|text| text.contains("try again")),
            "{self:?}"
        );
        assert!(!self.body.contains("token\""), "{self:?}");
    }
}

/// The claims of a token, read without verification.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("a JWT");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("claims")
}
