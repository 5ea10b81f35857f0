//! The dialects: one mint, three shapes of its answers.

pub(crate) mod keycloak;
pub(crate) mod meti_v1;
pub(crate) mod standard;
