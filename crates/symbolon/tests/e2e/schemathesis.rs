//! schemathesis, unmodified, against the management API: it reads the description, makes requests that follow it and
//! requests that break it, and holds every answer against what the description says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::clients::from_environment;
use crate::postgres::Database;
use crate::support::{Fetched, Running, SYMBOLON, access_token, curl, prepared};

/// What the tool is told. All of its checks are on, as they are unless it is told otherwise, and no operation is left
/// out.
const CONFIGURATION: &str = r#"
continue-on-failure = true
# It says so where its own strategies are slow to find a value, which is nothing that the API does.
suppress-health-check = ["filter_too_much", "too_slow"]
# Hints at which requests it would like to know more about.
warnings = false

[parameters]
# The realm that it may do everything to: what it does to the one of its own token, it does to itself.
"path.realm" = "scratch"
# Any version, or hardly a change would be more than a 412.
"header.If-Match" = "*"

# Rules that no schema can tell refuse what a schema allows: that an id is taken, that an audience is not registered.
# 400, 401 and 403 are not among them: the description says what can be read and what a token needs.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 304, 404, 409, 422]

# What breaks the schema is refused, whichever of its faults is seen first.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422]

# Guessed ids lead nowhere; here are some that lead to something. Where an id is fixed, the tool cannot know that it is
# another one than that of what it made before, and would ask where that is.
[[operations]]
include-operation-id = "createRealm"
phases.stateful.enabled = false

[[operations]]
include-path-regex = "/resource-servers/"
parameters = { "path.identifier" = "urn:example:data" }
checks.ensure_resource_availability.enabled = false

[[operations]]
include-path-regex = "/access-keys/"
parameters = { "path.organization" = "other", "path.client" = "rotated", "path.key" = "rotated-key" }
checks.ensure_resource_availability.enabled = false

[[operations]]
include-path-regex = "/clients/.client./policies/"
parameters = { "path.organization" = "other", "path.client" = "rotated", "path.policy" = "readers" }
checks.ensure_resource_availability.enabled = false

# A thing that the body names and that is not there is 404 too; the tool would take it for the one in the path.
[[operations]]
include-path-regex = "/revocations$"
checks.ensure_resource_availability.enabled = false
"#;

/// A cursor is opaque: the description says of which characters it is made, and not which of them continue a list. So
/// one that was made up may be refused as what it is. Nor does it say which texts are expressions in CEL.
fn cursors(api: &Value) -> String {
    let has_cursor = |operation: &&Value| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == "cursor"))
    };
    let ids: Vec<&str> =
        operations(api).filter(has_cursor).filter_map(|one| one["operationId"].as_str()).collect();
    assert!(!ids.is_empty());
    let ids: Vec<&str> = ids
        .into_iter()
        .chain(["createResourceServer", "updateResourceServer", "previewToken", "applyDescription"])
        .collect();
    format!(
        "[[operations]]\ninclude-operation-id = {ids:?}\n[operations.checks.positive_data_acceptance]\n\
         expected-statuses = [\"2xx\", 304, 400, 404, 409, 422]\n"
    )
}

fn operations(api: &Value) -> impl Iterator<Item = &Value> {
    let items = api["paths"].as_object().expect("paths").values();
    items
        .filter_map(Value::as_object)
        .flat_map(|item| item.values())
        .filter(|one| one["operationId"].is_string())
}

/// A server with an owner of the default realm, and a realm beside it that may be ruined.
pub(crate) struct Api {
    server: Running,
    kept: tempfile::TempDir,
    base: String,
}

/// The secret of every client.
pub(crate) const SECRET: &str = "a-secret-of-an-operator-0123456789";

