//! Requests that are cut off in the middle: what was begun for one client must not be lost for the others.

use std::time::Duration;

use symbolon_core::authenticate::authenticate;
use symbolon_core::edit;
use symbolon_core::protocol::client_auth::UnverifiedCredentials;
use symbolon_core::protocol::error::ErrorCode;
use symbolon_core::protocol::parameters::{Encoding, Parameters};
use symbolon_core::realm::Status;

use crate::support::{Bed, Node, Request, secrets};

fn introspection(token: &str) -> Request {
    let client = [("client_id", "metafold"), ("client_secret", secrets::METAFOLD), ("token", token)];
    Request::post("/oauth/introspect").form(&client)
}

#[tokio::test]
async fn a_change_is_not_lost_when_the_request_that_was_following_it_is_dropped() {
    for held in ["list_realms", "list_revocations", "list_resource_servers"] {
        let bed = Bed::start().await;
        let (node, store) = Node::faulty(&bed).await;
        let token = bed.access_token("/oauth/token", "metafold", secrets::METAFOLD).await;
        assert_eq!(node.send(introspection(&token)).await.body["active"], true);
        bed.operator("default", async |editor| {
            let find = async || {
                editor.authority.directory().client(editor.realm, "metafold").await.unwrap().unwrap()
            };
            edit::client::set_status(editor, &find().await.client, Status::Disabled).await.unwrap();
            edit::client::set_status(editor, &find().await.client, Status::Active).await.unwrap();
            let view = editor.authority.directory().realm("default").unwrap();
            let server = view.resource_server("https://api.metafold3d.com").unwrap();
            edit::resource_server::update(editor, server, server).await.unwrap();
        })
        .await;
        store.hold(&[held]);
        // It gets as far as the method that is held, and is dropped there.
        let following = node.authority.directory().catch_up();
        assert!(
            tokio::time::timeout(Duration::from_millis(200), following).await.is_err(),
            "{held} was not called"
        );
        store.hold(&[]);
        node.catch_up().await;
        assert_eq!(node.send(introspection(&token)).await.body["active"], false, "{held}");
    }
}

#[tokio::test]
async fn a_failure_counts_before_its_answer_is_held_back() {
    let floor = Duration::from_hours(1);
    let bed = Bed::start_with(|settings| settings.failure_floor = floor).await;
    let realm = bed.authority.directory().realm("default").unwrap();
    let form = format!("client_id=meti&client_secret={}", "wrong-".repeat(4));
    let body = Parameters::read(Encoding::Form, form.as_bytes()).unwrap();
    let credentials = UnverifiedCredentials::read(None, &body).unwrap();
    let from = [192, 0, 2, 1].into();
    let mut codes = Vec::new();
    for _ in 0..12 {
        let began = tokio::time::Instant::now();
        let deciding = authenticate(&bed.authority, &realm, &credentials, from);
        let decided =
            tokio::time::timeout(Duration::from_mins(1), deciding).await.expect("held back too early");
        let Err(refusal) = decided else { panic!("a wrong secret passed") };
        assert!(refusal.hold_until.unwrap() >= began + floor, "the answer may leave early");
        codes.push(refusal.code());
    }
    assert_eq!(codes[0], ErrorCode::InvalidClient);
    assert_eq!(codes[11], ErrorCode::TooManyRequests, "whoever hung up each time would never be slowed down");
}
