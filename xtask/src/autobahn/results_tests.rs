use super::super::suite::{Case, Catalogue};
use super::Results;
use crate::error::Error;

fn catalogue(ids: &[&str]) -> Catalogue {
    let case = |id: &&str| Case { id: (*id).to_owned(), title: String::new(), group: String::new() };
    Catalogue { versions: Vec::new(), cases: ids.iter().map(case).collect() }
}

fn results(cases: &[(&str, &str, &str)]) -> Results {
    let case = |(id, behavior, close): &(&str, &str, &str)| {
        format!(r#""{id}": {{ "behavior": "{behavior}", "behaviorClose": "{close}", "duration": 2 }}"#)
    };
    let cases: Vec<String> = cases.iter().map(case).collect();
    Results::parse(&format!(r#"{{ "silverback": {{ {} }} }}"#, cases.join(", "))).expect("a report")
}

#[track_caller]
fn check_fails(results: &Results, ids: &[&str], complaint: &str) {
    match results.verdict(&catalogue(ids)) {
        Err(Error::Failed(reason)) => assert!(reason.contains(complaint), "{reason}"),
        other => panic!("expected a failure, got {other:?}"),
    }
}

#[test]
fn all_ok_passes() {
    let results = results(&[("1.1.1", "OK", "OK"), ("7.1.6", "INFORMATIONAL", "INFORMATIONAL")]);
    let note = results.verdict(&catalogue(&["1.1.1", "7.1.6"])).expect("passes");
    assert_eq!(note, "1 of 2 cases OK, 1 informational");
}

#[test]
fn non_strict_is_a_failure() {
    check_fails(&results(&[("3.2", "NON-STRICT", "OK")]), &["3.2"], "3.2 NON-STRICT (close: OK)");
}

#[test]
fn a_wrong_end_is_a_failure() {
    check_fails(&results(&[("7.1.5", "OK", "WRONG CODE")]), &["7.1.5"], "7.1.5 OK (close: WRONG CODE)");
}

#[test]
fn informational_is_allowed_in_known_cases_only() {
    check_fails(&results(&[("1.1.1", "INFORMATIONAL", "INFORMATIONAL")]), &["1.1.1"], "1.1.1 INFORMATIONAL");
}

#[test]
fn a_case_that_did_not_run_is_a_failure() {
    check_fails(&results(&[("1.1.1", "OK", "OK")]), &["1.1.1", "1.1.2"], "1.1.2 did not run");
}

#[test]
fn a_report_about_another_agent_is_refused() {
    assert!(Results::parse(r#"{ "other": {} }"#).is_err());
}
