//! Usage: what the journal's tokens add up to, by access key and hour.
//!
//! Batches are counted in the order of their writer, and how far that is stands in the transaction that adds them
//! up: nothing is counted twice, whatever is cut off where and however many nodes count.

use std::collections::BTreeMap;
use std::net::IpAddr;

use sqlx::{query, query_scalar};
use symbolon_core::access_key::LastUse;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId, RealmId};
use symbolon_core::store::{StoreResult, Whose};
use tokio::time::Instant;

use crate::backend::{Backend, add_usage};
use crate::batch::CountedBatch;
use crate::support::{decode, encode, failed};

const HOUR: i64 = 3_600_000;
/// Batches that are held in memory at once.
const READ_AT_ONCE: i64 = 8;
/// Keys that are added up before they are written, unless there is nothing more to add: the more, the fewer
/// writes a token costs, and the more memory.
const KEYS: usize = 20_000;
/// Keys that are written in one statement.
const WRITTEN_AT_ONCE: usize = 1_000;

/// Counts what is there of each of the writers now, and answers how many batches that was. What cannot be counted
/// of one writer does not keep the others from it.
pub(crate) async fn count(store: &Backend, whose: Whose<'_>, rest: u32, now: Timestamp) -> StoreResult<u32> {
    let (mut batches, mut outcome) = (0, Ok(()));
    for writer in writers(store, whose).await? {
        match count_writer(store, &writer, rest, now).await {
            Ok(counted) => batches += counted,
            Err(error) => outcome = Err(error),
        }
    }
    outcome.map(|()| batches)
}

async fn writers(store: &Backend, whose: Whose<'_>) -> StoreResult<Vec<String>> {
    let since = match whose {
        Whose::Writer(writer) => return Ok(vec![writer.to_owned()]),
        Whose::Left(since) => since,
    };
    let busy = query_scalar!("SELECT writer FROM usage_counted WHERE counted_at >= $1", since.millis())
        .fetch_all(store.usage_reader())
        .await
        .map_err(failed)?;
    // From one to the next in the batches' own key: there are few writers and many batches.
    let (mut left, mut last) = (Vec::new(), String::new());
    loop {
        let next = query_scalar!(
            r#"SELECT MIN(writer) AS "writer: String" FROM journal_batches WHERE writer > $1"#,
            last
        )
        .fetch_one(store.journal_reader())
        .await
        .map_err(failed)?;
        let Some(writer) = next else { return Ok(left) };
        if !busy.contains(&writer) {
            left.push(writer.clone());
        }
        last = writer;
    }
}

async fn count_writer(store: &Backend, writer: &str, rest: u32, now: Timestamp) -> StoreResult<u32> {
    // No further than now: under load there is always more.
    let last = last_batch(store, writer).await?.unwrap_or(0);
    let mut batches = 0;
    while let Some(counted) = count_portion(store, writer, last, rest, now).await? {
        batches += counted;
    }
    Ok(batches)
}

/// Counts as many batches as are added up at once. `None` where there is nothing more, or somebody else counts.
async fn count_portion(
    store: &Backend,
    writer: &str,
    last: i64,
    rest: u32,
    now: Timestamp,
) -> StoreResult<Option<u32>> {
    let counted = query_scalar!("SELECT sequence FROM usage_counted WHERE writer = $1", writer)
        .fetch_optional(store.usage_reader())
        .await
        .map_err(failed)?;
    let counted = counted.unwrap_or(0);
    let (mut reached, mut batches, mut usage) = (counted, 0, Usage::default());
    while usage.0.len() < KEYS && reached < last {
        let began = Instant::now();
        let rows = query!(
            "SELECT sequence, records FROM journal_batches
             WHERE writer = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
            writer,
            reached,
            READ_AT_ONCE,
        )
        .fetch_all(store.journal_reader())
        .await
        .map_err(failed)?;
        let Some(newest) = rows.last() else { break };
        reached = newest.sequence;
        for row in &rows {
            match decode("batch of the journal", &row.records) {
                Ok(batch) => usage.add(&batch),
                // It would keep everything behind it from being counted.
                Err(error) => {
                    tracing::error!(writer, sequence = row.sequence, %error, "a batch is not counted");
                }
            }
            batches += 1;
            // Each may have thousands of tokens, and requests wait for this thread.
            tokio::task::yield_now().await;
        }
        if rest > 0 {
            tokio::time::sleep(began.elapsed() * rest).await;
        }
    }
    if batches == 0 || !write(store, &usage, (writer, counted, reached), now).await? {
        return Ok(None);
    }
    Ok(Some(batches))
}

/// Forgets how far writers were counted of whom no batch is left.
pub(crate) async fn forget_writers(store: &Backend, before: Timestamp) -> StoreResult<()> {
    let counted = query_scalar!("SELECT writer FROM usage_counted WHERE counted_at < $1", before.millis())
        .fetch_all(store.usage_reader())
        .await
        .map_err(failed)?;
    for writer in counted {
        if last_batch(store, &writer).await?.is_none() {
            let mut tx = store.begin_usage().await?;
            query!("DELETE FROM usage_counted WHERE writer = $1", writer)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            tx.commit().await.map_err(failed)?;
        }
    }
    Ok(())
}

