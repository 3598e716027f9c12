//! Standard output for threads of their own.

use std::io::{self, Write};

/// Returns standard output without a buffer and without a lock. A thread that is blocked here then holds up nobody else
/// who looks at standard output, which the end of the program does.
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
