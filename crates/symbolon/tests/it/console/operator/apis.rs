//! Resource servers with their preview, policies, and settings of a realm.

use symbolon_core::quota::QuotaMode;
use symbolon_core::realm::{RealmSettings, Vocabulary};

use super::super::browser::{Browser, Desk, Who};
use super::forms::{Filled, METI, at, confirm, form, owner, plain, save};
use crate::support::{Request, realm_id};
use symbolon_server::axum::http::Method;

#[tokio::test]
async fn a_resource_server_is_made_with_everything_that_it_can_have() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let fields = [
        ("identifier", "https://new.example"),
        ("name", "New"),
        ("scopes", "read:a\nwrite:a"),
        ("aliases", "https://old.example"),
        ("lifetime", "600"),
        ("signing_algorithm", "PS256"),
        ("reuse_seconds", "60"),
        ("claim", "https://new.example/account"),
        ("claim_rule", "{organization.id}"),
        ("requires_licence", "on"),
        ("introspectors", "meti"),
    ];
    let to = save(&mut browser, &at("/resource-servers/new"), &fields).await;
    assert_eq!(to, at("/resource-servers/https%3A%2F%2Fnew.example?done=server-made"));
    let all = desk.bed.authority.store().list_resource_servers(&realm_id("default")).await.unwrap();
    let made = all.into_iter().find(|server| server.identifier == "https://new.example").unwrap();
    let settings = serde_json::json!({"name": "New", "aliases": ["https://old.example"],
        "scopes": ["read:a", "write:a"], "lifetime": 600, "signing_algorithm": "PS256",
        "claims": {"https://new.example/account": "{organization.id}"}, "requires_licence": true,
        "introspectors": ["meti"], "reuse_seconds": 60});
    assert_eq!(serde_json::to_value(&made.settings).unwrap(), settings);
    // Taken away again by the same form.
    let page = at("/resource-servers/https%3A%2F%2Fnew.example");
    let fields = form(&mut browser, &page)
        .await
        .without("requires_licence")
        .with("claim_rule", "")
        .with("aliases", "");
    let emptied: Vec<(&str, &str)> = fields
        .pairs()
        .into_iter()
        .map(|(name, value)| (name, if name.starts_with("claim") { "" } else { value }))
        .collect();
    assert_eq!(browser.post(&page, &emptied).await.status, 303);
    let all = desk.bed.authority.store().list_resource_servers(&realm_id("default")).await.unwrap();
    let made = all.into_iter().find(|server| server.identifier == "https://new.example").unwrap();
    assert!(
        !made.settings.requires_licence
            && made.settings.claims.is_empty()
            && made.settings.aliases.is_empty()
    );
}

/// The text of the preview in a page.
fn preview(text: &str) -> String {
    plain(text.split("id=\"preview\"").nth(1).unwrap().split("</form>").next().unwrap())
}

#[tokio::test]
async fn the_preview_shows_the_token_of_settings_that_are_not_saved() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let path = at(METI);
    let page = browser.get(&path).await;
    let shown = preview(&page.text);
    // The first who may: by the policy Administrator.
    assert!(shown.contains("\"https://api.meti.io/account_id\": \"m3ter-org\""), "{shown}");
    let changes = desk.bed.audit("default", 0, None).await.len();
    let filled = Filled::of(&page)
        .with("client", "meti-readonly")
        .with("claim", "https://api.meti.io/new")
        .with("claim_rule", "for {client.id}")
        .with("lifetime", "77")
        .with("preview", "shown");
    let answer = browser.post(&path, &filled.pairs()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let shown = preview(&answer.text);
    assert!(shown.contains("\"https://api.meti.io/new\": \"for meti-readonly\""), "{shown}");
    assert!(shown.contains("Scopes: read:sources. It lives 77 seconds."), "{shown}");
    // What was entered stands there still, and nothing was saved.
    assert_eq!(Filled::of(&answer).value("lifetime"), "77");
    assert_eq!(desk.bed.audit("default", 0, None).await.len(), changes);
    assert_eq!(form(&mut browser, &path).await.value("lifetime"), "3600");
}

