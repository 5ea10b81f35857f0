//! Revocations, signing keys, and what the overview says needs attention.

use std::time::Duration;

use symbolon_core::signing_key::KeyState;

use super::super::browser::{Browser, Desk, Who};
use super::forms::{at, confirm, form, owner, save};
use crate::support::{realm_id, secrets};

async fn user_id(desk: &Desk, who: Who) -> String {
    let store = desk.bed.authority.store();
    let user = store.find_user_by_email(&realm_id("default"), who.email()).await.unwrap().unwrap();
    user.id.to_string()
}

#[tokio::test]
async fn everything_of_an_organization_a_client_a_key_or_the_realm_is_revoked() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let subjects = [
        ("organization", "metafold-customer"),
        ("client", "metafold"),
        ("access_key", "metafold-key"),
        ("realm", "default"),
    ];
    for (kind, id) in subjects {
        desk.bed.advance(Duration::from_secs(2)).await;
        let token = desk.bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
        let other = desk.bed.access_token("/oauth/token", "meti", secrets::METI).await;
        let is_active =
            async |token: &str, id, secret| desk.bed.is_active("/oauth/introspect", id, secret, token).await;
        let found = browser.get(&at(&format!("/revocations/new?kind={kind}&q={id}"))).await.text;
        let confirm_at = format!("/revocations/confirm?kind={kind}&amp;id={id}");
        let escaped = format!("/revocations/confirm?kind={kind}&#38;id={id}");
        assert!(found.contains(&confirm_at) || found.contains(&escaped), "{kind}: {found}");
        assert!(is_active(&token, "metafold", secrets::METAFOLD).await);
        let ask = at(&format!("/revocations/confirm?kind={kind}&id={id}"));
        let text = browser.get(&ask).await.text;
        assert!(text.contains("class=\"danger\"") && text.contains("refused within a second"), "{text}");
        assert_eq!(confirm(&mut browser, &ask).await, at("/revocations?done=revoked"));
        assert!(!is_active(&token, "metafold", secrets::METAFOLD).await, "{kind}");
        assert_eq!(is_active(&other, "meti", secrets::METI).await, kind != "realm", "{kind}");
        let list = browser.get(&at(&format!("/revocations?kind={kind}"))).await.text;
        assert!(kind == "realm" || list.contains(&format!("<code>{id}</code>")), "{kind}: {list}");
    }
}

#[tokio::test]
async fn everything_of_a_person_is_revoked_sessions_too() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let mut developer = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    let over = "/console/sign-in?next=%2Fconsole&done=session-over";
    assert_ne!(developer.get("/console").await.header("location"), over);
    let id = user_id(&desk, Who::CustomerDeveloper).await;
    let found = browser.get(&at("/revocations/new?kind=user&q=dev%40custodian")).await.text;
    assert!(found.contains(&id), "{found}");
    let ask = at(&format!("/revocations/confirm?kind=user&id={id}"));
    assert!(browser.get(&ask).await.text.contains("All sessions of this person end as well."));
    confirm(&mut browser, &ask).await;
    assert_eq!(developer.get("/console").await.header("location"), over);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_revoked() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let missing = [
        ("organization", "nobody"),
        ("client", "metafold-key"),
        ("access_key", "metafold"),
        ("user", "nobody"),
        ("realm", "plain"),
        ("realm", ""),
        ("signing_key", "x"),
        ("nothing", "x"),
        ("client", "eco-trial"),
    ];
    for (kind, id) in missing {
        let path = at("/revocations/confirm");
        assert_eq!(browser.get(&format!("{path}?kind={kind}&id={id}")).await.status, 404, "{kind} {id}");
        assert_eq!(browser.post(&path, &[("kind", kind), ("id", id)]).await.status, 404, "{kind} {id}");
    }
    let nothing = browser.get(&at("/revocations/new?kind=client&q=nobody")).await.text;
    assert!(nothing.contains("Nobody was found."), "{nothing}");
}

