//! Facts for a diagnosis besides the error.

use crate::{check::report::Security, dialing::options::DialOptions};

/// Facts besides the error.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Facts<'a> {
    pub(in crate::check) options: &'a DialOptions,
    /// The server that was asked last, as `host:port`.
    pub(in crate::check) place: &'a str,
    pub(in crate::check) is_secure: bool,
    /// Path and query of the URL, as they may be shown.
    pub(in crate::check) target: &'a str,
    /// TLS with that server, if it has come so far, or if a second look did.
    pub(in crate::check) security: Option<&'a Security>,
    /// The server's certificate is among those of `--cacert`.
    pub(in crate::check) is_named: bool,
    /// The port speaks TLS though the URL does not, or the other way round.
    pub(in crate::check) speaks_the_other: bool,
}
