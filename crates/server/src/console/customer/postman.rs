//! The same request as a collection for Postman (its format v2.1), as a file. The secret is one of its variables, which
//! stays empty.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use symbolon_core::permission::Permission;
use symbolon_core::store::ClientWithKeys;

use crate::console::customer::examples::{Example, Shape};
use crate::console::customer::room::{Room, name_of};
use crate::console::failure::Failure;
use crate::console::visitor::Visitor;

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

fn request(example: &Example) -> Value {
    let value = |value: Option<&str>| value.unwrap_or("{{client_secret}}").to_owned();
    let body = if example.shape == Shape::Form {
        let pair = |(name, text): &(&str, Option<&str>)| json!({"key": name, "value": value(*text)});
        json!({"mode": "urlencoded", "urlencoded": example.body().iter().map(pair).collect::<Vec<_>>()})
    } else {
        let members = example.body().into_iter().map(|(name, text)| (name.to_owned(), value(text).into()));
        let raw = Value::Object(members.collect()).to_string();
        json!({"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}})
    };
    let kind =
        if example.shape == Shape::Form { "application/x-www-form-urlencoded" } else { "application/json" };
    let auth = match example.shape {
        Shape::Basic => json!({"type": "basic", "basic": [
            {"key": "username", "value": example.id, "type": "string"},
            {"key": "password", "value": "{{client_secret}}", "type": "string"},
        ]}),
        Shape::Form | Shape::Json => json!({"type": "noauth"}),
    };
    json!({
        "method": "POST",
        "header": [{"key": "Content-Type", "value": kind}],
        "url": example.endpoint,
        "auth": auth,
        "body": body,
    })
}

fn collection((name, item): (&str, &str), example: &Example) -> Value {
    json!({
        "info": {"name": name, "schema": SCHEMA},
        "item": [{"name": item, "request": request(example)}],
        "variable": [{"key": "client_secret", "value": "", "type": "string"}],
    })
}

/// The file.
pub(super) async fn download(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let ClientWithKeys { client, keys } = room.client(&client).await?;
    let example = Example::of(room.view(), &client, &keys);
    let names = (name_of(&client), room.t.of("start-postman-item"));
    let body = collection((&names.0, &names.1), &example).to_string();
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"symbolon.postman_collection.json\""),
    ];
    Ok((headers, body).into_response())
}
