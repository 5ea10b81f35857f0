//! What operators see and do.

mod apis;
mod customers;
pub(super) mod forms;
mod people;
mod reach;
mod revoking;
