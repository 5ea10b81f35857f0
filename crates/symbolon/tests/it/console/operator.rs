//! What operators see and do.

mod apis;
mod claims;
mod customers;
pub(super) mod forms;
mod instead;
mod people;
mod reach;
mod revoking;
mod revoking_one;
