//! Promises about the chain of audit records; and what tampering with them looks like, for each backend to do with
//! SQL of its own.

use symbolon_core::audit::chain::Link;
use symbolon_core::audit::verify::{Finding, Known, Report, verify};
use symbolon_core::audit::{Change, SubjectKind};
use symbolon_core::realm::RealmId;
use symbolon_core::store::Store;

use crate::Shared;
use crate::world::{change, id, later, organization, policy, populate_realm};

const WRITERS: usize = 6;
const EACH: usize = 8;

async fn report(store: &dyn Store, realm: &RealmId) -> Report {
    verify(store, realm, &[]).await.unwrap()
}

async fn links(store: &dyn Store, realm: &RealmId) -> Vec<Link> {
    store.list_audit_links(realm, 0, 100_000).await.unwrap()
}

pub(crate) async fn holds(store: Shared) {
    assert_eq!(store.find_audit_chain(&id("r")).await.unwrap(), None);
    assert!(report(&*store, &id("r")).await.holds());
    populate_realm(&*store, "r").await;
    populate_realm(&*store, "s").await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let realm = id(["r", "s"][writer % 2]);
                for number in 0..EACH {
                    let name = format!("p-{writer}-{number}");
                    let change = change(SubjectKind::Policy, &name);
                    store.insert_policy(&realm, &policy(&name), &change).await.unwrap();
                    // Every other attempt fails, and leaves nothing to be missed.
                    store.insert_policy(&realm, &policy(&name), &change).await.unwrap_err();
                }
            })
        })
        .collect();
    // Whoever verifies meanwhile is not misled.
    for _ in 0..5 {
        assert_eq!(report(&*store, &id("r")).await.findings, []);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for realm in [id("r"), id("s")] {
        let report = report(&*store, &realm).await;
        assert_eq!((report.findings, report.unchained), (vec![], 0));
        let links = links(&*store, &realm).await;
        let numbers: Vec<i64> = links.iter().map(|link| link.record.number).collect();
        let count = 3 + WRITERS / 2 * EACH;
        assert_eq!(numbers, (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
        let last = links.last().unwrap();
        let head = report.chain.head;
        assert_eq!((head.sequence, &head.hash), (last.record.sequence, &last.hash));
        assert_eq!((head.number, report.records), (last.record.number, u64::try_from(count).unwrap()));
    }
}

/// Adds records of these moments, in seconds.
async fn record(store: &dyn Store, realm: &RealmId, moments: impl IntoIterator<Item = i64>) {
    for seconds in moments {
        let change = Change { at: later(seconds), ..change(SubjectKind::Revocation, "x") };
        store.insert_revocations(realm, &change).await.unwrap();
    }
}

pub(crate) async fn forgotten(store: Shared) {
    let (realm, other) = (populate_realm(&*store, "r").await, populate_realm(&*store, "s").await);
    // The clock was ahead for one of them.
    record(&*store, &realm, [10, 20, 500, 30, 40]).await;
    let all = links(&*store, &realm).await;
    let left = async || links(&*store, &realm).await;
    assert_eq!(store.forget_audit(&realm, later(0)).await.unwrap(), 0);
    assert_eq!(store.forget_audit(&realm, later(20)).await.unwrap(), 4);
    assert_eq!(left().await, all[4..]);
    let first = report(&*store, &realm).await;
    assert_eq!((first.findings, first.records), (vec![], 4));
    let anchor = first.chain.anchor;
    assert_eq!((anchor.number, anchor.sequence, &anchor.hash), (4, all[3].record.sequence, &all[3].hash));
    // What stands behind a younger record stays.
    assert_eq!(store.forget_audit(&realm, later(100)).await.unwrap(), 1);
    assert_eq!(left().await, all[5..]);
    assert!(report(&*store, &realm).await.holds());
    let known = |place: usize| Known { number: all[place].record.number, hash: all[place].hash.clone() };
    let known = [known(3), known(4), known(5)];
    let gone = verify(&*store, &realm, &known).await.unwrap();
    assert_eq!(gone.findings, [Finding::KnownMissing { number: 4 }], "the anchor is known by its hash");
    // Where nothing is left the chain goes on all the same.
    assert_eq!(store.forget_audit(&realm, later(1000)).await.unwrap(), 3);
    assert_eq!(left().await, []);
    assert!(report(&*store, &realm).await.holds());
    record(&*store, &realm, [2000]).await;
    let last = report(&*store, &realm).await;
    assert_eq!((last.findings, last.records, last.chain.head.number), (vec![], 1, 9));
    // More than goes in one transaction; those of another realm stay.
    record(&*store, &realm, 2001..2212).await;
    assert_eq!(store.forget_audit(&realm, later(2211)).await.unwrap(), 211);
    let last = report(&*store, &realm).await;
    assert_eq!((last.findings, last.records), (vec![], 1));
    assert_eq!(links(&*store, &other).await.len(), 3);
}

/// Somebody who writes to the database directly: what they do, and what verification says of it. `know` is a record
/// that was written down before.
struct Tampering {
    what: &'static str,
    sql: String,
    know: Option<usize>,
    found: Vec<Finding>,
}

/// The records of a realm with eight, before anybody tampered.
struct Scene<'a> {
    realm: &'a str,
    links: &'a [Link],
}

impl Scene<'_> {
    /// The place of a record in the change sequence.
    fn sequence(&self, number: usize) -> i64 {
        self.links[number - 1].record.sequence
    }

    fn row(&self, number: usize) -> String {
        format!("realm = '{}' AND number = {number}", self.realm)
    }

    fn head(&self, number: usize, hash: &str) -> String {
        let (realm, sequence) = (self.realm, self.sequence(number));
        format!(
            "UPDATE audit_chains SET head_number = {number}, head_sequence = {sequence}, head_hash = '{hash}'
             WHERE realm = '{realm}';"
        )
    }

    /// Changes the action of a record, and writes all hashes from there to another record anew. Answers the last.
    fn forge(&self, from: usize, to: usize) -> (String, String) {
        let mut hash = if from == 1 { String::new() } else { self.links[from - 2].hash.clone() };
        let mut sql = String::new();
        for number in from..=to {
            let mut record = self.links[number - 1].record.clone();
            if number == from {
                "forged".clone_into(&mut record.action);
            }
            hash = record.hash(&hash).unwrap();
            let (action, row) = (record.action, self.row(number));
            sql += format!("UPDATE audit SET action = '{action}', hash = '{hash}' WHERE {row};").as_str();
        }
        (sql, hash)
    }

    fn tamperings(&self) -> Vec<Tampering> {
        let found =
            |what, sql: String, found: &[Finding]| Tampering { what, sql, know: None, found: found.to_vec() };
        let known = |what, sql: String, know, found: &[Finding]| Tampering {
            know: Some(know),
            ..Tampering { what, sql, know: None, found: found.to_vec() }
        };
        let changed = |number: usize| Finding::Changed {
            number: i64::try_from(number).unwrap(),
            sequence: self.sequence(number),
        };
        let set = |number, what: &str| format!("UPDATE audit SET {what} WHERE {};", self.row(number));
        let remove = |which: &str| format!("DELETE FROM audit WHERE realm = '{}' AND {which};", self.realm);
        let (fourth, fifth) = (self.sequence(4), self.sequence(5));
        let swap = format!(
            "{}{}{}",
            set(4, "sequence = -1"),
            set(5, &format!("sequence = {fourth}")),
            set(4, &format!("sequence = {fifth}")),
        );
        let copy = |number: &str| {
            format!(
                "INSERT INTO audit (sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind,
                     subject_id, number, hash)
                 SELECT 100000 + sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind,
                     subject_id, {number}, hash FROM audit WHERE {};",
                self.row(3)
            )
        };
        let foreign = Finding::Foreign { sequence: 100_000 + self.sequence(3) };
        let (forged_last, _) = self.forge(8, 8);
        let (forged_one, _) = self.forge(5, 5);
        let (forged_all, hash) = self.forge(5, 8);
        let forged_all = forged_all + &self.head(8, &hash);
        let truncated = remove("number > 6") + &self.head(6, &self.links[5].hash);
        let beheaded = remove("number = 1")
            + &format!(
                "UPDATE audit_chains SET anchor_number = 1, anchor_sequence = {}, anchor_hash = '{}'
                 WHERE realm = '{}';",
                self.sequence(1),
                self.links[0].hash,
                self.realm,
            );
        vec![
            found("nothing", String::new(), &[]),
            known("nothing, with a record known", String::new(), 8, &[]),
            found("an action", set(5, "action = 'nothing'"), &[changed(5)]),
            found("a document", set(4, "after_document = after_document || ' '"), &[changed(4)]),
            found("an address", set(8, "actor_from = '192.0.2.99'"), &[changed(8)]),
            found("an actor's realm added", set(4, "actor_realm = 'elsewhere'"), &[changed(4)]),
            found("an actor's realm", set(5, "actor_realm = 'nowhere'"), &[changed(5)]),
            found("an actor's realm removed", set(7, "actor_realm = NULL"), &[changed(7)]),
            found("a time", set(1, "at = at + 1"), &[changed(1)]),
            found("a hash", set(3, &format!("hash = '{}'", "0".repeat(64))), &[changed(3), changed(4)]),
            found("a number", set(7, "number = 700"), &[changed(7)]),
            found(
                "some removed",
                remove("number IN (4, 5, 7)"),
                &[Finding::Missing { first: 4, last: 5 }, Finding::Missing { first: 7, last: 7 }],
            ),
            found("the first removed", remove("number = 1"), &[Finding::Missing { first: 1, last: 1 }]),
            found("the last removed", remove("number > 6"), &[Finding::Missing { first: 7, last: 8 }]),
            found("all removed", remove("number > 0"), &[Finding::Missing { first: 1, last: 8 }]),
            found("two swapped", swap, &[Finding::Misplaced { number: 4, sequence: fifth }]),
            found("one put in", copy("0"), std::slice::from_ref(&foreign)),
            found("one twice", copy("number"), &[foreign]),
            found(
                "one put in behind",
                copy("9"),
                &[
                    Finding::Changed { number: 9, sequence: 100_000 + self.sequence(3) },
                    Finding::BehindHead { first: 9, last: 9 },
                ],
            ),
            found(
                "another realm's",
                set(2, "realm = 'elsewhere'"),
                &[Finding::Missing { first: 2, last: 2 }],
            ),
            found("the last forged with its hash", forged_last, &[Finding::HeadDiffers { number: 8 }]),
            found("one forged with its hash", forged_one, &[changed(6)]),
            found(
                "the head set back",
                self.head(6, &self.links[5].hash),
                &[Finding::BehindHead { first: 7, last: 8 }],
            ),
            found(
                "the head removed",
                format!("DELETE FROM audit_chains WHERE realm = '{}';", self.realm),
                &[Finding::NoChain],
            ),
            // What needs a record that is known from elsewhere.
            found("all hashes forged", forged_all.clone(), &[]),
            known("all hashes forged, with one known", forged_all, 6, &[Finding::KnownDiffers { number: 6 }]),
            found("the end removed and the head set back", truncated.clone(), &[]),
            known("the same, with the head known", truncated, 8, &[Finding::KnownMissing { number: 8 }]),
            found("the begin removed as if by age", beheaded.clone(), &[]),
            known("the same, with the anchor known", beheaded, 1, &[]),
        ]
    }
}

/// Tampers in every way, each in a realm of its own, and sees that verification says what was done.
pub async fn tampering_is_found(store: Shared, run: impl AsyncFn(String)) {
    let mut number = 0;
    loop {
        let name = format!("t{number}");
        let realm = populate_realm(&*store, &name).await;
        for more in ["o3", "o4", "o5", "o6", "o7"] {
            let mut change = change(SubjectKind::Organization, more);
            // The fifth and the seventh record are by somebody of another realm.
            change.actor.realm = ["o4", "o6"].contains(&more).then(|| id("elsewhere"));
            store.insert_organization(&realm, &organization(more), &change).await.unwrap();
        }
        let links = links(&*store, &realm).await;
        let mut tamperings = Scene { realm: &name, links: &links }.tamperings();
        if number == tamperings.len() {
            break;
        }
        let Tampering { what, sql, know, found } = tamperings.swap_remove(number);
        run(sql).await;
        let known = know.map(|number| Known {
            number: i64::try_from(number).unwrap(),
            hash: links[number - 1].hash.clone(),
        });
        let report = verify(&*store, &realm, known.as_slice()).await.unwrap();
        assert_eq!(report.findings, found, "{what}");
        number += 1;
    }
}
