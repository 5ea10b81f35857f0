//! Answers about usage: from the blocks, and from what was counted and is not in them yet, at one moment.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::query;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{Id, RealmId};
use symbolon_core::store::{Page, PageRequest, StoreError, StoreResult};
use symbolon_core::usage::{
    Busiest, GroupBy, Step, UsageFilter, UsageGroup, UsageOf, UsageQuery, UsageResult, UsageResults,
    UsageSeries,
};

use crate::backend::{Backend, Tx};
use crate::support::{can_be_stored, failed};
use crate::usage_blocks::{CLIENT, DAYS, HOURS, ORGANIZATION, REALM, SLOTS, Unit};

/// Blocks that a page of clients is made of, where each has one series.
const BLOCKS_A_PAGE: i64 = 1_000;
/// Greater than every character of an id, and smaller than every one.
const GREATEST: &str = "\u{7f}";
const SMALLEST: &str = "\u{1}";

/// An organization and a client of it.
type Pair = (String, String);

/// What a question reads.
struct Wanted<'a> {
    realm: &'a str,
    level: i64,
    /// Both ends, inclusive.
    low: Pair,
    high: Pair,
    access_key: Option<&'a str>,
    audience: Option<&'a str>,
    result: Option<&'a str>,
    refused: bool,
    /// The begin inclusive, the end exclusive.
    time: (Timestamp, Timestamp),
    group_by: GroupBy,
}

impl<'a> Wanted<'a> {
    fn of(realm: &'a RealmId, filter: &'a UsageFilter, step: Step, group_by: GroupBy) -> Self {
        let of = &filter.of;
        let level = match (of.client(), of.organization()) {
            (Some(_), _) => CLIENT,
            _ if group_by.client => CLIENT,
            (None, Some(_)) => ORGANIZATION,
            _ if group_by.organization => ORGANIZATION,
            (None, None) => REALM,
        };
        let pair = |organization: &str, client: &str| (organization.to_owned(), client.to_owned());
        let (low, high) = match of {
            UsageOf::Realm => (pair("", ""), pair(GREATEST, GREATEST)),
            UsageOf::Organization(id) => (pair(id.as_str(), ""), pair(id.as_str(), GREATEST)),
            UsageOf::Client(organization, client) | UsageOf::AccessKey(organization, client, _) => {
                let one = pair(organization.as_str(), client.as_str());
                (one.clone(), one)
            }
        };
        let (result, refused) = match &filter.results {
            UsageResults::All => (None, false),
            UsageResults::Refused => (None, true),
            UsageResults::Only(result) => (Some(result.name()), false),
        };
        Self {
            realm: realm.as_str(),
            level,
            low,
            high,
            access_key: of.access_key().map(Id::as_str),
            audience: filter.audience.as_deref(),
            result,
            refused,
            time: filter.span(step),
            group_by,
        }
    }

    /// Block and slot of the first and the last moment.
    fn places(&self, unit: Unit) -> ((i64, i64), (i64, i64)) {
        let last = Timestamp::from_millis(self.time.1.millis().saturating_sub(1));
        (unit.place(self.time.0), unit.place(last))
    }

    /// Whether the filters can be looked for at all.
    fn can_be_stored(&self) -> bool {
        [self.audience, self.result].into_iter().flatten().all(can_be_stored)
    }

    /// Goes on after a cursor, wherever that says: never before the begin of what may be seen.
    fn after(&mut self, cursor: &str) {
        let cursor = cursor.split('\0').next().unwrap_or_default();
        let (organization, client) = cursor.split_once(' ').unwrap_or((cursor, ""));
        let low = if self.level == CLIENT {
            (organization.to_owned(), format!("{client}{SMALLEST}"))
        } else {
            (format!("{organization}{SMALLEST}"), String::new())
        };
        if low > self.low {
            self.low = low;
        }
    }
}

