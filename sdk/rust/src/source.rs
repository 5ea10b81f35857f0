//! The source of tokens: one token for everybody, renewed in the background, and one attempt at a time however many ask.
//!
//! The common call loads a pointer, reads the monotonic clock and is done. Everything else is behind one lock that is
//! never held while anything is awaited.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::part;
use crate::builder::{Builder, Settings};
use crate::error::{Error, Kind};
use crate::request::{Auth, Dialect};
use crate::secret::{Secret, SecretSource};
use crate::token::{Held, Token};

/// After one token was dropped because an API refused it, others are kept for so long: an API that refuses every token
/// is not helped by more of them.
const DROP_PAUSE: Duration = Duration::from_secs(10);

/// A secret that costs something to read is looked at again this often while it is refused.
const LOOK_PAUSE: Duration = Duration::from_secs(2);

/// So many secrets may end a wait; a source that makes one up each time it is read would end every wait.
const MOST_TRIED: usize = 10;

/// Gives tokens: the one in use while it is good, a new one ahead of its end. Clones share everything.
///
/// It needs a tokio runtime with its timer on, in which its requests are sent; a caller that goes away disturbs nobody.
#[derive(Clone)]
pub struct TokenSource {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    current: ArcSwapOption<Held>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The outcome of the attempt under way, to come.
    under_way: Option<watch::Receiver<Option<Outcome>>>,
    failed: Option<Failed>,
    pub(crate) dropped: Option<Dropped>,
    /// The secret that the server took last.
    pub(crate) accepted: Option<Secret>,
    /// The token endpoint that was found.
    pub(crate) found: Option<http::Uri>,
    /// Whether somebody looks for a new secret.
    looking: bool,
}

type Outcome = Result<Token, Error>;

/// Attempts that failed, in a row.
struct Failed {
    error: Error,
    count: u32,
    /// Nothing is sent before.
    until: Instant,
    /// What was tried since the last success.
    tried: Tried,
    looked_at: Instant,
}

/// The token that was dropped last.
pub(crate) struct Dropped {
    pub(crate) token: Arc<Held>,
    at: Instant,
}

/// Secrets that were tried, and whether one of them was refused.
#[derive(Default)]
pub(crate) struct Tried {
    pub(crate) secrets: Vec<Secret>,
    pub(crate) was_refused: bool,
}

/// How an attempt ended.
pub(crate) struct Ended {
    pub(crate) outcome: Result<Arc<Held>, Error>,
    pub(crate) tried: Tried,
    /// A token from elsewhere that does where the attempt failed for a while.
    pub(crate) fallback: Option<Arc<Held>>,
}

/// What a call can do next.
enum Next {
    Have(Token),
    Await(watch::Receiver<Option<Outcome>>),
    /// Nothing is sent before that moment.
    Later(Instant, Error),
}

impl TokenSource {
    /// A client of an OAuth 2.0 server: Auth0, Symbolon, or any other with client credentials. It needs a
    /// [`token_url`](Builder::token_url) or an [`issuer`](Builder::issuer).
    pub fn client_credentials(client_id: impl Into<String>, secret: impl Into<SecretSource>) -> Builder {
        Builder::new(Dialect::ClientCredentials(Auth::default()), client_id.into(), secret.into())
    }

    /// A client of one of Keycloak's realms.
    pub fn keycloak(
        base_url: impl Into<String>,
        realm: impl Into<String>,
        client_id: impl Into<String>,
        secret: impl Into<SecretSource>,
    ) -> Builder {
        Builder::new(Dialect::Keycloak, client_id.into(), secret.into())
            .keycloak(base_url.into(), realm.into())
    }

    /// An access key as m3ter has them: HTTP Basic and a JSON body.
    pub fn access_key(key_id: impl Into<String>, secret: impl Into<SecretSource>) -> Builder {
        Builder::new(Dialect::AccessKey, key_id.into(), secret.into())
    }

    /// Email and password, as METI's v1 has them.
    pub fn password(email: impl Into<String>, password: impl Into<SecretSource>) -> Builder {
        Builder::new(Dialect::Password, email.into(), password.into())
    }

