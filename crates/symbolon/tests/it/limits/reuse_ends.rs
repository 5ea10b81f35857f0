//! What ends the reuse window: a revocation of any kind, a change of anything, a clock that went back, and knowledge
//! that is too old. The numbers are those of `threats`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use symbolon_core::audit::Actor;
use symbolon_core::clock::Clock as _;
use symbolon_core::edit::{Editor, access_key, client};
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::protocol::scope::ScopeSet;
use symbolon_core::realm::Status;
use symbolon_core::revoke::revoke_before_now;
use symbolon_core::rotation::replace_compromised;

use super::reuse::{second_key, start};
use super::{API, PATH, PLAIN, ask, jti};
use crate::support::{self, Bed, HOLDER, Node, Switch, Way, realm_id};

const MILLI: Duration = Duration::from_millis(1);

async fn lives(bed: &Bed, token: &str) -> bool {
    bed.is_active("/realms/plain/oauth/introspect", PLAIN.0, PLAIN.1, token).await
}

async fn revoke_before(bed: &Bed, kind: Kind, id: &str) {
    let actor = Actor::operator("test", "run_test");
    revoke_before_now(&bed.authority, &actor, &realm_id("plain"), (kind, id), None).await.unwrap();
}

#[tokio::test]
async fn threats_6_and_12_what_is_switched_off_gets_nothing_and_its_token_never_comes_again() {
    for switch in Switch::ALL.into_iter().filter(|switch| switch.concerns_client()) {
        let bed = Bed::start_with_switches().await;
        bed.change_server("default", support::API, |server| server.settings.reuse_seconds = 60).await;
        bed.advance(MILLI).await;
        let first = bed.client_token().await;
        assert_eq!(bed.client_token().await, first);
        bed.turn(switch, Status::Disabled).await;
        let answer = bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await;
        assert!(answer.status >= 400, "{switch:?}: {answer:?}");
        bed.turn(switch, Status::Active).await;
        bed.advance(MILLI).await;
        let next = bed.client_token().await;
        assert!(next != first && bed.lives(&next).await && !bed.lives(&first).await, "{switch:?}");
    }
}

