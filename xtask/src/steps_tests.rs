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
