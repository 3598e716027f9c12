//! Dead links: files, pages and anchors that do not exist. Links to other sites are not looked at.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::page::Link;
use super::pages::{BOOK, Pages, SUMMARY};

pub(super) fn complaints(pages: &Pages<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, page) in &pages.pages {
        for link in page.links.iter().filter(|link| !is_foreign(&link.target)) {
            if let Err(words) = check(pages, path, link) {
                found.push(format!("{}:{}: {words}", path.display(), link.line));
            }
        }
    }
    found
}

/// Readers of the book find only the pages that its summary names.
pub(super) fn not_in_the_summary(pages: &Pages<'_>) -> Vec<String> {
    let summary = Path::new(SUMMARY);
    let links = pages.pages.get(summary).into_iter().flat_map(|page| &page.links);
    let named: Vec<PathBuf> = links.map(|link| target(summary, &link.target).0).collect();
    let once: BTreeSet<_> = named.iter().collect();
    let mut found: Vec<_> = pages
        .of_the_book()
        .filter(|(path, _)| *path != summary && !once.contains(path))
        .map(|(path, _)| format!("{}: {SUMMARY} does not name it", path.display()))
        .collect();
    if once.len() != named.len() {
        found.push(format!("{SUMMARY} names a page twice"));
    }
    found
}

fn check(pages: &Pages<'_>, from: &Path, link: &Link) -> Result<(), String> {
    let (path, anchor) = target(from, &link.target);
    let full = pages.root.join(&path);
    if !full.exists() {
        return Err(format!("{} does not exist", path.display()));
    }
    if full.is_dir() && from.starts_with(BOOK) {
        return Err(format!("{} is a folder, which the book cannot show", path.display()));
    }
    match (anchor, pages.pages.get(&path)) {
        (Some(anchor), Some(page)) if !page.anchors.contains(anchor) => {
            Err(format!("{} has no heading #{anchor}", path.display()))
        }
        (Some(anchor), None) => Err(format!("{} has no headings, and the link says #{anchor}", path.display())),
        _ => Ok(()),
    }
}

/// The file that a link of a page means, from the root of the project, and the anchor.
pub(super) fn target<'l>(from: &Path, link: &'l str) -> (PathBuf, Option<&'l str>) {
    let (file, anchor) = match link.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (link, None),
    };
    if file.is_empty() {
        return (from.to_owned(), anchor);
    }
    let mut path = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    (path, anchor)
}

/// To another site, or an address for mail.
pub(super) fn is_foreign(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
