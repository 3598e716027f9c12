//! Threads: two halves at once, many writers, and the I/O thread.

use std::{cell::RefCell, sync::mpsc, thread};

use silverback::{
    Dialer, Message,
    blocking::{self, Conn, MessageWriter, Reader, Writer},
    dial::DialEvent,
};
use silverback_testkit::wire::{binary, close, text};

use super::{AsyncEcho, client, client_of, patient};

#[test]
fn what_may_change_its_thread_can() {
    fn may_change_its_thread<T: Send>() {}
    fn may_be_shared<T: Sync>() {}
    may_change_its_thread::<(Conn, Reader, Writer, MessageWriter)>();
    may_be_shared::<Writer>();
}

/// The peer reads only enough to let the writer continue, and sends nothing before that. So both halves wait at once.
#[test]
fn one_waits_to_read_while_another_waits_to_write() {
    const COUNT: usize = 32;
    let (conn, mut peer) = client();
    let (writer, mut reader) = conn.split();
    let reading = thread::spawn(move || (reader.read_message().unwrap(), reader));
    let writing = thread::spawn(move || {
        // More than the kernel and the queue hold together.
        for _ in 0..COUNT {
            writer.write_message(vec![7; 1 << 20]).unwrap();
        }
        writer.flush().unwrap();
        writer
    });
    for _ in 0..COUNT {
        assert!(peer.frame() == binary(vec![7; 1 << 20]));
    }
    let writer = writing.join().unwrap();
    assert!(!reading.is_finished());
    peer.send_frame(text("at last"));
    let (message, reader) = reading.join().unwrap();
    assert_eq!(message, Some("at last".into()));
    drop((writer, reader));
}

#[test]
fn a_close_by_the_writer_ends_the_read_of_another_thread() {
    let server = AsyncEcho::start();
    let (writer, mut reader) = server.dial().split();
    let reading = thread::spawn(move || (reader.read_message().unwrap(), reader.close_info()));
    writer.start_close(4001, "bye").unwrap();
    let (end, info) = reading.join().unwrap();
    assert_eq!(end, None);
    assert_eq!((info.as_ref().unwrap().code.get(), info.unwrap().is_clean), (4001, true));
    assert!(!writer.is_open());
}

#[test]
fn many_threads_write_whole_messages_in_their_own_order() {
    const THREADS: usize = 4;
    const EACH: usize = 200;
    let server = AsyncEcho::start();
    let (writer, mut reader) = server.dial().split();
    let writing: Vec<_> = (0..THREADS)
        .map(|thread| {
            let writer = writer.clone();
            thread::spawn(move || {
                for number in 0..EACH {
                    writer.write_message(format!("{thread} {number} {}", "x".repeat(number * 37))).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; THREADS];
    for message in reader.messages().take(THREADS * EACH) {
        let Message::Text(message) = message.unwrap() else { panic!("only texts were sent") };
        let mut words = message.split(' ');
        let mut number = || words.next().unwrap().parse::<usize>().unwrap();
        let (thread, number) = (number(), number());
        assert_eq!(number, next[thread]);
        assert_eq!(words.next().unwrap().len(), number * 37);
        next[thread] += 1;
    }
    assert_eq!(next, [EACH; THREADS]);
    for thread in writing {
        thread.join().unwrap();
    }
}

#[test]
fn halves_may_change_their_thread() {
    let (conn, mut peer) = client();
    let (mut writer, mut reader) = conn.split();
    for number in 0..10 {
        let answering = thread::spawn(move || {
            let message = reader.read_message().unwrap().unwrap();
            writer.write_message(message).unwrap();
            (writer, reader)
        });
        peer.send_frame(text(number.to_string()));
        assert_eq!(peer.frame(), text(number.to_string()));
        (writer, reader) = answering.join().unwrap();
    }
}

/// Any code may unpark a thread; the call must then continue to wait.
#[test]
fn a_thread_that_others_wake_goes_on_waiting() {
    let (mut conn, mut peer) = client();
    let reading = thread::spawn(move || conn.read_message().unwrap());
    for _ in 0..1000 {
        reading.thread().unpark();
    }
    assert!(!reading.is_finished());
    peer.send_frame(text("for this"));
    assert_eq!(reading.join().unwrap(), Some("for this".into()));
}

/// A wake-up for the inner call must not be lost for the outer call.
#[test]
fn a_connection_may_be_used_while_another_is_dialled() {
    let inner = AsyncEcho::start();
    let url = inner.url.clone();
    let (tell, told) = mpsc::channel();
    let dialer = Dialer::new().observer(move |event| {
        if let DialEvent::Connected { .. } = event {
            let mut conn = patient(blocking::dial(&url).unwrap());
            conn.write_message("inside").unwrap();
            tell.send(conn.read_message().unwrap()).unwrap();
            conn.close(1000, "").unwrap();
        }
    });
    let (mut conn, mut peer) = client_of(dialer);
    assert_eq!(told.recv().unwrap(), Some("inside".into()));
    peer.send_frame(text("outside"));
    assert_eq!(conn.read_message().unwrap(), Some("outside".into()));
}

thread_local! {
    static KEPT: RefCell<Option<Conn>> = const { RefCell::new(None) };
}

/// By then tokio has dropped its thread-local state.
#[test]
fn a_connection_that_a_thread_keeps_ends_with_it() {
    let (conn, peer) = client();
    let keeping = thread::spawn(move || {
        // In use before tokio is, and so dropped after it.
        KEPT.with_borrow_mut(|kept| kept.insert(conn).write_message("kept").unwrap());
    });
    keeping.join().unwrap();
    assert_eq!(peer.rest(), [text("kept")]);
}

#[cfg(target_os = "linux")]
#[test]
fn all_connections_share_one_thread_with_a_name() {
    let server = AsyncEcho::start();
    let mut conns: Vec<Conn> = (0..20).map(|_| server.dial()).collect();
    for conn in &mut conns {
        conn.write_message("hello").unwrap();
        assert_eq!(conn.read_message().unwrap(), Some("hello".into()));
    }
    let names = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // Threads of other tests may end meanwhile.
        std::fs::read_to_string(task.unwrap().path().join("comm")).ok()
    });
    assert_eq!(names.filter(|name| name == "silverback-io\n").count(), 1);
}

#[test]
fn a_close_frame_waits_for_what_was_accepted_before() {
    let (conn, peer) = client();
    let (writer, reader) = conn.split();
    let payload = vec![7; 8 << 20];
    writer.write_message(payload.clone()).unwrap();
    writer.start_close(1000, "").unwrap();
    drop((writer, reader));
    assert!(peer.rest() == [binary(payload), close(1000, "")]);
}
