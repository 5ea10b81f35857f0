//! The domain's rules as behaviours, seen from outside; each file is named after its rule. Rule 1 (effective scopes)
//! is held by a property test beside its code and by `threats::rights`, rule 14 by `protocol::introspection`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod r02_audience;
mod r03_licence;
mod r04_lifetime;
mod r05_order_of_refusal;
mod r06_revocation;
mod r06_revocation_memory;
mod r07_two_keys;
mod r08_secrets;
mod r09_ids;
mod r11_password_tokens;
mod r12_stale_writes;
mod r13_boundaries;
