//! The units of systemd that the project ships: systemd finds no fault in them.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use silverback_testkit::broker::installed;

/// Copies the units into a folder, with the program of this test in place of the installed one.
fn units(folder: &Path) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = fs::read_dir(root.join("deploy/systemd")).unwrap();
    let mut units = Vec::new();
    for source in source.map(|entry| entry.unwrap().path()) {
        let kind = source.extension().unwrap_or_default();
        if kind == "service" || kind == "socket" {
            let text = fs::read_to_string(&source).unwrap();
            let program = env!("CARGO_BIN_EXE_silverback");
            let mut text = text.replace("=/usr/bin/silverback", &format!("={program}"));
            if source.ends_with("silverback-hub.service") {
                text += &secrets(&root);
            }
            let is_right =
                text.contains(program) && text.contains("\nType=notify\n") && text.contains("\nWatchdogSec=");
            assert!(kind == "socket" || is_right, "{} starts the program and listens to it", source.display());
            let unit = folder.join(source.file_name().unwrap());
            fs::write(&unit, text).unwrap();
            units.push(unit);
        }
    }
    units
}

/// The lines of the page about secrets, which an operator adds to the unit of the hub.
fn secrets(root: &Path) -> String {
    let page = fs::read_to_string(root.join("docs/deploy/systemd.md")).unwrap();
    let mut blocks = page.split("```ini\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains("LoadCredential=")).expect("lines about secrets").to_owned()
}

#[test]
fn systemd_finds_no_fault_in_the_units_and_calls_them_confined() {
    let Some(analyze) = installed("SILVERBACK_SYSTEMD_ANALYZE", "systemd-analyze", "Debian: systemd") else { return };
    let folder = std::env::temp_dir().join(format!("silverback-it-units-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let units = units(&folder);
    assert!(units.iter().filter(|unit| unit.extension().unwrap() == "socket").count() >= 2, "{units:?}");
    let output = Command::new(&analyze).args(["verify", "--man=no"]).args(&units).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
    for unit in units.iter().filter(|unit| unit.extension().unwrap() == "service") {
        // In tenths: 2.5 of 10, where less is better. Ten would be a service that may do everything.
        let arguments = ["security", "--offline=true", "--threshold=25", "--no-pager"];
        let output = Command::new(&analyze).args(arguments).arg(unit).output().unwrap();
        let table = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{table}");
        assert!(table.contains("Overall exposure level"), "{table}");
    }
    fs::remove_dir_all(folder).unwrap();
}
