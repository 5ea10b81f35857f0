//! Clients that are refused although their secret is right, and others that are not who they say.

use super::Bed;

/// The settings of the realm `default`, to be repeated where a description names the realm.
pub(crate) const DEFAULT_SETTINGS: &str = r#"{ compatibility: auth0, default_audience: "https://api.m3ter.com",
    password_tokens: { audience: "https://api.meti.io", lifetime: 3600 } }"#;

/// Describes organizations in the realm `default`, as a YAML sequence in flow or block style.
pub(crate) fn in_default(organizations: &str) -> String {
    format!("realms:\n- id: default\n  settings: {DEFAULT_SETTINGS}\n  organizations:\n{organizations}")
}

const ORGANIZATIONS: &str = r#"
  - id: doubtful
    clients:
    - id: switched-off
      status: disabled
      settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }
      access_keys: [{ id: switched-off-key, secret: switched-off-1234567890 }]
    - id: sleeping
      settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }
      access_keys: [{ id: sleeping-key, secret: sleeping-1234567890, status: INACTIVE }]
    - id: expired
      settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }
      access_keys: [{ id: expired-key, secret: expired-1234567890, expires_at: 2026-01-01 }]
    - id: elsewhere
      settings:
        grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }]
        allowed_networks: [198.51.100.0/24]
      access_keys: [{ id: elsewhere-key, secret: elsewhere-1234567890 }]
  - id: closed
    status: disabled
    clients:
    - id: orphan
      settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }
      access_keys: [{ id: orphan-key, secret: orphan-1234567890 }]
"#;

/// Id, secret and the exact reason of each way in which authentication fails in the realm `default`.
pub(crate) const REFUSED: [(&str, &str, &str); 10] = [
    ("nobody", "any-secret-1234567890", "unknown_client"),
    ("plain-client", "plain-secret-1234567890", "unknown_client"),
    ("meti", "wrong-secret-1234567890", "wrong_secret"),
    ("meti", "meti-readonly-1234567890", "wrong_secret"),
    ("meti", "sym_sk_key_0000000000000000000000000000000000000000000000000", "damaged_secret"),
    ("sleeping", "sleeping-1234567890", "key_inactive"),
    ("expired", "expired-1234567890", "key_expired"),
    ("switched-off", "switched-off-1234567890", "client_disabled"),
    ("orphan", "orphan-1234567890", "organization_disabled"),
    ("elsewhere", "elsewhere-1234567890", "network_forbidden"),
];

/// What is on record of an id of [`REFUSED`]: of one that nobody has in the realm, how it begins.
pub(crate) fn kept_of(id: &str) -> &str {
    match id {
        "nobody" => "no…",
        "plain-client" => "plai…",
        known => known,
    }
}

impl Bed {
    /// The world with clients that are refused.
    pub(crate) async fn start_with_bad_clients() -> Self {
        let bed = Self::start().await;
        bed.apply(&in_default(ORGANIZATIONS)).await;
        bed
    }
}
