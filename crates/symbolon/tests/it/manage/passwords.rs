//! Passwords that are set by the management API or by a description: the same is asked of them as in the console, and
//! those that somebody uses already are taken over by their hashes.

use serde_json::{Value, json};
use symbolon_core::password::Passwords;
use symbolon_core::random::SystemRandom;
use symbolon_core::secret::Secret;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role};
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
    assert_eq!(office.bed.send(sign_in("four words that differ")).await.status, 200);
}

#[tokio::test]
async fn a_password_that_somebody_uses_already_is_taken_over_by_its_hash() {
    let office = Office::open().await;
    let passwords = Passwords::new(1, std::time::Duration::from_secs(60), &SystemRandom).unwrap();
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
