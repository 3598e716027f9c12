use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::{collect_dependencies, forbidden_name, is_forbidden, too_long};
use crate::checks::syntax::names_of_file;

fn is_forbidden_in(file: &str, source: &str) -> bool {
    forbidden_name(Path::new(file), &names_of_file(source).expect("Rust source")).is_some()
}

#[test]
fn unsafe_is_allowed_in_the_mask_folder_only() {
    let source = "unsafe fn f() {}";
    assert!(!is_forbidden_in("silverback-proto/src/wire/mask/wide.rs", source));
    assert!(is_forbidden_in("silverback-proto/src/wire/masking.rs", source));
    assert!(is_forbidden_in("silverback/tests/it/main.rs", source));
}

#[test]
fn a_library_prints_nothing_but_programs_and_examples_may() {
    for source in
        ["println!(\"x\");", "dbg!(x)", "io::stderr().write_all(b)", "#[allow(clippy::print_stdout)] fn f() {}"]
    {
        for library in ["silverback-proto/src/deflate/mod.rs", "silverback/src/conn.rs", "silverback-axum/src/lib.rs"] {
            assert!(is_forbidden_in(library, source), "{source} in {library}");
        }
        for other in ["silverback-cli/src/main.rs", "silverback/examples/echo.rs", "silverback/tests/it/main.rs"] {
            assert!(!is_forbidden_in(other, source), "{source} in {other}");
        }
    }
    assert!(!is_forbidden_in("silverback/src/lib.rs", "//! println!(\"in words\")"));
}

#[test]
fn a_forbidden_name_stands_for_its_family_and_for_no_stranger() {
    assert!(is_forbidden("tokio") && is_forbidden("tokio-util") && is_forbidden("rand_core"));
    assert!(!is_forbidden("random-named-crate") && !is_forbidden("bytes"));
}

#[test]
fn dependencies_are_followed_to_any_depth_but_not_into_tests() {
    let shipped = |name| json!({ "pkg": name, "dep_kinds": [{ "kind": null }] });
    let for_tests = |name| json!({ "pkg": name, "dep_kinds": [{ "kind": "dev" }] });
    let metadata = json!({ "resolve": { "nodes": [
        { "id": "core", "deps": [shipped("http"), for_tests("proptest")] },
        { "id": "http", "deps": [shipped("tokio")] },
        { "id": "proptest", "deps": [shipped("rand")] },
    ] } });
    let mut reached = BTreeSet::new();
    collect_dependencies(&metadata, "core", &mut reached);
    assert_eq!(reached, BTreeSet::from(["http", "tokio"]));
}

#[test]
fn a_map_of_more_than_150_lines_is_too_long() {
    assert_eq!(too_long(&"a line\n".repeat(150)), None);
    assert!(too_long(&"a line\n".repeat(151)).is_some_and(|complaint| complaint.contains("151 lines")));
}
