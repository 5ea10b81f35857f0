//! Connections on which nothing is waited for without end, and the few of them that a store keeps.
//!
//! The server's own time limits end what it is busy with; they do not help when its answer never arrives, since
//! TCP repeats itself for a quarter of an hour. So every statement has a limit on this side too, and a connection
//! on which one was exceeded, or given up half-way, is dropped instead of kept for somebody else to wait on.
//!
//! The driver's pool is not used: it asks each connection that comes back whether it is alive, without a limit, and
//! so a network that swallows everything takes its places one by one until none is left.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection as _, Describe, Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// What a statement yields.
type Step = Either<PgQueryResult, PgRow>;

/// How long an idle connection has to show that it is alive before a new one is made in its place.
const PING: Duration = Duration::from_millis(500);
/// Connections that nobody used for so long are closed: firewalls forget them without a word.
const IDLE: Duration = Duration::from_mins(5);
/// No connection is older: name servers and load balancers are asked again.
const AGE: Duration = Duration::from_mins(30);
/// Between two attempts to connect: this long at first, then twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a connection, be it one in use or a new one.
    pub(crate) acquire: Duration,
    /// For a statement's answer; somewhat longer than the server's own limit.
    pub(crate) statement: Duration,
}

/// Some connections to one database, made when they are needed. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Pool>);

struct Pool {
    connect: PgConnectOptions,
    patience: Patience,
    most: u32,
    /// One for each connection there may be.
    places: Arc<Semaphore>,
    /// Those that nobody uses, the latest used at the end.
    idle: Mutex<Vec<Idle>>,
    is_closed: AtomicBool,
}

struct Idle {
    live: Live,
    since: Instant,
}

struct Live {
    connection: PgConnection,
    born: Instant,
}

/// The options have the password in them.
impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Idle {
    fn is_old(&self) -> bool {
        self.since.elapsed() > IDLE || self.live.born.elapsed() > AGE
    }
}

impl Pool {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that nobody uses and that has just answered. If the latest used one is dead, the server or the network
    /// went away, and the others are not waited for one by one.
    async fn reuse(&self) -> Option<Live> {
        let mut latest = self.idle().pop().filter(|latest| !latest.is_old())?;
        if matches!(timeout(PING, latest.live.connection.ping()).await, Ok(Ok(()))) {
            return Some(latest.live);
        }
        self.idle().clear();
        None
    }

    /// A new one. While the server is starting or has none left it is asked again, until time is up.
    async fn connect(&self, deadline: Instant) -> Result<Live, Error> {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match timeout(left, PgConnection::connect_with(&self.connect)).await {
                Ok(Ok(connection)) => return Ok(Live { connection, born: Instant::now() }),
                Ok(Err(error)) => error,
                Err(_) => late(),
            };
            if !may_pass(&error) || Instant::now() + pause >= deadline {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn put_back(&self, live: Live) {
        if self.is_closed.load(Ordering::Acquire) {
            return;
        }
        let mut idle = self.idle();
        idle.push(Idle { live, since: Instant::now() });
        idle.retain(|idle| !idle.is_old());
    }
}

/// Whether a moment later an attempt to connect may succeed.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Error::Database(error) => matches!(error.code().as_deref(), Some("53300" | "57P03")),
        _ => false,
    }
}

/// What has had its time.
fn late() -> Error {
    Error::Io(std::io::ErrorKind::TimedOut.into())
}

impl Connections {
    /// At most so many. None is made yet.
    pub(crate) fn new(connect: PgConnectOptions, most: u32, patience: Patience) -> Self {
        let places = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
        let (idle, is_closed) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Pool { connect, patience, most, places, idle, is_closed }))
    }

    /// A connection that is alive, in time.
    pub(crate) async fn acquire(&self) -> Result<Bounded, Error> {
        let pool = &self.0;
        let deadline = Instant::now() + pool.patience.acquire;
        let place = timeout(pool.patience.acquire, Arc::clone(&pool.places).acquire_owned())
            .await
            .map_err(|_| Error::PoolTimedOut)?
            .map_err(|_| Error::PoolClosed)?;
        if pool.is_closed.load(Ordering::Acquire) {
            return Err(Error::PoolClosed);
        }
        let live = match pool.reuse().await {
            Some(live) => live,
            None => pool.connect(deadline).await?,
        };
        Ok(Bounded { live: Some(live), pool: Arc::clone(pool), in_doubt: false, place: Some(place) })
    }

    /// A connection within a transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, Error> {
        let mut bounded = self.acquire().await?;
        bounded.say("BEGIN").await?;
        Ok(Tx { bounded, open: true })
    }

    /// Takes no further calls, waits for those under way, and closes what is left.
    pub(crate) async fn close(&self) {
        let pool = &self.0;
        pool.is_closed.store(true, Ordering::Release);
        if timeout(pool.patience.statement, pool.places.acquire_many(pool.most)).await.is_err() {
            tracing::warn!("connections to PostgreSQL were still in use when the store was closed");
        }
        pool.places.close();
        let idle = std::mem::take(&mut *pool.idle());
        for idle in idle {
            let _ = timeout(PING, idle.live.connection.close()).await;
        }
    }
}

