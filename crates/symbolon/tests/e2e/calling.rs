//! The commands that call APIs, each run as a person or a script runs it, against the running binary.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Running, SYMBOLON, call, curl, entry};

/// How a command ended, and what it said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn done(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.out
    }

    #[track_caller]
    fn failed(&self, code: i32, text: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(text), "{text}: {self:?}");
    }
}

/// A sandbox, and somebody who calls its APIs.
struct Caller {
    sandbox: Running,
    credentials: Value,
    home: tempfile::TempDir,
}

impl Caller {
    fn new() -> Self {
        let sandbox = Running::sandbox();
        let credentials = sandbox.credentials();
        Self { sandbox, credentials, home: tempfile::tempdir().expect("a folder") }
    }

    fn of(&self, system: &str, member: &str) -> &str {
        entry(&self.credentials, system, member)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SYMBOLON);
        command.args(arguments).env("HOME", self.home.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SYMBOLON_PROFILE", "SYMBOLON_LOG", "COLUMNS"] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        // A command that does not read ends before all is written.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("its end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Logs in as METI's client, under the default name.
    fn meti(&self) {
        let base = self.sandbox.base();
        let (id, audience) = (self.of("meti_v2", "client_id"), self.of("meti_v2", "audience"));
        let login = ["login", "--url", &base, "--client-id", id, "--audience", audience];
        let said = self.run_with(&login, self.of("meti_v2", "client_secret"));
        assert!(said.err.contains("read:sources"), "{said:?}");
        said.done();
    }

    fn cached(&self) -> PathBuf {
        self.home.path().join(".cache/symbolon/tokens")
    }
}

#[test]
fn login_keeps_what_the_server_has_taken_and_nothing_else() {
    let caller = Caller::new();
    let base = caller.sandbox.base();
    let login = ["login", "--url", &base, "--client-id", caller.of("meti_v2", "client_id")];
    caller.run_with(&login, "not the secret").failed(4, "invalid_client");
    caller.run_with(&[&login[..], &["--audience", "https://nothing.example"]].concat(), "x").failed(4, "");
    let profiles = caller.home.path().join(".config/symbolon/profiles.toml");
    assert!(!profiles.exists());
    caller.meti();
    caller.run(&["call", "GET", "http://127.0.0.1:1/"]).failed(5, "http://127.0.0.1:1: ");
    let kept = std::fs::read_to_string(&profiles).expect("profiles");
    assert!(kept.contains(caller.of("meti_v2", "client_secret")));
    caller.run_with(&login, "x").failed(2, "there is a profile default already");
    caller.run(&["login", "x", "--client-id", "x"]).failed(2, "--url");
    let plain = ["login", "x", "--token-url", "http://auth.example.com/x", "--client-id", "x"];
    caller.run_with(&plain, "x").failed(2, "--allow-http");
    caller.run_with(&["login", "y", "--url", &base, "--client-id", "y", "--unchecked"], "later").done();
    let list = caller.run(&["profile", "list"]);
    assert!(list.done().contains("\ny ") && !list.out.contains("later"), "{list:?}");
}

#[test]
fn every_dialect_logs_in_and_its_tokens_are_taken() {
    let caller = Caller::new();
    let base = caller.sandbox.base();
    let of = |system, member| caller.of(system, member);
    let meti = ["--client-id", of("meti_v2", "client_id"), "--audience", of("meti_v2", "audience")];
    let issuer = ["--issuer", of("meti_v2", "issuer")];
    let meti_secret = of("meti_v2", "client_secret");
    let keycloak = [
        "--url",
        &base,
        "--realm",
        "ecoinvent",
        "--as",
        "keycloak",
        "--client-id",
        of("ecoinvent", "client_id"),
    ];
    let m3ter = [
        "--token-url",
        of("m3ter", "token_url"),
        "--as",
        "access-key",
        "--client-id",
        of("m3ter", "access_key_id"),
    ];
    let v1 = [
        "--token-url",
        of("meti_v1", "token_url"),
        "--as",
        "password",
        "--client-id",
        of("meti_v1", "email"),
    ];
    let (json, basic) =
        ([&issuer[..], &meti, &["--as", "json"]].concat(), [&issuer[..], &meti, &["--as", "basic"]].concat());
    for (name, flags, secret, system) in [
        ("json", &json[..], meti_secret, "meti_v2"),
        ("basic", &basic, meti_secret, "meti_v2"),
        ("keycloak", &keycloak, of("ecoinvent", "client_secret"), "ecoinvent"),
        ("m3ter", &m3ter, of("m3ter", "api_secret"), "m3ter"),
        ("v1", &v1, of("meti_v1", "password"), "meti_v1"),
    ] {
        caller.run_with(&[&["login", name], flags].concat(), secret).done();
        let token = caller.run(&["token", "--profile", name]);
        assert_eq!(call(of(system, "api_url"), token.done().trim()).status, 200, "{name}");
    }
}

#[test]
fn a_secret_can_stay_with_a_command_and_its_rotation_is_taken_up() {
    let caller = Caller::new();
    let secret = caller.home.path().join("secret");
    std::fs::write(&secret, caller.of("meti_v2", "client_secret")).expect("a secret");
    let base = caller.sandbox.base();
    let command = format!("cat {}", secret.display());
    let id = caller.of("meti_v2", "client_id");
    caller.run(&["login", "--url", &base, "--client-id", id, "--secret-command", &command]).done();
    let kept =
        std::fs::read_to_string(caller.home.path().join(".config/symbolon/profiles.toml")).expect("profiles");
    assert!(!kept.contains("client_secret") && kept.contains("secret_command"), "{kept}");
    caller.run(&["token", "--no-cache"]).done();
    std::fs::write(&secret, "another").expect("a secret");
    caller.run(&["token", "--no-cache"]).failed(4, "invalid_client");
    std::fs::remove_file(&secret).expect("a secret");
    caller.run(&["token", "--no-cache"]).failed(1, "the command cat tells no secret");
}

#[test]
fn runs_share_one_token_and_the_cache_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let caller = Caller::new();
    caller.meti();
    let children: Vec<_> = (0..12)
        .map(|_| caller.command(&["token"]).stdout(Stdio::piped()).spawn().expect("the binary"))
        .collect();
    let tokens: Vec<Vec<u8>> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().expect("its end");
            assert!(output.status.success());
            output.stdout
        })
        .collect();
    assert!(tokens.iter().all(|token| !token.is_empty() && *token == tokens[0]), "more than one token");
    let header = caller.run(&["token", "--header"]);
    let token = String::from_utf8(tokens[0].clone()).expect("text");
    assert_eq!(header.done(), format!("Authorization: Bearer {token}"));
    assert_ne!(caller.run(&["token", "--no-cache"]).done(), token);
    // A token for something else is another one.
    assert_ne!(caller.run(&["token", "--scope", "read:sources"]).done(), token);
    let mode = |path: PathBuf| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(caller.cached()), 0o700);
    for entry in std::fs::read_dir(caller.cached()).expect("the cache") {
        assert_eq!(mode(entry.expect("a file").path()), 0o600);
    }
}

