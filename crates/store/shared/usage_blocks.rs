//! Usage in blocks: how what was counted is kept for long.
//!
//! Counting a token must cost little, and a question about three months of ten thousand clients must meet few rows. So
//! counting adds to a small table (`usage_open`), and hours that are over are moved from there: 64
//! hours stand in one row, 64 days in another, and for each organization and each realm there are sums. Every count is kept
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

/// Slots of a block.
pub(crate) const SLOTS: i64 = 64;

/// How time is divided into slots, and slots into blocks.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    /// Milliseconds of a slot.
    pub(crate) slot: i64,
}

pub(crate) const HOURS: Unit = Unit { name: "hour", slot: HOUR };
pub(crate) const DAYS: Unit = Unit { name: "day", slot: DAY };

impl Unit {
    /// The block and the slot that a moment lies in.
    pub(crate) const fn place(self, at: Timestamp) -> (i64, i64) {
        let slot = at.millis().div_euclid(self.slot);
        (slot.div_euclid(SLOTS), slot.rem_euclid(SLOTS))
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
             WHERE (realm, organization, client, access_key, audience, result, reason, hour) IN
                 (SELECT realm, organization, client, access_key, audience, result, reason, hour FROM usage_open
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
#[expect(clippy::too_many_lines, reason = "it is one statement, with two lines for each slot")]
async fn add_to_blocks(tx: &mut Tx, unit: Unit, level: i64) -> StoreResult<()> {
    query!(
        "INSERT INTO usage_blocks
             (realm, unit, level, organization, client, access_key, audience, result, reason, block,
              s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18,
              s19, s20, s21, s22, s23, s24, s25, s26, s27, s28, s29, s30, s31, s32, s33, s34, s35, s36, s37,
              s38, s39, s40, s41, s42, s43, s44, s45, s46, s47, s48, s49, s50, s51, s52, s53, s54, s55, s56,
              s57, s58, s59, s60, s61, s62, s63)
         SELECT realm, CAST($1 AS TEXT), CAST($2 AS BIGINT),
             CASE WHEN CAST($2 AS BIGINT) > 0 THEN organization ELSE '' END,
             CASE WHEN CAST($2 AS BIGINT) > 1 THEN client ELSE '' END,
             CASE WHEN CAST($2 AS BIGINT) > 1 THEN access_key ELSE '' END,
             audience, result, reason, hour / CAST($3 AS BIGINT) / 64,
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 0 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 1 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 2 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 3 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 4 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 5 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 6 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 7 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 8 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 9 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 10 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 11 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 12 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 13 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 14 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 15 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 16 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 17 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 18 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 19 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 20 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 21 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 22 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 23 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 24 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 25 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 26 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 27 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 28 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 29 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 30 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 31 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 32 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 33 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 34 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 35 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 36 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 37 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 38 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 39 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 40 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 41 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 42 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 43 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 44 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 45 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 46 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 47 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 48 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 49 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 50 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 51 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 52 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 53 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 54 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 55 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 56 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 57 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 58 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 59 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 60 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 61 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 62 THEN tokens ELSE 0 END),
             SUM(CASE WHEN hour / CAST($3 AS BIGINT) % 64 <= 63 THEN tokens ELSE 0 END)
         FROM usage_open WHERE taken
         GROUP BY realm, 4, 5, 6, audience, result, reason, 10
         ON CONFLICT (realm, unit, level, organization, client, access_key, audience, result, reason, block) DO UPDATE SET
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
             s31 = usage_blocks.s31 + excluded.s31,
             s32 = usage_blocks.s32 + excluded.s32,
             s33 = usage_blocks.s33 + excluded.s33,
             s34 = usage_blocks.s34 + excluded.s34,
             s35 = usage_blocks.s35 + excluded.s35,
             s36 = usage_blocks.s36 + excluded.s36,
             s37 = usage_blocks.s37 + excluded.s37,
             s38 = usage_blocks.s38 + excluded.s38,
             s39 = usage_blocks.s39 + excluded.s39,
             s40 = usage_blocks.s40 + excluded.s40,
             s41 = usage_blocks.s41 + excluded.s41,
             s42 = usage_blocks.s42 + excluded.s42,
             s43 = usage_blocks.s43 + excluded.s43,
             s44 = usage_blocks.s44 + excluded.s44,
             s45 = usage_blocks.s45 + excluded.s45,
             s46 = usage_blocks.s46 + excluded.s46,
             s47 = usage_blocks.s47 + excluded.s47,
             s48 = usage_blocks.s48 + excluded.s48,
             s49 = usage_blocks.s49 + excluded.s49,
             s50 = usage_blocks.s50 + excluded.s50,
             s51 = usage_blocks.s51 + excluded.s51,
             s52 = usage_blocks.s52 + excluded.s52,
             s53 = usage_blocks.s53 + excluded.s53,
             s54 = usage_blocks.s54 + excluded.s54,
             s55 = usage_blocks.s55 + excluded.s55,
             s56 = usage_blocks.s56 + excluded.s56,
             s57 = usage_blocks.s57 + excluded.s57,
             s58 = usage_blocks.s58 + excluded.s58,
             s59 = usage_blocks.s59 + excluded.s59,
             s60 = usage_blocks.s60 + excluded.s60,
             s61 = usage_blocks.s61 + excluded.s61,
             s62 = usage_blocks.s62 + excluded.s62,
             s63 = usage_blocks.s63 + excluded.s63",
        unit.name,
        level,
        unit.slot,
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

/// Removes the blocks of hours before that of a moment; the counts of days stay.
pub(crate) async fn forget(store: &Backend, before: Timestamp) -> StoreResult<u64> {
    let mut removed = 0;
    loop {
        let mut tx = store.begin_usage().await?;
        let done = query!(
            "DELETE FROM usage_blocks
             WHERE (realm, unit, level, organization, client, access_key, audience, result, reason, block) IN
                 (SELECT realm, unit, level, organization, client, access_key, audience, result, reason, block
                  FROM usage_blocks WHERE unit = 'hour' AND block < $1 LIMIT $2)",
            HOURS.place(before).0,
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