/// A connection in use.
pub(crate) struct Bounded {
    /// There until it is dropped.
    live: Option<Live>,
    pool: Arc<Pool>,
    /// Whether a statement is under way, or ended in a way that says nothing about the connection's state.
    in_doubt: bool,
    place: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Bounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bounded").field("in_doubt", &self.in_doubt).finish_non_exhaustive()
    }
}

impl Bounded {
    /// Does something with the connection, in time.
    async fn within<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let live = self.live.as_mut().ok_or(Error::PoolClosed)?;
        self.in_doubt = true;
        let working = timeout(self.pool.patience.statement, work(&mut live.connection));
        let done = working.await.unwrap_or_else(|_| Err(late()));
        self.in_doubt = !matches!(done, Ok(_) | Err(Error::Database(_)));
        done
    }

    /// Executes a statement without parameters or rows.
    pub(crate) async fn say(&mut self, statement: &'static str) -> Result<(), Error> {
        self.within(async |connection| connection.execute(statement).await).await?;
        Ok(())
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        if let Some(live) = self.live.take().filter(|_| !self.in_doubt) {
            self.pool.put_back(live);
        }
    }
}

/// A transaction; it is rolled back unless it was committed.
#[derive(Debug)]
pub(crate) struct Tx {
    bounded: Bounded,
    open: bool,
}
impl Tx {
    /// Makes what it did visible and durable.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.bounded.say("COMMIT").await?;
        self.open = false;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = Bounded;

    fn deref(&self) -> &Bounded {
        &self.bounded
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Bounded {
        &mut self.bounded
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.open || self.bounded.in_doubt {
            return;
        }
        // In doubt until the server has said that it is rolled back.
        let Bounded { live, pool, place, .. } = &mut self.bounded;
        let mut bounded =
            Bounded { live: live.take(), pool: Arc::clone(pool), in_doubt: true, place: place.take() };
        // Where nothing runs any more, the server rolls back when the connection ends.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = bounded.say("ROLLBACK").await;
            });
        }
    }
}

async fn steps<'q, E>(bounded: &mut Bounded, query: E) -> Result<Vec<Step>, Error>
where
    E: 'q + Execute<'q, Postgres>,
{
    bounded.within(async |connection| connection.fetch_many(query).try_collect().await).await
}

async fn first<'q, E>(bounded: &mut Bounded, query: E) -> Result<Option<PgRow>, Error>
where
    E: 'q + Execute<'q, Postgres>,
{
    bounded.within(async |connection| connection.fetch_optional(query).await).await
}

/// The steps that a statement will have yielded.
fn streamed<'e>(
    steps: impl Future<Output = Result<Vec<Step>, Error>> + Send + 'e,
) -> BoxStream<'e, Result<Step, Error>> {
    steps.map_ok(|steps| stream::iter(steps.into_iter().map(Ok))).try_flatten_stream().boxed()
}

impl<'c> Executor<'c> for &'c mut Bounded {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        streamed(steps(self, query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        first(self, query).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.within(async move |connection| connection.prepare_with(sql, parameters).await).boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.within(async move |connection| connection.describe(sql).await).boxed()
    }
}

impl<'c> Executor<'c> for &'c Connections {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        streamed(async move { steps(&mut self.acquire().await?, query).await })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        async move { first(&mut self.acquire().await?, query).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        async move { self.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        async move { self.acquire().await?.describe(sql).await }.boxed()
    }
}
