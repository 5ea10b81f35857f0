//! What is wrong with JSON beyond its syntax: a member that is there twice, of which readers take the one or the other
//! (RFC 8259 §4), and the character NUL, which SQLite keeps and PostgreSQL does not.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use symbolon_core::apply::description::{DescriptionError, read_yaml};

/// Says what is wrong with a body, if anything is.
pub(crate) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<Sound>(bytes).map(|Sound| ())
}

/// The same of YAML.
pub(crate) fn check_yaml(text: &str) -> Result<(), DescriptionError> {
    read_yaml::<Sound>(text).map(|Sound| ())
}

/// Writes whole numbers as integers: `60.0` is one to JSON Schema, and to many programs that write JSON, though not to
/// the library that reads it here.
pub(crate) fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
            let whole = whole.and_then(|number| format!("{number:.0}").parse::<i64>().ok());
            whole.map_or(Value::Number(number), Value::from)
        }
        Value::Array(items) => items.into_iter().map(with_whole_numbers).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, with_whole_numbers(value))).collect()
        }
        other => other,
    }
}

struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

fn text<E: Error>(text: &str) -> Result<Sound, E> {
    if text.contains('\0') {
        Err(E::custom("the character NUL (\\u0000) can stand in no text"))
    } else {
        Ok(Sound)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Sound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Sound, E> {
        text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sound, A::Error> {
        while items.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Sound, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            text::<A::Error>(&name)?;
            if names.contains(&name) {
                members.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom(format!("the member {name:?} is there twice")));
            }
            members.next_value::<Sound>()?;
            names.insert(name);
        }
        Ok(Sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_json_is_sound_that_says_everything_once() {
        for good in [
            r#"{"a": [1, -1, 1.5, 1e300, true, null, "é"], "b": {"a": {}}}"#,
            "[]",
            "\"x\"",
            "12345678901234567890123",
        ] {
            assert!(check(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn doubled_members_and_nul_are_told_wherever_they_are() {
        for (bad, why) in [
            (r#"{"a": 1, "a": 1}"#, "\"a\" is there twice"),
            (r#"[{"b": {"a": 1, "\u0061": 2}}]"#, "\"a\" is there twice"),
            (r#"{"a": ["x\u0000"]}"#, "NUL"),
            (r#"{"a\u0000": 1}"#, "NUL"),
            (r#"{"a": 1} x"#, "trailing"),
        ] {
            let error = check(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn whole_numbers_are_integers_and_others_stay_as_they_are() {
        let numbers = serde_json::json!([60.0, {"a": -0.0}, 1.5, 1e300, 7]);
        let whole = serde_json::json!([60, {"a": 0}, 1.5, 1e300, 7]);
        assert_eq!(with_whole_numbers(numbers), whole);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_and_not_followed() {
        let deep = "[".repeat(100_000);
        assert!(check(deep.as_bytes()).unwrap_err().to_string().contains("recursion limit"));
    }
}
