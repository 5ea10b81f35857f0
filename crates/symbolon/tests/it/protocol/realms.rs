//! Which realm a request is for: its host's owner, else the default one; a path names it outright.

use symbolon_core::realm::Status;

use crate::support::{Answer, Bed, Request, Way, secrets};

const PLAIN: (&str, &str) = ("plain-client", secrets::PLAIN);
const METI: (&str, &str) = ("meti", secrets::METI);

/// Whose the keys are that a request for them is answered with.
async fn issuer(bed: &Bed, path: &str, host: &str) -> Answer {
    bed.send(Request::get(path).host(host)).await
}

async fn status(bed: &Bed, path: &str, host: &str, who: (&str, &str)) -> u16 {
    bed.send(Way::Form.token(path, who, &[]).host(host)).await.status
}

#[tokio::test]
async fn a_host_belongs_to_the_realm_that_owns_it() {
    let bed = Bed::start().await;
    let spellings = ["plain.example", "PLAIN.Example", "plain.example:8443", "plain.example."];
    for host in spellings {
        assert_eq!(status(&bed, "/oauth/token", host, PLAIN).await, 200, "{host}");
        assert_eq!(status(&bed, "/oauth/token", host, METI).await, 401, "{host}");
    }
}

#[tokio::test]
async fn host_names_compare_without_regard_to_case_also_as_they_were_set() {
    let bed = Bed::start().await;
    bed.change_realm("plain", |realm| realm.settings.hosts = vec!["Other.Example".to_owned()]).await;
    assert_eq!(status(&bed, "/oauth/token", "other.example", PLAIN).await, 200);
    assert_eq!(status(&bed, "/oauth/token", "plain.example", PLAIN).await, 401);
}

#[tokio::test]
async fn any_other_host_is_for_the_default_realm() {
    let bed = Bed::start().await;
    for host in ["localhost", "auth.example", "203.0.113.9:80", "[2001:db8::1]:80", "x.plain.example", ""] {
        assert_eq!(status(&bed, "/oauth/token", host, METI).await, 200, "{host}");
        assert_eq!(status(&bed, "/oauth/token", host, PLAIN).await, 401, "{host}");
    }
    // What is no host chooses no realm.
    for host in ["a b", "me@plain.example", "plain.example/x", "plain.example:x"] {
        assert_eq!(status(&bed, "/oauth/token", host, METI).await, 400, "{host}");
        assert_eq!(status(&bed, "/oauth/token", host, PLAIN).await, 400, "{host}");
    }
}

#[tokio::test]
async fn a_path_names_the_realm_outright() {
    let bed = Bed::start().await;
    assert_eq!(status(&bed, "/realms/plain/oauth/token", "localhost", PLAIN).await, 200);
    assert_eq!(status(&bed, "/realms/default/oauth/token", "localhost", METI).await, 200);
    assert_eq!(status(&bed, "/realms/plain/oauth/token", "localhost", METI).await, 401);
    assert_eq!(status(&bed, "/realms/plain/oauth/token", "plain.example", PLAIN).await, 200);
}

/// Every path that names a realm.
const NAMING: [&str; 10] = [
    "oauth/token",
    "protocol/openid-connect/token",
    "oauth/introspect",
    "protocol/openid-connect/token/introspect",
    "oauth/revoke",
    "protocol/openid-connect/revoke",
    ".well-known/openid-configuration",
    ".well-known/oauth-authorization-server",
    ".well-known/jwks.json",
    "protocol/openid-connect/certs",
];

fn asked(path: &str, host: &str) -> Request {
    let read_only = path.contains("well-known") || path.ends_with("certs");
    let request = if read_only { Request::get(path) } else { Way::Form.token(path, METI, &[("token", "x")]) };
    request.host(host)
}

async fn is_unknown(bed: &Bed, path: &str, host: &str) {
    let answer = bed.send(asked(path, host)).await;
    assert_eq!(answer.status, 404, "{path} {host}: {answer:?}");
    assert_eq!(answer.body["error"], "invalid_request");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_realm_on_another_realms_host_is_not_there() {
    let bed = Bed::start().await;
    for end in NAMING {
        is_unknown(&bed, &format!("/realms/default/{end}"), "plain.example").await;
        is_unknown(&bed, &format!("/realms/ecoinvent/{end}"), "plain.example").await;
    }
    is_unknown(&bed, "/.well-known/oauth-authorization-server/realms/default", "plain.example").await;
}

#[tokio::test]
async fn an_unknown_realm_is_not_there() {
    let bed = Bed::start().await;
    for realm in ["nowhere", "Default", "default%20", "%00", "%C3%A9", "..", "default%2F"] {
        for end in NAMING {
            is_unknown(&bed, &format!("/realms/{realm}/{end}"), "localhost").await;
        }
        is_unknown(&bed, &format!("/.well-known/oauth-authorization-server/realms/{realm}"), "localhost")
            .await;
    }
}

#[tokio::test]
async fn a_disabled_realm_is_not_there_however_it_is_named() {
    let bed = Bed::start().await;
    for realm in ["plain", "default"] {
        bed.change_realm(realm, |realm| realm.status = Status::Disabled).await;
    }
    for end in NAMING {
        is_unknown(&bed, &format!("/realms/plain/{end}"), "localhost").await;
        is_unknown(&bed, &format!("/realms/plain/{end}"), "plain.example").await;
        is_unknown(&bed, &format!("/realms/default/{end}"), "localhost").await;
        if !end.starts_with("protocol") {
            is_unknown(&bed, &format!("/{end}"), "localhost").await;
            is_unknown(&bed, &format!("/{end}"), "plain.example").await;
        }
    }
    is_unknown(&bed, "/token", "localhost").await;
    // The others go on.
    let eco = ("eco-trial", secrets::ECOINVENT);
    assert_eq!(status(&bed, "/realms/ecoinvent/oauth/token", "localhost", eco).await, 200);
}

#[tokio::test]
async fn every_host_and_path_of_a_realm_serves_one_document() {
    let bed = Bed::start().await;
    bed.change_realm("plain", |realm| realm.settings.hosts.push("second.example".to_owned())).await;
    let paths = [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/realms/plain/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/plain",
    ];
    let first = issuer(&bed, paths[0], "plain.example").await;
    assert_eq!(first.body["issuer"], "https://auth.example/realms/plain");
    for host in ["plain.example", "second.example"] {
        for path in paths {
            assert_eq!(issuer(&bed, path, host).await.text, first.text, "{host} {path}");
        }
    }
    assert_eq!(issuer(&bed, paths[2], "localhost").await.text, first.text);
}

#[tokio::test]
async fn two_realms_cannot_own_one_host() {
    let bed = Bed::start().await;
    let realms = bed.store().list_realms().await.unwrap();
    let before = realms.into_iter().find(|realm| realm.id.as_str() == "ecoinvent").unwrap();
    let mut after = before.clone();
    after.settings.hosts = vec!["Plain.EXAMPLE".to_owned()];
    bed.operator("ecoinvent", async |editor| {
        symbolon_core::edit::realm::update(editor, &before, &after).await.unwrap_err();
    })
    .await;
    assert_eq!(status(&bed, "/oauth/token", "plain.example", PLAIN).await, 200);
}
