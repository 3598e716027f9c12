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
    let dead = dead_links(&folder.join("html"))?;
    if !dead.is_empty() {
        return Err(Error::Failed(dead.join("; ")));
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
        let copied = place_of_copy(&file);
        let to = book.join(&copied);
        fs::create_dir_all(to.parent().unwrap_or(book)).or_failed(to.display())?;
        fs::copy(pages.root.join(&file), &to).or_failed(file.display())?;
        let up = "../".repeat(inside.components().count() - 1);
        let renamed = text[link.place.clone()].replacen(&link.target, &format!("{up}{}", copied.display()), 1);
        text.replace_range(link.place.clone(), &renamed);
    }
    fs::write(&place, text).or_failed(place.display())
}

/// A browser shows text and would download anything else. mdBook takes every name with `.md` for a page.
fn place_of_copy(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy().replace(".md", "-md");
    Path::new("repository").join(file).with_file_name(format!("{name}.txt"))
}

/// Links of the built pages to files that do not exist.
fn dead_links(html: &Path) -> Result<Vec<String>, Error> {
    let mut dead = Vec::new();
    let mut folders = vec![html.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).or_failed(folder.display())? {
            let path = entry.or_failed(folder.display())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") && !path.ends_with("404.html") {
                let text = fs::read_to_string(&path).or_failed(path.display())?;
                let files = text.split("href=\"").skip(1).filter_map(|rest| rest.split(['"', '#']).next());
                let lost = files.filter(|file| !is_foreign(file) && !folder.join(file).exists());
                dead.extend(lost.map(|file| format!("{}: {file} does not exist", path.display())));
            }
        }
    }
    Ok(dead)
}

const VERSION: &str = "0.5.4";

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
