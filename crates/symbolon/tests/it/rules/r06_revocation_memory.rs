//! Rule 6: which revocations are kept, for how long, and how many single ones become one.

use std::time::Duration;

use symbolon_core::edit::client;
use symbolon_core::id::ClientId;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::revocation::{Cutoff, Kind};
use symbolon_core::realm::Status;
use symbolon_core::revoke::{MOST_TOKENS_PER_CLIENT, revoke_before_now};
use symbolon_core::store::StoredRevocation;

use crate::support::{Bed, Node, Switch, Way, realm_id, secrets};

const PLAIN: (&str, &str) = ("plain-client", secrets::PLAIN);
const DAY: Duration = Duration::from_hours(24);

async fn kept(bed: &Bed, realm: &str, kind: Kind) -> Vec<StoredRevocation> {
    let all = bed.store().list_revocations(&realm_id(realm), 0).await.unwrap();
    all.into_iter().filter(|one| one.kind == kind).collect()
}

async fn forget(bed: &Bed, realm: &str) {
    let realm = realm_id(realm);
    bed.store().forget_revocations(&realm, bed.authority.now()).await.unwrap();
    bed.authority.directory().refresh_realm(&realm).await.unwrap();
}

async fn revoke(bed: &Bed, token: &str) {
    let request = Way::Form.request("/realms/plain/oauth/revoke", PLAIN, &[("token", token)]);
    assert_eq!(bed.send(request).await.status, 200);
}

async fn lives(bed: &Bed, token: &str) -> bool {
    bed.is_active("/realms/plain/oauth/introspect", PLAIN.0, PLAIN.1, token).await
}

