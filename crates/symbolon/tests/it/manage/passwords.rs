//! Passwords that are set by the management API or by a description: the same is asked of them as in the console, and
//! those that somebody uses already are taken over by their hashes. And the links by which people choose one.

use serde_json::{Value, json};
use symbolon_core::password::Passwords;
use symbolon_core::random::SystemRandom;
use symbolon_core::secret::Secret;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, is_problem};
use crate::support::{Answer, Request};

/// What `apply` and the management API say of passwords that will not do.
const WEAK: [(&str, &str); 4] = [
    ("elevenchars", "at least 12 characters"),
    ("Password1234!", "guessed first"),
    ("aaaaaaaaaaaaaaaa", "guessed first"),
    ("new@custodian.example", "little more than your email address"),
];

/// Describes a member, and says whether it is only planned.
async fn describes(office: &Office, user: &Value, only_planned: bool) -> Answer {
    let realms = json!([{"id": "default", "organizations": [{"id": "custodian", "users": [user]}]}]);
    let path = if only_planned { "/api/v1/apply?plan=true" } else { "/api/v1/apply" };
    office.send(Role::Owner, Request::post(path).json(&json!({ "realms": realms }))).await
}

#[tokio::test]
async fn a_new_password_is_a_strong_one_whatever_way_it_comes() {
    let office = Office::open().await;
    let send = async |method: Method, path: &str, body: Value| office.owner(method, path, Some(body)).await;
    let members = "/organizations/custodian/members";
    let strong =
        json!({"email": "new@custodian.example", "role": "viewer", "password": "a tin of blue paint"});
    let made = send(Method::POST, members, strong.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("{members}/{}", made.body["id"].as_str().unwrap());
    for (password, why) in WEAK {
        let of = |role: &str| json!({"email": "new@custodian.example", "role": role, "password": password});
        for answer in [
            send(Method::POST, members, of("viewer")).await,
            send(Method::POST, "/operators", of("auditor")).await,
            send(Method::PATCH, &path, json!({ "password": password })).await,
            describes(&office, &of("viewer"), true).await,
            describes(&office, &of("viewer"), false).await,
        ] {
            assert!(answer.text.contains(why) && answer.status == 422, "{password}: {answer:?}");
            assert!(!answer.text.contains(password) || password.contains('@'), "{answer:?}");
        }
    }
    // The one that was set stays, and another strong one is taken.
    let sign_in = |password: &str| {
        Request::post("/token").json(&json!({"email": "new@custodian.example", "password": password}))
    };
    assert_eq!(office.bed.send(sign_in("a tin of blue paint")).await.status, 200);
    let changed = send(Method::PATCH, &path, json!({"password": "four words that differ"})).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    // Tokens come after the moment before which all are dead.
    office.bed.advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(office.bed.send(sign_in("four words that differ")).await.status, 200);
}

#[tokio::test]
async fn a_password_that_somebody_uses_already_is_taken_over_by_its_hash() {
    let office = Office::open().await;
    let passwords = Passwords::new(1, std::time::Duration::from_mins(1), &SystemRandom).unwrap();
    let hash = passwords.hash(&Secret::new("short".to_owned()), &SystemRandom).await.unwrap();
    let email = "v1@custodian.example";
    let user = json!({"email": email, "role": "viewer", "password_hash": hash});
    let done = describes(&office, &user, false).await;
    assert_eq!(done.status, 200, "{done:?}");
    let sign_in = json!({"email": email, "password": "short"});
    let v1 = async || office.bed.send(Request::post("/token").json(&sign_in)).await.status;
    assert_eq!(v1().await, 200);
    // A description that says the password that is there changes nothing, and is none.
    let same =
        describes(&office, &json!({"email": email, "role": "viewer", "password": "short"}), false).await;
    assert_eq!(same.status, 200, "{same:?}");
    assert_eq!(v1().await, 200);
}

#[tokio::test]
async fn links_for_people_are_made_as_in_the_console_and_stand_in_one_answer() {
    let office = Office::open().await;
    let before = office.bed.store().last_change().await.unwrap();
    let member = json!({"email": "new@custodian.example", "role": "viewer"});
    let made =
        office.ask(Role::CustomerAdmin, Method::POST, "/organizations/custodian/members", Some(member)).await;
    let place = format!("/organizations/custodian/members/{}", made.body["id"].as_str().unwrap());
    let link = async |role: Role, path: String| office.ask(role, Method::POST, &path, None).await;
    let invited = link(Role::CustomerAdmin, format!("{place}/invite")).await;
    assert_eq!((invited.status, invited.header("cache-control")), (200, "no-store"), "{invited:?}");
    assert_eq!(invited.body["email"], "new@custodian.example");
    let address = invited.body["link"].as_str().unwrap().to_owned();
    let (base, path) = address.split_at(address.find("/console/link/").unwrap());
    assert_eq!(base, office.bed.authority.directory().base());
    let sets = async |path: &str, password: &str| {
        let fields = [("password", password), ("again", password)];
        let request = Request::post(path).form(&fields).header("origin", "https://localhost");
        office.bed.send(request).await.status
    };
    assert_eq!(sets(path, "short").await, 422);
    assert_eq!(sets(path, "a tin of blue paint").await, 303);
    assert_eq!(sets(path, "another tin of paint").await, 410, "it counts once");

    // Who has a password is not invited; customers reset nobody's.
    is_problem(&link(Role::CustomerAdmin, format!("{place}/invite")).await, 422, "invalid-change");
    is_problem(&link(Role::CustomerAdmin, format!("{place}/reset")).await, 403, "insufficient-scope");
    is_problem(&link(Role::OtherCustomer, format!("{place}/invite")).await, 404, "not-found");
    let reset = link(Role::Admin, format!("{place}/reset")).await;
    let address = reset.body["link"].as_str().unwrap();
    assert_eq!(sets(&address[base.len()..], "four words that differ").await, 303);

    let operator = json!({"email": "new@operator.example", "role": "auditor"});
    let made = office.owner(Method::POST, "/operators", Some(operator)).await;
    let place = format!("/operators/{}", made.body["id"].as_str().unwrap());
    is_problem(&link(Role::Admin, format!("{place}/invite")).await, 403, "insufficient-scope");
    let old = link(Role::Owner, format!("{place}/invite")).await;
    let new = link(Role::Owner, format!("{place}/invite")).await;
    let path = |answer: &Answer| answer.body["link"].as_str().unwrap()[base.len()..].to_owned();
    assert_eq!(sets(&path(&old), "a tin of blue paint").await, 410, "a newer one took its place");
    assert_eq!(sets(&path(&new), "a tin of blue paint").await, 303);

    let rows = office.bed.audit("default", before, None).await;
    let actions: Vec<_> = rows.iter().map(|row| row.action.as_str()).filter(|one| *one != "create").collect();
    let expected = [
        "invite",
        "accept_invitation",
        "offer_reset",
        "reset_password",
        "invite",
        "invite",
        "accept_invitation",
    ];
    assert_eq!(actions, expected);
    let text = serde_json::to_string(&rows).unwrap();
    assert!(!text.contains("sym_link"), "{text}");
}
