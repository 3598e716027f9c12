//! The amount of output that waits for a reader that has stopped reading.
#![allow(clippy::unwrap_used)]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;

fn queue() -> (Queue, mpsc::Receiver<Chunk>) {
    let (chunks, waiting) = mpsc::channel(MOST_CHUNKS);
    (Queue { chunks, room: Arc::new(Semaphore::new(MOST_BYTES)) }, waiting)
}

/// Sends as much as there is room for without waiting, and counts the bytes.
fn fill(queue: &Queue, len: usize) -> usize {
    let mut sent = 0;
    loop {
        let mut room = pin!(queue.reserve(len));
        match room.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(room) => room.unwrap().send(vec![0; len]),
            Poll::Pending => return sent,
        }
        sent += len;
    }
}

#[test]
fn the_queue_is_bounded_in_bytes_and_in_chunks() {
    for (len, expected) in [(1, MOST_CHUNKS), (300_000, 900_000), (MOST_BYTES, MOST_BYTES), (9_000_000, 9_000_000)] {
        let (queue, mut waiting) = queue();
        assert_eq!(fill(&queue, len), expected);
        // Written output makes room for as much again.
        while waiting.try_recv().is_ok() {}
        assert_eq!(fill(&queue, len), expected);
    }
}

#[test]
fn nothing_waits_for_a_thread_that_has_ended() {
    let (queue, waiting) = queue();
    drop(waiting);
    let mut room = pin!(queue.reserve(1));
    assert!(matches!(room.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(None)));
}

/// A printer whose editor takes nothing, until it has ended.
#[derive(Default)]
struct Abandoned {
    printed: Vec<String>,
    has_failed: bool,
}

impl ExternalPrinter for Abandoned {
    fn print(&mut self, text: String) -> rustyline::Result<()> {
        if !std::mem::replace(&mut self.has_failed, true) {
            return Err(io::Error::from(io::ErrorKind::Other).into());
        }
        self.printed.push(text);
        Ok(())
    }
}

#[test]
fn what_an_ended_editor_has_not_taken_is_printed_without_it() {
    let mut printer = Abandoned::default();
    let drawn = Drawn::default();
    drawn.note_line_begins();
    drawn.note_drawn();
    assert!(print_above(&mut printer, &drawn, "text").is_err(), "the editor still prompts");
    printer.has_failed = false;
    drawn.note_last_line();
    print_above(&mut printer, &drawn, "text").unwrap();
    assert_eq!(printer.printed, ["text"]);
}
