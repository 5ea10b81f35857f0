//! Audit, usage, and why a request was refused.
