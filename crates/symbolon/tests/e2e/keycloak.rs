//! The real Keycloak, as its registry has it: our clients get tokens from it, its realm moves here by its own export, and
//! a client library of Keycloak's world notices nothing.
//!
//! It is heavy and not everywhere to be had, so that it does not run with the others: `cargo xtask keycloak`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use symbolon_client::{Auth, SecretSource, SendWithToken as _, TokenSource};
use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::{Guard, Issuer, SharedKeys};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::clients::from_environment;
use crate::gateway::Gateway;
use crate::http::claims;
use crate::imports::{run, serve, stdout};
use crate::sdk_typescript::build;
use crate::support::{Fetched, Running, SYMBOLON, access_token, curl, prepared};

const REALM: &str = "plant";
const AUDIENCE: &str = "https://api.plant.example";
/// Its tokens live for seconds.
const ROBOT: &str = "robot";
/// Its tokens live for minutes.
const STEADY: &str = "line-1";
const SECRET: &str = "keycloaks-own-secret-0123456789ab";
/// Java starts slowly, and twice: Keycloak builds itself first.
const PATIENCE: Duration = Duration::from_mins(10);
/// The right one: what is wrong is to say it again.
const TWICE: &str = "client_secret=keycloaks-own-secret-0123456789ab";
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// A Keycloak of its own, with its data in a temporary folder.
struct Keycloak {
    home: PathBuf,
    running: Option<Running>,
    base: String,
}

impl Keycloak {
    fn start(folder: &Path) -> Self {
        let home = folder.join("keycloak");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(from_environment("SYMBOLON_TEST_KEYCLOAK"))
            .arg(&home)
            .status()
            .expect("cp");
        assert!(copied.success());
        let import = home.join("data/import");
        std::fs::create_dir_all(&import).expect("a folder");
        std::fs::write(import.join("plant-realm.json"), realm().to_string()).expect("the realm");
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        drop(socket);
        let base = format!("http://127.0.0.1:{port}");
        let mut command = Self::command(&home, "start-dev");
        command.arg(format!("--http-port={port}")).arg(format!("--hostname={base}"));
        command.args(["--http-host=127.0.0.1", "--import-realm"]);
        let running = Running::start(command, &folder.join("log"));
        let keycloak = Self { home, running: Some(running), base };
        let running = keycloak.running.as_ref().expect("it runs");
        running.wait_for("realm", PATIENCE, || curl(&[&keycloak.issuer()]).status == 200);
        keycloak
    }

    /// The script becomes Java by `exec`, so that whoever ends it ends Java.
    fn command(home: &Path, verb: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg(home.join("bin/kc.sh")).arg(verb).env_remove("KC_HOME_DIR");
        command.env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx512m");
        command
    }

    fn issuer(&self) -> String {
        format!("{}/realms/{REALM}", self.base)
    }

    fn token_url(&self) -> String {
        format!("{}/protocol/openid-connect/token", self.issuer())
    }

    /// Stops it, and gives what it exports of the realm.
    fn export(&mut self) -> PathBuf {
        // Java ends with 143 after SIGTERM.
        let _ = self.running.take().expect("it runs").end();
        let file = self.home.join("export.json");
        let mut command = Self::command(&self.home, "export");
        command.args(["--realm", REALM, "--db", "dev-file", "--users", "same_file", "--file"]).arg(&file);
        let mut running = Running::start(command, &self.home.join("export-log"));
        running.ends_well_within(PATIENCE);
        file
    }
}

/// What an administrator of Keycloak would import.
fn realm() -> Value {
    let mapper = |member: &str, audience: &str| {
        json!({
            "name": member, "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": { member: audience, "access.token.claim": "true", "introspection.token.claim": "true" },
        })
    };
    let client = |id: &str, life: &str| {
        json!({
            "clientId": id, "secret": SECRET, "publicClient": false, "serviceAccountsEnabled": true,
            "standardFlowEnabled": false, "attributes": { "access.token.lifespan": life },
            // Keycloak tells a client about those tokens alone that are meant for it.
            "protocolMappers": [mapper("included.custom.audience", AUDIENCE), mapper("included.client.audience", id)],
        })
    };
    let user = json!({
        "username": format!("service-account-{STEADY}"), "enabled": true,
        "serviceAccountClientId": STEADY, "realmRoles": ["operator"],
    });
    json!({
        "realm": REALM, "enabled": true, "roles": { "realm": [{ "name": "operator" }] },
        "clients": [client(ROBOT, "4"), client(STEADY, "600")], "users": [user],
    })
}

