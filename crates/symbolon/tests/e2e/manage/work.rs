//! Every noun and every verb, once against the server and once against the store, and what they lead to.

use serde_json::{Value, json};

use super::desk::{Desk, Way, mode};
use crate::support::curl;

const API: &str = "https://api.example";

#[test]
fn every_command_works_against_a_server() {
    work(Way::Server);
}

#[test]
fn every_command_works_on_the_store_and_the_server_hears_of_it() {
    work(Way::Local);
}

fn work(way: Way) {
    let desk = Desk::open();
    realms(&desk, way);
    resource_servers(&desk, way);
    policies(&desk, way);
    organizations(&desk, way);
    licences(&desk, way);
    users(&desk, way);
    clients(&desk, way);
    keys(&desk, way);
    quotas(&desk, way);
    leaks(&desk, way);
    tokens_die(&desk, way);
    signing_keys(&desk, way);
}

/// Switches a thing off and on.
fn switches(desk: &Desk, way: Way, noun: &str, thing: &[&str]) {
    for (verb, status) in [("disable", "disabled"), ("enable", "active")] {
        let answer = desk.ask(way, &[&[noun, verb, "--yes"], thing].concat());
        assert_eq!(answer["status"], status, "{noun}");
    }
}

fn realms(desk: &Desk, way: Way) {
    let made = desk
        .ask(way, &["realm", "create", "second", "--default-lifetime", "600", "--host", "second.example"]);
    assert_eq!((&made["id"], &made["settings"]["default_lifetime"]), (&json!("second"), &json!(600)));
    assert_eq!(desk.ids(way, &["realm", "list"]), ["default", "second"]);
    let changed = desk.ask(
        way,
        &[
            "realm",
            "update",
            "second",
            "--compatibility",
            "auth0",
            "--set",
            "settings.vocabulary=service-users",
        ],
    );
    assert_eq!(changed["settings"]["vocabulary"], "service-users");
    let shown = desk.ask(way, &["realm", "show", "second"]);
    assert_eq!((&shown["settings"]["compatibility"], &shown["version"]), (&json!("auth0"), &json!(2)));
    switches(desk, way, "realm", &["second"]);
}

fn resource_servers(desk: &Desk, way: Way) {
    let create =
        ["resource-server", "create", API, "--name", "Things", "--scope", "read:things,write:things"];
    assert_eq!(desk.ask(way, &create)["settings"]["scopes"], json!(["read:things", "write:things"]));
    assert_eq!(desk.ids(way, &["resource-server", "list"]), [API]);
    let update = ["resource-server", "update", API, "--lifetime", "900", "--alias", "https://api.example/v1"];
    assert_eq!(desk.ask(way, &update)["settings"]["lifetime"], 900);
    let table = desk.go(way, &["resource-server", "show", API]);
    assert!(table.done().contains("Lifetime          15 min\n"), "{table:?}");
    switches(desk, way, "resource-server", &[API]);
}

