mod reading;
mod the_remote;
mod wakers;
mod writing;

use super::*;
use crate::poll::{CountingWaker, drop_after_polls, poll_once};
use crate::wire::{CLIENT_KEY, close, ping, text};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};

/// One read of up to 64 bytes, polled once.
fn read_now(pipe: &mut Pipe) -> Poll<io::Result<Vec<u8>>> {
    read_with(&CountingWaker::new(), pipe)
}

fn read_with(waker: &CountingWaker, pipe: &mut (impl AsyncRead + Unpin)) -> Poll<io::Result<Vec<u8>>> {
    let mut buffer = [0; 64];
    let result = waker.poll(pipe.read(&mut buffer));
    result.map_ok(|count| buffer[..count].to_vec())
}

fn write_now(pipe: &mut Pipe, bytes: &str) -> Poll<io::Result<usize>> {
    poll_once(pipe.write(bytes.as_bytes()))
}

#[track_caller]
fn assert_read(result: Poll<io::Result<Vec<u8>>>, expected: &str) {
    let Poll::Ready(Ok(bytes)) = result else {
        panic!("expected {expected:?}, got {result:?}");
    };
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

#[track_caller]
fn assert_wrote(result: Poll<io::Result<usize>>, expected: usize) {
    let Poll::Ready(Ok(count)) = result else {
        panic!("expected {expected} bytes written, got {result:?}");
    };
    assert_eq!(count, expected);
}

#[track_caller]
fn assert_fails<T: std::fmt::Debug>(result: Poll<io::Result<T>>, expected: ErrorKind) {
    let Poll::Ready(Err(error)) = result else {
        panic!("expected {expected}, got {result:?}");
    };
    assert_eq!(error.kind(), expected);
}
