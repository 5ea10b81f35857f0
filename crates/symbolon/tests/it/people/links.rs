//! Links: the first operator's, an invitation, a forgotten password. Each works once, in time, for its user.

use std::time::Duration;

use symbolon_core::edit::link::{self, Chosen, LinkError, LinkPurpose, LinkRefused};
use symbolon_core::edit::user;
use symbolon_core::permission::{Denied, Permission};
use symbolon_core::realm::Status;
use symbolon_core::secret::Secret;
use symbolon_core::session::{Person, Role};
use symbolon_core::sign_in::SignIn;
use symbolon_core::user::{MemberRole, Membership, OperatorRole, User};

use super::desk::{ADMIN, DEV, Desk, OWNER, add_owner, secret, visit};
use crate::support::{Bed, secrets};

const NEW: &str = "a tin of blue paint";

impl Desk {
    async fn accepts(&self, token: &Secret, password: &str, email: Option<&str>) -> Result<User, LinkError> {
        let password = secret(password);
        let chosen = Chosen { password: &password, email };
        link::accept(&self.authority, token.expose(), chosen, visit("req_link")).await
    }

    /// Whether a link can be used, by a look that uses nothing up.
    async fn lives(&self, token: &Secret) -> bool {
        link::look(&self.authority, token.expose()).await.is_ok()
    }

    /// A new member without a password.
    async fn member(&self, bed: &Bed, email: &str) -> User {
        let mut member = self.user(DEV).await;
        member.id = symbolon_core::id::UserId::new(&format!("usr_{}", email.len())).unwrap();
        member.email = email.to_owned();
        member.password = None;
        member.version = 1;
        bed.operator("default", async |editor| user::insert(editor, &member).await.unwrap()).await;
        member
    }
}

async fn invites(desk: &Desk, person: &Person, member: &User) -> Result<Secret, LinkRefused> {
    let place = ("default", "custodian");
    let access = person.caller().organization(&desk.authority, Permission::WriteMembers, place).await?;
    link::invite_member(&access, member).await
}

async fn resets(desk: &Desk, person: &Person, user: &User) -> Result<Secret, LinkRefused> {
    let access = person.caller().realm(&desk.authority, Permission::WriteMembers, "default")?;
    link::reset(&access, user).await
}

#[tokio::test]
async fn the_first_operator_comes_by_a_link_of_half_an_hour() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let replaced = link::first_operator(&bed.authority).await.unwrap().unwrap();
    let token = link::first_operator(&bed.authority).await.unwrap().unwrap();
    assert!(!desk.lives(&replaced).await, "the later one takes its place");
    let seen = link::look(&bed.authority, token.expose()).await.unwrap();
    assert_eq!((seen.purpose, seen.email), (LinkPurpose::FirstOperator, None));
    assert_eq!(seen.role, Some(Role::Operator(OperatorRole::Owner)));
    bed.advance(Duration::from_mins(30)).await;
    assert!(!desk.lives(&token).await);

    let token = link::first_operator(&bed.authority).await.unwrap().unwrap();
    assert!(matches!(desk.accepts(&token, NEW, None).await, Err(LinkError::EmailMissing)));
    assert!(matches!(desk.accepts(&token, NEW, Some("nobody")).await, Err(LinkError::Edit(_))));
    assert!(matches!(desk.accepts(&token, NEW, Some(DEV)).await, Err(LinkError::Edit(_))), "taken");
    assert!(matches!(desk.accepts(&token, "short", Some(OWNER)).await, Err(LinkError::Weak(_))));
    let owner = desk.accepts(&token, NEW, Some(OWNER)).await.unwrap();
    assert_eq!((owner.operator, owner.membership.clone()), (Some(OperatorRole::Owner), None));
    assert!(matches!(desk.accepts(&token, NEW, Some("other@auth.example")).await, Err(LinkError::Dead)));
    let SignIn::Done(done) = desk.tries(OWNER, NEW).await.unwrap() else { panic!("no second factor") };
    let person = desk.asks(&done.token).await.unwrap();
    assert!(person.caller().installation(&bed.authority, Permission::WriteRealms).is_ok());
    assert!(link::first_operator(&bed.authority).await.unwrap().is_none(), "there is one now");
}

