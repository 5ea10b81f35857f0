//! Ids that do not exist: who asks with one again and again costs the database nothing, and an id that was just made
//! works at once.

use symbolon_core::client::ClientSettings;

use super::{PATH, PLAIN, jti};
use crate::support::{Answer, Bed, Node, Way};

const SECRET: &str = "made-later-secret-1234567890";

async fn ask(node: &Node, id: &str) -> Answer {
    node.send(Way::Form.token(PATH, (id, SECRET), &[])).await
}

/// Describes a client of that id in the plain realm.
fn made(id: &str) -> serde_json::Value {
    serde_json::json!({ "organizations": [{ "id": "plain-org", "clients": [{
        "id": id,
        "settings": { "grants": [{ "audience": "https://api.plain.example", "scopes": ["a"] }] },
        "access_keys": [{ "id": format!("{id}-key"), "secret": SECRET }],
    }] }] })
}

#[tokio::test]
async fn an_unknown_id_is_looked_up_once_until_anything_changes() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    ask(&node, "nobody").await.refused(401, "invalid_client");
    store.fail(&["find_credential"]);
    for _ in 0..3 {
        ask(&node, "nobody").await.refused(401, "invalid_client");
    }
    // Another one is looked up, and so is the same after a change of anything.
    ask(&node, "somebody-else").await.refused(503, "temporarily_unavailable");
    bed.describe("plain", made("unconcerned")).await;
    node.catch_up().await;
    ask(&node, "nobody").await.refused(503, "temporarily_unavailable");
    store.fail(&[]);
    ask(&node, "nobody").await.refused(401, "invalid_client");
}

#[tokio::test]
async fn what_can_be_no_id_is_never_looked_up() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.fail(&["find_credential"]);
    for id in ["with space", "ümlaut", &"x".repeat(256)] {
        ask(&node, id).await.refused(401, "invalid_client");
    }
    ask(&node, &"x".repeat(255)).await.refused(503, "temporarily_unavailable");
}

#[tokio::test]
async fn an_id_that_was_unknown_works_at_once_where_it_is_made() {
    let bed = Bed::start().await;
    for id in ["later", "later-key"] {
        bed.send(Way::Form.token(PATH, (id, SECRET), &[])).await.refused(401, "invalid_client");
    }
    bed.describe("plain", made("later")).await;
    bed.advance(std::time::Duration::from_millis(1)).await;
    for id in ["later", "later-key"] {
        jti(&bed.send(Way::Form.token(PATH, (id, SECRET), &[])).await);
    }
}

#[tokio::test]
async fn a_second_key_works_at_once_though_its_id_was_asked_for_before() {
    let bed = Bed::start().await;
    let second = serde_json::json!({ "organizations": [{ "id": "plain-org", "clients": [{
        "id": PLAIN.0,
        "settings": bed.grants_of(PLAIN.0).await,
        "access_keys": [{ "id": "second-key", "secret": SECRET }],
    }] }] });
    bed.send(Way::Form.token(PATH, ("second-key", SECRET), &[])).await.refused(401, "invalid_client");
    bed.describe("plain", second).await;
    bed.advance(std::time::Duration::from_millis(1)).await;
    jti(&bed.send(Way::Form.token(PATH, ("second-key", SECRET), &[])).await);
}

#[tokio::test]
async fn an_id_that_was_unknown_works_on_other_nodes_as_soon_as_they_look() {
    let bed = Bed::start().await;
    let node = Node::start(&bed).await;
    ask(&node, "later").await.refused(401, "invalid_client");
    bed.describe("plain", made("later")).await;
    bed.advance(std::time::Duration::from_millis(1)).await;
    node.catch_up().await;
    jti(&ask(&node, "later").await);
}

impl Bed {
    /// The settings of a client of the plain realm, for another one like it.
    pub(super) async fn grants_of(&self, id: &str) -> ClientSettings {
        self.find_client("plain", id).await.client.settings
    }
}
