//! Rule 7: two keys at most, rotation without a gap, and when the old one can go.

use std::time::Duration;

use symbolon_core::access_key::KeyStatus;
use symbolon_core::edit::EditError;
use symbolon_core::edit::access_key::{self, NewKey};
use symbolon_core::store::StoreError;

use crate::support::{Bed, Way, secrets};

const DAY: Duration = Duration::from_hours(24);

async fn second_key(bed: &Bed) -> NewKey {
    let client = bed.find_client("default", "meti").await.client;
    bed.operator("default", async |editor| access_key::create(editor, &client, None).await.unwrap()).await
}

async fn status(bed: &Bed, id: &str, secret: &str) -> u16 {
    bed.send(Way::BasicJson.token("/oauth/token", (id, secret), &[])).await.status
}

#[tokio::test]
async fn a_third_key_is_refused_whatever_the_others_are() {
    let bed = Bed::start().await;
    second_key(&bed).await;
    for turn in ["meti-key", "other"] {
        let known = bed.find_client("default", "meti").await;
        bed.operator("default", async |editor| {
            let error = access_key::create(editor, &known.client, None).await.unwrap_err();
            assert!(matches!(error, EditError::Store(StoreError::Refused(_))), "{error}");
            assert!(error.to_string().contains("two access keys"), "{error}");
        })
        .await;
        let key = known.keys.into_iter().find(|key| (key.id.as_str() == "meti-key") == (turn == "meti-key"));
        bed.change_key("default", key.unwrap().id.as_str(), |key| key.status = KeyStatus::Inactive).await;
    }
    let known = bed.find_client("default", "meti").await;
    assert!(known.keys.iter().all(|key| key.status == KeyStatus::Inactive));
    bed.operator("default", async |editor| {
        access_key::create(editor, &known.client, None).await.unwrap_err();
    })
    .await;
    assert_eq!(bed.find_client("default", "meti").await.keys.len(), 2);
}

#[tokio::test]
async fn an_active_key_cannot_be_removed() {
    let bed = Bed::start().await;
    let key = bed.find_key("default", "meti-key").await;
    bed.operator("default", async |editor| {
        let error = access_key::delete(editor, &key).await.unwrap_err();
        assert!(error.to_string().contains("ACTIVE"), "{error}");
    })
    .await;
    assert_eq!(status(&bed, "meti", secrets::METI).await, 200);
    bed.change_key("default", "meti-key", |key| key.status = KeyStatus::Inactive).await;
    let key = bed.find_key("default", "meti-key").await;
    bed.operator("default", async |editor| access_key::delete(editor, &key).await.unwrap()).await;
    assert!(bed.find_client("default", "meti").await.keys.is_empty());
    assert_eq!(status(&bed, "meti", secrets::METI).await, 401);
}

#[tokio::test]
async fn a_rotation_leaves_no_gap() {
    let bed = Bed::start().await;
    assert_eq!(status(&bed, "meti", secrets::METI).await, 200);
    let new = second_key(&bed).await;
    let secret = new.secret.expose();
    // The client's id goes with either secret, a key's id with its own alone.
    assert_eq!(status(&bed, "meti", secrets::METI).await, 200);
    assert_eq!(status(&bed, "meti", secret).await, 200);
    assert_eq!(status(&bed, "meti-key", secrets::METI).await, 200);
    assert_eq!(status(&bed, new.key.id.as_str(), secret).await, 200);
    assert_eq!(status(&bed, "meti-key", secret).await, 401);
    assert_eq!(status(&bed, new.key.id.as_str(), secrets::METI).await, 401);
    bed.change_key("default", "meti-key", |key| key.status = KeyStatus::Inactive).await;
    assert_eq!(status(&bed, "meti", secrets::METI).await, 401);
    assert_eq!(status(&bed, "meti-key", secrets::METI).await, 401);
    assert_eq!(status(&bed, "meti", secret).await, 200);
    let old = bed.find_key("default", "meti-key").await;
    bed.operator("default", async |editor| access_key::delete(editor, &old).await.unwrap()).await;
    assert_eq!(status(&bed, "meti", secret).await, 200);
    second_key(&bed).await;
}

#[tokio::test]
async fn the_token_tells_which_key_was_used() {
    let bed = Bed::start().await;
    let new = second_key(&bed).await;
    for (secret, key) in [(secrets::METI, "meti-key"), (new.secret.expose(), new.key.id.as_str())] {
        let answer = bed.send(Way::Form.token("/oauth/token", ("meti", secret), &[])).await;
        assert_eq!(answer.claims()["key_id"], key);
        assert_eq!(answer.claims()["client_id"], "meti");
    }
}

#[tokio::test]
async fn a_key_is_safe_to_retire_when_the_other_is_used_and_it_is_silent() {
    let bed = Bed::start().await;
    let client = bed.find_client("default", "meti").await.client;
    let verdicts = async || {
        bed.count_journal().await;
        let rows = bed
            .operator("default", async |editor| access_key::overview(editor, &client).await.unwrap())
            .await;
        let of = |old: bool| {
            rows.iter()
                .find(|row| (row.key.id.as_str() == "meti-key") == old)
                .is_some_and(|row| row.safe_to_retire)
        };
        (of(true), of(false))
    };
    assert_eq!(status(&bed, "meti", secrets::METI).await, 200);
    assert_eq!(verdicts().await, (false, false));
    let new = second_key(&bed).await;
    assert_eq!(verdicts().await, (false, false), "a new key has not been silent yet");
    bed.advance(DAY).await;
    assert_eq!(status(&bed, "meti", new.secret.expose()).await, 200);
    assert_eq!(verdicts().await, (false, false));
    bed.advance(Duration::from_millis(6 * 86_400_000 - 1)).await;
    assert_eq!(verdicts().await, (false, false));
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(verdicts().await, (true, false));
    // Used once more, it is needed.
    assert_eq!(status(&bed, "meti", secrets::METI).await, 200);
    assert_eq!(verdicts().await, (false, false));
    // The realm chooses the days.
    bed.change_realm("default", |realm| realm.settings.safe_to_retire_days = 1).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(status(&bed, "meti", new.secret.expose()).await, 200);
    bed.advance(DAY).await;
    assert_eq!(verdicts().await, (true, false));
}
