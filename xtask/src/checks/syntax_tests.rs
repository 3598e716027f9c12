use super::{is_for_tests, names_of_file};

#[track_caller]
fn check(source: &str, count: usize) {
    let names = names_of_file(source).expect("Rust source");
    assert_eq!(names.iter().filter(|name| *name == "unsafe").count(), count, "{names:?}");
}

#[test]
fn keywords_are_found_at_any_depth() {
    check("fn f() {\n    unsafe { g() }\n}\nunsafe fn g() {}\n", 2);
    check("macro_rules! m { () => { [unsafe { f() }] } }", 1);
}

#[test]
fn longer_words_comments_and_literals_do_not_count() {
    check("#![forbid(unsafe_code)]\nfn not_unsafe() {}\n", 0);
    check("//! unsafe\n/* unsafe /* unsafe */ */ fn f() {} // unsafe\n/// unsafe\nfn g() {}", 0);
    check(r####"const A: &str = "unsafe \" unsafe"; const B: &str = r#"unsafe " unsafe"#; const C: char = '"';"####, 0);
}

#[test]
fn conditions_that_hold_in_tests_alone_are_known() {
    let is_for_tests = |condition: &str| {
        let item: syn::ItemMod = syn::parse_str(&format!("#[cfg({condition})] mod tests;")).expect("a module");
        is_for_tests(&item.attrs)
    };
    for condition in ["test", "all(test, unix)", "all(test, any(unix, windows), not(loom))"] {
        assert!(is_for_tests(condition), "{condition}");
    }
    for condition in ["unix", "not(test)", "any(test, unix)", "all(unix, not(test))", "feature = \"test\""] {
        assert!(!is_for_tests(condition), "{condition}");
    }
}
