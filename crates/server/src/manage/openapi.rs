//! The description of this API (OpenAPI 3.1), made from the handlers. What all operations have in common is added here:
//! `openapi/operations.rs` adds what requests and answers carry beside their bodies, `openapi/schemas.rs` says more
//! exactly what bodies hold, `openapi/examples.rs` shows some.

mod examples;
mod operations;
mod schemas;

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::manage::docs::tag;

const ABOUT: &str = "Everything that operators of Symbolon and their programs do, over HTTP.

Send an access token for the audience `urn:symbolon:management`: `Authorization: Bearer …`. Each operation names the \
scope that it needs. Clients of a realm's operators reach the whole realm, those of the default realm's operators every \
realm, and those of a customer its own organization.

Errors are problems (RFC 9457) with a stable `type`. A change may carry `If-Match` with the `ETag` that was read; \
`PATCH` takes a JSON merge patch (RFC 7396). Lists come in pages: pass `next` on as `cursor`. Times are RFC 3339 in UTC. \
Every answer carries `x-request-id`, by which the log and `explainRequest` know the request.";

/// What is known before the handlers are: title, version, and where it is served.
pub(crate) fn frame() -> OpenApi {
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Symbolon management API").version("1").description(Some(ABOUT)))
        .servers(Some([ServerBuilder::new().url("/api/v1").build()]))
        .build()
}

/// The whole description, as JSON.
pub fn description() -> String {
    let (_, api) = super::described().split_for_parts();
    let mut api = serde_json::to_value(&api).unwrap_or_default();
    schemas::complete(&mut api);
    operations::complete(&mut api);
    examples::complete(&mut api);
    // The order must not depend on how serde_json was built.
    api.sort_all_objects();
    serde_json::to_string_pretty(&api).unwrap_or_default()
}

pub(crate) async fn document() -> Response {
    static DOCUMENT: LazyLock<(String, Option<HeaderValue>)> = LazyLock::new(|| {
        let text = description();
        let tag = HeaderValue::from_str(&tag(text.as_bytes())).ok();
        (text, tag)
    });
    let (text, tag) = &*DOCUMENT;
    let json = HeaderValue::from_static("application/json");
    let again = HeaderValue::from_static("no-cache");
    let mut response =
        ([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, again)], text.as_str()).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag.clone());
    }
    response
}

/// The object below these names, made where it is not there.
fn object<'a>(api: &'a mut Value, names: &[&str]) -> &'a mut Map<String, Value> {
    let mut place = api;
    for name in names {
        place = made(place).entry(*name).or_insert_with(|| Value::Object(Map::new()));
    }
    made(place)
}

fn made(value: &mut Value) -> &mut Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => {
            *other = Value::Object(Map::new());
            made(other)
        }
    }
}

/// The name at the end of a reference to a schema.
fn referenced(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}
