//! Who may manage what: the permissions of the management API and the console, and how far they reach.
//!
//! A permission is a scope of the built-in audience [`AUDIENCE`]. Whoever manages holds a [`Caller`], which only a
//! verified token makes; a caller turns into a [`RealmAccess`] or an [`OrganizationAccess`] for one permission, and
//! nothing can be read or changed without one. What lies out of reach does not exist for the caller.

mod access;
mod applying;
mod person;
mod realms;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use symbolon_protocol::scope::{Scope, ScopeSet};

use crate::audit::{Actor, RepeatKey};
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::id::{ClientId, OrganizationId, RealmId};
use crate::introspect::{is_alive, read_own};
use crate::issue::V1_CLIENT;
use crate::policy::{Grant, Policy, effective_scopes};
use crate::realm::Status;
use crate::realm_view::RealmView;
use crate::refusal::Reason;
use crate::resource_server::{ResourceServer, ResourceServerSettings};
use crate::store::StoreError;
use crate::user::{MemberRole, OperatorRole};

pub use access::{InstallationAccess, OrganizationAccess, RealmAccess};
pub use applying::{AllowedPlan, Applying, NotApplied};

/// The audience of tokens that manage. Every realm has it; it is not stored and cannot be changed.
pub const AUDIENCE: &str = "urn:symbolon:management";

/// Something that may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read realms and their settings.
    ReadRealms,
    /// Make and change realms.
    WriteRealms,
    /// Read resource servers.
    ReadResourceServers,
    /// Make and change resource servers.
    WriteResourceServers,
    /// Read policies.
    ReadPolicies,
    /// Make and change policies.
    WritePolicies,
    /// Delete policies.
    DeletePolicies,
    /// Read organizations.
    ReadOrganizations,
    /// Make and change organizations.
    WriteOrganizations,
    /// Read licences.
    ReadLicences,
    /// Make and change licences.
    WriteLicences,
    /// Delete licences.
    DeleteLicences,
    /// Read members of organizations.
    ReadMembers,
    /// Make and change members of organizations.
    WriteMembers,
    /// Read the realm's operators.
    ReadOperators,
    /// Make and change the realm's operators.
    WriteOperators,
    /// Read clients and their access keys.
    ReadClients,
    /// Make and change clients and their access keys.
    WriteClients,
    /// Delete clients and remove access keys.
    DeleteClients,
    /// Read signing keys (public halves).
    ReadSigningKeys,
    /// Rotate signing keys.
    WriteSigningKeys,
    /// Read revocations.
    ReadRevocations,
    /// Revoke tokens.
    WriteRevocations,
    /// Read audit, tokens, refusals, and why a request was refused.
    ReadAudit,
    /// Read usage.
    ReadUsage,
    /// Report leaked secrets.
    WriteLeaks,
}

/// Whom a permission may be given to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Operators,
    CustomersToo,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 26] = [
        Self::ReadRealms,
        Self::WriteRealms,
        Self::ReadResourceServers,
        Self::WriteResourceServers,
        Self::ReadPolicies,
        Self::WritePolicies,
        Self::DeletePolicies,
        Self::ReadOrganizations,
        Self::WriteOrganizations,
        Self::ReadLicences,
        Self::WriteLicences,
        Self::DeleteLicences,
        Self::ReadMembers,
        Self::WriteMembers,
        Self::ReadOperators,
        Self::WriteOperators,
        Self::ReadClients,
        Self::WriteClients,
        Self::DeleteClients,
        Self::ReadSigningKeys,
        Self::WriteSigningKeys,
        Self::ReadRevocations,
        Self::WriteRevocations,
        Self::ReadAudit,
        Self::ReadUsage,
        Self::WriteLeaks,
    ];

    const fn row(self) -> (&'static str, For) {
        use For::{CustomersToo, Operators};
        match self {
            Self::ReadRealms => ("read:realms", Operators),
            Self::WriteRealms => ("write:realms", Operators),
            Self::ReadResourceServers => ("read:resource-servers", Operators),
            Self::WriteResourceServers => ("write:resource-servers", Operators),
            Self::ReadPolicies => ("read:policies", Operators),
            Self::WritePolicies => ("write:policies", Operators),
            Self::DeletePolicies => ("delete:policies", Operators),
            Self::ReadOrganizations => ("read:organizations", CustomersToo),
            Self::WriteOrganizations => ("write:organizations", Operators),
            Self::ReadLicences => ("read:licences", CustomersToo),
            Self::WriteLicences => ("write:licences", Operators),
            Self::DeleteLicences => ("delete:licences", Operators),
            Self::ReadMembers => ("read:members", CustomersToo),
            Self::WriteMembers => ("write:members", CustomersToo),
            Self::ReadOperators => ("read:operators", Operators),
            Self::WriteOperators => ("write:operators", Operators),
            Self::ReadClients => ("read:clients", CustomersToo),
            Self::WriteClients => ("write:clients", CustomersToo),
            Self::DeleteClients => ("delete:clients", CustomersToo),
            Self::ReadSigningKeys => ("read:signing-keys", Operators),
            Self::WriteSigningKeys => ("write:signing-keys", Operators),
            Self::ReadRevocations => ("read:revocations", Operators),
            Self::WriteRevocations => ("write:revocations", CustomersToo),
            Self::ReadAudit => ("read:audit", CustomersToo),
            Self::ReadUsage => ("read:usage", CustomersToo),
            Self::WriteLeaks => ("write:leaks", Operators),
        }
    }

    /// The scope that stands for it.
    pub const fn scope(self) -> &'static str {
        self.row().0
    }

    /// Whether a customer may have it, within its own organization.
    pub fn is_for_customers(self) -> bool {
        self.row().1 == For::CustomersToo
    }

    fn reads(self) -> bool {
        self.scope().starts_with("read:")
    }
}

