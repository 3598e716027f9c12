use super::*;

fn block(text: &str) -> Block {
    Block { info: "rust,ignore".to_owned(), text: text.to_owned(), line: 1, comment: None }
}

#[test]
fn a_quotation_is_word_for_word_and_may_leave_lines_out() {
    let file = "fn main() {\n    one();\n    two();\n    three();\n}\n";
    assert_eq!(first_lost(&block("    one();\n    two();\n"), file), None);
    assert_eq!(first_lost(&block("fn main() {\n    // ...\n    three();\n"), file), None);
    assert_eq!(first_lost(&block("    one();\n    three();\n"), file), Some("    one();"));
}