/// An API that verifies Keycloak's tokens by our guard, without any leeway for what has expired.
async fn api(issuer: &str, keys: &str) -> String {
    let keys: JwkSet = serde_json::from_str(keys).expect("Keycloak's keys");
    let guard = Guard::builder()
        .issuer(Issuer::new(issuer, SharedKeys::new(keys)))
        .audience(AUDIENCE)
        .accepted_types(["JWT"])
        .realm(REALM)
        .build()
        .expect("a guard");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/lines", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let guard = guard.clone();
            tokio::spawn(async move { answer(stream, &guard).await.ok() });
        }
    });
    url
}

async fn answer(mut stream: TcpStream, guard: &Guard) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&request).into_owned();
        request.clear();
        let token = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.trim_start_matches("Bearer "))
        });
        let answer: &[u8] = match guard.verify(token.unwrap_or_default()).await {
            Ok(_) => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
            Err(_) => b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// What a client in another language has to be told.
fn told<'a>(command: &'a mut Command, keycloak: &Keycloak, through: &str, api: &str) -> &'a mut Command {
    command.env("KEYCLOAK_URL", through).env("KEYCLOAK_ISSUER", keycloak.issuer()).env("API_URL", api);
    command.envs([("REALM", REALM), ("CLIENT_ID", ROBOT), ("CLIENT_SECRET", SECRET)])
}

/// Runs a program that prints what it saw as JSON.
async fn program(mut command: Command) -> Value {
    let output = tokio::task::spawn_blocking(move || command.output().expect("the program"));
    seen(&output.await.expect("its end"))
}

fn seen(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(text.lines().last().unwrap_or_default()).expect("JSON")
}

/// What every client has to have seen: three lifetimes without a failed call, and a refusal with its type.
fn holds(language: &str, seen: &Value, requests: usize) {
    println!("{language}: {seen}, {requests} token requests under load");
    assert_eq!(seen["failed"], json!([]), "{language}");
    assert!(seen["calls"].as_u64() > Some(100), "{language}");
    // One for each token; the last may not have come to use.
    let tokens = usize::try_from(seen["tokens"].as_u64().expect("a count")).expect("a count");
    assert!(tokens >= 3 && (tokens..=tokens + 1).contains(&requests), "{language}: {requests} requests");
    // Keycloak calls a wrong secret so, and an unknown client `invalid_client`.
    let told = ["invalid_client", "unauthorized_client"];
    assert_eq!(seen["refused"], json!([told, told]), "{language}");
}

