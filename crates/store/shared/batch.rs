//! A batch of tokens as it is stored. What many tokens have in common is written once: the right, which many clients
//! share, and the grant, which is a right and who has it. That makes a record a third as long, and counting cheap.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId, RealmId, UserId, made_at};
use symbolon_core::record::{RecordedGrant, RecordedRight, Remark, TokenRecord};
use symbolon_core::store::{StoreError, StoreResult};

/// The document of a batch that is written.
#[derive(Serialize)]
pub(crate) struct Written<'a> {
    rights: Vec<&'a RecordedRight>,
    grants: Vec<WrittenGrant<'a>>,
    tokens: Vec<Token<'a>>,
    /// Which of them are beyond a quota, by their place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    beyond_quota: Vec<usize>,
    /// Requests that got a token that was issued before. Apart from the others: they are no tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reused: Vec<Token<'a>>,
}

/// A grant whose right is told by its place.
#[derive(Serialize)]
struct WrittenGrant<'a> {
    right: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: &'a Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: &'a Option<AccessKeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: &'a Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: &'a Option<OrganizationId>,
}

/// The document of a batch that is read.
#[derive(Deserialize)]
pub(crate) struct Batch<'a> {
    #[serde(default)]
    rights: Vec<Arc<RecordedRight>>,
    grants: Vec<ReadGrant>,
    #[serde(borrow)]
    tokens: Vec<Token<'a>>,
    #[serde(default)]
    beyond_quota: Vec<usize>,
    #[serde(borrow, default)]
    reused: Vec<Token<'a>>,
}

/// A grant that names its right by its place or, as grants were once written, holds it.
#[derive(Deserialize)]
struct ReadGrant {
    right: Option<usize>,
    client: Option<ClientId>,
    access_key: Option<AccessKeyId>,
    user: Option<UserId>,
    organization: Option<OrganizationId>,
    realm: Option<RealmId>,
    kid: Option<Box<str>>,
    audience: Option<Box<str>>,
    scope: Option<Box<str>>,
}

impl ReadGrant {
    fn whole(self, rights: &[Arc<RecordedRight>]) -> Option<RecordedGrant> {
        let Self { right, client, access_key, user, organization, realm, kid, audience, scope } = self;
        let right = match right {
            Some(right) => Arc::clone(rights.get(right)?),
            None => Arc::new(RecordedRight { realm: realm?, kid: kid?, audience: audience?, scope: scope? }),
        };
        Some(RecordedGrant { right, client, access_key, user, organization })
    }
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
    /// as nothing changed, and to write one twice does no harm.
    pub(crate) fn of(records: &'a [TokenRecord]) -> Self {
        let (mut rights, mut grants) = (Vec::new(), Vec::new());
        let (mut places_of_rights, mut places) = (HashMap::new(), HashMap::new());
        let (mut tokens, mut beyond_quota, mut reused) =
            (Vec::with_capacity(records.len()), Vec::new(), Vec::new());
        for record in records {
            let RecordedGrant { right, client, access_key, user, organization } = &record.grant;
            let right = *places_of_rights.entry(std::ptr::from_ref(&**right)).or_insert_with(|| {
                rights.push(&**right);
                rights.len() - 1
            });
            let place = *places.entry((right, client, access_key, user, organization)).or_insert_with(|| {
                grants.push(WrittenGrant { right, client, access_key, user, organization });
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
        Self { rights, grants, tokens, beyond_quota, reused }
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
        wanted: impl Fn(&RecordedGrant) -> bool,
    ) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
        self.records(wanted, true)
    }

    fn records(
        self,
        wanted: impl Fn(&RecordedGrant) -> bool,
        by_time: bool,
    ) -> StoreResult<(usize, Vec<(usize, TokenRecord)>)> {
        let damaged = || StoreError::Damaged("a batch of the journal".to_owned());
        let grants = self.grants.into_iter().map(|grant| grant.whole(&self.rights).ok_or_else(damaged));
        let grants = grants.map(|grant| grant.map(|grant| wanted(&grant).then_some(grant)));
        let grants = grants.collect::<StoreResult<Vec<_>>>()?;
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
    #[serde(borrow, default)]
    rights: Vec<CountedRight<'a>>,
    #[serde(borrow)]
    grants: Vec<CountedGrant<'a>>,
    #[serde(borrow)]
    tokens: Vec<Token<'a>>,
    #[serde(borrow, default)]
    reused: Vec<Token<'a>>,
}

/// Where a token can be used.
#[derive(Deserialize)]
struct CountedRight<'a> {
    #[serde(borrow)]
    realm: Cow<'a, str>,
    #[serde(borrow)]
    audience: Cow<'a, str>,
}

/// Whose a token is. What is absent is empty: only then are texts borrowed.
#[derive(Deserialize)]
pub(crate) struct CountedGrant<'a> {
    right: Option<usize>,
    #[serde(borrow, default)]
    realm: Cow<'a, str>,
    #[serde(borrow, default)]
    audience: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) organization: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) client: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) access_key: Cow<'a, str>,
}

