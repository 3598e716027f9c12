use std::collections::BTreeMap;
use std::path::Path;

use super::{Files, names, places, rows, tests_in};

const SOURCE: &str = "\
#[test]
fn at_the_top() {
    if true {
    }
}

fn a_helper() {}

mod inside {
    mod deeper {
        #[tokio::test(start_paused = true)]
        async fn waits() {}
    }

    proptest! {
        #[test]
        fn holds_for_any(bytes in any::<Vec<u8>>()) {}
    }
}

#[test]
#[ignore = \"is slow\"]
fn at_the_end() {}
";

#[test]
fn tests_are_found_with_their_modules_and_helpers_are_not() {
    assert_eq!(tests_in(SOURCE), ["at_the_top", "inside::deeper::waits", "inside::holds_for_any", "at_the_end"]);
}

#[test]
fn names_are_what_looks_like_a_test_in_backquotes() {
    let line = "| `Close` a.rs::bare | `close/tests.rs::codes::one`, `x/it/y.rs::two` and `rules.rs` |";
    assert_eq!(names(line), ["close/tests.rs::codes::one", "x/it/y.rs::two"]);
    assert_eq!(places("| `/` | `rules.rs`, `handshake/` | `a.rs::b` |"), ["rules.rs", "handshake/"]);
}

#[test]
fn a_row_has_a_test_or_says_why_not() {
    let text = "\
words
| Clause | Test |
|---|---|
| a | `a.rs::b` |
| b | no test yet |
| c, no test yet | |
";
    let rows: Vec<_> = rows(text).collect();
    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [4, 5, 6]);
    assert_eq!(rows.iter().map(|row| row.complaint().is_some()).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn a_name_must_lead_to_a_test_in_the_core_or_in_another_package() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the work tree");
    let mut files = Files { root, seen: BTreeMap::new() };
    let here = "xtask/src/checks/conformance_tests.rs";
    assert_eq!(files.complaint(&format!("{here}::a_row_has_a_test_or_says_why_not")), None);
    assert_eq!(files.complaint("wire/mask/tests.rs::hello_is_masked_as_in_the_rfc"), None);
    assert!(files.complaint(&format!("{here}::a_row_that_is_not_there")).is_some());
    assert!(files.complaint("wire/mask/tests.rs::wrong_module::hello_is_masked_as_in_the_rfc").is_some());
    assert!(files.complaint("no_such_file.rs::hello").is_some());
    assert!(files.has("wire/rules.rs") && files.has("handshake/") && files.has(here));
    assert!(!files.has("no_such_file.rs"));
}
