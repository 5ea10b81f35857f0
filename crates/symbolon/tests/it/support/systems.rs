//! The token request of each system, the way its own documents and clients write it.

use serde_json::json;

use super::{Request, secrets};

/// Keycloak's token endpoint of ecoinvent's realm.
pub(crate) const KEYCLOAK: &str = "/realms/ecoinvent/protocol/openid-connect/token";

/// METI v2 (S1.2): JSON, with audience and scope.
pub(crate) fn meti(scope: &str) -> Request {
    meti_as("meti", secrets::METI, scope)
}

/// The same, of another client.
pub(crate) fn meti_as(client_id: &str, client_secret: &str, scope: &str) -> Request {
    Request::post("/oauth/token").json(&json!({
        "client_id": client_id, "client_secret": client_secret, "audience": "https://api.meti.io",
        "grant_type": "client_credentials", "scope": scope,
    }))
}

/// METI v1 (S2.1): email and password.
pub(crate) fn meti_v1() -> Request {
    meti_v1_as("dev@custodian.example", secrets::PASSWORD)
}

/// The same, of another person.
pub(crate) fn meti_v1_as(email: &str, password: &str) -> Request {
    Request::post("/token").host("api.meti.io").json(&json!({ "email": email, "password": password }))
}

/// Metafold (S3.3), as the Auth0 Node SDK sends it: a form.
pub(crate) fn metafold() -> Request {
    metafold_as("metafold", secrets::METAFOLD)
}

/// The same, of another client.
pub(crate) fn metafold_as(client_id: &str, client_secret: &str) -> Request {
    Request::post("/oauth/token").form(&[
        ("client_id", client_id),
        ("client_secret", client_secret),
        ("grant_type", "client_credentials"),
        ("audience", "https://api.metafold3d.com"),
    ])
}

/// ecoinvent (S4.2): a form without audience and scope.
pub(crate) fn ecoinvent() -> Request {
    ecoinvent_as("eco-trial", secrets::ECOINVENT)
}

/// The same, of another client.
pub(crate) fn ecoinvent_as(client_id: &str, client_secret: &str) -> Request {
    Request::post(KEYCLOAK).form(&[
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_secret", client_secret),
    ])
}

/// m3ter (S5.4): Basic, and a JSON body with the grant type alone.
pub(crate) fn m3ter() -> Request {
    m3ter_as("m3ter-key", secrets::M3TER)
}

/// The same, with another access key.
pub(crate) fn m3ter_as(key_id: &str, api_secret: &str) -> Request {
    Request::post("/oauth/token")
        .host("api.m3ter.com")
        .basic(key_id, api_secret)
        .json(&json!({ "grant_type": "client_credentials" }))
}

/// The client-credentials requests of all systems, by name.
pub(crate) fn all() -> [(&'static str, Request); 4] {
    [("meti", meti("read:sources")), ("metafold", metafold()), ("ecoinvent", ecoinvent()), ("m3ter", m3ter())]
}
