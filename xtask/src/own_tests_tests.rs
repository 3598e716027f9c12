use super::{count_passed, failed_test};

#[test]
fn the_counts_of_all_test_programs_are_added() {
    let output = "\
running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: ok. 40 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s
";
    assert_eq!(count_passed(output), 42);
}

#[test]
fn an_output_without_results_counts_nothing() {
    assert_eq!(count_passed("error: no such package\n"), 0);
}

#[test]
fn a_failed_test_is_known_by_its_line() {
    assert_eq!(failed_test("test close::a_close_is_answered ... FAILED"), Some("close::a_close_is_answered"));
    assert_eq!(failed_test("test close::a_close_is_answered ... ok"), None);
    assert_eq!(failed_test("test result: FAILED. 1 passed; 1 failed"), None);
}