/// What somebody may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<Permission>);

impl Permissions {
    fn all_that(holds: impl Fn(Permission) -> bool) -> Self {
        Self(Permission::ALL.into_iter().filter(|permission| holds(*permission)).collect())
    }

    /// Those that scopes stand for.
    pub fn of_scopes(scopes: &ScopeSet) -> Self {
        Self::all_that(|permission| scopes.contains(permission.scope()))
    }

    /// Those of an operator.
    pub fn of_operator(role: OperatorRole) -> Self {
        Self::all_that(|permission| match role {
            OperatorRole::Owner => true,
            OperatorRole::Admin => permission != Permission::WriteOperators,
            OperatorRole::Auditor => permission.reads(),
        })
    }

    /// Those of a customer's member, within its organization.
    pub fn of_member(role: MemberRole) -> Self {
        Self::all_that(|permission| {
            permission.is_for_customers()
                && match role {
                    MemberRole::Admin => true,
                    MemberRole::Developer => permission != Permission::WriteMembers,
                    MemberRole::Viewer => permission.reads(),
                }
        })
    }

    /// The scopes that stand for them.
    pub fn scopes(&self) -> ScopeSet {
        self.0.iter().filter_map(|permission| Scope::parse(permission.scope()).ok()).collect()
    }

    /// Whether one is among them.
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }
}

/// The built-in resource server of management.
pub fn resource_server() -> ResourceServer {
    ResourceServer {
        identifier: AUDIENCE.to_owned(),
        status: Status::Active,
        settings: ResourceServerSettings {
            name: "Management".to_owned(),
            scopes: Permissions::all_that(|_| true).scopes(),
            ..ResourceServerSettings::default()
        },
        version: 1,
        created_at: Timestamp::default(),
    }
}

/// What grants and policies allow in management.
fn managing<'a>(grants: &[Grant], policies: impl Iterator<Item = &'a Policy> + Clone) -> ScopeSet {
    effective_scopes(&resource_server(), grants, policies).scopes
}

/// How far a caller reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// Every realm: an operator of the default one.
    Installation,
    /// Its own realm.
    Realm,
    /// Its own organization.
    Organization(OrganizationId),
}

/// Somebody who manages: proved by a token, or at the machine itself.
#[derive(Clone)]
pub struct Caller {
    actor: Actor,
    /// The realm of its token; an operator at the machine has none.
    home: Option<Arc<RealmView>>,
    reach: Reach,
    /// The organization through which a client operates its realm.
    operates: Option<OrganizationId>,
    permissions: Permissions,
}

