//! Standard output: for a thread that writes alone, and for commands that print once.

use std::io::{self, Write};

use crate::error::Error;

/// Prints this and flushes. A reader that has closed its end of the pipe is not an error: it has seen enough.
pub(crate) fn print(text: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::System(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Returns standard output without a buffer and without a lock. The end of the program flushes standard output, so a thread
/// that is blocked here must not hold its lock.
pub(crate) fn unbuffered() -> impl Write + Send {
    #[cfg(unix)]
    return Unbuffered(io::stdout());
    #[cfg(not(unix))]
    io::stdout()
}

#[cfg(unix)]
struct Unbuffered(io::Stdout);

#[cfg(unix)]
impl Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
