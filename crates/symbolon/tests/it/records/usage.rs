//! Usage: what requests at the endpoint add up to, tokens and refusals.

use std::time::Duration;

use symbolon_core::id::OrganizationId;
use symbolon_core::rotation::Upkeep;
use symbolon_core::store::PageRequest;
use symbolon_core::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResults};

use crate::support::{Bed, NOW, Way, realm_id, secrets};

const PATH: &str = "/oauth/token";
const METI: (&str, &str) = ("meti", secrets::METI);
const DAY: Duration = Duration::from_hours(24);

/// Client, access key, audience and result, and how many requests there were.
async fn all(bed: &Bed, of: UsageOf) -> Vec<(String, i64)> {
    let filter = UsageFilter {
        of,
        audience: None,
        results: UsageResults::All,
        from: NOW.minus(DAY),
        to: NOW.plus(DAY),
    };
    let group_by = GroupBy { access_key: true, audience: true, result: true, ..GroupBy::default() };
    let question = UsageQuery { filter, group_by, step: Step::Total };
    let page = bed.store().list_usage(&realm_id("default"), &question, &PageRequest::first()).await.unwrap();
    let rows = page.items.into_iter().map(|series| {
        let group = series.group;
        let name = [
            group.client.map(|client| client.to_string()),
            group.access_key.map(|key| key.to_string()),
            group.audience,
            group.result.map(|result| result.name().to_owned()),
        ];
        let name: Vec<_> = name.into_iter().map(|part| part.unwrap_or_else(|| "?".to_owned())).collect();
        (name.join(" "), series.counts[0].1)
    });
    rows.collect()
}

#[tokio::test]
async fn requests_are_counted_by_client_key_audience_and_result() {
    let bed = Bed::start().await;
    for _ in 0..3 {
        assert_eq!(bed.send(Way::Form.token(PATH, METI, &[])).await.status, 200);
    }
    let wrong = "wrong-secret-1234567890";
    bed.send(Way::Form.token(PATH, ("meti", wrong), &[])).await.refused(401, "invalid_client");
    bed.send(Way::Form.token(PATH, ("meti-key", wrong), &[])).await.refused(401, "invalid_client");
    for number in 0..5 {
        let made_up = format!("nobody-{number}");
        bed.send(Way::Form.token(PATH, (&made_up, wrong), &[])).await.refused(401, "invalid_client");
    }
    bed.send(Way::Form.token(PATH, METI, &[("scope", "nonsense")])).await.refused(400, "invalid_scope");
    // Audiences that a client makes up make no rows of their own.
    for number in 0..3 {
        let audience = format!("urn:made-up:{number}");
        bed.send(Way::Form.token(PATH, METI, &[("audience", &audience)]))
            .await
            .refused(400, "invalid_target");
    }
    let expected = [
        ("? ? ? invalid_client".to_owned(), 5),
        ("meti ? ? invalid_client".to_owned(), 1),
        ("meti ? ? invalid_target".to_owned(), 3),
        ("meti ? https://api.meti.io invalid_scope".to_owned(), 1),
        ("meti meti-key ? invalid_client".to_owned(), 1),
        ("meti meti-key https://api.meti.io issued".to_owned(), 3),
    ];
    bed.count_journal().await;
    // Refusals are kept behind the scenes.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        bed.store().count_refusals(bed.authority.now()).await.unwrap();
        let counted = all(&bed, UsageOf::Realm).await;
        if counted == expected {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{counted:?}");
        tokio::task::yield_now().await;
    }
    let own = all(&bed, UsageOf::Organization(OrganizationId::new("custodian").unwrap())).await;
    assert_eq!(own, expected[1..]);
    // When its hour is over, upkeep brings it into blocks, and nothing changes.
    bed.advance(Duration::from_hours(1)).await;
    let mut upkeep = Upkeep::begin(bed.authority.now());
    upkeep.round(&bed.authority, Duration::ZERO).await;
    assert_eq!(bed.store().roll_up_usage(bed.authority.now()).await.unwrap(), 0, "upkeep has done it");
    assert_eq!(all(&bed, UsageOf::Realm).await, expected);
}
