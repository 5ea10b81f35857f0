//! Revocations: what kills a token before its time, and the set of them that a verifier holds in memory.
//!
//! A revocation names a subject and a cutoff. While a subject is disabled or deleted the cutoff is *open* and
//! every token of it is dead; afterwards tokens issued up to a moment T stay dead and later ones live. Where
//! several revocations meet, the furthest-reaching one wins.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// What a revocation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every token of the realm.
    Realm,
    /// Every token of an organization's clients and members.
    Organization,
    /// Every token of an organization, or of all of them, at one audience.
    Licence,
    /// Every token of a client.
    Client,
    /// Every token that was asked for with one access key.
    AccessKey,
    /// Every token of a user.
    User,
    /// Every token signed with one key, by `kid`.
    SigningKey,
    /// One token, by `jti`.
    Token,
}

impl Kind {
    /// The kind's name in records and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::Organization => "organization",
            Self::Licence => "licence",
            Self::Client => "client",
            Self::AccessKey => "access_key",
            Self::User => "user",
            Self::SigningKey => "signing_key",
            Self::Token => "token",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Realm,
            Self::Organization,
            Self::Licence,
            Self::Client,
            Self::AccessKey,
            Self::User,
            Self::SigningKey,
            Self::Token,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// How far a revocation reaches. Ordered: the greater one kills more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cutoff {
    /// Tokens issued at or before this moment (epoch milliseconds) are dead.
    Before(i64),
    /// Every token is dead, whenever it was issued.
    Open,
}

impl Cutoff {
    /// Whether a token issued at that moment is dead. A token that does not say when it was issued always is.
    pub fn kills(self, issued_at_ms: Option<i64>) -> bool {
        match (self, issued_at_ms) {
            (Self::Open, _) | (_, None) => true,
            (Self::Before(moment), Some(issued)) => issued <= moment,
        }
    }
}

/// The id under which a licence revocation is kept: the organization and the audience that it opened. No organization
/// stands for all of them.
pub fn licence_id(organization: &str, audience: &str) -> String {
    format!("{organization} {audience}")
}

/// What of a token revocations are compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subjects<'a> {
    /// `org_id`
    pub organization: Option<&'a str>,
    /// `client_id`
    pub client: Option<&'a str>,
    /// `key_id`
    pub access_key: Option<&'a str>,
    /// `sub`
    pub subject: &'a str,
    /// The `kid` of the signature.
    pub signing_key: &'a str,
    /// `jti`
    pub token: Option<&'a str>,
    /// `aud`
    pub audiences: &'a [String],
    /// `iat_ms`, or `iat` in milliseconds.
    pub issued_at_ms: Option<i64>,
}

impl<'a> Subjects<'a> {
    /// The subjects of a token with these claims, signed with the key of that `kid`.
    pub fn of(claims: &'a crate::claims::KnownClaims, kid: &'a str) -> Self {
        Self {
            organization: claims.org_id.as_deref(),
            client: claims.client_id.as_deref(),
            access_key: claims.key_id.as_deref(),
            subject: &claims.sub,
            signing_key: kid,
            token: claims.jti.as_deref(),
            audiences: &claims.aud,
            issued_at_ms: claims.issued_at_ms(),
        }
    }
}

/// All live revocations of one realm.
#[derive(Clone, Debug, Default)]
pub struct RevocationSet {
    realm: Option<Cutoff>,
    by_subject: HashMap<Kind, HashMap<Box<str>, Cutoff>>,
}

impl RevocationSet {
    /// Adds one; an earlier one of the same subject that reaches further stays.
    pub fn add(&mut self, kind: Kind, id: &str, cutoff: Cutoff) {
        if kind == Kind::Realm {
            self.realm = self.realm.max(Some(cutoff));
            return;
        }
        let of_kind = self.by_subject.entry(kind).or_default();
        match of_kind.get_mut(id) {
            Some(present) => *present = cutoff.max(*present),
            None => {
                of_kind.insert(id.into(), cutoff);
            }
        }
    }

    /// Sets one as its keeper says it now is: a subject enabled again has a cutoff that reaches less far.
    pub fn replace(&mut self, kind: Kind, id: &str, cutoff: Option<Cutoff>) {
        if kind == Kind::Realm {
            self.realm = cutoff;
            return;
        }
        let of_kind = self.by_subject.entry(kind).or_default();
        match cutoff {
            Some(cutoff) => {
                of_kind.insert(id.into(), cutoff);
            }
            None => {
                of_kind.remove(id);
            }
        }
    }

    /// The cutoff of one subject.
    pub fn cutoff(&self, kind: Kind, id: &str) -> Option<Cutoff> {
        match kind {
            Kind::Realm => self.realm,
            _ => self.by_subject.get(&kind)?.get(id).copied(),
        }
    }

