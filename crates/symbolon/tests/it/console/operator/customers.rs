//! Organizations, licences and quotas.

use symbolon_core::clock::Timestamp;
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::quota::{Quota, QuotaMode};
use symbolon_core::realm::Status;

use super::super::browser::Desk;
use super::forms::{Filled, at, confirm, form, owner, save};
use crate::support::{realm_id, secrets};

async fn organization(desk: &Desk, id: &str) -> Option<symbolon_core::organization::Organization> {
    let id = OrganizationId::new(id).unwrap();
    desk.bed.authority.store().find_organization(&realm_id("default"), &id).await.unwrap()
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let forms: [(&str, &[(&str, &str)]); 4] = [
        ("/organizations/new", &[("name", "Once")]),
        ("/policies/new", &[("name", "Once"), ("actions", "read:*"), ("resources", "*")]),
        ("/resource-servers/new", &[("identifier", "urn:once")]),
        ("/organizations/custodian/licences/new", &[("audience", "https://api.meti.io")]),
    ];
    for (page, fields) in forms {
        let mut filled = form(&mut browser, &at(page)).await;
        for (name, value) in fields {
            filled = filled.with(name, value);
        }
        let first = browser.post(&at(page), &filled.pairs()).await;
        let changes = desk.bed.audit("default", 0, None).await.len();
        let second = browser.post(&at(page), &filled.pairs()).await;
        assert_eq!((first.status, second.status), (303, 303), "{page}: {}{}", first.text, second.text);
        assert_eq!(first.header("location"), second.header("location"), "{page}");
        assert_eq!(desk.bed.audit("default", 0, None).await.len(), changes, "{page}");
    }
}

#[tokio::test]
async fn an_organization_is_made_found_and_changed() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let fields =
        [("id", "acme"), ("name", "Acme Inc"), ("metadata_name", "region"), ("metadata_value", "eu")];
    let to = save(&mut browser, &at("/organizations/new"), &fields).await;
    assert_eq!(to, at("/organizations/acme?done=organization-made"));
    let found = browser.get(&at("/organizations?q=acme")).await.text;
    assert!(found.contains("Acme Inc") && !found.contains("Custodian"), "{found}");
    let nothing = browser.get(&at("/organizations?q=acme&status=disabled")).await.text;
    assert!(nothing.contains("Nothing matches these filters."), "{nothing}");
    save(
        &mut browser,
        &at("/organizations/acme/edit"),
        &[("metadata_name", "tier"), ("metadata_value", "gold")],
    )
    .await;
    let acme = organization(&desk, "acme").await.unwrap();
    let metadata: Vec<_> =
        acme.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(metadata, [("region", "eu"), ("tier", "gold")]);
}

#[tokio::test]
async fn another_realms_audit_names_the_realm_of_who_came_from_elsewhere() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let plain = |page: &str| format!("/console/realms/plain{page}");
    save(&mut browser, &plain("/organizations/new"), &[("id", "acme"), ("name", "Acme Inc")]).await;
    save(&mut browser, &at("/organizations/new"), &[("id", "acme"), ("name", "Acme Inc")]).await;
    let list = "/audit?subject_kind=organization&subject=acme";
    let row = desk.bed.audit("plain", 0, None).await.pop().unwrap();
    let named = format!("default/{}", row.actor.id);
    let abroad = browser.get(&plain(list)).await.text;
    assert!(abroad.contains(&named), "{abroad}");
    let path = abroad.split_once("/audit/changes/").unwrap().1.split('"').next().unwrap();
    assert!(browser.get(&plain(&format!("/audit/changes/{path}"))).await.text.contains(&named));
    let home = browser.get(&at(list)).await.text;
    assert!(home.contains("owner@operator.example") && !home.contains("default/usr"), "{home}");
}

#[tokio::test]
async fn long_lists_go_on_by_address() {
    let desk = Desk::open().await;
    let organizations: Vec<_> = (0..60).map(|i| serde_json::json!({"id": format!("many-{i:02}")})).collect();
    let settings = desk.bed.authority.directory().realm("default").unwrap().realm().settings.clone();
    let realm = serde_json::json!({"id": "default", "settings": settings, "organizations": organizations});
    desk.bed.apply(&serde_json::json!({"realms": [realm]}).to_string()).await;
    let mut browser = owner(&desk).await;
    let first = browser.get(&at("/organizations?q=many")).await.text;
    assert!(first.contains("many-00") && first.contains("many-49") && !first.contains("many-50"));
    let next = first.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = super::forms::plain(next.split('"').next().unwrap());
    let second = browser.get(&next).await.text;
    assert!(
        second.contains("many-50") && second.contains("many-59") && !second.contains("many-49"),
        "{next}"
    );
}

