//! Baselines of a load: plain TCP, and the use of the server's process.

use std::io::{Read, Write};

use super::{bench, echo, servers::Server};
use crate::support::{Program, run};

/// Gives every byte back.
fn tcp_echo() -> Server {
    Server::start(|mut stream| {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..count]).unwrap();
        }
    })
}

#[test]
fn bytes_without_websocket_come_back_as_they_were_sent() {
    let server = tcp_echo();
    for (size, pipeline) in [("16", "32"), ("1k", "1"), ("100k-200k", "3")] {
        let options = ["-c", "3", "-n", "600", "--size", size, "--pipeline", pipeline, "--raw-tcp"];
        let bench = bench(&server.url, &options);
        assert_eq!(bench.code, Some(0), "{}", bench.err);
        assert_eq!((bench.number("/messages/received"), bench.number("/messages/unanswered")), (600, 0));
        assert_eq!(bench.number("/bytes/sent"), bench.number("/bytes/received"));
        assert_eq!(bench.number("/round_trip_us/count"), 600);
    }
}

#[test]
fn bytes_are_exchanged_before_connections_are_held() {
    let options = ["-c", "3", "--hold", "--messages", "7", "--duration", "300ms", "--raw-tcp"];
    let bench = bench(&tcp_echo().url, &options);
    assert_eq!((bench.code, bench.number("/messages/received"), bench.number("/connections/lost")), (Some(0), 7, 0));
}

#[test]
fn a_handshake_without_websocket_is_an_exchange_of_bytes() {
    let bench = bench(&tcp_echo().url, &["-c", "2", "-n", "50", "--handshakes", "--raw-tcp"]);
    assert_eq!((bench.code, bench.number("/handshakes"), bench.number("/errors_total")), (Some(0), 50, 0));
}

#[test]
fn a_server_that_goes_is_counted() {
    let bench = bench(&Server::start(drop).url, &["-c", "2", "-n", "50", "--raw-tcp"]);
    assert_eq!((bench.code, bench.number("/errors_total")), (Some(6), 2), "{}", bench.err);
}

#[test]
fn what_has_no_meaning_without_websocket_is_refused() {
    for option in ["--compress", "--verify", "--broadcast", "--rate=5"] {
        let (code, _, err) = run(&["bench", "ws://127.0.0.1:1/", "--raw-tcp", option], &[]);
        assert_eq!(code, Some(2), "{option}");
        assert!(err.contains("--raw-tcp"), "{option}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_of_the_server_is_looked_at_meanwhile() {
    let (program, url) = echo();
    let pid = program.pid().to_string();
    let bench = bench(&url, &["-c", "4", "-n", "20000", "--pipeline", "8", "--server-pid", &pid]);
    assert_eq!(bench.code, Some(0), "{}", bench.err);
    let each = bench.json["server"]["cpu_us_each"].as_f64().unwrap();
    let seconds = bench.json["server"]["cpu_seconds"].as_f64().unwrap();
    assert!(each > 0.0 && (each * 20_000.0 / 1e6 - seconds).abs() < 1e-6, "{}", bench.json["server"]);
    assert!(bench.number("/server/resident_before") > 100_000);
    let (_, out, _) = run(&["bench", &url, "-c", "1", "-n", "200", "--server-pid", &pid], &[]);
    assert!(out.contains("before the first connection"), "{out}");
}

#[test]
fn a_process_that_is_not_there_has_no_figures() {
    let (_program, url) = echo();
    // No system gives that number.
    let bench = bench(&url, &["-c", "1", "-n", "5", "--server-pid", "4294967295"]);
    assert_eq!((bench.code, bench.json["server"].is_null()), (Some(0), true));
}

#[test]
fn connections_are_held_after_so_many_messages() {
    let program = Program::start(&["--threads", "1"]);
    let url = format!("ws://{}/ws/echo", program.address);
    let options = ["-c", "5", "--hold", "--messages", "12", "--text", "--size", "20", "--duration", "300ms"];
    let bench = bench(&url, &options);
    assert_eq!((bench.code, bench.number("/messages/received"), bench.number("/connections/lost")), (Some(0), 12, 0));
    assert_eq!(bench.json["settings"]["mode"], "hold");
    assert!(bench.json["seconds"].as_f64().unwrap() >= 0.3);
}