#[tokio::test]
async fn the_preview_says_why_there_is_no_token() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let path = at(METI);
    let filled = form(&mut browser, &path).await.with("preview", "shown");
    let said = [
        ("client", "", "Enter an id"),
        ("client", "nobody", "Nobody here has the id nobody"),
        ("client", "metafold", "It would be refused"),
        ("lifetime", "soon", "Mend what is marked"),
        ("lifetime", "0", "A lifetime is 1 to"),
        ("claim_rule", "{nobody}", "Mend what is marked"),
    ];
    for (name, value, text) in said {
        let fields = filled.clone().with(name, value);
        let fields = if name == "claim_rule" { fields.with("claim", "x") } else { fields };
        let answer = browser.post(&path, &fields.pairs()).await;
        assert_eq!(answer.status, 200, "{name}={value}");
        assert!(preview(&answer.text).contains(text), "{name}={value}: {}", preview(&answer.text));
    }
}

#[tokio::test]
async fn whoever_only_looks_sees_the_preview_and_saves_nothing() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Auditor).await;
    let filled = form(&mut browser, &at(METI)).await.with("name", "mine");
    let shown = browser.post(&at(METI), &filled.clone().with("preview", "shown").pairs()).await;
    assert_eq!(shown.status, 200);
    assert!(!shown.text.contains("class=\"primary\""), "{}", shown.text);
    assert_eq!(browser.post(&at(METI), &filled.pairs()).await.status, 403);
}

#[tokio::test]
async fn a_resource_server_that_is_switched_off_gives_no_tokens() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let token = || desk.token("meti", "meti-secret-1234567890", "https://api.meti.io");
    assert_eq!(token().await.status, 200);
    confirm(&mut browser, &at(&format!("{METI}/disable"))).await;
    assert_ne!(token().await.status, 200);
    confirm(&mut browser, &at(&format!("{METI}/enable"))).await;
    assert_eq!(token().await.status, 200);
}

#[tokio::test]
async fn a_policy_shows_who_has_it_and_takes_away_what_it_gave_when_it_is_deleted() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let page = browser.get(&at("/policies/Administrator")).await.text;
    assert!(page.contains("Clients that have it: 1.") && page.contains("m3ter-user"), "{page}");
    assert!(page.contains("but not change it") && !page.contains("class=\"primary\""), "{page}");
    let fields = [
        ("name", "Readers"),
        ("id", "readers"),
        ("actions", "config:read"),
        ("resources", "https://api.m3ter.com"),
    ];
    save(&mut browser, &at("/policies/new"), &fields).await;
    let give = serde_json::json!({"realms": [{"id": "default",
        "settings": desk.bed.authority.directory().realm("default").unwrap().realm().settings,
        "organizations": [{"id": "m3ter-org", "clients": [{"id": "m3ter-bare", "settings": {"policies": ["readers"]}}]}]}]});
    desk.bed.apply(&give.to_string()).await;
    let scope = || async {
        let token = desk.token("m3ter-bare", "m3ter-bare-1234567890", "https://api.m3ter.com").await;
        token.body["scope"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(scope().await, "config:read");
    // A second statement, which denies.
    let deny = form(&mut browser, &at("/policies/readers")).await;
    let mut deny = deny.pairs();
    deny.retain(|(name, value)| {
        !(["effect", "actions", "resources"].contains(name) && (value.is_empty() || *name == "effect"))
    });
    deny.extend([
        ("effect", "allow"),
        ("effect", "deny"),
        ("actions", "config:write config:r*"),
        ("resources", "*"),
    ]);
    assert_eq!(browser.post(&at("/policies/readers"), &deny).await.status, 303);
    assert_eq!(scope().await, "");
    let ask = browser.get(&at("/policies/readers/delete")).await.text;
    assert!(ask.contains("Clients that have it: 1."), "{ask}");
    let to = confirm(&mut browser, &at("/policies/readers/delete")).await;
    assert_eq!(to, at("/policies?done=policy-deleted"));
    assert_eq!(browser.get(&at("/policies/readers")).await.status, 404);
    assert_eq!(browser.get(&at("/policies/Administrator/delete")).await.status, 404);
}

#[tokio::test]
async fn nobody_gives_more_in_management_by_a_policy_than_it_has() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Admin).await;
    let fields = [("name", "x"), ("actions", "write:operators"), ("resources", "urn:symbolon:management")];
    let mut filled = form(&mut browser, &at("/policies/new")).await;
    for (name, value) in fields {
        filled = filled.with(name, value);
    }
    assert_eq!(browser.post(&at("/policies/new"), &filled.pairs()).await.status, 403);
    let mut browser = owner(&desk).await;
    assert_eq!(browser.post(&at("/policies/new"), &filled.pairs()).await.status, 303);
}

