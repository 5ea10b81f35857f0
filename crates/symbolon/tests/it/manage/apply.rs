//! Descriptions by the API: what they make, what they tell, and that they are no way around what their caller may do.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use serde_json::{Value, json};
use symbolon_core::audit::verify::verify;
use symbolon_core::permission::{AUDIENCE, Permissions};
use symbolon_core::user::OperatorRole;
use symbolon_server::PeerAddress;
use symbolon_server::axum::body::{Body, Bytes, HttpBody};
use tower::ServiceExt as _;

use super::office::{Office, Role, SECRET, is_problem};
use crate::support::{Answer, Request, realm_id, secrets};

const PATH: &str = "/api/v1/apply";

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"), "{answer:?}");
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What an answer says of steps.
fn steps(answer: &Answer) -> Vec<String> {
    let all = lines(answer);
    let steps = all.iter().filter(|line| line["type"] == "step");
    steps.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

impl Office {
    async fn apply(&self, role: Role, realms: Value) -> Answer {
        self.send(role, Request::post(PATH).json(&json!({"realms": realms}))).await
    }

    async fn plan(&self, role: Role, realms: Value) -> Answer {
        let path = format!("{PATH}?plan=true");
        self.send(role, Request::post(&path).json(&json!({"realms": realms}))).await
    }

    async fn has_client(&self, id: &str) -> bool {
        let found = self.bed.store().find_credential(&realm_id("default"), id).await.unwrap();
        found.is_some()
    }

    /// A caller of these scopes, in an organization that operates a realm.
    async fn operator(&self, realm: &str, scopes: &[&str]) -> String {
        let client = json!({"id": "ops-client", "settings": {"grants": [{"audience": AUDIENCE, "scopes": scopes}]},
            "access_keys": [{"id": "ops-key", "secret": SECRET}]});
        let mut settings = self.bed.authority.directory().realm(realm).unwrap().realm().settings.clone();
        let id = if realm == "default" { "staff" } else { "ops" };
        settings.operators = Some(symbolon_core::id::OrganizationId::new(id).unwrap());
        let organization = json!({"id": id, "clients": [client]});
        let realms = json!([{"id": realm, "settings": settings, "organizations": [organization]}]);
        self.bed.apply(&json!({"realms": realms}).to_string()).await;
        let form = [("grant_type", "client_credentials"), ("audience", AUDIENCE)];
        let path = format!("/realms/{realm}/oauth/token");
        let answer = self.bed.send(Request::post(&path).basic("ops-client", SECRET).form(&form)).await;
        answer.body["access_token"].as_str().unwrap().to_owned()
    }
}

const YAML: &str = r#"
realms:
  - id: default
    organizations:
      - id: applied
        name: "Applied: here"
        clients:
          - { id: one, settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }, access_keys: [{ id: one-key }] }
          - { id: two, access_keys: [{ id: two-key, secret: "a secret: of mine 0123456789" }] }
"#;

#[tokio::test]
async fn a_description_is_applied_told_line_by_line_and_audited_under_its_caller() {
    let office = Office::open().await;
    let before = office.bed.store().last_change().await.unwrap();
    let send = async |path: &str| {
        office.send(Role::Owner, Request::post(path).raw("application/yaml", YAML.as_bytes())).await
    };
    let planned = send("/api/v1/apply?plan=true").await;
    assert_eq!(lines(&planned).last().unwrap(), &json!({"type": "end", "steps": 5, "applied": false}));
    assert!(!planned.text.contains("sym_sk_") && !office.has_client("one").await, "{planned:?}");
    assert_eq!(office.bed.store().last_change().await.unwrap(), before);

    let applied = send(PATH).await;
    let all = lines(&applied);
    assert_eq!(steps(&applied), steps(&planned));
    assert_eq!(all.last().unwrap(), &json!({"type": "end", "steps": 5, "applied": true}));
    let done: Vec<u64> = all
        .iter()
        .filter(|line| line["type"] == "done")
        .map(|line| line["steps"].as_u64().unwrap())
        .collect();
    assert!(done.is_sorted() && done.last() == Some(&5), "{done:?}");
    let made: Vec<&Value> = all.iter().filter(|line| line["type"] == "secret").collect();
    assert_eq!(
        (made.len(), &made[0]["client"], &made[0]["access_key"]),
        (1, &json!("one"), &json!("one-key"))
    );
    let form = [("grant_type", "client_credentials"), ("audience", "https://api.meti.io")];
    let secret = made[0]["secret"].as_str().unwrap();
    let token = office.bed.send(Request::post("/oauth/token").basic("one", secret).form(&form)).await;
    assert_eq!(token.body["scope"], "read:sources", "{token:?}");

    let id = applied.header("x-request-id");
    let rows = office.bed.audit("default", before, None).await;
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.actor.id == "owner" && row.actor.request_id == id), "{rows:?}");
    assert!(!serde_json::to_string(&rows).unwrap().contains("of mine"));

    let again = send(PATH).await;
    assert_eq!(lines(&again), [json!({"type": "end", "steps": 0, "applied": true})]);
}

