//! The chain of a realm's audit records: each record's hash covers the record and the hash of the one before it, so
//! that nothing in the middle can be changed, removed or moved without every later hash being wrong.
//!
//! What is hashed is the text that is stored, not what is read from it: no change of a stored row is too small to be
//! found. docs/audit.md describes the form for whoever wants to check it with a program of their own.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer as _};

use crate::clock::Timestamp;

/// The form of the hashed text: another form would get another name.
const FORM: &str = "symbolon-audit-1";
/// The form of a record whose actor is of another realm, with that realm behind the actor. All others keep the first
/// form, so that those from before there was this one are what they were.
const FORM_WITH_REALM: &str = "symbolon-audit-2";

/// A record as it is stored, text by text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in its realm's chain, from 1; 0 where it was written before there was one.
    pub number: i64,
    /// Its place in the change sequence.
    pub sequence: i64,
    /// Its realm.
    pub realm: String,
    /// When.
    pub at: Timestamp,
    /// The kind of actor.
    pub actor_kind: String,
    /// The actor.
    pub actor_id: String,
    /// The actor's realm, where it is another one.
    pub actor_realm: Option<String>,
    /// The actor's network address.
    pub actor_from: Option<String>,
    /// The request.
    pub request_id: String,
    /// What was done.
    pub action: String,
    /// The kind of thing.
    pub subject_kind: String,
    /// The thing.
    pub subject_id: String,
    /// The customer concerned.
    pub organization: Option<String>,
    /// What it looked like, as JSON.
    pub before: Option<String>,
    /// What it looks like, as JSON.
    pub after: Option<String>,
}

impl StoredRecord {
    /// The record's hash, given that of the record before it (the empty text before the first): SHA-256, in
    /// hexadecimal, of one JSON array without spaces.
    pub fn hash(&self, previous: &str) -> serde_json::Result<String> {
        let mut text = Vec::new();
        let mut writer = serde_json::Serializer::new(&mut text);
        let mut list = writer.serialize_seq(None)?;
        let form = if self.actor_realm.is_some() { FORM_WITH_REALM } else { FORM };
        list.serialize_element(form)?;
        list.serialize_element(previous)?;
        list.serialize_element(&self.number)?;
        list.serialize_element(&self.sequence)?;
        list.serialize_element(&self.realm)?;
        list.serialize_element(&self.at)?;
        list.serialize_element(&self.actor_kind)?;
        list.serialize_element(&self.actor_id)?;
        if let Some(realm) = &self.actor_realm {
            list.serialize_element(realm)?;
        }
        list.serialize_element(&self.actor_from)?;
        list.serialize_element(&self.request_id)?;
        list.serialize_element(&self.action)?;
        list.serialize_element(&self.subject_kind)?;
        list.serialize_element(&self.subject_id)?;
        list.serialize_element(&self.organization)?;
        list.serialize_element(&self.before)?;
        list.serialize_element(&self.after)?;
        list.end()?;
        Ok(hexadecimal(digest(&SHA256, &text).as_ref()))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// A stored record with the hash that is stored beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The record.
    pub record: StoredRecord,
    /// Its hash, as it is stored; empty where it was written before there was a chain.
    pub hash: String,
}

/// A record's place in a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The record's number.
    pub number: i64,
    /// Its place in the change sequence.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

/// Where a realm's chain begins and ends, as it is kept beside the records: so that those which are missing at
/// either end are missed too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The last record that is kept no more; number 0 and an empty hash if the chain is whole. Records up to its
    /// place in the change sequence that are still there were written before there was a chain.
    pub anchor: Place,
    /// The last record.
    pub head: Place,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> StoredRecord {
        StoredRecord {
            number: 2,
            sequence: 7,
            realm: "r".to_owned(),
            at: Timestamp::from_millis(1_700_000_000_123),
            actor_kind: "client".to_owned(),
            actor_id: "c".to_owned(),
            actor_realm: None,
            actor_from: Some("2001:db8::1".to_owned()),
            request_id: "req_1".to_owned(),
            action: "update".to_owned(),
            subject_kind: "client".to_owned(),
            subject_id: "ä\"\u{1}".to_owned(),
            organization: None,
            before: Some("{\"a\":1}".to_owned()),
            after: None,
        }
    }

    /// Computed by another program:
    /// `hashlib.sha256(json.dumps([…], ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()`
    #[test]
    fn the_hash_is_the_documented_one() {
        assert_eq!(
            record().hash("ab").unwrap(),
            "d71fe68e0e0cbb561be2005d9befe3b5dc36ba976bca22ca4a9045762d81716f"
        );
    }

    #[test]
    fn an_actor_of_another_realm_has_a_form_of_its_own() {
        let text = "[\"symbolon-audit-2\",\"ab\",2,7,\"r\",1700000000123,\"client\",\"c\",\"home\",\"2001:db8::1\",\
                    \"req_1\",\"update\",\"client\",\"ä\\\"\\u0001\",null,\"{\\\"a\\\":1}\",null]";
        let foreign = StoredRecord { actor_realm: Some("home".to_owned()), ..record() };
        assert_eq!(foreign.hash("ab").unwrap(), hexadecimal(digest(&SHA256, text.as_bytes()).as_ref()));
    }

    #[test]
    fn every_part_of_a_record_and_the_hash_before_it_count() {
        let changes: [fn(&mut StoredRecord); 16] = [
            |record| record.number = 3,
            |record| record.sequence = 8,
            |record| record.realm.push('x'),
            |record| record.at = Timestamp::from_millis(1),
            |record| record.actor_kind.push('x'),
            |record| record.actor_id.push('x'),
            |record| record.actor_realm = Some("r".to_owned()),
            |record| record.actor_realm = Some("s".to_owned()),
            |record| record.actor_from = None,
            |record| record.request_id.push('x'),
            |record| record.action.push('x'),
            |record| record.subject_kind.push('x'),
            |record| record.subject_id.push('x'),
            |record| record.organization = Some(String::new()),
            |record| record.before = None,
            |record| record.after = Some("{\"a\":1}".to_owned()),
        ];
        let mut hashes = vec![record().hash("ab").unwrap(), record().hash("").unwrap()];
        for change in changes {
            let mut other = record();
            change(&mut other);
            hashes.push(other.hash("ab").unwrap());
        }
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
