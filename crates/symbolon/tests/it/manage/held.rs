//! What an operator switched off, no customer switches on: clients, access keys and members, whoever asks and however.

use serde_json::{Value, json};
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, is_problem};
use crate::support::{Answer, secrets};

const CLIENT: &str = "/organizations/custodian/clients/meti";
const KEY: &str = "/organizations/custodian/clients/meti/access-keys/meti-key";
const MEMBER: &str = "/organizations/custodian/members/usr_dev";

/// A thing, and what it says when it is off and on.
const THINGS: [(&str, &str, &str); 3] =
    [(CLIENT, "disabled", "active"), (KEY, "INACTIVE", "ACTIVE"), (MEMBER, "disabled", "active")];

impl Office {
    async fn switch(&self, role: Role, path: &str, status: &str) -> Answer {
        self.ask(role, Method::PATCH, path, Some(json!({"status": status}))).await
    }

    async fn works(&self) -> bool {
        // Tokens of before it was switched on are dead, and this one is later.
        self.bed.advance(std::time::Duration::from_secs(10)).await;
        let answer =
            self.bed.token("/oauth/token", "meti", secrets::METI, &[("audience", "https://api.meti.io")]);
        answer.await.status == 200
    }
}

#[track_caller]
fn is(answer: &Answer, status: &str, held: bool) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (&answer.body["status"], &answer.body["held"]),
        (&json!(status), &Value::Bool(held)),
        "{answer:?}"
    );
}

#[tokio::test]
async fn threat_07_what_an_operator_switched_off_stays_off_until_an_operator_switches_it_on() {
    for (path, off, on) in THINGS {
        let office = Office::open().await;
        is(&office.switch(Role::Admin, path, off).await, off, true);
        for role in [Role::CustomerAdmin, Role::CustomerDeveloper] {
            if path == MEMBER && role == Role::CustomerDeveloper {
                continue;
            }
            is_problem(&office.switch(role, path, on).await, 403, "not-offered");
            // To switch it off once more takes nothing back.
            is(&office.switch(role, path, off).await, off, true);
            is_problem(&office.switch(role, path, on).await, 403, "not-offered");
        }
        assert_eq!(office.works().await, path == MEMBER, "{path}");
        is(&office.switch(Role::Admin, path, on).await, on, false);
        assert!(office.works().await);
    }
}

#[tokio::test]
async fn what_a_customer_switched_off_it_switches_on() {
    for (path, off, on) in THINGS {
        let office = Office::open().await;
        is(&office.switch(Role::CustomerAdmin, path, off).await, off, false);
        is(&office.switch(Role::CustomerAdmin, path, on).await, on, false);
        // An operator may do it for it.
        is(&office.switch(Role::CustomerAdmin, path, off).await, off, false);
        is(&office.switch(Role::Owner, path, on).await, on, false);
    }
}

#[tokio::test]
async fn a_key_is_not_activated_by_another_route_either() {
    let office = Office::open().await;
    let answer = office.ask(Role::Admin, Method::POST, &format!("{KEY}/deactivate"), None).await;
    is(&answer, "INACTIVE", true);
    let answer = office.ask(Role::CustomerAdmin, Method::POST, &format!("{KEY}/activate"), None).await;
    is_problem(&answer, 403, "not-offered");
    // Other changes are possible, and switch nothing.
    let later = json!({"expires_at": "2030-01-01T00:00:00Z"});
    is(&office.ask(Role::CustomerAdmin, Method::PATCH, KEY, Some(later)).await, "INACTIVE", true);
    let answer = office.ask(Role::Admin, Method::POST, &format!("{KEY}/activate"), None).await;
    is(&answer, "ACTIVE", false);
}

#[tokio::test]
async fn a_descriptions_word_is_an_operators() {
    let office = Office::open().await;
    let described = |status: &str| {
        let key = json!({"id": "meti-key"});
        json!({"realms": [{"id": "default", "organizations": [{"id": "custodian",
            "clients": [{"id": "meti", "status": status, "access_keys": [key]}]}]}]})
    };
    office.bed.apply(&described("disabled").to_string()).await;
    is_problem(&office.switch(Role::CustomerAdmin, CLIENT, "active").await, 403, "not-offered");
    // What somebody else switched off stays theirs, whatever a description repeats.
    office.bed.apply(&described("active").to_string()).await;
    is(&office.switch(Role::CustomerAdmin, CLIENT, "disabled").await, "disabled", false);
    office.bed.apply(&described("disabled").to_string()).await;
    is(&office.switch(Role::CustomerAdmin, CLIENT, "active").await, "active", false);
}

#[tokio::test]
async fn a_leaked_key_is_not_made_good_again_by_its_customer() {
    let office = Office::open().await;
    let report = json!({"secret": secrets::METI, "credential": "meti"});
    let request = crate::support::Request::post("/api/v1/leaks").json(&report);
    let answer = office.send(Role::Owner, request).await;
    assert_eq!(answer.body["deactivated"][0]["access_key"], "meti-key", "{answer:?}");
    is_problem(&office.switch(Role::CustomerAdmin, KEY, "ACTIVE").await, 403, "not-offered");
    is(&office.switch(Role::Owner, KEY, "ACTIVE").await, "ACTIVE", false);
}
