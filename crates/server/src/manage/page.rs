//! Pages: a list is read in parts, each of which says where the next one begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use symbolon_core::store::{Page, PageRequest};
use utoipa::ToSchema;

use crate::manage::error::{Kind, Problem};

const USUAL: u32 = 50;
const MOST: u32 = 1000;

/// Which part of a list is asked for, as the store wants it.
pub(crate) fn request(limit: Option<u32>, cursor: Option<&str>) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::new(Kind::InvalidParameter, format!("limit is 1 to {MOST}")));
    }
    let after = cursor.map(read).transpose()?;
    Ok(PageRequest { after, limit })
}

/// The same for lists that are searched, whose places are no ids.
pub(crate) fn search_request(limit: Option<u32>, cursor: Option<&str>) -> Result<PageRequest, Problem> {
    let PageRequest { limit, .. } = request(limit, None)?;
    Ok(PageRequest { after: cursor.map(decoded).transpose()?, limit })
}

fn decoded(cursor: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| (1..=2048).contains(&bytes.len()));
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'))
        .ok_or_else(no_cursor)
}

/// The cursor is none of this list's, in this order.
pub(crate) fn no_cursor() -> Problem {
    let detail =
        "Pass on what stands in `next` of the part before, unchanged, with the same other parameters";
    Problem::new(Kind::InvalidCursor, detail)
}

/// Only what could be an id continues a list; whose it is does not matter, since it is only a place in an order.
fn read(cursor: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| (1..=255).contains(&bytes.len()));
    bytes
        .filter(|bytes| bytes.iter().all(u8::is_ascii_graphic))
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(no_cursor)
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOf<T> {
    /// The items, in the order of their ids unless another was asked for.
    pub(crate) items: Vec<T>,
    /// The cursor of the next part; absent in the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> PageOf<T> {
    /// A part as the store gave it, each item in the form of the API.
    pub(crate) fn of<S>(page: Page<S>, view: impl Fn(S) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            next: page.next.map(|id| URL_SAFE_NO_PAD.encode(id)),
        }
    }

    /// A list that is short enough for one part.
    pub(crate) const fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_cursor_is_refused() {
        for bad in ["", "%00", "' OR 1=1 --", "AAAA", "====", &"QQ".repeat(400)] {
            assert_eq!(request(None, Some(bad)).unwrap_err().kind, Kind::InvalidCursor, "{bad:?}");
        }
        assert_eq!(
            request(None, Some(&URL_SAFE_NO_PAD.encode("cli_1"))).unwrap().after.as_deref(),
            Some("cli_1")
        );
    }
}