#[tokio::test]
async fn an_organization_that_is_switched_off_takes_its_tokens_along() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let token = desk.bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
    let ask = browser.get(&at("/organizations/metafold-customer/disable")).await.text;
    assert!(ask.contains("Clients concerned: 1.") && ask.contains("class=\"danger\""), "{ask}");
    let is_active = || desk.bed.is_active("/oauth/introspect", "metafold", secrets::METAFOLD, &token);
    assert!(is_active().await);
    confirm(&mut browser, &at("/organizations/metafold-customer/disable")).await;
    assert_eq!(organization(&desk, "metafold-customer").await.unwrap().status, Status::Disabled);
    confirm(&mut browser, &at("/organizations/metafold-customer/enable")).await;
    assert_eq!(organization(&desk, "metafold-customer").await.unwrap().status, Status::Active);
    assert!(!is_active().await, "a token from before lives");
}

#[tokio::test]
async fn a_licence_is_made_edited_and_ended() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let eco = |page: &str| format!("/console/realms/ecoinvent/organizations/eco-ended/licences{page}");
    let token = || {
        desk.bed.token(
            "/realms/ecoinvent/protocol/openid-connect/token",
            "eco-ended-client",
            "ecoinvent-ended-1234567890",
            &[],
        )
    };
    assert_ne!(token().await.status, 200);
    let fields =
        [("audience", "https://api.ecoinvent.org"), ("kind", "beta"), ("ends_at", "2026-12-01T10:00:00")];
    let to = save(&mut browser, &eco("/new"), &fields).await;
    assert_eq!(to, eco("?done=licence-made"));
    assert_eq!(token().await.status, 200);
    let (realm, of) = (realm_id("ecoinvent"), OrganizationId::new("eco-ended").unwrap());
    let made = || async {
        let all = desk.bed.authority.store().list_licences(&realm, &of).await.unwrap();
        all.into_iter().find(|licence| licence.kind.name() == "beta").unwrap()
    };
    let licence = made().await;
    assert_eq!(licence.ends_at, Timestamp::parse("2026-12-01T10:00:00Z"));
    let page = eco(&format!("/{}", licence.id));
    save(&mut browser, &page, &[("ends_at", "2027-01-01T00:00")]).await;
    let changed = made().await;
    assert_eq!((changed.ends_at, changed.starts_at), (Timestamp::parse("2027-01-01"), licence.starts_at));
    desk.bed.advance(std::time::Duration::from_mins(1)).await;
    confirm(&mut browser, &format!("{page}/end")).await;
    assert_eq!(made().await.ends_at, Some(desk.bed.authority.now()));
    assert_ne!(token().await.status, 200);
}

#[tokio::test]
async fn a_licence_that_has_not_begun_is_switched_off_and_can_be_switched_on() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let list = at("/organizations/custodian/licences");
    let fields = [("audience", "https://api.meti.io"), ("starts_at", "2027-01-01T00:00:00")];
    save(&mut browser, &format!("{list}/new"), &fields).await;
    let (realm, of) = (realm_id("default"), OrganizationId::new("custodian").unwrap());
    let made = || async { desk.bed.authority.store().list_licences(&realm, &of).await.unwrap().remove(0) };
    let page = format!("{list}/{}", made().await.id);
    confirm(&mut browser, &format!("{page}/end")).await;
    assert_eq!(made().await.status, Status::Disabled);
    save(&mut browser, &page, &[("enable", "on")]).await;
    assert_eq!(made().await.status, Status::Active);
}

#[tokio::test]
async fn the_quota_of_a_client_is_set_beside_what_it_used() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    for _ in 0..3 {
        desk.bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
    }
    desk.bed.count_journal().await;
    let path = at("/organizations/metafold-customer/clients/metafold/quota");
    let page = browser.get(&path).await.text;
    assert!(page.contains("Tokens in this hour: 3."), "{page}");
    save(&mut browser, &path, &[("quota_mode", "enforce"), ("quota_tokens", "5")]).await;
    let (of, id) = (OrganizationId::new("metafold-customer").unwrap(), ClientId::new("metafold").unwrap());
    let found =
        desk.bed.authority.store().find_client(&realm_id("default"), &of, &id).await.unwrap().unwrap();
    assert_eq!(found.client.settings.quota, Some(Quota { tokens_per_hour: 5, mode: QuotaMode::Enforce }));
    let page = browser.get(&path).await;
    assert!(page.text.contains("Used in this hour: 3 of 5 tokens."), "{}", page.text);
    assert_eq!(Filled::of(&page).value("quota_tokens"), "5");
    // Back to what the realm says.
    save(&mut browser, &path, &[("quota_mode", "")]).await;
    let found =
        desk.bed.authority.store().find_client(&realm_id("default"), &of, &id).await.unwrap().unwrap();
    assert_eq!(found.client.settings.quota, None);
}