/// A body that never comes, and says when it is waited for.
struct Endless(Option<tokio::sync::oneshot::Sender<()>>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(asked) = self.0.take() {
            asked.send(()).unwrap();
        }
        Poll::Pending
    }
}

#[tokio::test]
async fn who_sends_a_description_slowly_keeps_nobody_else_waiting() {
    let office = Office::open().await;
    let (asked, waited_for) = tokio::sync::oneshot::channel();
    let slow = symbolon_server::axum::http::Request::post(format!("{PATH}?plan=true"))
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", office.token(Role::Owner).await.unwrap()))
        .extension(PeerAddress("192.0.2.9:4711".parse().unwrap()))
        .body(Body::new(Endless(Some(asked))))
        .unwrap();
    let slow = tokio::spawn(office.bed.app().oneshot(slow));
    waited_for.await.unwrap();
    assert_eq!(lines(&office.plan(Role::Owner, json!([])).await).last().unwrap()["type"], "end");
    assert!(!slow.is_finished());
    slow.abort();
}

#[tokio::test]
async fn what_cannot_be_read_or_breaks_a_rule_changes_nothing() {
    let office = Office::open().await;
    let before = office.bed.store().last_change().await.unwrap();
    let send =
        async |kind: &str, body: &[u8]| office.send(Role::Owner, Request::post(PATH).raw(kind, body)).await;
    is_problem(&send("text/plain", YAML.as_bytes()).await, 415, "unsupported-media-type");
    is_problem(&send("application/yaml", b"realms: [{id: default, nonsense: 1}]").await, 400, "invalid-body");
    is_problem(&send("application/json", b"{\"realms\": [], \"realms\": []}").await, 400, "invalid-body");
    let nul = b"realms: [{id: default, organizations: [{id: nul, name: \"a\\0b\"}]}]";
    is_problem(&send("application/yaml", nul).await, 400, "invalid-body");
    is_problem(&send("application/yaml", b"realms: \xff").await, 400, "invalid-body");
    let large = vec![b' '; 16 * 1024 * 1024 + 1];
    is_problem(&send("application/yaml", &large).await, 413, "too-large");
    let twice = YAML.replace("id: two,", "id: one,");
    is_problem(&send("application/yaml", twice.as_bytes()).await, 422, "invalid-change");
    let canary = YAML.replace("secret: \"a secret: of mine 0123456789\"", "secret: canary");
    let weak = send("application/yaml", canary.as_bytes()).await;
    is_problem(&weak, 422, "invalid-change");
    assert!(weak.text.contains("weak: true") && !weak.text.contains("canary"), "{weak:?}");
    let query = Request::post("/api/v1/apply?dry=true").raw("application/yaml", YAML.as_bytes());
    is_problem(&office.send(Role::Owner, query).await, 400, "invalid-parameter");
    assert_eq!(office.bed.store().last_change().await.unwrap(), before);
}

