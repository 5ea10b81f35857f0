//! Clients: the list, a new one, its settings, what it may do, its end.

use std::time::Duration;

use symbolon_core::id::ClientId;
use symbolon_core::realm::Status;

use super::super::browser::{Browser, Who, escaped};
use super::{HERE, copied, desk, fill_in, leads_to, page};
use crate::support::{API, INTROSPECTOR, secrets};

#[tokio::test]
async fn the_list_stands_under_settings_access_in_the_realms_words() {
    for (vocabulary, name) in [("service-users", "Service Users"), ("oauth", "Clients")] {
        let desk = desk(vocabulary).await;
        let mut browser = Browser::signed_in(&desk, Who::CustomerViewer).await;
        let list = page(&mut browser, &format!("{HERE}/clients")).await;
        let crumbs = list.text.split("class=\"crumbs\"").nth(1).unwrap().split("</nav>").next().unwrap();
        let crumbs: Vec<&str> =
            crumbs.split("<li>").skip(1).map(|crumb| crumb.split('<').next().unwrap()).collect();
        assert_eq!(crumbs, ["Settings", "Access", name]);
        assert!(list.text.contains(&escaped("Custodian's importer")), "{}", list.text);
        assert!(!list.text.contains("other-client") && !list.text.contains("/clients/new"), "{}", list.text);
    }
}

#[tokio::test]
async fn a_list_is_filtered_by_its_address() {
    let desk = desk("oauth").await;
    desk.bed.change_client("default", "meti", |client| client.status = Status::Disabled).await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let shown = async |browser: &mut Browser<'_>, query: &str| {
        let list = page(browser, &format!("{HERE}/clients?{query}")).await;
        ["meti", "meti-readonly"].map(|id| list.text.contains(&format!("<code>{id}</code>")))
    };
    assert_eq!(shown(&mut browser, "").await, [true, true]);
    assert_eq!(shown(&mut browser, "status=disabled").await, [true, false]);
    assert_eq!(shown(&mut browser, "status=active").await, [false, true]);
    assert_eq!(shown(&mut browser, "q=METI-r").await, [false, true]);
    let nothing = page(&mut browser, &format!("{HERE}/clients?q=nothing")).await;
    assert!(nothing.text.contains("Nothing matches"), "{}", nothing.text);
}

#[tokio::test]
async fn operators_see_the_clients_of_the_whole_realm() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::Auditor).await;
    let list = page(&mut browser, "/console/realms/default/clients").await;
    for id in ["meti", "other-client", "m3ter-user"] {
        assert!(list.text.contains(&format!("<code>{id}</code>")), "{id}: {}", list.text);
    }
    let mut customer = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    assert_eq!(customer.get("/console/realms/default/clients").await.status, 403);
}

#[tokio::test]
async fn a_new_client_has_what_is_offered_and_a_secret_that_works_and_is_shown_once() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    let path = format!("{HERE}/clients/new");
    let form = page(&mut browser, &path).await;
    assert!(form.text.contains("name=\"with-key\" value=\"yes\" checked"), "{}", form.text);
    assert!(form.text.contains(&format!("value=\"{API} read:sources\" checked")), "{}", form.text);
    assert!(!form.text.contains("write:sources"), "{}", form.text);
    let entered = [("name", "Nightly"), ("with-key", "yes"), ("grant", "https://api.meti.io read:sources")];
    let made = fill_in(&mut browser, &path, &entered).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    let (id, secret) = (copied(&made, "made-client"), copied(&made, "made-secret"));
    assert_eq!(copied(&made, "made-organization"), "custodian");
    let token = desk.token(&id, &secret, API).await;
    assert_eq!(token.status, 200, "{token:?}");
    assert_eq!(token.claims()["scope"], "read:sources");
    let shown = page(&mut browser, &format!("{HERE}/clients/{id}")).await;
    assert!(shown.text.contains("Nightly") && shown.text.contains("ACTIVE"), "{}", shown.text);
    assert!(!shown.text.contains(&secret));
}

#[tokio::test]
async fn a_double_click_makes_one_client() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let path = format!("{HERE}/clients/new");
    let once = Browser::field(&page(&mut browser, &path).await, "once").unwrap();
    let fields = [("once", once.as_str()), ("name", "Only one"), ("with-key", "yes")];
    let made = browser.post(&path, &fields).await;
    let id = copied(&made, "made-client");
    let again = browser.post(&path, &fields).await;
    leads_to(&again, &format!("{HERE}/clients/{id}?done=client-created"));
    let list = page(&mut browser, &format!("{HERE}/clients")).await;
    assert_eq!(list.text.matches("Only one").count(), 1, "{}", list.text);
    assert_eq!(desk.bed.find_client("default", &id).await.keys.len(), 1);
}

