//! What operators install: the unit for systemd, judged by systemd's own tool, and the page that they follow.

use std::path::Path;
use std::process::Command;

use crate::installation::Installation;
use crate::support::SYMBOLON;

/// The highest exposure, in tenths, that the unit may have; systemd calls up to 20 "OK" and 100 the most exposed.
const EXPOSURE: &str = "15";

#[test]
fn the_unit_is_valid_and_stays_confined() {
    let kept = tempfile::tempdir().expect("a folder");
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/symbolon.service");
    let text = std::fs::read_to_string(unit).expect("the unit");
    let installed = "/usr/local/bin/symbolon";
    assert!(text.contains(&format!("ExecStart={installed} serve --config")));
    let copy = kept.path().join("symbolon.service");
    std::fs::write(&copy, text.replace(installed, SYMBOLON)).expect("a copy");
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).arg(&copy);
        let output = command.output().expect("systemd-analyze: run these tests through `cargo xtask test`");
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    // It warns of unknown settings with a status of 0.
    assert_eq!(analyze(&["verify", "--man=no"]), "");
    let judged = analyze(&["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
    println!("{}", judged.lines().last().unwrap_or_default());
}

#[test]
fn the_documented_backup_takes_every_database_file() {
    let page = include_str!("../../../../docs/deploy.md");
    let backup = page.split_once("## Backup").expect("a section on backups").1;
    let list = backup.lines().find_map(|line| line.strip_prefix("for name in ")?.strip_suffix("; do"));
    let mut taken: Vec<_> = list.expect("a loop over names").split(' ').collect();
    let installation = Installation::new();
    let files = std::fs::read_dir(installation.data()).expect("the data folder");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let mut made: Vec<_> = names.filter_map(|name| Some(name.strip_suffix(".db")?.to_owned())).collect();
    taken.sort_unstable();
    made.sort_unstable();
    assert_eq!(made, taken);
}
