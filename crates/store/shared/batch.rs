//! A batch of tokens as it is stored. What many tokens have in common, their grant, is written once: that makes a
//! record a third as long, and counting cheap.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::made_at;
use symbolon_core::record::{GrantRecord, TokenRecord, WrittenGrant};
use symbolon_core::store::{StoreError, StoreResult};

/// The document of a batch that is written.
#[derive(Serialize)]
pub(crate) struct Written<'a> {
    grants: Vec<&'a RawValue>,
    tokens: Vec<Token<'a>>,
}

/// The document of a batch that is read.
#[derive(Deserialize)]
pub(crate) struct Batch<'a> {
    grants: Vec<GrantRecord>,
    #[serde(borrow)]
    tokens: Vec<Token<'a>>,
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
    /// The document of some records. Grants are told apart by where they lie in memory: tokens of one grant share
    /// it as long as nothing changed, and to write it twice does no harm.
    pub(crate) fn of(records: &'a [TokenRecord]) -> Self {
        let mut places: HashMap<*const WrittenGrant, usize> = HashMap::new();
        let mut grants = Vec::new();
        let tokens = records.iter().map(|record| {
            let place = *places.entry(Arc::as_ptr(&record.grant)).or_insert_with(|| {
                grants.push(record.grant.json());
                grants.len() - 1
            });
            let (request, jti) = (record.request_id.as_str().into(), record.jti.as_str().into());
            Token(place, record.at, request, jti, record.expires_at, record.from)
        });
        let tokens = tokens.collect();
        Self { grants, tokens }
    }
}

impl Batch<'_> {
    /// The records.
    pub(crate) fn into_records(self) -> StoreResult<Vec<TokenRecord>> {
        let (_, records) = self.records(|_| true)?;
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    /// The records of wanted grants by time, each with its place among all; and how many those are.
    pub(crate) fn into_wanted(
        mut self,
        wanted: impl Fn(&GrantRecord) -> bool,
    ) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
        self.tokens.sort_by(|one, other| (one.1, &one.3).cmp(&(other.1, &other.3)));
        self.records(wanted)
    }

    fn records(
        self,
        wanted: impl Fn(&GrantRecord) -> bool,
    ) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
        let damaged = || StoreError::Damaged("a batch of the journal".to_owned());
        let written = |grant| WrittenGrant::new(&grant).map(Arc::new).map_err(|_| damaged());
        let grants = self.grants.into_iter().map(|grant| wanted(&grant).then(|| written(grant)).transpose());
        let grants = grants.collect::<StoreResult<Vec<_>>>()?;
        let count = self.tokens.len();
        let mut records = Vec::new();
        for (number, Token(place, at, request_id, jti, expires_at, from)) in
            self.tokens.into_iter().enumerate()
        {
            let Some(grant) = grants.get(place).ok_or_else(damaged)?.clone() else { continue };
            let (request_id, jti) = (request_id.into_owned(), jti.into_owned());
            records.push((number, TokenRecord { at, request_id, jti, expires_at, from, grant }));
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
    /// Grant, moment and address of each token.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (usize, Timestamp, IpAddr)> {
        self.tokens.iter().map(|token| (token.0, token.1, token.5))
    }
}

/// The earliest and the latest moment that leads to one of the records; `None` if there are none.
pub(crate) fn span(records: &[TokenRecord]) -> Option<(Timestamp, Timestamp)> {
    let moments = || {
        records
            .iter()
            .flat_map(|record| [Some(record.at), made_at(&record.jti), made_at(&record.request_id)])
            .flatten()
    };
    Some((moments().min()?, moments().max()?))
}