#[tokio::test]
async fn a_first_operators_link_is_dead_once_there_is_an_operator() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = link::first_operator(&bed.authority).await.unwrap().unwrap();
    add_owner(&bed).await;
    assert!(!desk.lives(&token).await);
    assert!(matches!(desk.accepts(&token, NEW, Some("x@auth.example")).await, Err(LinkError::Dead)));
}

#[tokio::test]
async fn an_invitation_is_accepted_once_within_a_week() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let admin = desk.person(ADMIN).await;
    let member = desk.member(&bed, "new@custodian.example").await;
    let before = bed.store().last_change().await.unwrap();
    let first = invites(&desk, &admin, &member).await.unwrap();
    let token = invites(&desk, &admin, &member).await.unwrap();
    assert!(!desk.lives(&first).await, "replaced");
    bed.advance(Duration::from_millis(7 * 24 * 3_600_000 - 1)).await;
    let seen = link::look(&bed.authority, token.expose()).await.unwrap();
    assert_eq!(
        (seen.purpose, seen.email.as_deref()),
        (LinkPurpose::Invitation, Some("new@custodian.example"))
    );
    let accepted = desk.accepts(&token, NEW, Some("ignored@custodian.example")).await.unwrap();
    assert_eq!((accepted.id, accepted.email), (member.id.clone(), member.email.clone()));
    assert!(!desk.lives(&token).await);
    assert!(matches!(desk.accepts(&token, NEW, None).await, Err(LinkError::Dead)));
    assert!(matches!(desk.tries(&member.email, NEW).await, Ok(SignIn::Done(_))));
    let audit = bed.audit("default", before, None).await;
    let actions: Vec<_> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["invite", "invite", "accept_invitation", "sign_in"]);
    assert_eq!(audit[2].actor.id, member.id.as_str());
    assert!(audit.iter().all(|row| row.organization.is_some()));
    let text = serde_json::to_string(&audit).unwrap();
    for hidden in [NEW, token.expose().rsplit_once('_').unwrap().1, "argon2", "hmac"] {
        assert!(!text.contains(hidden), "{text}");
    }

    let late = desk.member(&bed, "late@custodian.example").await;
    let admin = desk.person(ADMIN).await;
    let token = invites(&desk, &admin, &late).await.unwrap();
    bed.advance(Duration::from_hours(7 * 24)).await;
    assert!(matches!(desk.accepts(&token, NEW, None).await, Err(LinkError::Dead)));
}

#[tokio::test]
async fn nobody_is_invited_by_somebody_who_may_not() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let member = desk.member(&bed, "new@custodian.example").await;
    let dev = desk.person(DEV).await;
    let answer = invites(&desk, &dev, &member).await;
    assert!(matches!(answer, Err(LinkRefused::Denied(Denied::Permission(_)))), "{answer:?}");
    let admin = desk.person(ADMIN).await;
    // Somebody of another organization, an operator, and somebody who has a password.
    let stranger = User {
        membership: Some(Membership {
            organization: symbolon_core::id::OrganizationId::new("metafold-customer").unwrap(),
            role: MemberRole::Viewer,
        }),
        ..member.clone()
    };
    assert!(matches!(invites(&desk, &admin, &stranger).await, Err(LinkRefused::Denied(Denied::NotFound))));
    let both = User { operator: Some(OperatorRole::Owner), ..member.clone() };
    assert!(matches!(invites(&desk, &admin, &both).await, Err(LinkRefused::Denied(_))));
    assert!(matches!(invites(&desk, &admin, &desk.user(DEV).await).await, Err(LinkRefused::Edit(_))));
    assert!(matches!(resets(&desk, &admin, &desk.user(DEV).await).await, Err(LinkRefused::Denied(_))));
    bed.change_user("default", &member.email, |user| user.status = Status::Disabled).await;
    let off = desk.user(&member.email).await;
    assert!(matches!(invites(&desk, &admin, &off).await, Err(LinkRefused::Edit(_))));
}

