//! Lists of tokens and refusals by time, read from where they were written: nothing is kept twice for them. A page
//! reads a bounded number of batches or rows, and the next one goes on from there.

use symbolon_core::clock::Timestamp;
use symbolon_core::realm::RealmId;
use symbolon_core::record::{RecordedGrant, RefusalRecord, TokenRecord};
use symbolon_core::store::{Page, StoreError, StoreResult};
use symbolon_core::trail::{Order, Period, RefusalFilter, TokenFilter, TrailRequest};

use crate::backend::Backend;
use crate::batch::Batch;
use crate::journal::NARROW;
use crate::support::{can_be_stored, decode, failed};

/// Batches whose places are read at once; the batches themselves are read one at a time.
const PLACES_AT_ONCE: usize = 64;
/// Batches, and tokens in them, that are looked at for one page.
const MOST_BATCHES: usize = 256;
const MOST_TOKENS: usize = 16_384;
/// Refusals that are read at once, and looked at for one page.
const REFUSALS_AT_ONCE: usize = 500;
const MOST_REFUSALS: usize = 5_000;

/// How many items a page may hold.
pub(crate) fn length(page: &TrailRequest) -> usize {
    usize::try_from(page.limit.clamp(1, 1000)).unwrap_or(1)
}

fn no_cursor() -> StoreError {
    StoreError::Cursor
}

/// The moments and numbers between which rows are still to be read; those at the bounds are not.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: (i64, i64),
    pub(crate) high: (i64, i64),
}

impl Bounds {
    /// What a page still has before it.
    pub(crate) fn of(period: &Period, page: &TrailRequest) -> StoreResult<Self> {
        let mut bounds = Self {
            low: (period.from.map_or(i64::MIN, Timestamp::millis), i64::MIN),
            high: period.to.map_or((i64::MAX, i64::MAX), |to| (to.millis(), i64::MIN)),
        };
        if let Some(cursor) = &page.after {
            let place = cursor
                .split_once('.')
                .and_then(|(at, number)| Some((at.parse().ok()?, number.parse().ok()?)));
            bounds.pass(place.ok_or_else(no_cursor)?, page.order);
        }
        Ok(bounds)
    }

    /// Notes that a row was read.
    pub(crate) fn pass(&mut self, place: (i64, i64), order: Order) {
        match order {
            Order::OldestFirst => self.low = self.low.max(place),
            Order::NewestFirst => self.high = self.high.min(place),
        }
    }

    /// Where to continue.
    pub(crate) fn cursor(&self, order: Order) -> String {
        let (at, number) = match order {
            Order::OldestFirst => self.low,
            Order::NewestFirst => self.high,
        };
        format!("{at}.{number}")
    }
}

/// A page of refusals.
pub(crate) async fn refusals(
    store: &Backend,
    realm: &RealmId,
    filter: &RefusalFilter,
    page: &TrailRequest,
) -> StoreResult<Page<RefusalRecord>> {
    let limit = length(page);
    let mut bounds = Bounds::of(&filter.period, page)?;
    let (mut items, mut looked) = (Vec::new(), 0);
    loop {
        let rows = read_refusals(store, bounds, page.order).await?;
        let is_last = rows.len() < REFUSALS_AT_ONCE;
        for (place, document) in rows {
            let record: RefusalRecord = decode("refusal's record", &document)?;
            if record.realm == *realm && filter.admits(&record) {
                if items.len() == limit {
                    return Ok(Page { items, next: Some(bounds.cursor(page.order)) });
                }
                items.push(record);
            }
            bounds.pass(place, page.order);
            looked += 1;
        }
        if is_last {
            return Ok(Page { items, next: None });
        }
        if looked >= MOST_REFUSALS {
            return Ok(Page { items, next: Some(bounds.cursor(page.order)) });
        }
    }
}

