//! A node that fell so far behind that the changes it missed are forgotten.

use std::time::Duration;

use symbolon_core::realm::Status;
use symbolon_core::rotation::Upkeep;

use crate::support::{Bed, Request, secrets};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_node_that_missed_changes_reads_everything_anew() {
    let bed = Bed::start().await;
    let (authority, app, tasks) = bed.another_node().await;
    let ask = async || {
        let form = [("grant_type", "client_credentials"), ("audience", "https://api.meti.io")];
        Request::post("/oauth/token")
            .basic("meti", secrets::METI)
            .form(&form)
            .send_to(app.clone())
            .await
            .status
    };
    assert_eq!(ask().await, 200);
    bed.change_client("default", "meti", |client| client.status = Status::Disabled).await;
    bed.apply("realms: [{id: default, resource_servers: [{identifier: 'https://new.example'}]}]").await;
    bed.apply("realms: [{id: default, organizations: [{id: last}]}]").await;
    assert_eq!(ask().await, 200, "it knows of nothing yet");

    // A day and an hour later they are gone from the sequence.
    for _ in 0..25 {
        bed.advance(HOUR).await;
    }
    Upkeep::begin(bed.authority.now().minus(HOUR)).round(&bed.authority, HOUR).await;
    let entries = bed.store().list_changes(0, 1000).await.unwrap();
    assert!(entries[0].sequence > authority.directory().sequence() + 1, "{entries:?}");
    let last = bed.store().last_change().await.unwrap();

    assert_eq!(ask().await, 503, "it has not heard for too long");
    authority.directory().catch_up().await.unwrap();
    assert_eq!(authority.directory().sequence(), last);
    assert_eq!(ask().await, 401);
    let view = authority.directory().realm("default").unwrap();
    assert!(view.resource_server("https://new.example").is_some());
    drop((authority, app));
    tasks.finish().await;
}

#[tokio::test]
async fn changes_of_the_last_day_stay_in_the_sequence() {
    let bed = Bed::start().await;
    let before = bed.store().list_changes(0, 1000).await.unwrap().len();
    for _ in 0..23 {
        bed.advance(HOUR).await;
    }
    Upkeep::begin(bed.authority.now().minus(HOUR)).round(&bed.authority, HOUR).await;
    assert!(bed.store().list_changes(0, 1000).await.unwrap().len() >= before);
}
