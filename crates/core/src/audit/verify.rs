//! Verification of a realm's chain: reads every record and says which were changed, removed, moved or put in.
//!
//! Whoever can write the database can also compute every hash anew from a changed record on, and the head with them.
//! Against that helps only what is known elsewhere: the head of an earlier verification, which still has to be met.

use std::fmt;

use serde::Serialize;

use super::chain::{Chain, Link};
use crate::id::RealmId;
use crate::store::{Store, StoreError, StoreResult};

/// Records that are read at once.
const PAGE: u32 = 500;
/// More findings than this are only counted.
const MOST: usize = 100;
/// While old records are being forgotten a verification may have to begin anew, but not for ever.
const ATTEMPTS: usize = 5;

/// A record's hash that is known from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The record's number.
    pub number: i64,
    /// Its hash.
    pub hash: String,
}

/// Something that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// A record does not follow from the one before it: it was changed, or that one together with its hash.
    Changed {
        /// Its number.
        number: i64,
        /// Its place in the change sequence.
        sequence: i64,
    },
    /// Records are missing.
    Missing {
        /// The number of the first.
        first: i64,
        /// The number of the last.
        last: i64,
    },
    /// A record stands in another one's place.
    Misplaced {
        /// Its number.
        number: i64,
        /// Where it stands in the change sequence.
        sequence: i64,
    },
    /// A record is no part of the chain.
    Foreign {
        /// Where it stands in the change sequence.
        sequence: i64,
    },
    /// The last record is not the one that the head of the chain was recorded for.
    HeadDiffers {
        /// Its number.
        number: i64,
    },
    /// There are records behind the head of the chain.
    BehindHead {
        /// The number of the first.
        first: i64,
        /// The number of the last.
        last: i64,
    },
    /// Neither the begin nor the head of the chain is recorded.
    NoChain,
    /// A record is not the one that is known from elsewhere.
    KnownDiffers {
        /// Its number.
        number: i64,
    },
    /// A record that is known from elsewhere is not there.
    KnownMissing {
        /// Its number.
        number: i64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { number, sequence } => write!(
                f,
                "record {number} (change {sequence}) was changed, or record {} together with its hash",
                number - 1
            ),
            Self::Missing { first, last } if first == last => write!(f, "record {first} is missing"),
            Self::Missing { first, last } => write!(f, "the records {first} to {last} are missing"),
            Self::Misplaced { number, sequence } => {
                write!(f, "record {number} was moved: it stands at change {sequence}")
            }
            Self::Foreign { sequence } => write!(
                f,
                "the record of change {sequence} is no part of the chain: it was put in from outside, or by a \
                 version that knew no chain"
            ),
            Self::HeadDiffers { number } => write!(
                f,
                "the last record, {number}, is not the one that was written: it was changed together with its hash, \
                 or the head of the chain was"
            ),
            Self::BehindHead { first, last } => write!(
                f,
                "the records {first} to {last} stand behind the head of the chain: they were put in from outside, \
                 or the head was changed"
            ),
            Self::NoChain => {
                f.write_str("neither the begin nor the head of the chain is recorded: they were removed")
            }
            Self::KnownDiffers { number } => {
                write!(f, "record {number} is not the one that you know: the chain was written anew")
            }
            Self::KnownMissing { number } => write!(f, "record {number}, which you know, is not there"),
        }
    }
}

/// What was found in a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The realm.
    pub realm: RealmId,
    /// Records of the chain that were read.
    pub records: u64,
    /// Records from before there was a chain, which nothing protects.
    pub unchained: u64,
    /// Where the chain begins and ends.
    #[serde(flatten)]
    pub chain: Chain,
    /// What is wrong; nothing, if the chain holds.
    pub findings: Vec<Finding>,
    /// How many further findings there were.
    pub further: u64,
}

