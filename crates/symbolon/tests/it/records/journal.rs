//! The journal: no token leaves without a durable record, and every record can be found.

use std::time::Duration;

use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId};

use crate::support::{Bed, NOW, Node, Way, realm_id, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_token_is_found_by_its_request_and_by_its_id() {
    let bed = Bed::start().await;
    let request = Way::BasicJson.token("/oauth/token", METI, &[("scope", "read:sources")]);
    let answer = bed.send(request.from("198.51.100.7")).await;
    let (claims, record) = (answer.claims(), bed.recorded(&answer).await);
    assert_eq!(record.request_id, answer.header("x-request-id"));
    assert_eq!(record.jti, claims["jti"].as_str().unwrap());
    let grant = record.grant.read();
    assert_eq!(grant.kid, answer.token_header()["kid"].as_str().unwrap());
    assert_eq!((record.at, record.expires_at), (NOW, NOW.plus(HOUR)));
    assert_eq!(grant.realm.as_str(), "default");
    assert_eq!(grant.client.as_ref().unwrap().as_str(), "meti");
    assert_eq!(grant.access_key.as_ref().unwrap().as_str(), "meti-key");
    assert_eq!(grant.organization.as_ref().unwrap().as_str(), "custodian");
    assert_eq!((grant.audience.as_str(), grant.scope.as_str()), ("https://api.meti.io", "read:sources"));
    assert_eq!(record.from.to_string(), "198.51.100.7");
    let by_id = bed.store().find_token(&realm_id("default"), &record.jti).await.unwrap();
    assert_eq!(by_id.as_ref(), Some(&record));
    // In another realm there is no such token.
    assert_eq!(bed.store().find_token(&realm_id("plain"), &record.jti).await.unwrap(), None);
}

#[tokio::test]
async fn clients_with_the_same_right_have_tokens_and_records_of_their_own() {
    let bed = Bed::start().await;
    // Without claims of the API's own, what two clients' tokens say alike is made once for both.
    bed.change_server("default", "https://api.meti.io", |server| server.settings.claims.clear()).await;
    let both = [METI, ("meti-readonly", secrets::METI_READONLY), METI];
    let mut rights = Vec::new();
    for (id, secret) in both {
        let answer =
            bed.send(Way::BasicJson.token("/oauth/token", (id, secret), &[("scope", "read:sources")])).await;
        let (claims, grant) = (answer.claims(), bed.recorded(&answer).await.grant.read());
        let key = grant.access_key.as_ref().unwrap().as_str();
        assert_eq!(grant.client.as_ref().unwrap().as_str(), id);
        for (name, wanted) in [("sub", id), ("client_id", id), ("azp", id), ("key_id", key)] {
            assert_eq!(claims[name], wanted, "{name} of {id}");
        }
        rights.push((claims["iss"].clone(), claims["aud"].clone(), claims["scope"].clone(), key.to_owned()));
    }
    let [first, other, again] = &rights[..] else { unreachable!() };
    assert_eq!((&first.0, &first.1, &first.2), (&other.0, &other.1, &other.2));
    assert_ne!(first.3, other.3);
    assert_eq!(first, again);
}

#[tokio::test]
async fn every_dialect_is_recorded() {
    let bed = Bed::start().await;
    let paths =
        ["/oauth/token", "/realms/default/oauth/token", "/realms/default/protocol/openid-connect/token"];
    for path in paths {
        let answer = bed.send(Way::Form.token(path, METI, &[])).await;
        assert_eq!(bed.recorded(&answer).await.jti, answer.claims()["jti"].as_str().unwrap());
    }
    let answer = bed.send(Bed::sign_in()).await;
    assert_eq!(bed.recorded(&answer).await.jti, answer.claims()["jti"].as_str().unwrap());
}

#[tokio::test]
async fn the_record_is_on_the_disk_when_the_answer_leaves() {
    let bed = Bed::start().await;
    let (node, store) = Node::faulty(&bed).await;
    // The process that answered never comes to counting its batches.
    store.fail(&["count_tokens"]);
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(node.send(Way::Form.token("/oauth/token", METI, &[])).await);
    }
    // Another one finds all of them.
    for answer in &answers {
        assert_eq!(bed.recorded(answer).await.jti, answer.claims()["jti"].as_str().unwrap());
    }
    node.stop().await;
    let reopened = Node::start(&bed).await;
    for answer in &answers {
        let found = reopened.authority.store().find_tokens_by_request(answer.header("x-request-id")).await;
        assert_eq!(found.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_request_leaves_no_token_behind() {
    let bed = Bed::start().await;
    let answer = bed.send(Way::Form.token("/oauth/token", ("meti", "wrong-secret-1234567890"), &[])).await;
    let found = bed.store().find_tokens_by_request(answer.header("x-request-id")).await.unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn the_token_itself_is_kept_nowhere() {
    let bed = Bed::start().await;
    let token = bed.access_token("/oauth/token", METI.0, METI.1).await;
    bed.count_journal().await;
    let signature = token.rsplit('.').next().unwrap().as_bytes();
    for entry in std::fs::read_dir(&bed.folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(signature.len()).any(|window| window == signature));
    }
}

#[tokio::test]
async fn last_use_tells_when_and_from_where_by_key() {
    let bed = Bed::start().await;
    let last_use = async |key: &str| {
        bed.count_journal().await;
        let client = ClientId::new(key.strip_suffix("-key").unwrap()).unwrap();
        let (organization, key) = (OrganizationId::new("custodian").unwrap(), AccessKeyId::new(key).unwrap());
        let realm = realm_id("default");
        let found = bed.store().find_last_use(&realm, &organization, &client, &key).await.unwrap();
        found.map(|used| (used.at, used.from))
    };
    assert_eq!(last_use("meti-key").await, None);
    for (id, from) in [("meti", "198.51.100.7"), ("meti-key", "2001:db8::7")] {
        bed.advance(HOUR).await;
        let request = Way::Form.token("/oauth/token", (id, METI.1), &[]).from(from);
        assert_eq!(bed.send(request).await.status, 200);
        assert_eq!(last_use("meti-key").await, Some((bed.authority.now(), from.to_owned())));
    }
    assert_eq!(last_use("meti-readonly-key").await, None);
    // A refused request is no use.
    let wrong = Way::Form.token("/oauth/token", METI, &[("scope", "nonsense")]).from("203.0.113.1");
    bed.send(wrong).await.refused(400, "invalid_scope");
    assert_eq!(last_use("meti-key").await.unwrap().1, "2001:db8::7");
}

#[tokio::test]
async fn usage_counts_tokens_by_the_hour() {
    let bed = Bed::start().await;
    let usage = async |client: &str| {
        bed.count_journal().await;
        bed.usage("default", "custodian", client).await
    };
    for count in [3, 1, 2] {
        for _ in 0..count {
            bed.access_token("/oauth/token", METI.0, METI.1).await;
        }
        bed.advance(HOUR).await;
    }
    assert_eq!(usage("meti").await, [(NOW, 3), (NOW.plus(HOUR), 1), (NOW.plus(2 * HOUR), 2)]);
    assert_eq!(usage("meti-readonly").await, []);
    // Counting again counts nothing twice.
    bed.count_journal().await;
    assert_eq!(usage("meti").await.len(), 3);
}
