//! A batch of tokens as it is stored. What many tokens have in common, their grant, is written once: that makes a
//! record a third as long, and counting cheap.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::made_at;
use symbolon_core::record::{GrantRecord, RecordedGrant, Remark, TokenRecord};
use symbolon_core::store::{StoreError, StoreResult};

/// The document of a batch that is written.
#[derive(Serialize)]
pub(crate) struct Written<'a> {
    grants: Vec<&'a RecordedGrant>,
    tokens: Vec<Token<'a>>,
    /// Which of them are beyond a quota, by their place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    beyond_quota: Vec<usize>,
    /// Requests that got a token that was issued before. Apart from the others: they are no tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reused: Vec<Token<'a>>,
}

/// The document of a batch that is read.
#[derive(Deserialize)]
pub(crate) struct Batch<'a> {
    grants: Vec<GrantRecord>,
    #[serde(borrow)]
    tokens: Vec<Token<'a>>,
    #[serde(default)]
    beyond_quota: Vec<usize>,
    #[serde(borrow, default)]
    reused: Vec<Token<'a>>,
}

/// Grant, moment, request, `jti`, expiry, address: in this order, without names.
#[derive(Serialize, Deserialize)]
struct Token<'a>(
    usize,
    Timestamp,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    Timestamp,
    IpAddr,
);

impl<'a> Written<'a> {
    /// The document of some records. Rights are told apart by where they lie in memory: tokens share them as long
    /// as nothing changed, and to write a grant twice does no harm.
    pub(crate) fn of(records: &'a [TokenRecord]) -> Self {
        let mut places = HashMap::new();
        let mut grants = Vec::new();
        let (mut tokens, mut beyond_quota, mut reused) =
            (Vec::with_capacity(records.len()), Vec::new(), Vec::new());
        for record in records {
            let RecordedGrant { right, client, access_key, user, organization } = &record.grant;
            let same = (std::ptr::from_ref(&**right), client, access_key, user, organization);
            let place = *places.entry(same).or_insert_with(|| {
                grants.push(&record.grant);
                grants.len() - 1
            });
            let (request, jti) = (record.request_id.as_str().into(), record.jti.as_str().into());
            let token = Token(place, record.at, request, jti, record.expires_at, record.from);
            match record.remark {
                Some(Remark::Reused) => reused.push(token),
                Some(Remark::BeyondQuota) => {
                    beyond_quota.push(tokens.len());
                    tokens.push(token);
                }
                None => tokens.push(token),
            }
        }
        Self { grants, tokens, beyond_quota, reused }
    }
}

impl Batch<'_> {
    /// The records.
    pub(crate) fn into_records(self) -> StoreResult<Vec<TokenRecord>> {
        let (_, records) = self.records(|_| true, false)?;
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    /// The records of wanted grants by time, each with its place among all; and how many those are.
    pub(crate) fn into_wanted(
        self,
        wanted: impl Fn(&GrantRecord) -> bool,
    ) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
        self.records(wanted, true)
    }

    fn records(
        self,
        wanted: impl Fn(&GrantRecord) -> bool,
        by_time: bool,
    ) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
        let damaged = || StoreError::Damaged("a batch of the journal".to_owned());
        let grants = self.grants.into_iter().map(|grant| wanted(&grant).then(|| RecordedGrant::from(grant)));
        let grants: Vec<_> = grants.collect();
        // Their places are in order, as they were written.
        let mut beyond_quota = self.beyond_quota.into_iter().peekable();
        let tokens = self
            .tokens
            .into_iter()
            .enumerate()
            .map(|(place, token)| (token, beyond_quota.next_if_eq(&place).map(|_| Remark::BeyondQuota)));
        let reused = self.reused.into_iter().map(|token| (token, Some(Remark::Reused)));
        let mut all: Vec<_> = tokens.chain(reused).collect();
        if by_time {
            all.sort_by(|(one, _), (other, _)| (one.1, &one.3, &one.2).cmp(&(other.1, &other.3, &other.2)));
        }
        let count = all.len();
        let mut records = Vec::new();
        for (number, (Token(place, at, request_id, jti, expires_at, from), remark)) in
            all.into_iter().enumerate()
        {
            let Some(grant) = grants.get(place).ok_or_else(damaged)?.clone() else { continue };
            let (request_id, jti) = (request_id.into_owned(), jti.into_owned());
            records.push((number, TokenRecord { at, request_id, jti, expires_at, from, remark, grant }));
        }
        Ok((count, records))
    }
}

/// The same document, as far as counting needs it.
#[derive(Deserialize)]
pub(crate) struct CountedBatch<'a> {
    /// The grants.
    #[serde(borrow)]
    pub(crate) grants: Vec<CountedGrant<'a>>,
    #[serde(borrow)]
    tokens: Vec<Token<'a>>,
    #[serde(borrow, default)]
    reused: Vec<Token<'a>>,
}

/// Whose a token is.
#[derive(Deserialize)]
pub(crate) struct CountedGrant<'a> {
    #[serde(borrow)]
    pub(crate) realm: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) organization: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) client: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) access_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) audience: Cow<'a, str>,
}

impl CountedBatch<'_> {
    /// Grant, moment and address of each request that got a token, and how many were issued for it: none where it
    /// got one that was there.
    pub(crate) fn uses(&self) -> impl Iterator<Item = (usize, Timestamp, IpAddr, i64)> {
        let tokens = self.tokens.iter().map(|token| (token.0, token.1, token.5, 1));
        tokens.chain(self.reused.iter().map(|token| (token.0, token.1, token.5, 0)))
    }
}

/// The earliest and the latest moment that leads to one of the records; `None` if there are none.
pub(crate) fn span(records: &[TokenRecord]) -> Option<(Timestamp, Timestamp)> {
    let moments = || {
        records
            .iter()
            .flat_map(|record| {
                // A token that is handed out again is looked for where it was issued.
                let issued = Some(&record.jti).filter(|_| record.remark != Some(Remark::Reused));
                [Some(record.at), issued.and_then(|jti| made_at(jti)), made_at(&record.request_id)]
            })
            .flatten()
    };
    Some((moments().min()?, moments().max()?))
}