    pub(crate) fn new(settings: Settings) -> Self {
        let shared = Shared { settings, current: ArcSwapOption::empty(), state: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// A token to use now.
    ///
    /// A good one is given at once. Without one, this waits for the attempt under way, or makes one; while the server
    /// [cannot answer](Error::is_temporary) it tries again until its [patience](Builder::patience) ends. Any other error
    /// is told at once, to this call and to those that follow, until back-off lets the server be asked again.
    pub async fn token(&self) -> Result<Token, Error> {
        match self.at_hand() {
            Some(token) => Ok(token),
            None => self.wait().await,
        }
    }

    /// The token in use, while it is good; from its time of renewal on, this starts its renewal.
    fn at_hand(&self) -> Option<Token> {
        let now = Instant::now();
        let current = self.shared.current.load();
        let held = current.as_ref().filter(|held| now < held.end)?;
        if now >= held.renew_at {
            self.renew_in_background(now);
        }
        Some(Token(Arc::clone(held)))
    }

    async fn wait(&self) -> Result<Token, Error> {
        // None: longer than clocks go.
        let patience_ends = Instant::now().checked_add(self.shared.settings.timings.patience);
        loop {
            let next = match self.next(None)? {
                Next::Later(until, error) => {
                    self.look_for_secret().await?.unwrap_or(Next::Later(until, error))
                }
                next => next,
            };
            match next {
                Next::Have(token) => return Ok(token),
                Next::Await(mut attempt) => {
                    let ended = attempt.wait_for(Option::is_some).await;
                    match ended.ok().and_then(|outcome| outcome.clone()) {
                        Some(Ok(token)) => return Ok(token),
                        Some(Err(error)) if !error.is_temporary() => return Err(error),
                        Some(Err(_)) => {}
                        None => {
                            return Err(Error::new(Kind::Temporary, "the runtime of the request has ended"));
                        }
                    }
                }
                Next::Later(until, error)
                    if !error.is_temporary() || patience_ends.is_some_and(|ends| until > ends) =>
                {
                    return Err(error);
                }
                Next::Later(until, _) => tokio::time::sleep_until(until).await,
            }
        }
    }

    /// Says that an API refused a token, and answers whether to try once more with [another one](Self::token).
    ///
    /// The token in use is dropped, unless one was dropped less than ten seconds ago: then the API most likely refuses
    /// every token, and the refusal is the caller's.
    pub fn report_unauthorized(&self, token: &Token) -> bool {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let Some(current) = self.shared.current.load_full() else { return true };
        if current.text() != token.expose() {
            return true;
        }
        if state.dropped.as_ref().is_some_and(|dropped| now < dropped.at + DROP_PAUSE) {
            return false;
        }
        tracing::debug!(server = self.shared.settings.server, "an API refused the token: it is renewed");
        state.dropped = Some(Dropped { token: current, at: now });
        self.shared.current.store(None);
        true
    }

    /// Whether a token may go to that address: over https, or to this machine, unless plain http was allowed.
    #[cfg(any(feature = "reqwest", feature = "tower"))]
    pub(crate) fn may_carry(&self, url: &str) -> Result<(), Error> {
        let checked = crate::address::check(url, self.shared.settings.allow_http);
        checked.map(drop).map_err(Error::configuration)
    }

    fn renew_in_background(&self, now: Instant) {
        let may_look = {
            let mut state = self.shared.lock();
            if state.under_way.is_some() {
                return;
            }
            let is_allowed = state.failed.as_ref().is_none_or(|failed| now >= failed.until);
            if is_allowed {
                // Without a runtime the next call that has no token tells it.
                let _ = self.start(&mut state);
                return;
            }
            !state.looking && self.may_look(&mut state, now)
        };
        if may_look && let Ok(runtime) = Handle::try_current() {
            let source = self.clone();
            runtime.spawn(async move { source.look().await });
        }
    }

    /// What to do now. `Some` secrets are those that a look at their source has shown.
    fn next(&self, seen: Option<&[Secret]>) -> Result<Next, Error> {
        let now = Instant::now();
        let mut state = self.shared.lock();
        if let Some(attempt) = &state.under_way {
            return Ok(Next::Await(attempt.clone()));
        }
        // Another attempt may have ended since the caller looked.
        if let Some(held) = self.shared.current.load_full().filter(|held| now < held.end) {
            return Ok(Next::Have(Token(held)));
        }
        match &state.failed {
            Some(failed) if now < failed.until && !failed.knows_better(seen) => {
                Ok(Next::Later(failed.until, failed.error.clone()))
            }
            _ => self.start(&mut state).map(Next::Await),
        }
    }

    /// After a refused secret: whether its source names another one by now, and the attempt with it if so.
    async fn look_for_secret(&self) -> Result<Option<Next>, Error> {
        let may_look = {
            let mut state = self.shared.lock();
            self.may_look(&mut state, Instant::now())
        };
        if !may_look {
            return Ok(None);
        }
        let seen = self.seen().await;
        self.next(Some(&seen)).map(Some)
    }

    /// The same without a caller that waits for it.
    async fn look(&self) {
        let seen = self.seen().await;
        let mut state = self.shared.lock();
        let knows_better = state.failed.as_ref().is_some_and(|failed| failed.knows_better(Some(&seen)));
        if knows_better && state.under_way.is_none() {
            let _ = self.start(&mut state);
        }
    }

    async fn seen(&self) -> Vec<Secret> {
        let looking = Looking(&self.shared);
        let seen = self.shared.settings.secret.read().await.unwrap_or_default();
        drop(looking);
        seen
    }

    /// Whether it is time to look for a new secret; if so, nobody else does until [`Looking`] ends.
    fn may_look(&self, state: &mut State, now: Instant) -> bool {
        let is_cheap = self.shared.settings.secret.is_cheap();
        let Some(failed) = state.failed.as_mut().filter(|failed| failed.tried.was_refused) else {
            return false;
        };
        if !is_cheap && (state.looking || now < failed.looked_at + LOOK_PAUSE) {
            return false;
        }
        failed.looked_at = now;
        state.looking = true;
        true
    }

    /// Starts an attempt, in a task of its own: no caller that goes away takes it along.
    fn start(&self, state: &mut State) -> Result<watch::Receiver<Option<Outcome>>, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::configuration("a token can be asked for in a tokio runtime alone"))?;
        let (sender, receiver) = watch::channel(None);
        state.under_way = Some(receiver.clone());
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move {
            let landing = Landing(shared);
            let ended = landing.0.attempt().await;
            let outcome = landing.0.land(ended);
            drop(landing);
            // Nobody may wait for it.
            let _ = sender.send(Some(outcome));
        });
        Ok(receiver)
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down how an attempt ended.
    fn land(&self, ended: Ended) -> Outcome {
        let now = Instant::now();
        let mut state = self.lock();
        let Ended { outcome, tried, fallback } = ended;
        let error = match outcome {
            Ok(held) => {
                state.failed = None;
                self.current.store(Some(Arc::clone(&held)));
                return Ok(Token(held));
            }
            Err(error) => error,
        };
        if !error.is_no_secret() {
            state.failed = Some(self.failed(state.failed.take(), error.clone(), tried, now));
        }
        let has_good = self.current.load().as_ref().is_some_and(|held| now < held.end);
        match fallback.filter(|held| error.is_temporary() && !has_good && now < held.end) {
            Some(held) => {
                self.current.store(Some(Arc::clone(&held)));
                Ok(Token(held))
            }
            None => {
                let server = &self.settings.server;
                if has_good {
                    tracing::warn!(server, %error, "the token could not be renewed; the old one is still good");
                }
                Err(error)
            }
        }
    }