/// A token like the given one with another id, signed by the realm itself.
fn sibling(bed: &Bed, claims: &serde_json::Value, number: u32) -> String {
    let realm = bed.authority.directory().realm("plain").unwrap();
    let signer = realm.signer(Algorithm::Es256).unwrap();
    let mut claims = claims.clone();
    claims["jti"] = format!("tok_{number}").into();
    signer.key.sign(&signer.header, claims.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn more_than_a_thousand_single_revocations_become_one_of_the_client() {
    let bed = Bed::start().await;
    let answer = bed.send(Way::Form.token("/realms/plain/oauth/token", PLAIN, &[])).await;
    let (first, claims) = (answer.body["access_token"].as_str().unwrap(), answer.claims());
    bed.advance(Duration::from_secs(1)).await;
    for number in 0..MOST_TOKENS_PER_CLIENT {
        revoke(&bed, &sibling(&bed, &claims, number)).await;
    }
    assert_eq!(kept(&bed, "plain", Kind::Token).await.len(), 1000);
    assert!(lives(&bed, first).await);
    let last = sibling(&bed, &claims, MOST_TOKENS_PER_CLIENT);
    revoke(&bed, &last).await;
    // One revocation of the client, up to the moment of the last.
    assert_eq!(kept(&bed, "plain", Kind::Token).await, []);
    let cutoff = Cutoff::Before(bed.authority.now().millis());
    let whole = StoredRevocation { kind: Kind::Client, id: PLAIN.0.to_owned(), cutoff };
    assert_eq!(kept(&bed, "plain", Kind::Client).await, [whole]);
    assert!(!lives(&bed, first).await && !lives(&bed, &last).await);
    bed.advance(Duration::from_millis(1)).await;
    let fresh = bed.access_token("/realms/plain/oauth/token", PLAIN.0, PLAIN.1).await;
    assert!(lives(&bed, &fresh).await);
    let node = Node::start(&bed).await;
    for (token, active) in [(first, false), (last.as_str(), false), (fresh.as_str(), true)] {
        let more = [("token", token)];
        let answer = node.send(Way::Form.request("/realms/plain/oauth/introspect", PLAIN, &more)).await;
        assert_eq!(answer.body["active"], active);
    }
}

#[tokio::test]
async fn a_single_revocation_is_forgotten_when_its_token_has_expired() {
    let bed = Bed::start().await;
    let token = bed.access_token("/realms/plain/oauth/token", PLAIN.0, PLAIN.1).await;
    revoke(&bed, &token).await;
    bed.advance(Duration::from_secs(3599)).await;
    forget(&bed, "plain").await;
    assert!(!lives(&bed, &token).await);
    assert_eq!(kept(&bed, "plain", Kind::Token).await.len(), 1);
    // Verifiers may judge expiry with a leeway, and their clocks may be behind: two minutes are added.
    bed.advance(Duration::from_mins(2)).await;
    forget(&bed, "plain").await;
    assert_eq!(kept(&bed, "plain", Kind::Token).await.len(), 1);
    bed.advance(Duration::from_secs(2)).await;
    forget(&bed, "plain").await;
    assert_eq!(kept(&bed, "plain", Kind::Token).await, []);
    assert!(!lives(&bed, &token).await);
}

#[tokio::test]
async fn an_open_revocation_is_never_forgotten_while_its_subject_is_off() {
    let bed = Bed::start_with_switches().await;
    let token = bed.client_token().await;
    for switch in [Switch::Organization, Switch::Licence, Switch::Client, Switch::AccessKey, Switch::User] {
        bed.turn(switch, Status::Disabled).await;
    }
    bed.advance(365 * DAY).await;
    forget(&bed, "default").await;
    for kind in [Kind::Organization, Kind::Licence, Kind::Client, Kind::AccessKey, Kind::User] {
        let kept = kept(&bed, "default", kind).await;
        assert!(kept.iter().any(|one| one.cutoff == Cutoff::Open), "{kind:?}: {kept:?}");
    }
    assert!(!bed.lives(&token).await);
}

#[tokio::test]
async fn a_closed_one_is_remembered_as_long_as_the_longest_token() {
    let bed = Bed::start().await;
    bed.change_client("default", "metafold", |client| client.status = Status::Disabled).await;
    bed.change_client("default", "metafold", |client| client.status = Status::Active).await;
    bed.advance(DAY).await;
    forget(&bed, "default").await;
    assert_eq!(kept(&bed, "default", Kind::Client).await.len(), 1);
    bed.advance(Duration::from_hours(1)).await;
    forget(&bed, "default").await;
    assert_eq!(kept(&bed, "default", Kind::Client).await, []);
}

#[tokio::test]
async fn a_deleted_clients_revocation_outlives_every_token_and_the_id_stays_its_customers() {
    let bed = Bed::start().await;
    let known = bed.find_client("default", "metafold").await;
    let token = bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
    bed.delete_client("default", "metafold").await;
    bed.advance(Duration::from_secs(86_399)).await;
    forget(&bed, "default").await;
    bed.change_server("default", "https://api.metafold3d.com", |server| {
        server.settings.introspectors = vec![ClientId::new("meti").unwrap()];
    })
    .await;
    assert!(!bed.is_active("/oauth/introspect", "meti", secrets::METI, &token).await);
    bed.advance(30 * DAY).await;
    forget(&bed, "default").await;
    assert_eq!(kept(&bed, "default", Kind::Client).await, []);
    let mut elsewhere = known.client.clone();
    elsewhere.organization = symbolon_core::id::OrganizationId::new("custodian").unwrap();
    bed.operator("default", async |editor| {
        client::insert(editor, &elsewhere).await.unwrap_err();
        client::insert(editor, &known.client).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn everything_of_a_subject_can_be_revoked_up_to_now_while_it_stays_on() {
    let bed = Bed::start_with_switches().await;
    let subjects = [
        (Kind::Realm, ""),
        (Kind::Organization, "custodian"),
        (Kind::Client, "meti"),
        (Kind::AccessKey, "meti-key"),
    ];
    for (kind, id) in subjects {
        let token = bed.client_token().await;
        bed.advance(Duration::from_millis(1)).await;
        bed.operator("default", async |editor| {
            revoke_before_now(editor.authority, editor.actor, editor.realm, (kind, id), None).await.unwrap();
        })
        .await;
        assert!(!bed.lives(&token).await, "{kind:?}");
        bed.advance(Duration::from_millis(1)).await;
        let fresh = bed.client_token().await;
        assert!(bed.lives(&fresh).await, "{kind:?}");
    }
}