#[tokio::test]
async fn revocations_are_listed_in_parts_and_filtered() {
    let desk = Desk::open().await;
    let clients: Vec<_> =
        (0..60).map(|i| serde_json::json!({"id": format!("many-{i:02}"), "status": "disabled"})).collect();
    let settings = desk.bed.authority.directory().realm("default").unwrap().realm().settings.clone();
    let realm = serde_json::json!({"id": "default", "settings": settings,
        "organizations": [{"id": "many", "clients": clients}]});
    desk.bed.apply(&serde_json::json!({"realms": [realm]}).to_string()).await;
    let mut browser = owner(&desk).await;
    for i in 0..60 {
        let fields = [("kind", "client"), ("id", &*format!("many-{i:02}"))];
        assert_eq!(browser.post(&at("/revocations/confirm"), &fields).await.status, 303, "{i}");
    }
    let first = browser.get(&at("/revocations?kind=client&q=many-")).await.text;
    assert!(
        first.contains("many-00<") && first.contains("many-49<") && !first.contains("many-50<"),
        "{first}"
    );
    let next = first.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = super::forms::plain(next.split('"').next().unwrap());
    let second = browser.get(&next).await.text;
    assert!(
        second.contains("many-50<") && second.contains("many-59<") && !second.contains("many-49<"),
        "{next}"
    );
    let one = browser.get(&at("/revocations?q=many-07")).await.text;
    assert!(one.contains("many-07<") && !one.contains("many-08<"), "{one}");
}

#[tokio::test]
async fn the_next_signing_key_is_published_once_however_often_it_is_asked_for() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let keys = || async { desk.bed.authority.store().list_signing_keys(&realm_id("default")).await.unwrap() };
    let before = keys().await.len();
    let filled = form(&mut browser, &at("/signing-keys/rotate")).await;
    assert_eq!(filled.value("algorithm"), "RS256");
    for _ in 0..2 {
        assert_eq!(browser.post(&at("/signing-keys/rotate"), &filled.pairs()).await.status, 303);
    }
    let now = keys().await;
    assert_eq!(now.len(), before + 1);
    assert_eq!(now.iter().filter(|key| key.state == KeyState::Pending).count(), 1);
    let unused = browser.post(&at("/signing-keys/rotate"), &[("algorithm", "PS256")]).await;
    assert_eq!(unused.status, 422, "{}", unused.text);
    assert!(unused.text.contains("Nothing in this realm is signed with PS256."), "{}", unused.text);
}

#[tokio::test]
async fn a_key_in_strange_hands_is_replaced_and_its_tokens_are_dead() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let token = desk.bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
    let keys = || async { desk.bed.authority.store().list_signing_keys(&realm_id("default")).await.unwrap() };
    let kid = keys().await.into_iter().find(|key| key.state == KeyState::Active).unwrap().kid;
    let ask = at(&format!("/signing-keys/{kid}/replace"));
    let page = browser.get(&ask).await.text;
    assert!(page.contains("A new RS256 key signs at once.") && page.contains("class=\"danger\""), "{page}");
    assert_eq!(confirm(&mut browser, &ask).await, at("/signing-keys?done=signing-key-replaced"));
    assert!(keys().await.iter().all(|key| key.kid != kid));
    assert!(!desk.bed.is_active("/oauth/introspect", "metafold", secrets::METAFOLD, &token).await);
    desk.bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
    assert_eq!(browser.get(&ask).await.status, 404);
}

#[tokio::test]
async fn the_overview_says_what_needs_attention_and_where_to_go() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let calm = browser.get(&at("")).await.text;
    assert!(calm.contains("Nothing does."), "{calm}");
    let licence = [("audience", "https://api.meti.io"), ("ends_at", "2026-12-10T12:00:00")];
    save(&mut browser, &at("/organizations/custodian/licences/new"), &licence).await;
    desk.bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
    let refused =
        desk.bed.token("/oauth/token", "metafold", secrets::METAFOLD, &[("audience", "urn:nothing")]).await;
    assert_ne!(refused.status, 200);
    let counted = std::time::Instant::now();
    let page = loop {
        desk.bed.count_journal().await;
        desk.bed.authority.store().count_refusals(desk.bed.authority.now()).await.unwrap();
        let page = browser.get(&at("")).await.text;
        if page.contains("Refusals of metafold today: 1.") {
            break page;
        }
        assert!(counted.elapsed() < Duration::from_secs(20), "{page}");
        tokio::task::yield_now().await;
    };
    assert!(page.contains("The licence of Custodian Inc for https://api.meti.io ends in 18 days."), "{page}");
    assert!(page.contains(&at("/organizations/custodian/licences")), "{page}");
    assert!(page.contains(&at("/organizations/metafold-customer/clients/metafold")), "{page}");
    let figures: Vec<&str> =
        page.split("class=\"figure\">").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(figures, ["5", "6", "1", "1"], "{page}");
    assert!(!page.contains("has signed for"), "{page}");
}

#[tokio::test]
async fn a_key_that_signs_for_too_long_is_told() {
    let desk = Desk::open().await;
    desk.bed.advance(Duration::from_hours(91 * 24)).await;
    let mut browser = owner(&desk).await;
    let page = browser.get(&at("")).await.text;
    assert!(page.contains("has signed for 91 days; it should be replaced every 90 days."), "{page}");
}
