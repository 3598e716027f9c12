use serde_json::json;

use super::*;

#[test]
fn dependencies_of_tests_alone_are_not_built() {
    let node = |id: &str, deps: &[(&str, Option<&str>)]| {
        let deps: Vec<_> =
            deps.iter().map(|(pkg, kind)| json!({ "pkg": pkg, "dep_kinds": [{ "kind": kind }] })).collect();
        json!({ "id": id, "deps": deps })
    };
    let metadata = json!({ "resolve": { "nodes": [
        node("program", &[("library", None), ("test helper", Some("dev"))]),
        node("library", &[("build helper", Some("build")), ("program", Some("dev"))]),
        node("build helper", &[]),
        node("test helper", &[("helper of the helper", None)]),
        node("helper of the helper", &[]),
    ] } });
    let mut found: Vec<&str> = built(&metadata, ["program"].into_iter()).into_iter().collect();
    found.sort_unstable();
    assert_eq!(found, ["build helper", "library", "program"]);
}