impl<'a> CountedBatch<'a> {
    /// Grant, moment and address of each request that got a token, and how many were issued for it: none where it
    /// got one that was there.
    pub(crate) fn uses(&self) -> impl Iterator<Item = (usize, Timestamp, IpAddr, i64)> {
        let tokens = self.tokens.iter().map(|token| (token.0, token.1, token.5, 1));
        tokens.chain(self.reused.iter().map(|token| (token.0, token.1, token.5, 0)))
    }

    /// A grant, by its place, with its realm and its audience.
    pub(crate) fn grant(&self, place: usize) -> Option<(&CountedGrant<'a>, &str, &str)> {
        let grant = self.grants.get(place)?;
        match grant.right {
            None => Some((grant, &grant.realm, &grant.audience)),
            Some(right) => self.rights.get(right).map(|right| (grant, &*right.realm, &*right.audience)),
        }
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

#[cfg(test)]
mod tests {
    use symbolon_core::record::GrantRecord;

    use super::*;

    fn grant(client: &str) -> GrantRecord {
        let text = serde_json::json!({
            "realm": "r", "kid": "k", "client": client, "access_key": format!("key-of-{client}"),
            "organization": "o", "audience": "https://api.example", "scope": "read:\"a\"",
        });
        serde_json::from_value(text).unwrap()
    }

    fn token(grant: &RecordedGrant, number: i64, remark: Option<Remark>) -> TokenRecord {
        TokenRecord {
            at: Timestamp::from_millis(number),
            request_id: format!("req_{number}"),
            jti: format!("tok_{number}"),
            expires_at: Timestamp::from_millis(3_600_000 + number),
            from: IpAddr::from([127, 0, 0, 1]),
            remark,
            grant: grant.clone(),
        }
    }

    #[test]
    fn what_clients_share_is_written_once_and_every_record_reads_as_it_was() {
        let one = RecordedGrant::from(grant("one"));
        let two = RecordedGrant { right: Arc::clone(&one.right), ..grant("two").into() };
        let other = RecordedGrant::from(GrantRecord { scope: "other".to_owned(), ..grant("one") });
        let person = RecordedGrant {
            client: None,
            access_key: None,
            user: Some(UserId::new("u").unwrap()),
            ..one.clone()
        };
        let records = [
            token(&one, 1, None),
            token(&two, 2, Some(Remark::BeyondQuota)),
            token(&one, 3, None),
            token(&other, 4, None),
            token(&person, 5, None),
            token(&two, 6, Some(Remark::Reused)),
        ];
        let written = Written::of(&records);
        assert_eq!((written.rights.len(), written.grants.len()), (2, 4));
        let document = serde_json::to_string(&written).unwrap();
        let batch: Batch<'_> = serde_json::from_str(&document).unwrap();
        assert_eq!(batch.into_records().unwrap(), records);
        let counted: CountedBatch<'_> = serde_json::from_str(&document).unwrap();
        let (of_two, realm, audience) = counted.grant(1).unwrap();
        assert_eq!((&*of_two.client, realm, audience), ("two", "r", "https://api.example"));
        assert!(counted.grant(3).unwrap().0.client.is_empty(), "a person's token is no client's");
    }

    #[test]
    fn a_batch_with_whole_grants_is_read_and_counted_as_ever() {
        let grants = [grant("one"), grant("two")];
        let tokens = serde_json::json!([[1, 7, "req_7", "tok_7", 3_600_007, "127.0.0.1"]]);
        let document = serde_json::json!({ "grants": grants, "tokens": tokens }).to_string();
        let batch: Batch<'_> = serde_json::from_str(&document).unwrap();
        assert_eq!(batch.into_records().unwrap(), [token(&grant("two").into(), 7, None)]);
        let counted: CountedBatch<'_> = serde_json::from_str(&document).unwrap();
        let (of_two, realm, audience) = counted.grant(1).unwrap();
        assert_eq!((&*of_two.access_key, realm, audience), ("key-of-two", "r", "https://api.example"));
    }

    #[test]
    fn a_batch_that_names_a_right_it_does_not_have_is_damaged() {
        let tokens = serde_json::json!([[0, 7, "req_7", "tok_7", 3_600_007, "127.0.0.1"]]);
        let document = serde_json::json!({ "rights": [], "grants": [{ "right": 0 }], "tokens": tokens });
        let document = document.to_string();
        let batch: Batch<'_> = serde_json::from_str(&document).unwrap();
        assert!(matches!(batch.into_records(), Err(StoreError::Damaged(_))));
    }
}
