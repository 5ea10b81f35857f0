//! `POST /oauth/token` and Keycloak's path: client credentials (RFC 6749 §4.4).
//!
//! Which system a client was written for is told by what its request carries, never by configuration: Basic or
//! body, form or JSON, with an audience or without.

use axum::response::Response;
use symbolon_core::authenticate::AuthenticatedClient;
use symbolon_core::grant::client_credentials::{self, TokenRequest};
use symbolon_core::issue::{IssuedToken, issue};
use symbolon_core::named::Named;
use symbolon_core::protocol::client_auth::Method;
use symbolon_core::protocol::grant_type::GrantType;
use symbolon_core::protocol::parameters::Parameters;
use symbolon_core::protocol::secret_format::without_secrets;
use symbolon_core::refusal::{Reason, Refusal};

use crate::oauth::answer;
use crate::oauth::dialect::{keycloak, standard};
use crate::oauth::request::{OauthRequest, in_time, required};

/// The longest audience or scope parameter; longer ones are refused, never cut.
const LONGEST_PARAMETER: usize = 4096;

/// The standard endpoint.
pub(crate) async fn standard(request: OauthRequest) -> Response {
    match serve(&request).await {
        Ok(token) => answer::with_limit(standard::token(&token), token.limit),
        Err(refusal) => {
            let text = refusal.reason.public_text();
            answer::refused(&refusal, &text, request.realm.id().as_str(), request.authority.now())
        }
    }
}

/// Keycloak's endpoint: the same mint.
pub(crate) async fn keycloak(request: OauthRequest) -> Response {
    match serve(&request).await {
        Ok(token) => answer::with_limit(keycloak::token(&token, request.authority.random()), token.limit),
        Err(refusal) => {
            let text = keycloak::refusal_text(&refusal.reason);
            answer::refused(&refusal, &text, request.realm.id().as_str(), request.authority.now())
        }
    }
}

async fn serve(request: &OauthRequest) -> Result<IssuedToken, Refusal> {
    let mut named = Vec::new();
    let outcome = in_time(mint(request, &mut named)).await;
    if let Err(refusal) = &outcome {
        request.note(refusal, "token", Named::Client(&named)).await;
    }
    outcome
}

/// The order of refusal (rule 5): malformed request, authentication, grant type, audience, licence, scope.
async fn mint(request: &OauthRequest, named: &mut Vec<String>) -> Result<IssuedToken, Refusal> {
    let parameters = request.parameters()?;
    let grant_type = required(&parameters, "grant_type")?;
    let asked = asked(&parameters)?;
    let credentials = request.credentials(&parameters)?;
    *named = credentials.unverified_ids().map(str::to_owned).collect();
    let client: AuthenticatedClient = request.client(&credentials).await?;
    let used_basic = credentials.method == Method::Basic;
    grant(request, &client, grant_type, &asked).await.map_err(|refusal| {
        let audience = client_credentials::resource_server(&client, &asked);
        Refusal { used_basic, audience, ..refusal }
    })
}

async fn grant(
    request: &OauthRequest,
    client: &AuthenticatedClient,
    grant_type: &str,
    asked: &TokenRequest,
) -> Result<IssuedToken, Refusal> {
    let grant = match GrantType::from_name(grant_type) {
        Some(GrantType::ClientCredentials) => {
            client_credentials::decide(client, asked, request.authority.now())?
        }
        None => {
            // Masked before it is cut: half a secret is not recognized.
            let named = without_secrets(grant_type).chars().take(64).collect();
            return Err(Reason::GrantType(named).into());
        }
    };
    issue(&request.authority, &grant, &request.id).await
}

fn asked(parameters: &Parameters<'_>) -> Result<TokenRequest, Reason> {
    for name in ["scope", "audience", "resource"] {
        if parameters.all(name).any(|value| value.len() > LONGEST_PARAMETER) {
            return Err(Reason::TooLong(name));
        }
    }
    Ok(TokenRequest {
        scope: parameters.get("scope").map(str::to_owned),
        audience: parameters.get("audience").map(str::to_owned),
        resources: parameters.all("resource").map(str::to_owned).collect(),
    })
}
