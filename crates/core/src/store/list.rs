//! Lists in parts: which things, in which order, and where a part begins.

use std::fmt;

use crate::realm::Status;

/// Which part of a list is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Continue after the item of this id.
    pub after: Option<String>,
    /// At most so many items; 1 to 1,000.
    pub limit: u32,
}

impl PageRequest {
    /// The first page, as long as a page can be.
    pub const fn first() -> Self {
        Self { after: None, limit: 1000 }
    }
}

/// A part of a list, in the order of ids unless another was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to continue after, if there is more.
    pub next: Option<String>,
}

/// Which things of a list are asked for, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those whose id or name (of a user, the email) begins so, without regard to case. Of longer names than 128
    /// characters, the first 128 are looked at.
    pub prefix: Option<String>,
    /// The order, where it is to be another than that of what was looked for.
    pub sort: Option<Sort>,
}

/// What a list is sorted by. Where two things have the same, their ids decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The name (of a user, the email), without regard to case; what has none comes first. Of longer names than 128
    /// characters, the first 128 count.
    Name,
    /// When it was made.
    Created,
    /// What is active before what is disabled, and by name within.
    Status,
    /// What a user may do, those first who may most, and by email within. Of other things this is `Refused`.
    Role,
}

impl SortKey {
    const ALL: [Self; 4] = [Self::Name, Self::Created, Self::Status, Self::Role];

    /// Its name, as it stands in addresses and cursors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created",
            Self::Status => "status",
            Self::Role => "role",
        }
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What it is sorted by.
    pub by: SortKey,
    /// Whether the last comes first.
    pub descending: bool,
}

impl Sort {
    /// From the first to the last.
    pub const fn by(by: SortKey) -> Self {
        Self { by, descending: false }
    }

    /// The order that a text names: the name of a key, after a `-` where the last comes first.
    pub fn named(text: &str) -> Option<Self> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let by = SortKey::ALL.into_iter().find(|key| key.name() == name)?;
        Some(Self { by, descending })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.by.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_back_as_it_is_written() {
        for key in SortKey::ALL {
            for descending in [false, true] {
                let sort = Sort { by: key, descending };
                assert_eq!(Sort::named(&sort.to_string()), Some(sort));
            }
        }
        for text in ["", "-", "--name", "Name", "name ", "+name", "id"] {
            assert_eq!(Sort::named(text), None, "{text:?}");
        }
    }
}