#[tokio::test]
async fn a_step_that_fails_is_told_with_its_problem_and_those_before_it_are_done() {
    let office = Office::open().await;
    // The id of a user, who lives in the same space of ids.
    let yaml = YAML.replace("id: two,", "id: usr_dev,");
    let answer = office.send(Role::Owner, Request::post(PATH).raw("application/yaml", yaml.as_bytes())).await;
    let all = lines(&answer);
    let last = all.last().unwrap();
    assert_eq!(
        (&last["type"], &last["problem"]["type"]),
        (&json!("failed"), &json!("urn:symbolon:problem:taken"))
    );
    assert!(last["step"].as_str().unwrap().contains("client usr_dev"), "{last}");
    assert_eq!(last["problem"]["request_id"], answer.header("x-request-id"));
    assert!(office.has_client("one").await && office.has_client("one-key").await);
}

#[tokio::test]
async fn nobody_gives_more_than_it_has_by_a_description() {
    let office = Office::open().await;
    let owner = Permissions::of_operator(OperatorRole::Owner).scopes();
    let grants = json!([{"audience": AUDIENCE, "scopes": owner}]);
    let clients =
        |client: Value| json!([{"id": "default", "organizations": [{"id": "staff", "clients": [client]}]}]);
    let statement = json!([{"effect": "allow", "actions": ["*"], "resources": [AUDIENCE]}]);
    let policy =
        |statements: &Value| json!([{"id": "default", "policies": [{"id": "p", "statements": statements}]}]);
    let beyond = [
        // A client that may make operators, by a grant, or by a policy of the same description.
        clients(json!({"id": "mine", "settings": {"grants": grants}})),
        policy(&statement),
        json!([{"id": "default", "policies": [{"id": "p", "statements": statement}],
            "organizations": [{"id": "staff", "clients": [{"id": "mine", "settings": {"policies": ["p"]}}]}]}]),
        // In a realm of its own, too.
        json!([{"id": "fresh", "settings": {"operators": "mine"},
            "organizations": [{"id": "mine", "clients": [{"id": "mine", "settings": {"grants": grants}}]}]}]),
        // A key, or another secret for the key, of a client that may.
        clients(json!({"id": "owner", "access_keys": [{"id": "mine-key"}]})),
        clients(
            json!({"id": "owner", "access_keys": [{"id": "owner-key", "secret": "mine-mine-mine-mine"}]}),
        ),
        // The same of a key that is off, which whoever made the client may switch on one day.
        clients(json!({"id": "owner", "access_keys": [
            {"id": "owner-key", "secret": "mine-mine-mine-mine", "status": "INACTIVE"}]})),
        clients(json!({"id": "owner", "access_keys": [
            {"id": "mine-key", "secret": "mine-mine-mine-mine", "status": "INACTIVE"}]})),
        // An operator, or the password of one.
        json!([{"id": "default", "operators": [{"email": "me@example.com", "role": "owner"}]}]),
    ];
    for realms in beyond {
        for answer in
            [office.plan(Role::Admin, realms.clone()).await, office.apply(Role::Admin, realms.clone()).await]
        {
            is_problem(&answer, 403, "insufficient-scope");
            assert!(
                answer.header("www-authenticate").contains("scope=\"write:operators\""),
                "{realms}: {answer:?}"
            );
        }
        assert!(!office.has_client("mine").await && !office.has_client("mine-key").await);
    }
    // What it has, it gives; and a client that has more already stays as it is.
    let admin = Permissions::of_operator(OperatorRole::Admin).scopes();
    let same =
        clients(json!({"id": "mine", "settings": {"grants": [{"audience": AUDIENCE, "scopes": admin}]},
        "access_keys": [{"id": "mine-key"}]}));
    assert_eq!(lines(&office.apply(Role::Admin, same).await).last().unwrap()["applied"], true);
    let named = clients(json!({"id": "owner", "access_keys": [{"id": "owner-key"}]}));
    assert!(steps(&office.apply(Role::Admin, named).await).is_empty());
    // Switching a key off gives nobody anything.
    let off = json!({"id": "owner", "access_keys": [{"id": "owner-key", "status": "INACTIVE"}]});
    assert_eq!(steps(&office.plan(Role::Admin, clients(off)).await).len(), 1);
    // A policy that denies is not taken from others by who lacks what it denies.
    let denies = json!([{"effect": "deny", "actions": ["write:operators"], "resources": [AUDIENCE]}]);
    assert_eq!(office.apply(Role::Owner, policy(&denies)).await.status, 200);
    is_problem(&office.apply(Role::Admin, policy(&json!([]))).await, 403, "insufficient-scope");
}

