//! People who sign in to the console, by the functions that its pages call: a session ends when it has to, nobody is
//! let in by anything less than what is set up, and nothing counts twice.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod codes;
pub(crate) mod desk;
pub(crate) mod device;
mod faults;
mod links;
mod passkeys;
mod passwords;
mod roles;
mod sessions;
