//! What operations have in common beside their bodies: headers, problems, the scope that is needed.

use serde_json::{Map, Value, json};
use symbolon_core::permission::Permission;
use utoipa::PartialSchema as _;

use super::{object, referenced};
use crate::manage::error::ProblemBody;

/// A problem that operations can answer with.
struct Answer {
    status: &'static str,
    name: &'static str,
    about: &'static str,
    /// Headers, and whether they are always there.
    headers: &'static [(&'static str, bool)],
    /// Whether only changes can answer so.
    of_changes: bool,
}

const fn answer(status: &'static str, name: &'static str, about: &'static str) -> Answer {
    Answer { status, name, about, headers: &[], of_changes: false }
}

const fn of_change(status: &'static str, name: &'static str, about: &'static str) -> Answer {
    Answer { of_changes: true, ..answer(status, name, about) }
}

const PROBLEMS: [Answer; 13] = [
    answer("400", "InvalidRequest", "The body, a parameter or a cursor cannot be read"),
    Answer {
        headers: &[("WWW-Authenticate", true)],
        ..answer("401", "Unauthenticated", "A valid access token for urn:symbolon:management is needed")
    },
    Answer {
        headers: &[("WWW-Authenticate", false)],
        ..answer("403", "Forbidden", "The token lacks the scope, or only operators may set this")
    },
    answer("404", "NotFound", "There is no such thing, or the token does not reach it"),
    Answer {
        headers: &[("Allow", true)],
        ..answer("405", "MethodNotAllowed", "The method is not offered here")
    },
    of_change("409", "Conflict", "The id is taken, it was changed in the meantime, or its state forbids it"),
    of_change("412", "PreconditionFailed", "If-Match names another version"),
    of_change("413", "TooLarge", "The body is too large"),
    of_change("415", "UnsupportedMediaType", "The body has to be JSON"),
    of_change("422", "InvalidChange", "A rule forbids it"),
    Answer {
        headers: &[("Retry-After", true)],
        ..answer("429", "Busy", "Too many requests; see Retry-After")
    },
    answer("500", "Internal", "A fault of the server"),
    Answer {
        headers: &[("Retry-After", true)],
        ..answer("503", "Unavailable", "Not available now; see Retry-After")
    },
];

/// The groups of operations, in the order in which they are shown.
const TAGS: [(&str, &str); 16] = [
    ("realms", "Issuers with their own keys, clients and rules"),
    ("resource servers", "The APIs that tokens are for"),
    ("policies", "Named sets of statements that clients are given"),
    ("organizations", "The customers"),
    ("licences", "The times in which an organization may use an API"),
    ("members", "People of an organization"),
    ("operators", "People who run a realm"),
    ("clients", "The programs of an organization, and what each may do"),
    ("access keys", "The secrets of clients, and their rotation"),
    ("signing keys", "What tokens are signed with"),
    ("revocations", "What is dead, and killing more"),
    ("audit", "What happened, and why"),
    ("usage", "How often clients got tokens and were refused"),
    ("leaks", "Secrets that were found where strangers can read them"),
    ("export", "Everything, as lines of JSON or as a description"),
    ("descriptions", "Everything at once, as a description says it"),
];

pub(super) fn complete(api: &mut Value) {
    components(api);
    tags(api);
    let versioned = versioned(api);
    for (path, item) in object(api, &["paths"]) {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if !operation["operationId"].is_string() {
                continue;
            }
            needs(operation, method, path);
            answers(operation, method, &versioned);
        }
    }
}

fn header(text: &str, schema: &Value, is_required: bool) -> Value {
    json!({"description": text, "schema": schema, "required": is_required})
}

