//! The TypeScript client as its users get it: built, packed, installed into an empty folder, and run from there with its
//! own tests and the examples of its README, against the binary and a server that is not ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::clients::from_environment;
use crate::support::SYMBOLON;

/// The repository's folder of clients.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk");
/// Node's test runner ends a test that hangs after so many milliseconds.
const TIME_LIMIT: &str = "--test-timeout=300000";

/// A command that ends well, and what it printed.
fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let printed = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{command:?}: {status}\n{printed}\n{}", String::from_utf8_lossy(&stderr));
    printed
}

fn node(folder: &Path) -> Command {
    let mut command = Command::new(from_environment("SYMBOLON_TEST_NODE"));
    command.current_dir(folder);
    command
}

/// The npm that came with that Node. It needs no network here.
fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let node = from_environment("SYMBOLON_TEST_NODE");
    let programs = node.parent().expect("a folder of programs");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = [programs.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new(programs.join("npm"));
    command.current_dir(folder).args(arguments).args(["--offline", "--ignore-scripts", "--loglevel=error"]);
    command.env("PATH", std::env::join_paths(all).expect("a search path")).env("HOME", folder);
    command
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the folder") {
        let entry = entry.expect("an entry");
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if ["node_modules", "dist", "build"].iter().any(|made| name == *made) {
            continue;
        }
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Builds the package and its tests; the folder of the clone stays as it is.
pub(crate) fn build(folder: &Path) -> PathBuf {
    let package = folder.join("package");
    copy(&Path::new(SDK).join("typescript"), &package);
    let modules = from_environment("SYMBOLON_TEST_NODE_MODULES");
    std::os::unix::fs::symlink(&modules, package.join("node_modules")).expect("a link");
    let compiler = modules.join("typescript/bin/tsc");
    succeeds(node(&package).arg(&compiler));
    succeeds(node(&package).arg(&compiler).args(["-p", "tsconfig.test.json"]));
    package
}

/// Packs it, and installs the archive into a folder in which nothing else is.
fn install(folder: &Path, package: &Path) -> PathBuf {
    let archive = succeeds(&mut npm(package, &["pack", "--silent"]));
    let archive = package.join(archive.trim());
    let listed = succeeds(Command::new("tar").arg("-tf").arg(&archive));
    let belongs = |name: &str| {
        let name = name.strip_prefix("package/").unwrap_or_default();
        let is_code =
            Path::new(name).extension().is_some_and(|extension| extension == "js" || extension == "ts");
        (name.starts_with("dist/") && is_code) || ["package.json", "README.md"].contains(&name)
    };
    assert!(listed.lines().all(belongs), "{listed}");

    let empty = folder.join("program");
    std::fs::create_dir(&empty).expect("a folder");
    std::fs::write(empty.join("package.json"), r#"{"private":true,"type":"module"}"#).expect("a manifest");
    let archive = archive.to_str().expect("a path");
    succeeds(&mut npm(&empty, &["install", "--no-audit", "--no-fund", archive]));
    let installed = std::fs::read_dir(empty.join("node_modules")).expect("what was installed");
    let names: Vec<_> = installed.map(|entry| entry.expect("an entry").file_name()).collect();
    let packages: Vec<_> = names.iter().filter(|name| !name.to_string_lossy().starts_with('.')).collect();
    assert_eq!(packages, ["symbolon"], "it depends on nothing");
    empty
}

#[test]
fn the_typescript_client_installs_and_passes_its_tests_against_the_binary() {
    let folder = tempfile::tempdir().expect("a folder");
    let package = build(folder.path());
    let program = install(folder.path(), &package);
    copy(&package.join("build"), &program.join("tests"));
    std::fs::copy(package.join("README.md"), program.join("README.md")).expect("a copy");

    // Its types, to a strict compiler without Node's.
    copy(&package.join("test/consumer"), &program.join("consumer"));
    let compiler = package.join("node_modules/typescript/bin/tsc");
    succeeds(node(&program).arg(compiler).args(["-p", "consumer"]));

    let mut tests: Vec<_> = std::fs::read_dir(program.join("tests"))
        .expect("the tests")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".test.js"))
        .collect();
    tests.sort();
    let mut command = node(&program);
    command.args(["--test", "--test-reporter=tap", "--test-concurrency=1", TIME_LIMIT]).args(&tests);
    command.env("SYMBOLON_BIN", SYMBOLON).env("SYMBOLON_VECTORS", Path::new(SDK).join("vectors"));
    command.env("SYMBOLON_DOCS", Path::new(SDK).join("../docs/calling"));
    let printed = succeeds(&mut command);
    let count = |what: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(&format!("# {what} ")));
        line.and_then(|number| number.parse::<u32>().ok()).unwrap_or_else(|| panic!("{printed}"))
    };
    assert!(count("pass") > 200, "{printed}");
    assert_eq!((count("fail"), count("skipped"), count("todo")), (0, 0, 0), "{printed}");
    for told in printed.lines().filter(|line| line.contains(" calls, ")) {
        println!("{}", told.trim_start_matches([' ', '#']));
    }
    print!("{}", succeeds(node(&program).arg("tests/bench.js")));
}
