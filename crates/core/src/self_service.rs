//! What customers may set on their own clients: whoever manages an organization must not be able to give a client
//! more than the API company means customers to have.

use serde::{Deserialize, Serialize};

use crate::client::ClientSettings;
use crate::edit::EditError;
use crate::id::PolicyId;
use crate::licence::{Licence, LicenceKind};
use crate::policy::Grant;
use crate::realm_view::RealmView;
use crate::resource_server::comparable;

/// What customers may give to their clients; nothing where empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SelfService {
    /// Scopes by audience. A client that a customer makes without saying which has all of them.
    pub grants: Vec<Grant>,
    /// Policies.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub policies: Vec<PolicyId>,
}

impl SelfService {
    fn gives(&self, grant: &Grant) -> bool {
        self.grants.iter().any(|given| {
            comparable(&given.audience) == comparable(&grant.audience)
                && grant.scopes.iter().all(|scope| given.scopes.contains(scope.as_str()))
        })
    }
}

/// Whether a thing is held when somebody switches it: what an operator switched off, no customer switches on. `before`
/// says whether it was on, and whether it was held.
pub fn held(is_operator: bool, before: (bool, bool), on: bool) -> Result<bool, EditError> {
    match (before, on) {
        ((false, true), true) if !is_operator => Err(EditError::NotOffered(
            "an operator of this service switched it off, and only an operator can switch it on".to_owned(),
        )),
        (_, true) => Ok(false),
        ((true, _), false) => Ok(is_operator),
        ((false, held), false) => Ok(held),
    }
}

/// Fills in what a customer who makes a client leaves out.
pub fn fill_in(realm: &RealmView, settings: &mut ClientSettings) {
    let offered = &realm.realm().settings.self_service;
    if settings.grants.is_empty() && settings.policies.is_empty() {
        settings.grants = offered.grants.clone().into();
    }
}

/// What a client is made of that stands for a kind of licence which the customer has: what the realm offers at the APIs
/// of these licences, and nothing else. The kind only narrows what the client gets, to licences of that kind, so that
/// customers may have one made without asking.
pub fn for_licence(
    realm: &RealmView,
    licences: &[Licence],
    kind: LicenceKind,
) -> Result<ClientSettings, EditError> {
    let of_kind = || licences.iter().filter(|licence| licence.kind == kind);
    if of_kind().next().is_none() {
        return Err(EditError::NotOffered(format!("there is no {} licence", kind.name())));
    }
    let offered = &realm.realm().settings.self_service.grants;
    let is_licensed = |grant: &&Grant| {
        of_kind().any(|licence| comparable(&licence.audience) == comparable(&grant.audience))
    };
    let grants: Vec<Grant> = offered.iter().filter(is_licensed).cloned().collect();
    if grants.is_empty() {
        return Err(EditError::NotOffered(format!(
            "nothing is on offer for the {} licence; ask the operator of this service for credentials",
            kind.name()
        )));
    }
    Ok(ClientSettings { grants: grants.into(), licence_kind: Some(kind), ..ClientSettings::default() })
}

/// Checks what a customer makes of a client: what it had already may stay, what is new must be on offer, and what
/// only operators set stays as it was.
pub fn check(
    realm: &RealmView,
    before: Option<&ClientSettings>,
    after: &ClientSettings,
) -> Result<(), EditError> {
    let offered = &realm.realm().settings.self_service;
    let none = ClientSettings::default();
    let before = before.unwrap_or(&none);
    if let Some(grant) =
        after.grants.iter().find(|grant| !before.grants.contains(grant) && !offered.gives(grant))
    {
        return Err(EditError::NotOffered(format!(
            "customers cannot give {:?} at {:?} to their clients; ask the operator of this service",
            grant.scopes.to_string(),
            grant.audience
        )));
    }
    let new = |id: &&PolicyId| !before.policies.contains(id) && !offered.policies.contains(id);
    if let Some(policy) = after.policies.iter().find(new) {
        return Err(EditError::NotOffered(format!(
            "customers cannot give the policy {:?} to their clients; ask the operator of this service",
            policy.as_str()
        )));
    }
    // A policy may also take away.
    if let Some(policy) =
        before.policies.iter().find(|id| !after.policies.contains(id) && !offered.policies.contains(id))
    {
        return Err(EditError::NotOffered(format!(
            "customers cannot take the policy {:?} from their clients; ask the operator of this service",
            policy.as_str()
        )));
    }
    let kept = ClientSettings {
        lifetime: before.lifetime,
        claims: before.claims.clone(),
        licence_kind: before.licence_kind,
        quota: before.quota,
        ..after.clone()
    };
    if kept == *after {
        Ok(())
    } else {
        Err(EditError::NotOffered(
            "only operators set lifetime, claims, licence_kind and quota of a client".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_switched_off_is_held_until_an_operator_switches_it_on() {
        let (on, off, off_held) = ((true, false), (false, false), (false, true));
        let held = |is_operator, before, after| held(is_operator, before, after).ok();
        for (is_operator, before, after, expected) in [
            (true, on, false, Some(true)),
            (false, on, false, Some(false)),
            (true, off, false, Some(false)),
            (true, off_held, false, Some(true)),
            (false, off_held, false, Some(true)),
            (true, off_held, true, Some(false)),
            (false, off_held, true, None),
            (false, off, true, Some(false)),
            (false, on, true, Some(false)),
        ] {
            assert_eq!(held(is_operator, before, after), expected, "{is_operator} {before:?} {after}");
        }
    }
}
