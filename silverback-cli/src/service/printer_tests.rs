//! Printing that may be slow, blocked or impossible, and an echo that must not care.
#![allow(clippy::unwrap_used)]

use std::{
    net::Ipv4Addr,
    sync::{Mutex, mpsc::channel},
    time::Instant,
};

use super::*;
use crate::serving::sockets::Peer;

/// Standard output that a test can hold up.
#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn peer() -> Client {
    let peer = Peer::Ip((Ipv4Addr::LOCALHOST, 5000).into());
    Client { peer, version: http::Version::HTTP_11 }
}

fn start(out: impl Write + Send + 'static, is_quiet: bool) -> (Printer, Printing) {
    let (printer, printing) = Printer::start(out, is_quiet).unwrap();
    printing.announce("first\n".to_owned());
    (printer, printing)
}

fn text_on(paper: &Paper) -> String {
    String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn each_message_is_a_line_in_order() {
    let paper = Paper::default();
    let (printer, printing) = start(paper.clone(), false);
    printer.print(peer(), MessageRef::Text("one\ntwo"));
    printer.clone().print(peer(), MessageRef::Binary(&[1, 2]));
    drop(printer);
    printing.finish();
    assert_eq!(text_on(&paper), "first\n127.0.0.1:5000 sent: one\\ntwo\n127.0.0.1:5000 sent: (2 binary bytes) 01 02\n");
}

#[test]
fn a_blocked_output_blocks_nobody_and_what_was_left_out_is_counted() {
    let paper = Paper::default();
    let blocked = paper.0.lock().unwrap();
    let (printer, printing) = start(paper.clone(), false);
    let count = 10 * MOST_LINES;
    for number in 0..count {
        printer.print(peer(), MessageRef::Text(&number.to_string()));
    }
    // The threads that got here were not blocked.
    drop(blocked);
    drop(printer);
    printing.finish();
    let text = text_on(&paper);
    let shown = text.lines().filter(|line| line.contains(" sent: ")).count();
    let left_out: usize =
        text.lines().filter_map(|line| line.strip_prefix('(')?.split(' ').next()?.parse::<usize>().ok()).sum();
    assert!(left_out > 0 && shown >= MOST_LINES, "{shown} shown, {left_out} left out");
    assert_eq!(shown + left_out, count);
    assert!(text.starts_with("first\n127.0.0.1:5000 sent: 0\n"));
}

#[test]
fn a_closed_output_ends_the_thread_and_nothing_else() {
    struct Closed(SyncSender<()>);
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(());
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (tried, was_tried) = sync_channel(1);
    let (printer, printing) = start(Closed(tried), false);
    printer.print(peer(), MessageRef::Text("to nobody"));
    was_tried.recv().unwrap();
    assert!(printing.ended.recv().is_err(), "the thread has ended");
    printer.print(peer(), MessageRef::Text("still to nobody"));
    drop(printer);
    printing.finish();
}

#[test]
fn an_output_that_stays_blocked_does_not_keep_the_program() {
    let paper = Paper::default();
    let blocked = paper.0.lock().unwrap();
    let (printer, printing) = start(paper.clone(), false);
    printer.print(peer(), MessageRef::Text("never seen"));
    drop(printer);
    let (done, is_done) = channel();
    let waiting = thread::spawn(move || {
        let start = Instant::now();
        printing.finish();
        done.send(start.elapsed()).unwrap();
    });
    assert!(is_done.recv().unwrap() >= LAST_LINES);
    waiting.join().unwrap();
    drop(blocked);
}

#[test]
fn a_quiet_printer_writes_the_first_text_and_no_more() {
    let paper = Paper::default();
    let (printer, printing) = start(paper.clone(), true);
    printer.print(peer(), MessageRef::Text("unseen"));
    assert!(printing.ended.recv().is_err(), "the thread has ended");
    assert_eq!(text_on(&paper), "first\n");
}
