//! Messages, control frames and ends.

use std::{
    io::{Read, Write},
    thread,
};

use silverback::{Compression, Dialer, Error, Event, Message, MessageKind, MessageRef, blocking};
use silverback_testkit::wire::{binary, close, ping, pong, text};

use super::{AsyncEcho, client, server};

fn messages() -> impl Iterator<Item = Message> {
    let sizes = [0, 1, 125, 126, 4096, 65_535, 65_536, 1 << 20];
    sizes.into_iter().flat_map(|size| [Message::from("x".repeat(size)), Message::from(vec![7; size])])
}

#[test]
fn messages_of_all_sizes_come_back_from_an_asynchronous_server() {
    let server = AsyncEcho::start();
    let mut conn = server.dial();
    for message in messages() {
        conn.write_message(message.clone()).unwrap();
        assert!(conn.read_message().unwrap() == Some(message.clone()), "{} bytes", message.len());
        conn.write_borrowed(message.as_ref()).unwrap();
        let borrowed = conn.read_borrowed().unwrap().unwrap();
        assert!(borrowed.as_ref() == message.as_ref(), "{} bytes, borrowed", message.len());
    }
    conn.close(1000, "done").unwrap();
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.is_clean), (1000, true));
    assert_eq!(conn.read_message().unwrap(), None);
    assert!(conn.write_message("late").unwrap_err().is_closing());
    assert_eq!(conn.stats().messages_received, 32);
}

#[test]
fn what_the_server_answered_can_be_seen() {
    let server = AsyncEcho::start();
    let dialer = Dialer::new().subprotocols(["chess", "chat"]);
    let (conn, response) = blocking::dial_with_response(&dialer, &server.url).unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(conn.subprotocol().unwrap().as_str(), "chat");
    assert_eq!(conn.compression(), None);
}

#[test]
fn a_message_is_streamed_both_ways() {
    let server = AsyncEcho::start();
    let mut conn = server.dial();
    let payload: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let mut writer = conn.next_writer(MessageKind::Binary).unwrap();
    for piece in payload.chunks(7000) {
        writer.write_all(piece).unwrap();
    }
    writer.flush().unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut reader = conn.next_reader().unwrap().unwrap();
    assert_eq!(reader.kind(), MessageKind::Binary);
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == payload);

    // The unread rest of a message is skipped.
    for message in ["skipped", "then"] {
        conn.write_message(message).unwrap();
    }
    let mut byte = [0];
    conn.next_reader_up_to(1000).unwrap().unwrap().read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"s");
    assert_eq!(conn.read_message().unwrap(), Some("then".into()));
}

#[test]
fn a_streamed_message_that_is_dropped_closes_with_1011() {
    let (mut conn, mut peer) = client();
    let mut writer = conn.next_writer(MessageKind::Text).unwrap();
    writer.write_all(b"not all of it").unwrap();
    writer.flush().unwrap();
    drop(writer);
    assert_eq!(peer.frame(), text("not all of it").not_final());
    assert_eq!(peer.frame().close_code(), Some(1011));
}

#[test]
fn a_streamed_message_can_be_kept_from_compression() {
    let server = AsyncEcho::start();
    let dialer = Dialer::new().compression(Compression::default());
    let mut conn = blocking::dial_with(&dialer, &server.url).unwrap();
    assert!(conn.compression().is_some());
    let secret = "secret ".repeat(1000);
    conn.set_write_compression(false);
    assert!(!conn.write_compression());
    let mut writer = conn.next_writer(MessageKind::Text).unwrap();
    writer.write_all(secret.as_bytes()).unwrap();
    writer.finish().unwrap();
    conn.flush().unwrap();
    assert!(conn.stats().bytes_sent > secret.len() as u64);
    assert_eq!(conn.read_message().unwrap(), Some(secret.into()));
}

#[test]
fn pings_are_answered_inside_the_reads_and_can_be_observed() {
    let (mut conn, mut peer) = client();
    peer.send_frame(ping("unseen"));
    peer.send_frame(text("message"));
    assert_eq!(conn.read_message().unwrap(), Some("message".into()));
    assert_eq!(peer.frame(), pong("unseen"));
    peer.send_frame(ping("seen"));
    match conn.read_event().unwrap() {
        Some(Event::Ping(payload)) => assert_eq!(payload.as_slice(), b"seen"),
        other => panic!("expected a ping, got {other:?}"),
    }
    assert_eq!(peer.frame(), pong("seen"));
    conn.ping(b"ours").unwrap();
    assert_eq!(peer.frame(), ping("ours"));
}

#[test]
fn a_close_of_the_peers_is_answered_and_ends_the_messages() {
    let (mut conn, mut peer) = client();
    for frame in [text("one"), binary([2]), close(4000, "that was it")] {
        peer.send_frame(frame);
    }
    let closing = thread::spawn(move || assert_eq!(peer.frame(), close(4000, "")));
    let messages: Result<Vec<Message>, Error> = conn.messages().collect();
    assert_eq!(messages.unwrap(), ["one".into(), Message::from(vec![2])]);
    assert!(conn.messages().next().is_none());
    let info = conn.close_info().unwrap();
    assert_eq!((info.code.get(), info.reason.as_ref(), info.is_clean), (4000, "that was it", true));
    closing.join().unwrap();
}

