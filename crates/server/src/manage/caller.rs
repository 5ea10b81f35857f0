//! Who calls: a Bearer token of the management audience, verified, and access by one permission at a time.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use symbolon_core::audit::RepeatKey;
use symbolon_core::authority::Authority;
use symbolon_core::permission::{
    Applying, Caller, Denied, InstallationAccess, OrganizationAccess, Permission, RealmAccess,
};
use symbolon_core::protocol::bearer::{LONGEST_TOKEN, Presented, presented};
use symbolon_core::realm_view::RealmView;

use crate::manage::body::{Body, Changing};
use crate::manage::error::{Kind, Problem};
use crate::manage::layer::Left;
use crate::middleware::address::ClientAddress;
use crate::middleware::host::host;
use crate::middleware::request_id::RequestId;
use crate::state::ServerState;

/// A caller, and what handlers may do for it.
pub(crate) struct Manager {
    authority: Arc<Authority>,
    caller: Caller,
    /// The realm that owns the host name of the request: no other can be managed there.
    owner: Option<Arc<RealmView>>,
    /// What the request says of the version that it changes.
    pub(crate) changing: Changing,
    repeat: Option<Repeat>,
}

/// What the caller calls the request.
struct Repeat {
    key: String,
    /// Method and path.
    of: String,
}

/// Marks a request that was made in this process by a command at the machine, and says who runs it.
///
/// It travels in the extensions of a request, which no HTTP message can fill: parsers make them empty, and nothing here
/// makes this type from a header. So only code that builds a request in memory and hands it to the router has one.
#[derive(Clone)]
pub struct AtTheMachine(Caller);

impl AtTheMachine {
    /// For the user of the operating system and the id of the command's run.
    pub fn operator(name: &str, run: &str) -> Self {
        Self(Caller::at_the_machine(name, run))
    }
}

impl FromRequestParts<ServerState> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Problem> {
        let authority = Arc::clone(&state.authority);
        if let Some(AtTheMachine(caller)) = parts.extensions.get() {
            let (caller, changing) = (caller.clone(), Changing::of(parts));
            let repeat = repeat_key(parts)?;
            return Ok(Self { authority, caller, owner: None, changing, repeat });
        }
        let Ok(ClientAddress(from)) = ClientAddress::from_request_parts(parts, state).await;
        let token = match presented(parts.headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes)) {
            Presented::Token(token) if token.len() <= LONGEST_TOKEN => token,
            Presented::None => {
                return Err(Problem::unauthenticated("Send an access token: Authorization: Bearer …", false));
            }
            Presented::Token(_) | Presented::Malformed | Presented::Twice => {
                return Err(Problem::unauthenticated(
                    "The Authorization header holds no one Bearer token",
                    true,
                ));
            }
        };
        let id = parts.extensions.get::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
        let caller = Caller::authenticate(&authority, token, id, from).await?;
        if let Some(verdict) = authority.management_rate(&caller.name()) {
            if let Some(left) = parts.extensions.get::<Left>() {
                let _ = left.0.set(verdict.limit);
            }
            if !verdict.allowed {
                return Err(Problem::busy(verdict.retry_after));
            }
        }
        let owner = host(&parts.uri, parts.headers.get(HOST))
            .and_then(|host| authority.directory().realm_of_host(&host));
        let repeat = repeat_key(parts)?;
        Ok(Self { authority, caller, owner, changing: Changing::of(parts), repeat })
    }
}

/// What the request is called by its caller: one header, up to 255 printable characters.
fn repeat_key(parts: &Parts) -> Result<Option<Repeat>, Problem> {
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let detail = "Idempotency-Key is 1 to 255 printable characters without spaces";
        return Err(Problem::new(Kind::InvalidParameter, detail));
    }
    Ok(Some(Repeat { key: text.to_owned(), of: format!("{} {}", parts.method, parts.uri.path()) }))
}

impl Manager {
    /// The same caller, for a request that makes something and may have come before.
    pub(crate) fn making(mut self, body: &Body) -> Self {
        let repeat = self.repeat.take().map(|repeat| {
            let digest = body.digest(&repeat.of);
            RepeatKey { key: repeat.key, digest }
        });
        self.caller = self.caller.repeating(repeat);
        self
    }

    /// What decides.
    pub(crate) const fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Whether a realm can be managed at the host name of the request.
    pub(crate) fn check_host(&self, realm: &str) -> Result<(), Denied> {
        match &self.owner {
            Some(owner) if owner.id().as_str() != realm => Err(Denied::NotFound),
            _ => Ok(()),
        }
    }

    /// The realms within reach.
    pub(crate) fn realms(&self, permission: Permission) -> Result<Vec<Arc<RealmView>>, Denied> {
        let mut realms = self.caller.realms(&self.authority, permission)?;
        realms.retain(|realm| self.check_host(realm.id().as_str()).is_ok());
        Ok(realms)
    }

    /// For making a realm.
    pub(crate) fn installation(&self, permission: Permission) -> Result<InstallationAccess<'_>, Denied> {
        self.caller.installation(&self.authority, permission)
    }

    /// Every realm of the installation, for who reaches all of them. At the host name of one, there is no other.
    pub(crate) fn every_realm(&self, permissions: &[Permission]) -> Result<Vec<Arc<RealmView>>, Denied> {
        let mut realms = Vec::new();
        for permission in permissions {
            self.caller.installation(&self.authority, *permission)?;
            realms = self.caller.realms(&self.authority, *permission)?;
        }
        if self.owner.is_some() { Err(Denied::NotFound) } else { Ok(realms) }
    }

    /// For applying descriptions.
    pub(crate) fn applying(&self) -> Result<Applying<'_>, Denied> {
        self.caller.applying(&self.authority)
    }

    /// Access to a realm.
    pub(crate) fn realm(&self, permission: Permission, realm: &str) -> Result<RealmAccess<'_>, Denied> {
        self.check_host(realm)?;
        self.caller.realm(&self.authority, permission, realm)
    }

    /// Access to an organization of a realm.
    pub(crate) async fn organization(
        &self,
        permission: Permission,
        (realm, organization): (&str, &str),
    ) -> Result<OrganizationAccess<'_>, Denied> {
        self.check_host(realm)?;
        self.caller.organization(&self.authority, permission, (realm, organization)).await
    }
}
