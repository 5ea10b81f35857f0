//! The contract's facts (docs/contract.md), one test or more for each, named after it.

mod s1_meti_v2;
