//! A request to this edge, read once: method, credentials and parameters, whatever the encoding of the body.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use http_body_util::LengthLimitError;
use symbolon_core::authenticate::{AuthenticatedClient, authenticate};
use symbolon_core::authority::{Authority, RefusedRequest};
use symbolon_core::named::Named;
use symbolon_core::protocol::client_auth::{ClientAuthError, UnverifiedCredentials};
use symbolon_core::protocol::parameters::{Encoding, LARGEST_BODY, Parameters, ParametersError, form_decode};
use symbolon_core::realm_view::RealmView;
use symbolon_core::refusal::{Reason, Refusal};

use crate::middleware::address::ClientAddress;
use crate::middleware::request_id::RequestId;
use crate::oauth::realm::OfRealm;
use crate::state::ServerState;

/// A body must have arrived after this long.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Nothing is decided longer than this: whoever waits for a token has given up by then, and ten thousand who wait for
/// a database that hangs are ten thousand connections.
const LONGEST_DECISION: Duration = Duration::from_secs(3);

/// What a handler of this edge needs of a request.
pub(crate) struct OauthRequest {
    pub(crate) authority: Arc<Authority>,
    pub(crate) realm: Arc<RealmView>,
    pub(crate) id: String,
    pub(crate) from: IpAddr,
    method: Method,
    query: String,
    headers: HeaderMap,
    body: Result<Bytes, Reason>,
}

impl FromRequest<ServerState> for OauthRequest {
    type Rejection = Response;

    async fn from_request(request: Request, state: &ServerState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        // The body first: what is known of the realm must not grow old while it arrives.
        let body = if parts.method == Method::POST { read(body).await } else { Ok(Bytes::new()) };
        let OfRealm(realm) = OfRealm::from_request_parts(&mut parts, state).await?;
        let Ok(ClientAddress(from)) = ClientAddress::from_request_parts(&mut parts, state).await;
        let id = parts.extensions.remove::<RequestId>().map(|id| id.0).unwrap_or_default();
        Ok(Self {
            authority: Arc::clone(&state.authority),
            realm,
            id,
            from,
            method: parts.method,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        })
    }
}

impl OauthRequest {
    /// Checks what comes before the body, and reads the parameters.
    pub(crate) fn parameters(&self) -> Result<Parameters<'_>, Reason> {
        if self.method != Method::POST {
            return Err(Reason::Method);
        }
        if names_a_secret(&self.query) {
            return Err(Reason::CredentialsInUrl);
        }
        let body = self.body.as_ref().map_err(Clone::clone)?;
        let mut types = self.headers.get_all(header::CONTENT_TYPE).iter();
        let encoding = match (types.next(), types.next()) {
            (Some(one), None) => one.to_str().ok().and_then(Encoding::from_content_type),
            _ => None,
        };
        match encoding {
            Some(_) if body.is_empty() => Ok(Parameters::empty()),
            Some(encoding) => Ok(Parameters::read(encoding, body)?),
            None if body.is_empty() && self.headers.contains_key(header::AUTHORIZATION) => {
                Ok(Parameters::empty())
            }
            None => Err(Reason::ContentType),
        }
    }

    /// Reads the credentials. More than one Authorization header is more than one way of authenticating.
    pub(crate) fn credentials<'a>(
        &self,
        parameters: &'a Parameters<'a>,
    ) -> Result<UnverifiedCredentials<'a>, Refusal> {
        let mut lines = self.headers.get_all(header::AUTHORIZATION).iter();
        let line = lines.next();
        let credentials = match lines.next() {
            Some(_) => Err(ClientAuthError::Twice),
            None => UnverifiedCredentials::read(line.map(HeaderValue::as_bytes), parameters),
        };
        credentials.map_err(|error| Refusal {
            used_basic: line.is_some(),
            ..Refusal::new(Reason::Credentials(error))
        })
    }

    /// Authenticates the client.
    pub(crate) async fn client(
        &self,
        credentials: &UnverifiedCredentials<'_>,
    ) -> Result<AuthenticatedClient, Refusal> {
        authenticate(&self.authority, &self.realm, credentials, self.from).await
    }

    /// Notes a refusal under the request's id, then waits until it may be answered: whoever hangs up meanwhile is
    /// on record all the same.
    pub(crate) async fn note(&self, refusal: &Refusal, endpoint: &str, named: Named<'_>) {
        self.authority.note_refusal(
            refusal,
            &RefusedRequest {
                request_id: &self.id,
                realm: self.realm.id(),
                endpoint,
                named,
                from: self.from,
            },
        );
        if let Some(moment) = refusal.hold_until {
            tokio::time::sleep_until(moment).await;
        }
    }
}

async fn read(body: axum::body::Body) -> Result<Bytes, Reason> {
    let arriving = axum::body::to_bytes(body, LARGEST_BODY);
    let fault = match tokio::time::timeout(BODY_TIMEOUT, arriving).await {
        Ok(Ok(bytes)) => return Ok(bytes),
        Ok(Err(error)) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            ParametersError::TooLarge
        }
        Ok(Err(_)) | Err(_) => ParametersError::Incomplete,
    };
    Err(Reason::Parameters(fault))
}

/// Decides in time, or says that it cannot now. What was begun in the store may still be done.
pub(crate) async fn in_time<T>(deciding: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    tokio::time::timeout(LONGEST_DECISION, deciding).await.unwrap_or_else(|_| {
        let reason = format!("it has not answered within {} seconds", LONGEST_DECISION.as_secs());
        Err(Reason::StoreUnavailable(reason).into())
    })
}

/// The one value of a parameter that has to be there.
pub(crate) fn required<'a>(parameters: &'a Parameters<'_>, name: &'static str) -> Result<&'a str, Reason> {
    parameters.get(name).ok_or(Reason::Missing(name))
}

/// Whether a query string names something that belongs in no log.
fn names_a_secret(query: &str) -> bool {
    const SECRETS: [&str; 6] =
        ["client_secret", "client_assertion", "password", "access_token", "token", "refresh_token"];
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        form_decode(name.as_bytes()).is_some_and(|name| SECRETS.contains(&&*name))
    })
}
