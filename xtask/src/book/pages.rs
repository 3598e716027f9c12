//! Every page of the project.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::page::{self, Page};
use crate::error::{Error, OrFailed as _};

/// Every page of the project, by its path from the root.
pub(super) struct Pages<'a> {
    pub(super) root: &'a Path,
    pub(super) pages: BTreeMap<PathBuf, Page>,
}

impl<'a> Pages<'a> {
    pub(super) fn read(root: &'a Path) -> Result<Self, Error> {
        let mut pages = BTreeMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let shown = root.join(&folder);
            for entry in fs::read_dir(&shown).or_failed(shown.display())? {
                let name = entry.or_failed(shown.display())?.file_name();
                let (path, name) = (folder.join(&name), name.to_string_lossy());
                if root.join(&path).is_dir() {
                    let is_foreign = name.starts_with('.') || FOREIGN_FOLDERS.contains(&name.as_ref());
                    folders.extend((!is_foreign).then_some(path));
                } else if path.extension().is_some_and(|extension| extension == "md") {
                    let text = fs::read_to_string(root.join(&path)).or_failed(path.display())?;
                    pages.insert(path, page::read(&text));
                }
            }
        }
        Ok(Self { root, pages })
    }

    /// The pages of the book itself.
    pub(super) fn of_the_book(&self) -> impl Iterator<Item = (&PathBuf, &Page)> {
        self.pages.iter().filter(|(path, _)| path.starts_with(BOOK))
    }
}

pub(super) const BOOK: &str = "docs";
pub(super) const SUMMARY: &str = "docs/SUMMARY.md";
const FOREIGN_FOLDERS: &[&str] = &["target", "artifacts", "corpus", "node_modules"];
