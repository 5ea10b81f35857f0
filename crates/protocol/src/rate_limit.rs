//! The header fields that tell a client how much it may still ask for (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! It is a draft: names and parameters changed in the past and may do so again, so they stand in this one file.

/// The field that names a quota and its window.
pub const POLICY_FIELD: &str = "ratelimit-policy";
/// The field that says what is left of it.
pub const FIELD: &str = "ratelimit";

/// What is left of one quota, for the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimit {
    /// The policy's name: letters, digits and hyphens.
    pub policy: &'static str,
    /// Requests within the window.
    pub quota: u32,
    /// The window in seconds.
    pub window: u32,
    /// Requests that are left.
    pub available: u32,
    /// No more than these within so many seconds.
    pub reset: u32,
}

impl ServiceLimit {
    /// The value of `RateLimit-Policy` (§3), which is the same from answer to answer.
    pub fn policy_field(&self) -> String {
        format!("\"{}\";q={};w={}", self.policy, self.quota, self.window)
    }

    /// The value of `RateLimit` (§4).
    pub fn field(&self) -> String {
        format!("\"{}\";r={};t={}", self.policy, self.available, self.reset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_lists_of_one_named_item_as_in_the_drafts_examples() {
        let limit = ServiceLimit { policy: "default", quota: 100, window: 10, available: 50, reset: 30 };
        assert_eq!(limit.policy_field(), "\"default\";q=100;w=10");
        assert_eq!(limit.field(), "\"default\";r=50;t=30");
    }
}
