//! What bodies and parameters hold, said more exactly than their types do: which characters, how long, how much; and
//! what a merge patch of a thing looks like. It says what the server checks, so that a program can know beforehand.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{object, referenced};

/// Text in which nothing is wrong but the character that databases cannot keep.
const TEXT: &str = "^[^\\x00]*$";

/// Which names mean the same wherever they stand. A name ends in `[]` where the items of a list are meant, and in `{}`
/// where the values of a map are.
fn shared() -> [(&'static str, Value); 22] {
    let id = json!({"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$", "examples": ["acme"]});
    let lifetime = json!({"minimum": 1, "maximum": 315_360_000});
    let scope = json!({"minLength": 1, "maxLength": 128, "pattern": "^[!#-\\[\\]-~]+$", "examples": ["read:sources"]});
    let name = json!({"maxLength": 255, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"});
    let email = json!({"maxLength": 254, "pattern": "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+$",
        "format": null, "examples": ["jane@customer.example"]});
    let algorithm = json!({"enum": ["ES256", "Ed25519", "EdDSA", "RS256", "PS256"],
        "description": "The signature algorithm, as JOSE names it; EdDSA is read as Ed25519."});
    let some_algorithm = json!({"enum": ["ES256", "Ed25519", "EdDSA", "RS256", "PS256", null]});
    let network = json!({"anyOf": [{"pattern": IPV4_NETWORK}, {"pattern": IPV6_NETWORK}],
        "examples": ["192.0.2.0/24", "2001:db8::/32"]});
    let host = json!({"maxLength": 253, "pattern": "^[A-Za-z0-9.-]*[A-Za-z0-9-]$", "examples": ["auth.example.com"]});
    [
        ("id", id.clone()),
        ("policies[]", id.clone()),
        ("introspectors[]", id.clone()),
        ("operators", id),
        ("lifetime", lifetime.clone()),
        ("default_lifetime", lifetime.clone()),
        ("maximum_lifetime", lifetime),
        ("safe_to_retire_days", json!({"minimum": 0, "maximum": 3650})),
        ("scopes[]", scope),
        ("name", name),
        ("email", email),
        ("algorithm", algorithm),
        ("signing_algorithm", some_algorithm),
        ("allowed_networks[]", network),
        ("hosts[]", host),
        ("token_type", json!({"minLength": 1, "maxLength": 127, "pattern": "^[A-Za-z0-9!#$&^_.+/-]+$"})),
        ("audience", json!({"examples": ["https://api.example.com"]})),
        ("issuer", json!({"examples": ["https://auth.example.com"]})),
        ("default_audience", json!({"examples": ["https://api.example.com"]})),
        ("metadata", json!({"propertyNames": {"pattern": TEXT}})),
        ("metadata{}", json!({"pattern": TEXT})),
        ("claims", json!({"propertyNames": {"pattern": TEXT}})),
    ]
}

const IPV4_NETWORK: &str = "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}\
     (25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])/(3[0-2]|[12]?[0-9])$";
/// Whole, or shortened at one place.
const IPV6_NETWORK: &str = "^(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|::|([0-9A-Fa-f]{1,4}:){1,6}:|\
     ([0-9A-Fa-f]{1,4}:){1,5}:[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){2}|\
     ([0-9A-Fa-f]{1,4}:){1,3}(:[0-9A-Fa-f]{1,4}){3}|::([0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4})\
     /(12[0-8]|1[01][0-9]|[1-9]?[0-9])$";

/// Text with names in braces; which names there are is in `symbolon_core::claim_map`.
const TEMPLATE: &str =
    "^([^{}\\x00]|\\{(realm|organization|client|user|access_key|licence|role|scope)(\\.[^{}\\x00]*)?\\})*$";

pub(super) fn complete(api: &mut Value) {
    pages(api);
    any_json(api);
    for name in requested(api) {
        describe(object(api, &["components", "schemas", &name]));
    }
    let templates = object(api, &["components", "schemas", "ResourceServerSettings", "properties", "claims"]);
    if templates.get("additionalProperties").is_some_and(|values| values["type"] == "string") {
        templates.insert("additionalProperties".to_owned(), json!({"type": "string", "pattern": TEMPLATE}));
    }
    patches(api);
    parameters(api);
}

/// A page's items are the things that other answers have, not copies of their schemas.
fn pages(api: &mut Value) {
    let schemas = object(api, &["components", "schemas"]);
    let names: Vec<String> = schemas.keys().filter(|name| name.starts_with("PageOf_")).cloned().collect();
    for page in names {
        let name = page.trim_start_matches("PageOf_").to_owned();
        let Some(items) = schemas.get_mut(&page).map(|page| &mut page["properties"]["items"]["items"]) else {
            continue;
        };
        if referenced(items).is_none() {
            let reference = json!({"$ref": format!("#/components/schemas/{name}")});
            let whole = std::mem::replace(items, reference);
            schemas.entry(name).or_insert(whole);
        }
    }
}

/// A client's own claims are any JSON, but for what databases cannot keep.
fn any_json(api: &mut Value) {
    let any = json!({"$ref": "#/components/schemas/AnyJson"});
    let schemas = object(api, &["components", "schemas"]);
    let Some(settings) = schemas.get_mut("ClientSettings") else { return };
    settings["properties"]["claims"]["additionalProperties"] = any.clone();
    let kinds = json!([{"type": ["null", "boolean", "number"]}, {"type": "string", "pattern": TEXT},
        {"type": "array", "items": any},
        {"type": "object", "additionalProperties": any, "propertyNames": {"pattern": TEXT}}]);
    let any = json!({"description": "Any JSON value.", "anyOf": kinds});
    schemas.insert("AnyJson".to_owned(), any);
}

/// The schemas that requests hold.
fn requested(api: &Value) -> BTreeSet<String> {
    let operations = api["paths"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let bodies = operations.flat_map(Map::values).map(|operation| &operation["requestBody"]);
    let mut waiting: Vec<&Value> = bodies.collect();
    let mut found = BTreeSet::new();
    while let Some(value) = waiting.pop() {
        if let Some(name) = referenced(value).filter(|name| !found.contains(*name)) {
            found.insert(name.to_owned());
            waiting.push(&api["components"]["schemas"][name]);
        }
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    found
}

fn describe(schema: &mut Map<String, Value>) {
    let shared = shared();
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
    {
        for (known, more) in &shared {
            let part = match known.strip_prefix(name.as_str()) {
                Some("") => Some(&mut *property),
                Some("[]") => property.get_mut("items"),
                Some("{}") => property.get_mut("additionalProperties"),
                _ => None,
            };
            if let Some(part) = part.filter(|part| is_plain(part)) {
                add(part, more);
            }
        }
        if let Some(content) = content(property) {
            text(content);
        }
    }
    if schema.get("type").is_some_and(|kind| kind == "string") {
        let mut whole = Value::Object(std::mem::take(schema));
        text(&mut whole);
        *schema = std::mem::take(object(&mut whole, &[]));
    }
}

/// Whether it is described here, rather than by a schema of its own.
fn is_plain(schema: &Value) -> bool {
    referenced(schema).is_none() && !schema["type"].is_null()
}

fn add(schema: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        let schema = object(schema, &[]);
        if value.is_null() {
            schema.remove(name);
        } else if name != "description" || !schema.contains_key(name) {
            schema.insert(name.clone(), value.clone());
        }
    }
}

/// What a property holds: its items, its values, or itself.
fn content(property: &mut Value) -> Option<&mut Value> {
    match ["items", "additionalProperties"].into_iter().find(|name| property.get(name).is_some()) {
        Some(name) => property.get_mut(name),
        None => Some(property),
    }
}

/// Says of text that nothing else is known of which character it cannot hold.
fn text(schema: &mut Value) {
    let kind = &schema["type"];
    let is_text = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string")));
    let is_known = ["pattern", "enum", "anyOf"].iter().any(|known| !schema[*known].is_null());
    if is_text && !is_known && schema["format"] != "date-time" {
        schema["pattern"] = Value::from(TEXT);
    }
}

/// The bodies of `PATCH`: every member may be left out, and `null` takes one back to what it is by itself.
fn patches(api: &mut Value) {
    let mut wanted = Vec::new();
    for item in object(api, &["paths"]).values_mut() {
        let Some(content) = item.pointer_mut("/patch/requestBody/content") else { continue };
        let Some(body) = content.get("application/json").cloned() else { continue };
        wanted.extend(referenced(&body["schema"]).map(str::to_owned));
        object(content, &[]).insert("application/merge-patch+json".to_owned(), body);
    }
    for name in wanted {
        let Some(mut schema) = api["components"]["schemas"].get(&name).cloned() else { continue };
        for property in properties(&mut schema).flat_map(Map::values_mut) {
            let is_object = |schema: &Value| schema["properties"].is_object() || schema["type"] == "object";
            let of_its_own = referenced(property).map(|name| &api["components"]["schemas"][name]);
            let can_be_taken_back = is_object(property) || of_its_own.is_some_and(is_object);
            patch(api, property, can_be_taken_back);
        }
        object(api, &["components", "schemas"]).insert(name, schema);
    }
}

fn properties(schema: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    schema.get_mut("properties").and_then(Value::as_object_mut).into_iter()
}

/// Makes a property's schema one of what a patch says of it.
fn patch(api: &mut Value, property: &mut Value, can_be_null: bool) {
    object(property, &[]).remove("default");
    if let Some(values) = property.get_mut("additionalProperties").filter(|values| values.is_object()) {
        let value = values.take();
        *values = json!({"anyOf": [value, {"type": "null"}]});
    }
    let mut is_nullable = false;
    match property.get_mut("oneOf").and_then(Value::as_array_mut) {
        Some(alternatives) => {
            for alternative in alternatives {
                is_nullable |= alternative["type"] == "null";
                refer(api, alternative);
            }
        }
        None => refer(api, property),
    }
    let kind = &property["type"];
    is_nullable |= kind.as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
    if !can_be_null || is_nullable {
        return;
    }
    match kind.as_str().map(str::to_owned) {
        Some(kind) if property["enum"].is_null() => property["type"] = json!([kind, "null"]),
        _ => {
            let about = object(property, &[]).remove("description");
            let whole = property.take();
            *property = json!({"anyOf": [whole, {"type": "null"}]});
            if let Some(about) = about {
                property["description"] = about;
            }
        }
    }
}

/// Refers to the patch of an object, which is made if it is not there, rather than to the object.
fn refer(api: &mut Value, schema: &mut Value) {
    let Some(name) = referenced(schema).map(str::to_owned) else { return };
    let Some(mut whole) = api["components"]["schemas"].get(&name).cloned() else { return };
    if !whole["properties"].is_object() {
        return;
    }
    let patched = format!("{name}Patch");
    schema["$ref"] = Value::from(format!("#/components/schemas/{patched}"));
    if api["components"]["schemas"].get(&patched).is_some() {
        return;
    }
    let required = object(&mut whole, &[]).remove("required").unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.contains(&json!(name)));
    for (name, property) in properties(&mut whole).flatten() {
        patch(api, property, !is_required(name));
    }
    object(api, &["components", "schemas"]).insert(patched, whole);
}

/// What stands in paths and queries.
fn parameters(api: &mut Value) {
    for item in object(api, &["paths"]).values_mut() {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let longest = if parameter["name"] == "identifier" { 2048 } else { 255 };
                let is_path = parameter["in"] == "path";
                let Some(schema) = parameter.get_mut("schema") else { continue };
                if is_path && schema["pattern"].is_null() {
                    add(schema, &json!({"minLength": 1, "maxLength": longest, "pattern": "^[!-~]+$"}));
                } else if schema["type"] == "string" || schema["type"] == json!(["string", "null"]) {
                    text(schema);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> BTreeSet<String> {
        let api: Value = serde_json::from_str(&crate::manage::description()).unwrap();
        let schemas = api["components"]["schemas"].as_object().unwrap();
        let properties = schemas.values().filter_map(|schema| schema["properties"].as_object());
        properties.flat_map(|properties| properties.keys().cloned()).collect()
    }

    #[test]
    fn what_is_described_here_is_there() {
        let names = names();
        for (known, _) in shared() {
            assert!(names.contains(known.trim_end_matches(['[', ']', '{', '}'])), "{known}");
        }
    }

    #[test]
    fn a_patch_may_take_back_what_a_thing_need_not_have_and_nothing_else() {
        let api: Value = serde_json::from_str(&crate::manage::description()).unwrap();
        let schemas = &api["components"]["schemas"];
        let settings = &schemas["RealmSettingsPatch"]["properties"];
        assert_eq!(settings["hosts"]["type"], json!(["array", "null"]));
        assert_eq!(settings["compatibility"]["anyOf"][1], json!({"type": "null"}));
        assert!(settings["default_lifetime"]["default"].is_null());
        let reference = &settings["password_tokens"]["oneOf"][0]["$ref"];
        assert_eq!(reference, "#/components/schemas/PasswordTokensPatch");
        let tokens = &schemas["PasswordTokensPatch"];
        assert!(tokens["required"].is_null());
        assert_eq!(tokens["properties"]["audience"]["type"], "string");
        assert_eq!(schemas["ClientChange"]["properties"]["status"]["$ref"], "#/components/schemas/Status");
    }
}
