//! What operators see and do.

mod apis;
mod customers;
mod forms;
mod people;
mod reach;
mod revoking;
