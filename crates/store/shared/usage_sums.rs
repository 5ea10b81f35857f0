//! Adding up in memory: what a portion of the journal comes to before it is written.
//!
//! A portion may have tens of thousands of holders, and is held while the server does other work. So the texts of a kind's
//! holders lie one after another in one piece of memory, and a table of places finds them in it.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr};

use hashbrown::{DefaultHashBuilder, HashTable};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::AccessKeyId;
use symbolon_core::record::RefusalRecord;
use symbolon_core::refusal::Reason;
use symbolon_core::usage::UsageResult;

use crate::batch::CountedBatch;

const HOUR: i64 = 3_600_000;

/// What counts of many holders have in common. Rows are written a kind at a time, and name it once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) realm: Box<str>,
    pub(crate) audience: Box<str>,
    pub(crate) result: Box<str>,
    /// Empty for tokens.
    pub(crate) reason: Box<str>,
    pub(crate) hour: i64,
}

/// How many tokens a holder got, and when and from where it last asked.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) tokens: i64,
    pub(crate) last: (Timestamp, IpAddr),
}

impl Used {
    fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        if other.last.0 >= self.last.0 {
            self.last = other.last;
        }
    }
}

/// The counts of one kind, by holder: organization, client and access key, each empty where it is not known.
#[derive(Default)]
pub(crate) struct Counts {
    /// Of each holder the three with a space between them, as ids have none, and one holder after another.
    texts: String,
    /// Where each holder's text ends, and its count.
    uses: Vec<(usize, Used)>,
    /// Where each holder is in `uses`, found by its text; with the hash, as texts that are far from each other in memory
    /// are dear to look at.
    places: HashTable<(u64, usize)>,
    hasher: DefaultHashBuilder,
}

/// The text of the holder in a place.
fn text_of<'a>(texts: &'a str, uses: &[(usize, Used)], place: usize) -> &'a str {
    let begin = place.checked_sub(1).map_or(0, |before| uses[before].0);
    &texts[begin..uses[place].0]
}

impl Counts {
    /// Adds to a holder's count, and answers whether it is a new one.
    fn add(&mut self, holder: [&str; 3], used: Used) -> bool {
        let Self { texts, uses, places, hasher } = self;
        // Where it stays if it is new.
        let begin = texts.len();
        for (number, part) in holder.into_iter().enumerate() {
            if number > 0 {
                texts.push(' ');
            }
            texts.push_str(part);
        }
        let text = &texts[begin..];
        let hash = hasher.hash_one(text);
        if let Some(&(_, place)) =
            places.find(hash, |&(of, place)| of == hash && text_of(texts, uses, place) == text)
        {
            texts.truncate(begin);
            uses[place].1.add(used);
            return false;
        }
        places.insert_unique(hash, (hash, uses.len()), |(hash, _)| *hash);
        uses.push((texts.len(), used));
        true
    }

    /// The counts in the order of their holders.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = ([&str; 3], Used)> {
        let text_of = |place| text_of(&self.texts, &self.uses, place);
        let mut order: Vec<_> = (0..self.uses.len()).map(|place| (text_of(place), place)).collect();
        order.sort_unstable();
        order.into_iter().map(|(text, place)| {
            let mut parts = text.split(' ');
            ([(); 3].map(|()| parts.next().unwrap_or_default()), self.uses[place].1)
        })
    }
}

/// Counts of all kinds.
#[derive(Default)]
pub(crate) struct Sums {
    kinds: BTreeMap<Kind, Counts>,
    /// How many counts there are.
    counts: usize,
}

impl Sums {
    /// How many counts there are: each of them is written.
    pub(crate) const fn counts(&self) -> usize {
        self.counts
    }