impl Report {
    /// Whether nothing was found.
    pub const fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Verifies the chain of a realm as it was when the verification began. Records may be added meanwhile, and old ones
/// forgotten.
pub async fn verify(store: &dyn Store, realm: &RealmId, known: &[Known]) -> StoreResult<Report> {
    let mut attempt = 1;
    loop {
        let begin = store.find_audit_chain(realm).await?;
        let mut walk = Walk::begin(begin.clone().unwrap_or_default(), known);
        let mut after = i64::MIN;
        loop {
            let links = store.list_audit_links(realm, after, PAGE).await?;
            let Some(last) = links.last() else { break };
            after = last.record.sequence;
            for link in &links {
                walk.take(link)?;
            }
        }
        let end = store.find_audit_chain(realm).await?;
        let forgotten = begin.as_ref().map(|chain| &chain.anchor) != end.as_ref().map(|chain| &chain.anchor);
        if forgotten && attempt < ATTEMPTS {
            attempt += 1;
            continue;
        }
        return Ok(walk.finish(realm, begin.is_some(), end.as_ref()));
    }
}

struct Walk<'a> {
    chain: Chain,
    known: &'a [Known],
    met: Vec<i64>,
    /// The number of the next record, and the hash that it follows.
    expected: i64,
    previous: String,
    records: u64,
    unchained: u64,
    findings: Vec<Finding>,
    further: u64,
}

impl<'a> Walk<'a> {
    fn begin(chain: Chain, known: &'a [Known]) -> Self {
        let (expected, previous) = (chain.anchor.number + 1, chain.anchor.hash.clone());
        let mut walk = Self {
            chain,
            known,
            met: Vec::new(),
            expected,
            previous: String::new(),
            records: 0,
            unchained: 0,
            findings: Vec::new(),
            further: 0,
        };
        walk.compare_with_known(expected - 1, &previous);
        walk.previous = previous;
        walk
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            self.further += 1;
        }
    }

    fn take(&mut self, link: &Link) -> StoreResult<()> {
        let (number, sequence) = (link.record.number, link.record.sequence);
        if number < 1 {
            if link.hash.is_empty() && sequence <= self.chain.anchor.sequence {
                self.unchained += 1;
            } else {
                self.find(Finding::Foreign { sequence });
            }
            return Ok(());
        }
        self.records += 1;
        if number < self.expected {
            self.misplaced(number, sequence);
            return Ok(());
        }
        if number > self.expected && number <= self.chain.head.number {
            self.find(Finding::Missing { first: self.expected, last: number - 1 });
            self.expected = number;
        } else {
            let hash = link.record.hash(&self.previous);
            let hash =
                hash.map_err(|_| StoreError::Damaged(format!("the audit row of change {sequence}")))?;
            if number != self.expected || hash != link.hash {
                self.find(Finding::Changed { number: self.expected, sequence });
            }
        }
        if self.expected == self.chain.head.number && link.hash != self.chain.head.hash {
            self.find(Finding::HeadDiffers { number });
        }
        self.compare_with_known(self.expected, &link.hash);
        self.expected += 1;
        self.previous.clone_from(&link.hash);
        Ok(())
    }

    /// A record that comes too late: it is one of those that were missed, or there are two of it.
    fn misplaced(&mut self, number: i64, sequence: i64) {
        let missed = self.findings.iter().position(
            |finding| matches!(finding, Finding::Missing { first, last } if (*first..=*last).contains(&number)),
        );
        let Some(place) = missed else { return self.find(Finding::Foreign { sequence }) };
        let Finding::Missing { first, last } = self.findings.remove(place) else { return };
        if number < last {
            self.findings.insert(place, Finding::Missing { first: number + 1, last });
        }
        if first < number {
            self.findings.insert(place, Finding::Missing { first, last: number - 1 });
        }
        self.find(Finding::Misplaced { number, sequence });
    }

    fn compare_with_known(&mut self, number: i64, hash: &str) {
        for known in self.known.iter().filter(|known| known.number == number) {
            self.met.push(number);
            if known.hash != hash {
                self.find(Finding::KnownDiffers { number });
            }
        }
    }

    fn finish(mut self, realm: &RealmId, recorded: bool, end: Option<&Chain>) -> Report {
        if !recorded && self.records + self.unchained > 0 {
            self.find(Finding::NoChain);
        }
        let last = self.expected - 1;
        if last < self.chain.head.number {
            self.find(Finding::Missing { first: self.expected, last: self.chain.head.number });
        }
        if let Some(end) = end.filter(|end| recorded && last > end.head.number) {
            self.find(Finding::BehindHead { first: end.head.number + 1, last });
        }
        for number in self.known.iter().map(|known| known.number) {
            if !self.met.contains(&number) {
                self.find(Finding::KnownMissing { number });
            }
        }
        Report {
            realm: realm.clone(),
            records: self.records,
            unchained: self.unchained,
            chain: self.chain,
            findings: self.findings,
            further: self.further,
        }
    }
}
