use super::*;

#[test]
fn headings_get_the_ids_of_github_and_mdbook() {
    let page = read("# 5.1 to 5.4: framing\n\n## `silverback connect`, twice\n\n## Same\n\n## Same\n");
    let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
    assert_eq!(anchors, ["51-to-54-framing", "same", "same-1", "silverback-connect-twice"]);
}

#[test]
fn links_are_found_in_text_and_tables_and_not_in_code() {
    let page =
        read("See [one](one.md#a) and `[no](no.md)`.\n\n| a |\n|---|\n| [two](two.md) |\n\n```\n[no](no.md)\n```\n");
    let found: Vec<_> = page.links.iter().map(|link| (link.target.as_str(), link.line)).collect();
    assert_eq!(found, [("one.md#a", 1), ("two.md", 5)]);
}

#[test]
fn a_comment_belongs_to_the_block_right_below_it() {
    let page =
        read("<!-- file: a.rs -->\n```rust,ignore\nlet a = 1;\n```\n\n<!-- other -->\n\nText.\n\n```sh\nls\n```\n");
    let found: Vec<_> = page.blocks.iter().map(|block| (block.info.as_str(), block.comment.as_deref())).collect();
    assert_eq!(found, [("rust,ignore", Some("file: a.rs")), ("sh", None)]);
    assert_eq!(page.blocks[0].text, "let a = 1;\n");
}
