//! The store on SQLite: one folder with three database files, `state.db`, `journal.db` and `usage.db`.
//!
//! The SQL is not here but in `../shared`, which the stores include and compile against their databases.

mod backend;
mod open;
#[cfg(test)]
mod tests;

#[path = "../../shared/access_keys.rs"]
mod access_keys;
#[path = "../../shared/audit.rs"]
mod audit;
#[path = "../../shared/audit_lists.rs"]
mod audit_lists;
#[path = "../../shared/batch.rs"]
mod batch;
#[path = "../../shared/bulk.rs"]
mod bulk;
#[path = "../../shared/changes.rs"]
mod changes;
#[path = "../../shared/clients.rs"]
mod clients;
#[path = "../../shared/factors.rs"]
mod factors;
#[path = "../../shared/identifiers.rs"]
mod identifiers;
#[path = "../../shared/journal.rs"]
mod journal;
#[path = "../../shared/key_checks.rs"]
mod key_checks;
#[path = "../../shared/links.rs"]
mod links;
#[path = "../../shared/listed.rs"]
mod listed;
#[path = "../../shared/organizations.rs"]
mod organizations;
#[path = "../../shared/policies.rs"]
mod policies;
#[path = "../../shared/realms.rs"]
mod realms;
#[path = "../../shared/repeats.rs"]
mod repeats;
#[path = "../../shared/resource_servers.rs"]
mod resource_servers;
#[path = "../../shared/revocations.rs"]
mod revocations;
#[path = "../../shared/searched.rs"]
mod searched;
#[path = "../../shared/sessions.rs"]
mod sessions;
#[path = "../../shared/signing_keys.rs"]
mod signing_keys;
#[path = "../../shared/sorted.rs"]
mod sorted;
#[path = "../../shared/support.rs"]
mod support;
#[path = "../../shared/trail.rs"]
mod trail;
#[path = "../../shared/usage.rs"]
mod usage;
#[path = "../../shared/usage_answers.rs"]
mod usage_answers;
#[path = "../../shared/usage_blocks.rs"]
mod usage_blocks;
#[path = "../../shared/usage_sums.rs"]
mod usage_sums;
#[path = "../../shared/users.rs"]
mod users;

pub use backend::SqliteStore;
pub use open::{OpenError, Options, is_in};
