use std::path::Path;

use super::{Dependency, is_licence};

#[test]
fn a_line_of_the_tree_names_a_crate_and_its_licence() {
    let parsed = Dependency::parse("bytes v1.12.2|MIT").expect("a crate");
    assert_eq!((parsed.to_string().as_str(), parsed.licence.as_str()), ("bytes 1.12.2", "MIT"));
    assert_eq!(Dependency::parse("bytes v1.12.2|MIT (*)"), Some(parsed));
}

#[test]
fn our_own_crates_are_no_dependencies() {
    assert_eq!(Dependency::parse("silverback v0.1.0 (/home/a/silverback/silverback)|MIT OR Apache-2.0"), None);
}

#[test]
fn licences_are_known_by_the_names_of_their_files() {
    for name in ["LICENSE-MIT", "license.txt", "COPYING", "third_party/fiat/LICENSE", "NOTICE.md", "UNLICENSE"] {
        assert!(is_licence(Path::new(name)), "{name}");
    }
    for name in ["src/license.rs", "README.md", "Cargo.toml", "src/unlicensed/mod.rs"] {
        assert!(!is_licence(Path::new(name)), "{name}");
    }
}
