use serde_json::{Value, json};

use super::fault;

fn check(line: &str, expected: Option<&str>) {
    let ours = json!({ "name": "ours", "version": "0.1.0", "source": null, "features": { "json": [] },
        "manifest_path": "/any/ours/Cargo.toml" });
    let theirs = json!({ "name": "theirs", "version": "1.20.3", "source": "registry", "features": { "macros": [] },
        "manifest_path": "/registry/theirs-1.20.3/Cargo.toml" });
    let known: [&Value; 2] = [&ours, &theirs];
    assert_eq!(fault(line, &known).as_deref(), expected, "{line}");
}

#[test]
fn crates_of_the_pages_must_exist_with_their_version_and_features() {
    check("ours = { path = \"../silverback/ours\", features = [\"json\"] }", None);
    check("ours = { path = \"../silverback/ours\", features = [\"xml\"] }", Some("ours has no feature xml"));
    check("theirs = \"1\"", None);
    check("theirs = { version = \"1.20\", features = [\"macros\"] }", None);
    check("theirs = { version = \"1\", features = [\"macros\", \"rt\"] }", Some("theirs has no feature rt"));
    for line in ["ours = { path = \"../ours\" }", "ours = \"0.1\"", "theirs = \"1.2\"", "other = \"1\""] {
        check(line, Some(&format!("no crate fits the line `{line}`")));
    }
    check("# a comment", None);
}
