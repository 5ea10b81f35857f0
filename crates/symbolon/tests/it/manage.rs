//! The management API, through the server's own router: who may do what, what customers cannot reach, and the
//! conventions that users of such interfaces expect.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod apply;
mod at_the_machine;
mod conventions;
mod description;
mod docs;
mod held;
mod isolation;
mod office;
mod orders;
mod passwords;
mod reach;
mod roles;
mod usage;
mod work;
