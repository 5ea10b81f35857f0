//! The journal: batches on a token's way, and in the background what they are expanded into.
//!
//! A batch that is stored has not been expanded: expanding deletes it in the transaction that writes its
//! entries. So nothing is expanded twice, whatever is cut off where, and no batch is passed over because one
//! with a greater id was there before it.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::access_key::{AccessKeyId, LastUse};
use symbolon_core::client::ClientId;
use symbolon_core::clock::Timestamp;
use symbolon_core::organization::OrganizationId;
use symbolon_core::realm::RealmId;
use symbolon_core::record::{RefusalRecord, TokenRecord};
use symbolon_core::store::{JournalStore, StoreResult};

use crate::backend::Backend;
use crate::support::{can_be_stored, decode, decode_all, encode, failed, taken};
use crate::usage;

#[async_trait]
impl JournalStore for Backend {
    async fn append_tokens(&self, batch_id: &str, records: &[TokenRecord]) -> StoreResult<()> {
        if records.is_empty() {
            return Ok(());
        }
        let documents = encode(records)?;
        let mut appender = self.journal_appender().await?;
        query!("INSERT INTO journal_batches (id, records) VALUES ($1, $2)", batch_id, documents)
            .execute(&mut *appender.connection)
            .await
            .map_err(taken("the batch's id"))?;
        Ok(())
    }

    async fn expand_batches(&self, most: u32) -> StoreResult<u32> {
        let mut background = self.journal_background().await?;
        let mut batches = query!(
            r#"DELETE FROM journal_batches
               WHERE id IN (SELECT id FROM journal_batches ORDER BY id LIMIT $1)
               RETURNING id AS "id!: String", records AS "records!: String""#,
            i64::from(most),
        )
        .fetch_all(&mut *background.tx)
        .await
        .map_err(failed)?;
        batches.sort_by(|one, other| one.id.cmp(&other.id));
        let mut usage = usage::Usage::default();
        for batch in &batches {
            for record in decode::<Vec<TokenRecord>>("batch of the journal", &batch.records)? {
                if usage::insert_token(&mut background.tx, &record).await? {
                    usage.count(&record);
                }
            }
        }
        usage.write(&mut background.tx).await?;
        background.tx.commit().await.map_err(failed)?;
        Ok(u32::try_from(batches.len()).unwrap_or(most))
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
        if !can_be_stored(request_id) {
            return Ok(Vec::new());
        }
        let documents = query_scalar!(
            "SELECT document FROM journal_tokens WHERE request_id = $1 ORDER BY at, realm, jti",
            request_id,
        )
        .fetch_all(self.journal_reader())
        .await
        .map_err(failed)?;
        decode_all("token's record", &documents)
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

    async fn find_token(&self, realm: &RealmId, jti: &str) -> StoreResult<Option<TokenRecord>> {
        if !can_be_stored(jti) {
            return Ok(None);
        }
        let document = query_scalar!(
            "SELECT document FROM journal_tokens WHERE realm = $1 AND jti = $2",
            realm.as_str(),
            jti,
        )
        .fetch_optional(self.journal_reader())
        .await
        .map_err(failed)?;
        document.map(|document| decode("token's record", &document)).transpose()
    }

    async fn find_last_use(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        key: &AccessKeyId,
    ) -> StoreResult<Option<LastUse>> {
        let row = query!(
            "SELECT last_used_at, last_used_from FROM key_usage
             WHERE realm = $1 AND organization = $2 AND access_key = $3",
            realm.as_str(),
            organization.as_str(),
            key.as_str(),
        )
        .fetch_optional(self.journal_reader())
        .await
        .map_err(failed)?;
        Ok(row.map(|row| LastUse { at: Timestamp::from_millis(row.last_used_at), from: row.last_used_from }))
    }

    async fn list_usage(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        client: &ClientId,
        from: Timestamp,
        to: Timestamp,
    ) -> StoreResult<Vec<(Timestamp, i64)>> {
        let rows = query!(
            "SELECT hour, tokens FROM usage_hours
             WHERE realm = $1 AND organization = $2 AND client = $3 AND hour >= $4 AND hour < $5
             ORDER BY hour",
            realm.as_str(),
            organization.as_str(),
            client.as_str(),
            from.millis(),
            to.millis(),
        )
        .fetch_all(self.journal_reader())
        .await
        .map_err(failed)?;
        Ok(rows.into_iter().map(|row| (Timestamp::from_millis(row.hour), row.tokens)).collect())
    }

    async fn forget_refusals(&self, before: Timestamp, keep: u32) -> StoreResult<u64> {
        let mut background = self.journal_background().await?;
        let done = query!(
            "DELETE FROM refusals WHERE at < $1
                 OR (at, id) <= (SELECT at, id FROM refusals ORDER BY at DESC, id DESC LIMIT 1 OFFSET $2)",
            before.millis(),
            i64::from(keep),
        )
        .execute(&mut *background.tx)
        .await
        .map_err(failed)?;
        background.tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }
}
