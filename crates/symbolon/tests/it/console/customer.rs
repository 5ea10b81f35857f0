//! What a customer's people see and do.

mod access_keys;
mod clients;
mod credentials;
mod isolation;
mod members;
mod tokens;

use serde_json::json;

use super::browser::{Browser, Desk};
use crate::support::Answer;

/// The pages of the customer "custodian".
const HERE: &str = "/console/realms/default/organizations/custodian";

/// Lets everybody in, into a realm that offers its customers something and speaks as the test wants.
async fn desk(vocabulary: &str) -> Desk {
    let desk = Desk::open().await;
    let mut settings = desk.bed.authority.directory().realm("default").unwrap().realm().settings.clone();
    settings.self_service = serde_json::from_value(json!({
        "grants": [{"audience": "https://api.meti.io", "scopes": ["read:sources"]}],
    }))
    .unwrap();
    settings.vocabulary = serde_json::from_value(json!(vocabulary)).unwrap();
    let realm = json!({"id": "default", "settings": settings});
    desk.bed.apply(&json!({"realms": [realm]}).to_string()).await;
    desk
}

/// A page that is there.
async fn page(browser: &mut Browser<'_>, path: &str) -> Answer {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    page
}

/// Sends the form of a page with its hidden fields, and what else is entered.
async fn fill_in(browser: &mut Browser<'_>, path: &str, entered: &[(&str, &str)]) -> Answer {
    let form = page(browser, path).await;
    let hidden: Vec<(&str, String)> =
        ["once", "version"].iter().filter_map(|name| Some((*name, Browser::field(&form, name)?))).collect();
    let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend_from_slice(entered);
    browser.post(path, &fields).await
}

/// The value of a field by its id, as it stands for being copied.
#[track_caller]
fn copied(page: &Answer, id: &str) -> String {
    let input = page.text.split("<input").find(|tag| tag.contains(&format!("id=\"{id}\""))).unwrap();
    input.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Where an answer leads.
#[track_caller]
fn leads_to(answer: &Answer, path: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, path), "{}", answer.text);
}
