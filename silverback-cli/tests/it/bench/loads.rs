//! Each kind of load, on servers that do as they should.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use crate::support::Program;

use super::{
    bench, echo,
    servers::{self, Server},
};

#[test]
fn every_message_of_a_closed_model_is_answered_and_timed() {
    let (program, url) = echo();
    let found = bench(&url, &["-c", "4", "-n", "1000", "--pipeline", "8", "--verify"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert_eq!((found.number("/messages/sent"), found.number("/messages/received")), (1000, 1000));
    assert_eq!(found.number("/round_trip_us/count"), 1000);
    assert_eq!((found.number("/connections/opened"), found.number("/connect_us/count")), (4, 4));
    assert_eq!((found.number("/bytes/sent"), found.number("/bytes/received")), (64_000, 64_000));
    assert_eq!((found.number("/errors_total"), found.number("/messages/unanswered")), (0, 0));
    program.check_stops_empty();
}

#[test]
fn several_threads_share_the_connections_and_the_messages() {
    let (program, url) = echo();
    let found = bench(&url, &["-c", "5", "-n", "333", "--threads", "3", "--verify", "--text", "--size", "0,1,200,70k"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert_eq!((found.number("/messages/received"), found.number("/connections/opened")), (333, 5));
    program.check_stops_empty();
}

#[test]
fn messages_without_any_order_of_sizes_come_back_as_they_were() {
    let (program, url) = echo();
    let options = ["-c", "2", "-n", "200", "--size", "1-9000", "--payload", "utf8", "--verify", "--pipeline", "5"];
    let found = bench(&url, &options);
    assert_eq!((found.code, found.number("/messages/received")), (Some(0), 200), "{}", found.err);
    program.check_stops_empty();
}

#[test]
fn compression_makes_less_of_it_on_the_wire() {
    let (program, url) = echo();
    let options = ["-c", "2", "-n", "100", "--size", "4k", "--payload", "json", "--verify"];
    let plain = bench(&url, &options);
    let compressed = bench(&url, &[&options[..], &["--compress"]].concat());
    assert_eq!((plain.code, compressed.code), (Some(0), Some(0)), "{}", compressed.err);
    assert_eq!(plain.number("/bytes/sent"), compressed.number("/bytes/sent"));
    for name in ["/bytes/wire_sent", "/bytes/wire_received"] {
        assert!(compressed.number(name) * 2 < plain.number(name), "{name}");
    }
    program.check_stops_empty();
}

#[test]
fn an_open_model_sends_what_was_planned() {
    let (program, url) = echo();
    let found = bench(&url, &["-c", "3", "--rate", "1000", "-n", "300", "--threads", "2", "--verify"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    for name in ["/messages/planned", "/messages/sent", "/messages/received"] {
        assert_eq!(found.number(name), 300, "{name}");
    }
    for name in ["/round_trip_us/count", "/uncorrected_us/count", "/send_delay_us/count"] {
        assert_eq!(found.number(name), 300, "{name}");
    }
    // 300 messages at 1000 a second cannot be done in less.
    assert!(found.json["seconds"].as_f64().unwrap() >= 0.29, "{}", found.json);
    program.check_stops_empty();
}

/// A server that holds everything back until so many have come.
fn late_server(count: usize) -> Server {
    Server::after_handshake(move |mut stream| {
        let mut held = Vec::new();
        while held.len() < count {
            let Some((first, payload)) = servers::read_frame(&mut stream) else { return };
            held.push(servers::frame(first, &payload));
        }
        if std::io::Write::write_all(&mut stream, &held.concat()).is_ok() {
            servers::echo(stream, |payload| payload);
        }
    })
}

#[test]
fn a_server_that_answers_late_stops_a_closed_model_and_not_an_open_one() {
    let server = late_server(20);
    let open = bench(&server.url, &["-c", "1", "--rate", "200", "-n", "100"]);
    assert_eq!((open.code, open.number("/messages/received")), (Some(0), 100), "{}", open.err);
    let closed = bench(&server.url, &["-c", "1", "-n", "100", "--timeout", "300ms"]);
    assert_eq!((closed.number("/messages/sent"), closed.number("/messages/unanswered")), (1, 1));
    assert_eq!((closed.errors("timeout"), closed.code), (1, Some(8)), "{}", closed.err);
}

#[test]
fn what_a_server_does_not_take_is_counted_as_not_sent() {
    let server = Server::after_handshake(|stream| {
        std::thread::sleep(std::time::Duration::from_secs(3));
        drop(stream);
    });
    let options =
        ["-c", "1", "--rate", "200", "--duration", "1s", "--warmup", "off", "--size", "1M", "--timeout", "5s"];
    let found = bench(&server.url, &options);
    assert!((190..=400).contains(&found.number("/messages/planned")), "{}", found.json);
    assert!(found.number("/messages/unsent") > 0, "{}", found.json);
    assert_eq!(found.number("/messages/received"), 0);
    assert_ne!(found.code, Some(0));
}

#[test]
fn handshakes_are_counted_and_leave_nothing_behind() {
    let (program, url) = echo();
    let found = bench(&url, &["-c", "4", "--handshakes", "-n", "200"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert_eq!((found.number("/handshakes"), found.number("/connect_us/count")), (200, 200));
    assert!(found.number("/rates/handshakes_per_second") > 0);
    program.check_stops_empty();
}

#[test]
fn held_connections_are_open_and_say_nothing() {
    let (program, url) = echo();
    let found = bench(&url, &["-c", "20", "--hold", "--duration", "300ms", "--ramp", "400"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert_eq!((found.number("/connections/opened"), found.number("/connections/lost")), (20, 0));
    assert_eq!(found.number("/messages/sent"), 0);
    program.check_stops_empty();
}

#[test]
fn connections_come_from_the_addresses_that_were_given() {
    let server = Server::after_handshake(|stream| servers::echo(stream, |payload| payload));
    let found = bench(&server.url, &["-c", "4", "-n", "8", "--source", "127.0.0.2,127.0.0.3"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    let addresses: BTreeSet<_> = server.peers().iter().map(|peer| peer.ip().to_string()).collect();
    assert_eq!(addresses, BTreeSet::from(["127.0.0.2".to_owned(), "127.0.0.3".to_owned()]));
}

/// Sends each message of a client to every client.
fn broadcast_server() -> Server {
    let everybody = Arc::<Mutex<Vec<std::net::TcpStream>>>::default();
    Server::after_handshake(move |mut stream| {
        everybody.lock().unwrap().push(stream.try_clone().unwrap());
        while let Some((first, payload)) = servers::read_frame(&mut stream) {
            let copy = servers::frame(first, &payload);
            if first & 0x0F == 8 {
                let _ = std::io::Write::write_all(&mut stream, &copy);
                return;
            }
            for peer in everybody.lock().unwrap().iter_mut() {
                let _ = std::io::Write::write_all(peer, &copy);
            }
        }
    })
}

#[test]
fn a_broadcast_reaches_everybody_and_its_spread_is_timed() {
    let server = broadcast_server();
    let found = bench(&server.url, &["-c", "5", "--broadcast=2", "-n", "30", "--pipeline", "3", "--threads", "2"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert_eq!((found.number("/messages/sent"), found.number("/messages/received")), (30, 150));
    assert_eq!((found.number("/round_trip_us/count"), found.number("/fan_out_us/count")), (150, 30));
    assert_eq!((found.number("/messages/incomplete"), found.number("/messages/unasked")), (0, 0));
}

#[test]
fn a_broadcast_that_does_not_reach_everybody_is_incomplete() {
    let (program, url) = echo();
    // An echo reaches its sender alone.
    let found = bench(&url, &["-c", "3", "--broadcast", "-n", "4", "--pipeline", "4", "--timeout", "300ms"]);
    assert_eq!((found.number("/messages/sent"), found.number("/messages/received")), (4, 4));
    assert_eq!((found.code, found.number("/messages/incomplete")), (Some(8), 4), "{}", found.json);
    assert!(found.err.contains("none of 4 messages reached every receiver"), "{}", found.err);
    program.check_stops_empty();
}

/// The frame of such a message is made over several polls.
#[test]
fn large_messages_are_sent() {
    let program = Program::start(&["--quiet", "--threads", "1", "--max-message-size", "16MiB"]);
    let url = format!("ws://{}/ws/echo", program.address);
    for option in [&[][..], &["--compress"], &["--broadcast", "-c", "1"]] {
        let options = [&["-c", "2", "-n", "4", "--size", "4MiB", "--timeout", "60s"][..], option].concat();
        let found = bench(&url, &options[if option.contains(&"-c") { 2 } else { 0 }..]);
        assert_eq!((found.code, found.number("/messages/received")), (Some(0), 4), "{option:?}: {}", found.err);
    }
}
