//! The console, through the server's own router and as a browser without scripts would use it: what each role sees and
//! does, what it cannot reach, and what attackers try.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod account;
mod browser;
mod customer;
mod frame;
mod lists;
mod operator;
mod records;
mod timing_out;
