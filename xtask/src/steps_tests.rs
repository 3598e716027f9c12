use std::fs;
use std::path::Path;

use super::{ALL, QUICK, chosen};
use crate::command_line::TestRequest;

fn names(request: &TestRequest) -> Vec<&'static str> {
    chosen(request).expect("steps").iter().map(|step| step.name).collect()
}

#[test]
fn the_quick_steps_are_format_lints_tests_and_documentation() {
    let quick = names(&TestRequest { quick: true, ..TestRequest::default() });
    assert_eq!(quick, ["fmt", "promises", "conformance", "clippy", "rustdoc", "tests"]);
    assert_eq!(quick.len(), QUICK.len());
}

#[test]
fn every_step_runs_unless_some_are_named() {
    assert_eq!(names(&TestRequest::default()).len(), ALL.len());
    assert_eq!(names(&TestRequest { only: vec!["fmt".to_owned()], ..TestRequest::default() }), ["fmt"]);
    assert!(chosen(&TestRequest { only: vec!["fnt".to_owned()], ..TestRequest::default() }).is_err());
}

#[test]
fn every_step_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let into = if path.is_dir() { &mut folders } else { &mut files };
            into.push(path);
        }
    }
    let mut count = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(file).expect("a page");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for rest in text.split("cargo xtask test --only ").skip(1) {
            let names = rest.split([' ', '`']).next().unwrap_or_default();
            for name in names.split(',') {
                assert!(ALL.iter().any(|step| step.name == name), "{}: there is no step {name}", file.display());
                count += 1;
            }
        }
    }
    assert!(count > 5, "only {count} names were found");
}
