//! `mdbook build`, on a copy of docs/ in the target folder.
//!
//! Pages link to programs and configurations outside docs/, which a book cannot show. The copy links to copies of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::links::{is_foreign, target};
use super::page;
use super::pages::{BOOK, Pages};
use crate::error::{Error, OrFailed as _, Verdict};
use crate::tools;
use crate::workspace::Workspace;

/// Builds the book in `target/book/html`, and fails at the first warning.
pub(super) fn run(workspace: &Workspace) -> Verdict {
    let mdbook = tools::cargo_tool_with(workspace, "mdbook", VERSION, &["--no-default-features"])?;
    let folder = workspace.target.join("book");
    if folder.exists() {
        fs::remove_dir_all(&folder).or_failed(folder.display())?;
    }
    copy(&workspace.root.join(BOOK), &folder.join("src"))?;
    fs::rename(folder.join("src/book.toml"), folder.join("book.toml")).or_failed("book.toml")?;
    let pages = Pages::read(&workspace.root)?;
    for (path, _) in pages.of_the_book() {
        link_to_copies(&pages, path, &folder.join("src"))?;
    }
    let log = workspace.log("book");
    workspace.task(mdbook).arg("build").arg(&folder).arg("--dest-dir").arg(folder.join("html")).run_logged(&log)?;
    let built = fs::read_to_string(&log).or_failed(log.display())?;
    let warnings: Vec<_> = built.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    if !warnings.is_empty() {
        return Err(Error::Failed(warnings.join("; ")));
    }
    Ok(format!("{} pages in {}", pages.of_the_book().count(), folder.join("html").display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).or_failed(to.display())?;
    for entry in fs::read_dir(from).or_failed(from.display())? {
        let entry = entry.or_failed(from.display())?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).or_failed(from.display())?;
        }
    }
    Ok(())
}

fn link_to_copies(pages: &Pages<'_>, path: &Path, book: &Path) -> Result<(), Error> {
    let inside = path.strip_prefix(BOOK).or_failed(path.display())?;
    let place = book.join(inside);
    let mut text = fs::read_to_string(&place).or_failed(place.display())?;
    // From the end, so that earlier places stay right.
    for link in page::read(&text).links.iter().rev().filter(|link| !is_foreign(&link.target)) {
        let (file, _) = target(path, &link.target);
        if file.starts_with(BOOK) {
            continue;
        }
        let mut copied = PathBuf::from("repository").join(&file).into_os_string();
        // A browser shows text and would download anything else.
        copied.push(".txt");
        let to = book.join(&copied);
        fs::create_dir_all(to.parent().unwrap_or(book)).or_failed(to.display())?;
        fs::copy(pages.root.join(&file), &to).or_failed(file.display())?;
        let up = "../".repeat(inside.components().count() - 1);
        let renamed =
            text[link.place.clone()].replacen(&link.target, &format!("{up}{}", Path::new(&copied).display()), 1);
        text.replace_range(link.place.clone(), &renamed);
    }
    fs::write(&place, text).or_failed(place.display())
}

const VERSION: &str = "0.5.4";
