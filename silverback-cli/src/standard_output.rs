//! Standard output for threads of their own.

use std::io::{self, Write};

/// Returns standard output without a buffer and without a lock. A thread that is blocked here then holds up nobody else
/// who looks at standard output, which the end of the program does.
pub(crate) fn unbuffered() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    {
        use std::{fs::File, os::fd::AsFd};
        if let Ok(out) = io::stdout().as_fd().try_clone_to_owned() {
            return Box::new(File::from(out));
        }
    }
    Box::new(io::stdout())
}
