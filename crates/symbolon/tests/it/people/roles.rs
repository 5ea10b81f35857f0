//! What people may do is what their roles allow, through the same accesses as the management API's.

use symbolon_core::audit::ActorKind;
use symbolon_core::permission::{Denied, Permission};
use symbolon_core::session::{NotSignedIn, Role};
use symbolon_core::sign_in::Refused;
use symbolon_core::user::{MemberRole, OperatorRole};

use super::desk::{ADMIN, DEV, Desk, OWNER, add_owner};
use crate::support::{Bed, secrets};

#[tokio::test]
async fn a_member_reaches_its_organization_and_nothing_else_exists() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let dev = desk.person(DEV).await;
    assert!(matches!(dev.role(), Role::Member(_, MemberRole::Developer)));
    let (authority, caller) = (&bed.authority, dev.caller());
    let own = ("default", "custodian");
    assert!(caller.organization(authority, Permission::WriteClients, own).await.is_ok());
    let denied = caller.organization(authority, Permission::WriteMembers, own).await.err();
    assert!(matches!(denied, Some(Denied::Permission(_))), "{denied:?}");
    for other in [("default", "metafold-customer"), ("default", "nowhere"), ("plain", "custodian")] {
        let denied = caller.organization(authority, Permission::ReadClients, other).await.err();
        assert!(matches!(denied, Some(Denied::NotFound)), "{other:?}: {denied:?}");
    }
    assert!(caller.realm(authority, Permission::ReadClients, "default").is_err());
    assert!(caller.installation(authority, Permission::ReadRealms).is_err());
    let admin = desk.person(ADMIN).await;
    assert!(admin.caller().organization(authority, Permission::WriteMembers, own).await.is_ok());
}

#[tokio::test]
async fn an_operator_of_the_default_realm_reaches_everything_under_its_own_name() {
    let bed = Bed::start().await;
    let owner = add_owner(&bed).await;
    let desk = Desk::of(&bed.authority);
    let person = desk.person(OWNER).await;
    assert_eq!(person.role(), &Role::Operator(OperatorRole::Owner));
    let caller = person.caller();
    assert!(caller.installation(&bed.authority, Permission::WriteRealms).is_ok());
    let place = ("default", "custodian");
    assert!(caller.organization(&bed.authority, Permission::WriteMembers, place).await.is_ok());
    let actor = caller.actor();
    assert_eq!((actor.kind, actor.id.as_str()), (ActorKind::User, owner.id.as_str()));
    assert_eq!((actor.request_id.as_str(), actor.from), ("req_asks", Some([192, 0, 2, 7].into())));
}

#[tokio::test]
async fn another_role_of_an_operator_ends_its_sessions_as_a_members_does() {
    let bed = Bed::start().await;
    add_owner(&bed).await;
    let desk = Desk::of(&bed.authority);
    let token = desk.signs_in(OWNER).await.token;
    bed.change_user("default", OWNER, |user| user.operator = Some(OperatorRole::Auditor)).await;
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Unknown)));
    let person = desk.person(OWNER).await;
    assert!(person.caller().realm(&bed.authority, Permission::WriteOperators, "default").is_err());
    let token = desk.signs_in(OWNER).await.token;
    bed.change_user("default", OWNER, |user| user.operator = None).await;
    assert!(matches!(desk.asks(&token).await, Err(NotSignedIn::Unknown)));
    assert_eq!(desk.tries(OWNER, secrets::PASSWORD).await.unwrap_err(), Refused::Wrong);
}
