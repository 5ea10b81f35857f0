//! The form of a resource server: its settings as fields, and fields as settings.

use std::collections::BTreeMap;

use symbolon_core::claim_map::{ClaimRule, Expression, Template};
use symbolon_core::id::ClientId;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::scope::{Scope, ScopeSet};
use symbolon_core::resource_server::ResourceServerSettings;

use crate::console::form::{Form, Mistakes};
use crate::console::operator::fields::{Choice, Column, Field, Group, rows};
use crate::console::page::sentence;
use crate::console::texts::Texts;

const TEMPLATE: &str = "template";
const EXPRESSION: &str = "cel";

fn columns(t: Texts) -> [Column; 3] {
    let kinds = vec![
        Choice::new(TEMPLATE, t.of("claim-kind-template")),
        Choice::new(EXPRESSION, t.of("claim-kind-cel")),
    ];
    [
        Column::new("claim", "claim-name"),
        Column::of("claim_kind", "claim-kind", kinds),
        Column::new("claim_rule", "claim-rule"),
    ]
}

/// The algorithms to choose from; `none` names the text of having no choice of one's own.
pub(super) fn algorithms(t: Texts, none: &'static str) -> Vec<Choice> {
    let names = Algorithm::ALL.map(|algorithm| Choice::new(algorithm.name(), algorithm.name()));
    std::iter::once(Choice::new("", t.of(none))).chain(names).collect()
}

/// The fields, the identifier only of a new one: it never changes.
pub(super) fn groups(t: Texts, is_new: bool) -> Vec<Group> {
    let mut first = Vec::new();
    if is_new {
        first.push(Field::line("identifier", "server-identifier").hint("server-identifier-hint").required());
    }
    first.push(Field::line("name", "server-name"));
    first.push(Field::lines("scopes", "server-scopes").hint("server-scopes-hint"));
    first.push(Field::lines("aliases", "server-aliases").hint("server-aliases-hint"));
    vec![
        Group::new("server-group-api", first),
        Group::new(
            "server-group-tokens",
            vec![
                Field::number("lifetime", "server-lifetime").hint("server-lifetime-hint"),
                Field::choice(
                    "signing_algorithm",
                    "server-algorithm",
                    algorithms(t, "server-algorithm-realm"),
                ),
                Field::number("reuse_seconds", "server-reuse").hint("server-reuse-hint"),
                Field::rows("claims", "server-claims", columns(t).into()).hint("server-claims-hint"),
            ],
        ),
        Group::new(
            "server-group-access",
            vec![
                Field::check("requires_licence", "server-licence"),
                Field::lines("introspectors", "server-introspectors").hint("server-introspectors-hint"),
            ],
        ),
    ]
}

fn lines<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join("\n")
}

