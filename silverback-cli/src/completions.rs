//! Completions for shells, and the man page.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Args, trouble::Trouble};

/// Prints the script that makes `shell` complete our command lines.
pub(crate) fn print_completions(shell: Shell) -> Result<(), Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "silverback", &mut script);
    print(&script)
}

/// Prints the manual page of the program, and those of its commands after it.
pub(crate) fn print_man_page() -> Result<(), Trouble> {
    let mut command = Args::command();
    command.build();
    let mut text = Vec::new();
    let pages = std::iter::once(&command).chain(command.get_subcommands().filter(|sub| sub.get_name() != "help"));
    for page in pages {
        let rendered = clap_mangen::Man::new(page.clone()).render(&mut text);
        rendered.map_err(|error| Trouble::System(format!("cannot write the manual page: {error}")))?;
    }
    print(&text)
}

/// A closed pipe behind us is no trouble: whoever reads has seen enough.
fn print(text: &[u8]) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Trouble::System(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
