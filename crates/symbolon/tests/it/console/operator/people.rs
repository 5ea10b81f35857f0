//! Operators: invitations, roles, links, second factors.

use symbolon_core::edit::link::{self, LinkPurpose};
use symbolon_core::realm::Status;
use symbolon_core::user::{OperatorRole, User};

use super::super::browser::{Browser, Desk, Who};
use super::forms::{at, confirm, form, owner, save};
use crate::support::{Answer, realm_id};

async fn user(desk: &Desk, email: &str) -> User {
    let store = desk.bed.authority.store();
    store.find_user_by_email(&realm_id("default"), email).await.unwrap().unwrap()
}

/// The link that a page shows.
fn shown_link(page: &Answer) -> String {
    Browser::field_of(page, "link")
}

trait FieldOf {
    fn field_of(page: &Answer, id: &str) -> String;
}

impl FieldOf for Browser<'_> {
    fn field_of(page: &Answer, id: &str) -> String {
        let input = page.text.split("<input").find(|tag| tag.contains(&format!("id=\"{id}\"")));
        let input = input.unwrap();
        super::forms::plain(input.split("value=\"").nth(1).unwrap().split('"').next().unwrap())
    }
}

#[tokio::test]
async fn somebody_is_invited_by_a_link_that_is_shown_once() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let path = at("/operators/new");
    let filled = form(&mut browser, &path).await.with("email", "new@operator.example").with("role", "admin");
    let page = browser.post(&path, &filled.pairs()).await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"), "{}", page.text);
    let address = shown_link(&page);
    let token = address.strip_prefix("https://auth.example/console/link/").unwrap();
    let view = link::look(&desk.bed.authority, token).await.unwrap();
    assert_eq!(view.purpose, LinkPurpose::Invitation);
    assert_eq!(view.email.as_deref(), Some("new@operator.example"));
    let made = user(&desk, "new@operator.example").await;
    assert_eq!((made.operator, made.password.is_none()), (Some(OperatorRole::Admin), true));
    // Sent again, it makes nobody else, and the link stays what it was.
    let again = browser.post(&path, &filled.pairs()).await;
    assert_eq!(again.header("location"), at(&format!("/operators/{}?done=operator-invited", made.id)));
    assert!(link::look(&desk.bed.authority, token).await.is_ok());
    let list = browser.get(&at("/operators")).await.text;
    assert!(list.contains("new@operator.example") && list.contains("Invited"), "{list}");
    assert!(!list.contains(token));
    // A new invitation ends the one before.
    let ask = at(&format!("/operators/{}/link", made.id));
    let fields = form(&mut browser, &ask).await;
    let page = browser.post(&ask, &fields.pairs()).await;
    assert_ne!(shown_link(&page), address);
    assert!(link::look(&desk.bed.authority, token).await.is_err());
}

#[tokio::test]
async fn whoever_forgot_the_password_is_given_a_link_for_a_new_one() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let auditor = user(&desk, Who::Auditor.email()).await;
    let ask = at(&format!("/operators/{}/link", auditor.id));
    let fields = form(&mut browser, &ask).await;
    let page = browser.post(&ask, &fields.pairs()).await;
    let address = shown_link(&page);
    let token = address.rsplit('/').next().unwrap();
    assert_eq!(link::look(&desk.bed.authority, token).await.unwrap().purpose, LinkPurpose::Reset);
    // Nothing of the auditor's has ended.
    Browser::signed_in(&desk, Who::Auditor).await;
}

#[tokio::test]
async fn links_and_second_factors_need_a_fresh_proof_of_who_asks() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let auditor = user(&desk, Who::Auditor.email()).await;
    let one = format!("/operators/{}", auditor.id);
    desk.bed.advance(std::time::Duration::from_mins(11)).await;
    for page in ["/operators/new".to_owned(), format!("{one}/link"), format!("{one}/remove-factors")] {
        let path = at(&page);
        let fields = [("version", "1"), ("email", "x@y.example"), ("role", "owner")];
        for answer in [browser.get(&path).await, browser.post(&path, &fields).await] {
            assert!(answer.header("location").starts_with("/console/prove?next="), "{path}: {answer:?}");
        }
    }
    assert_eq!(browser.get(&at(&one)).await.status, 200);
}

#[tokio::test]
async fn an_operator_is_given_another_role_switched_off_and_on() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let mut auditor = Browser::signed_in(&desk, Who::Auditor).await;
    let path = at(&format!("/operators/{}", user(&desk, Who::Auditor.email()).await.id));
    save(&mut browser, &path, &[("role", "admin")]).await;
    assert_eq!(user(&desk, Who::Auditor.email()).await.operator, Some(OperatorRole::Admin));
    confirm(&mut browser, &format!("{path}/disable")).await;
    assert_eq!(user(&desk, Who::Auditor.email()).await.status, Status::Disabled);
    assert_eq!(auditor.get(&at("")).await.status, 303, "a session of somebody who is switched off goes on");
    confirm(&mut browser, &format!("{path}/enable")).await;
    assert_eq!(user(&desk, Who::Auditor.email()).await.status, Status::Active);
}

#[tokio::test]
async fn nobody_changes_its_own_role_or_switches_itself_off() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let path = at(&format!("/operators/{}", user(&desk, Who::Owner.email()).await.id));
    let filled = form(&mut browser, &path).await.with("role", "auditor");
    let answer = browser.post(&path, &filled.pairs()).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("You cannot change your own role."), "{}", answer.text);
    let ask = format!("{path}/disable");
    let filled = form(&mut browser, &ask).await;
    let answer = browser.post(&ask, &filled.pairs()).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("You cannot switch yourself off."), "{}", answer.text);
    let owner = user(&desk, Who::Owner.email()).await;
    assert_eq!((owner.operator, owner.status), (Some(OperatorRole::Owner), Status::Active));
}

#[tokio::test]
async fn members_are_no_operators_whatever_address_they_are_asked_for_at() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let member = user(&desk, Who::CustomerAdmin.email()).await.id;
    for page in ["", "/disable", "/enable", "/link", "/remove-factors"] {
        let path = at(&format!("/operators/{member}{page}"));
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
        assert_eq!(browser.post(&path, &[("version", "1"), ("role", "owner")]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn removing_second_factors_is_written_down() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let auditor = user(&desk, Who::Auditor.email()).await.id;
    confirm(&mut browser, &at(&format!("/operators/{auditor}/remove-factors"))).await;
    let changes = desk.bed.audit("default", 0, None).await;
    let last = changes.last().unwrap();
    assert_eq!((last.action.as_str(), last.subject_id.as_str()), ("remove_factors", auditor.as_str()));
}
