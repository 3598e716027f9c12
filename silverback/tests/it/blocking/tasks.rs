//! Programs with a runtime: a task gets an error because it must not block; a thread that may block works.

use std::{io, net::TcpListener, thread};

use silverback::{
    Dialer, Error, MessageKind, Upgrader,
    blocking::{self, Conn, WaitError},
};
use silverback_testkit::wire::text;
use tokio::{
    runtime::{Builder, Runtime},
    task::{LocalSet, block_in_place, yield_now},
};

use super::{AsyncEcho, client};

#[track_caller]
fn check_refused<T>(result: Result<T, Error>) {
    match result {
        Err(Error::Wait(WaitError::InTask)) => {}
        Err(error) => panic!("expected to be refused, got {error}"),
        Ok(_) => panic!("a task was let through"),
    }
}

/// All calls that could wait, in a place where they must not.
fn check_all_are_refused(conn: &mut Conn) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let socket = || std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    check_refused(blocking::dial(&url));
    check_refused(blocking::dial_on(&Dialer::new(), socket(), &url));
    check_refused(blocking::accept(&Upgrader::new(), socket()));
    check_refused(conn.read_message());
    check_refused(conn.read_borrowed().map(|_| ()));
    check_refused(conn.read_event().map(|_| ()));
    check_refused(conn.next_reader().map(|_| ()));
    check_refused(conn.write_message("not accepted"));
    check_refused(conn.next_writer(MessageKind::Text));
    check_refused(conn.flush());
    check_refused(conn.close(1000, "not sent"));
}

/// Calls that never wait work anywhere, and the connection is unchanged.
fn check_it_is_as_it_was(conn: &mut Conn) {
    conn.try_write_message("hello").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(conn.read_message().unwrap(), Some("hello".into())));
    });
    assert_eq!(conn.close_info(), None);
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread().enable_all(), Builder::new_multi_thread().worker_threads(1).enable_all()]
        .map(|builder| builder.build().unwrap())
}

#[test]
fn a_task_is_refused_and_not_blocked() {
    let server = AsyncEcho::start();
    for runtime in runtimes() {
        let mut conn = server.dial();
        runtime.block_on(async {
            check_all_are_refused(&mut conn);
            yield_now().await;
            check_all_are_refused(&mut conn);
            check_it_is_as_it_was(&mut conn);
        });
        let spawned = runtime.spawn(async move {
            check_all_are_refused(&mut conn);
            check_it_is_as_it_was(&mut conn);
            conn
        });
        let mut conn = runtime.block_on(spawned).unwrap();
        let local = LocalSet::new();
        let spawned = local.spawn_local(async move {
            check_all_are_refused(&mut conn);
            check_it_is_as_it_was(&mut conn);
            conn
        });
        let mut conn = local.block_on(&runtime, spawned).unwrap();
        conn.close(1000, "").unwrap();
    }
}

#[test]
fn a_connection_may_be_dropped_in_a_task() {
    for runtime in runtimes() {
        let (mut conn, mut peer) = client();
        runtime.block_on(async move {
            conn.try_write_message("last words").unwrap();
            conn.ping(b"").unwrap();
            drop(conn);
        });
        drop(runtime);
        // A ping is sent before messages that wait, but none did.
        assert_eq!(peer.frame(), text("last words"));
        assert_eq!(peer.rest().len(), 1);
    }
}

fn check_it_works(server: &AsyncEcho) {
    let mut conn = server.dial();
    conn.write_message("hello").unwrap();
    assert_eq!(conn.read_message().unwrap(), Some("hello".into()));
    conn.close(1000, "").unwrap();
}

#[test]
fn a_thread_that_may_block_is_let_through_although_it_belongs_to_a_runtime() {
    let server = AsyncEcho::start();
    for runtime in runtimes() {
        thread::scope(|scope| {
            let guard = runtime.enter();
            check_it_works(&server);
            drop(guard);
            runtime.block_on(async {
                // After a task that was refused in the same thread, too.
                check_refused(blocking::dial(&server.url));
            });
            check_it_works(&server);
            scope.spawn(|| check_it_works(&server));
        });
        let server = AsyncEcho::start();
        runtime.block_on(runtime.spawn_blocking(move || check_it_works(&server))).unwrap();
    }
    let [_, multi_thread] = runtimes();
    let work = async move {
        block_in_place(|| check_it_works(&server));
        check_refused(blocking::dial(&server.url));
        server
    };
    drop(multi_thread.block_on(async { tokio::spawn(work).await.unwrap() }));
}

#[test]
fn the_refusal_says_what_to_do() {
    let [runtime, _] = runtimes();
    let error = runtime.block_on(async { blocking::dial("ws://127.0.0.1:1/").unwrap_err() });
    assert!(error.to_string().contains("spawn_blocking"), "{error}");
    assert!(!error.is_timeout() && !error.is_disconnect());
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Deadlock);
}