fn policies(desk: &Desk, way: Way) {
    let create =
        ["policy", "create", "--id", "readers", "--name", "Readers", "--allow", "https://api.*=read:*"];
    let made = desk.ask(way, &create);
    let allow = json!({"effect": "allow", "actions": ["read:*"], "resources": ["https://api.*"]});
    assert_eq!(made["statements"], json!([allow]));
    assert_eq!(desk.ids(way, &["policy", "list"]), ["readers", "Administrator"]);
    let deny =
        ["policy", "update", "readers", "--name", "Careful", "--allow", "*=read:*", "--deny", "*=delete:*"];
    assert_eq!(desk.ask(way, &deny)["statements"][1]["effect"], "deny");
    assert_eq!(desk.ask(way, &["policy", "show", "readers"])["name"], "Careful");
    desk.ask(way, &["policy", "create", "--name", "Short", "--json", r#"{"id": "short", "statements": []}"#]);
    let deleted = desk.go(way, &["policy", "delete", "short", "--yes"]);
    assert_eq!(deleted.done(), "Deleted the policy short.\n");
}

fn organizations(desk: &Desk, way: Way) {
    let create = ["organization", "create", "--id", "acme", "--name", "Acme", "--metadata", "tier=gold"];
    assert_eq!(desk.ask(way, &create)["metadata"], json!({"tier": "gold"}));
    assert_eq!(desk.ids(way, &["organization", "list"]), ["acme", "operators"]);
    let update = ["organization", "update", "acme", "--name", "Acme & Sons", "--metadata", "since=2020"];
    assert_eq!(desk.ask(way, &update)["metadata"], json!({"tier": "gold", "since": "2020"}));
    assert_eq!(desk.ask(way, &["organization", "show", "acme"])["name"], "Acme & Sons");
    switches(desk, way, "organization", &["acme"]);
}

fn licences(desk: &Desk, way: Way) {
    let at = ["--organization", "acme"];
    let create =
        ["licence", "create", "--audience", API, "--kind", "trial", "--ends", "2099-01-01T00:00:00Z"];
    let made = desk.ask(way, &[&create[..], &at].concat());
    let id = made["id"].as_str().expect("an id");
    assert_eq!(made["ends_at"], "2099-01-01T00:00:00.000Z");
    assert_eq!(desk.ids(way, &[&["licence", "list"][..], &at].concat()), [id]);
    let update = ["licence", "update", id, "--kind", "full", "--set", "ends_at=null"];
    assert_eq!(desk.ask(way, &[&update[..], &at].concat())["kind"], "full");
    assert_eq!(desk.ask(way, &[&["licence", "show", id][..], &at].concat())["ends_at"], Value::Null);
    switches(desk, way, "licence", &[id, "--organization", "acme"]);
    desk.go(way, &[&["licence", "delete", id, "--yes"][..], &at].concat()).done();
    desk.go(way, &[&["licence", "show", id][..], &at].concat()).failed(3, "There is no such");
}

fn users(desk: &Desk, way: Way) {
    let password = desk.file("password", "a password that is long\n");
    for (place, role, other, email) in [
        (&["--organization", "acme"][..], "viewer", "admin", "member@acme.example"),
        (&["--operator"], "auditor", "admin", "operator@example.com"),
    ] {
        let create = ["user", "create", "--email", email, "--role", role, "--password-file", &password];
        let made = desk.ask(way, &[&create[..], place].concat());
        assert_eq!(made["has_password"], true);
        let id = made["id"].as_str().expect("an id");
        assert_eq!(desk.ids(way, &[&["user", "list"][..], place].concat()), [id]);
        let update = desk.ask(way, &[&["user", "update", id, "--role", other][..], place].concat());
        assert_eq!(update["role"], other);
        assert_eq!(desk.ask(way, &[&["user", "show", id][..], place].concat())["email"], email);
        switches(desk, way, "user", &[&[id][..], place].concat());
    }
    for (place, email, role) in [
        (&["--organization", "acme"][..], "invited@acme.example", "viewer"),
        (&["--operator"], "invited@example.com", "auditor"),
    ] {
        let invited = desk.go(way, &[&["user", "invite", "--email", email][..], place].concat());
        assert!(invited.err.contains("shown this once"), "{invited:?}");
        let link = invited.done().split_whitespace().find(|word| word.contains("/console/link/"));
        let link = link.unwrap_or_else(|| panic!("{invited:?}")).to_owned();
        assert!(link.starts_with(&format!("{}/console/link/sym_", desk.base)), "{link}");
        let opens = |link: &str| curl(&[link]);
        assert!(opens(&link).text.contains(email), "the page of the link");
        let all = desk.ask(way, &[&["user", "list"][..], place].concat());
        let one = all["items"].as_array().expect("items").iter().find(|one| one["email"] == email);
        let one = one.expect("the user").clone();
        assert_eq!((&one["role"], &one["has_password"]), (&json!(role), &json!(false)));
        let id = one["id"].as_str().expect("an id");
        // A new link takes the place of the one before.
        let again = desk.ask(way, &[&["user", "invite", id][..], place].concat());
        assert_eq!((&again["user"], &again["email"]), (&json!(id), &json!(email)));
        let newer = again["link"].as_str().expect("a link");
        desk.wait("the old link's end", || opens(&link).status == 410);
        assert_eq!(opens(newer).status, 200);
        desk.ask(way, &[&["user", "update", id, "--password-file", &password][..], place].concat());
        desk.go(way, &[&["user", "invite", id][..], place].concat()).failed(1, "has a password already");
        let reset = desk.ask(way, &[&["user", "reset", id][..], place].concat());
        assert!(opens(reset["link"].as_str().expect("a link")).text.contains("Choose a new password"));
        desk.go(way, &[&["user", "reset", "usr_nobody"][..], place].concat()).failed(3, "no such");
        switches(desk, way, "user", &[&[id][..], place].concat());
    }
    let inline = ["user", "create", "--operator", "--json", r#"{"password": "canary"}"#];
    let refused = desk.go(way, &inline);
    refused.failed(2, "never an argument");
    assert!(!refused.err.contains("canary"), "{refused:?}");
}

fn clients(desk: &Desk, way: Way) {
    let at = ["--organization", "acme"];
    let secret_file = desk.data.join("importer.secret");
    let path = secret_file.to_str().expect("a path");
    let grant = format!("{API}=read:things");
    let create = [
        "client",
        "create",
        "--id",
        "importer",
        "--name",
        "Importer",
        "--grant",
        &grant,
        "--secret-file",
        path,
    ];
    let made = desk.go(way, &[&create[..], &at].concat());
    let secret = std::fs::read_to_string(&secret_file).expect("the secret").trim_end().to_owned();
    assert!(secret.starts_with("sym_sk_") && !made.done().contains(&secret) && !made.err.contains(&secret));
    assert_eq!(mode(&secret_file), 0o600);
    let scope = || desk.token("importer", &secret, API).json()["scope"].clone();
    desk.wait("token", || scope() == "read:things");
    desk.go(way, &[&create[..], &at].concat()).failed(1, "cannot be made");

    assert_eq!(desk.ids(way, &[&["client", "list"][..], &at].concat()), ["importer"]);
    let all = desk.ids(way, &["client", "list", "--status", "active"]);
    assert!(all.contains(&"importer".to_owned()) && all.len() > 1, "{all:?}");
    assert_eq!(desk.ids(way, &["client", "list", "--prefix", "imp"]), ["importer"]);
    assert_eq!(desk.ids(way, &["client", "list", "--status", "disabled", "--prefix", "imp"]), [""; 0]);
    assert!(desk.go(way, &["client", "list"]).done().contains("ORGANIZATION"));
    let preview = [&["client", "preview", "importer"][..], &at].concat();
    assert_eq!(desk.ask(way, &[&preview[..], &["--audience", API]].concat())["scope"], "read:things");
    let refused = desk.ask(way, &[&preview[..], &["--audience", "https://other.example"]].concat());
    assert_eq!(refused["refusal"]["error"], "invalid_target");
    let update = ["client", "update", "importer", "--lifetime", "120", "--set", "settings.claims.tier=gold"];
    let changed = desk.ask(way, &[&update[..], &at].concat());
    assert_eq!(
        (&changed["settings"]["lifetime"], &changed["settings"]["claims"]["tier"]),
        (&json!(120), &json!("gold"))
    );
    let assigned = desk.ask(way, &[&["client", "assign-policy", "importer", "readers"][..], &at].concat());
    assert_eq!(assigned["settings"]["policies"], json!(["readers"]));
    let taken = desk.ask(way, &[&["client", "unassign-policy", "importer", "readers"][..], &at].concat());
    assert_eq!(taken["settings"]["policies"], json!([]));
    desk.ask(way, &[&["client", "disable", "importer", "--yes"][..], &at].concat());
    desk.wait("refusal", || desk.token("importer", &secret, API).status == 401);
    desk.ask(way, &[&["client", "enable", "importer"][..], &at].concat());
    desk.wait("token", || desk.token("importer", &secret, API).status == 200);
    let shown = desk.go(way, &[&["client", "show", "importer"][..], &at].concat());
    assert!(
        shown.done().contains("Grants            https://api.example\n                    read:things\n"),
        "{shown:?}"
    );

    let refused = desk.token("importer", "wrong", API);
    let request = refused.header("x-request-id");
    let explain = ["request", "explain", request];
    desk.wait("record", || desk.go(way, &explain).code == 0);
    assert!(desk.go(way, &explain).done().contains("wrong_secret"));
    assert_eq!(desk.ask(way, &explain)["refusals"][0]["named"], "importer");
    records(desk, way, &at);

    let bare = desk.ask(way, &[&["client", "create", "--no-key"][..], &at].concat());
    assert_eq!(bare["access_key"], Value::Null);
    let bare = bare["id"].as_str().expect("an id");
    desk.go(way, &[&["client", "delete", bare, "--yes"][..], &at].concat()).done();
    desk.go(way, &[&["client", "show", bare][..], &at].concat()).failed(3, "no such client");
}

/// What happened to the client until now, in the records.
fn records(desk: &Desk, way: Way, at: &[&str]) {
    let all = |arguments: &[&str]| desk.ask(way, arguments)["items"].as_array().expect("items").clone();
    let changes =
        all(&["audit", "changes", "--subject-kind", "client", "--subject", "importer", "--order", "oldest"]);
    let actions: Vec<&str> = changes.iter().filter_map(|change| change["action"].as_str()).collect();
    assert!(actions.starts_with(&["create"]) && actions.contains(&"update"), "{actions:?}");
    assert_eq!(all(&[&["audit", "changes", "--limit", "1"][..], at].concat()).len(), 1);
    let tokens = all(&[&["audit", "tokens", "--client", "importer"][..], at].concat());
    assert!(tokens.iter().all(|token| token["client"] == "importer") && !tokens.is_empty(), "{tokens:?}");
    let refusals = all(&["audit", "refusals", "--client", "importer", "--reason", "wrong_secret"]);
    assert_eq!(refusals.first().map(|refusal| &refusal["named"]), Some(&"importer".into()));
    let table = desk.go(way, &["audit", "refusals", "--client", "importer"]);
    assert!(table.done().contains("wrong_secret"), "{table:?}");
    desk.go(way, &["audit", "changes", "--since", "yesterday"]).failed(2, "a time is said as");

    let usage =
        [&["usage", "show", "--by", "client,result", "--step", "day", "--client", "importer"][..], at]
            .concat();
    desk.wait("usage", || {
        let series = all(&usage);
        series
            .iter()
            .any(|one| one["group"]["result"] == "issued" && one["counts"][0]["requests"].as_i64() > Some(0))
    });
    assert!(desk.go(way, &usage).done().contains("issued"));
    // Refusals are counted every half minute: what is said of reasons may be empty still.
    let reasons = ["usage", "show", "--by", "reason", "--result", "refused"];
    let table = desk.go(way, &reasons);
    assert!(table.done().contains("REASON") && !table.done().contains("CLIENT"), "{table:?}");
    let busiest = all(&["usage", "busiest", "--limit", "5"]);
    assert!(busiest.iter().any(|one| one["group"]["client"] == "importer"), "{busiest:?}");
}

fn keys(desk: &Desk, way: Way) {
    let at = ["--client", "importer", "--organization", "acme"];
    let list = || desk.ids(way, &[&["key", "list"][..], &at].concat());
    let [first]: [String; 1] = list().try_into().expect("one key");
    let made = desk.go(way, &[&["key", "create", "--expires", "2099-01-01T00:00:00Z"][..], &at].concat());
    assert!(made.err.contains("shown this once") && made.done().contains("Secret"), "{made:?}");
    desk.go(way, &[&["key", "rotate"][..], &at].concat()).failed(1, "409 refused");
    let second = list().into_iter().find(|id| *id != first).expect("a second key");
    let update = ["key", "update", &second, "--expires", "2098-01-01T00:00:00Z"];
    assert_eq!(desk.ask(way, &[&update[..], &at].concat())["expires_at"], "2098-01-01T00:00:00.000Z");
    let off = desk.ask(way, &[&["key", "deactivate", &second, "--yes"][..], &at].concat());
    assert_eq!(off["status"], "INACTIVE");
    assert_eq!(desk.ask(way, &[&["key", "activate", &second][..], &at].concat())["status"], "ACTIVE");
    desk.go(way, &[&["key", "delete", &second, "--yes"][..], &at].concat()).failed(1, "409 refused");
    desk.go(way, &[&["key", "deactivate", &second, "--yes"][..], &at].concat()).done();
    desk.go(way, &[&["key", "delete", &second, "--yes"][..], &at].concat()).done();
    let rotated = desk.ask(way, &[&["key", "rotate"][..], &at].concat());
    let (id, secret) =
        (rotated["id"].as_str().expect("an id"), rotated["secret"].as_str().expect("a secret"));
    desk.wait("token", || desk.token(id, secret, API).status == 200);
    assert_eq!(desk.ask(way, &[&["key", "show", id][..], &at].concat())["status"], "ACTIVE");
}

fn quotas(desk: &Desk, way: Way) {
    let at = ["--organization", "acme"];
    let none = desk.ask(way, &[&["quota", "show", "importer"][..], &at].concat());
    assert_eq!((&none["quota"], &none["quota_of"]), (&Value::Null, &Value::Null), "{none}");
    assert!(none["used"].as_i64().is_some_and(|used| used > 0), "it got tokens in this hour: {none}");
    let realms = desk.ask(way, &["quota", "set", "--tokens-per-hour", "100000", "--mode", "monitor"]);
    assert_eq!(realms, json!({"realm": "default", "quota": {"tokens_per_hour": 100_000, "mode": "monitor"}}));
    assert_eq!(desk.ask(way, &["quota", "show"]), realms);
    let shown = desk.ask(way, &[&["quota", "show", "importer"][..], &at].concat());
    assert_eq!((&shown["quota"], &shown["quota_of"]), (&realms["quota"], &json!("realm")));
    let set = ["quota", "set", "importer", "--tokens-per-hour", "50000", "--mode", "enforce"];
    desk.ask(way, &[&set[..], &at].concat());
    let shown = desk.go(way, &[&["quota", "show", "importer"][..], &at].concat());
    assert!(shown.done().contains("50000") || shown.out.contains("50,000"), "{shown:?}");
    desk.go(way, &["quota", "set", "--mode", "enforce"]).failed(2, "--tokens-per-hour");
    let off = desk.ask(way, &[&["quota", "set", "importer", "--mode", "off"][..], &at].concat());
    assert_eq!(off["quota"]["mode"], "off");
    desk.ask(way, &[&["quota", "set", "importer", "--none"][..], &at].concat());
    assert_eq!(desk.ask(way, &["quota", "set", "--none"])["quota"], Value::Null);
}

fn leaks(desk: &Desk, way: Way) {
    let at = ["--organization", "acme"];
    let made = desk.ask(way, &[&["client", "create", "--id", "leaky"][..], &at].concat());
    let secret = made["access_key"]["secret"].as_str().expect("a secret");
    let key = made["access_key"]["id"].as_str().expect("an id");
    let name = format!("leaked-{way:?}.env");
    let file = desk.file(&name, &format!("A=1\nSECRET={secret}\nAGAIN={secret}\n"));
    let told = desk.ask(way, &["leak", "report", &file]);
    let expected = json!({"realm": "default", "organization": "acme", "client": "leaky", "access_key": key});
    assert_eq!(told, json!({"received": true, "deactivated": [expected]}));
    let shown = desk.ask(way, &[&["key", "show", key, "--client", "leaky"][..], &at].concat());
    assert_eq!(shown["status"], "INACTIVE");
    let changes = desk.ask(way, &["audit", "changes", "--subject-kind", "access_key", "--subject", key]);
    assert!(changes.to_string().contains(&name) && !changes.to_string().contains(secret), "{changes}");
    // Again, and as an argument: nothing is left to do.
    let again = desk.go(way, &["leak", "report", secret]);
    assert!(again.done().starts_with("Nothing was switched off"), "{again:?}");
    // A secret from elsewhere names its client beside it.
    let yaml = "realms: [{ id: default, organizations: [{ id: acme, clients: [{ id: old, access_keys: [{ id: old-key, \
                secret: elsewhere-0123456789 }] }] }] }]";
    let description = desk.file(&format!("old-{way:?}.yaml"), yaml);
    desk.go(way, &["apply", &description]).done();
    let found = desk.file(&format!("old-{way:?}.txt"), "elsewhere-0123456789\n");
    desk.go(way, &["leak", "report", &found]).failed(2, "--credential");
    let told = desk.go(way, &["leak", "report", &found, "--credential", "old"]);
    assert!(told.done().contains("old-key") && told.out.contains("switched off"), "{told:?}");
    desk.go(way, &["leak", "report", "not-there.txt"]).failed(1, "not-there.txt");
}

fn tokens_die(desk: &Desk, way: Way) {
    desk.go(way, &["revocation", "create", "client", "importer", "--yes"]).done();
    let is_there = |kind: &str, id: &str| {
        let list = desk.ask(way, &["revocation", "list"]);
        list["items"].as_array().expect("items").iter().any(|item| item["kind"] == kind && item["id"] == id)
    };
    assert!(is_there("client", "importer"));
    desk.go(way, &["revocation", "create", "organization", "acme", "--organization", "acme", "--yes"]).done();
    assert!(is_there("organization", "acme"));
    desk.go(way, &["revocation", "create", "client", "nobody", "--yes"]).failed(3, "no such client");
}

fn signing_keys(desk: &Desk, way: Way) {
    let list = |state: &str| -> Vec<String> {
        let list = desk.ask(way, &["signing-key", "list"]);
        let items = list["items"].as_array().expect("items").iter().filter(|key| key["state"] == state);
        items.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
    };
    let active = list("active");
    let rotated = desk.ask(way, &["signing-key", "rotate", "--algorithm", "ES256"]);
    assert_eq!(rotated["items"].as_array().map(Vec::len), Some(active.len() + 1));
    assert_eq!(list("pending").len(), 1);
    let replaced = desk.go(way, &["signing-key", "replace", &active[0], "--yes"]);
    assert!(replaced.done().contains(&active[0]), "{replaced:?}");
    assert!(!list("active").contains(&active[0]));
    let base = &desk.base;
    desk.wait("new keys", || !curl(&[&format!("{base}/.well-known/jwks.json")]).text.contains(&active[0]));
    // The token of this run was signed by the old key: the next one is asked for, and taken.
    desk.go(way, &["realm", "list"]).done();
}
