//! The tower layer in front of an API.
//!
//! A request whose token needs no key to be fetched goes straight through, without a boxed future and without a
//! clone of the service.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Method, Request, Response};
use pin_project_lite::pin_project;
use symbolon_protocol::scope::{InvalidScope, Scope, ScopeSet};
use tower_layer::Layer;
use tower_service::Service;

use crate::caller::Caller;
use crate::guard::Guard;
use crate::refusal::Refusal;

/// What scopes can be written as: a space-separated text, one scope, or a set.
pub trait IntoScopes {
    /// Makes a set of it.
    fn into_scopes(self) -> Result<ScopeSet, InvalidScope>;
}

impl IntoScopes for &str {
    fn into_scopes(self) -> Result<ScopeSet, InvalidScope> {
        ScopeSet::parse(self)
    }
}

impl IntoScopes for Scope {
    fn into_scopes(self) -> Result<ScopeSet, InvalidScope> {
        Ok(ScopeSet::from_iter([self]))
    }
}

impl IntoScopes for ScopeSet {
    fn into_scopes(self) -> Result<ScopeSet, InvalidScope> {
        Ok(self)
    }
}

/// Guards a service: refuses requests without a valid token, and puts a [`Caller`] into the extensions of the others.
///
/// The request is passed on as it came, `Authorization` included. No method is treated specially: a preflight
/// (`OPTIONS`) that is to pass without a token must be answered before this layer.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Guard,
    rules: Arc<Rules>,
}

#[derive(Clone, Debug, Default)]
struct Rules {
    every: ScopeSet,
    by_method: Vec<(Method, ScopeSet)>,
}

impl GuardLayer {
    pub(crate) fn new(guard: Guard) -> Self {
        Self { guard, rules: Arc::default() }
    }

    /// Requires scopes of every request, in addition to those already required.
    pub fn require(mut self, scopes: impl IntoScopes) -> Result<Self, InvalidScope> {
        let scopes = scopes.into_scopes()?;
        let rules = Arc::make_mut(&mut self.rules);
        scopes.iter().for_each(|scope| rules.every.insert(scope.clone()));
        Ok(self)
    }

    /// Requires scopes of requests with one method, in addition to those that every request needs; none (`""`) lets
    /// the method pass with these alone. `HEAD` follows `GET` unless it has a rule of its own.
    ///
    /// From the first such rule on, methods without one are refused with 405: a method that was forgotten is not
    /// thereby open to every token.
    pub fn require_for(mut self, method: Method, scopes: impl IntoScopes) -> Result<Self, InvalidScope> {
        let scopes = scopes.into_scopes()?;
        let rules = Arc::make_mut(&mut self.rules);
        match rules.by_method.iter_mut().find(|(ruled, _)| *ruled == method) {
            Some((_, present)) => scopes.iter().for_each(|scope| present.insert(scope.clone())),
            None => rules.by_method.push((method, scopes)),
        }
        Ok(self)
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { inner, guard: self.guard.clone(), rules: self.rules.clone() }
    }
}

impl Rules {
    fn check(&self, method: &Method, caller: &Caller) -> Result<(), Refusal> {
        let of_method = self.of_method(method)?;
        let granted = caller.scopes();
        if granted.contains_all(&self.every) && of_method.is_none_or(|scopes| granted.contains_all(scopes)) {
            return Ok(());
        }
        let needed =
            self.every.iter().chain(of_method.into_iter().flat_map(ScopeSet::iter)).cloned().collect();
        Err(Refusal::InsufficientScope { needed })
    }

    fn of_method(&self, method: &Method) -> Result<Option<&ScopeSet>, Refusal> {
        if self.by_method.is_empty() {
            return Ok(None);
        }
        let rule = |wanted: &Method| {
            self.by_method.iter().find(|(ruled, _)| ruled == wanted).map(|(_, scopes)| scopes)
        };
        let found = rule(method).or_else(|| if method == Method::HEAD { rule(&Method::GET) } else { None });
        found.map(Some).ok_or_else(|| Refusal::MethodNotAllowed { allowed: self.allowed() })
    }

    fn allowed(&self) -> String {
        let names: Vec<&str> = self.by_method.iter().map(|(method, _)| method.as_str()).collect();
        let head = if names.contains(&"GET") && !names.contains(&"HEAD") { ", HEAD" } else { "" };
        names.join(", ") + head
    }
}