#[tokio::test]
async fn a_client_without_a_name_is_asked_for_one_with_all_else_kept() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let path = format!("{HERE}/clients/new");
    let entered =
        [("name", " "), ("grant", "https://api.meti.io write:sources"), ("policy", "Administrator")];
    let answer = fill_in(&mut browser, &path, &entered).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("aria-describedby=\"name-mistake\""), "{}", answer.text);
    assert!(answer.text.contains("value=\"https://api.meti.io write:sources\" checked"), "{}", answer.text);
    assert!(answer.text.contains("value=\"Administrator\" checked"), "{}", answer.text);
    assert!(answer.text.contains("name=\"with-key\" value=\"yes\">"), "{}", answer.text);
}

#[tokio::test]
async fn customers_give_nothing_that_is_not_offered() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let more = [("grant", "https://api.meti.io delete:sources"), ("policy", "Administrator")];
    let entered = [&[("name", "Greedy")], &more[..]].concat();
    let made = fill_in(&mut browser, &format!("{HERE}/clients/new"), &entered).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let id = made.header("location").rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let client = desk.bed.find_client("default", &id).await.client;
    assert!(client.settings.grants.is_empty() && client.settings.policies.is_empty(), "{client:?}");
    let path = format!("{HERE}/clients/{id}/scopes");
    leads_to(
        &fill_in(&mut browser, &path, &more).await,
        &format!("{HERE}/clients/{id}?done=client-scopes-saved"),
    );
    assert_eq!(desk.bed.find_client("default", &id).await.client.settings, client.settings);
}

/// S1.6
#[tokio::test]
async fn an_operator_grants_scopes_and_policies_to_a_client() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let path = format!("{HERE}/clients/meti-readonly/scopes");
    let entered = [
        ("grant", "https://api.meti.io read:sources"),
        ("grant", "https://api.meti.io write:sources"),
        ("policy", "Administrator"),
    ];
    let scope = async || {
        let answer = desk.token("meti-readonly", secrets::METI_READONLY, API).await;
        answer.claims()["scope"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(scope().await, "read:sources");
    leads_to(
        &fill_in(&mut browser, &path, &entered[..2]).await,
        &format!("{HERE}/clients/meti-readonly?done=client-scopes-saved"),
    );
    assert_eq!(scope().await, "read:sources write:sources");
    fill_in(&mut browser, &path, &entered).await;
    assert_eq!(scope().await, "delete:sources read:sources write:sources");
    fill_in(&mut browser, &path, &entered[..1]).await;
    assert_eq!(scope().await, "read:sources");
}

#[tokio::test]
async fn what_somebody_else_changed_is_not_overwritten() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let path = format!("{HERE}/clients/meti/settings");
    let old = page(&mut browser, &path).await;
    let version = Browser::field(&old, "version").unwrap();
    desk.bed.change_client("default", "meti", |client| client.settings.name = "Theirs".to_owned()).await;
    let answer = browser.post(&path, &[("version", &version), ("name", "Mine")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("Somebody else changed it") && answer.text.contains("value=\"Mine\""));
    assert_eq!(desk.bed.find_client("default", "meti").await.client.settings.name, "Theirs");
}

#[tokio::test]
async fn settings_are_saved_and_wrong_ones_come_back_with_what_is_wrong() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let path = format!("{HERE}/clients/meti/settings");
    let wrong = [("name", "Importer"), ("networks", "192.0.2.1\nnonsense"), ("lifetime", "60")];
    let answer = fill_in(&mut browser, &path, &wrong).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("nonsense is neither an address nor a network"), "{}", answer.text);
    assert!(answer.text.contains("192.0.2.1\nnonsense</textarea>"), "{}", answer.text);
    let right = [("name", "Importer"), ("networks", "192.0.2.1, 203.0.113.0/24"), ("lifetime", "60")];
    leads_to(&fill_in(&mut browser, &path, &right).await, &format!("{HERE}/clients/meti?done=client-saved"));
    let client = desk.bed.find_client("default", "meti").await.client;
    let networks: Vec<String> = client.settings.allowed_networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.1/32", "203.0.113.0/24"]);
    // What only operators set is not there for a customer.
    assert_eq!((client.settings.name.as_str(), client.settings.lifetime), ("Importer", None));
    let mut operator = Browser::signed_in(&desk, Who::Admin).await;
    let more = [("name", "Importer"), ("lifetime", "60"), ("licence-kind", "beta")];
    assert_eq!(fill_in(&mut operator, &path, &more).await.status, 303);
    let settings = desk.bed.find_client("default", "meti").await.client.settings;
    assert_eq!((settings.lifetime, settings.licence_kind.unwrap().name()), (Some(60), "beta"));
    assert_eq!(fill_in(&mut operator, &path, &[("name", "x"), ("lifetime", "long")]).await.status, 422);
}

