//! What batches of the journal are expanded into: tokens by request, the last use of each key, tokens by the hour.

use std::collections::BTreeMap;

use sqlx::query;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::Id;
use symbolon_core::record::TokenRecord;
use symbolon_core::store::StoreResult;

use crate::backend::Tx;
use crate::support::{encode, failed};

const HOUR: i64 = 3_600_000;

/// Writes a token's entry, and answers whether it was not there yet.
pub(crate) async fn insert_token(tx: &mut Tx, record: &TokenRecord) -> StoreResult<bool> {
    let done = query!(
        "INSERT INTO journal_tokens (realm, jti, request_id, organization, client, access_key, at, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (realm, jti) DO NOTHING",
        record.realm.as_str(),
        record.jti,
        record.request_id,
        record.organization.as_ref().map(Id::as_str),
        record.client.as_ref().map(Id::as_str),
        record.access_key.as_ref().map(Id::as_str),
        record.at.millis(),
        encode(record)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Realm, organization, and the key or client.
type Subject = (String, String, String);

struct KeyUse {
    at: Timestamp,
    from: String,
    uses: i64,
}

/// Uses, added up before they are written, in an order that is the same on every node: two of them that expand
/// at the same time cannot wait for each other in a ring.
#[derive(Default)]
pub(crate) struct Usage {
    keys: BTreeMap<Subject, KeyUse>,
    hours: BTreeMap<(Subject, i64), i64>,
}

impl Usage {
    /// Counts one token.
    pub(crate) fn count(&mut self, record: &TokenRecord) {
        let Some(organization) = &record.organization else { return };
        let subject =
            |id: &str| (record.realm.as_str().to_owned(), organization.as_str().to_owned(), id.to_owned());
        if let Some(key) = &record.access_key {
            let of_key = self.keys.entry(subject(key.as_str())).or_insert_with(|| KeyUse {
                at: record.at,
                from: record.from.clone(),
                uses: 0,
            });
            of_key.uses += 1;
            if record.at >= of_key.at {
                of_key.at = record.at;
                of_key.from.clone_from(&record.from);
            }
        }
        if let Some(client) = &record.client {
            let hour = record.at.millis().div_euclid(HOUR) * HOUR;
            *self.hours.entry((subject(client.as_str()), hour)).or_default() += 1;
        }
    }

    /// Adds everything counted to what is stored.
    pub(crate) async fn write(self, tx: &mut Tx) -> StoreResult<()> {
        for ((realm, organization, key), of_key) in self.keys {
            query!(
                "INSERT INTO key_usage (realm, organization, access_key, last_used_at, last_used_from, uses)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (realm, organization, access_key) DO UPDATE SET
                     uses = key_usage.uses + excluded.uses,
                     last_used_from = CASE
                         WHEN excluded.last_used_at >= key_usage.last_used_at THEN excluded.last_used_from
                         ELSE key_usage.last_used_from END,
                     last_used_at = CASE
                         WHEN excluded.last_used_at >= key_usage.last_used_at THEN excluded.last_used_at
                         ELSE key_usage.last_used_at END",
                realm,
                organization,
                key,
                of_key.at.millis(),
                of_key.from,
                of_key.uses,
            )
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
        }
        for (((realm, organization, client), hour), tokens) in self.hours {
            query!(
                "INSERT INTO usage_hours (realm, organization, client, hour, tokens)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (realm, organization, client, hour) DO UPDATE SET
                     tokens = usage_hours.tokens + excluded.tokens",
                realm,
                organization,
                client,
                hour,
                tokens,
            )
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
        }
        Ok(())
    }
}