#[tokio::test]
async fn threat_8_a_disabled_audience_gives_nothing_again() {
    let bed = start().await;
    ask(&bed).await;
    bed.change_server("plain", API, |server| server.status = Status::Disabled).await;
    ask(&bed).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn every_kind_of_revocation_ends_it() {
    let bed = start().await;
    for (kind, id) in [
        (Kind::Realm, ""),
        (Kind::Organization, "plain-org"),
        (Kind::Client, PLAIN.0),
        (Kind::AccessKey, "plain-key"),
        (Kind::User, PLAIN.0),
        (Kind::Licence, "plain-org https://api.plain.example"),
    ] {
        let first = ask(&bed).await;
        assert_eq!(jti(&ask(&bed).await), jti(&first));
        revoke_before(&bed, kind, id).await;
        bed.advance(MILLI).await;
        let next = ask(&bed).await;
        assert_ne!(jti(&next), jti(&first), "{kind:?}");
        assert!(lives(&bed, next.body["access_token"].as_str().unwrap()).await, "{kind:?}");
    }
}

#[tokio::test]
async fn a_token_that_its_client_revoked_is_not_given_again() {
    let bed = start().await;
    let first = ask(&bed).await;
    let token = first.body["access_token"].as_str().unwrap();
    let revoke = Way::Form.request("/realms/plain/oauth/revoke", PLAIN, &[("token", token)]);
    assert_eq!(bed.send(revoke).await.status, 200);
    let next = ask(&bed).await;
    assert_ne!(jti(&next), jti(&first));
    assert_eq!(jti(&ask(&bed).await), jti(&next));
}

#[tokio::test]
async fn a_key_in_wrong_hands_ends_it_with_its_tokens() {
    let bed = start().await;
    let first = ask(&bed).await;
    let kid = first.token_header()["kid"].as_str().unwrap().to_owned();
    bed.operator("plain", async |editor| replace_compromised(editor, &kid).await.unwrap()).await;
    let next = ask(&bed).await;
    assert_ne!(next.token_header()["kid"], kid.as_str());
    assert_eq!(jti(&ask(&bed).await), jti(&next));
}

#[tokio::test]
async fn a_revocation_on_another_node_ends_it_as_soon_as_it_is_known() {
    let bed = start().await;
    let node = Node::start(&bed).await;
    let ask = async || jti(&node.send(Way::Form.token(PATH, PLAIN, &[])).await);
    let first = ask().await;
    revoke_before(&bed, Kind::Client, PLAIN.0).await;
    bed.advance(MILLI).await;
    node.catch_up().await;
    assert_ne!(ask().await, first);
}

/// Asks, changes, and asks again: the second token must be new, and is answered for comparison.
async fn changed(bed: &Bed, change: impl AsyncFnOnce(&Bed)) -> serde_json::Value {
    bed.advance(MILLI).await;
    let first = jti(&ask(bed).await);
    assert_eq!(jti(&ask(bed).await), first);
    change(bed).await;
    bed.advance(MILLI).await;
    let next = ask(bed).await;
    assert_ne!(jti(&next), first);
    next.claims()
}

#[tokio::test]
async fn a_change_of_anything_that_a_token_says_ends_it() {
    let bed = start().await;
    let claims = changed(&bed, async |bed| {
        bed.change_client("plain", PLAIN.0, |one| {
            one.settings.grants = vec![symbolon_core::policy::Grant {
                audience: API.to_owned(),
                scopes: ScopeSet::parse("a").unwrap(),
            }]
            .into();
        })
        .await;
    });
    assert_eq!(claims.await["scope"], "a");
    let claims = changed(&bed, async |bed| {
        let more = serde_json::json!({ "resource_servers": [{ "identifier": API, "settings": {
            "scopes": ["a", "b"], "reuse_seconds": 60,
            "claims": { "colour": "{client.claims.colour}", "place": "{organization.metadata.place}" },
        } }] });
        bed.describe("plain", more).await;
    });
    assert!(claims.await.get("colour").is_none());
    let claims = changed(&bed, async |bed| {
        let colour = ("colour".to_owned(), "red".into());
        bed.change_client("plain", PLAIN.0, |one| one.settings.claims = [colour].into()).await;
    });
    assert_eq!(claims.await["colour"], "red");
    let claims = changed(&bed, async |bed| {
        let place = ("place".to_owned(), "Bern".to_owned());
        bed.change_organization("plain", "plain-org", |one| one.metadata = [place].into()).await;
    });
    assert_eq!(claims.await["place"], "Bern");
    let claims = changed(&bed, async |bed| {
        bed.change_server("plain", API, |server| server.settings.lifetime = Some(600)).await;
    });
    let claims = claims.await;
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    changed(&bed, async |bed| {
        let end = bed.authority.now().plus(Duration::from_mins(5));
        bed.change_key("plain", "plain-key", |key| key.expires_at = Some(end)).await;
    })
    .await;
    changed(&bed, async |bed| {
        let other = |server: &mut symbolon_core::resource_server::ResourceServer| {
            server.settings.signing_algorithm = Some(Algorithm::Ed25519);
        };
        bed.change_server("plain", API, other).await;
    })
    .await;
    // Even what no token says: nobody has to think about what might be in one.
    changed(&bed, async |bed| bed.change_realm("plain", |one| one.settings.safe_to_retire_days = 9).await)
        .await;
}

#[tokio::test]
async fn a_client_that_is_known_to_be_newer_ends_it_before_the_change_was_followed() {
    let bed = Bed::start_with(|settings| settings.directory.clients = 1).await;
    let claims = serde_json::json!({ "colour": "{client.claims.colour}" });
    let settings = serde_json::json!({ "scopes": ["a", "b"], "reuse_seconds": 60, "claims": claims });
    let more = serde_json::json!({ "resource_servers": [{ "identifier": API, "settings": settings }] });
    bed.describe("plain", more).await;
    bed.advance(MILLI).await;
    let first = ask(&bed).await;
    assert_eq!(jti(&ask(&bed).await), jti(&first));
    // Another node changes the client, and this one reads it anew although it has not heard of that.
    let node = Node::start(&bed).await;
    let before = bed.find_client("plain", PLAIN.0).await.client;
    let mut after = before.clone();
    after.settings.claims.insert("colour".to_owned(), "red".into());
    let (actor, realm) = (Actor::operator("test", "run_test"), realm_id("plain"));
    let editor = Editor { authority: &node.authority, actor: &actor, realm: &realm };
    client::update(editor, &before, &after).await.unwrap();
    for _ in 0..3 {
        bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await;
        bed.send(Way::Form.token("/oauth/token", ("metafold", support::secrets::METAFOLD), &[])).await;
    }
    assert_eq!(ask(&bed).await.claims()["colour"], "red");
}

#[tokio::test]
async fn a_network_that_is_no_longer_allowed_gets_nothing_again() {
    let bed = start().await;
    ask(&bed).await;
    let network = "198.51.100.0/24".parse().unwrap();
    bed.change_client("plain", PLAIN.0, |one| one.settings.allowed_networks = vec![network]).await;
    ask(&bed).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn threat_17_an_id_that_is_used_again_gets_no_token_of_its_first_life() {
    let bed = start().await;
    let first = jti(&ask(&bed).await);
    let known = bed.find_client("plain", PLAIN.0).await;
    bed.delete_client("plain", PLAIN.0).await;
    ask(&bed).await.refused(401, "invalid_client");
    bed.operator("plain", async |editor| {
        client::insert(editor, &known.client).await.unwrap();
        access_key::insert(editor, &known.keys[0]).await.unwrap();
    })
    .await;
    bed.advance(MILLI).await;
    assert_ne!(jti(&ask(&bed).await), first);
}

#[tokio::test]
async fn a_clock_that_went_back_gives_nothing_from_the_future() {
    let bed = start().await;
    for back in [Duration::from_millis(400), Duration::from_secs(20)] {
        bed.advance(Duration::from_mins(2)).await;
        let first = jti(&ask(&bed).await);
        bed.clock.set(bed.clock.now().minus(back));
        bed.authority.directory().catch_up().await.unwrap();
        let next = ask(&bed).await;
        assert_ne!(jti(&next), first, "{back:?}");
        assert!(next.claims()["iat_ms"].as_i64().unwrap() <= bed.authority.now().millis());
    }
}

#[tokio::test]
async fn a_directory_that_is_too_old_gives_nothing_again_either() {
    let bed = start().await;
    ask(&bed).await;
    bed.clock.advance(Duration::from_secs(3));
    ask(&bed).await.refused(503, "temporarily_unavailable");
}

#[derive(Clone, Debug)]
enum Step {
    Ask(&'static str),
    AskWithSecondKey,
    Wait(u64),
    Grant(&'static str),
    Lifetime(i64),
    Revoke(Kind),
    RevokeLast,
    Nothing,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = || proptest::sample::select(vec!["", "a", "b", "a b"]).prop_map(Step::Ask);
    let kinds = vec![Kind::Realm, Kind::Organization, Kind::Client, Kind::AccessKey];
    let step = prop_oneof![
        ask(),
        ask(),
        ask(),
        Just(Step::AskWithSecondKey),
        (1_u64..40_000).prop_map(Step::Wait),
        proptest::sample::select(vec!["a", "b", "a b"]).prop_map(Step::Grant),
        (2_i64..200).prop_map(Step::Lifetime),
        proptest::sample::select(kinds).prop_map(Step::Revoke),
        Just(Step::RevokeLast),
        Just(Step::Nothing),
    ];
    proptest::collection::vec(step, 150)
}

/// Whatever happens in whatever order: a token that is answered lives, says what a new one would say, is young, and
/// is not believed in for longer than it lives.
#[tokio::test]
async fn whatever_happens_a_token_that_is_given_again_is_as_good_as_a_new_one() {
    let (bed, mut runner) = (start().await, TestRunner::deterministic());
    let (second_id, second_secret) = second_key(&bed).await;
    let (mut granted, mut last, mut answers) = ("a b".to_owned(), String::new(), 0);
    for step in steps().new_tree(&mut runner).unwrap().current() {
        bed.advance(MILLI).await;
        let (who, scope) = match &step {
            Step::Ask(scope) => (PLAIN, *scope),
            Step::AskWithSecondKey => ((second_id.as_str(), second_secret.expose()), ""),
            Step::Wait(millis) => {
                bed.advance(Duration::from_millis(*millis)).await;
                continue;
            }
            Step::Grant(scopes) => {
                granted = (*scopes).to_owned();
                let scopes = ScopeSet::parse(scopes).unwrap();
                let grant = symbolon_core::policy::Grant { audience: API.to_owned(), scopes };
                bed.change_client("plain", PLAIN.0, |one| one.settings.grants = vec![grant].into()).await;
                continue;
            }
            Step::Lifetime(seconds) => {
                bed.change_client("plain", PLAIN.0, |one| one.settings.lifetime = Some(*seconds)).await;
                continue;
            }
            Step::Revoke(kind) => {
                let id = match kind {
                    Kind::Organization => "plain-org",
                    Kind::Client => PLAIN.0,
                    Kind::AccessKey => "plain-key",
                    _ => "",
                };
                revoke_before(&bed, *kind, id).await;
                continue;
            }
            Step::RevokeLast => {
                let request = Way::Form.request("/realms/plain/oauth/revoke", PLAIN, &[("token", &last)]);
                if !last.is_empty() {
                    assert_eq!(bed.send(request).await.status, 200);
                }
                continue;
            }
            Step::Nothing => continue,
        };
        let answer = bed.send(Way::Form.token(PATH, who, &[("scope", scope)])).await;
        let asked = ScopeSet::parse(if scope.is_empty() { &granted } else { scope }).unwrap();
        let expected = asked.intersection(&ScopeSet::parse(&granted).unwrap());
        if expected.is_empty() {
            answer.refused(400, "invalid_scope");
            continue;
        }
        let (claims, now) = (answer.claims(), bed.authority.now());
        assert_eq!(claims["scope"], expected.to_string(), "{step:?}");
        let key = if who == PLAIN { "plain-key" } else { &second_id };
        assert_eq!(claims["key_id"], key);
        let (issued, ends) = (claims["iat_ms"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        let life = (ends - claims["iat"].as_i64().unwrap()) * 1000;
        assert!(now.millis() - issued <= 60_000.min(life / 2), "{step:?}");
        let told = answer.body["expires_in"].as_i64().unwrap();
        assert!(told >= 1 && told <= ends - now.seconds(), "{step:?}");
        last = answer.body["access_token"].as_str().unwrap().to_owned();
        assert!(lives(&bed, &last).await, "{step:?}");
        answers += 1;
    }
    let reused = bed.authority.limit_counts().reused;
    assert!(reused > 5 && answers > reused, "{reused} of {answers}");
}
