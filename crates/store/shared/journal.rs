//! The journal: batches of tokens, which stay as they were written, and refusals.
//!
//! A token is found by the time that its id, or its request's, carries: that leads to the few batches of that
//! moment. So nothing is written for a single token, neither on its way nor after it.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::access_key::{AccessKeyId, LastUse};
use symbolon_core::client::ClientId;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::made_at;
use symbolon_core::organization::OrganizationId;
use symbolon_core::realm::RealmId;
use symbolon_core::record::{RefusalRecord, Remark, TokenRecord};
use symbolon_core::store::{BatchPlace, JournalStore, Page, PageRequest, StoreResult, Whose};
use symbolon_core::usage::{Busiest, UsageFilter, UsageGroup, UsageQuery, UsageSeries};

use crate::backend::Backend;
use crate::batch::{Batch, Written, span};
use crate::support::{can_be_stored, decode, decode_all, encode, failed, taken};
use crate::{usage, usage_answers, usage_blocks};

/// What migrations say of the batches that are found on their own.
pub(crate) const NARROW: i64 = 600_000;
/// Refusals that are removed in one statement: tokens wait for it to end, so it stays short.
const REFUSALS_AT_ONCE: i64 = 200;
/// The same of batches, each of which may be a quarter of a megabyte.
const BATCHES_AT_ONCE: i64 = 8;

#[async_trait]
impl JournalStore for Backend {
    async fn append_tokens(&self, place: &BatchPlace, records: &[TokenRecord]) -> StoreResult<()> {
        let Some((first, last)) = span(records) else { return Ok(()) };
        let document = encode(&Written::of(records))?;
        let mut appender = self.journal_appender().await?;
        query!(
            "INSERT INTO journal_batches (writer, sequence, first_at, last_at, records)
             VALUES ($1, $2, $3, $4, $5)",
            place.writer,
            place.sequence,
            first.millis(),
            last.millis(),
            document,
        )
        .execute(&mut *appender.connection)
        .await
        .map_err(taken("the batch's place"))?;
        Ok(())
    }

    async fn count_tokens(&self, whose: Whose<'_>, rest: u32, now: Timestamp) -> StoreResult<u32> {
        usage::count(self, whose, rest, now).await
    }

    async fn count_refusals(&self, now: Timestamp) -> StoreResult<u64> {
        usage::count_refusals(self, now).await
    }

    async fn append_refusals(&self, records: &[RefusalRecord]) -> StoreResult<()> {
        let Ok(count) = i64::try_from(records.len()) else { return Ok(()) };
        if count == 0 {
            return Ok(());
        }
        let mut background = self.journal_background().await?;
        let last = query_scalar!(
            r#"UPDATE refusal_counter SET sequence = sequence + $1 RETURNING sequence AS "sequence!: i64""#,
            count,
        )
        .fetch_one(&mut *background.tx)
        .await
        .map_err(failed)?;
        for (id, record) in (last - count + 1..).zip(records) {
            query!(
                "INSERT INTO refusals (id, request_id, at, document) VALUES ($1, $2, $3, $4)",
                id,
                record.request_id,
                record.at.millis(),
                encode(record)?,
            )
            .execute(&mut *background.tx)
            .await
            .map_err(failed)?;
        }
        background.tx.commit().await.map_err(failed)
    }

    async fn find_tokens_by_request(&self, request_id: &str) -> StoreResult<Vec<TokenRecord>> {
        self.find_in_batches(request_id, |record| record.request_id == request_id).await
    }

    async fn find_refusals_by_request(&self, request_id: &str) -> StoreResult<Vec<RefusalRecord>> {
        if !can_be_stored(request_id) {
            return Ok(Vec::new());
        }
        let documents =
            query_scalar!("SELECT document FROM refusals WHERE request_id = $1 ORDER BY id", request_id)
                .fetch_all(self.journal_reader())
                .await
                .map_err(failed)?;
        decode_all("refusal's record", &documents)
    }

