//! What requests and answers look like: an example for every body that is sent (the tests send them), and for what
//! stands in answers, so that a reader need not make one of a list of members.

use serde_json::{Value, json};

use super::{object, referenced};

/// Bodies, by the names of their schemas.
fn bodies() -> [(&'static str, Value); 19] {
    let audience = "https://api.example.com";
    let read = json!([{"audience": audience, "scopes": ["read:data"]}]);
    let statements = json!([{"effect": "allow", "actions": ["read:*"], "resources": [audience]}]);
    [
        (
            "NewRealm",
            json!({"id": "staging", "settings": {"default_lifetime": 3600, "maximum_lifetime": 86_400}}),
        ),
        ("RealmChange", json!({"settings": {"default_lifetime": 900}})),
        (
            "NewResourceServer",
            json!({"identifier": "https://billing.example.com",
                "settings": {"name": "Billing", "scopes": ["read:invoices", "write:invoices"],
                    "claims": {"https://billing.example.com/account": "{organization.id}"}}}),
        ),
        ("ResourceServerChange", json!({"settings": {"lifetime": 600}})),
        ("NewPolicy", json!({"id": "read-everything", "name": "Read everything", "statements": statements})),
        ("PolicyChange", json!({"name": "Readers"})),
        ("NewOrganization", json!({"id": "acme", "name": "Acme", "metadata": {"tier": "gold"}})),
        ("OrganizationChange", json!({"metadata": {"tier": "silver", "trial": null}})),
        ("NewLicence", json!({"audience": audience, "kind": "full", "ends_at": "2030-01-01T00:00:00Z"})),
        ("LicenceChange", json!({"ends_at": "2031-01-01T00:00:00Z"})),
        ("NewMember", json!({"email": "jane@acme.example", "role": "developer"})),
        ("MemberChange", json!({"role": "viewer"})),
        ("NewOperator", json!({"email": "olga@example.com", "role": "auditor"})),
        ("OperatorChange", json!({"status": "disabled"})),
        ("NewClient", json!({"settings": {"name": "Nightly export", "grants": read}})),
        ("ClientChange", json!({"settings": {"name": "Hourly export"}})),
        ("AccessKeyChange", json!({"expires_at": "2030-01-01T00:00:00Z"})),
        ("SigningKeyRotation", json!({"algorithm": "ES256"})),
        (
            "Description",
            json!({"realms": [{"id": "described",
                "resource_servers": [{"identifier": audience, "settings": {"scopes": ["read:data"]}}],
                "organizations": [{"id": "acme", "name": "Acme",
                    "clients": [{"id": "nightly-export", "settings": {"grants": read}, "access_keys": [{}]}]}]}]}),
        ),
    ]
}

/// What members of answers look like; an id, by what it is the id of.
const MEMBERS: [(&str, &str); 23] = [
    ("Realm.id", "default"),
    ("Policy.id", "read-everything"),
    ("Organization.id", "acme"),
    ("Licence.id", "lic_01M81J18G0ZTTG43XYFP6SR411"),
    ("Member.id", "usr_01M81J18G0ZTTG43XYFP6SR411"),
    ("Operator.id", "usr_01M81J18G0ZTTG43XYFP6SR412"),
    ("Client.id", "cli_01M81J18G0ZTTG43XYFP6SR411"),
    ("AccessKey.id", "key_01M81J18G0ZTTG43XYFP6SR411"),
    ("CreatedAccessKey.id", "key_01M81J18G0ZTTG43XYFP6SR411"),
    ("Revocation.id", "cli_01M81J18G0ZTTG43XYFP6SR411"),
    ("Revocation.kind", "client"),
    ("name", "Acme"),
    ("issuer", "https://auth.example.com"),
    ("identifier", "https://api.example.com"),
    ("audience", "https://api.example.com"),
    ("organization", "acme"),
    ("client", "cli_01M81J18G0ZTTG43XYFP6SR411"),
    ("access_key", "key_01M81J18G0ZTTG43XYFP6SR411"),
    ("email", "jane@acme.example"),
    ("from", "192.0.2.7"),
    ("last_used_from", "192.0.2.7"),
    ("scope", "read:data"),
    ("request_id", "req_01M81J18G0ZTTG43XYFP6SR411"),
];

/// Shows what members of answers look like, where nothing else says it.
fn members(api: &mut Value) {
    for (schema, whole) in object(api, &["components", "schemas"]) {
        let Some(Value::Object(properties)) = whole.get_mut("properties") else { continue };
        for (name, property) in properties {
            let full = format!("{schema}.{name}");
            let known = MEMBERS.iter().find(|(known, _)| *known == full || known == name);
            let kind = &property["type"];
            let is_text = kind == "string" || *kind == json!(["string", "null"]);
            let is_open = property["examples"].is_null() && property["example"].is_null();
            if let Some((_, example)) = known.filter(|_| is_text && is_open && property["enum"].is_null()) {
                object(property, &[]).insert("examples".to_owned(), json!([example]));
            }
        }
    }
}

pub(super) fn complete(api: &mut Value) {
    members(api);
    let bodies = bodies();
    for item in object(api, &["paths"]).values_mut() {
        for operation in item.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            let Some(Value::Object(content)) = operation.pointer_mut("/requestBody/content") else {
                continue;
            };
            for media in content.values_mut() {
                let example = referenced(&media["schema"])
                    .and_then(|name| bodies.iter().find(|(known, _)| *known == name))
                    .map(|(_, example)| example.clone());
                if let Some(example) = example.filter(|_| media["example"].is_null()) {
                    object(media, &[]).insert("example".to_owned(), example);
                }
            }
        }
    }
}
