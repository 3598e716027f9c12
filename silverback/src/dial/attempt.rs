//! The failed connection attempts, one for each address, for the error if no address could be reached.

use std::{fmt, io, net::SocketAddr, sync::Arc};

/// A failed attempt to connect to an address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// Why the attempt failed.
    pub error: Arc<io::Error>,
}

/// All failed attempts, inside an `io::Error`. Never empty.
#[derive(Debug)]
pub(super) struct Attempts(Vec<Attempt>);

impl Attempts {
    /// Joins all attempts into one error. Its kind is that of the first address, which the system prefers.
    pub(super) fn into_error(attempts: Vec<Attempt>) -> io::Error {
        match attempts.first() {
            Some(first) => io::Error::new(first.error.kind(), Self(attempts)),
            None => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
        }
    }

    pub(super) fn within(error: &io::Error) -> &[Attempt] {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        inner.map_or(&[], |attempts| &attempts.0)
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for attempt in &self.0 {
            write!(f, "{separator}{}: {}", attempt.address, attempt.error)?;
            separator = "; ";
        }
        Ok(())
    }
}

impl std::error::Error for Attempts {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.first().map(|attempt| &*attempt.error as _)
    }
}
