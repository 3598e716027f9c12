use super::lines_with_word;

#[track_caller]
fn check(source: &str, lines: &[usize]) {
    assert_eq!(lines_with_word(source, "unsafe"), lines);
}

#[test]
fn a_keyword_is_found_with_its_line() {
    check("fn f() {\n    unsafe { g() }\n}\nunsafe fn g() {}\n", &[2, 4]);
}

#[test]
fn a_longer_word_is_another_word() {
    check("#![forbid(unsafe_code)]\nfn not_unsafe() {}\n", &[]);
}

#[test]
fn comments_do_not_count() {
    check("// unsafe\n/* unsafe /* unsafe */ unsafe */ fn f() {}\n//! unsafe", &[]);
}

#[test]
fn literals_do_not_count() {
    check(
        r####"const A: &str = "unsafe \" unsafe"; const B: &str = r#"unsafe " unsafe"#; const C: char = '"';"####,
        &[],
    );
}

#[test]
fn code_after_a_literal_or_a_comment_counts() {
    check("const A: &str = \"a\nb\"; unsafe fn f<'a>() {}\nconst Q: char = '\\''; unsafe fn g() {}", &[2, 3]);
    check("/* a\n */ unsafe fn f() {}", &[2]);
    check("fn f(r#type: u8) { unsafe { g() } }", &[1]);
}
