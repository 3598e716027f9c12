//! Blocks of code that quote a file. Above such a block stands the comment `file: PATH`, and each part of the block, as
//! lines of `...` divide it, must be in that file word for word. So the page shows what a test has run.

use std::fs;

use super::page::Block;
use super::pages::Pages;

pub(super) fn complaints(pages: &Pages<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, page) in pages.of_the_book() {
        for block in &page.blocks {
            let Some(file) = block.comment.as_deref().and_then(|words| words.strip_prefix("file: ")) else { continue };
            let text = fs::read_to_string(pages.root.join(file)).unwrap_or_default();
            if let Some(lost) = first_lost(block, &text) {
                found.push(format!("{}:{}: {file} does not have \"{lost}\"", path.display(), block.line));
            }
        }
    }
    found
}

/// The first line of a part that the file does not have.
fn first_lost<'b>(block: &'b Block, file: &str) -> Option<&'b str> {
    let lines: Vec<&str> = block.text.lines().collect();
    let parts = lines.split(|line| line.trim_start().trim_start_matches(['/', '#', ' ']) == "...");
    parts.filter(|part| !part.is_empty()).find(|part| !file.contains(&part.join("\n"))).map(|part| part[0])
}

#[cfg(test)]
#[path = "quotes_tests.rs"]
mod tests;
