//! The unit for systemd, judged by systemd's own tool.

use std::path::Path;
use std::process::Command;

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