#[tokio::test]
async fn who_may_not_make_operators_cannot_become_one_by_a_link() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let owner = add_owner(&bed).await;
    let assistant = User {
        id: symbolon_core::id::UserId::new("usr_assistant").unwrap(),
        email: "assistant@auth.example".to_owned(),
        operator: Some(OperatorRole::Admin),
        ..owner.clone()
    };
    bed.operator("default", async |editor| user::insert(editor, &assistant).await.unwrap()).await;
    let assistant = desk.person("assistant@auth.example").await;
    let answer = resets(&desk, &assistant, &owner).await;
    assert!(
        matches!(answer, Err(LinkRefused::Denied(Denied::Permission(Permission::WriteOperators)))),
        "{answer:?}"
    );
    assert!(resets(&desk, &assistant, &desk.user(DEV).await).await.is_ok());
    let as_owner = desk.person(OWNER).await;
    assert!(resets(&desk, &as_owner, &desk.user("assistant@auth.example").await).await.is_ok());
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_of_a_day_which_ends_all_sessions() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    add_owner(&bed).await;
    let (owner, open) = (desk.person(OWNER).await, desk.signs_in(DEV).await.token);
    let token = resets(&desk, &owner, &desk.user(DEV).await).await.unwrap();
    // Until it is used, the old password works and nothing ends.
    assert!(desk.asks(&open).await.is_ok());
    let mut tries = token.expose().to_owned();
    tries.pop();
    assert!(matches!(link::look(&bed.authority, &tries).await, Err(LinkError::Dead)));
    let weak = desk.accepts(&token, "dev@custodian.example", None).await;
    assert!(matches!(weak, Err(LinkError::Weak(_))));
    assert!(desk.lives(&token).await, "a refused password uses nothing up");
    desk.accepts(&token, NEW, None).await.unwrap();
    assert!(desk.asks(&open).await.is_err());
    assert!(desk.tries(DEV, secrets::PASSWORD).await.is_err());
    assert!(matches!(desk.tries(DEV, NEW).await, Ok(SignIn::Done(_))));

    let token = resets(&desk, &owner, &desk.user(ADMIN).await).await.unwrap();
    bed.advance(Duration::from_hours(24)).await;
    assert!(matches!(desk.accepts(&token, NEW, None).await, Err(LinkError::Dead)));
}

#[tokio::test]
async fn a_link_ends_with_its_user_and_with_the_password_that_it_was_to_replace() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    add_owner(&bed).await;
    let owner = desk.person(OWNER).await;
    let token = resets(&desk, &owner, &desk.user(DEV).await).await.unwrap();
    bed.change_user("default", DEV, |user| user.status = Status::Disabled).await;
    assert!(!desk.lives(&token).await);
    bed.change_user("default", DEV, |user| user.status = Status::Active).await;
    assert!(desk.lives(&token).await);
    let hash = bed
        .operator("default", async |editor| {
            user::hash_password(editor, &secret("remembered after all"), "somebody@api.example")
                .await
                .unwrap()
        })
        .await;
    bed.change_user("default", DEV, |user| user.password = Some(hash)).await;
    assert!(!desk.lives(&token).await);
}

#[tokio::test]
async fn of_one_link_at_the_same_time_one_use_counts() {
    let bed = Bed::start().await;
    let desk = Desk::of(&bed.authority);
    let token = link::first_operator(&bed.authority).await.unwrap().unwrap();
    let answers = tokio::join!(
        desk.accepts(&token, NEW, Some("one@auth.example")),
        desk.accepts(&token, NEW, Some("two@auth.example")),
    );
    assert!(answers.0.is_ok() != answers.1.is_ok(), "{answers:?}");
}
