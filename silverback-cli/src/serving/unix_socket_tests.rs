//! Files in the way of a socket, and what becomes of them.
#![allow(clippy::unwrap_used)]

use std::{
    os::unix::net::{UnixDatagram, UnixStream},
    sync::Barrier,
};

use super::*;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("silverback-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("echo.sock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_socket_is_made_with_its_mode_and_removed_at_the_end() {
    let folder = Folder::new("mode");
    let path = folder.socket();
    for mode in [0o600, 0o660, 0o666] {
        let (listener, file) = bind(&path, Some(mode)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        let _client = UnixStream::connect(&path).unwrap();
        listener.accept().unwrap();
        drop(file);
        assert!(!path.exists());
    }
}

#[test]
fn a_stale_socket_is_replaced() {
    let folder = Folder::new("stale");
    let path = folder.socket();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (_listener, _file) = bind(&path, None).unwrap();
    UnixStream::connect(&path).unwrap();
    let datagrams = folder.0.join("datagrams.sock");
    drop(UnixDatagram::bind(&datagrams).unwrap());
    bind(&datagrams, None).unwrap();
}

#[test]
fn a_socket_in_use_stays() {
    let folder = Folder::new("live");
    let path = folder.socket();
    let live = UnixListener::bind(&path).unwrap();
    assert_eq!(bind(&path, None).unwrap_err(), "another program listens there");
    UnixStream::connect(&path).unwrap();
    drop(live);
    // One whose queue is full.
    fs::remove_file(&path).unwrap();
    let full = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let address = SockAddr::unix(&path).unwrap();
    full.bind(&address).unwrap();
    full.listen(0).unwrap();
    let waiting: Vec<_> = std::iter::from_fn(|| {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        client.connect(&address).ok().map(|()| client)
    })
    .collect();
    assert_eq!(bind(&path, None).unwrap_err(), "another program listens there");
    assert!(!waiting.is_empty());
    // One of another type.
    let datagrams = folder.0.join("datagrams.sock");
    let _socket = UnixDatagram::bind(&datagrams).unwrap();
    assert_eq!(bind(&datagrams, None).unwrap_err(), "another program listens there");
    assert!(datagrams.exists());
}

#[test]
fn what_is_not_a_socket_stays() {
    let folder = Folder::new("files");
    let file = folder.0.join("file");
    fs::write(&file, "precious").unwrap();
    let stale = folder.socket();
    drop(UnixListener::bind(&stale).unwrap());
    let (link, dangling) = (folder.0.join("link"), folder.0.join("dangling"));
    std::os::unix::fs::symlink(&stale, &link).unwrap();
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    for path in [&file, &folder.0, &link, &dangling] {
        assert_eq!(bind(path, None).unwrap_err(), "there is a file that is not a socket", "{path:?}");
        assert!(fs::symlink_metadata(path).is_ok(), "{path:?}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert!(stale.exists());
}

#[test]
fn what_has_taken_its_place_is_not_removed() {
    let folder = Folder::new("replaced");
    let path = folder.socket();
    let (_listener, file) = bind(&path, None).unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    // A file that is made right away may get the inode of the one before, so both exist at once here.
    let (moved, next) = (folder.0.join("moved"), folder.0.join("next"));
    let (_second, second_file) = bind(&next, None).unwrap();
    fs::rename(&next, &moved).unwrap();
    fs::write(&next, "precious").unwrap();
    drop((file, second_file));
    assert!(moved.exists() && next.exists());
}

#[test]
fn of_several_that_start_at_once_on_a_stale_socket_one_listens() {
    let folder = Folder::new("race");
    let path = folder.socket();
    for _ in 0..50 {
        drop(UnixListener::bind(&path).unwrap());
        let barrier = Barrier::new(4);
        let start = || {
            barrier.wait();
            bind(&path, None)
        };
        let bound: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(bound.iter().filter(|bound| bound.is_ok()).count(), 1, "{bound:?}");
        UnixStream::connect(&path).unwrap();
    }
}

#[test]
fn what_cannot_be_a_path_is_told() {
    let folder = Folder::new("paths");
    let missing = folder.0.join("missing/echo.sock");
    assert_eq!(bind(&missing, None).unwrap_err(), "its directory does not exist");
    let long = folder.0.join("x".repeat(200));
    assert!(bind(&long, None).unwrap_err().contains("bytes"));
}
