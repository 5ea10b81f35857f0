//! The wire (docs/contract.md, W1 to W35): what real clients send and what they need back, one test or more for
//! each line, named after it.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod after_the_token;
mod answers;
mod discovery;
mod requests;