#[tokio::test]
async fn every_setting_of_a_realm_is_changed_by_its_form() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let new = [("id", "fresh"), ("compatibility", "keycloak")];
    let to = save(&mut browser, "/console/new-realm", &new).await;
    assert_eq!(to, "/console/realms/fresh/settings?done=realm-made");
    let path = "/console/realms/fresh";
    save(
        &mut browser,
        &format!("{path}/resource-servers/new"),
        &[("identifier", "urn:api"), ("scopes", "a b")],
    )
    .await;
    let policy = [("id", "pol"), ("name", "P"), ("actions", "a"), ("resources", "*")];
    save(&mut browser, &format!("{path}/policies/new"), &policy).await;
    save(&mut browser, &format!("{path}/organizations/new"), &[("id", "staff"), ("name", "Staff")]).await;
    let fields = [
        ("issuer", "https://sso.example/auth"),
        ("hosts", "sso.example"),
        ("compatibility", "m3ter"),
        ("signing_algorithm", "Ed25519"),
        ("token_type", "at+jwt"),
        ("bearer_claim", "yes"),
        ("default_audience", "urn:api"),
        ("default_lifetime", "60"),
        ("maximum_lifetime", "120"),
        ("vocabulary", "service-users"),
        ("safe_to_retire_days", "9"),
        ("operators", "staff"),
        ("self_audience", "urn:api"),
        ("self_scopes", "a b"),
        ("self_policies", "pol"),
        ("quota_mode", "monitor"),
        ("quota_tokens", "7"),
        ("password_on", "on"),
        ("password_audience", "urn:api"),
        ("password_lifetime", "30"),
    ];
    save(&mut browser, &format!("{path}/settings"), &fields).await;
    let settings = desk.bed.authority.directory().realm("fresh").unwrap().realm().settings.clone();
    let json = serde_json::to_value(&settings).unwrap();
    let none = serde_json::to_value(RealmSettings::default()).unwrap();
    for (name, value) in json.as_object().unwrap() {
        assert_ne!(Some(value), none.get(name), "{name} was not changed");
    }
    assert_eq!(
        (settings.vocabulary, settings.quota.unwrap().mode),
        (Vocabulary::ServiceUsers, QuotaMode::Monitor)
    );
    let page = browser.get(&format!("{path}/policies/pol")).await.text;
    assert!(page.contains("Service Users that have it: 0."), "{page}");
    assert_eq!(browser.post("/console/new-realm", &[("id", "fresh")]).await.status, 422);
}

#[tokio::test]
async fn a_new_realms_form_that_is_sent_twice_makes_one_and_says_so_twice() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let filled = form(&mut browser, "/console/new-realm").await.with("id", "twice");
    for _ in 0..2 {
        let answer = browser.post("/console/new-realm", &filled.pairs()).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/console/realms/twice/settings?done=realm-made"),
            "{}",
            answer.text
        );
    }
    // Another form, or the same one for another realm that is there, is told what is wrong.
    let other = form(&mut browser, "/console/new-realm").await.with("id", "twice");
    assert_eq!(browser.post("/console/new-realm", &other.pairs()).await.status, 422);
    let wrong = filled.with("id", "plain");
    let wrong = browser.post("/console/new-realm", &wrong.pairs()).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("value=\"plain\""), "{}", wrong.text);
}

#[tokio::test]
async fn a_realm_is_switched_off_and_on_but_not_ones_own() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let own = form(&mut browser, &at("/settings/disable")).await;
    let answer = browser.post(&at("/settings/disable"), &own.pairs()).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("lock yourself out"), "{}", answer.text);
    let path = "/console/realms/plain/settings";
    confirm(&mut browser, &format!("{path}/disable")).await;
    let token = || {
        desk.bed.token(
            "/realms/plain/oauth/token",
            "plain-client",
            "plain-secret-1234567890",
            &[("audience", "https://api.plain.example")],
        )
    };
    assert_ne!(token().await.status, 200);
    let overview = browser.get("/console/realms/plain").await;
    assert!(overview.text.contains("This realm is switched off"), "{}", overview.text);
    confirm(&mut browser, &format!("{path}/enable")).await;
    desk.bed.advance(std::time::Duration::from_secs(2)).await;
    assert_eq!(token().await.status, 200);
}

#[tokio::test]
async fn with_scripts_the_preview_comes_as_a_part_of_the_page() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let page = browser.get(&at(METI)).await;
    assert!(
        page.text.contains("hx-select=\"#preview\"")
            && page.text.contains("hx-trigger=\"input delay:500ms from:#server\"")
    );
    let answer = desk.bed.send(Request::new(Method::GET, &at(METI)).header("hx-request", "true")).await;
    assert_eq!(answer.status, 303, "a part is for whoever is signed in");
}