#[tokio::test]
async fn an_operators_password_cannot_be_guessed_by_describing_a_member() {
    let office = Office::open().await;
    let operator = json!({"email": "olga@example.com", "role": "owner", "password": "a password of Olga"});
    let made = office.apply(Role::Owner, json!([{"id": "default", "operators": [operator]}])).await;
    assert_eq!(lines(&made).last().unwrap()["applied"], true);
    let guess = |password: &str| {
        let user = json!({"email": "olga@example.com", "role": "viewer", "password": password});
        json!([{"id": "default", "organizations": [{"id": "custodian", "users": [user]}]}])
    };
    for password in ["a password of Olga", "another password!"] {
        let answer = office.plan(Role::Admin, guess(password)).await;
        is_problem(&answer, 403, "insufficient-scope");
    }
}

#[tokio::test]
async fn everything_in_a_description_needs_its_own_permission_before_it_is_compared() {
    let office = Office::open().await;
    let token = office.operator("default", &["write:realms"]).await;
    let of_organization = |list: Value| {
        let mut organization = json!({"id": "custodian"});
        organization.as_object_mut().unwrap().extend(list.as_object().unwrap().clone());
        json!([{"id": "default", "organizations": [organization]}])
    };
    let server = json!({"identifier": "https://api.meti.io"});
    let policy = json!({"id": "p", "statements": []});
    let operator = json!({"email": "a@b.example", "role": "auditor"});
    let licence = json!({"audience": "https://api.meti.io", "kind": "full"});
    let member =
        json!({"email": "Dev@Custodian.example", "role": "developer", "password": secrets::PASSWORD});
    for (realms, scope) in [
        (json!([{"id": "default", "resource_servers": [server]}]), "write:resource-servers"),
        (json!([{"id": "default", "policies": [policy]}]), "write:policies"),
        (json!([{"id": "default", "operators": [operator]}]), "write:operators"),
        (of_organization(json!({"name": "Another"})), "write:organizations"),
        (of_organization(json!({"licences": [licence]})), "write:licences"),
        (of_organization(json!({"clients": [{"id": "meti"}]})), "write:clients"),
        (of_organization(json!({"users": [member]})), "write:members"),
    ] {
        let request = Request::post(PATH).json(&json!({"realms": realms})).bearer(&token);
        let answer = office.bed.send(request).await;
        is_problem(&answer, 403, "insufficient-scope");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains(&format!("scope=\"{scope}\"")), "{realms}: {challenge}");
    }
    let nothing = Request::post(PATH)
        .json(&json!({"realms": [{"id": "default", "organizations": [{"id": "custodian"}]}]}));
    assert_eq!(office.bed.send(nothing.bearer(&token)).await.status, 200);
}

#[tokio::test]
async fn a_realms_operators_reach_their_realm_alone() {
    let office = Office::open().await;
    let scopes = Permissions::of_operator(OperatorRole::Owner).scopes();
    let scopes: Vec<&str> = scopes.iter().map(symbolon_core::protocol::scope::Scope::as_str).collect();
    let token = office.operator("plain", &scopes).await;
    let send = async |realm: &str| {
        let body = json!({"realms": [{"id": realm, "organizations": [{"id": "described"}]}]});
        office.bed.send(Request::post(PATH).json(&body).bearer(&token)).await
    };
    for realm in ["default", "ecoinvent", "not-there"] {
        is_problem(&send(realm).await, 404, "not-found");
    }
    assert_eq!(lines(&send("plain").await).last().unwrap()["applied"], true);
    // At the host name of a realm there is no other.
    let body = json!({"realms": [{"id": "default"}]});
    let request = Request::post(PATH).host("plain.example").json(&body);
    is_problem(&office.send(Role::Owner, request).await, 404, "not-found");
    is_problem(
        &office.send(Role::Owner, Request::get("/api/v1/export").host("plain.example")).await,
        404,
        "not-found",
    );
    is_problem(
        &office.bed.send(Request::get("/api/v1/export").bearer(&token)).await,
        403,
        "insufficient-scope",
    );
}

