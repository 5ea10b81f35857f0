//! Counting: what the journal's tokens and refusals add up to, by access key, audience, result, reason
//! and hour.
//!
//! Batches are counted in the order of their writer, refusals in that of their numbers, and how far that is stands in
//! the transaction that adds them up: nothing is counted twice, whatever is cut off where and however many nodes
//! count. Where the sums go from there is the matter of `usage_blocks`.

use sqlx::{query, query_scalar};
use symbolon_core::clock::Timestamp;
use symbolon_core::store::{StoreResult, Whose};
use tokio::time::Instant;

use crate::backend::{Backend, add_usage};
use crate::support::{decode, encode, failed};
use crate::usage_sums::Sums;

/// Batches that are held in memory at once.
const READ_AT_ONCE: i64 = 32;
/// Counts that are added up before they are written, unless there is nothing more to add: the more, the fewer
/// writes a token costs, and the more memory.
const COUNTS: usize = 65_536;
/// Counts that are written in one statement.
const WRITTEN_AT_ONCE: usize = 1_000;
/// Refusals that are held in memory at once.
const REFUSALS_AT_ONCE: i64 = 1_000;
/// In whose place it stands how far refusals are counted; no writer is called so.
const REFUSALS: &str = "refusals";

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
    let (mut reached, mut batches, mut sums) = (counted, 0, Sums::default());
    while sums.counts() < COUNTS && reached < last {
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
                Ok(batch) => sums.add(&batch),
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
    if batches == 0 || !write(store, &sums, (writer, counted, reached), now).await? {
        return Ok(None);
    }
    Ok(Some(batches))
}

/// Counts the refusals that are kept and were not counted yet, and answers how many that was. Their numbers have no
/// gap and appear in order, so that the last one says how far counting is.
pub(crate) async fn count_refusals(store: &Backend, now: Timestamp) -> StoreResult<u64> {
    let mut all = 0;
    loop {
        let counted = query_scalar!("SELECT sequence FROM usage_counted WHERE writer = $1", REFUSALS)
            .fetch_optional(store.usage_reader())
            .await
            .map_err(failed)?;
        let counted = counted.unwrap_or(0);
        let rows = query!(
            "SELECT id, document FROM refusals WHERE id > $1 ORDER BY id LIMIT $2",
            counted,
            REFUSALS_AT_ONCE,
        )
        .fetch_all(store.journal_reader())
        .await
        .map_err(failed)?;
        let Some(newest) = rows.last() else { return Ok(all) };
        let mut sums = Sums::default();
        for row in &rows {
            match decode("refusal's record", &row.document) {
                Ok(record) => sums.add_refusal(&record),
                Err(error) => tracing::error!(id = row.id, %error, "a refusal is not counted"),
            }
        }
        if !write(store, &sums, (REFUSALS, counted, newest.id), now).await? {
            // Somebody else counts.
            return Ok(all);
        }
        all += u64::try_from(rows.len()).unwrap_or(0);
    }
}

/// Forgets how far writers were counted of whom no batch is left.
pub(crate) async fn forget_writers(store: &Backend, before: Timestamp) -> StoreResult<()> {
    let counted = query_scalar!(
        "SELECT writer FROM usage_counted WHERE counted_at < $1 AND writer <> $2",
        before.millis(),
        REFUSALS,
    )
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
    sums: &Sums,
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
    for (kind, counts) in sums.kinds() {
        let mut counts = counts.in_order();
        loop {
            let rows = counts.by_ref().take(WRITTEN_AT_ONCE).map(|([organization, client, key], used)| {
                (organization, client, key, used.tokens, used.last.0, used.last.1)
            });
            let rows: Vec<_> = rows.collect();
            if rows.is_empty() {
                break;
            }
            add_usage(&mut tx, kind, &encode(&rows)?).await?;
        }
    }
    tx.commit().await.map_err(failed)?;
    Ok(true)
}