async fn read_refusals(
    store: &Backend,
    bounds: Bounds,
    order: Order,
) -> StoreResult<Vec<((i64, i64), String)>> {
    struct Row {
        id: i64,
        at: i64,
        document: String,
    }
    let ((from, behind), (to, below)) = (bounds.low, bounds.high);
    let (reader, most) = (store.journal_reader(), i64::try_from(REFUSALS_AT_ONCE).unwrap_or(i64::MAX));
    let rows = match order {
        Order::NewestFirst => {
            sqlx::query_as!(
                Row,
                "SELECT id, at, document FROM refusals WHERE (at, id) > ($1, $2) AND (at, id) < ($3, $4)
                 ORDER BY at DESC, id DESC LIMIT $5",
                from,
                behind,
                to,
                below,
                most,
            )
            .fetch_all(reader)
            .await
        }
        Order::OldestFirst => {
            sqlx::query_as!(
                Row,
                "SELECT id, at, document FROM refusals WHERE (at, id) > ($1, $2) AND (at, id) < ($3, $4)
                 ORDER BY at, id LIMIT $5",
                from,
                behind,
                to,
                below,
                most,
            )
            .fetch_all(reader)
            .await
        }
    };
    Ok(rows.map_err(failed)?.into_iter().map(|row| ((row.at, row.id), row.document)).collect())
}

/// Where a batch stands in the order of its latest moment. No two stand in the same place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BatchSpot {
    last_at: i64,
    writer: String,
    sequence: i64,
}

/// How far a list of tokens has come: the batch that was passed, or so many tokens of it.
struct Progress {
    spot: Option<BatchSpot>,
    tokens: usize,
}

impl Progress {
    fn of(page: &TrailRequest) -> StoreResult<Self> {
        let Some(cursor) = &page.after else { return Ok(Self { spot: None, tokens: 0 }) };
        let mut parts = cursor.splitn(4, '.');
        let mut part = || parts.next().ok_or_else(no_cursor);
        let (tokens, last_at, sequence, writer) = (part()?, part()?, part()?, part()?);
        if !can_be_stored(writer) {
            return Err(no_cursor());
        }
        let spot = BatchSpot {
            last_at: last_at.parse().map_err(|_| no_cursor())?,
            writer: writer.to_owned(),
            sequence: sequence.parse().map_err(|_| no_cursor())?,
        };
        Ok(Self { spot: Some(spot), tokens: tokens.parse().map_err(|_| no_cursor())? })
    }

    fn cursor(&self) -> Option<String> {
        let BatchSpot { last_at, writer, sequence } = self.spot.as_ref()?;
        Some(format!("{}.{last_at}.{sequence}.{writer}", self.tokens))
    }

    /// The places between which batches are still to be read, without those at the bounds: from a moment on, up to
    /// another, and behind what was passed. A batch that was passed in part is read again.
    fn bounds(&self, order: Order, from: i64, to: i64) -> (BatchSpot, BatchSpot) {
        let end = |last_at| BatchSpot { last_at, writer: String::new(), sequence: i64::MIN };
        let (low, high) = (end(from), end(to));
        let again = i64::from(self.tokens > 0);
        match (order, self.spot.clone()) {
            (_, None) => (low, high),
            (Order::OldestFirst, Some(spot)) => {
                (low.max(BatchSpot { sequence: spot.sequence.saturating_sub(again), ..spot }), high)
            }
            (Order::NewestFirst, Some(spot)) => {
                (low, high.min(BatchSpot { sequence: spot.sequence.saturating_add(again), ..spot }))
            }
        }
    }
}

/// A page of tokens.
pub(crate) async fn tokens(
    store: &Backend,
    realm: &RealmId,
    filter: &TokenFilter,
    page: &TrailRequest,
) -> StoreResult<Page<TokenRecord>> {
    let limit = length(page);
    let wanted = |grant: &RecordedGrant| {
        grant.right.realm == *realm
            && filter.client.as_ref().is_none_or(|client| grant.client.as_ref() == Some(client))
            && filter.organization.as_ref().is_none_or(|of| grant.organization.as_ref() == Some(of))
    };
    let mut progress = Progress::of(page)?;
    let (mut items, mut batches, mut looked) = (Vec::new(), 0, 0);
    loop {
        let spots = find_batches(store, &filter.period, &progress, page.order).await?;
        let is_last = spots.len() < PLACES_AT_ONCE;
        for spot in spots {
            let passed = if progress.spot.as_ref() == Some(&spot) { progress.tokens } else { 0 };
            let (count, tokens) = read_batch(store, &spot, page.order, wanted).await?;
            for (place, token) in tokens {
                if place < passed || !filter.period.contains(token.at) {
                    continue;
                }
                if items.len() == limit {
                    if place > 0 {
                        progress = Progress { spot: Some(spot), tokens: place };
                    }
                    return Ok(Page { items, next: progress.cursor() });
                }
                items.push(token);
            }
            progress = Progress { spot: Some(spot), tokens: 0 };
            batches += 1;
            looked += count;
            if batches >= MOST_BATCHES || looked >= MOST_TOKENS {
                return Ok(Page { items, next: progress.cursor() });
            }
        }
        if is_last {
            return Ok(Page { items, next: None });
        }
    }
}

