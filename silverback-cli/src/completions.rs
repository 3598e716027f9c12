//! Completions for shells, and the man pages.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{args::Args, error::Error, standard_output::print};

/// Prints the completion script for `shell`.
pub(crate) fn print_completions(shell: Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "silverback", &mut script);
    print(&script)
}

/// Prints the man page of the program, followed by those of its commands.
pub(crate) fn print_man_pages() -> Result<(), Error> {
    let mut text = Vec::new();
    for page in man_pages() {
        page.render(&mut text).map_err(|error| Error::System(format!("cannot write the man pages: {error}")))?;
    }
    print(&text)
}

/// Writes each man page to a file of its own, as `man` finds it: `silverback.1`, `silverback-connect.1`.
pub(crate) fn write_man_pages(folder: &Path) -> Result<(), Error> {
    for page in man_pages() {
        let written = page.generate_to(folder);
        written.map_err(|error| {
            Error::Usage(format!("--directory {}: cannot write {}: {error}", folder.display(), page.get_filename()))
        })?;
    }
    Ok(())
}

/// The page of the program, then those of its commands and of their commands.
fn man_pages() -> Vec<Man> {
    let mut command = Args::command();
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages);
    pages
}

fn collect(command: &Command, pages: &mut Vec<Man>) {
    // The commands have no version of their own.
    pages.push(Man::new(command.clone()).source(concat!("silverback ", env!("CARGO_PKG_VERSION"))));
    // `silverback help` and `silverback hub help` print what the pages say.
    command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(|sub| collect(sub, pages));
}
