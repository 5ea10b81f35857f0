//! What is kept: the journal of tokens, the refusals, the audit of changes, and what people are told of them.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod audit;
mod explain;
mod journal;
mod queues;
mod refusals;
mod trail;
mod usage;