/// S3.2
#[tokio::test]
async fn deleting_says_what_dies_and_kills_the_tokens_that_are_out() {
    let desk = desk("oauth").await;
    let introspectors = vec![ClientId::new(INTROSPECTOR.0).unwrap()];
    desk.bed.change_server("default", API, |server| server.settings.introspectors = introspectors).await;
    let token =
        desk.token("meti", secrets::METI, API).await.body["access_token"].as_str().unwrap().to_owned();
    desk.bed.count_journal().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    let path = format!("{HERE}/clients/meti/delete");
    let question = page(&mut browser, &path).await;
    for part in [
        "meti-key",
        "Tokens that may still be alive: 1.",
        "It got 1 token in",
        "cannot be undone",
        "class=\"danger\"",
    ] {
        assert!(question.text.contains(part), "{part}: {}", question.text);
    }
    let (id, secret) = INTROSPECTOR;
    assert!(desk.bed.is_active("/oauth/introspect", id, secret, &token).await);
    leads_to(&fill_in(&mut browser, &path, &[]).await, &format!("{HERE}/clients?done=client-deleted"));
    assert_eq!(desk.token("meti", secrets::METI, API).await.status, 401);
    assert_eq!(browser.get(&format!("{HERE}/clients/meti")).await.status, 404);
    assert!(!desk.bed.is_active("/oauth/introspect", id, secret, &token).await);
}

#[tokio::test]
async fn switching_off_and_on_asks_first() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let to = format!("{HERE}/clients/meti");
    leads_to(
        &fill_in(&mut browser, &format!("{to}/disable"), &[]).await,
        &format!("{to}?done=client-disabled"),
    );
    assert_eq!(desk.token("meti", secrets::METI, API).await.status, 401);
    leads_to(
        &fill_in(&mut browser, &format!("{to}/enable"), &[]).await,
        &format!("{to}?done=client-enabled"),
    );
    desk.bed.advance(Duration::from_secs(1)).await;
    assert_eq!(desk.token("meti", secrets::METI, API).await.status, 200);
    let stale = browser.post(&format!("{to}/disable"), &[("version", "1")]).await;
    assert_eq!(stale.status, 409, "{}", stale.text);
}

#[tokio::test]
async fn every_text_field_comes_out_escaped() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let evil = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>";
    let made = fill_in(&mut browser, &format!("{HERE}/clients/new"), &[("name", evil)]).await;
    let id = made.header("location").rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    desk.bed
        .change_organization("default", "custodian", |organization| organization.name = evil.to_owned())
        .await;
    let client = format!("/clients/{id}");
    let pages = [
        String::new(),
        "/clients".to_owned(),
        client.clone(),
        format!("{client}/settings"),
        format!("{client}/scopes"),
        format!("{client}/delete"),
        format!("{client}/disable"),
        format!("{client}/rotation"),
        format!("{client}/quick-start"),
        format!("{client}/try"),
        "/licences".to_owned(),
        "/credentials".to_owned(),
        "/members".to_owned(),
        format!("/clients?q={}", "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"),
    ];
    for path in pages {
        let shown = page(&mut browser, &format!("{HERE}{path}")).await;
        assert!(!shown.text.contains("<script>alert"), "{path}: {}", shown.text);
        assert!(!shown.text.contains("<img src=x"), "{path}: {}", shown.text);
    }
    let path = format!("{HERE}{client}/settings");
    let answer =
        fill_in(&mut browser, &path, &[("name", evil), ("networks", evil), ("lifetime", evil)]).await;
    assert_eq!(answer.status, 422);
    assert!(!answer.text.contains("<script>alert") && answer.text.contains(&escaped(evil)));
}