/// The counts that a question asks for, by groups in the order of their names.
pub(crate) async fn list(
    store: &Backend,
    realm: &RealmId,
    question: &UsageQuery,
    page: &PageRequest,
) -> StoreResult<Page<UsageSeries>> {
    question.check().map_err(|_| StoreError::Refused("the time of a question about usage makes no sense"))?;
    let group_by = question.group_by.whole();
    let mut wanted = Wanted::of(realm, &question.filter, question.step, group_by);
    if !wanted.can_be_stored() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let unit = if question.step == Step::Hour { HOURS } else { DAYS };
    let mut tx = store.begin_reading_usage().await?;
    let mut next = None;
    if group_by.organization && question.filter.of.client().is_none() {
        if let Some(cursor) = &page.after {
            wanted.after(cursor);
        }
        let ((first, _), (last, _)) = wanted.places(unit);
        let most = (BLOCKS_A_PAGE / last.saturating_sub(first).saturating_add(1).max(1)).max(1);
        let most = most.min(i64::from(page.limit.clamp(1, 1000)));
        if let Some(end) = end_of_page(&mut tx, &wanted, most).await? {
            next = Some(format!("{} {}", end.0, end.1));
            wanted.high = if wanted.level == CLIENT { end } else { (end.0, GREATEST.to_owned()) };
        }
    }
    let mut found = Found { total: question.step == Step::Total, ..Found::default() };
    read_blocks(&mut tx, &wanted, unit, &mut found).await?;
    read_open(&mut tx, &wanted, unit, &mut found).await?;
    tx.commit().await.map_err(failed)?;
    Ok(Page { items: found.into_series(), next })
}

