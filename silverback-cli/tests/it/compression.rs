//! Compression (RFC 7692) by the program: what each option makes it agree to, and what then goes over the wire.

use std::{io::Write, net::TcpStream};

use silverback::{Compression, Conn, Dialer, proto::deflate::DeflateParams};

use crate::support::{PATIENCE, Program, RawClient, ask, check_echo, frame, handshake, read_answer, within};

/// The program with an option on the command line, and with it in the environment.
fn both_ways(option: &str, value: Option<&str>) -> [Program; 2] {
    let variable = format!("SILVERBACK_{}", option.trim_start_matches("--").to_uppercase().replace('-', "_"));
    let words: Vec<_> = [option].into_iter().chain(value).collect();
    let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), (&variable, value.unwrap_or("true"))];
    [Program::start(&words), Program::start_with(&[], &environment)]
}

async fn dial_offering(program: &Program, compression: Compression) -> Conn {
    let dialer = Dialer::new().compression(compression);
    within(dialer.dial(&format!("ws://{}/ws/echo", program.address))).await.unwrap()
}

/// Returns the header that answers an offer.
fn answer_to(program: &Program, offer: &str) -> Option<String> {
    let answer = ask(program.address, &handshake(program.address, &[("Sec-WebSocket-Extensions", offer)]));
    assert_eq!(answer.status, 101, "{offer}");
    answer.header("sec-websocket-extensions").map(str::to_owned)
}

fn raw_client_offering(program: &Program, offer: &str) -> RawClient {
    let mut stream = TcpStream::connect(program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = handshake(program.address, &[("Sec-WebSocket-Extensions", offer)]);
    stream.write_all(request.as_bytes()).unwrap();
    assert!(read_answer(&mut stream, false).header("sec-websocket-extensions").is_some());
    RawClient { stream }
}

/// Text that repeats itself near and far, as messages of people and programs do.
fn prose(words: usize) -> String {
    let word = |number: usize| format!("{{\"id\":{},\"name\":\"user {}\"}},", number * 7919 % 1000, number % 61);
    (0..words).map(word).collect()
}

/// Messages of every kind come back, and then the same again: with a window that refers to the first time.
async fn check_echoes(conn: &mut Conn) {
    for _ in 0..2 {
        check_echo(conn, "").await;
        check_echo(conn, "short").await;
        check_echo(conn, prose(10)).await;
        check_echo(conn, prose(5_000)).await;
        check_echo(conn, prose(5_000).into_bytes()).await;
    }
}

fn agreed(bits: u8, no_takeover: bool) -> DeflateParams {
    DeflateParams {
        server_no_context_takeover: no_takeover,
        client_no_context_takeover: no_takeover,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    }
}

#[tokio::test]
async fn is_on_and_makes_messages_small_both_ways() {
    let program = Program::start(&[]);
    let mut conn = dial_offering(&program, Compression::default()).await;
    assert_eq!(conn.compression(), Some(DeflateParams::default()));
    check_echoes(&mut conn).await;
    let plain = 2 * (prose(10).len() + 2 * prose(5_000).len()) as u64;
    let stats = conn.stats();
    assert!(stats.bytes_sent < plain / 3, "{} of {plain}", stats.bytes_sent);
    assert!(stats.bytes_received < plain / 3, "{} of {plain}", stats.bytes_received);
    within(conn.close(1000, "")).await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);
}

#[tokio::test]
async fn is_not_forced_on_anybody() {
    let program = Program::start(&[]);
    let mut conn = crate::support::dial(program.address).await;
    assert_eq!(conn.compression(), None);
    check_echoes(&mut conn).await;
    assert_eq!(answer_to(&program, "x-webkit-deflate-frame"), None);
}

#[tokio::test]
async fn no_compression_agrees_to_none() {
    for program in both_ways("--no-compression", None) {
        let mut conn = dial_offering(&program, Compression::default()).await;
        assert_eq!(conn.compression(), None);
        check_echoes(&mut conn).await;
        assert_eq!(answer_to(&program, "permessage-deflate"), None);
    }
    let program =
        Program::start_with(&[], &[("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_NO_COMPRESSION", "no")]);
    assert_eq!(answer_to(&program, "permessage-deflate").as_deref(), Some("permessage-deflate"));
}

#[tokio::test]
async fn no_context_takeover_is_for_both_sides() {
    for program in both_ways("--no-context-takeover", None) {
        let mut conn = dial_offering(&program, Compression::default()).await;
        assert_eq!(conn.compression(), Some(agreed(15, true)));
        check_echoes(&mut conn).await;
    }
}

#[tokio::test]
async fn window_bits_are_for_both_sides() {
    for bits in [8, 9, 10, 14] {
        for program in both_ways("--window-bits", Some(&bits.to_string())) {
            let mut conn = dial_offering(&program, Compression::default()).await;
            assert_eq!(conn.compression(), Some(agreed(bits, false)));
            check_echoes(&mut conn).await;
            // 7.1.2.2: the server may not ask a client to limit its window if the client did not say that it can.
            assert_eq!(answer_to(&program, "permessage-deflate"), None);
        }
    }
}

