//! An organization: one customer of the API company.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
pub use crate::id::OrganizationId;
use crate::realm::Status;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id; the account id that APIs read from tokens.
    pub id: OrganizationId,
    /// A name for people.
    pub name: String,
    /// A disabled one gets no tokens, and those it has are dead.
    pub status: Status,
    /// Whatever the API company wants to remember of it; claim maps can read it.
    pub metadata: BTreeMap<String, String>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}
