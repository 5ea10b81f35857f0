//! Rule 2: which audience a request is for.

use symbolon_core::realm::Status;

use crate::support::{Answer, Bed, Way, in_default, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const API: &str = "https://api.meti.io";

async fn ask(bed: &Bed, who: (&str, &str), more: &[(&str, &str)]) -> Answer {
    bed.send(Way::Form.token("/oauth/token", who, more)).await
}

#[track_caller]
fn is_for(answer: &Answer, audience: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.claims()["aud"], audience);
}

#[tokio::test]
async fn audience_and_resource_name_the_same_thing() {
    let bed = Bed::start().await;
    for more in [
        vec![("audience", API)],
        vec![("resource", API)],
        vec![("audience", API), ("resource", API)],
        vec![("resource", API), ("resource", API)],
    ] {
        is_for(&ask(&bed, METI, &more).await, API);
    }
    for more in [
        [("audience", API), ("resource", "https://api.m3ter.com")],
        [("resource", API), ("resource", "https://api.m3ter.com")],
    ] {
        ask(&bed, METI, &more).await.refused(400, "invalid_target");
    }
}

#[tokio::test]
async fn one_trailing_slash_makes_no_difference_and_the_token_has_the_registered_form() {
    let bed = Bed::start().await;
    bed.apply(&in_default(
        "  - id: slashed\n    clients:\n    - id: slashed\n      settings: { grants: [{ audience: \
         \"https://api.metafold3d.com/\", scopes: [\"read:projects\"] }] }\n      access_keys: [{ id: s-key, \
         secret: slashed-secret-1234567890 }]\n",
    ))
    .await;
    for who in [("metafold", secrets::METAFOLD), ("slashed", "slashed-secret-1234567890")] {
        for asked in ["https://api.metafold3d.com", "https://api.metafold3d.com/"] {
            is_for(&ask(&bed, who, &[("audience", asked)]).await, "https://api.metafold3d.com");
        }
        is_for(&ask(&bed, who, &[]).await, "https://api.metafold3d.com");
        ask(&bed, who, &[("audience", "https://api.metafold3d.com//")]).await.refused(400, "invalid_target");
    }
}

#[tokio::test]
async fn a_resource_is_an_absolute_uri_without_fragment() {
    let bed = Bed::start().await;
    for bad in ["api.meti.io", "/path", "https://api.meti.io#x", "https://api.meti.io#", "https:", "a b:c"] {
        ask(&bed, METI, &[("resource", bad)]).await.refused(400, "invalid_target");
    }
}

#[tokio::test]
async fn an_alias_asks_for_the_same_api() {
    let bed = Bed::start().await;
    bed.change_server("default", API, |server| {
        server.settings.aliases = vec!["https://old.meti.io".to_owned()];
    })
    .await;
    is_for(&ask(&bed, METI, &[("audience", "https://old.meti.io/")]).await, API);
}

#[tokio::test]
async fn none_asked_is_the_clients_own_which_its_first_grant_set() {
    let bed = Bed::start().await;
    is_for(&ask(&bed, METI, &[]).await, API);
    // Further grants do not change it, and neither does taking the first one away.
    let other = symbolon_core::policy::Grant {
        audience: "https://api.metafold3d.com".to_owned(),
        scopes: symbolon_core::protocol::scope::ScopeSet::parse("read:projects").unwrap(),
    };
    bed.change_client("default", "meti", |client| client.settings.grants.insert(0, other)).await;
    is_for(&ask(&bed, METI, &[]).await, API);
    bed.change_client("default", "meti", |client| {
        client.settings.grants.truncate(1);
        client.settings.default_audience = None;
    })
    .await;
    ask(&bed, METI, &[]).await.refused(400, "invalid_target");
    bed.change_client("default", "meti", |client| {
        client.settings.default_audience = Some("https://api.metafold3d.com".into());
    })
    .await;
    is_for(&ask(&bed, METI, &[]).await, "https://api.metafold3d.com");
}

#[tokio::test]
async fn a_client_without_any_falls_to_the_realms_with_an_empty_scope() {
    let bed = Bed::start().await;
    let bare = ("m3ter-bare", secrets::M3TER_BARE);
    let answer = ask(&bed, bare, &[]).await;
    is_for(&answer, "https://api.m3ter.com");
    assert_eq!((&answer.body["scope"], &answer.claims()["scope"]), (&"".into(), &"".into()));
    // Asked for by name, it is refused; and so is asking for a scope.
    ask(&bed, bare, &[("audience", "https://api.m3ter.com")]).await.refused(400, "invalid_target");
    ask(&bed, bare, &[("scope", "config:read")]).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn where_nothing_names_an_audience_there_is_none() {
    let bed = Bed::start().await;
    bed.change_realm("default", |realm| realm.settings.default_audience = None).await;
    let answer = ask(&bed, ("m3ter-bare", secrets::M3TER_BARE), &[]).await;
    assert_eq!(answer.refused(400, "invalid_target"), "Missing parameter: audience");
}

#[tokio::test]
async fn a_policy_that_speaks_of_an_audience_opens_it() {
    let bed = Bed::start().await;
    let user = ("m3ter-user", secrets::M3TER);
    for audience in [API, "https://api.metafold3d.com", "https://api.m3ter.com"] {
        is_for(&ask(&bed, user, &[("audience", audience)]).await, audience);
    }
    ask(&bed, user, &[("audience", "https://api.plain.example")]).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn a_disabled_api_is_as_unknown_as_one_that_never_was() {
    let bed = Bed::start().await;
    bed.change_server("default", API, |server| server.status = Status::Disabled).await;
    let answer = ask(&bed, METI, &[("audience", API)]).await;
    assert_eq!(answer.refused(400, "invalid_target"), format!("Unknown audience: {API}"));
    ask(&bed, METI, &[]).await.refused(400, "invalid_target");
}

#[tokio::test]
async fn scopes_are_narrowed_and_said_so() {
    let bed = Bed::start().await;
    let reader = ("meti-readonly", secrets::METI_READONLY);
    for (asked, granted) in [
        ("read:sources", "read:sources"),
        ("read:sources write:sources", "read:sources"),
        ("openid read:sources profile email offline_access", "read:sources"),
        ("openid", "read:sources"),
        ("openid profile", "read:sources"),
    ] {
        let answer = ask(&bed, reader, &[("scope", asked)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((&answer.body["scope"], &answer.claims()["scope"]), (&granted.into(), &granted.into()));
    }
    for asked in ["write:sources", "openid write:sources", "READ:SOURCES", "a\"b"] {
        ask(&bed, reader, &[("scope", asked)]).await.refused(400, "invalid_scope");
    }
}
