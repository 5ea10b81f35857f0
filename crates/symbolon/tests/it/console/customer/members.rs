//! Members: the list, invitations by link, roles, switching off.

use super::super::browser::{Browser, PASSWORD, Who};
use super::{HERE, copied, desk, fill_in, leads_to, page};

#[tokio::test]
async fn somebody_is_invited_by_a_link_that_is_shown_once_and_leads_in() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let path = format!("{HERE}/members/new");
    let entered = [("email", "new@custodian.example"), ("role", "viewer")];
    let made = fill_in(&mut browser, &path, &entered).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let link = copied(&made, "link");
    assert!(link.starts_with("https://auth.example/console/link/sym_"), "{link}");
    let list = page(&mut browser, &format!("{HERE}/members?q=new@")).await;
    assert!(list.text.contains("Invited") && !list.text.contains(&link), "{}", list.text);
    let again = fill_in(&mut browser, &path, &entered).await;
    assert_eq!(again.status, 422);
    assert!(again.text.contains("Somebody has this address already"), "{}", again.text);
    assert!(again.text.contains("value=\"new@custodian.example\""), "{}", again.text);
    let wrong = fill_in(&mut browser, &path, &[("email", "no address"), ("role", "admin")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("value=\"admin\" checked"), "{}", wrong.text);
}

#[tokio::test]
async fn a_role_is_changed_and_somebody_is_switched_off_and_on() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let to = format!("{HERE}/members/usr_viewer");
    leads_to(&fill_in(&mut browser, &to, &[("role", "developer")]).await, &format!("{to}?done=member-saved"));
    let shown = page(&mut browser, &to).await;
    assert!(shown.text.contains("value=\"developer\" checked"), "{}", shown.text);
    assert_eq!(fill_in(&mut browser, &to, &[("role", "emperor")]).await.status, 422);
    assert_eq!(browser.post(&to, &[("role", "admin"), ("version", "1")]).await.status, 409);
    leads_to(
        &fill_in(&mut browser, &format!("{to}/disable"), &[]).await,
        &format!("{to}?done=member-disabled"),
    );
    let mut viewer = Browser::new(&desk);
    let fields = [("email", Who::CustomerViewer.email()), ("password", PASSWORD)];
    assert_eq!(viewer.post("/console/sign-in", &fields).await.status, 422);
    leads_to(
        &fill_in(&mut browser, &format!("{to}/enable"), &[]).await,
        &format!("{to}?done=member-enabled"),
    );
    assert_eq!(viewer.post("/console/sign-in", &fields).await.status, 303);
}

#[tokio::test]
async fn nobody_locks_itself_out() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let to = format!("{HERE}/members/usr_admin");
    for (path, field) in [(to.clone(), ("role", "viewer")), (format!("{to}/disable"), ("x", "y"))] {
        let answer = browser.post(&path, &[field, ("version", "1")]).await;
        assert_eq!(answer.status, 409, "{path}");
        assert!(answer.text.contains("This is you"), "{}", answer.text);
    }
    page(&mut browser, HERE).await;
}

#[tokio::test]
async fn a_link_in_place_of_a_forgotten_password_comes_from_operators_alone() {
    let desk = desk("oauth").await;
    let path = format!("{HERE}/members/usr_dev/link");
    let mut customer = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    assert_eq!(customer.post(&path, &[]).await.status, 403);
    let mut operator = Browser::signed_in(&desk, Who::Owner).await;
    let made = fill_in(&mut operator, &path, &[]).await;
    assert!(copied(&made, "link").contains("/console/link/"), "{}", made.text);
}