/// What operations refer to.
fn components(api: &mut Value) {
    let problem = serde_json::to_value(ProblemBody::schema()).unwrap_or_default();
    object(api, &["components", "schemas"]).insert("Problem".to_owned(), problem);
    let text = json!({"type": "string"});
    let named = |name: &str, is_required| match name {
        "WWW-Authenticate" => header("What is missing (RFC 6750)", &text, is_required),
        "Allow" => header("The methods that are", &text, is_required),
        _ => {
            header("Seconds after which to try again", &json!({"type": "integer", "minimum": 0}), is_required)
        }
    };
    let headers = [
        ("RequestId", header("The id of this request, for the log and for `explainRequest`", &text, true)),
        ("ETag", header("The version, for If-Match and If-None-Match", &tag_schema(), true)),
        ("Location", header("Where it is", &json!({"type": "string", "format": "uri-reference"}), true)),
    ];
    let place = object(api, &["components", "headers"]);
    place.extend(headers.map(|(name, header)| (name.to_owned(), header)));
    let responses = object(api, &["components", "responses"]);
    for Answer { name, about, headers, .. } in &PROBLEMS {
        let mut all: Map<String, Value> =
            headers.iter().map(|(name, required)| ((*name).to_owned(), named(name, *required))).collect();
        all.insert("x-request-id".to_owned(), json!({"$ref": "#/components/headers/RequestId"}));
        let schema = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let content = json!({"application/problem+json": schema});
        responses
            .insert((*name).to_owned(), json!({"description": about, "headers": all, "content": content}));
    }
    let parameters = object(api, &["components", "parameters"]);
    let match_schema = json!({"type": "string", "pattern": "^(\\*|\"[0-9]{1,19}\")$"});
    parameters.insert(
        "IfMatch".to_owned(),
        json!({"name": "If-Match", "in": "header", "required": false, "schema": match_schema, "example": "\"3\"",
            "description": "The ETag that was read: the change is refused with 412 if another version is current."}),
    );
    parameters.insert(
        "IdempotencyKey".to_owned(),
        json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"}, "example": "2f1c6a0e-4d3b-4a53-9c70-6f5a1f0c9b7d",
            "description": "The caller's own name for this request. The same request again within 24 hours makes \
                nothing, and is answered with what it made; a secret is shown the first time only."}),
    );
    parameters.insert(
        "IfNoneMatch".to_owned(),
        json!({"name": "If-None-Match", "in": "header", "required": false, "schema": text,
            "example": "\"3\"", "description": "The ETag that is known: 304 without a body if it is still current."}),
    );
    let scopes: Map<String, Value> = Permission::ALL
        .iter()
        .map(|permission| (permission.scope().to_owned(), Value::from(about(permission.scope()))))
        .collect();
    let flow = json!({"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes}});
    let schemes = object(api, &["components", "securitySchemes"]);
    schemes.insert("oauth2".to_owned(), json!({"type": "oauth2", "flows": flow,
        "description": "Client credentials, with `audience=urn:symbolon:management`; for clients of another realm than \
            the default one at `/realms/{realm}/oauth/token`."}));
    schemes.insert(
        "bearer".to_owned(),
        json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "An access token for `urn:symbolon:management`, however it was got."}),
    );
    object(api, &[]).insert("security".to_owned(), json!([{"oauth2": []}, {"bearer": []}]));
}

fn about(scope: &str) -> String {
    scope.replace([':', '-'], " ")
}

fn tag_schema() -> Value {
    json!({"type": "string", "pattern": "^\"[0-9]{1,19}\"$"})
}

/// The groups that there are, those that nobody described here included.
fn tags(api: &mut Value) {
    let tags = TAGS.map(|(name, about)| json!({"name": name, "description": about}));
    object(api, &[]).insert("tags".to_owned(), Value::from(tags.to_vec()));
}

/// The names of the schemas of things that have a version.
fn versioned(api: &Value) -> Vec<String> {
    let Some(schemas) = api["components"]["schemas"].as_object() else { return Vec::new() };
    let has = |schema: &Value| schema["properties"]["version"].is_object();
    let parts = |schema: &Value| {
        let mut parts = schema["allOf"].as_array().into_iter().flatten();
        parts.any(|part| referenced(part).and_then(|name| schemas.get(name)).is_some_and(has))
    };
    let is_versioned = |schema: &Value| has(schema) || parts(schema);
    schemas.iter().filter(|(_, schema)| is_versioned(schema)).map(|(name, _)| name.clone()).collect()
}

