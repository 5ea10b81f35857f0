//! Policies and grants, and the one place that says which scopes a client has (rule 1).

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symbolon_protocol::scope::ScopeSet;

use crate::clock::Timestamp;
pub use crate::id::PolicyId;
use crate::permission;
use crate::resource_server::{ResourceServer, comparable};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Effect {
    /// Gives scopes.
    Allow,
    /// Takes them away, whoever else gives them.
    Deny,
}

/// A pattern with `*` for any run of characters; everything else stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether the pattern covers the whole text.
    ///
    /// Takes time in proportion to the product of both lengths at worst, never more.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while t < text.len() {
            if pattern.get(p) == Some(&b'*') {
                retry = Some((p, t));
                p += 1;
            } else if pattern.get(p) == text.get(t) {
                p += 1;
                t += 1;
            } else if let Some((star, taken)) = retry {
                retry = Some((star, taken + 1));
                p = star + 1;
                t = taken + 1;
            } else {
                return false;
            }
        }
        pattern.get(p..).unwrap_or_default().iter().all(|b| *b == b'*')
    }
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Statement {
    /// Allow or deny.
    pub effect: Effect,
    /// Patterns of scopes.
    pub actions: Vec<Pattern>,
    /// Patterns of audiences.
    pub resources: Vec<Pattern>,
}

impl Statement {
    /// Management has to be named to be allowed: who may do everything everywhere was meant to use APIs.
    fn covers(&self, audience: &str) -> bool {
        if audience == permission::AUDIENCE && self.effect == Effect::Allow {
            return self.resources.iter().any(|pattern| pattern.0 == audience);
        }
        let trimmed = comparable(audience);
        self.resources.iter().any(|pattern| pattern.matches(audience) || pattern.matches(trimmed))
    }
}

/// A named set of statements that clients are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// A name for people.
    pub name: String,
    /// The rules, in no order: deny wins.
    pub statements: Vec<Statement>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The id of the policy that every realm has: everything, everywhere.
pub const ADMINISTRATOR: &str = "Administrator";

impl Policy {
    /// The built-in policy of every realm. It is not stored and cannot be changed.
    pub fn administrator() -> Option<Self> {
        let everything = vec![Pattern("*".to_owned())];
        Some(Self {
            id: PolicyId::new(ADMINISTRATOR).ok()?,
            name: ADMINISTRATOR.to_owned(),
            statements: vec![Statement {
                effect: Effect::Allow,
                actions: everything.clone(),
                resources: everything,
            }],
            version: 1,
            created_at: Timestamp::default(),
        })
    }
}

/// Scopes given to one client at one audience.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Grant {
    /// The audience.
    pub audience: String,
    /// The scopes.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub scopes: ScopeSet,
}

/// The grants of a client. Most clients have the same as many others, so that clones share them until one changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(Arc<Vec<Grant>>);

impl Deref for Grants {
    type Target = Vec<Grant>;

    fn deref(&self) -> &Vec<Grant> {
        &self.0
    }
}

impl DerefMut for Grants {
    fn deref_mut(&mut self) -> &mut Vec<Grant> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Grant>> for Grants {
    fn from(grants: Vec<Grant>) -> Self {
        Self(Arc::new(grants))
    }
}

/// What a client may do at one audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The scopes it can get.
    pub scopes: ScopeSet,
    /// Whether any grant or allowing policy names the audience at all.
    pub named: bool,
}

