use super::*;

#[test]
fn a_copy_is_a_text_that_mdbook_does_not_take_for_a_page() {
    let place = |file| place_of_copy(Path::new(file)).display().to_string();
    assert_eq!(place("examples/a.rs"), "repository/examples/a.rs.txt");
    assert_eq!(place("README.md"), "repository/README-md.txt");
}

#[test]
fn links_of_built_pages_to_missing_files_are_found() {
    let folder = std::env::temp_dir().join(format!("silverback-xtask-html-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let links = r##"<a href="b.html#x"> <a href="#here"> <a href="a.html"> <a href="https://example.com/b">"##;
    fs::write(folder.join("a.html"), links).expect("a file");
    let dead = dead_links(&folder).expect("a folder");
    fs::remove_dir_all(&folder).expect("a folder");
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert!(dead[0].ends_with("a.html: b.html does not exist"), "{dead:?}");
}
