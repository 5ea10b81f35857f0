//! Previews: what they show is what tokens carry, and they leave nothing behind.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use symbolon_core::grant::client_credentials::TokenRequest;
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId, RealmId};
use symbolon_core::issue::NO_JTI;
use symbolon_core::preview::{self, Asked, Draft, Preview, PreviewError};
use symbolon_core::realm::Status;
use symbolon_core::store::Whose;

use super::{METI, rule, set_claims};
use crate::support::systems::{ecoinvent, metafold, meti};
use crate::support::{Answer, Bed, NOW};

fn asked(organization: &str, client: &str) -> Asked {
    Asked {
        organization: OrganizationId::new(organization).unwrap(),
        client: ClientId::new(client).unwrap(),
        access_key: None,
        request: TokenRequest::default(),
        from: None,
        draft: None,
        claims: None,
    }
}

async fn preview(bed: &Bed, realm: &str, asked: &Asked) -> Result<Preview, PreviewError> {
    preview::token(&bed.authority, &RealmId::new(realm).unwrap(), asked).await
}

async fn refused(bed: &Bed, realm: &str, asked: &Asked) -> &'static str {
    match preview(bed, realm, asked).await {
        Err(PreviewError::Refused(reason)) => reason.name(),
        _ => "not refused",
    }
}

/// The same, but for what no two tokens share.
#[track_caller]
fn shows(preview: &Preview, answer: &Answer) {
    let mut claims = answer.claims();
    claims["jti"] = json!(NO_JTI);
    assert_eq!(json!(preview.claims), claims);
    assert_eq!(json!(preview.header), answer.token_header());
    assert_eq!(json!(preview.expires_in), answer.body["expires_in"]);
    assert_eq!(preview.scopes.to_string(), claims["scope"]);
}

#[tokio::test]
async fn a_preview_shows_the_token_that_the_client_then_gets() {
    let bed = Bed::start().await;
    set_claims(&bed, "default", METI, &[("limit", json!({"cel": "size(scopes) * 10"}))]).await;
    let mut meti_asked = asked("custodian", "meti");
    meti_asked.request.scope = Some("read:sources launch:rockets".to_owned());
    meti_asked.request.audience = Some(format!("{METI}/"));
    for (realm, asked, request) in [
        ("default", meti_asked, meti("read:sources launch:rockets")),
        ("default", asked("metafold-customer", "metafold"), metafold()),
        ("ecoinvent", asked("eco-customer", "eco-trial"), ecoinvent()),
    ] {
        let preview = preview(&bed, realm, &asked).await.unwrap();
        shows(&preview, &bed.send(request).await);
    }
}

#[tokio::test]
async fn a_preview_leaves_nothing_behind() {
    let bed = Bed::start().await;
    let before = bed.authority.store().last_change().await.unwrap();
    preview(&bed, "default", &asked("custodian", "meti")).await.unwrap();
    assert_eq!(refused(&bed, "ecoinvent", &asked("eco-ended", "eco-ended-client")).await, "licence");
    let all = || Whose::Left(symbolon_core::clock::Timestamp::from_millis(i64::MAX));
    assert_eq!(bed.authority.store().count_tokens(all(), 0, NOW).await.unwrap(), 0);
    assert_eq!(bed.authority.store().last_token().await.unwrap(), None);
    assert_eq!(bed.authority.store().last_change().await.unwrap(), before);
}

#[tokio::test]
async fn a_preview_says_exactly_why_there_would_be_no_token() {
    let bed = Bed::start().await;
    let meti = || asked("custodian", "meti");
    let asking = |request: TokenRequest| Asked { request, ..meti() };
    let scope = asking(TokenRequest { scope: Some("launch:rockets".to_owned()), ..TokenRequest::default() });
    assert_eq!(refused(&bed, "default", &scope).await, "scopes");
    let unknown = asking(TokenRequest { audience: Some("https://no".to_owned()), ..TokenRequest::default() });
    assert_eq!(refused(&bed, "default", &unknown).await, "unknown_audience");
    let other = asking(TokenRequest {
        audience: Some("https://api.m3ter.com".to_owned()),
        ..TokenRequest::default()
    });
    assert_eq!(refused(&bed, "default", &other).await, "audience_not_granted");
    set_claims(&bed, "default", METI, &[("x", json!({"cel": "client.claims.x"}))]).await;
    assert_eq!(refused(&bed, "default", &meti()).await, "claim");
    bed.change_client("default", "meti", |client| {
        client.settings.allowed_networks = vec!["198.51.100.0/24".parse().unwrap()];
        client.settings.claims.insert("x".to_owned(), json!(1));
    })
    .await;
    assert!(preview(&bed, "default", &meti()).await.is_ok());
    let from = |address: &str| Asked { from: Some(address.parse::<IpAddr>().unwrap()), ..meti() };
    assert!(preview(&bed, "default", &from("198.51.100.7")).await.is_ok());
    assert!(preview(&bed, "default", &from("::ffff:198.51.100.7")).await.is_ok());
    assert_eq!(refused(&bed, "default", &from("192.0.2.1")).await, "network_forbidden");
    bed.change_client("default", "meti", |client| client.status = Status::Disabled).await;
    assert_eq!(refused(&bed, "default", &meti()).await, "client_disabled");
    bed.clock.advance(Duration::from_mins(1));
    assert_eq!(refused(&bed, "default", &meti()).await, "directory_too_old");
}