impl Api {
    /// Starts it, on SQLite or on an empty database.
    pub(crate) fn serve(database: Option<&str>) -> Self {
        let (kept, data) = prepared();
        let scopes: Vec<&str> =
            symbolon_core::permission::Permission::ALL.iter().map(|permission| permission.scope()).collect();
        let description = kept.path().join("description.yaml");
        std::fs::write(&description, yaml(&scopes)).expect("a description");
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        drop(socket);
        let base = format!("http://{address}");
        let command = |name: &str| {
            let mut command = Command::new(SYMBOLON);
            command.arg(name).arg("--data").arg(&data).args(["--base-url", &base]);
            if let Some(url) = database {
                command.env("SYMBOLON_DATABASE_URL", url);
            }
            command
        };
        let applied = command("apply").arg(&description).output().expect("apply");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        // As many requests as the tool can make: what it says of the API is not to depend on how fast it asks.
        let config = kept.path().join("symbolon.toml");
        std::fs::write(&config, "management_requests_per_second = 0\n").expect("a configuration");
        let mut serve = command("serve");
        serve.arg("--config").arg(&config).args(["--listen", &address]);
        let server = Running::start_logging(serve, &kept.path().join("log"), "info");
        let ready = format!("{base}/readyz");
        server.wait("readiness", || {
            let status = Command::new("curl").args(["-sf", "-o", "/dev/null", &ready]).status();
            status.expect("curl").success()
        });
        Self { server, kept, base }
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    fn token(&self) -> String {
        let who = format!("owner:{SECRET}");
        access_token(&curl(&[
            &format!("{}/oauth/token", self.base),
            "-u",
            &who,
            "-d",
            "grant_type=client_credentials",
        ]))
    }

    fn description(&self) -> Fetched {
        curl(&[&format!("{}/api/v1/openapi.json", self.base)])
    }

    /// Lets the tool ask about everything, with so many random requests for each operation, and expects it to find
    /// nothing.
    fn holds(&self, examples: u32, seed: u64) {
        let api = self.description().json();
        let folder = self.kept.path().join("schemathesis");
        std::fs::create_dir(&folder).expect("a folder");
        let configuration = format!("{CONFIGURATION}\n{}", cursors(&api));
        std::fs::write(folder.join("schemathesis.toml"), configuration).expect("its configuration");
        let mut command = Command::new(program());
        command.current_dir(&folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg("run").arg(format!("{}/api/v1/openapi.json", self.base));
        command.arg("--header").arg(format!("Authorization: Bearer {}", self.token()));
        command.arg("--max-examples").arg(examples.to_string()).arg("--seed").arg(seed.to_string());
        command.args(["--generation-database", "none", "--no-color"]);
        let output = command.output().expect("schemathesis: run these tests through `cargo xtask test`");
        let printed = String::from_utf8_lossy(&output.stdout);
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "seed {seed}\n{printed}\n{why}");
        let all = operations(&api).count();
        assert!(printed.contains(&format!("Tested: {all}\n")), "{printed}");
        for phase in ["Examples", "Coverage", "Fuzzing", "Stateful"] {
            assert!(printed.contains(&format!("✅ {phase}\n")), "{phase} did not run\n{printed}");
        }
        println!("{printed}");
        let faults: Vec<_> =
            self.server.log().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

fn program() -> PathBuf {
    let python = from_environment("SYMBOLON_TEST_PYTHON");
    python.parent().unwrap_or_else(|| Path::new(".")).join("schemathesis")
}

fn yaml(scopes: &[&str]) -> String {
    let grants = "grants: [{ audience: \"https://api.example.com\", scopes: [\"read:data\"] }]";
    format!(
        r#"
realms:
  - id: default
    settings: {{ operators: staff }}
    organizations:
      - id: staff
        clients:
          - id: owner
            settings: {{ lifetime: 86400, grants: [{{ audience: "urn:symbolon:management", scopes: {scopes:?} }}] }}
            access_keys: [{{ id: owner-key, secret: {SECRET} }}]
  - id: scratch
    resource_servers:
      - identifier: https://api.example.com
        settings: {{ scopes: ["read:data", "write:data"] }}
      - identifier: urn:example:data
    policies:
      - id: readers
        name: Readers
        statements: [{{ effect: allow, actions: ["read:*"], resources: ["https://api.example.com"] }}]
    organizations:
      - id: customer
        licences: [{{ audience: "https://api.example.com", kind: full }}]
        clients:
          - id: job
            settings: {{ {grants} }}
            access_keys: [{{ id: job-key, secret: {SECRET} }}]
      - id: other
        clients:
          - id: rotated
            settings: {{ {grants} }}
            access_keys: [{{ id: rotated-key, secret: {SECRET} }}]
"#
    )
}

#[test]
fn the_management_api_is_as_it_is_described() {
    Api::serve(None).holds(10, 1);
}

#[test]
#[ignore = "long: `cargo xtask test -- --test e2e schemathesis -- --ignored` runs it, from SYMBOLON_SOAK_SEED on"]
fn the_management_api_is_as_it_is_described_under_many_more_requests() {
    let seed = std::env::var("SYMBOLON_SOAK_SEED").map_or(2, |text| text.parse().expect("a seed"));
    let postgres = Database::new();
    Api::serve(None).holds(150, seed);
    Api::serve(Some(&postgres.url())).holds(150, seed);
}