async fn last_batch(store: &Backend, writer: &str) -> StoreResult<Option<i64>> {
    query_scalar!(r#"SELECT MAX(sequence) AS "last: i64" FROM journal_batches WHERE writer = $1"#, writer)
        .fetch_one(store.journal_reader())
        .await
        .map_err(failed)
}

/// Adds up to what is stored, unless the writer is counted to somewhere else by now.
async fn write(
    store: &Backend,
    usage: &Usage,
    (writer, from, to): (&str, i64, i64),
    now: Timestamp,
) -> StoreResult<bool> {
    let mut tx = store.begin_usage().await?;
    query!(
        "INSERT INTO usage_counted (writer, sequence, counted_at) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING",
        writer,
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    let moved = query!(
        "UPDATE usage_counted SET sequence = $3, counted_at = $4 WHERE writer = $1 AND sequence = $2",
        writer,
        from,
        to,
        now.millis(),
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    // In the order of their keys, which is the same on every node: two that count at the same time cannot wait
    // for each other in a ring.
    let rows: Vec<_> = usage.0.iter().collect();
    for some in rows.chunks(WRITTEN_AT_ONCE) {
        let rows: Vec<_> = some
            .iter()
            .map(|((realm, organization, client, key, hour), used)| {
                (realm, organization, client, key, hour, used.tokens, used.last.0, used.last.1)
            })
            .collect();
        add_usage(&mut tx, &encode(&rows)?).await?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(true)
}

/// Realm, organization, client, access key and hour.
type Key = (String, String, String, String, i64);

#[derive(Default)]
struct Usage(BTreeMap<Key, Used>);

#[derive(Clone, Copy)]
struct Used {
    tokens: i64,
    last: (Timestamp, IpAddr),
}

impl Used {
    fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        if other.last.0 >= self.last.0 {
            self.last = other.last;
        }
    }
}

impl Usage {
    fn add(&mut self, batch: &CountedBatch<'_>) {
        // First by grant, of which there are fewer than tokens.
        let mut by_grant: BTreeMap<(usize, i64), Used> = BTreeMap::new();
        for (grant, at, from, tokens) in batch.uses() {
            let hour = at.millis().div_euclid(HOUR) * HOUR;
            let used = Used { tokens, last: (at, from) };
            by_grant.entry((grant, hour)).and_modify(|all| all.add(used)).or_insert(used);
        }
        for ((grant, hour), used) in by_grant {
            let Some(grant) = batch.grants.get(grant) else { continue };
            let (Some(organization), Some(client)) = (&grant.organization, &grant.client) else { continue };
            let key = grant.access_key.as_deref().unwrap_or_default();
            let text = |text: &str| text.to_owned();
            let key = (text(&grant.realm), text(organization), text(client), text(key), hour);
            self.0.entry(key).and_modify(|all| all.add(used)).or_insert(used);
        }
    }
}

/// When and from where a key was last used.
pub(crate) async fn last_use(
    store: &Backend,
    realm: &RealmId,
    organization: &OrganizationId,
    client: &ClientId,
    key: &AccessKeyId,
) -> StoreResult<Option<LastUse>> {
    let row = query!(
        "SELECT last_at, last_from FROM usage_hours
         WHERE realm = $1 AND organization = $2 AND client = $3 AND access_key = $4
         ORDER BY hour DESC LIMIT 1",
        realm.as_str(),
        organization.as_str(),
        client.as_str(),
        key.as_str(),
    )
    .fetch_optional(store.usage_reader())
    .await
    .map_err(failed)?;
    Ok(row.map(|row| LastUse { at: Timestamp::from_millis(row.last_at), from: row.last_from }))
}

/// A client's tokens by the hour, of all its keys.
pub(crate) async fn hours(
    store: &Backend,
    realm: &RealmId,
    (organization, client): (&OrganizationId, &ClientId),
    from: Timestamp,
    to: Timestamp,
) -> StoreResult<Vec<(Timestamp, i64)>> {
    let rows = query!(
        r#"SELECT hour, CAST(SUM(tokens) AS BIGINT) AS "tokens!: i64" FROM usage_hours
           WHERE realm = $1 AND organization = $2 AND client = $3 AND hour >= $4 AND hour < $5
           GROUP BY hour ORDER BY hour"#,
        realm.as_str(),
        organization.as_str(),
        client.as_str(),
        from.millis(),
        to.millis(),
    )
    .fetch_all(store.usage_reader())
    .await
    .map_err(failed)?;
    // An hour in which all requests got tokens that were there has a last use alone.
    let rows = rows.into_iter().filter(|row| row.tokens > 0);
    Ok(rows.map(|row| (Timestamp::from_millis(row.hour), row.tokens)).collect())
}
