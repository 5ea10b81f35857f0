//! Lists with filters: what begins with what, by status, in pages of flat cost.
//!
//! Every filter is the begin of a key of `listed`, and a page is one look into an index for each combination of status
//! and row, wherever it lies. A list in another order is read from `sorted`. With a filter, what begins so is looked up
//! first, and put in order here where it is little; only where it is much is the order gone through until a page is
//! full.

use std::collections::HashMap;

use symbolon_core::id::RealmId;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, Page, PageRequest, SortKey, StoreError, StoreResult};

use crate::backend::Backend;
use crate::listed::{CLIENT, Thing, USER, folded};
use crate::sorted::{self, Order};
use crate::support::{decode, failed, rows, word};

/// After every text that begins in some way.
const LAST: char = char::MAX;
/// So many things that begin in some way are little.
const LITTLE: u32 = 250;

/// After every text that begins so.
fn end_of(prefix: &str) -> String {
    format!("{prefix}{LAST}")
}

/// A row of a list.
struct Row {
    term: String,
    id: String,
}

/// What a page is looked for in.
struct Search {
    prefix: String,
    /// Rows that come after this term and id, and before that term.
    after: (String, String),
    end: String,
    most: usize,
    /// Which rows: of what status, and under the id or the name.
    kinds: Vec<(String, bool)>,
}

impl Search {
    fn of(filter: &ListFilter, page: &PageRequest) -> StoreResult<Self> {
        let prefix = folded(filter.prefix.as_deref().unwrap_or_default());
        let cursor = page.after.as_deref().unwrap_or_default().split('\0').next().unwrap_or_default();
        if sorted::is_of_an_order(cursor) {
            return Err(StoreError::Cursor);
        }
        let (term, id) = cursor.rsplit_once(' ').unwrap_or((cursor, ""));
        let after = (term.to_owned(), id.to_owned()).max((prefix.clone(), String::new()));
        let statuses = match filter.status {
            Some(status) => vec![status],
            None => vec![Status::Active, Status::Disabled],
        };
        let mut kinds = Vec::new();
        for status in statuses {
            kinds.push((word(&status)?, true));
            if !prefix.is_empty() {
                kinds.push((word(&status)?, false));
            }
        }
        let end = end_of(&prefix);
        Ok(Self { prefix, after, end, most: usize::try_from(page.limit.clamp(1, 1000)).unwrap_or(1), kinds })
    }

    /// One more than the page has items, to know whether there is more.
    fn rows(&self) -> i64 {
        i64::try_from(self.most).unwrap_or(1000) + 1
    }

    /// The rows of the page of those that were found, of each kind the first ones; and what to continue after.
    fn cut(&self, mut rows: Vec<Row>) -> (Vec<Row>, Option<String>) {
        rows.sort_by(|one, other| (&one.term, &one.id).cmp(&(&other.term, &other.id)));
        let more = rows.len() > self.most;
        rows.truncate(self.most);
        let next = rows.last().filter(|_| more).map(|last| format!("{} {}", last.term, last.id));
        (rows, next)
    }
}

/// A page of the things of a realm, or of one of its organizations (empty: of none), that pass a filter.
pub(crate) async fn page<T: Thing>(
    store: &Backend,
    realm: &RealmId,
    organization: Option<&str>,
    filter: &ListFilter,
    page: &PageRequest,
) -> StoreResult<Page<T>> {
    let Some(sort) = filter.sort else {
        let search = Search::of(filter, page)?;
        let (rows, next) = search.cut(found(store, T::KIND, (realm, organization), &search).await?);
        return Ok(Page { items: things(store, realm, rows.iter().map(|row| row.id.as_str())).await?, next });
    };
    if sort.by == SortKey::Role && T::KIND != USER {
        return Err(StoreError::Refused("only people have roles to be sorted by"));
    }
    let order = Order::of(T::KIND, sort, filter.status, page)?;
    if let Some(rows) = little(store, T::KIND, (realm, organization), filter).await? {
        return Ok(order.page_of_all(things(store, realm, rows.iter().map(|row| row.id.as_str())).await?));
    }
    let prefix = folded(filter.prefix.as_deref().unwrap_or_default());
    let keys = order.keys(store, (realm, organization), (&prefix, &end_of(&prefix))).await?;
    let (keys, next) = order.cut(keys);
    Ok(Page { items: things(store, realm, keys.iter().map(|key| key.id.as_str())).await?, next })
}

/// Everything that begins as a filter says, where that is little.
async fn little(
    store: &Backend,
    kind: &'static str,
    place: (&RealmId, Option<&str>),
    filter: &ListFilter,
) -> StoreResult<Option<Vec<Row>>> {
    let search = Search::of(filter, &PageRequest { after: None, limit: LITTLE })?;
    if search.prefix.is_empty() {
        return Ok(None);
    }
    let rows = found(store, kind, place, &search).await?;
    Ok(Some(rows).filter(|rows| rows.len() <= search.most))
}

