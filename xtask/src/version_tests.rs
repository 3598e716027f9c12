use super::parse;

#[test]
fn a_missing_patch_number_counts_as_zero() {
    assert_eq!(parse("1.85"), parse("1.85.0"));
}

#[test]
fn numbers_are_compared_as_numbers_and_not_as_text() {
    assert!(parse("1.9.0") < parse("1.10.0"));
}

#[test]
fn the_words_of_a_tool_are_skipped() {
    assert_eq!(parse("cargo-deny 0.20.2"), parse("0.20.2"));
    assert_eq!(parse("mdbook v0.5.4"), parse("0.5.4"));
    assert_eq!(parse("rustc 1.97.0-nightly (e50aa6fba 2026-05-19)"), parse("1.97"));
}

#[test]
fn words_alone_are_no_version() {
    assert_eq!(parse("unknown"), None);
}
