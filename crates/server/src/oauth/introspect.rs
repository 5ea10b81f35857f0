//! Token introspection (RFC 7662), at the standard path and Keycloak's.

use axum::http::StatusCode;
use axum::response::Response;
use symbolon_core::introspect::introspect;
use symbolon_core::named::Named;
use symbolon_core::protocol::introspection::Introspection;
use symbolon_core::refusal::Refusal;

use crate::oauth::answer;
use crate::oauth::request::{OauthRequest, in_time, required};

/// The endpoint.
pub(crate) async fn answer(request: OauthRequest) -> Response {
    let mut named = Vec::new();
    match in_time(serve(&request, &mut named)).await {
        Ok(introspection) => answer::json(StatusCode::OK, &introspection),
        Err(refusal) => {
            request.note(&refusal, "introspect", Named::Client(&named)).await;
            let text = refusal.reason.public_text();
            answer::refused(&refusal, &text, request.realm.id().as_str(), request.authority.now())
        }
    }
}

async fn serve(request: &OauthRequest, named: &mut Vec<String>) -> Result<Introspection, Refusal> {
    let parameters = request.parameters()?;
    let token = required(&parameters, "token")?;
    let credentials = request.credentials(&parameters)?;
    *named = credentials.unverified_ids().map(str::to_owned).collect();
    let client = request.client(&credentials).await?;
    // A verdict from an old directory could call a revoked token alive.
    request.authority.directory().check_age(request.authority.now())?;
    Ok(introspect(&client, token, request.authority.now()))
}
