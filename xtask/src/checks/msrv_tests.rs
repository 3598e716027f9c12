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

#[test]
fn each_member_is_checked_by_its_own_version() {
    let workspace = Workspace::load().expect("the workspace");
    let members = by_version(&workspace).expect("every member declares a version");
    let of =
        |name: &str| members.iter().find(|(_, names)| names.iter().any(|one| one == name)).map(|(v, _)| v.as_str());
    assert_eq!((of("silverback"), of("silverback-hub-nats")), (Some("1.85"), Some("1.89")));
    for (version, names) in &members {
        assert_eq!(needs_more_than(&workspace, version, names).expect("versions"), Vec::<String>::new());
    }
    // async-nats needs more than the other crates declare.
    let nats = ["silverback-hub-nats".to_owned()];
    assert!(!needs_more_than(&workspace, "1.85", &nats).expect("versions").is_empty());
}
