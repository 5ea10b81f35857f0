//! JSON as a security protocol needs it: an object with the same key twice is an error.
//!
//! Two programs that pick different ones of two equal keys disagree about who is let in (RFC 8259 §4 leaves
//! the choice open). The ordinary reader keeps the last one silently, so tokens and credentials go through here.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON text, refusing duplicate keys at any depth and anything after the value.
pub fn from_slice_without_duplicates(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = UniqueKeys.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value looked at where it lies: what decides about a token is texts, numbers and lists of texts.
#[derive(Clone, Debug)]
pub(crate) enum Glance<'a> {
    Text(Cow<'a, str>),
    Number(Number),
    List(Vec<Self>),
    /// `null`, a truth value or an object.
    Other,
}

/// Reads one JSON object as strictly as [`from_slice_without_duplicates`], which accepts the same texts, but gives
/// out only the members of these names, in their order. A token is read on every call, and a tree of all of it
/// costs ten times as much.
pub(crate) fn members<'a, const N: usize>(
    bytes: &'a [u8],
    names: &[&str; N],
) -> Result<[Option<Glance<'a>>; N], serde_json::Error> {
    // Asked once of the whole, so that the reader need not ask it of each text.
    let text = std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Members(names))?;
    deserializer.end()?;
    Ok(members)
}

struct Members<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Option<Glance<'de>>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { None }; N];
        let mut others = BTreeSet::new();
        while let Some(key) = entries.next_key_seed(BorrowedKey)? {
            let place = self.0.iter().position(|name| *name == key).and_then(|at| found.get_mut(at));
            let is_new = match &place {
                Some(place) => place.is_none(),
                None => others.insert(key),
            };
            if !is_new {
                return Err(twice());
            }
            let value = entries.next_value_seed(Look)?;
            if let Some(place) = place {
                *place = Some(value);
            }
        }
        Ok(found)
    }
}

struct Look;

impl<'de> DeserializeSeed<'de> for Look {
    type Value = Glance<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Glance<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = Glance<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Glance<'de>, E> {
        Ok(Glance::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Glance<'de>, E> {
        Ok(Glance::Other)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Glance<'de>, E> {
        Ok(Glance::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Glance<'de>, E> {
        Ok(Glance::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Glance<'de>, E> {
        finite(value).map(Glance::Number)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Glance<'de>, E> {
        Ok(Glance::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Glance<'de>, E> {
        Ok(Glance::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Glance<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Look)? {
            list.push(item);
        }
        Ok(Glance::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Glance<'de>, A::Error> {
        Members(&[]).visit_map(entries).map(|[]| Glance::Other)
    }
}

/// A key, borrowed unless it is spelled with escapes.
struct BorrowedKey;

impl<'de> DeserializeSeed<'de> for BorrowedKey {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for BorrowedKey {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

fn twice<E: serde::de::Error>() -> E {
    E::custom("an object has the same key twice")
}

fn finite<E: serde::de::Error>(value: f64) -> Result<Number, E> {
    Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))
}

struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        finite(value).map(Value::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(UniqueKeys)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key_seed(KeyText)? {
            if object.contains_key(&key) {
                return Err(twice());
            }
            let value = entries.next_value_seed(UniqueKeys)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

struct KeyText;

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::from_slice_without_duplicates as read;
    use super::{Glance, members};

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        assert!(read(br#"{"a":1,"a":1}"#).is_err());
        assert!(read(br#"{"a":[{"b":1,"b":2}]}"#).is_err());
        assert!(read(br#"{"a":1,"\u0061":2}"#).is_err());
        assert!(read(br#"{"a":{"a":1}}"#).is_ok());
    }

    #[test]
    fn nothing_may_follow_the_value() {
        assert!(read(br#"{"a":1} "#).is_ok());
        assert!(read(br#"{"a":1}{"#).is_err());
    }

    #[test]
    fn members_are_found_by_name_however_they_are_spelled() {
        let found =
            members(br#"{"x":{"a":0},"\u0061":"1\n","n":-2.5,"l":["i",3]}"#, &["a", "l", "n", "none"]);
        let [a, l, n, none] = found.unwrap();
        assert!(matches!(a, Some(Glance::Text(text)) if text == "1\n"));
        let Some(Glance::List(items)) = l else { unreachable!("a list") };
        assert!(matches!(&items[..], [Glance::Text(_), Glance::Number(_)]));
        assert!(matches!(n, Some(Glance::Number(number)) if number.as_f64() == Some(-2.5)));
        assert!(none.is_none());
    }

    /// Both readers judge a text alike: what one refuses, the other does not let in.
    fn agree(text: &[u8]) {
        let whole = read(text).ok();
        let object = whole.as_ref().and_then(Value::as_object);
        for names in [["a", "b"], ["c", "d"]] {
            let found = members(text, &names).ok();
            assert_eq!(found.is_some(), object.is_some(), "{:?}", String::from_utf8_lossy(text));
            let Some((found, object)) = found.zip(object) else { continue };
            for (found, name) in found.iter().zip(names) {
                match (found, object.get(name)) {
                    (Some(Glance::Text(text)), Some(Value::String(same))) => assert_eq!(text, same),
                    (Some(Glance::Number(number)), Some(Value::Number(same))) => assert_eq!(number, same),
                    (Some(Glance::List(list)), Some(Value::Array(same))) => {
                        assert_eq!(list.len(), same.len());
                    }
                    (None, None)
                    | (Some(Glance::Other), Some(Value::Null | Value::Bool(_) | Value::Object(_))) => {}
                    differing => unreachable!("{differing:?}"),
                }
            }
        }
    }

    #[test]
    fn both_readers_refuse_the_same() {
        let deep =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)).into_bytes();
        for depth in 120..135 {
            agree(&deep(depth));
        }
        let texts: [&[u8]; 22] = [
            br#"{"a":1,"a":1}"#,
            br#"{"e":1,"e":1}"#,
            br#"{"a":1,"\u0061":2}"#,
            br#"{"e":1,"\u0065":2}"#,
            br#"{"a":[{"b":1,"b":2}]}"#,
            br#"{"e":{"b":{"f":1,"f":2}}}"#,
            br#"{"a":{"a":1}}"#,
            br#"{"a":1} "#,
            br#"{"a":1}{"#,
            br#"{"a":1,}"#,
            br"{}",
            br"[]",
            br"null",
            br#""a""#,
            br"1",
            b"",
            br#"{"a":1e400}"#,
            br#"{"a":18446744073709551616}"#,
            br#"{"a":"\ud800"}"#,
            br#"{"\ud83d\ude00":"\ud83d\ude00"}"#,
            b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
        ];
        for text in texts {
            agree(text);
        }
    }

    proptest! {
        #[test]
        fn both_readers_read_the_same(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"c\"", "\"\\u0061\"", "1", "-0.5e3", "null",
                    "true", "\"a\":1", "\"b\":{", "\"c\":[", " ", "\"", "\u{e9}",
                ]),
                0..14,
            ),
        ) {
            agree(format!("{{{}}}", parts.concat()).as_bytes());
            agree(parts.concat().as_bytes());
        }

        #[test]
        fn both_readers_read_objects_alike(
            members in proptest::collection::vec(
                ("[a-e]", proptest::sample::select(vec!["1", "\"x\"", "{\"a\":1}", "[1]", "{\"a\":1,\"a\":2}", "2.5"])),
                0..5,
            ),
        ) {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            agree(format!("{{{}}}", members.join(",")).as_bytes());
        }
    }
}
