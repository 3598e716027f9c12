//! Blocks of Rust: a test of some crate compiles each of them, or the block quotes a file that is compiled, or a comment
//! above it says why not.

use std::fs;
use std::path::Path;

use super::pages::{BOOK, Pages};
use crate::workspace::Workspace;

pub(super) fn complaints(workspace: &Workspace, pages: &Pages<'_>) -> Vec<String> {
    let manifests = workspace.members().filter_map(|package| package["manifest_path"].as_str());
    let libraries: String = manifests
        .filter_map(|manifest| fs::read_to_string(Path::new(manifest).with_file_name("src/lib.rs")).ok())
        .collect();
    let mut found = Vec::new();
    for (path, page) in pages.of_the_book() {
        let name = path.strip_prefix(BOOK).unwrap_or(path).display().to_string();
        let is_compiled = [format!("{BOOK}/{name}\""), format!(": \"{name}\"")].iter().any(|it| libraries.contains(it));
        for block in page.blocks.iter().filter(|block| block.info.starts_with("rust")) {
            let is_excused =
                block.comment.as_deref().is_some_and(|words| EXCUSES.iter().any(|excuse| words.starts_with(excuse)));
            if !is_excused && (block.info.contains("ignore") || !is_compiled) {
                found.push(format!("{}:{}: no test compiles this", path.display(), block.line));
            }
        }
    }
    found
}

/// How the comment above a block begins.
const EXCUSES: &[&str] = &["file: ", "not compiled: "];
