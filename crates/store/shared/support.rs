//! What every noun's file needs: documents in and out, pages, and database errors in the port's words.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use symbolon_core::store::{Page, PageRequest, StoreError, StoreResult};

use crate::backend;

/// An error of the database, without a word of what is stored.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) if error.is_foreign_key_violation() => StoreError::NotFound,
        sqlx::Error::Database(error) => StoreError::Unavailable(backend::describe(error.as_ref())),
        sqlx::Error::PoolTimedOut => StoreError::Unavailable("no connection became free in time".to_owned()),
        sqlx::Error::PoolClosed => StoreError::Unavailable("the store is closed".to_owned()),
        sqlx::Error::Io(error) => StoreError::Unavailable(error.kind().to_string()),
        sqlx::Error::Tls(_) => StoreError::Unavailable("TLS to the database failed".to_owned()),
        sqlx::Error::ColumnDecode { index, .. } => StoreError::Damaged(format!("column {index}")),
        sqlx::Error::Decode(_) => StoreError::Damaged("a column".to_owned()),
        _ => StoreError::Unavailable("the driver failed".to_owned()),
    }
}

/// The same for an insertion, where a unique key that exists means that `what` is taken.
pub(crate) fn taken(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Taken(what),
        other => failed(other),
    }
}

/// Why a change found nothing at the version that it was made from, given the version that is stored.
pub(crate) const fn stale_or_missing(stored: Option<i64>) -> StoreError {
    if stored.is_some() { StoreError::Stale } else { StoreError::NotFound }
}

/// A record as it is stored.
pub(crate) fn encode<T: Serialize + ?Sized>(record: &T) -> StoreResult<String> {
    serde_json::to_string(record).map_err(|_| StoreError::Refused("the record cannot be written as JSON"))
}

/// Rows as the text of one parameter, in the one form out of which both databases can read them: an object with an array
/// for each row, in the order of the columns.
pub(crate) fn rows<T: Serialize>(rows: &[T]) -> StoreResult<String> {
    let mut text = String::from("{");
    for (number, row) in rows.iter().enumerate() {
        let _ = write!(text, "{}\"{number}\":", if number == 0 { "" } else { "," });
        text.push_str(&encode(row)?);
    }
    text.push('}');
    Ok(text)
}

/// A stored record. What serde says of a mismatch can quote the document, so that only the place is told.
pub(crate) fn decode<'de, T: Deserialize<'de>>(what: &'static str, document: &'de str) -> StoreResult<T> {
    serde_json::from_str(document)
        .map_err(|error| StoreError::Damaged(format!("a {what}, at column {}", error.column())))
}

/// Several of them.
pub(crate) fn decode_all<T: DeserializeOwned>(
    what: &'static str,
    documents: &[String],
) -> StoreResult<Vec<T>> {
    documents.iter().map(|document| read(what, document)).collect()
}

fn read<T: DeserializeOwned>(what: &'static str, document: &str) -> StoreResult<T> {
    decode(what, document)
}

/// The name that serde gives to a variant without fields.
pub(crate) fn word<T: Serialize>(variant: &T) -> StoreResult<String> {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(StoreError::Refused("the record cannot be written as JSON")),
    }
}

/// The variant of such a name.
pub(crate) fn from_word<T: DeserializeOwned>(what: &'static str, word: String) -> StoreResult<T> {
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|_| StoreError::Damaged(format!("an unknown {what}")))
}

/// Whether a text from outside can be a key at all: PostgreSQL has no text with a NUL in it.
pub(crate) fn can_be_stored(text: &str) -> bool {
    !text.contains('\0')
}

/// What a page asks the database for.
pub(crate) struct Span<'a> {
    /// Ids greater than this.
    pub(crate) after: &'a str,
    /// So many rows: one more than the page has items, to know whether there is more.
    pub(crate) rows: i64,
}

impl<'a> Span<'a> {
    /// Reads a request; a cursor that cannot be an id is as good as the part of it that can.
    pub(crate) fn of(page: &'a PageRequest) -> Self {
        let cursor = page.after.as_deref().unwrap_or_default();
        Self {
            after: cursor.split('\0').next().unwrap_or_default(),
            rows: i64::from(page.limit.clamp(1, 1000)) + 1,
        }
    }

    /// Makes the page of the rows that were found.
    pub(crate) fn page<T: DeserializeOwned>(
        &self,
        what: &'static str,
        documents: Vec<String>,
        id: impl Fn(&T) -> &str,
    ) -> StoreResult<Page<T>> {
        let items = documents.into_iter().map(|document| read(what, &document));
        Ok(self.page_of(items.collect::<StoreResult<_>>()?, id))
    }

    /// Makes the page of the things that were found.
    pub(crate) fn page_of<T>(&self, mut items: Vec<T>, id: impl Fn(&T) -> &str) -> Page<T> {
        let most = usize::try_from(self.rows - 1).unwrap_or(usize::MAX);
        let more = items.len() > most;
        items.truncate(most);
        let next = if more { items.last().map(|last| id(last).to_owned()) } else { None };
        Page { items, next }
    }
}
