//! Sockets that the program is given, in place of those that it would bind: socket activation of systemd
//! (`sd_listen_fds(3)`). They stay open while the program restarts, so that no client finds a port on which nobody listens.
//!
//! The name of a socket (`FileDescriptorName=`) says what it is for: `admin` and `metrics` for the listeners of `--admin` and
//! `--metrics`, `tls` for clients, and then the program must have a certificate. All other names are for clients.

use std::{env, ffi::OsString, process};

#[cfg(unix)]
pub(super) use self::unix::take;
use super::listen::Bound;
use crate::values::is_blank;

/// The sockets by what they are for.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// For clients.
    pub(super) main: Vec<Bound>,
    pub(super) admin: Option<Bound>,
    pub(super) metrics: Option<Bound>,
    /// A socket for clients is named `tls`.
    pub(super) needs_tls: bool,
}

/// Whether the program is given sockets. The variables may be left from a parent, which was given the sockets.
pub(crate) fn is_used() -> bool {
    let is_set = |name| env::var_os(name).filter(|value| !is_blank(value));
    let is_ours = |pid: OsString| pid.to_str().is_some_and(|pid| pid.parse() == Ok(process::id()));
    cfg!(unix) && is_set("LISTEN_FDS").is_some() && is_set("LISTEN_PID").is_none_or(is_ours)
}

/// Other systems give no sockets.
#[cfg(not(unix))]
pub(super) fn take() -> Result<Given, crate::error::Error> {
    Ok(Given::default())
}

#[cfg(unix)]
mod unix {
    use std::{env, io, path::Path};

    use listenfd::ListenFd;
    use socket2::SockRef;

    use super::{Given, is_used};
    use crate::{
        error::Error,
        serving::{listen::Bound, sockets::Listener},
    };

    /// Takes the sockets. A second call finds none.
    pub(crate) fn take() -> Result<Given, Error> {
        let mut given = Given::default();
        if !is_used() {
            return Ok(given);
        }
        let value_of = |name| env::var_os(name).unwrap_or_default().to_string_lossy().into_owned();
        let count = value_of("LISTEN_FDS");
        if !count.parse().is_ok_and(|count: usize| count <= MOST) {
            let count = count.escape_debug();
            return Err(Error::Usage(format!("LISTEN_FDS is `{count}`, but must be a number from 0 to {MOST}")));
        }
        let names = value_of("LISTEN_FDNAMES");
        let names: Vec<_> = names.split(':').collect();
        let mut sockets = ListenFd::from_env();
        // Without names all sockets are for clients. A name that is missing could be that of a socket for operators.
        if names != [""] && names.len() != sockets.len() {
            let (names, sockets) = (names.len(), sockets.len());
            return Err(Error::Usage(format!("LISTEN_FDNAMES has {names} names, but LISTEN_FDS is {sockets}")));
        }
        for index in 0..sockets.len() {
            let name = names.get(index).copied().unwrap_or_default();
            let bound = take_one(&mut sockets, index).map_err(|reason| {
                let number = FIRST + index;
                let name = if name.is_empty() { format!("{number}") } else { format!("`{}`", name.escape_debug()) };
                Error::Usage(format!("the socket {name} of LISTEN_FDS {reason}"))
            })?;
            match name {
                "admin" if given.admin.is_none() => given.admin = Some(bound),
                "metrics" if given.metrics.is_none() => given.metrics = Some(bound),
                "admin" | "metrics" => {
                    return Err(Error::Usage(format!("LISTEN_FDNAMES has more than one socket `{name}`")));
                }
                _ => {
                    given.needs_tls |= name == "tls";
                    given.main.push(bound);
                }
            }
        }
        Ok(given)
    }

    fn take_one(sockets: &mut ListenFd, index: usize) -> Result<Bound, String> {
        let in_words = |error: io::Error| format!("cannot be used: {error}");
        if let Ok(Some(listener)) = sockets.take_tcp_listener(index) {
            check(&SockRef::from(&listener))?;
            listener.set_nonblocking(true).map_err(in_words)?;
            // Accepted sockets inherit the option.
            SockRef::from(&listener).set_tcp_nodelay(true).map_err(in_words)?;
            return Bound::given_tcp(listener).map_err(in_words);
        }
        if let Ok(Some(listener)) = sockets.take_unix_listener(index) {
            check(&SockRef::from(&listener))?;
            listener.set_nonblocking(true).map_err(in_words)?;
            let address = listener.local_addr().map_err(in_words)?;
            let path = address.as_pathname().unwrap_or(Path::new("without a file")).to_owned();
            return Ok(Bound::given_unix(Listener::Unix(listener), path));
        }
        Err("is neither a TCP socket nor a Unix stream socket".to_owned())
    }

    fn check(socket: &SockRef<'_>) -> Result<(), String> {
        match socket.is_listener() {
            Ok(false) => Err("does not listen; a socket unit for this program needs Accept=no".to_owned()),
            _ => Ok(()),
        }
    }

    /// The first descriptor (`SD_LISTEN_FDS_START`).
    const FIRST: usize = 3;
    /// More than anybody needs.
    const MOST: usize = 64;
}
