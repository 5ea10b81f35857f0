//! `kill -9` in the middle of an import of many clients: what it had said to be done is there, no client is half done,
//! and the same import run again ends where an undisturbed one would have.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::store::PageRequest;
use symbolon_core::trail::{ChangeFilter, TrailRequest};

use crate::installation::{Installation, LOADER, SECRET, printed};
use crate::postgres::Database;
use crate::support::{PATIENCE, SYMBOLON};

/// Enough for several transactions before and after each kill.
const CLIENTS: usize = 6000;
const KILLS: u64 = 4;
/// Steps that are no client and no key: the API and the organization.
const OTHERS: usize = 2;

/// An export of Keycloak with so many clients, `machine-00000` and so on.
pub(crate) fn realm_with_clients(count: usize, folder: &Path) -> PathBuf {
    let client = |number: usize| {
        json!({
            "clientId": format!("machine-{number:05}"),
            "secret": SECRET,
            "serviceAccountsEnabled": true,
            "protocol": "openid-connect",
            "defaultClientScopes": ["machines.read"],
            "optionalClientScopes": [],
        })
    };
    let clients: Vec<_> = (0..count).map(client).collect();
    let file = folder.join("realm.json");
    std::fs::write(&file, json!({ "realm": "default", "clients": clients }).to_string()).expect("an export");
    file
}

fn import(installation: &Installation, file: &Path) -> Command {
    let mut command = Command::new(SYMBOLON);
    command.args(["import", "keycloak"]).arg(file);
    installation.place(&mut command);
    command.args(["--organization", "moved", "--audience", "https://machines.example"]);
    command.args(["--base-url", "https://auth.example", "--log", "debug"]);
    command
}

/// The steps that a log says are done for good.
pub(crate) fn acknowledged(log: &Path) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let steps = text.lines().filter(|line| line.contains("done for good")).filter_map(|line| {
        let (_, steps) = line.split_once("steps=")?;
        steps.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    steps.max().unwrap_or_default()
}

/// How many clients there are. Each must have its one key.
fn whole_clients(installation: &Installation) -> usize {
    let (realm, organization) =
        (RealmId::new("default").expect("an id"), OrganizationId::new("moved").expect("an id"));
    installation.look(async |store| {
        let (mut page, mut count) = (PageRequest::first(), 0);
        loop {
            let found = store.list_clients_with_keys(&realm, &organization, &page).await.expect("clients");
            let half: Vec<_> = found.items.iter().filter(|known| known.keys.len() != 1).collect();
            assert!(half.is_empty(), "without their key: {half:?}");
            count += found.items.len();
            page.after = found.next;
            if page.after.is_none() {
                return count;
            }
        }
    })
}

#[test]
fn an_import_that_is_killed_loses_nothing_it_told_of_and_converges_when_it_is_repeated() {
    is_killed_again_and_again(&Installation::new());
}

#[test]
fn an_import_into_postgresql_that_is_killed_loses_nothing_it_told_of_and_converges() {
    let database = Database::new();
    is_killed_again_and_again(&Installation::in_postgres(database.url()));
}

fn is_killed_again_and_again(installation: &Installation) {
    let folder = installation.data().parent().expect("a folder").to_owned();
    let file = realm_with_clients(CLIENTS, &folder);
    let server = installation.serve();
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut before = 0;
    for kill in 1..=KILLS {
        let log = folder.join(format!("import-{kill}.log"));
        let mut command = import(installation, &file);
        // It shows no bar where nobody looks.
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).expect("a log")).spawn();
        let mut child = child.expect("an import");
        let began = Instant::now();
        // Somewhere in what is left, and then somewhere in a transaction.
        let left = 2 * (CLIENTS - before);
        let until =
            usize::try_from(seed.wrapping_mul(kill * 2_654_435_761) % 1000).expect("a number") * left / 2000;
        while acknowledged(&log) < until.max(1) && child.try_wait().expect("its state").is_none() {
            assert!(
                began.elapsed() < PATIENCE,
                "no progress: {}",
                std::fs::read_to_string(&log).expect("a log")
            );
            std::thread::park_timeout(Duration::from_millis(1));
        }
        std::thread::park_timeout(Duration::from_millis(seed.wrapping_mul(kill) % 90));
        child.kill().expect("a kill");
        let ended = child.wait().expect("its end");
        assert!(
            ended.signal() == Some(9) || ended.success(),
            "{}",
            std::fs::read_to_string(&log).expect("a log")
        );
        let acknowledged = acknowledged(&log);
        let now = whole_clients(installation);
        println!("kill {kill}: {acknowledged} steps told, {} clients done", now - before);
        assert!(OTHERS + 2 * (now - before) >= acknowledged, "{acknowledged} steps were told of");
        server.token(LOADER);
        before = now;
    }
    let output = import(installation, &file).output().expect("an import");
    assert!(output.status.success(), "{}", printed(&output));
    assert!(!printed(&output).contains('\r'), "a bar was drawn for nobody");
    assert_eq!(whole_clients(installation), CLIENTS);
    let again = import(installation, &file).output().expect("an import");
    assert!(printed(&again).contains("Nothing to do"), "{}", printed(&again));
    // Each was made once.
    let realm = RealmId::new("default").expect("an id");
    let rows = installation.look(async |store| {
        let (mut rows, mut page) = (Vec::new(), TrailRequest { limit: 1000, ..TrailRequest::default() });
        loop {
            let some = store.list_audit(&realm, &ChangeFilter::default(), &page).await.expect("audit");
            rows.extend(some.items);
            page.after = some.next;
            if page.after.is_none() {
                return rows;
            }
        }
    });
    let made: Vec<&str> = rows
        .iter()
        .filter(|row| row.action == "create" && row.subject_id.starts_with("machine-"))
        .map(|row| row.subject_id.as_str())
        .collect();
    assert_eq!((made.len(), made.iter().collect::<HashSet<_>>().len()), (2 * CLIENTS, 2 * CLIENTS));
    // The server that ran all the while knows them.
    let last = format!("machine-{:05}", CLIENTS - 1);
    let token = server.token((&last, SECRET));
    assert_eq!(crate::http::claims(&token.token)["aud"], "https://machines.example");
    server.stop();
}
