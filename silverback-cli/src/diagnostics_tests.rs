//! Standard error that is slow or blocked, and threads that must not care.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, mpsc};

use super::*;

fn queue() -> &'static Queue {
    // The writing thread never ends.
    Box::leak(Box::new(Queue::new(QUEUE.about_left_out)))
}

/// Standard error that a test can hold up.
#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_written_in_order_and_waited_for() {
    let (queue, paper) = (queue(), Paper::default());
    let out = paper.clone();
    thread::spawn(move || queue.write_all(out));
    for number in 0..1000 {
        queue.push(&number.to_string());
    }
    queue.finish(None);
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), (0..1000).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_blocked_output_blocks_nobody_and_what_was_left_out_is_counted() {
    let (queue, paper) = (queue(), Paper::default());
    let blocked = paper.0.lock().unwrap();
    let out = paper.clone();
    thread::spawn(move || queue.write_all(out));
    let line = "x".repeat(1023);
    let count = 4 * MOST_BYTES / 1024;
    for _ in 0..count {
        queue.push(&line);
    }
    assert!(queue.lock().text.len() <= MOST_BYTES);
    // It stays blocked for as long as we wait.
    queue.finish(Some(Duration::from_millis(10)));
    drop(blocked);
    queue.finish(None);
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let (lines, counts): (Vec<_>, Vec<_>) = text.lines().partition(|text| *text == line);
    let left_out: usize = counts.iter().map(|text| text.split(' ').nth(1).unwrap().parse::<usize>().unwrap()).sum();
    assert!(left_out > 0, "{counts:?}");
    assert_eq!(lines.len() + left_out, count);
}

#[test]
fn a_closed_output_is_no_trouble() {
    struct Closed(mpsc::Sender<()>);
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0.send(()).unwrap();
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let queue = queue();
    let (tried, was_tried) = mpsc::channel();
    thread::spawn(move || queue.write_all(Closed(tried)));
    for _ in 0..2 {
        queue.push("to nobody");
        queue.finish(None);
        was_tried.recv().unwrap();
    }
}
