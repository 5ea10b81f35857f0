//! Claim maps: how a resource server's own claims are filled from what is known of the caller.
//!
//! Each claim has a rule of one of two forms: a [`Template`], which is a text, or an [`Expression`] in CEL, which is
//! an object with the one member `cel`. Both name the same things ([`NAMES`]), and both are checked when they are
//! read, so that what is stored can be computed.

mod expression;
mod template;

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

pub use expression::{EvaluationError, Expression, ExpressionError, LONGEST_EXPRESSION, MOST_EXPRESSIONS};
pub use template::{Template, TemplateError};

/// Something that claim maps can name.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// The word that names of it begin with.
    pub word: &'static str,
    /// What it holds.
    pub holds: Holds,
}

/// What a name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// An object with these members and no others.
    Members(&'static [&'static str]),
    /// A text or a list: nothing that has members.
    Plain,
    /// Whatever was set.
    Anything,
}

/// Everything that claim maps can name. Secrets and their hashes are not among it.
pub const NAMES: [Name; 9] = [
    Name { word: "realm", holds: Holds::Members(&["id", "issuer"]) },
    Name { word: "organization", holds: Holds::Members(&["id", "name", "metadata"]) },
    Name { word: "client", holds: Holds::Members(&["id", "name", "claims"]) },
    Name { word: "user", holds: Holds::Members(&["id", "email"]) },
    Name { word: "access_key", holds: Holds::Members(&["id"]) },
    Name { word: "licence", holds: Holds::Members(&["id", "kind", "ends_at"]) },
    Name { word: "role", holds: Holds::Anything },
    Name { word: "scope", holds: Holds::Plain },
    Name { word: "scopes", holds: Holds::Plain },
];

fn known_names() -> String {
    NAMES.map(|name| name.word).join(", ")
}

/// How one claim is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimRule {
    /// By a text with names in it.
    Template(Template),
    /// By an expression in CEL.
    Expression(Expression),
}

/// How a rule is written, for an API's documents.
#[cfg(feature = "schema")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = ClaimRule)]
pub enum RuleForm {
    /// A text with names in braces.
    Template(String),
    /// An expression in CEL.
    Expression {
        /// The expression.
        cel: String,
    },
}

impl ClaimRule {
    /// The words that its names begin with.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        let (template, expression) = match self {
            Self::Template(template) => (Some(template), None),
            Self::Expression(expression) => (None, Some(expression)),
        };
        let named = template.into_iter().flat_map(Template::roots);
        named.chain(expression.into_iter().flat_map(Expression::roots))
    }

    /// The claim's value; `None` if it is to be left out.
    pub fn value(&self, names: &Map<String, Value>) -> Result<Option<Value>, EvaluationError> {
        match self {
            Self::Template(template) => Ok(template.fill(names)),
            Self::Expression(expression) => expression.evaluate(names),
        }
    }
}

impl From<Template> for ClaimRule {
    fn from(template: Template) -> Self {
        Self::Template(template)
    }
}

impl From<Expression> for ClaimRule {
    fn from(expression: Expression) -> Self {
        Self::Expression(expression)
    }
}

impl Serialize for ClaimRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Template(template) => serializer.serialize_str(template.text()),
            Self::Expression(expression) => {
                let mut object = serializer.serialize_map(Some(1))?;
                object.serialize_entry("cel", expression.source())?;
                object.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for ClaimRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RuleVisitor)
    }
}

struct RuleVisitor;

impl<'de> Visitor<'de> for RuleVisitor {
    type Value = ClaimRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template (a text in quotes) or a CEL expression (an object with the one member `cel`)")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ClaimRule, E> {
        Template::parse(text).map(ClaimRule::Template).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<ClaimRule, A::Error> {
        match object.next_key::<String>()? {
            Some(key) if key == "cel" => {}
            Some(other) => return Err(A::Error::unknown_field(&other, &["cel"])),
            None => return Err(A::Error::missing_field("cel")),
        }
        let source = object.next_value::<String>()?;
        if let Some(other) = object.next_key::<String>()? {
            return Err(A::Error::unknown_field(&other, &["cel"]));
        }
        Expression::parse(&source).map(ClaimRule::Expression).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(rule: Value) -> Result<ClaimRule, String> {
        serde_json::from_value(rule).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_a_template_and_an_object_is_an_expression() {
        assert!(matches!(read(json!("{client.id}")), Ok(ClaimRule::Template(_))));
        assert!(matches!(read(json!({"cel": "client.id"})), Ok(ClaimRule::Expression(_))));
        for wrong in
            [json!({}), json!({"cell": "1"}), json!({"cel": "1", "more": 1}), json!({"cel": 1}), json!([])]
        {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_in_a_description_is_neither() {
        // As a text it would not be what was meant, and as a number it would not be a template.
        for yaml in ["limit: 5", "limit: true"] {
            let read = serde_saphyr::from_str::<std::collections::BTreeMap<String, ClaimRule>>(yaml);
            assert!(
                read.unwrap_err().to_string().contains("a template (a text in quotes) or a CEL expression")
            );
        }
        for yaml in ["limit: \"5\"", "limit: { cel: \"5\" }", "limit: five"] {
            assert!(serde_saphyr::from_str::<std::collections::BTreeMap<String, ClaimRule>>(yaml).is_ok());
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for rule in [json!("{client.id} of {realm.id}"), json!({"cel": "1 +\n  size(client.name)"})] {
            let read = read(rule.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), rule);
        }
    }

    #[test]
    fn a_mistake_is_told_when_the_rule_is_read() {
        assert!(read(json!({"cel": "1 +"})).unwrap_err().contains("line 1, column"));
        assert!(
            read(json!({"cel": "organisation.id"})).unwrap_err().contains("\"organisation\" is not known")
        );
        assert!(read(json!("{organisation.id}")).unwrap_err().contains("\"organisation.id\" is not known"));
    }

    #[test]
    fn both_forms_say_what_they_name() {
        let roots = |rule| read(rule).unwrap().roots().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(roots(json!("{client.id}{role}")), ["client", "role"]);
        assert_eq!(
            roots(json!({"cel": "has(licence.kind) ? role : client['name']"})),
            ["client", "licence", "role"]
        );
    }
}