/// Why a token makes no caller.
#[derive(Debug, thiserror::Error)]
pub enum NotACaller {
    /// The token is not one of this installation, or is dead.
    #[error("the token is malformed, expired, revoked, or not of this installation")]
    Token,
    /// The token is for another API.
    #[error("the token is not for the audience {AUDIENCE}")]
    Audience,
    /// What is known here may be too old to judge by.
    #[error(transparent)]
    TooOld(#[from] Reason),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why something is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// It is not there, or not within reach.
    #[error("not found")]
    NotFound,
    /// The permission is missing.
    #[error("the token has not the scope {}", .0.scope())]
    Permission(Permission),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a request cannot stand for one that came before.
#[derive(Debug, thiserror::Error)]
pub enum RepeatError {
    /// The name stands for another request.
    #[error("the Idempotency-Key was used for another request")]
    Another,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Caller {
    /// Verifies a token of any realm here, in the way in which introspection does. It manages what its client still
    /// may: with a token from before its rights were taken, a client could give them back to itself.
    pub async fn authenticate(
        authority: &Authority,
        unverified_token: &str,
        request_id: &str,
        from: IpAddr,
    ) -> Result<Self, NotACaller> {
        let now = authority.now();
        // From an old directory a revoked token could look alive.
        authority.directory().check_age(now)?;
        let (home, own) = authority
            .directory()
            .realms()
            .into_iter()
            .find_map(|realm| read_own(&realm, unverified_token).map(|own| (realm, own)))
            .ok_or(NotACaller::Token)?;
        if !is_alive(&home, &own, now) {
            return Err(NotACaller::Token);
        }
        let claims = &own.claims;
        if !claims.known.aud.iter().any(|audience| audience == AUDIENCE) {
            return Err(NotACaller::Audience);
        }
        let text = |name: &str| claims.all.get(name).and_then(|value| value.as_str());
        let client = text("client_id").filter(|client| *client != V1_CLIENT);
        let client = client.and_then(|client| ClientId::new(client).ok()).ok_or(NotACaller::Token)?;
        let organization = text("org_id").and_then(|organization| OrganizationId::new(organization).ok());
        let organization = organization.ok_or(NotACaller::Token)?;
        let scopes = ScopeSet::parse(text("scope").unwrap_or_default()).map_err(|_| NotACaller::Token)?;
        let known = authority.directory().client(home.id(), client.as_str()).await?;
        let known =
            known.filter(|known| known.client.id == client && known.client.organization == organization);
        let settings = &known.as_ref().ok_or(NotACaller::Token)?.client.settings;
        let left = managing(&settings.grants, home.policies_of(settings));
        let mut permissions = Permissions::of_scopes(&scopes);
        permissions.0.retain(|permission| left.contains(permission.scope()));
        let operates = home.realm().settings.operators.as_ref() == Some(&organization);
        if !operates {
            permissions.0.retain(|permission| permission.is_for_customers());
        }
        let actor = Actor { is_customer: !operates, ..Actor::client(&client, request_id).at(from) };
        let actor = actor.of_realm(home.id());
        let (reach, operates) = match operates {
            true if home.is_default() => (Reach::Installation, Some(organization)),
            true => (Reach::Realm, Some(organization)),
            false => (Reach::Organization(organization), None),
        };
        Ok(Self { actor, home: Some(home), reach, operates, permissions })
    }

    /// Somebody who holds the database and the keys in its hands, through a command on the machine: nothing that a
    /// token could say would allow more. `name` is the user of the operating system, `run` the id of the command's
    /// run. Only code in this process can call it, and no edge does so for what came over a network.
    pub fn at_the_machine(name: &str, run: &str) -> Self {
        Self {
            actor: Actor::operator(name, run),
            home: None,
            reach: Reach::Installation,
            operates: None,
            permissions: Permissions::all_that(|_| true),
        }
    }

    /// Who it is, for records.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// With the caller's own name for the request, under which what it makes is found when it is sent again.
    #[must_use]
    pub fn repeating(mut self, repeat: Option<RepeatKey>) -> Self {
        self.actor.repeat = repeat;
        self
    }

    /// Its name among all callers.
    pub fn name(&self) -> String {
        format!("{}/{}", self.home.as_ref().map_or("", |home| home.id().as_str()), self.actor.id)
    }

    /// The realm of its token; an operator at the machine has none.
    pub const fn home(&self) -> Option<&Arc<RealmView>> {
        self.home.as_ref()
    }

    /// Whether it reaches a realm at all.
    fn reaches(&self, realm: &RealmId) -> bool {
        self.reach == Reach::Installation || self.home.as_ref().is_some_and(|home| home.id() == realm)
    }

    /// Whether it has a permission, wherever it reaches: for showing only what could be used.
    pub fn has(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    fn check(&self, permission: Permission) -> Result<(), Denied> {
        if self.permissions.has(permission) { Ok(()) } else { Err(Denied::Permission(permission)) }
    }

    /// Nobody gives more than it has: the first of these scopes that the caller lacks is refused.
    fn check_given(&self, given: &ScopeSet) -> Result<(), Denied> {
        let lacks = |permission: &Permission| {
            given.contains(permission.scope()) && !self.permissions.has(*permission)
        };
        Permission::ALL
            .into_iter()
            .find(lacks)
            .map_or(Ok(()), |permission| Err(Denied::Permission(permission)))
    }

    /// The same of a policy, which acts on every client that has it, now or later: neither what it allows nor what it
    /// denies no more may be beyond the caller. `None` where there is no policy.
    fn check_policy(&self, before: Option<&Policy>, after: Option<&Policy>) -> Result<(), Denied> {
        let everything = Grant { audience: AUDIENCE.to_owned(), scopes: resource_server().settings.scopes };
        for grants in [&[][..], &[everything]] {
            let (had, mut given) =
                (managing(grants, before.into_iter()), managing(grants, after.into_iter()));
            given.retain(|scope| !had.contains(scope.as_str()));
            self.check_given(&given)?;
        }
        Ok(())
    }

    /// The realms within reach, for a permission; realms cannot be had by customers.
    pub fn realms(
        &self,
        authority: &Authority,
        permission: Permission,
    ) -> Result<Vec<Arc<RealmView>>, Denied> {
        self.check(permission)?;
        let mut realms = authority.directory().realms();
        realms.retain(|realm| self.reaches(realm.id()));
        realms.sort_by(|a, b| a.id().cmp(b.id()));
        Ok(realms)
    }

    /// Access to the installation as a whole, which is for who reaches every realm.
    pub fn installation<'a>(
        &'a self,
        authority: &'a Authority,
        permission: Permission,
    ) -> Result<InstallationAccess<'a>, Denied> {
        self.check(permission)?;
        if self.reach != Reach::Installation {
            return Err(Denied::Permission(permission));
        }
        Ok(InstallationAccess { authority, caller: self })
    }

    /// Access to what belongs to a realm as a whole.
    pub fn realm<'a>(
        &'a self,
        authority: &'a Authority,
        permission: Permission,
        realm: &str,
    ) -> Result<RealmAccess<'a>, Denied> {
        let view = authority.directory().realm(realm).ok_or(Denied::NotFound)?;
        if !self.reaches(view.id()) {
            return Err(Denied::NotFound);
        }
        self.check(permission)?;
        match self.reach {
            Reach::Organization(_) => Err(Denied::Permission(permission)),
            Reach::Installation | Reach::Realm => Ok(RealmAccess { authority, caller: self, view }),
        }
    }

