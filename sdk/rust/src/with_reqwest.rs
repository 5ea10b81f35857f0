//! The transport over reqwest, and requests of reqwest's own that carry a token.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};

use crate::answer::LONGEST;
use crate::error::{Error, Kind};
use crate::source::TokenSource;
use crate::transport::{Transport, TransportError, TransportFuture};

/// Sends token requests by reqwest.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: Client,
}

impl ReqwestTransport {
    /// With a client of its own: no redirects, and certificates as the system trusts them.
    pub fn new() -> Result<Self, Error> {
        let builder = Client::builder()
            .redirect(Policy::none())
            .user_agent(concat!("symbolon-client/", env!("CARGO_PKG_VERSION")));
        let client = builder.build().map_err(|error| {
            Error::configuration(format_args!("TLS cannot be set up: {}", innermost(error)))
        })?;
        Ok(Self { client })
    }

    /// With another client, which knows a private authority for instance. It has to be made with
    /// `redirect(Policy::none())`: whatever follows a redirect carries the secret to where it points.
    pub fn with_client(client: Client) -> Self {
        Self { client }
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(failed)?;
            let mut response = self.client.execute(request).await.map_err(failed)?;
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            let mut body = Vec::new();
            // One byte too many tells that there was more.
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                let room = (LONGEST + 1).saturating_sub(body.len());
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if body.len() > LONGEST {
                    break;
                }
            }
            *answer.body_mut() = Bytes::from(body);
            Ok(answer)
        })
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    if error.is_timeout() {
        TransportError::timeout("the time was up")
    } else {
        TransportError::connection(innermost(error))
    }
}

/// The last cause says what happened (connection refused, a name that does not exist, a certificate that is not trusted),
/// and leaves the address out.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Requests of reqwest that carry a token.
pub trait SendWithToken: Sized {
    /// Sends the request with a token of the source. If the API refuses the token (401), it is sent once more with a new
    /// one, provided its body can be sent again; every other answer is the caller's. A request with an `authorization` of
    /// its own is sent as it is.
    fn send_with(self, source: &TokenSource)
    -> impl Future<Output = Result<reqwest::Response, Error>> + Send;
}

impl SendWithToken for RequestBuilder {
    async fn send_with(self, source: &TokenSource) -> Result<reqwest::Response, Error> {
        let (client, request) = self.build_split();
        let mut request = request.map_err(call)?;
        if request.headers().contains_key(AUTHORIZATION) {
            return client.execute(request).await.map_err(call);
        }
        source.may_carry(request.url().as_str())?;
        let (again, url) = (request.try_clone(), request.url().clone());
        let token = source.token().await?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        let response = client.execute(request).await.map_err(call)?;
        if !refuses(&response, &url) || !source.report_unauthorized(&token) {
            return Ok(response);
        }
        let Some(mut request) = again else { return Ok(response) };
        request.headers_mut().insert(AUTHORIZATION, source.token().await?.header());
        client.execute(request).await.map_err(call)
    }
}

/// Whether an answer refuses the token that was sent to an address. On the way to another host reqwest takes the token
/// off: a 401 from there says nothing about it.
fn refuses(response: &reqwest::Response, sent_to: &reqwest::Url) -> bool {
    response.status() == StatusCode::UNAUTHORIZED && response.url().origin() == sent_to.origin()
}

fn call(error: reqwest::Error) -> Error {
    Error::new(Kind::Call, format_args!("the call failed: {}", innermost(error)))
}

#[cfg(feature = "reqwest-middleware")]
#[async_trait::async_trait]
impl reqwest_middleware::Middleware for TokenSource {
    async fn handle(
        &self,
        mut request: reqwest::Request,
        extensions: &mut http::Extensions,
        next: reqwest_middleware::Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        use reqwest_middleware::Error as Failed;
        if request.headers().contains_key(AUTHORIZATION) {
            return next.run(request, extensions).await;
        }
        self.may_carry(request.url().as_str()).map_err(Failed::middleware)?;
        let (again, url) = (request.try_clone(), request.url().clone());
        let token = self.token().await.map_err(Failed::middleware)?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        let response = next.clone().run(request, extensions).await?;
        if !refuses(&response, &url) || !self.report_unauthorized(&token) {
            return Ok(response);
        }
        let Some(mut request) = again else { return Ok(response) };
        let token = self.token().await.map_err(Failed::middleware)?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        next.run(request, extensions).await
    }
}
