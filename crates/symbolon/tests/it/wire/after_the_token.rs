//! W32 to W35: calls with a token, as far as the server has a part in them: the token opens the call, and the
//! guard passes the API's own answer on as it is. What the sample APIs answer is tested with the sandbox.

use serde_json::{Value, json};

use crate::support::systems;
use crate::support::{Api, Bed, Request};

#[tokio::test]
async fn w32_sources_come_through_as_a_json_array() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    for request in [systems::meti("read:sources"), systems::meti_v1()] {
        let answer = bed.send(request).await;
        for path in ["/sources", "/sources?methodology=Agriculture", "/sources?methodology=Gr%C3%BCn+%26+Co"]
        {
            let sources = api.get(path, answer.token()).await;
            assert_eq!(sources.status, 200, "{path}: {sources:?}");
            assert!(sources.body.is_array(), "{path}: {sources:?}");
        }
    }
}

#[tokio::test]
async fn w32_a_get_that_announces_json_and_has_no_body_is_fine() {
    let bed = Bed::start().await;
    let token = bed.send(systems::meti("read:sources")).await.token().to_owned();
    let call = Request::get("/sources").bearer(&token).header("content-type", "application/json");
    assert_eq!(Api::meti(&bed).send(call).await.status, 200);
}

#[tokio::test]
async fn w33_projects_what_is_beneath_them_and_usage_open_with_one_token() {
    let bed = Bed::start().await;
    let api = Api::metafold(&bed);
    let token = bed.send(systems::metafold()).await.token().to_owned();
    let paths = [
        "/projects",
        "/projects?sort=name:1",
        "/projects/p1",
        "/projects/p1/assets",
        "/projects/p1/jobs",
        "/projects/p1/workflows",
        "/user/usage",
    ];
    for path in paths {
        let answer = api.get(path, &token).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn w34_the_versions_open() {
    let bed = Bed::start().await;
    let token = bed.send(systems::ecoinvent()).await.token().to_owned();
    assert_eq!(Api::ecoinvent(&bed).get("/v0/versions", &token).await.status, 200);
}

#[tokio::test]
async fn w35_a_collection_opens_to_the_tokens_own_organization() {
    let bed = Bed::start().await;
    let api = Api::m3ter(&bed);
    let answer = bed.send(systems::m3ter()).await;
    let organization = answer.claims()["org_id"].as_str().unwrap().to_owned();
    let products =
        api.get(&format!("/organizations/{organization}/products?pageSize=100"), answer.token()).await;
    assert_eq!(products.status, 200, "{products:?}");
    assert!(products.body["data"].is_array(), "{products:?}");
    assert_eq!(products.body["nextToken"], Value::Null);
    let other = api.get("/organizations/custodian/products", answer.token()).await;
    assert_eq!((other.status, other.body), (404, json!({ "message": "no such organization" })));
}
