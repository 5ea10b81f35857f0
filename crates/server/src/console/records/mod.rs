//! What has happened: audit, usage, and why a request was refused, as tables and as pictures.

mod audit;
mod audit_query;
mod change;
pub(crate) mod chart;
mod difference;
mod explain;
pub(crate) mod figures;
mod lists;
mod names;
mod reasons;
mod usage;
mod usage_table;

use axum::Router;
use axum::routing::get;
use symbolon_core::id::OrganizationId;
use symbolon_core::permission::{OrganizationAccess, Permission, RealmAccess};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::page::{Link, Place};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;
use crate::state::ServerState;

/// The pages, of a realm and of an organization.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
        .merge(below("/realms/{realm}"))
        .merge(below("/realms/{realm}/organizations/{organization}"))
        .route("/realms/{realm}/organizations/{organization}/clients/{client}/usage", get(usage::show))
}

fn below(place: &str) -> Router<ServerState> {
    let at = |page: &str| format!("{place}/{page}");
    Router::new()
        .route(&at("audit"), get(audit::changes))
        .route(&at("audit/tokens"), get(audit::tokens))
        .route(&at("audit/refusals"), get(audit::refusals))
        .route(&at("audit/changes/{change}"), get(change::show))
        .route(&at("audit/request"), get(explain::show))
        .route(&at("usage"), get(usage::show))
}

/// What a path names: a realm, perhaps an organization of it, and something below them.
#[derive(Clone, Debug, Default, serde::Deserialize)]
struct At {
    realm: String,
    organization: Option<String>,
    client: Option<String>,
    change: Option<String>,
}

impl At {
    /// An address below.
    fn to(&self, segments: &[&str]) -> String {
        match &self.organization {
            Some(organization) => address::organization(&self.realm, organization, segments),
            None => address::realm(&self.realm, segments),
        }
    }

    fn place(&self) -> Place<'_> {
        Place { realm: Some(&self.realm), organization: self.organization.as_deref() }
    }

    /// The way to a page, which begins for operators with the organization that it is about.
    fn crumbs(&self, t: Texts, reach: &Reach<'_>, rest: Vec<Link>) -> Vec<Link> {
        let Reach::Organization(access) = reach else { return rest };
        if !access.realm.is_operator() {
            return rest;
        }
        let list = address::realm(&self.realm, &["organizations"]);
        let organization = Link::new(reach.name().unwrap_or_default(), self.to(&[]));
        [Link::new(t.of("nav-organizations"), list), organization].into_iter().chain(rest).collect()
    }

    /// Access to what it names.
    async fn access<'a>(&self, visitor: &'a Visitor, permission: Permission) -> Result<Reach<'a>, Failure> {
        Ok(match &self.organization {
            None => Reach::Realm(visitor.realm(permission, &self.realm)?),
            Some(organization) => {
                Reach::Organization(visitor.organization(permission, (&self.realm, organization)).await?)
            }
        })
    }
}

/// Access to the records of a realm, or of one of its customers.
enum Reach<'a> {
    Realm(RealmAccess<'a>),
    Organization(OrganizationAccess<'a>),
}

impl<'a> Reach<'a> {
    const fn realm(&self) -> &RealmAccess<'a> {
        match self {
            Self::Realm(access) => access,
            Self::Organization(access) => &access.realm,
        }
    }

    /// What the customer is called: its name, or its id where it has none.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Realm(_) => None,
            Self::Organization(access) => Some(match access.organization.name.as_str() {
                "" => access.id().as_str(),
                name => name,
            }),
        }
    }

    /// The customer, whose records alone are shown.
    const fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Realm(_) => None,
            Self::Organization(access) => Some(access.id()),
        }
    }
}
