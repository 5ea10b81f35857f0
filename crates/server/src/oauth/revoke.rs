//! Token revocation (RFC 7009), at the standard path and Keycloak's.

use axum::http::StatusCode;
use axum::response::Response;
use symbolon_core::named::Named;
use symbolon_core::refusal::Refusal;
use symbolon_core::revoke::revoke_token;

use crate::oauth::answer;
use crate::oauth::request::{OauthRequest, in_time, required};

/// The endpoint. 200 means that the token is dead, or never was the caller's; a fault of the store is 503.
pub(crate) async fn revoke(request: OauthRequest) -> Response {
    let mut named = Vec::new();
    match in_time(serve(&request, &mut named)).await {
        Ok(()) => answer::empty(StatusCode::OK),
        Err(refusal) => {
            request.note(&refusal, "revoke", Named::Client(&named)).await;
            let text = refusal.reason.public_text();
            answer::refused(&refusal, &text, request.realm.id().as_str(), request.authority.now())
        }
    }
}

async fn serve(request: &OauthRequest, named: &mut Vec<String>) -> Result<(), Refusal> {
    let parameters = request.parameters()?;
    let token = required(&parameters, "token")?;
    let credentials = request.credentials(&parameters)?;
    *named = credentials.unverified_ids().map(str::to_owned).collect();
    let client = request.client(&credentials).await?;
    revoke_token(&request.authority, &client, token, &request.id).await
}