    /// The subjects of one kind.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.by_subject.get(&kind).into_iter().flat_map(|of_kind| of_kind.keys().map(AsRef::as_ref))
    }

    /// How many revocations there are.
    pub fn len(&self) -> usize {
        usize::from(self.realm.is_some()) + self.by_subject.values().map(HashMap::len).sum::<usize>()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The furthest-reaching cutoff that concerns a token.
    pub fn furthest(&self, of: &Subjects<'_>) -> Option<Cutoff> {
        let named = [
            (Kind::Organization, of.organization),
            (Kind::Client, of.client),
            (Kind::AccessKey, of.access_key),
            (Kind::User, Some(of.subject)),
            (Kind::SigningKey, Some(of.signing_key)),
            (Kind::Token, of.token),
        ];
        named
            .into_iter()
            .filter_map(|(kind, id)| self.cutoff(kind, id?))
            .chain(self.licences(of))
            .chain(self.realm)
            .max()
    }

    /// Whether any revocation kills the token.
    pub fn kills(&self, token: &Subjects<'_>) -> bool {
        self.furthest(token).is_some_and(|cutoff| cutoff.kills(token.issued_at_ms))
    }

    fn licences(&self, of: &Subjects<'_>) -> impl Iterator<Item = Cutoff> {
        let licences = self.by_subject.get(&Kind::Licence).filter(|licences| !licences.is_empty());
        licences.into_iter().flat_map(move |licences| {
            // Its own organization, and the one that stands for all.
            let organizations = of.organization.into_iter().chain([""]);
            organizations.flat_map(move |organization| {
                of.audiences.iter().filter_map(move |audience| {
                    licences.get(licence_id(organization, audience).as_str()).copied()
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_open_revocation_kills_tokens_of_any_time() {
        let mut set = RevocationSet::default();
        set.add(Kind::Client, "c", Cutoff::Open);
        let token = Subjects { client: Some("c"), issued_at_ms: Some(i64::MAX), ..Subjects::default() };
        assert!(set.kills(&token));
        assert!(!set.kills(&Subjects { client: Some("d"), ..token }));
    }

    #[test]
    fn a_closed_one_spares_what_was_issued_later() {
        let mut set = RevocationSet::default();
        set.add(Kind::Client, "c", Cutoff::Open);
        set.replace(Kind::Client, "c", Some(Cutoff::Before(1000)));
        let at = |ms| Subjects { client: Some("c"), issued_at_ms: Some(ms), ..Subjects::default() };
        assert!(set.kills(&at(999)));
        assert!(set.kills(&at(1000)));
        assert!(!set.kills(&at(1001)));
        assert!(set.kills(&Subjects { client: Some("c"), ..Subjects::default() }));
    }

    #[test]
    fn a_licence_concerns_one_organization_at_one_audience() {
        let mut set = RevocationSet::default();
        set.add(Kind::Licence, &licence_id("o", "https://a"), Cutoff::Before(5));
        let audiences = ["https://b".to_owned(), "https://a".to_owned()];
        let token = Subjects {
            organization: Some("o"),
            audiences: &audiences,
            issued_at_ms: Some(5),
            ..Subjects::default()
        };
        assert!(set.kills(&token));
        assert!(!set.kills(&Subjects { organization: Some("p"), ..token }));
        assert!(!set.kills(&Subjects { audiences: &audiences[..1], ..token }));
    }

    #[test]
    fn a_licence_of_no_organization_concerns_all_of_them_at_one_audience() {
        let mut set = RevocationSet::default();
        set.add(Kind::Licence, &licence_id("", "https://a"), Cutoff::Before(5));
        let audiences = ["https://b".to_owned(), "https://a".to_owned()];
        let token = Subjects { audiences: &audiences, issued_at_ms: Some(5), ..Subjects::default() };
        for organization in [None, Some("o"), Some("p")] {
            assert!(set.kills(&Subjects { organization, ..token }), "{organization:?}");
            assert!(!set.kills(&Subjects { organization, issued_at_ms: Some(6), ..token }));
            assert!(!set.kills(&Subjects { organization, audiences: &audiences[..1], ..token }));
        }
    }

    #[test]
    fn every_kind_reads_back_by_name() {
        for name in
            ["realm", "organization", "licence", "client", "access_key", "user", "signing_key", "token"]
        {
            assert_eq!(Kind::from_name(name).unwrap().name(), name);
        }
        assert_eq!(Kind::from_name("other"), None);
    }

    proptest! {
        /// Rule 6: whichever order revocations come in, and whichever subject they name, the greatest wins.
        #[test]
        fn the_furthest_reaching_revocation_wins(
            cutoffs in proptest::collection::vec((0_usize..4, proptest::option::of(0_i64..100)), 1..12),
            issued in 0_i64..100,
        ) {
            let kinds = [(Kind::Realm, ""), (Kind::Organization, "o"), (Kind::Client, "c"), (Kind::Token, "t")];
            let mut set = RevocationSet::default();
            for (kind, moment) in &cutoffs {
                set.add(kinds[*kind].0, kinds[*kind].1, moment.map_or(Cutoff::Open, Cutoff::Before));
            }
            let token = Subjects {
                organization: Some("o"), client: Some("c"), token: Some("t"),
                issued_at_ms: Some(issued), ..Subjects::default()
            };
            let dead = cutoffs.iter().any(|(_, moment)| moment.is_none_or(|moment| issued <= moment));
            prop_assert_eq!(set.kills(&token), dead);
        }
    }
}
