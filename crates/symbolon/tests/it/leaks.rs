//! Leaks: a reported secret switches its own key off and kills its tokens; nothing else that is reported does anything.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use symbolon_core::access_key::KeyStatus;
use symbolon_core::edit::client;
use symbolon_core::id::OrganizationId;
use symbolon_core::leak::{self, Outcome, Report};
use symbolon_core::protocol::secret_format;
use symbolon_core::secret::Secret;

use crate::support::{Bed, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const PLACE: &str = "https://user:pw@code.example/acme/app/blob/main/.env?token=abc#L3";

fn report<'a>(secret: &'a Secret, credential: Option<&'a str>) -> Report<'a> {
    Report { secret, credential, reporter: "Code Example's scanner", found_at: Some(PLACE) }
}

async fn reported(bed: &Bed, realm: &str, secret: &Secret, credential: Option<&str>) -> Outcome {
    bed.operator(realm, async |editor| leak::report(editor, &report(secret, credential)).await.unwrap()).await
}

async fn last_change(bed: &Bed) -> i64 {
    bed.store().last_change().await.unwrap()
}

/// A client with a secret that was made here.
async fn made(bed: &Bed) -> (String, String, Secret) {
    let organization = OrganizationId::new("custodian").unwrap();
    let settings = bed.find_client("default", "meti").await.client.settings;
    let (client, key) = bed
        .operator("default", async |editor| client::create(editor, &organization, settings).await.unwrap())
        .await;
    (client.id.to_string(), key.key.id.to_string(), key.secret)
}

#[tokio::test]
async fn a_leaked_secret_is_dead_with_its_tokens_and_its_organization_sees_why() {
    let bed = Bed::start().await;
    let (id, key, secret) = made(&bed).await;
    let token = bed.access_token("/oauth/token", &id, secret.expose()).await;
    let bystander = bed.access_token("/oauth/token", METI.0, METI.1).await;
    let before = last_change(&bed).await;

    // As it stands in a text that somebody sends.
    let text = format!("API_SECRET={}\n", secret.expose());
    let [found] = leak::secrets_in(&text).try_into().unwrap();
    let Outcome::Deactivated { client, access_key, organization } =
        reported(&bed, "default", &found, None).await
    else {
        panic!("it was not deactivated")
    };
    assert_eq!((client.as_str(), access_key.as_str(), organization.as_str()), (&*id, &*key, "custodian"));
    let known = bed.find_client("default", &id).await;
    assert_eq!(known.keys[0].status, KeyStatus::Inactive);
    bed.token("/oauth/token", &id, secret.expose(), &[]).await.refused(401, "invalid_client");
    assert!(bed.is_active("/oauth/introspect", METI.0, METI.1, &bystander).await, "tokens of others live on");
    let view = bed.authority.directory().realm("default").unwrap();
    let cutoff = view.revocations().cutoff(symbolon_core::protocol::revocation::Kind::AccessKey, &key);
    assert_eq!(cutoff, Some(symbolon_core::protocol::revocation::Cutoff::Open), "{token} lives");

    let rows = bed.audit("default", before, Some(organization.as_str())).await;
    let [row] = rows.try_into().unwrap();
    assert_eq!((row.action.as_str(), row.subject_id.as_str()), ("deactivate_leaked", key.as_str()));
    let after = row.after.unwrap();
    assert_eq!(after["leak"]["found_at"], "https://code.example/acme/app/blob/main/.env#L3");
    assert_eq!(after["leak"]["reporter"], "Code Example's scanner");
    assert!(!format!("{after} {:?}", row.before).contains(&secret.expose()[secret.expose().len() - 49..]));

    // Once more changes nothing, and says so.
    let before = last_change(&bed).await;
    assert_eq!(reported(&bed, "default", &found, None).await, Outcome::AlreadyInactive);
    assert_eq!(last_change(&bed).await, before);
}

#[tokio::test]
async fn whoever_knows_a_keys_id_alone_can_do_nothing_to_it() {
    let bed = Bed::start().await;
    let (id, key, secret) = made(&bed).await;
    let before = last_change(&bed).await;
    let invented = Secret::new(secret_format::encode(secret_format::ACCESS_KEY, &key, &[7; 32]).to_string());
    let cut = Secret::new(secret.expose()[..secret.expose().len() - 1].to_owned());
    for (text, credential) in [
        (&invented, None),
        (&invented, Some(id.as_str())),
        (&invented, Some(key.as_str())),
        (&cut, Some(id.as_str())),
        (&Secret::new(key.clone()), Some(key.as_str())),
        (&Secret::new(String::new()), Some(id.as_str())),
        (&Secret::new("x".repeat(100_000)), Some("%")),
    ] {
        assert_eq!(reported(&bed, "default", text, credential).await, Outcome::NotOurs);
    }
    // In another realm it is nobody's.
    assert_eq!(reported(&bed, "ecoinvent", &secret, Some(&id)).await, Outcome::NotOurs);
    assert_eq!(last_change(&bed).await, before, "something was changed");
    assert_eq!(bed.token("/oauth/token", &id, secret.expose(), &[]).await.status, 200);
}

#[tokio::test]
async fn a_secret_from_elsewhere_is_found_by_the_id_beside_it() {
    let bed = Bed::start().await;
    let secret = Secret::new(METI.1.to_owned());
    assert_eq!(reported(&bed, "default", &secret, None).await, Outcome::NotOurs);
    assert_eq!(reported(&bed, "default", &secret, Some("metafold")).await, Outcome::NotOurs);
    let outcome = reported(&bed, "default", &secret, Some("meti-key")).await;
    assert!(matches!(outcome, Outcome::Deactivated { client, .. } if client.as_str() == "meti"));
}

#[tokio::test]
async fn a_secret_names_its_key_also_where_the_keys_id_cannot_stand_in_it() {
    let bed = Bed::start().await;
    bed.apply("realms: [{id: plain, organizations: [{id: o, clients: [{id: a.b-c, access_keys: [{id: k-1.x, secret: placeholder-0123456789}, {id: k.1-x}]}]}]}]").await;
    let known = bed.find_client("plain", "a.b-c").await;
    let key = known.keys.iter().find(|key| key.id.as_str() == "k-1.x").unwrap().clone();
    let secret = Secret::new(secret_format::encode(secret_format::ACCESS_KEY, "k-1.x", &[9; 32]).to_string());
    let changed = symbolon_core::access_key::AccessKey { secret: bed_hash(&secret), ..key.clone() };
    bed.operator("plain", async |editor| {
        symbolon_core::edit::access_key::update(editor, &key, &changed).await.unwrap()
    })
    .await;
    let outcome = reported(&bed, "plain", &secret, None).await;
    assert!(matches!(outcome, Outcome::Deactivated { access_key, .. } if access_key.as_str() == "k-1.x"));
}

fn bed_hash(secret: &Secret) -> symbolon_core::secret::SecretHash {
    symbolon_core::secret::Peppers::new([crate::support::key("test", 100)]).unwrap().hash(secret)
}

#[tokio::test]
async fn a_report_reaches_the_key_in_whatever_realm_it_is() {
    let bed = Bed::start().await;
    let (id, _, secret) = made(&bed).await;
    let actor = symbolon_core::audit::Actor::operator("test", "run_test");
    let outcomes = leak::report_everywhere(&bed.authority, &actor, &report(&secret, None)).await.unwrap();
    let [(realm, Outcome::Deactivated { client, .. })] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!((realm.as_str(), client.as_str()), ("default", id.as_str()));
}
