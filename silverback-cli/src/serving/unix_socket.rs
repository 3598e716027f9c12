//! Listens on a Unix socket: makes its file, replaces a stale one, and removes it at the end.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use socket2::{Domain, SockAddr, Socket, Type};

use super::sockets::BACKLOG;

/// The file of a listening socket. Dropping it removes the file, unless another file has taken its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    pub(crate) path: PathBuf,
    /// The device and inode of the file, if this program has made it.
    identity: Option<(u64, u64)>,
}

/// Listens at this path. `mode` sets the permissions of the file; without it, the umask decides. The error explains
/// itself.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> Result<(UnixListener, SocketFile), String> {
    let address = SockAddr::unix(path).map_err(|_| format!("the path must have 1 to {MAX_PATH} bytes"))?;
    let in_words = |error: io::Error| reason(&error);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(in_words)?;
    socket.set_nonblocking(true).map_err(in_words)?;
    // The lock prevents that two programs starting at once remove each other's socket before it listens.
    let _lock = lock_folder(path);
    match socket.bind(&address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_stale(path, &address)?;
            socket.bind(&address).map_err(in_words)?;
        }
        bound => bound.map_err(in_words)?,
    }
    let file = SocketFile::at(path).map_err(in_words)?;
    // Clients cannot connect before the socket listens, so set the permissions first.
    if let Some(mode) = mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(in_words)?;
    }
    socket.listen(BACKLOG).map_err(in_words)?;
    Ok((socket.into(), file))
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: Some(identity(path)?) })
    }

    /// The file of a socket that another program has made and will remove.
    pub(super) fn of_another(path: PathBuf) -> Self {
        Self { path, identity: None }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity(&self.path).ok() == self.identity {
            // If this fails, the next start replaces the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Removes a socket on which no program listens. Anything else stays, and the error names it.
fn remove_stale(path: &Path, address: &SockAddr) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => {}
        Ok(_) => return Err("there is a file that is not a socket".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(reason(&error)),
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|error| reason(&error))?;
    // Do not block on a program that listens but accepts nothing.
    probe.set_nonblocking(true).map_err(|error| reason(&error))?;
    match probe.connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("a socket is left there and cannot be removed: {error}"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err("there is a socket that this user may not connect to".to_owned())
        }
        _ => Err("another program listens there".to_owned()),
    }
}

/// Locks the folder of the path for a moment. An unrelated program may hold such a lock for long, so this continues
/// without the lock then.
fn lock_folder(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).ok()?;
    for _ in 0..LOCK_ATTEMPTS {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(LOCK_PAUSE),
            Err(_) => return None,
        }
    }
    None
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "its directory does not exist".to_owned(),
        ErrorKind::PermissionDenied => "not permitted".to_owned(),
        _ => error.to_string(),
    }
}

/// The size of the system's address (`sun_path`), with a zero at its end.
#[cfg(any(target_os = "android", target_os = "linux"))]
const MAX_PATH: usize = 107;
#[cfg(not(any(target_os = "android", target_os = "linux")))]
const MAX_PATH: usize = 103;

const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
#[path = "unix_socket_tests.rs"]
mod tests;
