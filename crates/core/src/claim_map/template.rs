//! Templates: text with names in braces, `{organization.id}` or `{client.claims.v1_id}`.
//!
//! A template that is one name alone yields the value itself, whatever its type; a claim whose name yields nothing
//! is left out.

use serde_json::{Map, Value};

use crate::claim_map::{NAMES, known_names};

/// A claim's template, checked when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// Why a template cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("a brace is not closed in the template {0:?}")]
    Unbalanced(String),
    /// A name that begins with none of the known words.
    #[error("{0:?} is not known; templates can name {names}", names = known_names())]
    UnknownName(String),
}

enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        for part in parts(text) {
            if let Part::Name(name) = part.ok_or_else(|| TemplateError::Unbalanced(text.to_owned()))? {
                let root = name.split('.').next().unwrap_or_default();
                if !NAMES.iter().any(|known| known.word == root) {
                    return Err(TemplateError::UnknownName(name.to_owned()));
                }
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The text that it was read from.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The words that its names begin with.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        parts(&self.0).filter_map(|part| match part? {
            Part::Name(name) => name.split('.').next(),
            Part::Text(_) => None,
        })
    }

    /// Fills the template; `None` if a name yields nothing.
    pub fn fill(&self, names: &Map<String, Value>) -> Option<Value> {
        let parts: Vec<Part<'_>> = parts(&self.0).collect::<Option<_>>()?;
        if let [Part::Name(name)] = parts.as_slice() {
            return look_up(names, name).cloned();
        }
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Name(name) => match look_up(names, name)? {
                    Value::String(value) => text.push_str(value),
                    Value::Null => return None,
                    other => text.push_str(&other.to_string()),
                },
            }
        }
        Some(Value::String(text))
    }
}

fn look_up<'a>(names: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut segments = path.split('.');
    let first = names.get(segments.next()?)?;
    segments.try_fold(first, |value, segment| value.get(segment)).filter(|value| !value.is_null())
}

/// Splits a template; an item is `None` where a brace has no partner.
fn parts(text: &str) -> impl Iterator<Item = Option<Part<'_>>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix('{') {
            let Some((name, tail)) = after.split_once('}').filter(|(name, _)| !name.contains('{')) else {
                rest = "";
                return Some(None);
            };
            rest = tail;
            return Some(Some(Part::Name(name)));
        }
        let end = rest.find(['{', '}']).unwrap_or(rest.len());
        if rest[end..].starts_with('}') {
            rest = "";
            return Some(None);
        }
        let (plain, tail) = rest.split_at(end);
        rest = tail;
        Some(Some(Part::Text(plain)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(template: &str) -> Option<Value> {
        let names = json!({
            "organization": {"id": "org_1", "metadata": {"tier": "gold"}},
            "client": {"claims": {"limit": 5, "tags": ["a"]}},
            "role": "admin",
        });
        Template::parse(template).unwrap().fill(names.as_object().unwrap())
    }

    #[test]
    fn names_are_filled_in() {
        assert_eq!(fill("{organization.id}"), Some(json!("org_1")));
        assert_eq!(fill("{role}@{organization.metadata.tier}"), Some(json!("admin@gold")));
        assert_eq!(fill("plain"), Some(json!("plain")));
    }

    #[test]
    fn a_name_alone_keeps_its_type() {
        assert_eq!(fill("{client.claims.limit}"), Some(json!(5)));
        assert_eq!(fill("{client.claims.tags}"), Some(json!(["a"])));
        assert_eq!(fill("n={client.claims.limit}"), Some(json!("n=5")));
    }

    #[test]
    fn a_claim_that_yields_nothing_is_left_out() {
        assert_eq!(fill("{client.claims.other}"), None);
        assert_eq!(fill("x{user.id}"), None);
    }

    #[test]
    fn mistakes_are_found_when_the_template_is_read() {
        assert!(matches!(Template::parse("{organization.id"), Err(TemplateError::Unbalanced(_))));
        assert!(matches!(Template::parse("a}b"), Err(TemplateError::Unbalanced(_))));
        assert!(matches!(Template::parse("{orgnization.id}"), Err(TemplateError::UnknownName(_))));
    }
}
