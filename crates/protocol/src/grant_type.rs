//! The grant types that a token request can name.

/// A grant type that this server knows (RFC 6749 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// The client acts on its own behalf.
    ClientCredentials,
}

impl GrantType {
    /// Reads the `grant_type` parameter; `None` for one that is not offered.
    pub fn from_name(name: &str) -> Option<Self> {
        (name == "client_credentials").then_some(Self::ClientCredentials)
    }

    /// The registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
        }
    }
}
