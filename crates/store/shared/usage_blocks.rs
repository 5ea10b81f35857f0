//! Usage in blocks: how what was counted is kept for long.
//!
//! Counting a token must cost little, and a question about three months of ten thousand clients must meet few rows. So
//! counting adds to a small table (`usage_open`), and hours that are over are moved from there: the hours of a day
//! stand in one row, 32 days in another, and for each organization and each realm there are sums. Every count is kept
//! with all counts before it in its row, so that any stretch of a row is one subtraction.
//!
//! Nothing here has to be repeated or undone: an hour that counting comes back to is moved again, and added.

use sqlx::query;
use symbolon_core::access_key::LastUse;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId, RealmId};
use symbolon_core::store::StoreResult;

use crate::backend::{Backend, Tx};
use crate::support::failed;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Counts that are moved in one transaction: those who count wait for it to end.
const MOVED_AT_ONCE: i64 = 2_000;
/// Blocks that are removed in one.
const REMOVED_AT_ONCE: i64 = 1_000;

/// How time is divided into slots, and slots into blocks.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    /// Milliseconds of a slot.
    pub(crate) slot: i64,
    /// Slots of a block.
    pub(crate) slots: i64,
}

pub(crate) const HOURS: Unit = Unit { name: "hour", slot: HOUR, slots: 24 };
pub(crate) const DAYS: Unit = Unit { name: "day", slot: DAY, slots: 32 };

impl Unit {
    /// The block and the slot that a moment lies in.
    pub(crate) const fn place(self, at: Timestamp) -> (i64, i64) {
        let slot = at.millis().div_euclid(self.slot);
        (slot.div_euclid(self.slots), slot.rem_euclid(self.slots))
    }
}

// Whose counts a row holds.
/// The whole realm's.
pub(crate) const REALM: i64 = 0;
/// An organization's.
pub(crate) const ORGANIZATION: i64 = 1;
/// A client's, by access key.
pub(crate) const CLIENT: i64 = 2;