/// The last pair of a page of so many, if there are more.
async fn end_of_page(tx: &mut Tx, wanted: &Wanted<'_>, most: i64) -> StoreResult<Option<Pair>> {
    let in_blocks = query!(
        r#"SELECT DISTINCT organization AS "organization!: String", client AS "client!: String" FROM usage_blocks
           WHERE realm = $1 AND unit = 'day' AND level = $2
               AND (organization, client) >= ($3, $4) AND (organization, client) <= ($5, $6)
           ORDER BY 1, 2 LIMIT $7"#,
        wanted.realm,
        wanted.level,
        wanted.low.0,
        wanted.low.1,
        wanted.high.0,
        wanted.high.1,
        most + 1,
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    let in_open = query!(
        r#"SELECT DISTINCT organization AS "organization!: String",
               CASE WHEN CAST($2 AS BIGINT) = 2 THEN client ELSE '' END AS "client!: String"
           FROM usage_open
           WHERE realm = $1 AND (organization, client) >= ($3, $4) AND (organization, client) <= ($5, $6)
           ORDER BY 1, 2 LIMIT $7"#,
        wanted.realm,
        wanted.level,
        wanted.low.0,
        wanted.low.1,
        wanted.high.0,
        wanted.high.1,
        most + 1,
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    let pairs = in_blocks.into_iter().map(|row| (row.organization, row.client));
    let pairs: BTreeSet<Pair> =
        pairs.chain(in_open.into_iter().map(|row| (row.organization, row.client))).collect();
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(if pairs.len() > most { pairs.into_iter().nth(most - 1) } else { None })
}

async fn read_blocks(tx: &mut Tx, wanted: &Wanted<'_>, unit: Unit, found: &mut Found) -> StoreResult<()> {
    let ((first, from), (last, to)) = wanted.places(unit);
    // Adding nothing to a block keeps SQLite from an index that finds everybody's blocks of the time.
    let rows = query!(
        r#"SELECT organization, client, access_key, audience, result, reason, block,
               s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18,
               s19, s20, s21, s22, s23, s24, s25, s26, s27, s28, s29, s30, s31, s32, s33, s34, s35, s36, s37,
               s38, s39, s40, s41, s42, s43, s44, s45, s46, s47, s48, s49, s50, s51, s52, s53, s54, s55, s56,
               s57, s58, s59, s60, s61, s62, s63
           FROM usage_blocks
           WHERE realm = $1 AND unit = $2 AND level = $3
               AND (organization, client) >= ($4, $5) AND (organization, client) <= ($6, $7)
               AND block + 0 >= $8 AND block + 0 <= $9
               AND (CAST($10 AS TEXT) IS NULL OR access_key = $10) AND (CAST($11 AS TEXT) IS NULL OR audience = $11)
               AND (CAST($12 AS TEXT) IS NULL OR result = $12) AND (result <> 'issued' OR NOT CAST($13 AS BOOLEAN))"#,
        wanted.realm,
        unit.name,
        wanted.level,
        wanted.low.0,
        wanted.low.1,
        wanted.high.0,
        wanted.high.1,
        first,
        last,
        wanted.access_key,
        wanted.audience,
        wanted.result,
        wanted.refused,
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    for row in rows {
        let names = [row.organization, row.client, row.access_key, row.audience, row.result, row.reason];
        let sums = [
            row.s00, row.s01, row.s02, row.s03, row.s04, row.s05, row.s06, row.s07, row.s08, row.s09,
            row.s10, row.s11, row.s12, row.s13, row.s14, row.s15, row.s16, row.s17, row.s18, row.s19,
            row.s20, row.s21, row.s22, row.s23, row.s24, row.s25, row.s26, row.s27, row.s28, row.s29,
            row.s30, row.s31, row.s32, row.s33, row.s34, row.s35, row.s36, row.s37, row.s38, row.s39,
            row.s40, row.s41, row.s42, row.s43, row.s44, row.s45, row.s46, row.s47, row.s48, row.s49,
            row.s50, row.s51, row.s52, row.s53, row.s54, row.s55, row.s56, row.s57, row.s58, row.s59,
            row.s60, row.s61, row.s62, row.s63,
        ];
        let series = found.series(wanted.group_by, names);
        if found.total {
            // Two looks into the row are its share.
            let sum_to = |slot: i64| usize::try_from(slot).ok().and_then(|slot| sums.get(slot)).copied();
            let before = if row.block == first { sum_to(from - 1) } else { None };
            let to = if row.block == last { sum_to(to) } else { sum_to(SLOTS - 1) };
            let begin = wanted.time.0.millis();
            found.add(series, wanted, begin, to.unwrap_or(0) - before.unwrap_or(0));
            continue;
        }
        let (mut before, begin) = (0, row.block.saturating_mul(SLOTS));
        for (slot, sum) in (begin..).zip(sums) {
            found.add(series, wanted, slot.saturating_mul(unit.slot), sum - before);
            before = sum;
        }
    }
    Ok(())
}

async fn read_open(tx: &mut Tx, wanted: &Wanted<'_>, unit: Unit, found: &mut Found) -> StoreResult<()> {
    let rows = query!(
        r#"SELECT CASE WHEN CAST($6 AS BOOLEAN) THEN organization ELSE '' END AS "organization!: String",
               CASE WHEN CAST($7 AS BOOLEAN) THEN client ELSE '' END AS "client!: String",
               CASE WHEN CAST($8 AS BOOLEAN) THEN access_key ELSE '' END AS "access_key!: String",
               CASE WHEN CAST($9 AS BOOLEAN) THEN audience ELSE '' END AS "audience!: String",
               CASE WHEN CAST($10 AS BOOLEAN) THEN result ELSE '' END AS "result!: String",
               CASE WHEN CAST($17 AS BOOLEAN) THEN reason ELSE '' END AS "reason!: String",
               hour AS "hour!: i64", CAST(SUM(tokens) AS BIGINT) AS "tokens!: i64"
           FROM usage_open
           WHERE realm = $1 AND (organization, client) >= ($2, $3) AND (organization, client) <= ($4, $5)
               AND hour >= $11 AND hour < $12
               AND (CAST($13 AS TEXT) IS NULL OR access_key = $13) AND (CAST($14 AS TEXT) IS NULL OR audience = $14)
               AND (CAST($15 AS TEXT) IS NULL OR result = $15) AND (result <> 'issued' OR NOT CAST($16 AS BOOLEAN))
           GROUP BY 1, 2, 3, 4, 5, 6, 7"#,
        wanted.realm,
        wanted.low.0,
        wanted.low.1,
        wanted.high.0,
        wanted.high.1,
        wanted.group_by.organization,
        wanted.group_by.client,
        wanted.group_by.access_key,
        wanted.group_by.audience,
        wanted.group_by.result,
        wanted.time.0.millis(),
        wanted.time.1.millis(),
        wanted.access_key,
        wanted.audience,
        wanted.result,
        wanted.refused,
        wanted.group_by.reason,
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    for row in rows {
        let names = [row.organization, row.client, row.access_key, row.audience, row.result, row.reason];
        let series = found.series(wanted.group_by, names);
        found.add(series, wanted, row.hour.div_euclid(unit.slot) * unit.slot, row.tokens);
    }
    Ok(())
}

/// What was found, by organization, client, access key, audience, result and reason, each empty where it is not told
/// apart.
#[derive(Default)]
struct Found {
    total: bool,
    places: BTreeMap<[String; 6], usize>,
    counts: Vec<BTreeMap<i64, i64>>,
}

impl Found {
    fn series(&mut self, group_by: GroupBy, names: [String; 6]) -> usize {
        let told_apart = [
            group_by.organization,
            group_by.client,
            group_by.access_key,
            group_by.audience,
            group_by.result,
            group_by.reason,
        ];
        let mut names = names;
        for (name, _) in names.iter_mut().zip(told_apart).filter(|(_, told_apart)| !told_apart) {
            name.clear();
        }
        *self.places.entry(names).or_insert_with(|| {
            self.counts.push(BTreeMap::new());
            self.counts.len() - 1
        })
    }

    fn add(&mut self, series: usize, wanted: &Wanted<'_>, at: i64, count: i64) {
        let (from, to) = (wanted.time.0.millis(), wanted.time.1.millis());
        if count == 0 || at < from || at >= to {
            return;
        }
        let at = if self.total { from } else { at };
        if let Some(counts) = self.counts.get_mut(series) {
            *counts.entry(at).or_insert(0) += count;
        }
    }

    fn into_series(self) -> Vec<UsageSeries> {
        let Self { places, mut counts, .. } = self;
        let mut all = Vec::new();
        for (names, place) in places {
            let Some(counts) = counts.get_mut(place).map(std::mem::take) else { continue };
            if !counts.is_empty() {
                let counts =
                    counts.into_iter().map(|(at, count)| (Timestamp::from_millis(at), count)).collect();
                all.push(UsageSeries { group: group(names), counts });
            }
        }
        all
    }
}

fn group([organization, client, access_key, audience, result, reason]: [String; 6]) -> UsageGroup {
    let text = |text: String| if text.is_empty() { None } else { Some(text) };
    UsageGroup {
        organization: Id::new(&organization).ok(),
        client: Id::new(&client).ok(),
        access_key: Id::new(&access_key).ok(),
        audience: text(audience),
        result: text(result).as_deref().map(UsageResult::from_name),
        reason: text(reason),
    }
}

/// The organizations or clients with the most, those with more first.
pub(crate) async fn busiest(
    store: &Backend,
    realm: &RealmId,
    filter: &UsageFilter,
    who: Busiest,
    limit: u32,
) -> StoreResult<Vec<(UsageGroup, i64)>> {
    filter
        .check(Step::Total)
        .map_err(|_| StoreError::Refused("the time of a question about usage makes no sense"))?;
    let group_by = GroupBy { organization: true, client: who == Busiest::Clients, ..GroupBy::default() };
    let mut wanted = Wanted::of(realm, filter, Step::Total, group_by);
    if !wanted.can_be_stored() {
        return Ok(Vec::new());
    }
    // What names nobody who is known comes before every id.
    if wanted.low.0.is_empty() {
        SMALLEST.clone_into(&mut wanted.low.0);
    }
    let (from, to) = wanted.time;
    let ((first, from_slot), (last, last_slot)) = wanted.places(DAYS);
    let rows = query!(
        r#"SELECT organization AS "organization!: String", client AS "client!: String",
               CAST(SUM(tokens) AS BIGINT) AS "tokens!: i64"
           FROM
               (SELECT organization, client, SUM(
                    CASE WHEN block = $8 THEN CASE CAST($10 AS BIGINT)
                        WHEN 0 THEN s00 WHEN 1 THEN s01 WHEN 2 THEN s02 WHEN 3 THEN s03 WHEN 4 THEN s04
                        WHEN 5 THEN s05 WHEN 6 THEN s06 WHEN 7 THEN s07 WHEN 8 THEN s08 WHEN 9 THEN s09
                        WHEN 10 THEN s10 WHEN 11 THEN s11 WHEN 12 THEN s12 WHEN 13 THEN s13 WHEN 14 THEN s14
                        WHEN 15 THEN s15 WHEN 16 THEN s16 WHEN 17 THEN s17 WHEN 18 THEN s18 WHEN 19 THEN s19
                        WHEN 20 THEN s20 WHEN 21 THEN s21 WHEN 22 THEN s22 WHEN 23 THEN s23 WHEN 24 THEN s24
                        WHEN 25 THEN s25 WHEN 26 THEN s26 WHEN 27 THEN s27 WHEN 28 THEN s28 WHEN 29 THEN s29
                        WHEN 30 THEN s30 WHEN 31 THEN s31 WHEN 32 THEN s32 WHEN 33 THEN s33 WHEN 34 THEN s34
                        WHEN 35 THEN s35 WHEN 36 THEN s36 WHEN 37 THEN s37 WHEN 38 THEN s38 WHEN 39 THEN s39
                        WHEN 40 THEN s40 WHEN 41 THEN s41 WHEN 42 THEN s42 WHEN 43 THEN s43 WHEN 44 THEN s44
                        WHEN 45 THEN s45 WHEN 46 THEN s46 WHEN 47 THEN s47 WHEN 48 THEN s48 WHEN 49 THEN s49
                        WHEN 50 THEN s50 WHEN 51 THEN s51 WHEN 52 THEN s52 WHEN 53 THEN s53 WHEN 54 THEN s54
                        WHEN 55 THEN s55 WHEN 56 THEN s56 WHEN 57 THEN s57 WHEN 58 THEN s58 WHEN 59 THEN s59
                        WHEN 60 THEN s60 WHEN 61 THEN s61 WHEN 62 THEN s62 WHEN 63 THEN s63
                        ELSE s63 END ELSE s63 END
                    - CASE WHEN block = $7 THEN CASE CAST($9 AS BIGINT)
                        WHEN 0 THEN s00 WHEN 1 THEN s01 WHEN 2 THEN s02 WHEN 3 THEN s03 WHEN 4 THEN s04
                        WHEN 5 THEN s05 WHEN 6 THEN s06 WHEN 7 THEN s07 WHEN 8 THEN s08 WHEN 9 THEN s09
                        WHEN 10 THEN s10 WHEN 11 THEN s11 WHEN 12 THEN s12 WHEN 13 THEN s13 WHEN 14 THEN s14
                        WHEN 15 THEN s15 WHEN 16 THEN s16 WHEN 17 THEN s17 WHEN 18 THEN s18 WHEN 19 THEN s19
                        WHEN 20 THEN s20 WHEN 21 THEN s21 WHEN 22 THEN s22 WHEN 23 THEN s23 WHEN 24 THEN s24
                        WHEN 25 THEN s25 WHEN 26 THEN s26 WHEN 27 THEN s27 WHEN 28 THEN s28 WHEN 29 THEN s29
                        WHEN 30 THEN s30 WHEN 31 THEN s31 WHEN 32 THEN s32 WHEN 33 THEN s33 WHEN 34 THEN s34
                        WHEN 35 THEN s35 WHEN 36 THEN s36 WHEN 37 THEN s37 WHEN 38 THEN s38 WHEN 39 THEN s39
                        WHEN 40 THEN s40 WHEN 41 THEN s41 WHEN 42 THEN s42 WHEN 43 THEN s43 WHEN 44 THEN s44
                        WHEN 45 THEN s45 WHEN 46 THEN s46 WHEN 47 THEN s47 WHEN 48 THEN s48 WHEN 49 THEN s49
                        WHEN 50 THEN s50 WHEN 51 THEN s51 WHEN 52 THEN s52 WHEN 53 THEN s53 WHEN 54 THEN s54
                        WHEN 55 THEN s55 WHEN 56 THEN s56 WHEN 57 THEN s57 WHEN 58 THEN s58 WHEN 59 THEN s59
                        WHEN 60 THEN s60 WHEN 61 THEN s61 WHEN 62 THEN s62 WHEN 63 THEN s63
                        ELSE 0 END ELSE 0 END) AS tokens
                FROM usage_blocks
                WHERE realm = $1 AND unit = 'day' AND level = $2
                    AND (organization, client) >= ($3, $4) AND (organization, client) <= ($5, $6)
                    AND block + 0 >= $7 AND block + 0 <= $8 AND (CAST($13 AS TEXT) IS NULL OR access_key = $13)
                    AND (CAST($14 AS TEXT) IS NULL OR audience = $14) AND (CAST($15 AS TEXT) IS NULL OR result = $15)
                    AND (result <> 'issued' OR NOT CAST($16 AS BOOLEAN))
                GROUP BY organization, client
                UNION ALL
                SELECT organization, CASE WHEN CAST($2 AS BIGINT) = 2 THEN client ELSE '' END, SUM(tokens)
                FROM usage_open
                WHERE realm = $1 AND (organization, client) >= ($3, $4) AND (organization, client) <= ($5, $6)
                    AND hour >= $11 AND hour < $12 AND (CAST($13 AS TEXT) IS NULL OR access_key = $13)
                    AND (CAST($14 AS TEXT) IS NULL OR audience = $14) AND (CAST($15 AS TEXT) IS NULL OR result = $15)
                    AND (result <> 'issued' OR NOT CAST($16 AS BOOLEAN))
                GROUP BY organization, client) AS parts
           GROUP BY organization, client HAVING SUM(tokens) > 0
           ORDER BY SUM(tokens) DESC, organization, client LIMIT $17"#,
        wanted.realm,
        wanted.level,
        wanted.low.0,
        wanted.low.1,
        wanted.high.0,
        wanted.high.1,
        first,
        last,
        from_slot - 1,
        last_slot,
        from.millis(),
        to.millis(),
        wanted.access_key,
        wanted.audience,
        wanted.result,
        wanted.refused,
        i64::from(limit.clamp(1, 1000)),
    )
    .fetch_all(store.usage_reader())
    .await
    .map_err(failed)?;
    let busy = rows.into_iter().map(|row| {
        let nothing = String::new;
        let names = [row.organization, row.client, nothing(), nothing(), nothing(), nothing()];
        (group(names), row.tokens)
    });
    Ok(busy.collect())
}