    /// The counts in the order of what tells them apart.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&Kind, &Counts)> {
        self.kinds.iter()
    }

    /// Adds a batch of tokens.
    pub(crate) fn add(&mut self, batch: &CountedBatch<'_>) {
        let mut of: Option<(Kind, &mut Counts)> = None;
        for (grant, at, from, tokens) in batch.uses() {
            let (hour, used) = (hour_of(at), Used { tokens, last: (at, from) });
            let Some((grant, realm, audience)) = batch.grant(grant) else { continue };
            if grant.organization.is_empty() || grant.client.is_empty() {
                continue;
            }
            // Nearly all of a batch are of one kind, which is dear to look up.
            let same = |kind: &Kind| (&*kind.realm, &*kind.audience, kind.hour) == (realm, audience, hour);
            if !of.as_ref().is_some_and(|(kind, _)| same(kind)) {
                let kind = Kind {
                    realm: realm.into(),
                    audience: audience.into(),
                    result: UsageResult::ISSUED.into(),
                    reason: Box::default(),
                    hour,
                };
                of = Some((kind.clone(), self.kinds.entry(kind).or_default()));
            }
            let holder: [&str; 3] = [&grant.organization, &grant.client, &grant.access_key];
            if of.as_mut().is_some_and(|(_, counts)| counts.add(holder, used)) {
                self.counts += 1;
            }
        }
    }

    /// Adds a refusal to the client that it is known to concern. All others of a realm are one: whoever makes up ids
    /// makes no rows.
    pub(crate) fn add_refusal(&mut self, record: &RefusalRecord) {
        let (mut holder, key) = ([""; 3], record.access_key.as_ref());
        if let (Some(client), Some(organization)) = (&record.client, &record.organization) {
            holder =
                [organization.as_str(), client.as_str(), key.map(AccessKeyId::as_str).unwrap_or_default()];
        }
        let kind = Kind {
            realm: record.realm.as_str().into(),
            audience: record.audience.as_deref().unwrap_or_default().into(),
            result: record.error.as_str().into(),
            reason: known_reason(&record.reason).into(),
            hour: hour_of(record.at),
        };
        let from = record.from.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        if self.kinds.entry(kind).or_default().add(holder, Used { tokens: 1, last: (record.at, from) }) {
            self.counts += 1;
        }
    }
}

/// A reason that this version knows; whatever else a record may hold makes no rows of its own.
fn known_reason(name: &str) -> &str {
    Reason::NAMES.binary_search(&name).map_or("", |_| name)
}

const fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR) * HOUR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(tokens: i64, at: i64, last: u8) -> Used {
        Used { tokens, last: (Timestamp::from_millis(at), IpAddr::from([10, 0, 0, last])) }
    }

    #[test]
    fn holders_are_told_apart_added_up_and_given_in_order() {
        let mut counts = Counts::default();
        assert!(counts.add(["o", "c2", "k"], used(1, 5, 1)));
        assert!(counts.add(["o", "c1", ""], used(1, 6, 2)));
        assert!(counts.add(["", "", ""], used(1, 7, 3)));
        assert!(!counts.add(["o", "c2", "k"], used(2, 4, 4)), "it is there already");
        assert!(!counts.add(["o", "c1", ""], used(0, 8, 5)));
        let seen: Vec<_> =
            counts.in_order().map(|(holder, used)| (holder, used.tokens, used.last.0.millis())).collect();
        let address = counts.in_order().map(|(_, used)| used.last.1.to_string()).collect::<Vec<_>>();
        assert_eq!(seen, [(["", "", ""], 1, 7), (["o", "c1", ""], 1, 8), (["o", "c2", "k"], 3, 5)]);
        assert_eq!(address, ["10.0.0.3", "10.0.0.5", "10.0.0.1"], "the address is that of the last use");
    }

    #[test]
    fn thousands_of_holders_keep_their_own_counts() {
        let mut counts = Counts::default();
        for round in 0..3 {
            for number in 0..5_000 {
                let client = format!("client-{number:04}");
                assert_eq!(counts.add(["o", &client, "key"], used(number, round, 1)), round == 0);
            }
        }
        let seen: Vec<_> =
            counts.in_order().map(|(holder, used)| (holder[1].to_owned(), used.tokens)).collect();
        let wanted: Vec<_> = (0..5_000).map(|number| (format!("client-{number:04}"), 3 * number)).collect();
        assert_eq!(seen, wanted);
    }
}
