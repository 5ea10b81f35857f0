//! A user: a person, who signs in to the console, and whose email and password v1 tokens are made for.

use serde::{Deserialize, Serialize};
use symbolon_protocol::scope::Scope;

use crate::clock::Timestamp;
use crate::id::OrganizationId;
pub use crate::id::UserId;
use crate::password::PasswordHash;
use crate::realm::Status;

/// A member's role in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MemberRole {
    /// Manages members and clients.
    Admin,
    /// Manages clients.
    Developer,
    /// Looks.
    Viewer,
}

impl MemberRole {
    /// The role's name, as it stands in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }

    /// Rule 11: whether a v1 password token of this role carries a scope.
    pub fn may(self, scope: &Scope) -> bool {
        let scope = scope.as_str();
        match self {
            Self::Admin => true,
            Self::Developer => scope.starts_with("read:") || scope.starts_with("write:"),
            Self::Viewer => scope.starts_with("read:"),
        }
    }
}

/// An operator's role in the realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum OperatorRole {
    /// Everything, other operators included.
    Owner,
    /// Everything but other operators.
    Admin,
    /// Reads.
    Auditor,
}

/// A user's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organization.
    pub organization: OrganizationId,
    /// The role in it.
    pub role: MemberRole,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The id, `sub` of v1 tokens.
    pub id: UserId,
    /// As it was given; compared without regard to case.
    pub email: String,
    /// Absent until a password is set.
    pub password: Option<PasswordHash>,
    /// A disabled user cannot sign in and gets no tokens.
    pub status: Status,
    /// Whether an operator switched it off: then no customer can switch it on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// The customer that the user belongs to.
    pub membership: Option<Membership>,
    /// The role among the realm's operators.
    pub operator: Option<OperatorRole>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An email address in the form in which it is looked up.
pub fn comparable_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Whether a text can be an email address: good enough to catch a slip, no more.
pub fn is_email(text: &str) -> bool {
    text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v1_roles_read_write_and_rule() {
        let may = |role: MemberRole| {
            ["read:s", "write:s", "delete:s"].map(|scope| role.may(&Scope::parse(scope).unwrap()))
        };
        assert_eq!(may(MemberRole::Viewer), [true, false, false]);
        assert_eq!(may(MemberRole::Developer), [true, true, false]);
        assert_eq!(may(MemberRole::Admin), [true, true, true]);
    }
}