/// The tokens of wanted grants in a batch, in the order of a list, each with its place among all; and how many those
/// are. Of a batch that was forgotten meanwhile there are none.
async fn read_batch(
    store: &Backend,
    spot: &BatchSpot,
    order: Order,
    wanted: impl Fn(&RecordedGrant) -> bool,
) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
    let Some(document) = store.read_batch(&spot.writer, spot.sequence).await? else {
        return Ok((0, Vec::new()));
    };
    let batch: Batch<'_> = decode("batch of the journal", &document)?;
    let (count, mut tokens) = batch.into_wanted(wanted)?;
    if order == Order::NewestFirst {
        tokens.reverse();
        for (place, _) in &mut tokens {
            *place = count - 1 - *place;
        }
    }
    Ok((count, tokens))
}

/// The next batches that may hold tokens of a period.
async fn find_batches(
    store: &Backend,
    period: &Period,
    progress: &Progress,
    order: Order,
) -> StoreResult<Vec<BatchSpot>> {
    let from = period.from.map_or(i64::MIN, Timestamp::millis);
    let to = period.to.map_or(i64::MAX, Timestamp::millis);
    let mut spots =
        find_narrow(store, to, &progress.bounds(order, from, to.saturating_add(NARROW)), order).await?;
    spots.append(&mut find_wide(store, to, &progress.bounds(order, from, i64::MAX)).await?);
    spots.sort();
    if order == Order::NewestFirst {
        spots.reverse();
    }
    spots.truncate(PLACES_AT_ONCE);
    Ok(spots)
}

/// Those that span but a moment: they lie where the period does.
async fn find_narrow(
    store: &Backend,
    to: i64,
    (low, high): &(BatchSpot, BatchSpot),
    order: Order,
) -> StoreResult<Vec<BatchSpot>> {
    let (reader, most) = (store.journal_reader(), i64::try_from(PLACES_AT_ONCE).unwrap_or(i64::MAX));
    let found = match order {
        Order::NewestFirst => {
            sqlx::query_as!(
                BatchSpot,
                "SELECT last_at, writer, sequence FROM journal_batches
                 WHERE last_at - first_at <= 600000 AND first_at < $1
                     AND (last_at, writer, sequence) > ($2, $3, $4)
                     AND (last_at, writer, sequence) < ($5, $6, $7)
                 ORDER BY last_at DESC, writer DESC, sequence DESC LIMIT $8",
                to,
                low.last_at,
                low.writer,
                low.sequence,
                high.last_at,
                high.writer,
                high.sequence,
                most,
            )
            .fetch_all(reader)
            .await
        }
        Order::OldestFirst => {
            sqlx::query_as!(
                BatchSpot,
                "SELECT last_at, writer, sequence FROM journal_batches
                 WHERE last_at - first_at <= 600000 AND first_at < $1
                     AND (last_at, writer, sequence) > ($2, $3, $4)
                     AND (last_at, writer, sequence) < ($5, $6, $7)
                 ORDER BY last_at, writer, sequence LIMIT $8",
                to,
                low.last_at,
                low.writer,
                low.sequence,
                high.last_at,
                high.writer,
                high.sequence,
                most,
            )
            .fetch_all(reader)
            .await
        }
    };
    found.map_err(failed)
}

/// The few others, during which the clock was set: they are found on their own, all of them.
async fn find_wide(
    store: &Backend,
    to: i64,
    (low, high): &(BatchSpot, BatchSpot),
) -> StoreResult<Vec<BatchSpot>> {
    let mut found = sqlx::query_as!(
        BatchSpot,
        "SELECT last_at, writer, sequence FROM journal_batches
         WHERE last_at - first_at > 600000 AND first_at < $1 ORDER BY first_at",
        to,
    )
    .fetch_all(store.journal_reader())
    .await
    .map_err(failed)?;
    found.retain(|spot| low < spot && spot < high);
    Ok(found)
}
