//! Access: the right to do one thing at one place, which a caller is given for a permission.

use std::sync::Arc;

use symbolon_protocol::scope::ScopeSet;

use super::{Caller, Denied, Permission, Reach, RepeatError, managing};
use crate::authority::Authority;
use crate::client::ClientSettings;
use crate::edit::Editor;
use crate::id::{OrganizationId, RealmId};
use crate::organization::Organization;
use crate::policy::Policy;
use crate::realm_view::RealmView;
use crate::store::Store;
use crate::user::User;

/// The right to do one thing that belongs to no realm yet.
pub struct InstallationAccess<'a> {
    pub(super) authority: &'a Authority,
    pub(super) caller: &'a Caller,
}

impl<'a> InstallationAccess<'a> {
    /// For making a realm.
    pub const fn editor(&'a self, realm: &'a RealmId) -> Editor<'a> {
        Editor { authority: self.authority, actor: &self.caller.actor, realm }
    }

    /// Whether the caller's request made this realm when it came for the first time.
    pub async fn has_made(&self, realm: &RealmId) -> Result<bool, RepeatError> {
        let Some(repeat) = &self.caller.actor.repeat else { return Ok(false) };
        match self.authority.store.find_repeat(realm, &self.caller.actor).await? {
            Some(made) if made.digest != repeat.digest => Err(RepeatError::Another),
            made => Ok(made.is_some_and(|made| made.subject_id == realm.as_str())),
        }
    }
}

/// The right to do one thing in a realm.
pub struct RealmAccess<'a> {
    pub(super) authority: &'a Authority,
    pub(super) caller: &'a Caller,
    pub(super) view: Arc<RealmView>,
}

impl RealmAccess<'_> {
    /// The realm.
    pub const fn view(&self) -> &Arc<RealmView> {
        &self.view
    }

    /// Its id.
    pub fn id(&self) -> &RealmId {
        self.view.id()
    }

    /// What decides.
    pub const fn authority(&self) -> &Authority {
        self.authority
    }

    /// What is kept.
    pub fn store(&self) -> &dyn Store {
        &*self.authority.store
    }

    /// The thing that the caller's request made when it came for the first time.
    pub async fn made_before(&self) -> Result<Option<String>, RepeatError> {
        let Some(repeat) = &self.caller.actor.repeat else { return Ok(None) };
        let made = self.store().find_repeat(self.id(), &self.caller.actor).await?;
        match made {
            Some(made) if made.digest != repeat.digest => Err(RepeatError::Another),
            made => Ok(made.map(|made| made.subject_id)),
        }
    }

    /// For changes.
    pub fn editor(&self) -> Editor<'_> {
        Editor { authority: self.authority, actor: &self.caller.actor, realm: self.view.id() }
    }

    /// What a client of these settings may do in management.
    fn managing(&self, settings: &ClientSettings) -> ScopeSet {
        managing(&settings.grants, self.view.policies_of(settings))
    }

    /// Whether the caller may make of a client what manages more than before: only what it may do itself.
    pub fn check_client(
        &self,
        before: Option<&ClientSettings>,
        after: &ClientSettings,
    ) -> Result<(), Denied> {
        let had = before.map(|before| self.managing(before)).unwrap_or_default();
        let mut given = self.managing(after);
        given.retain(|scope| !had.contains(scope.as_str()));
        self.caller.check_given(&given)
    }

    /// The same of a policy; `None` where there is none.
    pub fn check_policy(&self, before: Option<&Policy>, after: Option<&Policy>) -> Result<(), Denied> {
        self.caller.check_policy(before, after)
    }

    /// Whether the caller may make links that set a user's password: with one of an operator's, it could become that
    /// operator.
    pub(crate) fn check_link(&self, user: &User) -> Result<(), Denied> {
        let needed =
            if user.operator.is_some() { Permission::WriteOperators } else { Permission::WriteMembers };
        self.caller.check(needed)
    }

    /// Whether the caller operates the realm, rather than being one of its customers.
    pub const fn is_operator(&self) -> bool {
        matches!(self.caller.reach, Reach::Installation | Reach::Realm)
    }
}

/// The right to do one thing in an organization.
pub struct OrganizationAccess<'a> {
    /// Its realm.
    pub realm: RealmAccess<'a>,
    /// The organization.
    pub organization: Organization,
}

impl OrganizationAccess<'_> {
    /// Its id.
    pub const fn id(&self) -> &OrganizationId {
        &self.organization.id
    }
}
