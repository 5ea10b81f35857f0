//! Metafold's API, as far as its SDK looks at it: usage, projects and what lies beneath a project. Any valid token
//! will do. Errors carry `msg` beside the usual members, because that is what the SDK shows.

mod samples;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, body::Body};
use serde_json::{Map, Value, json};
use symbolon_guard::protocol::error::ErrorCode;
use symbolon_guard::protocol::scope::InvalidScope;
use symbolon_guard::{Caller, Guard, Refusal};

use crate::answer::{ApiError, InPath, Parameters};
use crate::metafold::samples::{Project, projects_of};

/// The routes.
pub(crate) fn routes(guard: &Guard) -> Result<Router, InvalidScope> {
    // No scope is needed, but only GET is offered.
    let layer = guard.layer().require_for(Method::GET, "")?;
    let guarded = |route: MethodRouter| route.layer(layer.clone()).layer(from_fn(with_message));
    Ok(Router::new()
        .route("/user/usage", guarded(get(usage)))
        .route("/projects", guarded(get(projects)))
        .route("/projects/{id}", guarded(get(project)))
        .route("/projects/{id}/{collection}", guarded(get(collection)))
        .route("/projects/{id}/{collection}/{item}", guarded(get(item))))
}

async fn usage(caller: Caller) -> Json<Value> {
    let projects = projects_of(caller.organization());
    let count = |name: &str| {
        projects.iter().filter_map(|project| project.collection(name)).map(|items| items.len()).sum::<usize>()
    };
    Json(json!({
        "projects": projects.len(),
        "assets": count("assets"),
        "jobs": count("jobs"),
        "workflows": count("workflows"),
    }))
}

async fn projects(caller: Caller, query: Parameters) -> Result<Json<Value>, ApiError> {
    let mut found = projects_of(caller.organization());
    if let Some(wanted) = query.get("q") {
        let (field, text) = wanted.split_once(':').unwrap_or(("name", wanted));
        if !matches!(field, "id" | "user" | "name") {
            return Err(ApiError::bad("q searches id, user or name, as in q=name:bracket"));
        }
        found.retain(|project| project.text(field).to_lowercase().contains(&text.to_lowercase()));
    }
    if let Some(order) = query.get("sort") {
        sort(&mut found, order)?;
    }
    Ok(Json(found.iter().map(Project::view).collect()))
}

/// Sorts by a field, `created`, or backwards, `-created` or `created:-1`.
fn sort(projects: &mut [Project], order: &str) -> Result<(), ApiError> {
    let (field, direction) = order.split_once(':').unwrap_or((order, "1"));
    let (field, backwards) = match field.strip_prefix('-') {
        Some(field) => (field, true),
        None => (field, matches!(direction, "-1" | "desc")),
    };
    match field {
        "created" => projects.sort_by_key(|project| project.created),
        "modified" => projects.sort_by_key(|project| project.modified),
        "id" | "user" | "name" => projects.sort_by_key(|project| project.text(field)),
        _ => {
            return Err(ApiError::bad(
                "sort knows id, user, name, created and modified, as in sort=created:-1",
            ));
        }
    }
    if backwards {
        projects.reverse();
    }
    Ok(())
}

async fn project(caller: Caller, InPath(id): InPath<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(find(&caller, &id)?.view()))
}

async fn collection(
    caller: Caller,
    InPath((id, collection)): InPath<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(items(&find(&caller, &id)?, &collection)?.into()))
}

async fn item(
    caller: Caller,
    InPath((id, collection, item)): InPath<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let mut items = items(&find(&caller, &id)?, &collection)?.into_iter();
    let found = items.find(|known| known["id"] == item.as_str());
    found
        .map(Json)
        .ok_or_else(|| ApiError::not_found(format!("The project's {collection} have none of that id")))
}

fn find(caller: &Caller, id: &str) -> Result<Project, ApiError> {
    let found = projects_of(caller.organization()).into_iter().find(|project| project.id == id);
    found.ok_or_else(|| ApiError::not_found("There is no project of that id"))
}

fn items(project: &Project, collection: &str) -> Result<Vec<Value>, ApiError> {
    project
        .collection(collection)
        .ok_or_else(|| ApiError::not_found("A project has assets, jobs and workflows beneath it"))
}

/// Gives every error answer, the guard's too, the member that the SDK shows.
async fn with_message(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let (error, description) = if let Some(refusal) = response.extensions().get::<Refusal>() {
        (refusal.code().map(ErrorCode::name), refusal.description())
    } else if let Some(error) = response.extensions().get::<ApiError>() {
        (Some(error.error), error.description.clone())
    } else {
        return response;
    };
    let mut body = Map::from_iter([("msg".to_owned(), json!(description))]);
    // Without credentials there is no error code (RFC 6750 §3.1).
    if let Some(error) = error {
        body.insert("error".to_owned(), json!(error));
        body.insert("error_description".to_owned(), json!(description));
    }
    let (mut head, _) = response.into_parts();
    head.headers.remove(axum::http::header::CONTENT_LENGTH);
    (head, Body::from(Value::Object(body).to_string())).into_response()
}
