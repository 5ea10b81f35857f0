//! Any CEL source is read or refused, and what is read gives a value or an error, the same each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use symbolon_core::claim_map::Expression;

fn names() -> Map<String, Value> {
    let client = json!({"id": "c", "name": "n", "claims": {"plan": "pro", "limit": 5, "tags": ["a", {"b": 0.5}], "no": null}});
    let scopes = json!(["read:a", "write:a"]);
    Map::from_iter([("client".to_owned(), client), ("scopes".to_owned(), scopes), ("role".to_owned(), json!("admin"))])
}

fuzz_target!(|source: &str| {
    if let Ok(expression) = Expression::parse(source) {
        assert_eq!(Expression::parse(expression.source()).as_ref(), Ok(&expression));
        let names = names();
        assert_eq!(expression.evaluate(&names), expression.evaluate(&names));
    }
});