    /// Access to one organization and what it has.
    pub async fn organization<'a>(
        &'a self,
        authority: &'a Authority,
        permission: Permission,
        (realm, organization): (&str, &str),
    ) -> Result<OrganizationAccess<'a>, Denied> {
        let view = authority.directory().realm(realm).ok_or(Denied::NotFound)?;
        let id = OrganizationId::new(organization).map_err(|_| Denied::NotFound)?;
        let is_within = match &self.reach {
            Reach::Organization(own) => *own == id,
            Reach::Installation | Reach::Realm => true,
        };
        if !self.reaches(view.id()) || !is_within {
            return Err(Denied::NotFound);
        }
        self.check(permission)?;
        let organization = authority.store.find_organization(view.id(), &id).await?;
        let organization = organization.ok_or(Denied::NotFound)?;
        Ok(OrganizationAccess { realm: RealmAccess { authority, caller: self, view }, organization })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auditors_and_viewers_only_read() {
        let auditor = Permissions::of_operator(OperatorRole::Auditor);
        let viewer = Permissions::of_member(MemberRole::Viewer);
        assert!(
            auditor.scopes().iter().chain(viewer.scopes().iter()).all(|s| s.as_str().starts_with("read:"))
        );
        assert!(auditor.has(Permission::ReadAudit) && viewer.has(Permission::ReadClients));
    }

    #[test]
    fn whoever_is_at_the_machine_may_do_everything_under_their_own_name() {
        let caller = Caller::at_the_machine("ada", "run_1");
        assert_eq!(caller.actor(), &Actor::operator("ada", "run_1"));
        assert_eq!(caller.reach, Reach::Installation);
        assert!(Permission::ALL.into_iter().all(|permission| caller.permissions.has(permission)));
    }

    #[test]
    fn only_owners_make_operators() {
        assert!(Permissions::of_operator(OperatorRole::Owner).has(Permission::WriteOperators));
        assert!(!Permissions::of_operator(OperatorRole::Admin).has(Permission::WriteOperators));
    }

    #[test]
    fn no_member_has_what_is_for_operators() {
        for role in [MemberRole::Admin, MemberRole::Developer, MemberRole::Viewer] {
            let permissions = Permissions::of_member(role);
            assert!(Permission::ALL.into_iter().all(|p| p.is_for_customers() || !permissions.has(p)));
        }
    }

    #[test]
    fn a_permission_and_its_scope_say_each_other() {
        for permission in Permission::ALL {
            let scopes = Permissions(BTreeSet::from([permission])).scopes();
            assert_eq!(Permissions::of_scopes(&scopes), Permissions(BTreeSet::from([permission])));
        }
    }
}
