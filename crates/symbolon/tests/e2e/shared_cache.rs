//! One file of tokens for programs in every language: the command line (which is the client for Rust), Python, and Node.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::runtime::Runtime;

use crate::clients::from_environment;
use crate::gateway::Gateway;
use crate::sdk_typescript::build;
use crate::support::{Running, SYMBOLON, call, entry};

const PYTHON: &str = "
import sys
from symbolon import ClientCredentials, DiskCache, TokenSource
url, client, secret, audience, folder = sys.argv[1:]
dialect = ClientCredentials(client, secret, token_url=url, auth='form', audience=audience)
print(TokenSource(dialect, cache=DiskCache(folder)).token())
";

const NODE: &str = "
import { TokenSource, clientCredentials } from 'symbolon';
const [tokenUrl, clientId, clientSecret, audience, cacheFolder] = process.argv.slice(1);
const credentials = clientCredentials({ tokenUrl, clientId, clientSecret, audience, auth: 'form' });
console.log(await new TokenSource(credentials, { cacheFolder }).token());
";

/// Short programs that each want a token.
struct Programs<'a> {
    home: &'a Path,
    /// Address, client, secret, audience, folder.
    arguments: [String; 5],
}

impl Programs<'_> {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SYMBOLON_PROFILE"] {
            command.env_remove(variable);
        }
        command.env("HOME", self.home).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    fn rust(&self) -> Child {
        self.command(SYMBOLON.as_ref()).args(["token", "--wait", "30"]).spawn().expect("the binary")
    }

    fn python(&self) -> Child {
        let mut command = self.command(&from_environment("SYMBOLON_TEST_PYTHON"));
        command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/python/src"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").args(["-c", PYTHON]).args(&self.arguments);
        command.spawn().expect("python")
    }

    fn node(&self, package: &Path) -> Child {
        let mut command = self.command(&from_environment("SYMBOLON_TEST_NODE"));
        command.args(["--input-type=module", "-e", NODE]).args(&self.arguments).current_dir(package);
        command.spawn().expect("node")
    }
}

/// The one token that all of them printed.
fn token_of_all(children: Vec<Child>) -> String {
    let printed = children.into_iter().map(|child| {
        let output = child.wait_with_output().expect("its end");
        assert!(output.status.success(), "{}", output.status);
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    });
    let mut tokens: Vec<String> = printed.collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "more than one token");
    tokens.remove(0)
}

#[test]
fn short_programs_of_three_languages_use_one_token_of_one_file() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let of = |member| entry(&credentials, "meti_v2", member).to_owned();
    let home = sandbox.folder().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let package = build(&home);
    let runtime = Runtime::new().expect("a runtime");
    let gateway = runtime.block_on(Gateway::before(&sandbox.base()));
    let url = format!("{}/oauth/token", gateway.url);
    let folder = home.join(".cache/symbolon/tokens");
    let secret_file = home.join("secret");
    std::fs::write(&secret_file, of("client_secret")).expect("a secret");
    std::fs::set_permissions(&secret_file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let arguments = [url, of("client_id"), of("client_secret"), of("audience"), folder.display().to_string()];
    let programs = Programs { home: &home, arguments };
    let [url, client, _, audience, _] = &programs.arguments;
    let login = ["login", "--token-url", url, "--client-id", client, "--audience", audience, "--unchecked"];
    let mut login =
        programs.command(SYMBOLON.as_ref()).args(login).arg("--secret-file").arg(&secret_file).spawn();
    assert!(login.as_mut().expect("the binary").wait().expect("its end").success());

    let both = || (0..8).flat_map(|_| [programs.rust(), programs.python()]).collect();
    let first = token_of_all(both());
    assert_eq!(gateway.requests(), 1, "sixteen programs at once");
    assert_eq!(call(&of("api_url"), &first).status, 200);
    // Node cannot wait for the others' lock; what they left it takes.
    assert_eq!(token_of_all((0..3).map(|_| programs.node(&package)).collect()), first);
    assert_eq!(gateway.requests(), 1);

    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let names = || std::fs::read_dir(&folder).expect("the folder").map(|one| one.expect("a file").path());
    assert_eq!(mode(&folder), 0o700);
    assert!(names().all(|path| mode(&path) == 0o600));
    let file = names().find(|path| path.extension().is_some_and(|end| end == "json")).expect("the file");

    // Cut off, made by something else, or empty: the next token is one for all again.
    let good = std::fs::read_to_string(&file).expect("the file");
    let cut = good[..good.len() / 2].to_owned();
    let mut before = first;
    for (number, damaged) in [cut, "\u{0}\u{1}\u{2}".to_owned(), String::new()].iter().enumerate() {
        std::fs::write(&file, damaged).expect("a damaged file");
        let token = token_of_all((0..3).flat_map(|_| [programs.python(), programs.rust()]).collect());
        assert!(token != before && gateway.requests() == number + 2, "{damaged:?}");
        before = token;
    }
    // What Node writes, the others take.
    std::fs::remove_file(&file).expect("the file");
    let nodes = token_of_all(vec![programs.node(&package)]);
    assert_eq!(token_of_all(both()), nodes);
    assert_eq!(gateway.requests(), 5);
    assert!(names().all(|path| mode(&path) == 0o600));
}
