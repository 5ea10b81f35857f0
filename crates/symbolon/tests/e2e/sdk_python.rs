//! Symbolon's client for Python as its users get it: a wheel in an empty environment. Its own tests, the vectors and the
//! programs of its README and of docs/calling run there, against the binary and against node oidc-provider.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients::from_environment;
use crate::support::SYMBOLON;

/// The package.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/python");

/// A program of a user who checks types strictly.
const TYPED: &str = "
import asyncio
from symbolon import AsyncTokenSource, ClientCredentials, DiskCache, Env, File, Keycloak, TokenError, TokenSource
from symbolon.httpx import SymbolonAuth as ForHttpx
from symbolon.requests import SymbolonAuth as ForRequests

def use(source: TokenSource) -> str:
    try:
        return source.token()
    except TokenError as error:
        return f'{error.kind} {error.is_temporary} {error.retry_after}'

async def use_async(source: AsyncTokenSource) -> str:
    return await source.token()

source = TokenSource(
    ClientCredentials('id', [File('/run/secrets/api'), Env('SECRET')], issuer='https://auth.example.com'),
    patience=5,
    cache=DiskCache('/tmp/tokens'),
)
other = AsyncTokenSource(Keycloak('https://sso.example.com', 'realm', 'id', 'secret'))
auth = ForRequests(source), ForHttpx(source), ForHttpx(other)
print(use(source), asyncio.run(use_async(other)))
";

/// What a user sees who has nothing but this package.
const ALONE: &str = "
import importlib.metadata, symbolon
needed = [one for one in importlib.metadata.requires('symbolon-client') or [] if 'extra ==' not in one]
assert not needed, needed
for name in ('requests', 'httpx'):
    try:
        __import__(f'symbolon.{name}')
    except ModuleNotFoundError as error:
        assert error.name == name, error
    else:
        raise AssertionError(f'{name} is installed here')
print(symbolon.__file__)
";

/// A virtual environment with the wheel in it and nothing else.
struct Installed {
    kept: tempfile::TempDir,
}

impl Installed {
    /// Builds source distribution and wheel, the latter from the former, and installs it.
    fn new() -> Self {
        let kept = tempfile::tempdir().expect("a folder");
        let installed = Self { kept };
        let tools = from_environment("SYMBOLON_TEST_PYTHON");
        let built = installed.path("built");
        runs(
            Command::new(&tools).args(["-m", "build", "--no-isolation", "--outdir"]).arg(&built).arg(PACKAGE),
        );
        let wheel = files_of(&built, ".whl").pop().expect("a wheel");
        assert_eq!(files_of(&built, ".tar.gz").len(), 1, "the source distribution");
        runs(Command::new(&tools).args(["-m", "venv", "--without-pip"]).arg(installed.path("venv")));
        runs(
            Command::new(&tools)
                .args(["-m", "pip", "--disable-pip-version-check", "--python"])
                .arg(installed.python())
                .args(["install", "--quiet", "--no-index"])
                .arg(wheel),
        );
        installed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.kept.path().join(name)
    }

    fn python(&self) -> PathBuf {
        self.path("venv/bin/python")
    }

    fn run(&self, arguments: &[&str]) -> String {
        // In a folder from which nothing of the package can be imported by accident.
        runs(Command::new(self.python()).args(arguments).current_dir(self.kept.path()))
    }

    /// Lets what the test clients' environment has be imported here, too: pytest, httpx, requests.
    fn add_tools(&self) {
        let tools = from_environment("SYMBOLON_TEST_PYTHON");
        let place = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let theirs = runs(Command::new(&tools).args(["-c", place]));
        let ours = PathBuf::from(self.run(&["-c", place]).trim());
        std::fs::write(ours.join("tools.pth"), theirs).expect("a path file");
    }
}

/// The files of a folder whose names end so.
fn files_of(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

/// Runs a command that has to succeed, and gives what it printed.
fn runs(command: &mut Command) -> String {
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{printed}\n{said}");
    printed
}

#[test]
fn the_python_client_is_installed_alone_and_works_with_lifetimes_of_seconds() {
    let installed = Installed::new();
    let place = installed.run(&["-c", ALONE]);
    assert!(
        Path::new(place.trim()).starts_with(installed.kept.path().canonicalize().expect("a path")),
        "{place}"
    );

    installed.add_tools();
    let typed = installed.path("typed.py");
    std::fs::write(&typed, TYPED).expect("a program");
    let cache = installed.path("mypy").display().to_string();
    let mypy = ["-m", "mypy", "--strict", "--cache-dir", &cache];
    installed.run(&[mypy.as_slice(), &[&typed.display().to_string()]].concat());
    installed.run(&[mypy.as_slice(), &["-p", "symbolon"]].concat());

    let mut pytest = Command::new(installed.python());
    pytest
        .args(["-m", "pytest", "-rA", "--durations=5", "--rootdir", PACKAGE])
        .arg(Path::new(PACKAGE).join("tests"))
        .current_dir(installed.kept.path())
        // Other packages there have plugins of their own.
        .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        .env("SYMBOLON_BIN", SYMBOLON);
    let printed = runs(&mut pytest);
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.contains(" passed") && !last.contains("skipped"), "{printed}");
    for line in printed.lines().filter(|line| line.contains(" token requests") || line.contains("refused in"))
    {
        println!("{line}");
    }
    println!("{last}");
    println!("{}", installed.run(&[&Path::new(PACKAGE).join("bench.py").display().to_string()]));
}
