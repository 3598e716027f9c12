//! Completions for shells, and the man page.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Args, error::Error, standard_output::print};

/// Prints the completion script for `shell`.
pub(crate) fn print_completions(shell: Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "silverback", &mut script);
    print(&script)
}

/// Prints the man page of the program, followed by those of its commands.
pub(crate) fn print_man_page() -> Result<(), Error> {
    let mut command = Args::command();
    command.build();
    let mut text = Vec::new();
    let pages = std::iter::once(&command).chain(command.get_subcommands().filter(|sub| sub.get_name() != "help"));
    for page in pages {
        let rendered = clap_mangen::Man::new(page.clone()).render(&mut text);
        rendered.map_err(|error| Error::System(format!("cannot write the man page: {error}")))?;
    }
    print(&text)
}