#[tokio::test]
async fn a_preview_is_of_the_key_that_is_named_and_of_the_organizations_own_clients() {
    let bed = Bed::start().await;
    let named =
        |key: &str| Asked { access_key: Some(AccessKeyId::new(key).unwrap()), ..asked("custodian", "meti") };
    assert_eq!(preview(&bed, "default", &named("meti-key")).await.unwrap().claims["key_id"], "meti-key");
    let error = preview(&bed, "default", &named("m3ter-key")).await.unwrap_err();
    assert_eq!(error, PreviewError::NoKey("client meti has no access key m3ter-key".to_owned()));
    // Of another organization, by another's key id, in another realm: not there.
    for (realm, asked) in [
        ("default", asked("m3ter-org", "meti")),
        ("default", asked("custodian", "meti-key")),
        ("plain", asked("custodian", "meti")),
    ] {
        assert!(matches!(preview(&bed, realm, &asked).await, Err(PreviewError::NoClient(..))));
    }
    assert!(matches!(preview(&bed, "nowhere", &named("meti-key")).await, Err(PreviewError::NoRealm(_))));
    bed.change_key("default", "meti-key", |key| {
        key.expires_at = Some(NOW.plus(Duration::from_secs(6)));
    })
    .await;
    bed.advance(Duration::from_secs(1)).await;
    assert_eq!(preview(&bed, "default", &named("meti-key")).await.unwrap().expires_in, 5);
    bed.advance(Duration::from_secs(5)).await;
    assert_eq!(refused(&bed, "default", &asked("custodian", "meti")).await, "key_expired");
}

#[tokio::test]
async fn a_draft_is_shown_and_nobody_gets_it() {
    let bed = Bed::start().await;
    let stored = bed.store().list_resource_servers(&RealmId::new("default").unwrap()).await.unwrap();
    let stored = stored.into_iter().find(|server| server.identifier == METI).unwrap();
    let with = |change: &dyn Fn(&mut symbolon_core::resource_server::ResourceServerSettings)| {
        let mut settings = stored.settings.clone();
        change(&mut settings);
        Asked { draft: Some(Draft { identifier: METI.to_owned(), settings }), ..asked("custodian", "meti") }
    };
    let before = bed.send(meti("read:sources")).await.claims();
    let draft = with(&|settings| {
        settings.claims.insert("limit".to_owned(), rule(&json!({"cel": "role == 'custodian' ? 200 : 10"})));
        settings.lifetime = Some(60);
    });
    let shown = preview(&bed, "default", &draft).await.unwrap();
    assert_eq!((&shown.claims["limit"], shown.expires_in), (&json!(200), 60));
    let mut after = bed.send(meti("read:sources")).await.claims();
    after["jti"] = before["jti"].clone();
    assert_eq!(after, before, "a draft must not reach tokens, by the cache of claims least of all");
    // A second draft is not the first one, either.
    let second = with(&|settings| {
        settings.claims.insert("limit".to_owned(), rule(&json!({"cel": "1"})));
    });
    assert_eq!(preview(&bed, "default", &second).await.unwrap().claims["limit"], json!(1));
    // What could not be saved is told as it would be then.
    let reserved = with(&|settings| {
        settings.claims.insert("sub".to_owned(), rule(&json!("{role}")));
    });
    let error = preview(&bed, "default", &reserved).await.unwrap_err();
    assert_eq!(error, PreviewError::Draft("the claim \"sub\" is reserved".to_owned()));
}

#[tokio::test]
async fn a_resource_server_that_is_not_there_yet_can_be_tried() {
    let bed = Bed::start().await;
    let mut draft = asked("m3ter-org", "m3ter-user");
    let settings = serde_json::from_value(json!({
        "scopes": ["new:read"], "claims": {"org": {"cel": "organization.id"}},
    }));
    draft.draft = Some(Draft { identifier: "https://new.example".to_owned(), settings: settings.unwrap() });
    let shown = preview(&bed, "default", &draft).await.unwrap();
    assert_eq!(shown.claims["aud"], "https://new.example");
    assert_eq!((&shown.claims["org"], &shown.claims["scope"]), (&json!("m3ter-org"), &json!("new:read")));
    draft.draft = None;
    draft.request.audience = Some("https://new.example".to_owned());
    assert_eq!(refused(&bed, "default", &draft).await, "unknown_audience");
}

#[tokio::test]
async fn claims_of_a_client_are_tried_and_nobody_gets_them() {
    let bed = Bed::start().await;
    set_claims(&bed, "default", METI, &[("plan", json!({"cel": "client.claims.plan"}))]).await;
    let as_it_is = asked("custodian", "meti");
    assert_ne!(refused(&bed, "default", &as_it_is).await, "not refused");
    let claims = [("plan".to_owned(), json!("pro"))].into();
    let tried = Asked { claims: Some(claims), ..as_it_is.clone() };
    let shown = preview(&bed, "default", &tried).await.unwrap();
    assert_eq!(shown.claims["plan"], "pro");
    assert_ne!(refused(&bed, "default", &as_it_is).await, "not refused");
    assert_ne!(bed.send(meti("read:sources")).await.status, 200);
}
