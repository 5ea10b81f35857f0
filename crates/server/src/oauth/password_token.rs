//! `POST /token`: v1 tokens for email and password. Not there unless the realm turns it on.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use symbolon_core::grant::password;
use symbolon_core::issue::{IssuedToken, issue};
use symbolon_core::named::Named;
use symbolon_core::realm::PasswordTokens;
use symbolon_core::refusal::Refusal;
use symbolon_core::secret::Secret;

use crate::oauth::answer;
use crate::oauth::dialect::meti_v1;
use crate::oauth::request::{OauthRequest, in_time, required};

/// Says since when nobody should build on this endpoint (RFC 9745): since the realm offers the other one.
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// The endpoint.
pub(crate) async fn issue_token(request: OauthRequest) -> Response {
    let Some(settings) = request.realm.realm().settings.password_tokens.clone() else {
        return answer::not_found().await;
    };
    let mut named = String::new();
    let mut response = match in_time(mint(&request, &settings, &mut named)).await {
        Ok(token) => meti_v1::token(&token),
        Err(refusal) => {
            request.note(&refusal, "password_token", Named::User(&named)).await;
            let text = refusal.reason.public_text();
            answer::refused(&refusal, &text, request.realm.id().as_str(), request.authority.now())
        }
    };
    let since = request.realm.realm().created_at.seconds();
    if let Ok(value) = HeaderValue::from_str(&format!("@{since}")) {
        response.headers_mut().insert(DEPRECATION, value);
    }
    response
}

async fn mint(
    request: &OauthRequest,
    settings: &PasswordTokens,
    named: &mut String,
) -> Result<IssuedToken, Refusal> {
    let parameters = request.parameters()?;
    let email = required(&parameters, "email")?;
    let password = Secret::new(required(&parameters, "password")?.to_owned());
    email.clone_into(named);
    let (realm, from) = (&request.realm, request.from);
    let grant = password::decide(&request.authority, realm, settings, (email, &password), from).await?;
    issue(&request.authority, &grant, &request.id).await
}
