//! People as callers: what each role may do, and how far it reaches.

use std::sync::Arc;

use super::{Caller, Permission, Permissions, Reach};
use crate::audit::Actor;
use crate::realm_view::RealmView;
use crate::session::Role;

impl Caller {
    /// A person who signed in to a realm: operators reach it, those of the default realm every realm, and members
    /// their own organization. Only [`crate::session::authenticate`] has the role of somebody who proved who it is.
    pub(crate) fn of_person(home: Arc<RealmView>, actor: Actor, role: &Role) -> Self {
        let (reach, mut permissions) = match role {
            Role::Operator(role) if home.is_default() => {
                (Reach::Installation, Permissions::of_operator(*role))
            }
            Role::Operator(role) => (Reach::Realm, Permissions::of_operator(*role)),
            Role::Member(organization, role) => {
                (Reach::Organization(organization.clone()), Permissions::of_member(*role))
            }
        };
        // Whoever has a secret of one of these clients reaches as far as the client does, which is further than a
        // member: they are the operators' to make.
        if matches!(&reach, Reach::Organization(own) if home.realm().settings.operators.as_ref() == Some(own))
        {
            permissions.0.retain(|permission| {
                !matches!(permission, Permission::WriteClients | Permission::DeleteClients)
            });
        }
        let actor = Actor { is_customer: matches!(reach, Reach::Organization(_)), ..actor };
        let actor = actor.of_realm(home.id());
        Self { actor, home: Some(home), reach, operates: None, permissions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{OrganizationId, RealmId, UserId};
    use crate::realm::{Realm, RealmSettings, Status};
    use crate::user::{MemberRole, OperatorRole};

    fn caller(is_default: bool, role: &Role) -> Caller {
        caller_in(RealmSettings::default(), is_default, role)
    }

    fn caller_in(settings: RealmSettings, is_default: bool, role: &Role) -> Caller {
        let realm = Realm {
            id: RealmId::new("r").unwrap(),
            status: Status::Active,
            settings,
            longest_lifetime: 0,
            version: 1,
            created_at: Timestamp::default(),
        };
        let view = RealmView::new(realm, "https://auth.example", is_default);
        Caller::of_person(Arc::new(view), Actor::user(&UserId::new("u").unwrap(), "req_1"), role)
    }

    /// Who may do what, as a table: owner, admin and auditor of the realm, then admin, developer and viewer of a
    /// customer.
    const TABLE: &[(Permission, &str)] = &[
        (Permission::ReadRealms, "yyy ---"),
        (Permission::WriteRealms, "yy- ---"),
        (Permission::ReadResourceServers, "yyy ---"),
        (Permission::WriteResourceServers, "yy- ---"),
        (Permission::ReadPolicies, "yyy ---"),
        (Permission::WritePolicies, "yy- ---"),
        (Permission::DeletePolicies, "yy- ---"),
        (Permission::ReadOrganizations, "yyy yyy"),
        (Permission::WriteOrganizations, "yy- ---"),
        (Permission::ReadLicences, "yyy yyy"),
        (Permission::WriteLicences, "yy- ---"),
        (Permission::DeleteLicences, "yy- ---"),
        (Permission::ReadMembers, "yyy yyy"),
        (Permission::WriteMembers, "yy- y--"),
        (Permission::ReadOperators, "yyy ---"),
        (Permission::WriteOperators, "y-- ---"),
        (Permission::ReadClients, "yyy yyy"),
        (Permission::WriteClients, "yy- yy-"),
        (Permission::DeleteClients, "yy- yy-"),
        (Permission::ReadSigningKeys, "yyy ---"),
        (Permission::WriteSigningKeys, "yy- ---"),
        (Permission::ReadRevocations, "yyy ---"),
        (Permission::WriteRevocations, "yy- yy-"),
        (Permission::ReadAudit, "yyy yyy"),
        (Permission::ReadUsage, "yyy yyy"),
        (Permission::WriteLeaks, "yy- ---"),
    ];

    #[test]
    fn each_role_may_do_what_the_table_says() {
        let own = OrganizationId::new("o").unwrap();
        let operators = [OperatorRole::Owner, OperatorRole::Admin, OperatorRole::Auditor].map(Role::Operator);
        let members = [MemberRole::Admin, MemberRole::Developer, MemberRole::Viewer]
            .map(|role| Role::Member(own.clone(), role));
        let callers = operators.into_iter().chain(members).map(|role| caller(false, &role));
        let callers = callers.collect::<Vec<_>>();
        assert_eq!(TABLE.len(), Permission::ALL.len());
        for (permission, row) in TABLE {
            let may =
                callers.iter().map(|caller| if caller.permissions.has(*permission) { 'y' } else { '-' });
            let expected = row.chars().filter(|c| *c != ' ').collect::<String>();
            assert_eq!(may.collect::<String>(), expected, "{permission:?}");
        }
    }

    #[test]
    fn members_of_the_operators_organization_make_no_clients_of_it() {
        let own = OrganizationId::new("o").unwrap();
        for (operators, may) in [(Some(own.clone()), false), (Some(OrganizationId::new("p").unwrap()), true)]
        {
            let settings = RealmSettings { operators, ..RealmSettings::default() };
            let caller = caller_in(settings, false, &Role::Member(own.clone(), MemberRole::Admin));
            for permission in [Permission::WriteClients, Permission::DeleteClients] {
                assert_eq!(caller.permissions.has(permission), may, "{permission:?}");
            }
            assert!(caller.permissions.has(Permission::ReadClients));
        }
    }

    #[test]
    fn each_role_reaches_its_own() {
        let own = OrganizationId::new("o").unwrap();
        let owner = Role::Operator(OperatorRole::Owner);
        let viewer = Role::Member(own.clone(), MemberRole::Viewer);
        assert_eq!(caller(true, &owner).reach, Reach::Installation);
        assert_eq!(caller(false, &owner).reach, Reach::Realm);
        assert_eq!(caller(true, &viewer).reach, Reach::Organization(own.clone()));
        assert_eq!(caller(false, &viewer).reach, Reach::Organization(own));
    }
}