#[test]
fn a_fault_of_the_peers_is_told_to_it_and_reported_once() {
    let (mut conn, mut peer) = server();
    peer.send(&text("not masked").encode());
    let error = conn.read_message().unwrap_err();
    assert_eq!(error.close_code().unwrap().get(), 1002, "{error}");
    assert_eq!(peer.frame().close_code(), Some(1002));
    drop(peer);
    assert_eq!(conn.read_message().unwrap(), None);
}

#[test]
fn a_lost_connection_is_no_clean_end() {
    let (mut conn, peer) = client();
    drop(peer);
    assert!(matches!(conn.read_message(), Err(Error::Lost)));
    assert_eq!(conn.read_message().unwrap(), None);
}

/// Replies are held back while more input is buffered, and only the I/O thread may send them then.
#[test]
fn a_burst_is_answered_whole() {
    const COUNT: usize = 1000;
    let (mut conn, mut peer) = server();
    let burst: Vec<u8> = (0..COUNT).flat_map(|number| peer.encode(text(number.to_string()))).collect();
    peer.send(&burst);
    let answering = thread::spawn(move || {
        for _ in 0..COUNT {
            let message = conn.read_message().unwrap().unwrap();
            conn.write_message(message).unwrap();
        }
        conn
    });
    for number in 0..COUNT {
        assert_eq!(peer.frame(), text(number.to_string()));
    }
    answering.join().unwrap();
}

#[test]
fn both_ends_are_known_and_the_limit_on_messages_can_be_changed() {
    let (mut conn, mut peer) = server();
    assert_eq!(conn.peer_addr(), peer.stream.local_addr().ok());
    assert_eq!(conn.local_addr(), peer.stream.peer_addr().ok());
    conn.set_max_message_size(4);
    peer.send_frame(text("12345"));
    assert!(matches!(conn.read_message(), Err(Error::Limit(_))));
    assert_eq!(peer.frame().close_code(), Some(1009));
}

#[test]
fn lent_messages_are_answered_through_the_halves() {
    let (mut conn, mut peer) = server();
    peer.send_frame(text("borrowed"));
    let (writer, reader) = conn.halves();
    let message = reader.read_borrowed().unwrap().unwrap();
    assert_eq!(message.as_ref(), MessageRef::Text("borrowed"));
    writer.write_borrowed(message).unwrap();
    assert_eq!(peer.frame(), text("borrowed"));
}

mod a_connection_that_is_dropped {
    use super::*;

    /// More than the kernel takes, so that the I/O thread must send the rest.
    #[test]
    fn still_sends_what_was_accepted() {
        let (mut conn, peer) = client();
        let payload = vec![7; 32 << 20];
        conn.write_message(payload.clone()).unwrap();
        drop(conn);
        let frames = peer.rest();
        assert_eq!(frames.len(), 1);
        assert!(frames[0].payload == payload);
    }

    /// With unread input the kernel would reset the connection, which destroys a Close frame on its way.
    #[test]
    fn still_closes_as_it_was_told_to_though_much_came_that_nobody_read() {
        let (conn, mut peer) = server();
        let (writer, mut reader) = conn.split();
        peer.send_frame(text("first"));
        assert_eq!(reader.read_message().unwrap(), Some("first".into()));
        writer.start_close(4000, "enough").unwrap();
        drop((writer, reader));
        for _ in 0..64 {
            peer.send_frame(binary(vec![7; 65_536]));
        }
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(peer.rest(), [close(4000, "enough")]);
    }

    #[test]
    fn without_a_close_is_lost_to_its_peer() {
        let (conn, peer) = client();
        drop(conn);
        assert_eq!(peer.rest(), []);
    }
}

#[cfg(feature = "json")]
#[test]
fn json_is_written_and_read() {
    let server = AsyncEcho::start();
    let mut conn = server.dial();
    conn.write_json(&[1, 2]).unwrap();
    assert_eq!(conn.read_json::<Vec<u8>>().unwrap(), Some(vec![1, 2]));
    conn.write_message("no json").unwrap();
    match conn.read_json::<u8>() {
        Err(Error::Json(error)) => assert_eq!(error.message(), Some(&"no json".into())),
        other => panic!("{other:?}"),
    }
    let (writer, mut reader) = conn.split();
    writer.write_json("text").unwrap();
    assert_eq!(reader.read_json::<String>().unwrap().as_deref(), Some("text"));
    let keys_that_are_no_text = std::collections::HashMap::from([([1], 2)]);
    assert!(matches!(writer.write_json(&keys_that_are_no_text), Err(Error::Json(_))));
    writer.start_close(1000, "").unwrap();
    assert_eq!(reader.read_json::<u8>().unwrap(), None);
}