async fn rust_client(keycloak: &Keycloak, through: &str, api: &str) -> Value {
    let by_path = |base: &str, secret: &str| {
        TokenSource::keycloak(base, REALM, ROBOT, SecretSource::value(secret)).build().expect("a source")
    };
    let discovered = |auth, secret: &str| {
        let source = TokenSource::client_credentials(ROBOT, SecretSource::value(secret));
        source.issuer(keycloak.issuer()).auth(auth).build().expect("a source")
    };
    for auth in [Auth::Basic, Auth::Form] {
        let token = discovered(auth, SECRET).token().await.expect("a token");
        assert_eq!(claims(token.expose())["iss"], keycloak.issuer());
    }
    let mut refused = Vec::new();
    for source in [by_path(&keycloak.base, "wrong"), discovered(Auth::Form, "wrong")] {
        let error = source.token().await.expect_err("a refusal");
        refused.push(json!([error.kind(), error.code()]));
    }
    let source = by_path(through, SECRET);
    let http = reqwest::Client::new();
    let load = (0..50).map(|_| {
        let (source, http, api) = (source.clone(), http.clone(), api.to_owned());
        tokio::spawn(async move {
            let (mut tokens, mut failed, mut calls) = (BTreeSet::new(), vec![], 0);
            let began = Instant::now();
            while tokens.len() < 3 && failed.is_empty() && began.elapsed() < PATIENCE {
                match http.get(&api).send_with(&source).await {
                    Ok(answer) if answer.status() == 200 => {}
                    other => failed.push(format!("{other:?}")),
                }
                calls += 1;
                tokens.extend(source.token().await.map(|token| token.expose().to_owned()));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            (tokens, failed, calls)
        })
    });
    let (mut tokens, mut failed, mut calls) = (BTreeSet::new(), vec![], 0);
    for task in load.collect::<Vec<_>>() {
        let seen = task.await.expect("no panic");
        tokens.extend(seen.0);
        failed.extend(seen.1);
        calls += seen.2;
    }
    json!({ "calls": calls, "failed": failed, "tokens": tokens.len(), "refused": refused })
}

/// Python and TypeScript, from their sources; that their packages work is shown elsewhere.
fn other_clients(folder: &Path) -> [(&'static str, Command); 2] {
    let mut python = Command::new(from_environment("SYMBOLON_TEST_PYTHON"));
    python.arg(format!("{CLIENTS}/keycloak_sdk.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/python/src"));
    let modules = folder.join("node/node_modules");
    std::fs::create_dir_all(&modules).expect("a folder");
    std::os::unix::fs::symlink(build(&folder.join("node")), modules.join("symbolon")).expect("a link");
    let program = folder.join("node/keycloak_sdk.mjs");
    std::fs::copy(format!("{CLIENTS}/keycloak_sdk.mjs"), &program).expect("a copy");
    let mut node = Command::new(from_environment("SYMBOLON_TEST_NODE"));
    node.arg(program);
    [("python", python), ("typescript", node)]
}

fn command(home: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(SYMBOLON);
    command.args(arguments).env("HOME", home).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    // A command that does not read ends before all is written.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn commands_work(keycloak: &Keycloak, home: &Path) {
    let login =
        ["login", "--url", &keycloak.base, "--realm", REALM, "--as", "keycloak", "--client-id", STEADY];
    let (code, text) = command(home, &login, "wrong");
    assert!(code == Some(4) && text.contains("unauthorized_client"), "{code:?} {text}");
    let (code, text) = command(home, &login, SECRET);
    assert_eq!(code, Some(0), "{text}");
    let (code, token) = command(home, &["token"], "");
    assert_eq!(code, Some(0), "{token}");
    assert_eq!(command(home, &["token"], "").1, token, "runs share a token");
    let (code, text) = command(
        home,
        &[
            "decode",
            token.trim(),
            "--issuer",
            &keycloak.issuer(),
            "--audience",
            AUDIENCE,
            "--profile",
            "default",
        ],
        "",
    );
    println!("{text}");
    for good in ["signature   good", "time        good", "audience    good", "issuer      good"] {
        assert!(code == Some(0) && text.contains(good), "{good}: {text}");
    }
    // The client may ask Keycloak about its own token.
    assert!(text.contains("revocation  good"), "{text}");
}

/// A token request as Keycloak's clients send it, with something changed.
fn ask(token_url: &str, changed: &[&str]) -> Fetched {
    let given = |name: &str| changed.iter().any(|one| one.starts_with(name));
    let mut form = vec![token_url.to_owned()];
    for (name, value) in
        [("grant_type", "client_credentials"), ("client_id", STEADY), ("client_secret", SECRET)]
    {
        if !given(name) {
            form.extend(["-d".to_owned(), format!("{name}={value}")]);
        }
    }
    form.extend(
        changed.iter().filter(|one| !one.ends_with('-')).flat_map(|one| ["-d".to_owned(), (*one).to_owned()]),
    );
    curl(&form.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What Keycloak answers, kept until there is a Symbolon to compare it with.
struct Recorded {
    refusals: Vec<(&'static [&'static str], Fetched)>,
    token: Fetched,
}

impl Recorded {
    fn of(token_url: &str) -> Self {
        let changes: [&[&str]; 7] = [
            &["client_secret=wrong"],
            &["client_id=nobody"],
            &["client_id-", "client_secret-"],
            &["grant_type-"],
            &["grant_type=nonsense"],
            &["scope=nonsense"],
            &[TWICE, TWICE],
        ];
        let refusals = changes.map(|changed| (changed, ask(token_url, changed)));
        Self { refusals: refusals.into(), token: ask(token_url, &[]) }
    }

    /// The same requests elsewhere: Keycloak's answers are the measure, but for what docs/contract.md says.
    fn compare(&self, token_url: &str) {
        let mut differing = Vec::new();
        for (changed, their) in &self.refusals {
            let our = ask(token_url, changed);
            println!(
                "{changed:?}\n  there {} {}\n  here  {} {}",
                their.status, their.text, our.status, our.text
            );
            let (status, their, our) = (their.status == our.status, their.json(), our.json());
            // S4.5: a wrong secret is `invalid_client`, as ecoinvent documents it.
            let code = *changed == ["client_secret=wrong"] || their["error"] == our["error"];
            if !status || !code || their["error_description"] != our["error_description"] {
                differing.push(changed);
            }
        }
        assert!(differing.is_empty(), "{differing:?}");
        let (their, our) = (&self.token, ask(token_url, &[]));
        for name in ["cache-control", "pragma"] {
            assert_eq!(our.header(name), their.header(name), "{name}");
        }
        let (their_claims, our_claims) = (claims(&access_token(their)), claims(&access_token(&our)));
        for (name, value) in their.json().as_object().expect("members") {
            let kind = |value: &Value| std::mem::discriminant(value);
            assert_eq!(kind(&our.json()[name]), kind(value), "{name}: {value}");
        }
        println!("claims\n  there {their_claims}\n  here  {our_claims}");
        for name in ["azp", "typ"] {
            assert_eq!(their_claims[name], our_claims[name], "{name}");
        }
        for claims in [their_claims, our_claims] {
            let roles = claims["realm_access"]["roles"].as_array().expect("roles");
            assert!(roles.contains(&"operator".into()), "{roles:?}");
        }
    }
}

/// python-keycloak, unmodified, with the same id and secret.
fn python_keycloak(base: &str) -> Value {
    let mut command = Command::new(from_environment("SYMBOLON_TEST_PYTHON"));
    command.arg(format!("{CLIENTS}/keycloak_either.py"));
    command.envs([
        ("KEYCLOAK_URL", base),
        ("REALM", REALM),
        ("CLIENT_ID", STEADY),
        ("CLIENT_SECRET", SECRET),
    ]);
    let seen = seen(&command.env("AUDIENCE", AUDIENCE).output().expect("python"));
    println!("python-keycloak: {seen}");
    seen
}

#[test]
#[ignore = "needs Keycloak and some minutes: cargo xtask keycloak"]
fn the_real_keycloak_gives_our_clients_tokens_and_its_own_move_here() {
    let kept = tempfile::tempdir().expect("a folder");
    let mut keycloak = Keycloak::start(kept.path());
    let keys = curl(&[&format!("{}/protocol/openid-connect/certs", keycloak.issuer())]).text;
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let api = api(&keycloak.issuer(), &keys).await;
        let gateway = Gateway::before(&keycloak.base).await;
        let seen = rust_client(&keycloak, &gateway.url, &api).await;
        holds("rust", &seen, gateway.requests());
        for (language, mut command) in other_clients(kept.path()) {
            let before = gateway.requests();
            told(&mut command, &keycloak, &gateway.url, &api);
            let seen = program(command).await;
            holds(language, &seen, gateway.requests() - before);
        }
    });
    commands_work(&keycloak, kept.path());
    let theirs = python_keycloak(&keycloak.base);

    // Its realm moves here, by way of its own export.
    let copy = kept.path().join("export.json");
    let recorded = Recorded::of(&keycloak.token_url());
    std::fs::copy(keycloak.export(), &copy).expect("the export");
    let (_folder, folder) = prepared();
    let path = copy.to_str().expect("a path");
    let report = stdout(&run(&folder, &["import", "keycloak", path, "--organization", "moved"]));
    println!("{report}");
    let (_running, base) = serve(&folder);
    recorded.compare(&format!("{base}/realms/{REALM}/protocol/openid-connect/token"));
    let ours = python_keycloak(&base);
    assert_eq!(theirs["refused"], ours["refused"]);
}