/// Settings as they stand in the fields.
pub(super) fn filled(settings: &ResourceServerSettings) -> Form {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut fields = vec![
        ("name", settings.name.clone()),
        ("scopes", lines(settings.scopes.iter())),
        ("aliases", lines(&settings.aliases)),
        ("lifetime", number(settings.lifetime)),
        ("signing_algorithm", settings.signing_algorithm.map(|one| one.to_string()).unwrap_or_default()),
        ("reuse_seconds", number(Some(settings.reuse_seconds).filter(|seconds| *seconds > 0))),
        ("introspectors", lines(&settings.introspectors)),
    ];
    if settings.requires_licence {
        fields.push(("requires_licence", "on".to_owned()));
    }
    for (name, rule) in &settings.claims {
        let (kind, text) = match rule {
            ClaimRule::Template(template) => (TEMPLATE, template.text()),
            ClaimRule::Expression(expression) => (EXPRESSION, expression.source()),
        };
        fields.push(("claim", name.clone()));
        fields.push(("claim_kind", kind.to_owned()));
        fields.push(("claim_rule", text.to_owned()));
    }
    Form::of(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Words that have no spaces; commas may be part of them.
pub(super) fn words(form: &Form, name: &str) -> Vec<String> {
    form.raw(name).split_whitespace().map(str::to_owned).collect()
}

/// Scopes, separated by spaces or lines.
pub(super) fn scopes(text: &str) -> Result<ScopeSet, String> {
    let read = |word: &str| Scope::parse(word).map_err(|error| sentence(&format!("{word:?}: {error}")));
    text.split_whitespace().map(read).collect()
}

/// A whole number in a field; a text that is none is a mistake.
pub(super) fn number(form: &Form, name: &'static str, t: Texts, mistakes: &mut Mistakes) -> Option<i64> {
    form.number(name).unwrap_or_else(|()| {
        mistakes.add(name, t.of("number-wrong"));
        None
    })
}

fn claims(form: &Form, t: Texts, mistakes: &mut Mistakes) -> BTreeMap<String, ClaimRule> {
    let mut claims = BTreeMap::new();
    for [name, kind, rule] in rows(form, &columns(t)) {
        let read = if kind == EXPRESSION {
            Expression::parse(&rule).map(ClaimRule::Expression).map_err(|error| error.to_string())
        } else {
            Template::parse(&rule).map(ClaimRule::Template).map_err(|error| error.to_string())
        };
        match read {
            Err(error) => mistakes.add("claims", sentence(&format!("{name}: {error}"))),
            Ok(_) if name.is_empty() => mistakes.add("claims", t.of("claim-nameless")),
            Ok(rule) => {
                if claims.insert(name, rule).is_some() {
                    mistakes.add("claims", t.of("claim-twice"));
                }
            }
        }
    }
    claims
}

/// The settings that were entered.
pub(super) fn read(form: &Form, t: Texts) -> Result<ResourceServerSettings, Mistakes> {
    let mut mistakes = Mistakes::default();
    let scopes = scopes(form.raw("scopes")).unwrap_or_else(|mistake| {
        mistakes.add("scopes", mistake);
        ScopeSet::new()
    });
    let introspectors =
        words(form, "introspectors").iter().map(|id| ClientId::new(id)).collect::<Result<_, _>>();
    let introspectors = introspectors.unwrap_or_else(|_| {
        mistakes.add("introspectors", t.of("server-introspectors-wrong"));
        Vec::new()
    });
    let settings = ResourceServerSettings {
        name: form.text("name").to_owned(),
        aliases: words(form, "aliases"),
        scopes,
        lifetime: number(form, "lifetime", t, &mut mistakes),
        signing_algorithm: form.filled("signing_algorithm").and_then(Algorithm::from_name),
        claims: claims(form, t, &mut mistakes),
        requires_licence: form.has("requires_licence"),
        introspectors,
        reuse_seconds: number(form, "reuse_seconds", t, &mut mistakes).unwrap_or(0),
    };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back_as_it_was() {
        let json = r#"{"name": "An API", "aliases": ["https://other.example/a,b"], "scopes": ["read:a", "b,c"],
            "lifetime": 60, "signing_algorithm": "PS256", "requires_licence": true, "introspectors": ["gate"],
            "reuse_seconds": 20, "claims": {"https://a.example/org": "{organization.id}", "n": {"cel": "1 + 1"}}}"#;
        let settings: ResourceServerSettings = serde_json::from_str(json).unwrap();
        assert_eq!(read(&filled(&settings), Texts::default()).unwrap(), settings);
        let none = ResourceServerSettings::default();
        assert_eq!(read(&filled(&none), Texts::default()).unwrap(), none);
    }

    #[test]
    fn what_cannot_be_read_is_said_where_it_stands() {
        let mistakes = |text: &[u8]| read(&Form::parse(text).unwrap(), Texts::default()).unwrap_err();
        assert!(mistakes(b"lifetime=soon").of("lifetime").is_some());
        assert!(mistakes(b"scopes=a%22b").of("scopes").is_some());
        assert!(mistakes(b"claim=x&claim_kind=template&claim_rule=%7Bnobody%7D").of("claims").is_some());
        assert!(mistakes(b"claim=x&claim_kind=cel&claim_rule=%28").of("claims").is_some());
        assert!(mistakes(b"claim=&claim_kind=template&claim_rule=a").of("claims").is_some());
        assert!(mistakes(b"claim=x&claim=x&claim_rule=a&claim_rule=b").of("claims").is_some());
    }
}
