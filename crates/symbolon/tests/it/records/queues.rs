//! The two queues: tokens wait for the disk and are never forgotten; refusals are never waited for.

use std::sync::Arc;

use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::journal::{Journal, JournalTasks};
use symbolon_core::random::SystemRandom;
use symbolon_core::record::{GrantRecord, RefusalRecord, TokenRecord};
use symbolon_core::refusal::{Reason, Refusal};

use crate::support::{Bed, FaultyStore, NOW, Node, Way, realm_id, secrets};

const PLAIN: (&str, &str) = ("plain-client", secrets::PLAIN);
/// The queue, and the largest batch that the writer may hold besides.
const MOST_WAITING: usize = 16_384 + 2_048;
const MOST_REFUSALS_WAITING: usize = 4_096 + 256;

async fn journal(bed: &Bed) -> (Journal, JournalTasks, Arc<FaultyStore>) {
    let store = FaultyStore::around(symbolon::open_store::open(&bed.folder).await.unwrap());
    let (journal, tasks) = Journal::start(store.clone(), bed.clock.clone(), &SystemRandom).unwrap();
    (journal, tasks, store)
}

fn token(number: usize) -> TokenRecord {
    let grant = GrantRecord {
        realm: realm_id("plain"),
        kid: "sig".to_owned(),
        client: Some(ClientId::new("plain-client").unwrap()),
        access_key: None,
        user: None,
        organization: Some(OrganizationId::new("plain-org").unwrap()),
        audience: "https://api.plain.example".to_owned(),
        scope: "a".to_owned(),
    };
    TokenRecord {
        at: NOW,
        request_id: format!("req_{number}"),
        jti: format!("tok_{number}"),
        expires_at: NOW,
        from: [192, 0, 2, 1].into(),
        remark: None,
        grant: grant.into(),
    }
}

fn refusal(number: usize) -> RefusalRecord {
    RefusalRecord {
        at: NOW,
        request_id: format!("req_{number}"),
        realm: realm_id("plain"),
        endpoint: "token".to_owned(),
        error: "invalid_client".to_owned(),
        reason: "unknown_client".to_owned(),
        detail: "x".to_owned(),
        unverified_client: None,
        client: None,
        organization: None,
        access_key: None,
        audience: None,
        from: "192.0.2.1".to_owned(),
        dropped_before: 0,
    }
}

async fn usage(bed: &Bed) -> i64 {
    bed.usage("plain", "plain-org", "plain-client").await.iter().map(|(_, tokens)| tokens).sum()
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_forgets_nothing() {
    let bed = Bed::start().await;
    let (journal, tasks, store) = journal(&bed).await;
    store.hold(&["append_tokens"]);
    let mut waiting = Vec::new();
    let refused = loop {
        match journal.append(token(waiting.len())) {
            Ok(pending) => waiting.push(pending),
            Err(reason) => break reason,
        }
        if waiting.len().is_multiple_of(1000) {
            tokio::task::yield_now().await;
        }
        assert!(waiting.len() <= MOST_WAITING);
    };
    assert_eq!(refused, Reason::JournalFull);
    let refusal = Refusal::from(refused);
    assert_eq!((refusal.code().status(), refusal.code().name()), (503, "temporarily_unavailable"));
    assert!(refusal.retry_after.is_some());
    store.hold(&[]);
    let accepted = waiting.len();
    for pending in waiting {
        pending.durable().await.unwrap();
    }
    // There is room again.
    journal.append(token(accepted)).unwrap().durable().await.unwrap();
    drop(journal);
    tasks.finish().await;
    bed.count_journal().await;
    assert_eq!(usage(&bed).await, i64::try_from(accepted).unwrap() + 1);
}

#[tokio::test]
async fn a_batch_that_cannot_be_written_tells_everybody_in_it() {
    let bed = Bed::start().await;
    let (journal, tasks, store) = journal(&bed).await;
    store.fail(&["append_tokens"]);
    let waiting: Vec<_> = (0..10).map(|number| journal.append(token(number)).unwrap()).collect();
    for pending in waiting {
        assert!(matches!(pending.durable().await, Err(Reason::JournalFailed(_))));
    }
    store.fail(&[]);
    journal.append(token(10)).unwrap().durable().await.unwrap();
    drop(journal);
    tasks.finish().await;
    bed.count_journal().await;
    assert_eq!(usage(&bed).await, 1);
}

#[tokio::test]
async fn refusals_that_find_no_room_are_counted() {
    let bed = Bed::start().await;
    let (journal, tasks, store) = journal(&bed).await;
    store.hold(&["append_refusals"]);
    let sent = MOST_REFUSALS_WAITING + 500;
    for number in 0..sent {
        // Never awaited: noting is no future at all.
        journal.note_refusal(refusal(number));
        if number.is_multiple_of(1000) {
            tokio::task::yield_now().await;
        }
    }
    store.hold(&[]);
    // One of the second batch: when it is written, the queue has room.
    while bed.store().find_refusals_by_request("req_256").await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    journal.note_refusal(refusal(sent));
    drop(journal);
    tasks.finish().await;
    let mut kept = 0;
    let mut dropped = 0;
    for number in 0..=sent {
        for found in bed.store().find_refusals_by_request(&format!("req_{number}")).await.unwrap() {
            kept += 1;
            dropped += found.dropped_before;
        }
    }
    assert!(dropped >= 500, "{dropped}");
    assert_eq!(kept + usize::try_from(dropped).unwrap(), sent + 1, "none is lost without being counted");
}

#[tokio::test]
async fn a_scanner_cannot_keep_tokens_from_anybody() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    store.hold(&["append_refusals"]);
    let path = "/realms/plain/oauth/token";
    for number in 0..500 {
        let id = format!("guess-{number}");
        // From a hundred on the network has to wait; those that do are kept as well.
        assert!([401, 429].contains(&node.send(Way::Form.token(path, (&id, "guess"), &[])).await.status));
    }
    assert_eq!(node.send(Way::Form.token(path, PLAIN, &[])).await.status, 200);
    store.hold(&[]);
    store.fail(&["append_refusals"]);
    assert_eq!(node.send(Way::Form.token(path, ("guess", "guess"), &[])).await.status, 429);
    assert_eq!(node.send(Way::Form.token(path, PLAIN, &[])).await.status, 200);
}
