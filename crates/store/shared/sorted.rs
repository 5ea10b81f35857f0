//! Lists in an order of their own: by name, by time, by status, by role, in pages of flat cost.
//!
//! Each thing has a row for each order, under the text that decides its place there. A page is one look into an index
//! for each status, wherever it lies; and since it begins behind the last thing of the page before, nothing is left out
//! or told twice while things come and go.

use std::cmp::Ordering;

use sqlx::query;
use symbolon_core::id::RealmId;
use symbolon_core::realm::Status;
use symbolon_core::store::{Page, PageRequest, Sort, SortKey, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::listed::{Listed, NAME, Thing};
use crate::support::{failed, rows, word};

/// What parts a cursor; no name and no id has it.
const PART: char = '\u{1}';

/// The orders that have rows, of which the others are made.
fn orders(listed: &Listed<'_>) -> Vec<(SortKey, String)> {
    let keys = [SortKey::Name, SortKey::Created, SortKey::Role];
    keys.into_iter().filter_map(|key| Some((key, term(listed, key)?))).collect()
}

/// Under which text a thing stands in an order.
fn term(listed: &Listed<'_>, key: SortKey) -> Option<String> {
    match key {
        SortKey::Name | SortKey::Status => Some(listed.name.clone()),
        SortKey::Created => Some(format!("{:020}", listed.created_at.millis().max(0))),
        SortKey::Role => listed.role.map(|role| format!("{role}{}", listed.name)),
    }
}

/// Sorts in things that are new.
pub(crate) async fn add(tx: &mut Tx, realm: &str, things: &[Listed<'_>]) -> StoreResult<()> {
    let mut all = Vec::new();
    for listed in things {
        let status = word(&listed.status)?;
        for (key, term) in orders(listed) {
            all.push((
                listed.kind,
                listed.id,
                key.name(),
                listed.organization,
                status.clone(),
                term,
                &listed.name,
            ));
        }
    }
    query!(
        "INSERT INTO sorted (realm, kind, id, sort_key, organization, status, term, name)
         SELECT CAST($1 AS TEXT), value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             value ->> 6
         FROM json_each(json(CAST($2 AS TEXT)))",
        realm,
        rows(&all)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Takes a thing out.
pub(crate) async fn remove(tx: &mut Tx, realm: &str, kind: &str, id: &str) -> StoreResult<()> {
    query!("DELETE FROM sorted WHERE realm = $1 AND kind = $2 AND id = $3", realm, kind, id)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Whether a cursor was made for a list in an order of its own.
pub(crate) fn is_of_an_order(cursor: &str) -> bool {
    cursor.starts_with(PART)
}

/// The place of a thing in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// That of its status, where that comes first.
    rank: u8,
    term: String,
    pub(crate) id: String,
}

impl Key {
    fn cursor(&self, sort: Sort) -> String {
        format!("{PART}{sort}{PART}{}{PART}{}{PART}{}", self.rank, self.term, self.id)
    }

    /// Reads a cursor of this order.
    fn read(cursor: &str, sort: Sort) -> StoreResult<Self> {
        let mut parts = cursor.split(PART);
        let (Some(""), Some(order), Some(rank), Some(term), Some(id), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(StoreError::Cursor);
        };
        let rank = rank.parse().map_err(|_| StoreError::Cursor)?;
        if Sort::named(order) != Some(sort) || cursor.contains('\0') {
            return Err(StoreError::Cursor);
        }
        Ok(Self { rank, term: term.to_owned(), id: id.to_owned() })
    }
}

/// A page of an order.
pub(crate) struct Order {
    kind: &'static str,
    sort: Sort,
    statuses: Vec<Status>,
    after: Option<Key>,
    most: usize,
}

/// Where rows begin, and of which status they are.
struct Rows<'a> {
    realm: &'a str,
    key: &'static str,
    status: String,
    /// Rows that come after this term and id, in the direction of the order.
    after: (String, String),
    /// Only those whose name or id lies from the one on and before the other, unless the first is empty.
    between: (&'a str, &'a str),
    most: i64,
}

/// A row, of which the key is made.
struct Row {
    term: String,
    id: String,
}

impl Order {
    pub(crate) fn of(
        kind: &'static str,
        sort: Sort,
        status: Option<Status>,
        page: &PageRequest,
    ) -> StoreResult<Self> {
        let after = page.after.as_deref().map(|cursor| Key::read(cursor, sort)).transpose()?;
        let statuses = status.map_or_else(|| vec![Status::Active, Status::Disabled], |status| vec![status]);
        let most = usize::try_from(page.limit.clamp(1, 1000)).unwrap_or(1);
        Ok(Self { kind, sort, statuses, after, most })
    }

    fn rank(&self, status: Status) -> u8 {
        u8::from(self.sort.by == SortKey::Status && status == Status::Disabled)
    }

    fn compare<K: Ord>(&self, one: &K, other: &K) -> Ordering {
        if self.sort.descending { other.cmp(one) } else { one.cmp(other) }
    }

    /// Where the rows of a rank begin; nowhere, where they all come before the page.
    fn begin(&self, rank: u8) -> Option<(String, String)> {
        let first = || {
            let term =
                if self.sort.descending { char::MAX.to_string().repeat(NAME + 2) } else { String::new() };
            (term, String::new())
        };
        let Some(after) = &self.after else { return Some(first()) };
        match self.compare(&rank, &after.rank) {
            Ordering::Less => None,
            Ordering::Equal => Some((after.term.clone(), after.id.clone())),
            Ordering::Greater => Some(first()),
        }
    }

    /// The keys of the page, and one more where there is more; of those alone whose name or id lies from one text on
    /// and before another, unless the first is empty.
    pub(crate) async fn keys(
        &self,
        store: &Backend,
        (realm, organization): (&RealmId, Option<&str>),
        between: (&str, &str),
    ) -> StoreResult<Vec<Key>> {
        let mut keys = Vec::new();
        for status in &self.statuses {
            let rank = self.rank(*status);
            let Some(after) = self.begin(rank) else { continue };
            let rows = Rows {
                realm: realm.as_str(),
                key: if self.sort.by == SortKey::Status { SortKey::Name.name() } else { self.sort.by.name() },
                status: word(status)?,
                after,
                between,
                most: i64::try_from(self.most).unwrap_or(1000) + 1,
            };
            // They differ by their index or the way through it, which is no parameter of a question.
            let found = match (organization, self.sort.descending) {
                (Some(of), false) => self.of_organization(store, of, &rows).await?,
                (Some(of), true) => self.of_organization_back(store, of, &rows).await?,
                (None, false) => self.of_realm(store, &rows).await?,
                (None, true) => self.of_realm_back(store, &rows).await?,
            };
            keys.extend(found.into_iter().map(|Row { term, id }| Key { rank, term, id }));
        }
        keys.sort_by(|one, other| self.compare(one, other));
        Ok(keys)
    }

    /// Keys in their order as a page, and what to continue after.
    pub(crate) fn cut(&self, mut keys: Vec<Key>) -> (Vec<Key>, Option<String>) {
        let more = keys.len() > self.most;
        keys.truncate(self.most);
        let next = keys.last().filter(|_| more).map(|last| last.cursor(self.sort));
        (keys, next)
    }

    /// The page, where everything that passes is at hand.
    pub(crate) fn page_of_all<T: Thing>(&self, things: Vec<T>) -> Page<T> {
        let key = |thing: &T| {
            let listed = thing.listed();
            let term = term(&listed, self.sort.by).unwrap_or_default();
            Key { rank: self.rank(listed.status), term, id: listed.id.to_owned() }
        };
        let mut keyed: Vec<(Key, T)> = things.into_iter().map(|thing| (key(&thing), thing)).collect();
        keyed.retain(|(key, _)| {
            self.after.as_ref().is_none_or(|after| self.compare(key, after) == Ordering::Greater)
        });
        keyed.sort_by(|one, other| self.compare(&one.0, &other.0));
        let more = keyed.len() > self.most;
        keyed.truncate(self.most);
        let next = keyed.last().filter(|_| more).map(|(key, _)| key.cursor(self.sort));
        Page { items: keyed.into_iter().map(|(_, thing)| thing).collect(), next }
    }

    async fn of_realm(&self, store: &Backend, of: &Rows<'_>) -> StoreResult<Vec<Row>> {
        sqlx::query_as!(
            Row,
            r#"SELECT term AS "term!: String", id AS "id!: String" FROM sorted
               WHERE realm = $1 AND kind = $2 AND sort_key = $3 AND status = $4
                   AND (term, id) > ($5, $6)
                   AND (CAST($7 AS TEXT) = '' OR (name >= $7 AND name < $8)
                       OR (lower(id) >= $7 AND lower(id) < $8))
               ORDER BY term, id LIMIT $9"#,
            of.realm,
            self.kind,
            of.key,
            of.status,
            of.after.0,
            of.after.1,
            of.between.0,
            of.between.1,
            of.most,
        )
        .fetch_all(store.reader())
        .await
        .map_err(failed)
    }

    async fn of_realm_back(&self, store: &Backend, of: &Rows<'_>) -> StoreResult<Vec<Row>> {
        sqlx::query_as!(
            Row,
            r#"SELECT term AS "term!: String", id AS "id!: String" FROM sorted
               WHERE realm = $1 AND kind = $2 AND sort_key = $3 AND status = $4
                   AND (term, id) < ($5, $6)
                   AND (CAST($7 AS TEXT) = '' OR (name >= $7 AND name < $8)
                       OR (lower(id) >= $7 AND lower(id) < $8))
               ORDER BY term DESC, id DESC LIMIT $9"#,
            of.realm,
            self.kind,
            of.key,
            of.status,
            of.after.0,
            of.after.1,
            of.between.0,
            of.between.1,
            of.most,
        )
        .fetch_all(store.reader())
        .await
        .map_err(failed)
    }

    async fn of_organization(
        &self,
        store: &Backend,
        organization: &str,
        of: &Rows<'_>,
    ) -> StoreResult<Vec<Row>> {
        sqlx::query_as!(
            Row,
            r#"SELECT term AS "term!: String", id AS "id!: String" FROM sorted
               WHERE realm = $1 AND kind = $2 AND organization = $10 AND sort_key = $3 AND status = $4
                   AND (term, id) > ($5, $6)
                   AND (CAST($7 AS TEXT) = '' OR (name >= $7 AND name < $8)
                       OR (lower(id) >= $7 AND lower(id) < $8))
               ORDER BY term, id LIMIT $9"#,
            of.realm,
            self.kind,
            of.key,
            of.status,
            of.after.0,
            of.after.1,
            of.between.0,
            of.between.1,
            of.most,
            organization,
        )
        .fetch_all(store.reader())
        .await
        .map_err(failed)
    }

    async fn of_organization_back(
        &self,
        store: &Backend,
        organization: &str,
        of: &Rows<'_>,
    ) -> StoreResult<Vec<Row>> {
        sqlx::query_as!(
            Row,
            r#"SELECT term AS "term!: String", id AS "id!: String" FROM sorted
               WHERE realm = $1 AND kind = $2 AND organization = $10 AND sort_key = $3 AND status = $4
                   AND (term, id) < ($5, $6)
                   AND (CAST($7 AS TEXT) = '' OR (name >= $7 AND name < $8)
                       OR (lower(id) >= $7 AND lower(id) < $8))
               ORDER BY term DESC, id DESC LIMIT $9"#,
            of.realm,
            self.kind,
            of.key,
            of.status,
            of.after.0,
            of.after.1,
            of.between.0,
            of.between.1,
            of.most,
            organization,
        )
        .fetch_all(store.reader())
        .await
        .map_err(failed)
    }
}