    fn failed(&self, before: Option<Failed>, error: Error, now_tried: Tried, now: Instant) -> Failed {
        let (count, mut tried) = before.map_or((0, Tried::default()), |failed| (failed.count, failed.tried));
        let count = count.saturating_add(1);
        tried.was_refused |= now_tried.was_refused;
        for secret in now_tried.secrets {
            if tried.secrets.len() < MOST_TRIED && !tried.secrets.contains(&secret) {
                tried.secrets.push(secret);
            }
        }
        let random = (self.settings.random)();
        let wait = match error.retry_after().filter(|_| error.is_temporary()) {
            Some(named) => {
                let ms = u64::try_from(named.as_millis()).unwrap_or(u64::MAX);
                named + Duration::from_millis(part(ms, random) / 10)
            }
            None => self.settings.timings.backoff.delay(count, random),
        };
        Failed { error, count, until: now + wait, tried, looked_at: now }
    }
}

impl Failed {
    /// Whether a secret was the trouble, and there is one now that was not tried. Whatever else failed since: a server may
    /// slow down the wrong ones, and take the right one at once.
    fn knows_better(&self, seen: Option<&[Secret]>) -> bool {
        self.tried.was_refused
            && self.tried.secrets.len() < MOST_TRIED
            && seen.is_some_and(|seen| seen.iter().any(|secret| !self.tried.secrets.contains(secret)))
    }
}

/// An attempt under way; however its task ends, the next one can start.
struct Landing(Arc<Shared>);

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.lock().under_way = None;
    }
}

/// A look at the source of the secret.
struct Looking<'a>(&'a Shared);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.lock().looking = false;
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.shared.settings;
        f.debug_struct("TokenSource")
            .field("server", &settings.server)
            .field("id", &settings.wanted.id)
            .field("audience", &settings.wanted.audience)
            .finish_non_exhaustive()
    }
}
