//! Lists that can be searched: which things of a list are asked for.

use serde::Deserialize;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, PageRequest, Sort, SortKey};
use utoipa::{IntoParams, ToSchema};

use crate::manage::error::{Kind, Problem};
use crate::manage::page::{request, search_request};

/// The longest beginning of a name that is looked for, in characters.
const LONGEST_PREFIX: usize = 128;

/// The order of things with a name. After a `-`, the last comes first.
#[derive(Clone, Copy, Deserialize, ToSchema)]
pub(crate) enum ThingSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameBack,
    #[serde(rename = "created")]
    Created,
    #[serde(rename = "-created")]
    CreatedBack,
    #[serde(rename = "status")]
    Status,
    #[serde(rename = "-status")]
    StatusBack,
}

/// The order of people. After a `-`, the last comes first; by role, those come first who may most.
#[derive(Clone, Copy, Deserialize, ToSchema)]
pub(crate) enum PeopleSort {
    #[serde(rename = "email")]
    Email,
    #[serde(rename = "-email")]
    EmailBack,
    #[serde(rename = "role")]
    Role,
    #[serde(rename = "-role")]
    RoleBack,
    #[serde(rename = "created")]
    Created,
    #[serde(rename = "-created")]
    CreatedBack,
    #[serde(rename = "status")]
    Status,
    #[serde(rename = "-status")]
    StatusBack,
}

impl From<ThingSort> for Sort {
    fn from(sort: ThingSort) -> Self {
        let (by, descending) = match sort {
            ThingSort::Name => (SortKey::Name, false),
            ThingSort::NameBack => (SortKey::Name, true),
            ThingSort::Created => (SortKey::Created, false),
            ThingSort::CreatedBack => (SortKey::Created, true),
            ThingSort::Status => (SortKey::Status, false),
            ThingSort::StatusBack => (SortKey::Status, true),
        };
        Self { by, descending }
    }
}

impl From<PeopleSort> for Sort {
    fn from(sort: PeopleSort) -> Self {
        let (by, descending) = match sort {
            PeopleSort::Email => (SortKey::Name, false),
            PeopleSort::EmailBack => (SortKey::Name, true),
            PeopleSort::Role => (SortKey::Role, false),
            PeopleSort::RoleBack => (SortKey::Role, true),
            PeopleSort::Created => (SortKey::Created, false),
            PeopleSort::CreatedBack => (SortKey::Created, true),
            PeopleSort::Status => (SortKey::Status, false),
            PeopleSort::StatusBack => (SortKey::Status, true),
        };
        Self { by, descending }
    }
}

/// Of things with a name.
pub(crate) type ThingQuery = SearchQuery<ThingSort>;
/// Of people.
pub(crate) type PeopleQuery = SearchQuery<PeopleSort>;

/// Which part of a list, which things of it, and in which order.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery<S: utoipa::PartialSchema> {
    /// Only those of this status.
    #[param(inline)]
    status: Option<Status>,
    /// Only those whose id or name (of people, the email) begins so, without regard to case.
    #[param(min_length = 1, max_length = 128)]
    prefix: Option<String>,
    /// The order; that of ids, or of what `prefix` found, unless it is said. After a `-`, the last comes first; what is
    /// equal is in the order of ids.
    #[param(inline)]
    sort: Option<S>,
    /// At most so many items; 50 unless it is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Where to continue: `next` of the part before, with the same other parameters.
    #[param(max_length = 4096)]
    cursor: Option<String>,
}

impl<S: utoipa::PartialSchema + Into<Sort>> SearchQuery<S> {
    /// The page by ids, where nothing is searched for.
    pub(crate) fn whole(&self) -> Result<Option<PageRequest>, Problem> {
        if self.status.is_some() || self.prefix.is_some() || self.sort.is_some() {
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
        let sort = self.sort.map(Into::into);
        Ok((ListFilter { status: self.status, prefix: self.prefix, sort }, page))
    }
}
