//! Discovery documents: RFC 8414 for the authorization server, RFC 9728 for a guarded API.

use serde::{Deserialize, Serialize};

/// Authorization server metadata (RFC 8414 §2), also served where OpenID Connect clients look for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServerMetadata {
    /// The issuer, byte for byte as in every token's `iss`.
    pub issuer: String,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where the public keys are.
    pub jwks_uri: String,
    /// RFC 7662.
    pub introspection_endpoint: String,
    /// RFC 7009.
    pub revocation_endpoint: String,
    /// `client_credentials`; listed because the default of RFC 8414 would be another.
    pub grant_types_supported: Vec<String>,
    /// Empty: there is no authorization endpoint. The member itself is required.
    pub response_types_supported: Vec<String>,
    /// How clients authenticate at the token endpoint.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// How clients authenticate at the introspection endpoint.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// How clients authenticate at the revocation endpoint.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// Every scope that a resource server of the realm defines.
    pub scopes_supported: Vec<String>,
    /// Required by OpenID Connect Discovery's readers; subjects are the same for every client.
    pub subject_types_supported: Vec<String>,
    /// The algorithms of the realm's keys; libraries of OpenID Connect read it under this name.
    pub id_token_signing_alg_values_supported: Vec<String>,
}

/// Protected resource metadata (RFC 9728 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The API's identifier: its audience.
    pub resource: String,
    /// The issuers whose tokens it accepts.
    pub authorization_servers: Vec<String>,
    /// The scopes that its routes ask for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub scopes_supported: Vec<String>,
    /// `["header"]`: tokens travel in the Authorization header alone.
    pub bearer_methods_supported: Vec<String>,
}

/// The well-known address of RFC 8414 §3.1 or RFC 9728 §3.1: the suffix is inserted between host and path.
///
/// `None` if the identifier is not an http(s) URL with a host.
pub fn well_known(identifier: &str, suffix: &str) -> Option<String> {
    let (scheme, rest) = identifier.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() || !matches!(scheme, "http" | "https") {
        return None;
    }
    let path = path.trim_end_matches('/');
    let separator = if path.is_empty() { "" } else { "/" };
    Some(format!("{scheme}://{host}/.well-known/{suffix}{separator}{path}"))
}

#[cfg(test)]
mod tests {
    use super::well_known;

    #[test]
    fn the_well_known_part_stands_before_the_path() {
        let suffix = "oauth-authorization-server";
        let at = |issuer| well_known(issuer, suffix);
        assert_eq!(
            at("https://a.example").as_deref(),
            Some("https://a.example/.well-known/oauth-authorization-server")
        );
        assert_eq!(
            at("https://a.example/").as_deref(),
            Some("https://a.example/.well-known/oauth-authorization-server")
        );
        assert_eq!(
            at("https://a.example/realms/x").as_deref(),
            Some("https://a.example/.well-known/oauth-authorization-server/realms/x")
        );
        assert_eq!(at("urn:x"), None);
    }
}
