//! An answer, read in full, and what tests ask of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::Value;
use symbolon_server::axum::http::HeaderMap;
use symbolon_server::axum::response::Response;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    pub(super) async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = symbolon_server::axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        // A compressed body is no text, and nothing is asked of it as such.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, body, text }
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The claims of the access token, read without verification.
    pub fn claims(&self) -> Value {
        let token = self.body["access_token"].as_str().or(self.body["token"].as_str()).unwrap();
        part(token, 1)
    }

    /// The header of the access token.
    pub fn token_header(&self) -> Value {
        part(self.body["access_token"].as_str().or(self.body["token"].as_str()).unwrap(), 0)
    }

    /// Asserts that it is an OAuth error of that status and code, that nobody may cache, and says its text.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &str {
        assert_eq!((self.status, &self.body["error"]), (status, &Value::from(code)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("pragma"), "no-cache");
        assert!(self.header("x-request-id").starts_with("req_"), "{self:?}");
        self.body["error_description"].as_str().unwrap_or_default()
    }
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap()
}
