//! Claims by expressions in CEL: what tokens carry, what refuses them, and that they follow what they name.

use std::time::Duration;

use serde_json::json;
use symbolon_core::apply::description::Description;
use symbolon_core::claim_map::Template;
use symbolon_core::id::RealmId;
use symbolon_core::licence::LicenceKind;

use super::{METI, set_claims};
use crate::support::systems::{ecoinvent, meti, meti_as, meti_v1};
use crate::support::{Bed, secrets};

const ECOINVENT: &str = "https://api.ecoinvent.org";

#[tokio::test]
async fn the_claims_of_meti_come_out_the_same_by_expressions() {
    let bed = Bed::start().await;
    let by_templates = bed.send(meti("read:sources")).await.claims();
    let expressions = [
        ("https://api.meti.io/account_id", json!({"cel": "organization.id"})),
        ("https://api.meti.io/role", json!({"cel": "role"})),
        ("https://api.meti.io/client_name", json!({"cel": "client.name"})),
        (
            "https://api.meti.io/v1_client_id",
            json!({"cel": "has(client.claims.v1_client_id) ? client.claims.v1_client_id : null"}),
        ),
    ];
    set_claims(&bed, "default", METI, &expressions).await;
    let mut by_expressions = bed.send(meti("read:sources")).await.claims();
    by_expressions["jti"] = by_templates["jti"].clone();
    assert_eq!(by_expressions, by_templates);
    // This one has neither a role nor an older identity.
    let bare = bed.send(meti_as("meti-readonly", secrets::METI_READONLY, "read:sources")).await.claims();
    assert_eq!(bare["https://api.meti.io/account_id"], "custodian");
    for absent in ["https://api.meti.io/role", "https://api.meti.io/v1_client_id"] {
        assert_eq!(bare.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn claims_have_the_type_that_the_expression_gives() {
    let bed = Bed::start().await;
    // As a description file writes them.
    let file = Description::parse(&format!(
        r#"
realms:
  - id: default
    resource_servers:
      - identifier: {METI}
        settings:
          claims:
            limit: {{ cel: "role == 'custodian' ? 200 : 10" }}
            may_write: {{ cel: "'write:sources' in scopes" }}
            share: {{ cel: "1.0 / 4.0" }}
            where: {{ cel: "[realm.id, organization.id]" }}
            who:
              cel: >-
                {{'client': has(client.id) ? client.id : null, 'key': has(access_key.id) ? access_key.id : null,
                 'person': has(user.id) ? user.id : null}}
            plain: "{{role}} of {{organization.name}}"
"#
    ));
    let written = file.unwrap().realms.remove(0).resource_servers.remove(0).settings.unwrap().claims;
    bed.change_server("default", METI, |server| server.settings.claims = written).await;
    let claims = bed.send(meti("read:sources")).await.claims();
    assert_eq!(claims["limit"], json!(200));
    assert_eq!(claims["may_write"], json!(false));
    assert_eq!(claims["share"], json!(0.25));
    assert_eq!(claims["where"], json!(["default", "custodian"]));
    assert_eq!(claims["who"], json!({"client": "meti", "key": "meti-key", "person": null}));
    assert_eq!(claims["plain"], "custodian of Custodian Inc");
    // The same map on the token of a person.
    let person = bed.send(meti_v1()).await.claims();
    assert_eq!(person["who"], json!({"client": null, "key": null, "person": "usr_dev"}));
    assert_eq!((&person["limit"], &person["plain"]), (&json!(10), &json!("developer of Custodian Inc")));
}

#[tokio::test]
async fn an_expression_that_fails_refuses_the_token_and_only_the_record_says_why() {
    let bed = Bed::start().await;
    set_claims(&bed, "default", METI, &[("tier", json!({"cel": "client.claims.tier + 1"}))]).await;
    for _ in 0..2 {
        let answer = bed.send(meti("read:sources")).await;
        assert_eq!(answer.refused(500, "server_error"), "Internal error");
        let kept = bed.refusal(&answer).await;
        assert_eq!(kept.reason, "claim");
        assert_eq!(
            kept.detail,
            "the claim \"tier\" of \"https://api.meti.io\" cannot be computed: there is no \"tier\" here; has(…) \
             asks whether there is"
        );
        assert!(bed.store().find_tokens_by_request(answer.header("x-request-id")).await.unwrap().is_empty());
    }
    // Once it can be computed there are tokens again.
    bed.change_client("default", "meti", |client| {
        client.settings.claims.insert("tier".to_owned(), json!(1));
    })
    .await;
    assert_eq!(bed.send(meti("read:sources")).await.claims()["tier"], json!(2));
}

#[tokio::test]
async fn a_token_follows_every_change_of_what_its_expressions_name() {
    let bed = Bed::start().await;
    let map = [
        ("seats", json!({"cel": "'seats' in organization.metadata ? int(organization.metadata.seats) : 0"})),
        ("greeting", json!({"cel": "client.name + '/' + organization.name"})),
    ];
    set_claims(&bed, "default", METI, &map).await;
    let first = bed.send(meti("read:sources")).await.claims();
    assert_eq!(
        (&first["seats"], &first["greeting"]),
        (&json!(0), &json!("Custodian's importer/Custodian Inc"))
    );
    bed.change_organization("default", "custodian", |organization| {
        organization.metadata.insert("seats".to_owned(), "12".to_owned());
    })
    .await;
    assert_eq!(bed.send(meti("read:sources")).await.claims()["seats"], json!(12));
    bed.change_client("default", "meti", |client| client.settings.name = "other".to_owned()).await;
    assert_eq!(bed.send(meti("read:sources")).await.claims()["greeting"], "other/Custodian Inc");
    set_claims(&bed, "default", METI, &[("seats", json!({"cel": "-1"}))]).await;
    assert_eq!(bed.send(meti("read:sources")).await.claims()["seats"], json!(-1));
}

#[tokio::test]
async fn scopes_that_were_granted_are_what_expressions_see() {
    let bed = Bed::start().await;
    let map = [("writes", json!({"cel": "'write:sources' in scopes"})), ("all", json!("{scopes}"))];
    set_claims(&bed, "default", METI, &map).await;
    let reader = bed.send(meti("read:sources")).await.claims();
    assert_eq!((&reader["writes"], &reader["all"]), (&json!(false), &json!(["read:sources"])));
    let writer = bed.send(meti("write:sources")).await.claims();
    assert_eq!((&writer["writes"], &writer["all"]), (&json!(true), &json!(["write:sources"])));
}

#[tokio::test]
async fn expressions_speak_of_the_licence_that_opens_the_api_now() {
    let bed = Bed::start().await;
    let written = json!({"cel": "has(licence.kind) ? (licence.kind == 'full' ? 1000 : 10) : 0"});
    set_claims(&bed, "ecoinvent", ECOINVENT, &[("quota", written)]).await;
    assert_eq!(bed.send(ecoinvent()).await.claims()["quota"], json!(10));
    bed.change_client("ecoinvent", "eco-trial", |client| client.settings.licence_kind = None).await;
    bed.change_licence("ecoinvent", "eco-customer", |licence| licence.kind = LicenceKind::Full).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(bed.send(ecoinvent()).await.claims()["quota"], json!(1000));
    bed.change_server("ecoinvent", ECOINVENT, |server| server.settings.requires_licence = false).await;
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(bed.send(ecoinvent()).await.claims()["quota"], json!(0));
}

#[tokio::test]
async fn reserved_claims_are_out_of_reach_of_both_forms() {
    let bed = Bed::start().await;
    let servers = bed.store().list_resource_servers(&RealmId::new("default").unwrap()).await.unwrap();
    let before = servers.into_iter().find(|server| server.identifier == METI).unwrap();
    for written in [json!("{role}"), json!({"cel": "'root'"})] {
        for name in ["sub", "org_id", "exp", "scope"] {
            let mut after = before.clone();
            after.settings.claims.insert(name.to_owned(), super::rule(&written));
            let refused = bed
                .operator("default", async |editor| {
                    symbolon_core::edit::resource_server::update(editor, &before, &after).await
                })
                .await;
            assert_eq!(refused.unwrap_err().to_string(), format!("the claim {name:?} is reserved"));
        }
    }
    // A value may look like a whole payload: it stays the value of its own claim.
    let hostile = json!({"cel": "'\",\"sub\":\"root\"}'"});
    set_claims(&bed, "default", METI, &[("note", hostile)]).await;
    let claims = bed.send(meti("read:sources")).await.claims();
    assert_eq!((&claims["sub"], &claims["note"]), (&json!("meti"), &json!("\",\"sub\":\"root\"}")));
}

#[tokio::test]
async fn a_mistake_in_an_expression_stops_the_whole_file() {
    let file = |expression: &str| {
        format!(
            "realms:\n  - id: default\n    resource_servers:\n      - identifier: {METI}\n        settings:\n          \
             claims:\n            tier: {{ cel: \"{expression}\" }}\n"
        )
    };
    let read = |expression: &str| Description::parse(&file(expression)).map(drop).map_err(|e| e.to_string());
    assert_eq!(read("1 + 1"), Ok(()));
    for (expression, said) in [
        ("1 +", "line 1, column"),
        (
            "organisation.id",
            "\"organisation\" is not known; expressions can name realm, organization, client",
        ),
        ("client.secret", "client has no \"secret\"; it has id, name, claims"),
        ("timestamp('2026-01-01T00:00:00Z')", "there is no function \"timestamp\""),
        ("scopes.exists(s, s == 'a')", "to look for a value use `in`"),
    ] {
        let error = read(expression).unwrap_err();
        assert!(error.contains(said), "{error}");
        assert!(error.contains("line 7"), "{error}");
    }
}

#[tokio::test]
async fn a_description_with_expressions_changes_nothing_the_second_time() {
    let bed = Bed::start().await;
    let settings = json!({"hosts": ["plain.example"]});
    let server = |cel: &str| {
        json!([{
            "identifier": "https://api.plain.example",
            "settings": {"scopes": ["a", "b"], "claims": {"n": {"cel": cel}, "t": "{client.id}"}},
        }])
    };
    let file = |cel: &str| {
        json!({"realms": [{"id": "plain", "settings": settings, "resource_servers": server(cel)}]})
            .to_string()
    };
    bed.apply(&file("size(scopes)")).await;
    let plan = async |cel: &str| {
        let description = Description::parse(&file(cel)).unwrap();
        symbolon_core::apply::plan(&bed.authority, &description).await.unwrap()
    };
    assert!(plan("size(scopes)").await.is_empty());
    assert!(!plan("size(scopes) + 1").await.is_empty());
    let answer = bed.token("/realms/plain/oauth/token", "plain-client", secrets::PLAIN, &[]).await;
    assert_eq!((&answer.claims()["n"], &answer.claims()["t"]), (&json!(2), &json!("plain-client")));
}

#[tokio::test]
async fn a_claim_map_has_at_most_sixteen_expressions() {
    let bed = Bed::start().await;
    let servers = bed.store().list_resource_servers(&RealmId::new("default").unwrap()).await.unwrap();
    let mut server = servers.into_iter().find(|server| server.identifier == METI).unwrap();
    for (count, may_be) in [(16, true), (17, false)] {
        let before = server.clone();
        server.settings.claims =
            (0..count).map(|n| (format!("c{n}"), super::rule(&json!({"cel": "1"})))).collect();
        let saved = bed
            .operator("default", async |editor| {
                symbolon_core::edit::resource_server::update(editor, &before, &server).await
            })
            .await;
        assert_eq!(saved.is_ok(), may_be, "{saved:?}");
        server.version += 1;
    }
}

#[tokio::test]
async fn a_template_stays_what_it_was() {
    let bed = Bed::start().await;
    bed.change_server("default", METI, |server| {
        server.settings.claims.insert("t".to_owned(), Template::parse("{client.claims.x}").unwrap().into());
        server.settings.claims.insert("text".to_owned(), Template::parse("1 + 1").unwrap().into());
    })
    .await;
    let claims = bed.send(meti("read:sources")).await.claims();
    assert_eq!((claims.get("t"), &claims["text"]), (None, &json!("1 + 1")));
}
