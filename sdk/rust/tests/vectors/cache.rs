//! `urls.json` and `cache.json`, which have forms of their own.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use symbolon_client::{SecretSource, TokenSource};

use crate::format::{Exchange, Source};
use crate::run::{builder, paused};
use crate::world::{Wire, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addresses {
    #[serde(rename = "about")]
    _about: String,
    urls: Vec<Judged>,
    allow_http: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    url: String,
    ok: bool,
}

#[test]
fn secrets_go_to_these_addresses_alone() {
    let file: Addresses = serde_json::from_value(crate::file("urls.json")).expect("the form of urls.json");
    let source = |url: &str| TokenSource::client_credentials("id", "secret").token_url(url);
    assert!(!file.urls.is_empty() && !file.allow_http.is_empty());
    for judged in &file.urls {
        let built = source(&judged.url).build();
        assert_eq!(built.is_ok(), judged.ok, "{}", judged.url);
        assert!(built.err().is_none_or(|error| error.is_configuration()), "{}", judged.url);
    }
    for url in &file.allow_http {
        assert!(source(url).build().is_err() && source(url).allow_http().build().is_ok(), "{url}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cache {
    #[serde(rename = "about")]
    _about: String,
    now_ms: i64,
    keys: Vec<Key>,
    files: Vec<Stored>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    source: Source,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: String,
    json: Option<Value>,
    text: Option<String>,
    token: Option<String>,
}

/// The exchanges of one token of this source.
fn exchanges(source: &Source) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    let mut add = |method: &str, url: &str, body: Value| {
        let exchange = serde_json::json!({
            "request": { "method": method, "url": url }, "answer": { "status": 200, "json": body }
        });
        exchanges.push(serde_json::from_value(exchange).expect("an exchange"));
    };
    let url = match (&source.token_url, &source.issuer, &source.base_url) {
        (Some(url), ..) => url.clone(),
        (None, Some(issuer), _) => {
            let url = format!("{issuer}/token");
            let document = serde_json::json!({ "issuer": issuer, "token_endpoint": url });
            add("GET", &format!("{issuer}/.well-known/openid-configuration"), document);
            url
        }
        (None, None, Some(base)) => {
            let realm = source.realm.as_deref().expect("a realm");
            format!("{}/realms/{realm}/protocol/openid-connect/token", base.trim_end_matches('/'))
        }
        _ => panic!("a source from nowhere"),
    };
    let name = if source.dialect == "password" { "token" } else { "access_token" };
    add("POST", &url, serde_json::json!({ name: "fresh", "expires_in": 3600, "scope": "a" }));
    exchanges
}

fn source(of: &Source, world: &Arc<World>, folder: &Path) -> TokenSource {
    let clock = Arc::clone(world);
    builder(of, SecretSource::value("s1"))
        .cache(folder)
        .transport(Wire(Arc::clone(world)))
        .wall_clock(move || clock.wall())
        .random(|| 0.0)
        .build()
        .expect("a source")
}

#[test]
fn the_files_of_the_cache_have_these_names_and_others_get_the_token_from_them() {
    let file: Cache = serde_json::from_value(crate::file("cache.json")).expect("the form of cache.json");
    for key in &file.keys {
        let kept = tempfile::tempdir().expect("a folder");
        let folder = kept.path().join("tokens");
        paused().block_on(async {
            let world = World::new(file.now_ms, Vec::new());
            world.expect(&exchanges(&key.source));
            let token = source(&key.source, &world, &folder).token().await.expect("a token");
            world.settle().await.unwrap_or_else(|fault| panic!("{}: {fault}", key.key));
            assert_eq!(token.expose(), "fresh");
            let again = source(&key.source, &world, &folder).token().await.expect("a token");
            world.settle().await.unwrap_or_else(|fault| panic!("{}: {fault}", key.key));
            assert_eq!((again.expose(), again.scope()), ("fresh", Some("a")));
        });
        let read = std::fs::read(folder.join(format!("{}.json", key.key))).expect("the file of that name");
        let written: Value = serde_json::from_slice(&read).expect("JSON");
        let wanted = serde_json::json!({
            "version": 1, "access_token": "fresh", "scope": "a", "issued_at_ms": file.now_ms, "life_ms": 3_599_000
        });
        assert_eq!(written, wanted);
        for (path, mode) in [(folder.clone(), 0o700)]
            .into_iter()
            .chain(["json", "lock"].map(|end| (folder.join(format!("{}.{end}", key.key)), 0o600)))
        {
            use std::os::unix::fs::PermissionsExt as _;
            let seen = std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
            assert_eq!(seen, mode, "{}", path.display());
        }
        let entries = std::fs::read_dir(&folder).expect("the folder").count();
        assert_eq!(entries, 2, "something was left behind");
    }
}

fn private_file(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

#[test]
fn what_others_may_have_written_is_not_used() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let file: Cache = serde_json::from_value(crate::file("cache.json")).expect("the form of cache.json");
    let key = file.keys.first().expect("a key");
    let good = file.files.first().and_then(|file| file.json.clone()).expect("a good file").to_string();
    let (readable, linked, open) = (0, 1, 2);
    for trouble in [readable, linked, open] {
        let kept = tempfile::tempdir().expect("a folder");
        let folder = kept.path().join("tokens");
        std::fs::create_dir(&folder).expect("a folder");
        let mode = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        };
        mode(&folder, if trouble == open { 0o777 } else { 0o700 });
        let path = folder.join(format!("{}.json", key.key));
        let elsewhere = kept.path().join("elsewhere");
        private_file(if trouble == linked { &elsewhere } else { &path }, &good);
        match trouble {
            0 => mode(&path, 0o644),
            1 => symlink(&elsewhere, &path).expect("a link"),
            _ => {}
        }
        paused().block_on(async {
            let world = World::new(file.now_ms, Vec::new());
            world.expect(&exchanges(&key.source));
            let token = source(&key.source, &world, &folder).token().await.expect("a token");
            world.settle().await.unwrap_or_else(|fault| panic!("{trouble}: {fault}"));
            assert_eq!(token.expose(), "fresh", "{trouble}");
        });
        assert_eq!(
            std::fs::read_to_string(&elsewhere).unwrap_or(good.clone()),
            good,
            "the link was followed"
        );
        let seen = std::fs::symlink_metadata(&path).expect("the file");
        assert!(trouble == open || seen.is_file() && seen.permissions().mode() & 0o777 == 0o600, "{trouble}");
    }
}

#[test]
fn a_file_of_the_cache_is_used_while_it_is_good() {
    let file: Cache = serde_json::from_value(crate::file("cache.json")).expect("the form of cache.json");
    let key = file.keys.first().expect("a key");
    for stored in &file.files {
        let kept = tempfile::tempdir().expect("a folder");
        let text = match (&stored.json, &stored.text) {
            (Some(json), None) => json.to_string(),
            (None, Some(text)) => text.clone(),
            _ => panic!("{}: one content", stored.name),
        };
        private_file(&kept.path().join(format!("{}.json", key.key)), &text);
        paused().block_on(async {
            let world = World::new(file.now_ms, Vec::new());
            if stored.token.is_none() {
                world.expect(&exchanges(&key.source));
            }
            let token = source(&key.source, &world, kept.path()).token().await.expect("a token");
            world.settle().await.unwrap_or_else(|fault| panic!("{}: {fault}", stored.name));
            assert_eq!(token.expose(), stored.token.as_deref().unwrap_or("fresh"), "{}", stored.name);
        });
    }
}