#[test]
fn call_sends_what_it_is_told_and_its_exit_code_says_what_was_answered() {
    let caller = Caller::new();
    caller.meti();
    let url = caller.of("meti_v2", "api_url");
    let listed: Value = serde_json::from_str(caller.run(&["call", "GET", url]).done()).expect("JSON");
    assert!(listed.as_array().is_some_and(|sources| !sources.is_empty()), "{listed}");
    let body = r#"{"name":"Made by a call","methodology":"Agriculture"}"#;
    let made = caller.run_with(&["call", "POST", url, "--data", "@-", "-v", "--include"], body);
    assert!(made.done().starts_with("HTTP/1.1 201") && made.out.contains("Made by a call"), "{made:?}");
    assert!(made.err.contains("> authorization: Bearer …\n") && !made.err.contains("eyJ"), "{made:?}");
    caller.run(&["call", "GET", &format!("{url}/none")]).failed(3, "404");
    caller.run(&["call", "GET", url, "--scope", "write:sources"]).failed(4, "403");
    caller.run(&["call", "GET", url, "-H", "Authorization: Bearer x"]).failed(2, "leave Authorization out");
    caller.run(&["call", "GET", "http://127.0.0.1:9/x"]).failed(5, "call failed");
    caller
        .run(&["call", "GET", "http://api.example.com/x", "--profile", "nobody"])
        .failed(2, "no profile nobody");
    let file = caller.home.path().join("answer");
    let path = file.to_str().expect("a path");
    assert_eq!(caller.run(&["call", "GET", url, "-o", path]).done(), "");
    assert!(std::fs::read_to_string(&file).expect("the answer").contains("Made by a call"));
}

