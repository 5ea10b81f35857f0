//! The description of the API: what is committed is what is served.

use serde_json::Value;

use crate::support::{Bed, Request};

#[tokio::test]
async fn the_committed_description_is_the_one_that_is_served() {
    let bed = Bed::start().await;
    let served = bed.send(Request::get("/api/v1/openapi.json")).await;
    assert_eq!(served.status, 200);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var_os("SYMBOLON_WRITE_OPENAPI").is_some() {
        std::fs::write(file, format!("{}\n", served.text)).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        committed.trim_end() == served.text.trim_end(),
        "docs/openapi.json is not what the server serves: run this test with SYMBOLON_WRITE_OPENAPI=1"
    );
}

#[tokio::test]
async fn every_operation_names_its_problems_and_needs_a_token() {
    let api: Value = serde_json::from_str(&symbolon_server::manage::description()).unwrap();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(api["security"][0]["oauth2"], serde_json::json!([]));
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in
            methods.as_object().unwrap().iter().filter(|(_, o)| o["operationId"].is_string())
        {
            for status in ["400", "401", "403", "404", "429", "503"] {
                let schema =
                    &operation["responses"][status]["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
            }
            assert!(
                operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
                "{method} {path}"
            );
        }
    }
}
