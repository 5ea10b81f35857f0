//! Who visits: the person that the session's cookie stands for, and access by one permission at a time. There is no
//! other way from a page to what is kept.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::header::{HOST, REFERER, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use symbolon_core::audit::RepeatKey;
use symbolon_core::authority::Authority;
use symbolon_core::id::RealmId;
use symbolon_core::permission::{
    Caller, Denied, InstallationAccess, OrganizationAccess, Permission, RealmAccess,
};
use symbolon_core::realm_view::RealmView;
use symbolon_core::session::{self, NotSignedIn, Person, Visit};

use crate::console::address;
use crate::console::cookie::{self, Cookie};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::middleware::address::ClientAddress;
use crate::middleware::host::host;
use crate::middleware::request_id::RequestId;
use crate::state::ServerState;

/// What a page may know of the request that it answers, whoever asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Path and query, as the browser shows them.
    pub(crate) path: String,
    /// Whether only the content is wanted, without what stands around it.
    pub(crate) partial: bool,
    /// The request's id.
    pub(crate) id: String,
    /// Where it came from.
    pub(crate) from: Option<IpAddr>,
    /// What sent it.
    pub(crate) user_agent: String,
    /// Whether it reads only.
    pub(crate) reads: bool,
}

impl Asked {
    /// For what is written down about it.
    pub(crate) fn visit(&self) -> Visit<'_> {
        let from = self.from.unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED));
        Visit { request_id: &self.id, from, user_agent: &self.user_agent }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The page of the console that a request was sent from, as the browser says.
fn page_of(headers: &HeaderMap) -> Option<String> {
    let (_, rest) = text(headers, REFERER.as_str()).split_once("://")?;
    address::next(rest.get(rest.find('/')?..))
}

impl FromRequestParts<ServerState> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Infallible> {
        let Ok(ClientAddress(from)) = ClientAddress::from_request_parts(parts, state).await;
        // What is nested does not see the path that it is nested at.
        let path = match parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default() {
            path if path == "/" => address::HOME.to_owned(),
            path => format!("{}{path}", address::HOME),
        };
        let wanted = text(&parts.headers, "hx-request") == "true"
            && text(&parts.headers, "hx-history-restore-request") != "true";
        Ok(Self {
            path,
            partial: wanted,
            id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            from: Some(from),
            user_agent: text(&parts.headers, USER_AGENT.as_str()).to_owned(),
            reads: matches!(parts.method, Method::GET | Method::HEAD),
        })
    }
}

/// A person who is signed in, and what handlers may do for it.
pub(crate) struct Visitor {
    pub(crate) authority: Arc<Authority>,
    pub(crate) person: Person,
    pub(crate) asked: Asked,
    caller: Caller,
    /// The realm that owns the host name of the request: no other is shown there.
    owner: Option<Arc<RealmView>>,
    /// The organization that access was given to, by id and name: what stands around its page says what it is called.
    organization: OnceLock<(String, String)>,
}

impl FromRequestParts<ServerState> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Failure> {
        let Ok(asked) = Asked::from_request_parts(parts, state).await;
        let authority = Arc::clone(&state.authority);
        // After signing in, a page is shown again; a change is not made again.
        let next = if asked.reads { Some(asked.path.clone()) } else { page_of(&parts.headers) };
        let next = next.unwrap_or_else(|| address::HOME.to_owned());
        let secure = cookie::are_secure(&authority);
        let token = Cookie::Session.read(secure, &parts.headers);
        let Some(token) = token else { return Err(Failure::SignIn(next)) };
        let person = match session::authenticate(&authority, token, asked.visit()).await {
            Ok(person) => person,
            Err(NotSignedIn::Unknown | NotSignedIn::Ended | NotSignedIn::Barred(_)) => {
                return Err(Failure::SignInAgain(next));
            }
            Err(NotSignedIn::TooOld(reason)) => return Err(Failure::Unavailable(reason.to_string())),
            Err(NotSignedIn::Store(error)) => return Err(error.into()),
        };
        let owner = host(&parts.uri, parts.headers.get(HOST))
            .and_then(|host| authority.directory().realm_of_host(&host));
        if owner.as_ref().is_some_and(|owner| owner.id() != person.realm().id()) {
            return Err(Failure::SignIn(next));
        }
        let caller = person.caller().clone();
        Ok(Self { authority, person, asked, caller, owner, organization: OnceLock::new() })
    }
}

impl Visitor {
    /// The same visitor, sending a form that makes something. The form has the id of the request that it was shown by
    /// in its field `once`: sent a second time, by a double click or by loading the page again, it makes nothing more,
    /// and `made_before` of the access says what it made.
    pub(crate) fn making(mut self, form: &Form) -> Self {
        let key =
            form.filled("once").filter(|once| once.len() <= 64 && once.bytes().all(|b| b.is_ascii_graphic()));
        let repeat = key.map(|key| RepeatKey { key: key.to_owned(), digest: self.asked.path.clone() });
        self.caller = self.caller.repeating(repeat);
        self
    }

    fn check_host(&self, realm: &str) -> Result<(), Denied> {
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

    /// Access to a realm.
    pub(crate) fn realm(&self, permission: Permission, realm: &str) -> Result<RealmAccess<'_>, Denied> {
        self.check_host(realm)?;
        self.caller.realm(&self.authority, permission, realm)
    }

    /// Access to an organization of a realm.
    pub(crate) async fn organization(
        &self,
        permission: Permission,
        at: (&str, &str),
    ) -> Result<OrganizationAccess<'_>, Denied> {
        self.check_host(at.0)?;
        let access = self.caller.organization(&self.authority, permission, at).await?;
        let found = &access.organization;
        self.organization.get_or_init(|| (found.id.to_string(), found.name.clone()));
        Ok(access)
    }

    /// What the organization of an id is called; empty where it has no name, or nobody has looked it up.
    pub(crate) fn name_of_organization(&self, id: &str) -> &str {
        let found = self.organization.get().filter(|(other, _)| other == id);
        found.map(|(_, name)| name.as_str()).unwrap_or_default()
    }

    /// Whether the role includes a permission: for leaving out what could not be used. It protects nothing.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.caller.has(permission)
    }

    /// Stops unless the person has just shown who it is: before credentials are made, shown or removed, and before rights
    /// are given or changed.
    pub(crate) fn check_proof(&self) -> Result<(), Failure> {
        if self.person.is_proven(self.authority.now()) {
            return Ok(());
        }
        let next = if self.asked.reads { self.asked.path.clone() } else { self.form() };
        Err(Failure::Prove(next))
    }

    /// The page that a form was sent from: forms stand at the address that they are sent to, or right above it.
    fn form(&self) -> String {
        let path = self.asked.path.split('?').next().unwrap_or(address::HOME);
        path.to_owned()
    }

    /// The realm of the person.
    pub(crate) fn home(&self) -> &RealmId {
        self.person.realm().id()
    }
}
