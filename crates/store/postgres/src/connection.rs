//! Connections on which nothing is waited for without end.
//!
//! The server's own time limits end what it is busy with; they do not help when its answer never arrives, since
//! TCP repeats itself for a quarter of an hour. So every statement has a limit on this side too, and a connection
//! on which one was exceeded, or given up half-way, is dropped instead of kept for somebody else to wait on.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Error, Execute, Executor, PgPool, Postgres, SqlStr};
use tokio::runtime::Handle;

/// What a statement yields.
type Step = Either<PgQueryResult, PgRow>;

/// Some connections, and how long a statement may take on them.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pub(crate) pool: PgPool,
    /// The limit of a statement, somewhat longer than the server's own.
    pub(crate) limit: Duration,
}

impl Connections {
    /// A connection that is alive, in the pool's time.
    pub(crate) async fn acquire(&self) -> Result<Bounded, Error> {
        let connection = Some(self.pool.acquire().await?);
        Ok(Bounded { connection, limit: self.limit, in_doubt: false })
    }

    /// A connection within a transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, Error> {
        let mut bounded = self.acquire().await?;
        bounded.say("BEGIN").await?;
        Ok(Tx { bounded, open: true })
    }
}

/// A connection of a pool.
#[derive(Debug)]
pub(crate) struct Bounded {
    /// There until it is dropped.
    connection: Option<PoolConnection<Postgres>>,
    limit: Duration,
    /// Whether a statement is under way, or ended in a way that says nothing about the connection's state.
    in_doubt: bool,
}

impl Bounded {
    /// Does something with the connection, in time.
    async fn within<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PoolConnection<Postgres>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let connection = self.connection.as_mut().ok_or(Error::PoolClosed)?;
        self.in_doubt = true;
        let done = tokio::time::timeout(self.limit, work(connection)).await.unwrap_or_else(|_| Err(late()));
        self.in_doubt = !matches!(done, Ok(_) | Err(Error::Database(_)));
        done
    }

    /// Executes a statement without parameters or rows.
    pub(crate) async fn say(&mut self, statement: &'static str) -> Result<(), Error> {
        self.within(async |connection| connection.execute(statement).await).await?;
        Ok(())
    }
}

/// A statement that has had its time.
fn late() -> Error {
    Error::Io(std::io::ErrorKind::TimedOut.into())
}

impl Drop for Bounded {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.in_doubt {
            // Its place in the pool is free at once; returning it would first wait for an answer.
            drop(connection.detach());
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
        let connection = self.bounded.connection.take();
        let mut bounded = Bounded { connection, limit: self.bounded.limit, in_doubt: true };
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