/// Rule 1: (grants ∪ what policies allow) − what any policy denies, within the scopes that exist there.
pub fn effective_scopes<'a>(
    resource_server: &ResourceServer,
    grants: &[Grant],
    policies: impl Iterator<Item = &'a Policy> + Clone,
) -> Effective {
    let audience = resource_server.identifier.as_str();
    let granted: Vec<&Grant> =
        grants.iter().filter(|grant| resource_server.answers_to(&grant.audience)).collect();
    let statements: Vec<&Statement> = policies
        .flat_map(|policy| &policy.statements)
        .filter(|statement| statement.covers(audience))
        .collect();
    let says = |effect: Effect, scope: &str| {
        let mut of_effect = statements.iter().filter(|statement| statement.effect == effect);
        of_effect.any(|statement| statement.actions.iter().any(|action| action.matches(scope)))
    };
    let mut scopes = resource_server.settings.scopes.clone();
    scopes.retain(|scope| {
        let scope = scope.as_str();
        let given = granted.iter().any(|grant| grant.scopes.contains(scope)) || says(Effect::Allow, scope);
        given && !says(Effect::Deny, scope)
    });
    let named = !granted.is_empty() || statements.iter().any(|statement| statement.effect == Effect::Allow);
    Effective { scopes, named }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::realm::Status;
    use crate::resource_server::ResourceServerSettings;

    fn resource_server(scopes: &str) -> ResourceServer {
        ResourceServer {
            identifier: "https://a.example".to_owned(),
            status: Status::Active,
            settings: ResourceServerSettings {
                scopes: ScopeSet::parse(scopes).unwrap(),
                ..Default::default()
            },
            version: 1,
            created_at: Timestamp::default(),
        }
    }

    fn policy(statements: &[(Effect, &str, &str)]) -> Policy {
        let statement = |(effect, action, resource): &(Effect, &str, &str)| Statement {
            effect: *effect,
            actions: vec![Pattern((*action).to_owned())],
            resources: vec![Pattern((*resource).to_owned())],
        };
        Policy { statements: statements.iter().map(statement).collect(), ..Policy::administrator().unwrap() }
    }

    fn grant(audience: &str, scopes: &str) -> Grant {
        Grant { audience: audience.to_owned(), scopes: ScopeSet::parse(scopes).unwrap() }
    }

    #[test]
    fn deny_wins_over_every_grant_and_policy() {
        let server = resource_server("read:a write:a delete:a");
        let grants = [grant("https://a.example/", "read:a delete:a")];
        let policies =
            [Policy::administrator().unwrap(), policy(&[(Effect::Deny, "delete:*", "https://a.*")])];
        let effective = effective_scopes(&server, &grants, policies.iter());
        assert_eq!(effective.scopes.to_string(), "read:a write:a");
    }

    #[test]
    fn scopes_that_the_api_does_not_define_do_not_count() {
        let server = resource_server("read:a");
        let effective = effective_scopes(&server, &[grant("https://a.example", "read:a root")], [].iter());
        assert_eq!(effective.scopes.to_string(), "read:a");
        assert!(effective.named);
    }

    #[test]
    fn another_audience_and_a_bare_deny_name_nothing() {
        let server = resource_server("read:a");
        let policies = [policy(&[(Effect::Deny, "*", "*")])];
        let effective = effective_scopes(&server, &[grant("https://b.example", "read:a")], policies.iter());
        assert_eq!(effective, Effective { scopes: ScopeSet::new(), named: false });
    }

    /// The slow oracle: tries every way to split the text for every star.
    fn slowly_matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|taken| slowly_matches(rest, &text[taken..])),
            Some((byte, rest)) => {
                text.split_first().is_some_and(|(t, tail)| t == byte && slowly_matches(rest, tail))
            }
        }
    }

    /// The slow oracle of rule 1: decides one scope at a time, in the words of the rule.
    fn slowly_effective(server: &ResourceServer, grants: &[Grant], policies: &[Policy], scope: &str) -> bool {
        let audience = server.identifier.trim_end_matches('/').as_bytes();
        let mut allowed = false;
        let mut denied = false;
        for grant in grants {
            if grant.audience.trim_end_matches('/').as_bytes() == audience {
                allowed |= grant.scopes.iter().any(|granted| granted.as_str() == scope);
            }
        }
        for statement in policies.iter().flat_map(|policy| &policy.statements) {
            let here = statement.resources.iter().any(|p| slowly_matches(p.0.as_bytes(), audience));
            let this = statement.actions.iter().any(|p| slowly_matches(p.0.as_bytes(), scope.as_bytes()));
            match statement.effect {
                Effect::Allow => allowed |= here && this,
                Effect::Deny => denied |= here && this,
            }
        }
        server.settings.scopes.iter().any(|defined| defined.as_str() == scope) && allowed && !denied
    }

    fn any_statement() -> impl Strategy<Value = Statement> {
        let action =
            proptest::sample::select(vec!["*", "read:*", "*:a", "write:a", "read:b", "*e*:b", "zzz"]);
        let resource =
            proptest::sample::select(vec!["*", "https://a.example", "https://*", "https://b.example"]);
        (any::<bool>(), action, resource).prop_map(|(allow, action, resource)| Statement {
            effect: if allow { Effect::Allow } else { Effect::Deny },
            actions: vec![Pattern(action.to_owned())],
            resources: vec![Pattern(resource.to_owned())],
        })
    }

    fn any_scopes() -> impl Strategy<Value = ScopeSet> {
        let scope = proptest::sample::select(vec!["read:a", "read:b", "write:a", "write:b", "delete:a"]);
        proptest::collection::vec(scope, 0..5).prop_map(|list| ScopeSet::parse(&list.join(" ")).unwrap())
    }

    proptest! {
        #[test]
        fn patterns_agree_with_the_slow_oracle(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let fast = Pattern(pattern.clone()).matches(&text);
            prop_assert_eq!(fast, slowly_matches(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn rule_1_agrees_with_the_slow_oracle(
            defined in any_scopes(),
            granted in proptest::collection::vec((any::<bool>(), any_scopes()), 0..3),
            statements in proptest::collection::vec(proptest::collection::vec(any_statement(), 0..3), 0..3),
        ) {
            let mut server = resource_server("");
            server.settings.scopes = defined;
            let grants: Vec<Grant> = granted.into_iter().map(|(here, scopes)| Grant {
                audience: if here { "https://a.example/" } else { "https://b.example" }.to_owned(), scopes,
            }).collect();
            let policies: Vec<Policy> = statements.into_iter()
                .map(|statements| Policy { statements, ..Policy::administrator().unwrap() }).collect();
            let effective = effective_scopes(&server, &grants, policies.iter());
            for scope in ["read:a", "read:b", "write:a", "write:b", "delete:a", "zzz"] {
                prop_assert_eq!(
                    effective.scopes.contains(scope), slowly_effective(&server, &grants, &policies, scope), "{}", scope
                );
            }
        }
    }
}
