//! The contract's facts (docs/contract.md), one test or more for each, named after it.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod s1_meti_v2;
mod s2_meti_v1;
mod s3_metafold;
mod s4_ecoinvent;
mod s5_m3ter;
