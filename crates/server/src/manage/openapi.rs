//! The description of this API (OpenAPI 3.1), made from the handlers: what all operations have in common is added here.

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{
    ClientCredentials, Flow, OAuth2, Scopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder, Ref, ServerBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::manage::error::ProblemBody;

/// What is known before the handlers are: title, version, and where it is served.
pub(crate) fn frame() -> OpenApi {
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Symbolon management API").version("1").description(Some(
            "Realms, resource servers, policies, organizations, clients and their keys, over HTTP.",
        )))
        .servers(Some([ServerBuilder::new().url("/api/v1").build()]))
        .build()
}

/// The whole description, as JSON.
pub fn description() -> String {
    let (_, mut api) = super::described().split_for_parts();
    complete(&mut api);
    api.to_pretty_json().unwrap_or_default()
}

pub(crate) async fn document() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(description);
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], DOCUMENT.as_str()).into_response()
}

/// Adds the token that every operation needs, and the problems that it can answer with.
fn complete(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), ProblemBody::schema());
    let scopes = symbolon_core::permission::resource_server().settings.scopes;
    let scopes = Scopes::from_iter(scopes.iter().map(|scope| (scope.to_string(), String::new())));
    let flow = Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes));
    components.add_security_scheme("oauth2", SecurityScheme::OAuth2(OAuth2::new([flow])));
    api.security = Some(vec![SecurityRequirement::new("oauth2", Vec::<String>::new())]);
    for item in api.paths.paths.values_mut() {
        let reads = item.get.iter_mut().map(|operation| (operation, &READ[..]));
        let changes = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        let changes = changes.into_iter().flatten().map(|operation| (operation, &CHANGE[..]));
        for (operation, problems) in reads.chain(changes) {
            for (status, description) in problems {
                add(operation, status, description);
            }
        }
    }
}

/// What can go wrong with every operation.
const READ: [(&str, &str); 8] = [
    ("400", "A parameter or cursor cannot be read"),
    ("401", "A valid access token for urn:symbolon:management is needed"),
    ("403", "The token lacks the scope"),
    ("404", "There is no such thing, or the token does not reach it"),
    ("405", "The method is not offered here"),
    ("429", "Too many requests; see Retry-After"),
    ("500", "A fault of the server"),
    ("503", "Not available now; see Retry-After"),
];

/// And with those that change something.
const CHANGE: [(&str, &str); 13] = [
    ("400", "The body or a parameter cannot be read"),
    ("401", "A valid access token for urn:symbolon:management is needed"),
    ("403", "The token lacks the scope, or only operators may set this"),
    ("404", "There is no such thing, or the token does not reach it"),
    ("405", "The method is not offered here"),
    ("409", "The id is taken, the thing was changed in the meantime, or its state forbids it"),
    ("412", "If-Match names another version"),
    ("413", "The body is too large"),
    ("415", "The body has to be JSON"),
    ("422", "A rule forbids it"),
    ("429", "Too many requests; see Retry-After"),
    ("500", "A fault of the server"),
    ("503", "Not available now; see Retry-After"),
];

fn add(operation: &mut Operation, status: &str, description: &str) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", problem)
        .header("x-request-id", HeaderBuilder::new().description(Some("The request's id")).build());
    operation.responses.responses.insert(status.to_owned(), response.build().into());
}
