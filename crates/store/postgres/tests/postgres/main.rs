//! Every promise of a store, on PostgreSQL, and what only a store on a server can promise: who else may use the
//! database, and what happens when it is away.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers may fail it")]

mod audit;
mod away;
mod contract;
mod database;
mod figures;
mod others;
mod schema;
mod things;
