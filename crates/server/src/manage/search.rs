//! Lists that can be searched: which things of a list are asked for.

use serde::Deserialize;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, PageRequest};
use utoipa::IntoParams;

use crate::manage::error::{Kind, Problem};
use crate::manage::page::{request, search_request};

/// The longest beginning of a name that is looked for, in characters.
const LONGEST_PREFIX: usize = 128;

/// Which part of a list, and which things of it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Only those of this status.
    #[param(inline)]
    status: Option<Status>,
    /// Only those whose id or name (of people, the email) begins so, without regard to case.
    #[param(min_length = 1, max_length = 128)]
    prefix: Option<String>,
    /// At most so many items; 50 unless it is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next` of the part before, with the same other parameters.
    #[param(max_length = 4096)]
    cursor: Option<String>,
}

impl SearchQuery {
    /// The page by ids, where nothing is searched for.
    pub(crate) fn whole(&self) -> Result<Option<PageRequest>, Problem> {
        if self.status.is_some() || self.prefix.is_some() {
            return Ok(None);
        }
        request(self.limit, self.cursor.as_deref()).map(Some)
    }

    /// What is searched for.
    pub(crate) fn search(self) -> Result<(ListFilter, PageRequest), Problem> {
        let page = search_request(self.limit, self.cursor.as_deref())?;
        if self.prefix.as_ref().is_some_and(|prefix| !(1..=LONGEST_PREFIX).contains(&prefix.chars().count()))
        {
            let detail = format!("prefix has 1 to {LONGEST_PREFIX} characters");
            return Err(Problem::new(Kind::InvalidParameter, detail));
        }
        Ok((ListFilter { status: self.status, prefix: self.prefix }, page))
    }
}