#[tokio::test]
async fn a_change_says_of_which_realm_its_actor_is_where_it_is_another_one() {
    let office = Office::open().await;
    let scopes = ["read:audit", "write:organizations", "write:realms"];
    let (theirs, ours) = (office.operator("plain", &scopes).await, office.operator("default", &scopes).await);
    let before = office.bed.store().last_change().await.unwrap();
    // Both have the same id.
    for (token, id) in [(&theirs, "by-theirs"), (&ours, "by-ours")] {
        let path = "/api/v1/realms/plain/organizations";
        let made =
            office.bed.send(Request::post(path).json(&json!({"id": id, "name": id})).bearer(token)).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    // A run of many things in one transaction, too.
    let clients = json!([{"id": "one"}, {"id": "two"}]);
    let realms = json!([{"id": "plain", "organizations": [{"id": "by-ours", "clients": clients}]}]);
    let token = office.token(Role::Owner).await.unwrap();
    let applied = Request::post(PATH).json(&json!({"realms": realms})).bearer(&token);
    assert_eq!(lines(&office.bed.send(applied).await).last().unwrap()["applied"], true);
    let list = "/api/v1/realms/plain/audit/changes?order=oldest&limit=1000";
    let rows = office.bed.send(Request::get(list).bearer(&theirs)).await;
    let actors: Vec<(&Value, Option<&Value>)> = rows.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["sequence"].as_i64().unwrap() > before)
        .map(|row| (&row["actor_id"], row.get("actor_realm")))
        .collect();
    let (client, owner, home) = (json!("ops-client"), json!("owner"), json!("default"));
    assert_eq!(
        actors,
        [(&client, None), (&client, Some(&home)), (&owner, Some(&home)), (&owner, Some(&home))],
        "{rows:?}"
    );
    for realm in ["plain", "default"] {
        let report = verify(office.bed.store(), &realm_id(realm), &[]).await.unwrap();
        assert!(report.holds() && report.records > 0, "{report:?}");
    }
}

#[tokio::test]
async fn an_export_is_a_description_that_changes_nothing_where_it_came_from() {
    let office = Office::open().await;
    let whole = office.send(Role::Auditor, Request::get("/api/v1/export?form=description")).await;
    assert_eq!((whole.status, whole.header("content-type")), (200, "application/yaml"));
    assert!(whole.text.contains("id: ecoinvent") && whole.text.contains("usr_dev"), "{}", whole.text);
    for hidden in [secrets::METI, SECRET, "argon2", "pepper", "private"] {
        assert!(!whole.text.contains(hidden), "{hidden}");
    }
    let request = Request::post(PATH).raw("application/yaml", whole.text.as_bytes());
    assert_eq!(steps(&office.send(Role::Owner, request).await), Vec::<String>::new());
    let one = office.send(Role::Auditor, Request::get("/api/v1/realms/plain/export?form=description")).await;
    assert!(one.text.starts_with("realms:\n") && !one.text.contains("id: ecoinvent"), "{one:?}");
    let items = office.send(Role::Auditor, Request::get("/api/v1/export?form=items")).await;
    let items = lines(&items);
    assert!(
        items.iter().all(|item| item["realm"].is_string()) && items.iter().any(|item| item["id"] == "meti")
    );
    let all = lines(&office.send(Role::Auditor, Request::get("/api/v1/export")).await);
    assert_eq!(all.iter().filter(|line| line["type"] == "realm").count(), 3);
    assert_eq!(all.last().unwrap(), &json!({"type": "end", "lines": all.len() - 1}));
}