/// Says which scopes an operation needs: those that the handler names, or the one that follows from what it is about. A
/// test asks every operation.
fn needs(operation: &mut Value, method: &str, path: &str) {
    let named = operation["security"][0]["oauth2"].as_array();
    let named: Vec<String> =
        named.into_iter().flatten().filter_map(|scope| scope.as_str().map(str::to_owned)).collect();
    let scopes =
        if named.is_empty() { usual_scope(operation, method, path).into_iter().collect() } else { named };
    if scopes.is_empty() {
        return;
    }
    let said = operation["description"].as_str().filter(|text| !text.is_empty());
    let text = said.map_or_else(String::new, |text| format!("{text}\n\n"))
        + &format!("Needs `{}`.", scopes.join("`, `"));
    let operation = object(operation, &[]);
    operation.insert("description".to_owned(), Value::from(text));
    operation.insert("security".to_owned(), json!([{"oauth2": scopes}, {"bearer": []}]));
}

fn usual_scope(operation: &Value, method: &str, path: &str) -> Option<String> {
    let noun = match operation["tags"][0].as_str()? {
        "access keys" => "clients".to_owned(),
        tag => tag.replace(' ', "-"),
    };
    let verb = match method {
        "get" => "read",
        // To take a policy from a client is to change the client.
        "delete" if !path.ends_with("/clients/{client}/policies/{policy}") => "delete",
        _ => "write",
    };
    let scope = format!("{verb}:{noun}");
    Permission::ALL.iter().any(|permission| permission.scope() == scope).then_some(scope)
}

/// Adds what answers carry beside their bodies, what goes wrong, and the headers by which requests name a version.
fn answers(operation: &mut Value, method: &str, versioned: &[String]) {
    let reads = method == "get";
    let responses = object(operation, &["responses"]);
    let mut has_version = false;
    for (status, response) in responses.iter_mut() {
        let schema = &response["content"]["application/json"]["schema"];
        let is_versioned = referenced(schema).is_some_and(|name| versioned.iter().any(|known| known == name));
        let headers = object(response, &["headers"]);
        let mut add = |name: &str, component: &str| {
            let component = json!({"$ref": format!("#/components/headers/{component}")});
            headers.entry(name).or_insert(component);
        };
        add("x-request-id", "RequestId");
        if is_versioned {
            add("ETag", "ETag");
        }
        if status == "201" {
            add("Location", "Location");
        }
        has_version |= is_versioned && status == "200";
    }
    for problem in PROBLEMS.iter().filter(|problem| !(reads && problem.of_changes)) {
        let component = json!({"$ref": format!("#/components/responses/{}", problem.name)});
        responses.entry(problem.status).or_insert(component);
    }
    if reads && has_version {
        let headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"},
            "ETag": {"$ref": "#/components/headers/ETag"}});
        let unchanged =
            json!({"description": "It is still the version of If-None-Match", "headers": headers});
        responses.insert("304".to_owned(), unchanged);
    }
    // A realm's id is chosen by who makes it, so that the same request again is refused anyway.
    let repeats = responses.contains_key("201") && operation["operationId"] != "createRealm";
    if repeats {
        let replayed = json!({"description": "`true` if the same request made it before", "required": false,
            "schema": {"type": "string", "enum": ["true"]}});
        object(operation, &["responses", "201", "headers"])
            .insert("Idempotent-Replayed".to_owned(), replayed);
    }
    let parameter = match method {
        "post" if repeats => "IdempotencyKey",
        "get" if has_version => "IfNoneMatch",
        "put" | "patch" | "delete" => "IfMatch",
        "post" if has_version => "IfMatch",
        _ => return,
    };
    let parameters =
        object(operation, &[]).entry("parameters").or_insert_with(|| Value::from(Vec::<Value>::new()));
    if let Value::Array(parameters) = parameters {
        parameters.push(json!({"$ref": format!("#/components/parameters/{parameter}")}));
    }
}
