//! `symbolon audit verify`: whether the record of changes is still what was written (docs/audit.md).

use std::process::ExitCode;

use symbolon_core::audit::verify::{Report, verify as verify_realm};
use symbolon_core::id::RealmId;
use symbolon_core::store::Store;

use crate::cli::{KnownRecord, VerifyOptions};
use crate::config::Config;
use crate::open_store;

/// Something is wrong with a chain. (2 is what a wrong flag ends with.)
const BROKEN: u8 = 3;

/// Runs the command. Needs no keys: nothing that it reads is sealed.
pub async fn verify(options: VerifyOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(options.settings)?;
    config.database.expect_there()?;
    let store = open_store::open(config.database).await?;
    let reports = verify_all(&*store, &options.known).await;
    store.close().await;
    let reports = reports?;
    if options.json {
        println!("{}", serde_json::json!({ "realms": reports }));
    } else {
        for report in &reports {
            print!("{}", tell(report));
        }
    }
    let holds = reports.iter().all(Report::holds);
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

/// Verifies the chains of all realms, and of those that somebody knows a record of.
async fn verify_all(store: &dyn Store, known: &[KnownRecord]) -> anyhow::Result<Vec<Report>> {
    let mut realms: Vec<RealmId> = store.list_realms().await?.into_iter().map(|realm| realm.id).collect();
    for known in known {
        if !realms.contains(&known.realm) {
            realms.push(known.realm.clone());
        }
    }
    let mut reports = Vec::with_capacity(realms.len());
    for realm in &realms {
        let of_realm = known.iter().filter(|known| known.realm == *realm).map(|known| known.record.clone());
        reports.push(verify_realm(store, realm, &of_realm.collect::<Vec<_>>()).await?);
    }
    Ok(reports)
}

/// What a person is told of a realm.
fn tell(report: &Report) -> String {
    use std::fmt::Write as _;
    let Report { realm, records, unchained, chain, findings, further } = report;
    let outcome = if report.holds() { "the chain holds" } else { "THE CHAIN IS BROKEN" };
    let mut text = format!("{realm}: {outcome}, {records} records\n");
    let mut line = |line: &str| {
        let _ = writeln!(text, "  {line}");
    };
    if chain.anchor.number > 0 {
        line(&format!("begins behind record {}, the last that was forgotten by age", chain.anchor.number));
    }
    if *unchained > 0 {
        line(&format!("{unchained} older records are from before there was a chain, and not covered"));
    }
    for finding in findings {
        line(&format!("! {finding}"));
    }
    if *further > 0 {
        line(&format!("! and {further} findings more"));
    }
    if chain.head.number > 0 {
        line(&format!("head {realm}:{}:{}", chain.head.number, chain.head.hash));
    }
    text
}