    async fn last_token(&self) -> StoreResult<Option<Timestamp>> {
        let last = query_scalar!(r#"SELECT MAX(last_at) AS "last: i64" FROM journal_batches"#)
            .fetch_one(self.journal_reader())
            .await
            .map_err(failed)?;
        Ok(last.map(Timestamp::from_millis))
    }

    async fn find_token(&self, realm: &RealmId, jti: &str) -> StoreResult<Option<TokenRecord>> {
        let in_realm = |record: &TokenRecord| record.grant.right.realm == *realm;
        let issued = |record: &TokenRecord| record.jti == jti && record.remark != Some(Remark::Reused);
        let found = self.find_in_batches(jti, |record| issued(record) && in_realm(record));
        Ok(found.await?.into_iter().next())
    }

    async fn find_last_use(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        client: &ClientId,
        key: &AccessKeyId,
    ) -> StoreResult<Option<LastUse>> {
        usage_blocks::last_use(self, realm, organization, client, key).await
    }

    async fn list_usage(
        &self,
        realm: &RealmId,
        question: &UsageQuery,
        page: &PageRequest,
    ) -> StoreResult<Page<UsageSeries>> {
        usage_answers::list(self, realm, question, page).await
    }

    async fn list_busiest(
        &self,
        realm: &RealmId,
        filter: &UsageFilter,
        who: Busiest,
        limit: u32,
    ) -> StoreResult<Vec<(UsageGroup, i64)>> {
        usage_answers::busiest(self, realm, filter, who, limit).await
    }

    async fn roll_up_usage(&self, before: Timestamp) -> StoreResult<u64> {
        usage_blocks::roll_up(self, before).await
    }

    async fn forget_usage(&self, before: Timestamp) -> StoreResult<u64> {
        usage_blocks::forget(self, before).await
    }

    async fn forget_tokens(&self, before: Timestamp) -> StoreResult<u64> {
        let mut removed = 0;
        loop {
            let mut background = self.journal_background().await?;
            let done = query!(
                "DELETE FROM journal_batches WHERE (writer, sequence) IN
                     (SELECT writer, sequence FROM journal_batches WHERE last_at < $1 ORDER BY last_at LIMIT $2)",
                before.millis(),
                BATCHES_AT_ONCE,
            )
            .execute(&mut *background.tx)
            .await
            .map_err(failed)?;
            background.tx.commit().await.map_err(failed)?;
            removed += done.rows_affected();
            if done.rows_affected() == 0 {
                usage::forget_writers(self, before).await?;
                return Ok(removed);
            }
        }
    }

    async fn forget_refusals(&self, before: Timestamp, keep: u32) -> StoreResult<u64> {
        let mut removed = 0;
        loop {
            let mut background = self.journal_background().await?;
            // Refusals are numbered without a gap, so that the number tells how many came after.
            let done = query!(
                "DELETE FROM refusals WHERE id IN
                     (SELECT id FROM refusals WHERE at < $1 ORDER BY at LIMIT $3)
                 OR id IN
                     (SELECT id FROM refusals WHERE id <= (SELECT sequence FROM refusal_counter) - $2
                      ORDER BY id LIMIT $3)",
                before.millis(),
                i64::from(keep),
                REFUSALS_AT_ONCE,
            )
            .execute(&mut *background.tx)
            .await
            .map_err(failed)?;
            background.tx.commit().await.map_err(failed)?;
            removed += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(removed);
            }
        }
    }
}

impl Backend {
    /// The tokens of the batches that were made when an id was, as far as they are wanted, oldest first. Nothing is
    /// found under an id that carries no time: none was ever given out.
    async fn find_in_batches(
        &self,
        id: &str,
        wanted: impl Fn(&TokenRecord) -> bool + Send + Sync,
    ) -> StoreResult<Vec<TokenRecord>> {
        let Some(moment) = made_at(id).map(Timestamp::millis) else { return Ok(Vec::new()) };
        let narrow = query!(
            "SELECT writer, sequence FROM journal_batches
             WHERE last_at >= $1 AND last_at <= $2 AND first_at <= $1 ORDER BY last_at",
            moment,
            moment + NARROW,
        )
        .fetch_all(self.journal_reader())
        .await
        .map_err(failed)?;
        let mut found = Vec::new();
        for place in narrow {
            found.append(&mut self.find_in_batch(&place.writer, place.sequence, &wanted).await?);
        }
        if found.is_empty() {
            let wide = query!(
                "SELECT writer, sequence FROM journal_batches
                 WHERE last_at - first_at > 600000 AND first_at <= $1 AND last_at >= $1 ORDER BY last_at",
                moment,
            )
            .fetch_all(self.journal_reader())
            .await
            .map_err(failed)?;
            for place in wide {
                found.append(&mut self.find_in_batch(&place.writer, place.sequence, &wanted).await?);
            }
        }
        found.sort_by(|one, other| (one.at, &one.jti).cmp(&(other.at, &other.jti)));
        Ok(found)
    }

    /// One batch at a time: there may be many of a moment, and each is large.
    async fn find_in_batch(
        &self,
        writer: &str,
        sequence: i64,
        wanted: &(impl Fn(&TokenRecord) -> bool + Sync),
    ) -> StoreResult<Vec<TokenRecord>> {
        let document = self.read_batch(writer, sequence).await?;
        let Some(document) = document else { return Ok(Vec::new()) };
        let batch: Batch<'_> = decode("batch of the journal", &document)?;
        Ok(batch.into_records()?.into_iter().filter(wanted).collect())
    }

    /// A batch as it was written.
    pub(crate) async fn read_batch(&self, writer: &str, sequence: i64) -> StoreResult<Option<String>> {
        query_scalar!(
            "SELECT records FROM journal_batches WHERE writer = $1 AND sequence = $2",
            writer,
            sequence,
        )
        .fetch_optional(self.journal_reader())
        .await
        .map_err(failed)
    }
}