/// The first rows of each kind of a search.
async fn found(
    store: &Backend,
    kind: &'static str,
    (realm, organization): (&RealmId, Option<&str>),
    search: &Search,
) -> StoreResult<Vec<Row>> {
    let mut rows = Vec::new();
    for (status, is_id) in &search.kinds {
        let which = (realm.as_str(), kind, status.as_str(), *is_id);
        // The two differ by an index: asked as one question, none of the databases would use either.
        let more = match organization {
            Some(organization) => of_organization(store, which, organization, search).await?,
            None => of_realm(store, which, search).await?,
        };
        rows.extend(more);
    }
    Ok(rows)
}

/// Realm, kind and status of things, and whether they are looked for under their ids.
type Which<'a> = (&'a str, &'a str, &'a str, bool);

async fn of_realm(
    store: &Backend,
    (realm, kind, status, is_id): Which<'_>,
    search: &Search,
) -> StoreResult<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT term AS "term!: String", id AS "id!: String" FROM listed
           WHERE realm = $1 AND kind = $2 AND is_id = $3 AND status = $4
               AND (term, id) > ($5, $6) AND (term, id) < ($7, '')
               AND (other < $8 OR other >= $7 OR CAST($8 AS TEXT) = '')
           ORDER BY term, id LIMIT $9"#,
        realm,
        kind,
        is_id,
        status,
        search.after.0,
        search.after.1,
        search.end,
        search.prefix,
        search.rows(),
    )
    .fetch_all(store.reader())
    .await
    .map_err(failed)
}

async fn of_organization(
    store: &Backend,
    (realm, kind, status, is_id): Which<'_>,
    organization: &str,
    search: &Search,
) -> StoreResult<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT term AS "term!: String", id AS "id!: String" FROM listed
           WHERE realm = $1 AND kind = $2 AND organization = $10 AND is_id = $3 AND status = $4
               AND (term, id) > ($5, $6) AND (term, id) < ($7, '')
               AND (other < $8 OR other >= $7 OR CAST($8 AS TEXT) = '')
           ORDER BY term, id LIMIT $9"#,
        realm,
        kind,
        is_id,
        status,
        search.after.0,
        search.after.1,
        search.end,
        search.prefix,
        search.rows(),
        organization,
    )
    .fetch_all(store.reader())
    .await
    .map_err(failed)
}

/// A thing as it is stored.
struct Stored {
    id: String,
    document: String,
}

/// The things of these ids, in the same order. What went away in the meantime is not among them.
async fn things<'a, T: Thing>(
    store: &Backend,
    realm: &RealmId,
    ids: impl Iterator<Item = &'a str>,
) -> StoreResult<Vec<T>> {
    let ids: Vec<[&str; 1]> = ids.map(|id| [id]).collect();
    let documents = documents(store, T::KIND, realm, &rows(&ids)?).await?;
    let documents = ids.iter().filter_map(|[id]| documents.get(*id));
    documents.map(|document| decode(T::KIND, document)).collect()
}

/// Those things of these ids that are there, by their ids.
async fn documents(
    store: &Backend,
    kind: &'static str,
    realm: &RealmId,
    ids: &str,
) -> StoreResult<HashMap<String, String>> {
    let realm = realm.as_str();
    let found = match kind {
        CLIENT => {
            sqlx::query_as!(
                Stored,
                r#"SELECT id AS "id!: String", document AS "document!: String" FROM clients WHERE realm = $1
                   AND id IN (SELECT value ->> 0 FROM json_each(json(CAST($2 AS TEXT))))"#,
                realm,
                ids,
            )
            .fetch_all(store.reader())
            .await
        }
        USER => {
            sqlx::query_as!(
                Stored,
                r#"SELECT id AS "id!: String", document AS "document!: String" FROM users WHERE realm = $1
                   AND id IN (SELECT value ->> 0 FROM json_each(json(CAST($2 AS TEXT))))"#,
                realm,
                ids,
            )
            .fetch_all(store.reader())
            .await
        }
        _ => sqlx::query_as!(
            Stored,
            r#"SELECT id AS "id!: String", document AS "document!: String" FROM organizations WHERE realm = $1
                   AND id IN (SELECT value ->> 0 FROM json_each(json(CAST($2 AS TEXT))))"#,
            realm,
            ids,
        )
        .fetch_all(store.reader())
        .await,
    };
    Ok(found.map_err(failed)?.into_iter().map(|stored| (stored.id, stored.document)).collect())
}
