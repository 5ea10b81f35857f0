//! Tokens for any HTTP client that is a tower service.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::source::TokenSource;
use crate::token::Token;

/// What a service behind a [`TokenLayer`] fails with: an [`Error`](crate::Error) of the token, or the client's own.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How a body is made again for a second try, if it can be.
pub trait Replay<B>: Clone + Send + 'static {
    /// The same body, still unsent.
    fn replay(&self, body: &B) -> Option<B>;
}

/// Bodies that are cloned.
#[derive(Clone, Copy, Debug, Default)]
pub struct CloneBody;

/// No body is sent again: a refused token is renewed for the next request.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverAgain;

impl<B: Clone> Replay<B> for CloneBody {
    fn replay(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl<B> Replay<B> for NeverAgain {
    fn replay(&self, _: &B) -> Option<B> {
        None
    }
}

/// Gives every request a token, and sends it once more with a new one if the API refuses the first (401). A request with
/// an `authorization` of its own is sent as it is.
#[derive(Clone, Debug)]
pub struct TokenLayer<R = CloneBody> {
    source: TokenSource,
    replay: R,
}

impl TokenLayer {
    /// For requests whose body can be cloned.
    pub fn new(source: TokenSource) -> Self {
        Self::with_replay(source, CloneBody)
    }
}

impl<R> TokenLayer<R> {
    /// With another way to send a body again.
    pub fn with_replay(source: TokenSource, replay: R) -> Self {
        Self { source, replay }
    }
}

impl<S, R: Clone> Layer<S> for TokenLayer<R> {
    type Service = TokenService<S, R>;

    fn layer(&self, inner: S) -> TokenService<S, R> {
        TokenService { inner, source: self.source.clone(), replay: self.replay.clone() }
    }
}

/// A client behind a [`TokenLayer`].
#[derive(Clone)]
pub struct TokenService<S, R = CloneBody> {
    inner: S,
    source: TokenSource,
    replay: R,
}

impl<S, R> fmt::Debug for TokenService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("source", &self.source).finish_non_exhaustive()
    }
}

impl<S, R, ReqB, ResB> Service<Request<ReqB>> for TokenService<S, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Replay<ReqB>,
    ReqB: Send + 'static,
    ResB: Send + 'static,
{
    type Response = Response<ResB>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResB>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        // The service that was polled ready is the one to call; its clone waits for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (source, replay) = (self.source.clone(), self.replay.clone());
        let again = replay.replay(request.body()).map(|body| {
            let mut again = Request::new(body);
            again.method_mut().clone_from(request.method());
            again.uri_mut().clone_from(request.uri());
            *again.version_mut() = request.version();
            again.headers_mut().clone_from(request.headers());
            again.extensions_mut().clone_from(request.extensions());
            again
        });
        Box::pin(async move {
            if request.headers().contains_key(AUTHORIZATION) {
                return inner.call(request).await.map_err(Into::into);
            }
            // A path alone goes to wherever the client is connected.
            if request.uri().scheme().is_some() {
                source.may_carry(&request.uri().to_string())?;
            }
            let token = source.token().await?;
            let response = inner.call(with(request, &token)).await.map_err(Into::into)?;
            if response.status() != StatusCode::UNAUTHORIZED || !source.report_unauthorized(&token) {
                return Ok(response);
            }
            let Some(again) = again else { return Ok(response) };
            let token = source.token().await?;
            poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
            inner.call(with(again, &token)).await.map_err(Into::into)
        })
    }
}

fn with<B>(mut request: Request<B>, token: &Token) -> Request<B> {
    request.headers_mut().insert(AUTHORIZATION, token.header());
    request
}