/// Moves what was counted for hours before a moment into blocks, and answers how many counts that were. Several nodes
/// may do it at once: what one of them has taken, the others wait for and do not find.
pub(crate) async fn roll_up(store: &Backend, before: Timestamp) -> StoreResult<u64> {
    let mut moved = 0;
    loop {
        let mut tx = store.begin_usage().await?;
        let taken = query!(
            "UPDATE usage_open SET taken = TRUE
             WHERE (realm, organization, client, access_key, audience, result, hour) IN
                 (SELECT realm, organization, client, access_key, audience, result, hour FROM usage_open
                  WHERE hour < $1 LIMIT $2)",
            before.millis(),
            MOVED_AT_ONCE,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if taken.rows_affected() == 0 {
            tx.commit().await.map_err(failed)?;
            return Ok(moved);
        }
        for unit in [HOURS, DAYS] {
            for level in [REALM, ORGANIZATION, CLIENT] {
                add_to_blocks(&mut tx, unit, level).await?;
            }
        }
        note_last_uses(&mut tx).await?;
        query!("DELETE FROM usage_open WHERE taken").execute(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        moved += taken.rows_affected();
    }
}

/// Adds what was taken. A count goes to its slot and to all after it.
async fn add_to_blocks(tx: &mut Tx, unit: Unit, level: i64) -> StoreResult<()> {
    query!(
        "INSERT INTO usage_blocks
             (realm, unit, level, organization, client, access_key, audience, result, block,
              s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18,
              s19, s20, s21, s22, s23, s24, s25, s26, s27, s28, s29, s30, s31)
         SELECT realm, CAST($1 AS TEXT), CAST($2 AS BIGINT),
             CASE WHEN CAST($2 AS BIGINT) > 0 THEN organization ELSE '' END,
             CASE WHEN CAST($2 AS BIGINT) > 1 THEN client ELSE '' END,
             CASE WHEN CAST($2 AS BIGINT) > 1 THEN access_key ELSE '' END,
             audience, result, hour / CAST($3 AS BIGINT) / CAST($4 AS BIGINT),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 0 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 1 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 2 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 3 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 4 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 5 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 6 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 7 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 8 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 9 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 10 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 11 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 12 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 13 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 14 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 15 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 16 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 17 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 18 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 19 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 20 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 21 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 22 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 23 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 24 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 25 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 26 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 27 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 28 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 29 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 30 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % CAST($4 AS BIGINT) <= 31 THEN tokens ELSE 0 END)
         FROM usage_open WHERE taken
         GROUP BY realm, 4, 5, 6, audience, result, 9
         ON CONFLICT (realm, unit, level, organization, client, access_key, audience, result, block) DO UPDATE SET
             s00 = usage_blocks.s00 + excluded.s00,
             s01 = usage_blocks.s01 + excluded.s01,
             s02 = usage_blocks.s02 + excluded.s02,
             s03 = usage_blocks.s03 + excluded.s03,
             s04 = usage_blocks.s04 + excluded.s04,
             s05 = usage_blocks.s05 + excluded.s05,
             s06 = usage_blocks.s06 + excluded.s06,
             s07 = usage_blocks.s07 + excluded.s07,
             s08 = usage_blocks.s08 + excluded.s08,
             s09 = usage_blocks.s09 + excluded.s09,
             s10 = usage_blocks.s10 + excluded.s10,
             s11 = usage_blocks.s11 + excluded.s11,
             s12 = usage_blocks.s12 + excluded.s12,
             s13 = usage_blocks.s13 + excluded.s13,
             s14 = usage_blocks.s14 + excluded.s14,
             s15 = usage_blocks.s15 + excluded.s15,
             s16 = usage_blocks.s16 + excluded.s16,
             s17 = usage_blocks.s17 + excluded.s17,
             s18 = usage_blocks.s18 + excluded.s18,
             s19 = usage_blocks.s19 + excluded.s19,
             s20 = usage_blocks.s20 + excluded.s20,
             s21 = usage_blocks.s21 + excluded.s21,
             s22 = usage_blocks.s22 + excluded.s22,
             s23 = usage_blocks.s23 + excluded.s23,
             s24 = usage_blocks.s24 + excluded.s24,
             s25 = usage_blocks.s25 + excluded.s25,
             s26 = usage_blocks.s26 + excluded.s26,
             s27 = usage_blocks.s27 + excluded.s27,
             s28 = usage_blocks.s28 + excluded.s28,
             s29 = usage_blocks.s29 + excluded.s29,
             s30 = usage_blocks.s30 + excluded.s30,
             s31 = usage_blocks.s31 + excluded.s31",
        unit.name,
        level,
        unit.slot,
        unit.slots,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn note_last_uses(tx: &mut Tx) -> StoreResult<()> {
    query!(
        "INSERT INTO usage_last (realm, organization, client, access_key, last_at, last_from)
         SELECT realm, organization, client, access_key, last_at, last_from FROM
             (SELECT realm, organization, client, access_key, last_at, last_from, ROW_NUMBER() OVER
                  (PARTITION BY realm, organization, client, access_key ORDER BY last_at DESC) AS place
              FROM usage_open WHERE taken AND result = 'issued') AS uses
         WHERE place = 1
         ON CONFLICT (realm, organization, client, access_key) DO UPDATE SET
             last_at = excluded.last_at, last_from = excluded.last_from
         WHERE excluded.last_at >= usage_last.last_at",
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Removes the counts of hours on days before a moment's; those of days stay.
pub(crate) async fn forget(store: &Backend, before: Timestamp) -> StoreResult<u64> {
    let mut removed = 0;
    loop {
        let mut tx = store.begin_usage().await?;
        let done = query!(
            "DELETE FROM usage_blocks
             WHERE (realm, unit, level, organization, client, access_key, audience, result, block) IN
                 (SELECT realm, unit, level, organization, client, access_key, audience, result, block
                  FROM usage_blocks WHERE unit = 'hour' AND block < $1 LIMIT $2)",
            before.millis().div_euclid(DAY),
            REMOVED_AT_ONCE,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(removed);
        }
        removed += done.rows_affected();
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
        r#"SELECT last_at AS "last_at!: i64", last_from AS "last_from!: String" FROM
               (SELECT last_at, last_from FROM usage_last
                WHERE realm = $1 AND organization = $2 AND client = $3 AND access_key = $4
                UNION ALL
                SELECT last_at, last_from FROM usage_open
                WHERE realm = $1 AND organization = $2 AND client = $3 AND access_key = $4 AND result = 'issued') AS uses
           ORDER BY last_at DESC LIMIT 1"#,
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
