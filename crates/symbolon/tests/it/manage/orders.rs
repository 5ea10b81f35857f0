//! Lists in an order that the caller asks for.

use serde_json::{Value, json};
use symbolon_server::axum::http::Method;

use super::office::{Office, is_problem};
use crate::support::Answer;

/// Of each item what stands at a place, in all pages of a list.
async fn whole(office: &Office, path: &str, member: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = office.owner(Method::GET, &format!("{path}&limit=2{cursor}"), None).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items.iter().map(|item| item.pointer(member).and_then(Value::as_str).unwrap().to_owned()),
        );
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

async fn make(office: &Office, path: &str, body: Value) -> Answer {
    let made = office.owner(Method::POST, path, Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

const CLIENTS: &str = "/organizations/m3ter-org/clients";

/// Clients of names that are in no order, made one second after the other.
async fn clients(office: &Office) -> Vec<String> {
    let mut made = Vec::new();
    for name in ["pear", "Apple", "cherry", "apple", "Banana"] {
        office.bed.advance(std::time::Duration::from_secs(1)).await;
        let body = json!({"generate_access_key": false, "settings": {"name": format!("z-{name}")}});
        made.push(make(office, CLIENTS, body).await.body["id"].as_str().unwrap().to_owned());
    }
    made
}

#[tokio::test]
async fn a_list_comes_whole_in_the_order_that_is_asked_for() {
    let office = Office::open().await;
    let made = clients(&office).await;
    for list in [CLIENTS, "/clients"] {
        let names = async |sort: &str| {
            whole(&office, &format!("{list}?prefix=z-&sort={sort}"), "/settings/name").await
        };
        let mut order = ["z-Apple", "z-apple", "z-Banana", "z-cherry", "z-pear"];
        assert_eq!(names("name").await, order, "{list}");
        order.reverse();
        // What is equal without regard to case is in the order of ids, or the other way round.
        assert_eq!(names("-name").await, order, "{list}");
        let ids = async |sort: &str| whole(&office, &format!("{list}?prefix=z-&sort={sort}"), "/id").await;
        assert_eq!(ids("created").await, made, "{list}");
        assert_eq!(ids("-created").await, made.iter().rev().cloned().collect::<Vec<_>>(), "{list}");
        let all = whole(&office, &format!("{list}?sort=-created"), "/id").await;
        assert_eq!(all[0], made[4], "{list}");
        let unsorted = whole(&office, &format!("{list}?status=active"), "/id").await;
        assert_eq!(all.len(), unsorted.len(), "{list}");
    }
    let path = format!("{CLIENTS}/{}", made[1]);
    assert_eq!(office.owner(Method::PATCH, &path, Some(json!({"status": "disabled"}))).await.status, 200);
    let by_status = whole(&office, &format!("{CLIENTS}?prefix=z-&sort=status"), "/id").await;
    assert_eq!(by_status.last(), Some(&made[1]));
    let by_status = whole(&office, &format!("{CLIENTS}?prefix=z-&sort=-status"), "/id").await;
    assert_eq!(by_status.first(), Some(&made[1]));
}

#[tokio::test]
async fn organizations_and_people_are_sorted_too() {
    let office = Office::open().await;
    for name in ["y-beta", "Y-alpha"] {
        make(&office, "/organizations", json!({"name": name})).await;
    }
    let names = whole(&office, "/organizations?sort=-name", "/name").await;
    let (mut sorted, ours) = (names.clone(), ["y-beta".to_owned(), "Y-alpha".to_owned()]);
    sorted.sort_by_key(|name| std::cmp::Reverse(name.to_lowercase()));
    assert_eq!(names, sorted);
    assert!(names.windows(2).any(|pair| pair == ours), "{names:?}");

    for (email, role) in
        [("Carl@m.example", "viewer"), ("anna@m.example", "developer"), ("berta@m.example", "viewer")]
    {
        make(&office, "/organizations/m3ter-org/members", json!({"email": email, "role": role})).await;
    }
    let members = async |sort: &str| {
        whole(&office, &format!("/organizations/m3ter-org/members?sort={sort}"), "/email").await
    };
    assert_eq!(members("email").await, ["anna@m.example", "berta@m.example", "Carl@m.example"]);
    assert_eq!(members("-email").await, ["Carl@m.example", "berta@m.example", "anna@m.example"]);
    assert_eq!(members("role").await, ["anna@m.example", "berta@m.example", "Carl@m.example"]);
    assert_eq!(members("-role").await, ["Carl@m.example", "berta@m.example", "anna@m.example"]);

    for (email, role) in
        [("zoe@o.example", "auditor"), ("yves@o.example", "owner"), ("xenia@o.example", "admin")]
    {
        make(&office, "/operators", json!({"email": email, "role": role})).await;
    }
    let operators = async |query: &str| whole(&office, &format!("/operators?{query}"), "/email").await;
    let by_role = operators("sort=role&status=active").await;
    let place = |email: &str| by_role.iter().position(|other| other == email).unwrap();
    assert!(place("yves@o.example") < place("xenia@o.example"), "{by_role:?}");
    assert!(place("xenia@o.example") < place("zoe@o.example"), "{by_role:?}");
    assert!(by_role.iter().all(|email| !email.ends_with("m.example")), "{by_role:?}");
    assert_eq!(operators("prefix=Y").await, ["yves@o.example"]);
    assert_eq!(operators("status=active").await.len(), by_role.len());
}

#[tokio::test]
async fn an_order_that_is_none_is_refused_with_those_that_are() {
    let office = Office::open().await;
    for (list, orders, others) in [
        (CLIENTS, "`name`, `-name`", ["role", "email", "id", "Name", "", "--name", "name,created"]),
        ("/clients", "`created`, `-created`", ["role", "email", "id", "NAME", "", "+name", "name%20"]),
        ("/organizations", "`status`, `-status`", ["role", "email", "id", "-", "", "a", "name%00"]),
        ("/organizations/m3ter-org/members", "`email`, `-email`", ["name", "-name", "id", "-", "", "a", "x"]),
        ("/operators", "`role`, `-role`", ["name", "-name", "id", "-", "", "a", "x"]),
    ] {
        for other in others {
            let answer = office.owner(Method::GET, &format!("{list}?sort={other}"), None).await;
            is_problem(&answer, 400, "invalid-parameter");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains(orders) || other.contains('%'), "{list} {other}: {detail}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_one_order_goes_on_in_no_other() {
    let office = Office::open().await;
    clients(&office).await;
    let sorts =
        ["", "status=active", "sort=name", "sort=-name", "sort=created", "sort=-created", "sort=status"];
    for sort in sorts {
        let first = office.owner(Method::GET, &format!("{CLIENTS}?limit=1&{sort}"), None).await;
        assert_eq!(first.status, 200, "{first:?}");
        let next = first.body["next"].as_str().unwrap();
        for other in sorts.into_iter().filter(|other| *other != sort) {
            let path = format!("{CLIENTS}?limit=1&{other}&cursor={next}");
            let answer = office.owner(Method::GET, &path, None).await;
            let both_plain = !sort.contains("sort") && !other.contains("sort");
            if both_plain {
                assert_ne!(answer.status, 500, "{answer:?}");
            } else {
                is_problem(&answer, 400, "invalid-cursor");
                assert!(
                    answer.body["detail"].as_str().unwrap().contains("same other parameters"),
                    "{answer:?}"
                );
            }
        }
        let path = format!("{CLIENTS}?limit=1&{sort}&cursor={next}");
        assert_eq!(office.owner(Method::GET, &path, None).await.status, 200, "{sort}");
    }
}