#[tokio::test]
async fn clients_get_what_they_ask_for() {
    let program = Program::start(&[]);
    for bits in [8, 9, 10, 15] {
        for no_takeover in [false, true] {
            let wanted = Compression::default()
                .server_max_window_bits(bits)
                .client_max_window_bits(bits)
                .server_no_context_takeover(no_takeover)
                .client_no_context_takeover(no_takeover);
            let mut conn = dial_offering(&program, wanted).await;
            assert_eq!(conn.compression(), Some(agreed(bits, no_takeover)));
            check_echoes(&mut conn).await;
        }
    }
}

#[test]
fn offers_that_make_no_sense_are_passed_over() {
    let program = Program::start(&[]);
    for nonsense in ["server_max_window_bits", "server_max_window_bits=16", "client_no_context_takeover=1", "level=9"] {
        assert_eq!(answer_to(&program, &format!("permessage-deflate; {nonsense}")), None, "{nonsense}");
        let second = format!("permessage-deflate; {nonsense}, permessage-deflate; server_max_window_bits=9");
        let expected = "permessage-deflate; server_max_window_bits=9";
        assert_eq!(answer_to(&program, &second).as_deref(), Some(expected), "{nonsense}");
    }
}

#[test]
fn a_higher_level_gives_smaller_messages() {
    let sizes = ["1", "9"].map(|level| {
        both_ways("--compression-level", Some(level)).map(|program| {
            let mut client = raw_client_offering(&program, "permessage-deflate");
            client.send(&frame(0x81, prose(1_000).as_bytes()));
            let (first_byte, payload) = client.receive();
            assert_eq!(first_byte, 0xC1, "compressed");
            payload.len()
        })
    });
    assert_eq!(sizes.map(|[option, _]| option), sizes.map(|[_, variable]| variable));
    assert!(sizes[1][0] < sizes[0][0], "{sizes:?}");
}

/// The frames of RFC 7692, 7.2.3: they come back plain, because messages this short are not compressed.
#[test]
fn the_examples_of_the_rfc_come_back() {
    let program = Program::start(&[]);
    let mut client = raw_client_offering(&program, "permessage-deflate");
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    // As one frame, as two, and once more with a reference to the first.
    client.send(&frame(0xC1, &hello));
    client.send(&[frame(0x41, &hello[..3]), frame(0x80, &hello[3..])].concat());
    client.send(&frame(0xC1, &[0xF2, 0x00, 0x11, 0x00, 0x00]));
    for _ in 0..3 {
        assert_eq!(client.receive(), (0x81, b"Hello".to_vec()));
    }
}

#[test]
fn a_compressed_message_is_refused_where_none_was_agreed_and_where_it_is_broken() {
    let program = Program::start(&[]);
    let mut client = RawClient::connect(program.address);
    client.send(&frame(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]));
    let (first_byte, payload) = client.receive();
    assert_eq!((first_byte, &payload[..2]), (0x88, &1002_u16.to_be_bytes()[..]));
    let mut client = raw_client_offering(&program, "permessage-deflate");
    client.send(&frame(0xC1, &[0xFF; 10]));
    let (first_byte, payload) = client.receive();
    assert_eq!(first_byte, 0x88);
    assert!([1002, 1007].contains(&u16::from_be_bytes([payload[0], payload[1]])), "{payload:?}");
}

#[tokio::test]
async fn the_limit_holds_for_what_a_message_grows_to() {
    let program = Program::start(&["--max-message-size", "10k"]);
    let mut conn = dial_offering(&program, Compression::default()).await;
    check_echo(&mut conn, &prose(1_000)[..10 * 1024]).await;
    conn.write_message(&prose(1_000)[..10 * 1024 + 1]).await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(conn.close_info().unwrap().code.get(), 1009);
}

/// Browsers give up where they offer subprotocols and none is agreed on.
#[tokio::test]
async fn the_first_subprotocol_is_agreed_to() {
    let program = Program::start(&[]);
    let dialer = Dialer::new().subprotocols(["chat.example", "other.example"]).compression(Compression::default());
    let mut conn = within(dialer.dial(&format!("ws://{}/ws/echo", program.address))).await.unwrap();
    assert_eq!(conn.subprotocol().map(|name| name.as_str()), Some("chat.example"));
    assert!(conn.compression().is_some());
    check_echo(&mut conn, "spoken to in chat.example").await;
}

#[tokio::test]
async fn an_answer_that_takes_several_turns_to_compress_comes_back() {
    let program = Program::start(&["--threads", "1", "--max-message-size", "8MiB"]);
    let mut conn = dial_offering(&program, Compression::default()).await;
    // Random text: hard work for the compressor.
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 24) as u8 % 26)
    };
    for size in [64 * 1024 + 1, 1024 * 1024, 8 * 1024 * 1024] {
        let text: String = (0..size).map(|_| letter()).collect();
        check_echo(&mut conn, text).await;
    }
    check_echo(&mut conn, "and a small one").await;
}
