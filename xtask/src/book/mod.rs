//! The book in docs/: its links, its table of contents, its snippets and commands, and its build with mdBook.

mod build;
mod commands;
mod links;
mod manifests;
mod page;
mod pages;
mod quotes;
mod snippets;

use self::pages::Pages;
use crate::error::{Error, Verdict};
use crate::workspace::Workspace;

/// The step `book`.
pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let complaints = complaints(workspace)?;
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !complaints.is_empty() {
        return Err(Error::Failed(complaints.join("; ")));
    }
    build::run(workspace)
}

/// What is wrong and needs no tool to be found. The step `promises` asks too, so that a quick run finds dead links.
pub(crate) fn complaints(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let pages = Pages::read(&workspace.root)?;
    let mut complaints = links::complaints(&pages);
    complaints.extend(links::not_in_the_summary(&pages));
    complaints.extend(quotes::complaints(&pages));
    complaints.extend(snippets::complaints(workspace, &pages));
    complaints.extend(manifests::complaints(workspace, &pages));
    complaints.extend(manifests::unknown_features(workspace)?);
    complaints.extend(commands::complaints(workspace, &pages));
    Ok(complaints)
}
