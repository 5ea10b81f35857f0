//! The description of this API (OpenAPI 3.1), made from the handlers. What all operations have in common is added here:
//! `openapi/operations.rs` adds what requests and answers carry beside their bodies, `openapi/schemas.rs` says more
//! exactly what bodies hold, `openapi/examples.rs` shows some.

mod examples;
mod operations;
mod schemas;

use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::coded::{ASK_AGAIN, File};
use crate::manage::{
    access_keys, apply, audit, clients, export, leaks, licences, links, organizations, policies, preview,
    realms, requests, resource_servers, revocations, signing_keys, usage, users,
};
use crate::state::ServerState;

/// What is served: `description`, as it was committed.
static DOCUMENT: File =
    File::plain("application/json", ASK_AGAIN, include_bytes!("../../../../docs/openapi.json"));

const ABOUT: &str = "Everything that operators of Symbolon and their programs do, over HTTP.

Send an access token for the audience `urn:symbolon:management`: `Authorization: Bearer …`. Each operation names the \
scope that it needs. Clients of a realm's operators reach the whole realm, those of the default realm's operators every \
realm, and those of a customer its own organization.

Errors are problems (RFC 9457) with a stable `type`. A change may carry `If-Match` with the `ETag` that was read; \
`PATCH` takes a JSON merge patch (RFC 7396). Lists come in pages: pass `next` on as `cursor`. Times are RFC 3339 in UTC. \
Every answer carries `x-request-id`, by which the log and `explainRequest` know the request.";

/// What is known before the handlers are: title, version, and where it is served.
fn frame() -> OpenApi {
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Symbolon management API").version("1").description(Some(ABOUT)))
        .servers(Some([ServerBuilder::new().url("/api/v1").build()]))
        .build()
}

/// What each handler says of itself.
fn described() -> OpenApi {
    OpenApiRouter::<ServerState>::with_openapi(frame())
        .routes(routes!(realms::list, realms::create))
        .routes(routes!(realms::show, realms::update))
        .routes(routes!(resource_servers::list, resource_servers::create))
        .routes(routes!(resource_servers::show, resource_servers::update))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::show, policies::update, policies::delete))
        .routes(routes!(organizations::list, organizations::create))
        .routes(routes!(organizations::show, organizations::update))
        .routes(routes!(licences::list, licences::create))
        .routes(routes!(licences::show, licences::update, licences::delete))
        .routes(routes!(users::list_members, users::create_member))
        .routes(routes!(users::show_member, users::update_member))
        .routes(routes!(links::invite_member))
        .routes(routes!(links::reset_member))
        .routes(routes!(users::list_operators, users::create_operator))
        .routes(routes!(users::show_operator, users::update_operator))
        .routes(routes!(links::invite_operator))
        .routes(routes!(links::reset_operator))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::show, clients::update, clients::delete))
        .routes(routes!(clients::assign_policy, clients::unassign_policy))
        .routes(routes!(access_keys::list, access_keys::create))
        .routes(routes!(access_keys::show, access_keys::update, access_keys::delete))
        .routes(routes!(access_keys::activate))
        .routes(routes!(access_keys::deactivate))
        .routes(routes!(access_keys::rotate))
        .routes(routes!(signing_keys::list))
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(signing_keys::replace))
        .routes(routes!(revocations::list, revocations::create))
        .routes(routes!(revocations::create_in_organization))
        .routes(routes!(requests::explain))
        .routes(routes!(audit::changes))
        .routes(routes!(audit::tokens))
        .routes(routes!(audit::refusals))
        .routes(routes!(audit::organization_changes))
        .routes(routes!(audit::organization_tokens))
        .routes(routes!(audit::organization_refusals))
        .routes(routes!(preview::token))
        .routes(routes!(usage::realm))
        .routes(routes!(usage::organization))
        .routes(routes!(usage::busiest))
        .routes(routes!(leaks::report))
        .routes(routes!(clients::list_in_realm))
        .routes(routes!(apply::apply))
        .routes(routes!(export::installation))
        .routes(routes!(export::realm))
        .routes(routes!(export::organization))
        .into_openapi()
}

/// The whole description, as JSON, made anew from the handlers. What is served is what was committed
/// (`docs/openapi.json`); a test says when the two differ.
pub fn description() -> String {
    let mut api = serde_json::to_value(described()).unwrap_or_default();
    schemas::complete(&mut api);
    operations::complete(&mut api);
    examples::complete(&mut api);
    // The order must not depend on how serde_json was built.
    api.sort_all_objects();
    serde_json::to_string_pretty(&api).unwrap_or_default()
}

pub(crate) async fn document(headers: HeaderMap) -> Response {
    DOCUMENT.answer(&headers)
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
