//! Rule 8: what secrets look like, what is kept of them, and how peppers change without a flag day.

use symbolon_core::apply::{self, description::Description};
use symbolon_core::audit::Actor;
use symbolon_core::client::ClientSettings;
use symbolon_core::edit::{access_key, client};
use symbolon_core::id::OrganizationId;
use symbolon_core::protocol::secret_format::{Form, inspect};
use symbolon_core::signing_key::KeyState;

use crate::support::{Bed, Node, REFUSED, Request, Way, in_default, key, realm_id, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);

async fn status(node: &Node, who: (&str, &str)) -> u16 {
    node.send(Way::BasicForm.token("/oauth/token", who, &[])).await.status
}

/// Waits for the hash to be made anew, which happens beside the request.
async fn rehashed(bed: &Bed, id: &str, pepper: &str) {
    while *bed.find_key("default", id).await.secret.pepper != *pepper {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_made_secret_has_the_published_form_and_is_kept_as_a_hash_alone() {
    let bed = Bed::start().await;
    let organization = OrganizationId::new("custodian").unwrap();
    let (client, made) = bed
        .operator("default", async |editor| {
            client::create(editor, &organization, ClientSettings::default()).await.unwrap()
        })
        .await;
    let secret = made.secret.expose();
    assert!(secret.starts_with(&format!("sym_sk_{}_", made.key.id)), "{secret}");
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    assert_eq!(secret.rsplit('_').next().unwrap().len(), 49);
    assert_eq!(inspect(secret), Form::Ours);
    let kept = bed.find_client("default", client.id.as_str()).await;
    assert_eq!(&*kept.keys[0].secret.pepper, "test");
    assert!(!serde_json::to_string(&kept.keys[0]).unwrap().contains(secret));
    assert!(!format!("{made:?} {kept:?}").contains(secret));
    let answer = bed.send(Way::Json.token("/oauth/token", (client.id.as_str(), secret), &[])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn two_secrets_are_never_equal() {
    let bed = Bed::start().await;
    let organization = OrganizationId::new("custodian").unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let (_, made) = bed
            .operator("default", async |editor| {
                client::create(editor, &organization, ClientSettings::default()).await.unwrap()
            })
            .await;
        let random = made.secret.expose().rsplit('_').next().unwrap()[..43].to_owned();
        assert!(seen.insert(random));
    }
}

#[tokio::test]
async fn a_damaged_secret_never_reaches_the_database() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["find_credential"]);
    let (id, damaged, _) = REFUSED.into_iter().find(|(_, _, reason)| *reason == "damaged_secret").unwrap();
    assert_eq!(status(&node, (id, damaged)).await, 401);
    // Anything else has to ask it.
    assert_eq!(status(&node, (id, "any-secret-1234567890")).await, 503);
}

#[tokio::test]
async fn a_new_pepper_takes_over_with_the_next_use_and_kills_no_token() {
    let bed = Bed::start().await;
    let token = bed.access_token("/oauth/token", METI.0, METI.1).await;
    let both = Node::with_peppers(&bed, [key("new", 40), key("test", 100)]).await;
    assert_eq!(status(&both, METI).await, 200);
    rehashed(&bed, "meti-key", "new").await;
    both.catch_up().await;
    assert_eq!(status(&both, METI).await, 200);
    let active = both.send(Way::Form.request("/oauth/introspect", METI, &[("token", &token)])).await;
    assert_eq!(active.body["active"], true, "the secret is the same, so its tokens live");
    // What was not used yet still hangs on the old one.
    let new = Node::with_peppers(&bed, [key("new", 40)]).await;
    assert_eq!(status(&new, METI).await, 200);
    assert_eq!(status(&new, ("metafold", secrets::METAFOLD)).await, 401);
    assert_eq!(status(&both, ("metafold", secrets::METAFOLD)).await, 200);
    rehashed(&bed, "metafold-key", "new").await;
    new.catch_up().await;
    assert_eq!(status(&new, ("metafold", secrets::METAFOLD)).await, 200);
    // And without the new one nothing of it matches.
    let old = Node::with_peppers(&bed, [key("test", 100)]).await;
    assert_eq!(status(&old, METI).await, 401);
}

#[tokio::test]
async fn another_pepper_or_master_key_of_a_known_name_ends_the_start() {
    let bed = Bed::start().await;
    let error = Node::refused(&bed, key("test", 41), key("test", 0)).await;
    assert!(error.starts_with("the pepper \"test\" is not the one"), "{error}");
    let error = Node::refused(&bed, key("test", 100), key("test", 41)).await;
    assert!(error.starts_with("the master key \"test\" is not the one"), "{error}");
    // Neither left a trace, and a new name takes nobody's place.
    let right = Node::with_peppers(&bed, [key("new", 41), key("test", 100)]).await;
    assert_eq!(status(&right, METI).await, 200);
    let error = Node::refused(&bed, key("new", 42), key("test", 0)).await;
    assert!(error.starts_with("the pepper \"new\" is not the one"), "{error}");
}

#[tokio::test]
async fn without_the_master_key_of_its_signing_keys_a_process_is_not_ready_and_counts_none_as_active() {
    let bed = Bed::start().await;
    let locked = Node::with_master(&bed, "other", 7).await;
    let ready = locked.send(Request::get("/readyz")).await;
    assert_eq!((ready.status, ready.text.contains("no key to sign with")), (503, true), "{ready:?}");
    let active = |node: &Node| {
        let states = node.authority.directory().default_realm().unwrap().signing_key_states();
        states.iter().filter(|(_, state, _)| *state == KeyState::Active).map(|(.., count)| count).sum::<u64>()
    };
    assert_eq!(active(&locked), 0);
    let right = Node::start(&bed).await;
    assert_eq!(right.send(Request::get("/readyz")).await.status, 200);
    assert!(active(&right) > 0);
}

#[tokio::test]
async fn a_wrong_secret_makes_no_new_hash() {
    let bed = Bed::start().await;
    let both = Node::with_peppers(&bed, [key("new", 40), key("test", 100)]).await;
    assert_eq!(status(&both, ("meti", "wrong-secret-1234567890")).await, 401);
    assert_eq!(&*bed.find_key("default", "meti-key").await.secret.pepper, "test");
}

async fn plan(bed: &Bed, key: &str) -> Result<(), String> {
    let yaml = in_default(&format!("  - id: new\n    clients:\n    - id: new\n      access_keys: [{key}]\n"));
    let description = Description::parse(&yaml).map_err(|error| error.to_string())?;
    apply::plan(&bed.authority, &description).await.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn apply_refuses_short_secrets_unless_they_are_marked_weak() {
    let bed = Bed::start().await;
    for bad in
        ["{ id: k, secret: fifteen-letters }", "{ id: k, secret: \"\" }", "{ id: k, secret: sym_sk_x_y }"]
    {
        let error = plan(&bed, bad).await.unwrap_err();
        assert!(!error.contains("fifteen") && !error.contains("sym_sk"), "{error}");
    }
    plan(&bed, "{ id: k, secret: sixteen-letters- }").await.unwrap();
    plan(&bed, "{ id: k, secret: short, weak: true }").await.unwrap();
}

#[tokio::test]
async fn an_imported_secret_may_have_any_characters() {
    let bed = Bed::start().await;
    let odd = "pässwörd with: spaces & 100% \\ \u{1f511}";
    let organizations = format!(
        "  - id: odd\n    clients:\n    - id: odd\n      access_keys: [{{ id: odd-key, secret: {} }}]\n",
        serde_json::json!(odd)
    );
    bed.apply(&in_default(&organizations)).await;
    for way in Way::ALL {
        let answer = bed.send(way.token("/oauth/token", ("odd", odd), &[])).await;
        assert_eq!(answer.status, 200, "{way:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_secret_that_apply_makes_is_told_before_its_key_exists() {
    let bed = Bed::start().await;
    let yaml =
        in_default("  - id: made\n    clients:\n    - id: made\n      access_keys: [{ id: made-key }]\n");
    let description = Description::parse(&yaml).unwrap();
    let actor = Actor::operator("test", "run_test");
    let plan = apply::plan(&bed.authority, &description).await.unwrap();
    let refuse = |_| Err(symbolon_core::edit::EditError::Invalid("no paper".to_owned()));
    apply::execute(&bed.authority, &actor, plan, refuse).await.unwrap_err();
    let made = bed.find_client("default", "made").await;
    assert!(made.keys.is_empty(), "a key whose secret nobody was told");
    let plan = apply::plan(&bed.authority, &description).await.unwrap();
    let mut told = Vec::new();
    let tell = |made: apply::MadeSecret| {
        told.push(made.secret.expose().to_owned());
        Ok(())
    };
    apply::execute(&bed.authority, &actor, plan, tell).await.unwrap();
    let answer = bed.send(Way::Form.token("/oauth/token", ("made", &told[0]), &[])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // A second run makes none.
    assert!(apply::plan(&bed.authority, &description).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_database_holds_hashes_and_never_a_secret() {
    let bed = Bed::start().await;
    let client = bed.find_client("default", "meti").await.client;
    let made = bed
        .operator("default", async |editor| access_key::create(editor, &client, None).await.unwrap())
        .await;
    bed.access_token("/oauth/token", "meti", made.secret.expose()).await;
    let known = [made.secret.expose(), secrets::METI, secrets::PLAIN, secrets::PASSWORD];
    for entry in std::fs::read_dir(&bed.folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in known {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    assert!(bed.store().find_credential(&realm_id("default"), "meti").await.unwrap().is_some());
}
