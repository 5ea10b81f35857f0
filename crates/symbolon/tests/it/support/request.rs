//! A request, said in the words of a test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use symbolon_server::PeerAddress;
use symbolon_server::axum::body::Body;
use symbolon_server::axum::http::{HeaderName, HeaderValue, Method, header};
use tower::{Service, ServiceExt as _};

use super::Answer;

/// A request under construction.
#[derive(Clone)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    peer: String,
}

impl Request {
    /// Any method.
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            peer: "192.0.2.1:4711".to_owned(),
        }
    }

    /// GET.
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// POST.
    pub fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .push((HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        self
    }

    /// The host that is asked.
    pub fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    /// The network address that it comes from.
    pub fn from(mut self, address: &str) -> Self {
        self.peer =
            if address.contains(':') { format!("[{address}]:4711") } else { format!("{address}:4711") };
        self
    }

    /// HTTP Basic, raw.
    pub fn basic(self, id: &str, secret: &str) -> Self {
        let encoded = BASE64.encode(format!("{id}:{secret}"));
        self.header("authorization", &format!("Basic {encoded}"))
    }

    /// A Bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A form body.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.raw("application/x-www-form-urlencoded", pairs.join("&").as_bytes())
    }

    /// A JSON body.
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.raw("application/json", body.to_string().as_bytes())
    }

    /// Any body.
    pub fn raw(mut self, content_type: &str, body: &[u8]) -> Self {
        body.clone_into(&mut self.body);
        self.header("content-type", content_type)
    }

    /// Sends it into a router.
    pub async fn send_to<S>(self, app: S) -> Answer
    where
        S: Service<
                symbolon_server::axum::extract::Request,
                Response = symbolon_server::axum::response::Response,
                Error = std::convert::Infallible,
            >,
    {
        let mut request = symbolon_server::axum::http::Request::builder().method(self.method).uri(&self.path);
        if !self.headers.iter().any(|(name, _)| name == header::HOST) {
            request = request.header(header::HOST, "localhost");
        }
        let mut request = request.body(Body::from(self.body)).unwrap();
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request.extensions_mut().insert(PeerAddress(self.peer.parse().unwrap()));
        Answer::read(app.oneshot(request).await.unwrap()).await
    }
}
