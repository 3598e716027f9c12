use super::{difference, flat, items};

#[test]
fn the_difference_has_the_old_lines_and_then_the_new_ones() {
    assert_eq!(difference(&["a", "b", "c"], &["c", "d", "a"]), "- b\n+ d\n");
    assert_eq!(difference(&["a", "b"], &["b", "a"]), "");
}

#[test]
fn an_item_that_loses_one_of_its_two_paths_is_a_change() {
    assert_eq!(difference(&["impl A", "impl A"], &["impl A"]), "- impl A\n");
    assert_eq!(difference(&["impl A"], &["impl A", "impl A"]), "+ impl A\n");
}

#[test]
fn the_line_of_the_tools_is_no_item() {
    assert_eq!(items("# tools\n#[non_exhaustive] pub enum a::B\n"), ["#[non_exhaustive] pub enum a::B"]);
}

#[test]
fn types_of_our_other_crates_are_named_without_their_modules() {
    let line = "pub fn a::f(other_crate::x::y2::Z, &other_crate::Z) -> b::other_crate::T";
    assert_eq!(flat(line, "other-crate"), "pub fn a::f(other_crate::Z, &other_crate::Z) -> b::other_crate::T");
    assert_eq!(flat("pub use a::other", "other"), "pub use a::other");
}
