//! A reverse proxy that ends TLS, and the servers behind it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::process::{Running, Task};
use crate::ready;

/// The servers behind.
pub(super) struct Behind {
    /// Our service with the default ping interval, which is longer than any test here.
    pub(super) service: SocketAddr,
    /// Our service with a ping interval below [`CUT_OFF`].
    pub(super) pinging: SocketAddr,
    pub(super) python: SocketAddr,
}

/// A reverse proxy with its addresses, all with TLS.
pub(super) struct Front {
    pub(super) name: &'static str,
    /// To our service under `/ws/` and to Python elsewhere, with a long timeout.
    pub(super) patient: SocketAddr,
    /// To our service, cut after [`CUT_OFF`].
    pub(super) hasty: SocketAddr,
    /// To our service that pings, cut as well.
    pub(super) pinged: SocketAddr,
    /// To our service, for clients with a certificate.
    pub(super) choosy: SocketAddr,
}

impl Front {
    pub(super) fn start(
        name: &'static str,
        task: Task,
        [patient, hasty, pinged, choosy]: [SocketAddr; 4],
        log: &Path,
    ) -> Result<(Self, Running), Error> {
        let mut running = task.start(log)?;
        ready::wait_until(&mut running, name, || ready::accepts(patient) && ready::accepts(pinged))?;
        Ok((Self { name, patient, hasty, pinged, choosy }, running))
    }
}

/// Both proxies cut a connection that is idle for this long. Pings come several times as often.
pub(super) const CUT_OFF: Duration = Duration::from_secs(3);