/// A service behind a [`GuardLayer`].
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    inner: S,
    guard: Guard,
    rules: Arc<Rules>,
}

impl<S> GuardService<S> {
    /// What can be said at once; `None` if the keys of the token's issuer must be fetched first.
    fn verdict<B>(&self, request: &Request<B>) -> Option<Result<Caller, Refusal>> {
        match Guard::token_of(request.headers(), request.uri().query()) {
            Ok(token) => self.guard.verify_now(token),
            Err(refusal) => Some(Err(refusal)),
        }
    }
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for GuardService<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
    ResB: From<String>,
{
    type Response = Response<ResB>;
    type Error = S::Error;
    type Future = GuardFuture<S, ReqB, ResB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let state = match self.verdict(&request) {
            Some(verdict) => match admit(&self.rules, &mut request, verdict) {
                Ok(()) => State::Calling { call: self.inner.call(request) },
                Err(refusal) => State::refused(&self.guard, &refusal),
            },
            None => {
                // The service that was polled ready is the one to call; its clone waits for the next request.
                let clone = self.inner.clone();
                let service = std::mem::replace(&mut self.inner, clone);
                let guard = self.guard.clone();
                let token = Guard::token_of(request.headers(), request.uri().query()).map(str::to_owned);
                let verifying = Box::pin(async move { guard.verify(&token?).await });
                let waiting =
                    Waiting { service, request, guard: self.guard.clone(), rules: self.rules.clone() };
                State::Verifying { verifying, waiting: Some(waiting) }
            }
        };
        GuardFuture { state }
    }
}

/// Applies the rules to a verdict, and leaves the caller in the request.
fn admit<B>(
    rules: &Rules,
    request: &mut Request<B>,
    verdict: Result<Caller, Refusal>,
) -> Result<(), Refusal> {
    let admitted = verdict.and_then(|caller| rules.check(request.method(), &caller).map(|()| caller));
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(())
        }
        Err(refusal) => {
            tracing::debug!(reason = %refusal, "request refused");
            Err(refusal)
        }
    }
}

struct Waiting<S, ReqB> {
    service: S,
    request: Request<ReqB>,
    guard: Guard,
    rules: Arc<Rules>,
}

type Verifying = Pin<Box<dyn Future<Output = Result<Caller, Refusal>> + Send>>;

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqB, ResB>
    where
        S: Service<Request<ReqB>>,
    {
        Calling { #[pin] call: S::Future },
        Refused { answer: Option<Response<ResB>> },
        Verifying { verifying: Verifying, waiting: Option<Waiting<S, ReqB>> },
    }
}

impl<S, ReqB, ResB> State<S, ReqB, ResB>
where
    S: Service<Request<ReqB>>,
    ResB: From<String>,
{
    fn refused(guard: &Guard, refusal: &Refusal) -> Self {
        Self::Refused { answer: Some(guard.answer(refusal)) }
    }
}

pin_project! {
    /// The answer to come of a [`GuardService`].
    pub struct GuardFuture<S, ReqB, ResB>
    where
        S: Service<Request<ReqB>>,
    {
        #[pin]
        state: State<S, ReqB, ResB>,
    }
}

impl<S, ReqB, ResB> Future for GuardFuture<S, ReqB, ResB>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    ResB: From<String>,
{
    type Output = Result<Response<ResB>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Calling { call } => return call.poll(cx),
                // Polled again after its end, a future may wait for ever.
                StateProjection::Refused { answer } => {
                    return answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)));
                }
                StateProjection::Verifying { verifying, waiting } => {
                    let verdict = ready!(verifying.as_mut().poll(cx));
                    let Some(Waiting { mut service, mut request, guard, rules }) = waiting.take() else {
                        return Poll::Pending;
                    };
                    match admit(&rules, &mut request, verdict) {
                        Ok(()) => State::Calling { call: service.call(request) },
                        Err(refusal) => State::refused(&guard, &refusal),
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, ReqB, ResB> fmt::Debug for GuardFuture<S, ReqB, ResB>
where
    S: Service<Request<ReqB>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardFuture").finish_non_exhaustive()
    }
}