/// A running proxy, and where it listens.
fn proxy(caller: &Caller, to: &str) -> (Running, String) {
    let mut command = caller.command(&["proxy", "--listen", "127.0.0.1:0", "--to", to]);
    command.env("SYMBOLON_LOG", "warn");
    let folder = caller.home.path().join("proxy");
    let proxy = Running::start_logging(command, &folder, "warn");
    proxy.wait("address", || proxy.printed().contains("Listening on "));
    let address =
        proxy.printed().split("http://").nth(1).and_then(|rest| rest.split(',').next()).map(str::to_owned);
    (proxy, address.expect("an address"))
}

#[test]
fn programs_without_tokens_call_apis_through_the_proxy_and_browsers_do_not() {
    let caller = Caller::new();
    caller.meti();
    let (mut proxy, address) = proxy(&caller, &caller.sandbox.base());
    let sources = format!("http://{address}/sources");
    let listed =
        curl(&[&format!("{sources}?methodology=Agriculture"), "-H", "Authorization: Bearer nonsense"]);
    assert!(listed.status == 200 && listed.json().is_array(), "{listed:?}");
    let made =
        curl(&[&sources, "-d", r#"{"name":"Through the proxy"}"#, "-H", "Content-Type: application/json"]);
    assert!(made.status == 201 && made.text.contains("Through the proxy"), "{made:?}");
    let chunked = ["-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json"];
    let streamed = curl(&[&[sources.as_str(), "-d", r#"{"name":"In chunks"}"#][..], &chunked].concat());
    assert_eq!(streamed.status, 201, "{streamed:?}");
    assert_eq!(curl(&[&format!("{sources}/none")]).status, 404);
    for header in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example"] {
        let refused = curl(&[&sources, "-H", header]);
        assert!(refused.status == 403 && refused.text.contains("symbolon proxy"), "{header}: {refused:?}");
    }
    let outside = ["proxy", "--to", "https://api.example.com", "--listen", "0.0.0.0:0"];
    caller.run(&outside).failed(2, "--allow-remote");
    proxy.stop();
}

#[test]
fn the_proxy_sends_a_refused_request_again_and_says_why_there_is_no_token() {
    let caller = Caller::new();
    caller.meti();
    let (_proxy, address) = proxy(&caller, &caller.sandbox.base());
    let sources = format!("http://{address}/sources");
    assert_eq!(curl(&[&sources]).status, 200);
    // Its token dies: the next request is sent again with another one, body and all.
    let token = caller.run(&["token"]);
    let form = format!("token={}", token.done().trim());
    let user = format!("{}:{}", caller.of("meti_v2", "client_id"), caller.of("meti_v2", "client_secret"));
    let base = caller.sandbox.base();
    assert_eq!(curl(&[&format!("{base}/oauth/revoke"), "-u", &user, "-d", &form]).status, 200);
    assert_eq!(call(caller.of("meti_v2", "api_url"), token.out.trim()).status, 401);
    let made = curl(&[&sources, "-d", r#"{"name":"Sent again"}"#, "-H", "Content-Type: application/json"]);
    assert!(made.status == 201 && made.text.contains("Sent again"), "{made:?}");
    // The client is refused from now on, by another process.
    let description = caller.sandbox.description();
    let key = "- id: \"key_meti\"\n";
    let indent = description.split(key).next().and_then(|before| before.lines().last()).map_or(0, str::len);
    let inactive = format!("{key}{}status: INACTIVE\n", " ".repeat(indent + 2));
    caller.sandbox.apply(&description.replacen(key, &inactive, 1));
    caller.sandbox.wait("refusal", || curl(&[&sources]).status != 200);
    let refused = curl(&[&sources]);
    // Within ten seconds of the last 401 the API's own is passed on; after them the token's refusal is told.
    assert!(matches!(refused.status, 401 | 502), "{refused:?}");
    caller.sandbox.wait("the reason", || curl(&[&sources]).status == 502);
    assert!(curl(&[&sources]).text.contains("invalid_client"));
    drop(TcpStream::connect(&address).expect("it still listens"));
}

#[test]
fn decode_explains_a_token_and_says_whether_it_holds() {
    let caller = Caller::new();
    caller.meti();
    let token = caller.run(&["token"]).done().trim().to_owned();
    let good = caller.run_with(&["decode"], &format!("Authorization: Bearer {token}\n"));
    for words in [
        "signature   good",
        "time        good",
        "revocation  unknown",
        "(in 59 minutes)",
        "read:sources",
        "issuer",
    ] {
        assert!(good.done().contains(words), "{words}: {good:?}");
    }
    let asked = caller.run(&["decode", &token, "--profile", "default", "--json"]);
    let told: Value = serde_json::from_str(asked.done()).expect("JSON");
    assert_eq!(told["checks"]["revocation"]["result"], "good", "{told}");
    assert_eq!(told["claims"]["client_id"], caller.of("meti_v2", "client_id"));

    let keys = caller.home.path().join("keys.json");
    std::fs::write(&keys, curl(&[caller.of("meti_v2", "jwks_uri")]).text).expect("the keys");
    let keys = keys.to_str().expect("a path");
    let audience = caller.of("meti_v2", "audience");
    caller.run(&["decode", &token, "--jwks", keys, "--audience", audience]).done();
    let wrong = caller.run(&["decode", &token, "--jwks", keys, "--audience", "https://other.example"]);
    assert!(wrong.code == 1 && wrong.out.contains("audience    bad"), "{wrong:?}");
    let issuer = caller.of("ecoinvent", "issuer");
    let foreign = caller.run(&["decode", &token, "--issuer", issuer]);
    assert!(foreign.code == 1 && foreign.out.contains("issuer      bad"), "{foreign:?}");

    let (signed, signature) = token.rsplit_once('.').expect("a JWT");
    let reversed: String = signature.chars().rev().collect();
    let forged = caller.run(&["decode", &format!("{signed}.{reversed}")]);
    assert!(forged.code == 1 && forged.out.contains("signature   bad"), "{forged:?}");
    caller.run(&["decode", "nonsense"]).failed(2, "that is no JWT");

    let user = format!("{}:{}", caller.of("meti_v2", "client_id"), caller.of("meti_v2", "client_secret"));
    let base = caller.sandbox.base();
    assert_eq!(
        curl(&[&format!("{base}/oauth/revoke"), "-u", &user, "-d", &format!("token={token}")]).status,
        200
    );
    let dead = caller.run(&["decode", &token, "--profile", "default"]);
    assert!(dead.code == 1 && dead.out.contains("revocation  bad"), "{dead:?}");

    let offline = caller.run(&["decode", &token, "--offline"]);
    assert!(offline.done().contains("signature   unknown"), "{offline:?}");
    let nowhere = caller.run(&["decode", &token, "--issuer", "http://127.0.0.1:9/"]);
    assert!(nowhere.code == 1 && nowhere.out.contains("signature   no answer"), "{nowhere:?}");
}
