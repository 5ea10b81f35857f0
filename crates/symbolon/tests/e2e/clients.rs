//! Other people's clients, unmodified, against one sandbox: the SDKs of the five systems, general OAuth clients,
//! and the libraries that verify tokens.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::{Running, curl, entry, form_token};

/// The folder of the scripts.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// The path that `cargo xtask test` hands over.
pub(crate) fn from_environment(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value
        .unwrap_or_else(|| panic!("{variable} is not set: run these tests through `cargo xtask test`"))
        .into()
}

/// A Python script of `tests/clients`, ready to run.
pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new(from_environment("SYMBOLON_TEST_PYTHON"));
    command.arg(Path::new(SCRIPTS).join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A Node script of `tests/clients`, ready to run. Modules are found beside the script, so it runs as a copy.
fn node(script: &str, folder: &Path) -> Command {
    let modules = from_environment("SYMBOLON_TEST_NODE_MODULES");
    let beside = folder.join("node");
    std::fs::create_dir_all(&beside).expect("a folder");
    let _ = std::os::unix::fs::symlink(modules, beside.join("node_modules"));
    for name in [script, "sandbox.mjs", "package.json"] {
        std::fs::copy(Path::new(SCRIPTS).join(name), beside.join(name)).expect("a script");
    }
    let mut command = Command::new(from_environment("SYMBOLON_TEST_NODE"));
    command.arg(beside.join(script));
    command
}

/// Runs a script to its end and expects its last line to say `ok …`.
pub(crate) fn succeeds(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    ok(&command, &output)
}

fn ok(command: &Command, output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout);
    let last = printed.lines().last().unwrap_or_default();
    assert!(
        output.status.success() && last.starts_with("ok "),
        "{command:?}\n{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    last.to_owned()
}

/// Starts a script that waits for the test in the middle, and answers once it says `waiting: …`.
pub(crate) fn starts(mut command: Command) -> Child {
    use std::io::{BufRead as _, BufReader};
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the script");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert!(line.starts_with("waiting: "), "{line}");
    child.stdout = Some(output.into_inner());
    child
}

/// Lets a waiting script go on, and expects it to succeed.
pub(crate) fn goes_on(mut child: Child) {
    use std::io::Write as _;
    let mut input = child.stdin.take().expect("its input");
    input.write_all(b"\n").expect("its input");
    drop(input);
    let output = child.wait_with_output().expect("its end");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("ok "),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn unmodified_clients_get_tokens_and_call_the_apis() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials_file();
    for script in
        ["metafold_sdk.py", "m3ter_sdk.py", "keycloak_client.py", "pyjwt_verify.py", "requests_basic.py"]
    {
        let mut command = python(script);
        command.arg(&credentials);
        println!("{script}: {}", succeeds(command));
    }
    for script in ["auth0_node.mjs", "jose_verify.mjs"] {
        let mut command = node(script, sandbox.folder());
        command.arg(&credentials);
        println!("{script}: {}", succeeds(command));
    }
}

#[test]
fn every_printed_curl_works_as_it_is_pasted() {
    let sandbox = Running::sandbox();
    // The last that it prints.
    sandbox.wait("address", || sandbox.printed().contains("Listening on"));
    let printed = sandbox.printed();
    let fits = |line: &str| line.chars().count() <= 80 || line.starts_with("http://");
    assert!(printed.lines().all(fits), "{printed}");
    let pasteable: Vec<&str> =
        printed.split("# ── ").skip(1).filter(|part| part.contains("curl -sS")).collect();
    assert_eq!(pasteable.len(), 5, "{printed}");
    for (part, expected) in pasteable.iter().zip(["src_", "src_", "projects", "version", "nextToken"]) {
        // What is announced after the last one is for people.
        let part = part.split("Listening on").next().unwrap_or_default();
        let output = Command::new("sh").arg("-c").arg(format!("# {part}")).output().expect("sh");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{part}\n{output:?}");
        assert!(answer.contains(expected), "{part}\n{answer}");
    }
}

#[test]
fn s3_2_deleting_the_client_kills_the_token_that_the_sdk_holds() {
    let sandbox = Running::sandbox();
    let mut command = python("metafold_sdk.py");
    command.arg(sandbox.credentials_file()).arg("deleted");
    let waiting = starts(command);
    delete_client(&sandbox, "metafold");
    goes_on(waiting);
}

#[test]
fn s5_3_an_inactive_key_gets_no_token() {
    let sandbox = Running::sandbox();
    let description = sandbox.description();
    let key = "- id: \"key_m3ter\"\n";
    let before = description.split(key).next().expect("the key's place");
    let indent = before.lines().last().map_or(0, str::len) + 2;
    let inactive = format!("{key}{}status: INACTIVE\n", " ".repeat(indent));
    sandbox.apply(&description.replacen(key, &inactive, 1));
    wait_for_refusal(&sandbox);
    let mut command = python("m3ter_sdk.py");
    command.arg(sandbox.credentials_file()).arg("inactive");
    succeeds(command);
}

/// Another process changed something: the running one notices within a second.
fn wait_for_refusal(sandbox: &Running) {
    let credentials = sandbox.credentials();
    let of = |member| entry(&credentials, "m3ter", member);
    let user = format!("{}:{}", of("access_key_id"), of("api_secret"));
    let request = [of("token_url"), "-u", &user, "-d", "grant_type=client_credentials"];
    sandbox.wait("refusal of the inactive key", || curl(&request).status == 401);
}

/// Deletes a client as a second process on the same database, the way the console of another node would.
fn delete_client(sandbox: &Running, id: &str) {
    use symbolon_core::audit::Actor;
    use symbolon_core::authority::Settings;
    use symbolon_core::edit::Editor;
    use symbolon_core::realm::RealmId;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let realm = RealmId::new("default").expect("a realm");
        let settings = Settings::new(&sandbox.base(), realm.clone());
        let node = symbolon::commands::Installation::open(
            &sandbox.folder().into(),
            sandbox.folder(),
            None,
            None,
            settings,
        )
        .await
        .expect("a node");
        let found =
            node.authority.directory().client(&realm, id).await.expect("an answer").expect("the client");
        let actor = Actor::operator("test", "run_test");
        let editor = Editor { authority: &node.authority, actor: &actor, realm: &realm };
        symbolon_core::edit::client::delete(editor, &found.client, &found.keys).await.expect("its end");
        node.close().await;
    });
    let credentials = sandbox.credentials();
    sandbox.wait("refusal of the deleted client", || form_token(&credentials, "metafold").status == 401);
}
