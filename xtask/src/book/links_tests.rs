use std::fs;

use super::super::page;
use super::*;

fn pages(root: &Path, texts: &[(&str, &str)]) -> Pages<'static> {
    fs::create_dir_all(root.join("docs")).expect("a folder");
    let root: &'static Path = Box::leak(root.to_owned().into_boxed_path());
    let read = |(path, text): &(&str, &str)| {
        fs::write(root.join(path), text).expect("a file");
        (PathBuf::from(path), page::read(text))
    };
    Pages { root, pages: texts.iter().map(read).collect() }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("silverback-xtask-links-{name}-{}", std::process::id()))
}

#[test]
fn a_link_is_relative_to_its_page() {
    let from = Path::new("docs/how-to/tls.md");
    assert_eq!(target(from, "../http2.md#clients"), (PathBuf::from("docs/http2.md"), Some("clients")));
    assert_eq!(target(from, "#here"), (from.to_owned(), Some("here")));
    assert_eq!(target(from, "../../README.md"), (PathBuf::from("README.md"), None));
}

#[test]
fn missing_files_and_headings_are_found() {
    let root = folder("dead");
    let book = pages(
        &root,
        &[
            ("docs/a.md", "# A\n\n[b](b.md) [b](b.md#b) [gone](c.md) [lost](b.md#lost) [out](https://example.com/x)\n"),
            ("docs/b.md", "# B\n"),
        ],
    );
    let found = complaints(&book);
    fs::remove_dir_all(root).expect("a folder");
    assert_eq!(found, ["docs/a.md:3: docs/c.md does not exist", "docs/a.md:3: docs/b.md has no heading #lost"]);
}

#[test]
fn a_page_that_the_summary_does_not_name_is_found() {
    let root = folder("summary");
    let book = pages(&root, &[(SUMMARY, "[a](a.md)\n"), ("docs/a.md", "# A\n"), ("docs/b.md", "# B\n")]);
    let found = not_in_the_summary(&book);
    fs::remove_dir_all(root).expect("a folder");
    assert_eq!(found, ["docs/b.md: docs/SUMMARY.md does not name it"]);
}
