//! What is said where a customer would be told to ask the operator: what to do instead, with the way there.

use super::super::browser::{Browser, Desk, Who};
use super::forms::{at, form, owner};

const CUSTOMER: &str = "/organizations/custodian";

#[tokio::test]
async fn operators_are_told_what_to_do_where_customers_are_told_to_ask() {
    let desk = Desk::open().await;
    let new = format!("href=\"{}\"", at("/organizations/custodian/licences/new"));
    let pages = ["", "/licences", "/credentials"].map(|page| at(&format!("{CUSTOMER}{page}")));
    let mut customer = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let mut auditor = Browser::signed_in(&desk, Who::Auditor).await;
    let mut operator = owner(&desk).await;
    for page in &pages {
        let asks = |text: &str| text.to_lowercase().contains("ask the operator");
        let text = customer.get(page).await.text;
        assert!(asks(&text) && !text.contains(&new), "{page}: {text}");
        let text = operator.get(page).await.text;
        assert!(!asks(&text) && text.contains(&new), "{page}: {text}");
        let text = auditor.get(page).await.text;
        assert!(!asks(&text) && !text.contains(&new), "{page}: {text}");
    }
    let forbidden = auditor.get(&new[6..new.len() - 1]).await;
    assert_eq!(forbidden.status, 403);
    assert!(forbidden.text.contains("Ask an owner of this realm"), "{}", forbidden.text);
    let mut viewer = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let forbidden = viewer.get(&at("/organizations/custodian/clients/meti/settings")).await;
    assert!(forbidden.text.contains("Ask an administrator of your organization"), "{}", forbidden.text);
}

#[tokio::test]
async fn where_one_api_can_be_reached_it_is_chosen_already() {
    let desk = Desk::open().await;
    let chosen = "<option value=\"https://api.meti.io\" selected>";
    let mut customer = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    for page in ["try", "settings"] {
        let text = customer.get(&at(&format!("{CUSTOMER}/clients/meti/{page}"))).await.text;
        assert!(text.contains(chosen), "{page}: {text}");
    }
    let mut operator = owner(&desk).await;
    let text = operator.get(&at(&format!("{CUSTOMER}/clients/meti/claims"))).await.text;
    assert!(text.contains(chosen), "{text}");
    // Of several, nobody chooses but who asks.
    let many = operator.get(&at("/organizations/m3ter-org/clients/m3ter-user/try")).await.text;
    assert!(
        many.contains("<option value=\"https://api.meti.io\">") && !many.contains(" selected>"),
        "{many}"
    );
    let licence = form(&mut operator, &at(&format!("{CUSTOMER}/licences/new"))).await;
    assert_eq!(licence.value("audience"), "");
    let plain = "/console/realms/plain/organizations/plain-org/licences/new";
    assert_eq!(form(&mut operator, plain).await.value("audience"), "https://api.plain.example");
}
