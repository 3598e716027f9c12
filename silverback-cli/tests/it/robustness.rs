//! The cost of one client: memory stays bounded, and other clients notice nothing.
#![cfg(target_os = "linux")]

use std::{net::SocketAddr, time::Duration};

use silverback::{Compression, Dialer, PreparedMessage};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Program, RawClient, ask, check_burst, check_echo, connect_tls, dial, frame, handshake, wait_until, within,
};

/// Buffers of the threads, the allocator's habits, and a message or two of 1 MiB in each direction.
const ALLOWANCE_KIB: u64 = 16 * 1024;

/// The size of a hostile client's flood, far above the allowance.
const FLOOD: usize = 64 * 1024 * 1024;

/// The time after which a server that takes no bytes counts as stopped.
const QUIET: Duration = Duration::from_secs(2);

#[track_caller]
fn check_memory(program: &Program, before: u64) {
    check_memory_within(program, before, ALLOWANCE_KIB);
}

#[track_caller]
fn check_memory_within(program: &Program, before: u64, allowance_kib: u64) {
    let grown = program.resident_kib().saturating_sub(before);
    assert!(grown < allowance_kib, "memory has grown by {grown} KiB");
}

#[tokio::test]
async fn a_client_that_never_reads_is_bounded_and_disturbs_nobody() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let mut other = dial(program.address).await;
    check_echo(&mut other, "before").await;
    let before = program.resident_kib();
    let mut deaf = RawClient::connect(program.address);
    let messages = frame(0x82, &vec![7; 64 * 1024]).repeat(FLOOD / (64 * 1024));
    let sent = deaf.send_as_much_as_possible(&messages, QUIET);
    assert!(sent < messages.len(), "the server must stop reading from a client that does not read");
    check_memory(&program, before);
    for _ in 0..100 {
        check_echo(&mut other, "meanwhile").await;
    }
    drop(deaf);
}

#[tokio::test]
async fn large_messages_to_a_client_that_never_reads_are_bounded_too() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let mut other = dial(program.address).await;
    let before = program.resident_kib();
    let mut deaf = RawClient::connect(program.address);
    let messages = frame(0x82, &vec![7; 1024 * 1024]).repeat(FLOOD / (1024 * 1024));
    deaf.send_as_much_as_possible(&messages, QUIET);
    check_memory(&program, before);
    check_echo(&mut other, "meanwhile").await;
}

#[tokio::test]
async fn twenty_thousand_tiny_fragments_are_one_message() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let mut other = dial(program.address).await;
    check_echo(&mut other, "before").await;
    let before = program.resident_kib();
    let mut client = RawClient::connect(program.address);
    for _ in 0..5 {
        let mut fragments = frame(0x01, b"x");
        fragments.extend(frame(0x00, b"x").repeat(19_998));
        fragments.extend(frame(0x80, b"x"));
        client.send(&fragments);
        assert_eq!(client.receive(), (0x81, vec![b'x'; 20_000]));
        check_echo(&mut other, "meanwhile").await;
    }
    check_memory(&program, before);
}

#[tokio::test]
async fn fragments_without_end_are_refused() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let mut other = dial(program.address).await;
    let before = program.resident_kib();
    let mut client = RawClient::connect(program.address);
    client.send(&frame(0x01, b""));
    client.send(&frame(0x00, b"").repeat(131_072));
    let (first, payload) = client.receive();
    assert_eq!((first, &payload[..2]), (0x88, &1008_u16.to_be_bytes()[..]));
    check_memory(&program, before);
    check_echo(&mut other, "others go on").await;
}

#[tokio::test]
async fn a_flood_of_pings_is_bounded_and_the_last_one_is_answered() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let mut other = dial(program.address).await;
    check_echo(&mut other, "before").await;
    let before = program.resident_kib();
    let mut client = RawClient::connect(program.address);
    let pings = frame(0x89, &[b'p'; 125]).repeat(FLOOD / 131);
    let sent = client.send_as_much_as_possible(&pings, QUIET);
    assert_eq!(sent, pings.len(), "pings are read although their pongs are not");
    check_memory(&program, before);
    check_echo(&mut other, "meanwhile").await;
    client.send(&frame(0x89, b"the last"));
    loop {
        let (first, payload) = client.receive();
        assert_eq!(first, 0x8a);
        if payload == b"the last" {
            break;
        }
    }
}

#[tokio::test]
async fn a_declared_length_costs_nothing() {
    let program = Program::start(&["--quiet", "--threads", "1", "--max-message-size", "1GiB"]);
    let mut other = dial(program.address).await;
    check_echo(&mut other, "before").await;
    let before = program.resident_kib();
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let mut client = RawClient::connect(program.address);
            let mut header = vec![0x82, 0xff];
            header.extend((1_u64 << 30).to_be_bytes());
            client.send(&[&header[..], &[0; 4], &[1; 1000]].concat());
            client
        })
        .collect();
    check_echo(&mut other, "meanwhile").await;
    check_memory(&program, before);
    drop(clients);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_503() {
    let program = Program::start(&["--quiet", "--threads", "2", "--max-connections", "3"]);
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(dial(program.address).await);
    }
    let refused = ask(program.address, &handshake(program.address, &[]));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    wait_until("the operator is told", || {
        program.errors().contains("as many WebSockets are open as --max-connections allows")
    });
    check_echo(&mut clients[0], "those who are connected go on").await;
    clients.pop();
    wait_until("there is room again", || ask(program.address, &handshake(program.address, &[])).status == 101);
}

#[tokio::test]
async fn a_burst_fills_all_places() {
    let options = ["--quiet", "--threads", "2", "--max-connections", "20"];
    let program = Program::start(&options);
    let mut clients = Vec::new();
    for _ in 0..25 {
        clients.push(within(TcpStream::connect(program.address)).await.unwrap());
    }
    check_burst(101, clients.into_iter().map(|client| status(client, program.address))).await;
    let program = Program::start(&[&options[..], &["--tls-self-signed"]].concat());
    let mut clients = Vec::new();
    for _ in 0..25 {
        clients.push(connect_tls(program.address, &[]).await);
    }
    check_burst(101, clients.into_iter().map(|client| status(client, program.address))).await;
}

/// Sends a handshake. Returns the status of the answer, and the stream, which is still open.
async fn status<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, address: SocketAddr) -> (u16, S) {
    stream.write_all(handshake(address, &[]).as_bytes()).await.unwrap();
    let mut start = [0; "HTTP/1.1 101".len()];
    within(stream.read_exact(&mut start)).await.unwrap();
    (std::str::from_utf8(&start[9..]).unwrap().parse().unwrap(), stream)
}

/// Its edge is tested with the library; here, that the option is what sets it.
#[tokio::test]
async fn new_connections_go_without_compression_when_its_memory_is_used_up() {
    let program = Program::start(&["--quiet", "--threads", "2", "--memory-limit", "1MiB"]);
    let offer = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    let answer = || ask(program.address, &handshake(program.address, &offer));
    assert!(answer().header("sec-websocket-extensions").is_some());
    let mut clients = Vec::new();
    for _ in 0..2 {
        let dialer = Dialer::new().compression(Compression::default());
        let mut client = within(dialer.dial(&format!("ws://{}/ws/echo", program.address))).await.unwrap();
        check_echo(&mut client, "again and again ".repeat(20)).await;
        clients.push(client);
    }
    let plain = answer();
    assert_eq!((plain.status, plain.header("sec-websocket-extensions")), (101, None));
    clients.clear();
    wait_until("there is memory again", || answer().header("sec-websocket-extensions").is_some());
}

/// 60 clients hold 1 MiB each. All but one leave, or finish their messages.
#[tokio::test]
async fn memory_is_given_back_when_a_load_has_gone() {
    let program = Program::start(&["--quiet", "--threads", "2", "--ping-interval", "off"]);
    let mut other = dial(program.address).await;
    check_echo(&mut other, "before").await;
    let before = program.resident_kib();
    for leaves in [true, false] {
        let mut clients: Vec<_> = (0..60).map(|_| RawClient::connect(program.address)).collect();
        for client in &mut clients {
            client.send(&frame(0x02, &vec![7; 1024 * 1024 - 1]));
        }
        wait_until("the messages are held", || program.resident_kib() > before + 50 * 1024);
        if leaves {
            clients.clear();
        }
        for client in &mut clients {
            client.send(&frame(0x80, b"7"));
            assert_eq!(client.receive().1.len(), 1024 * 1024);
        }
        wait_until("the memory is given back", || program.resident_kib() < before + 10 * 1024);
    }
    check_echo(&mut other, "after").await;
}

/// 64 MiB of zeros in 64 KiB. They are refused at the limit on messages or, if larger, at 256 times the received bytes.
/// That is 16 MiB here, in a buffer that doubles.
#[tokio::test]
async fn what_inflates_without_end_is_refused_with_1009_and_holds_little() {
    let bomb = PreparedMessage::new(vec![0; FLOOD]);
    for (limit, words, allowance_kib) in [
        ("1MiB", "over the limit of 1048576", ALLOWANCE_KIB),
        ("1GiB", "more than 256 times its size", ALLOWANCE_KIB + 32 * 1024),
    ] {
        let options = ["--quiet", "--threads", "1", "--ping-interval", "off", "--max-message-size", limit];
        let program = Program::start(&options);
        let mut other = dial(program.address).await;
        check_echo(&mut other, "before").await;
        let before = program.resident_kib();
        for _ in 0..5 {
            let dialer = Dialer::new().compression(Compression::default().level(9));
            let mut bomber = within(dialer.dial(&format!("ws://{}/ws/echo", program.address))).await.unwrap();
            bomber.write_prepared(&bomb).await.unwrap();
            assert_eq!(within(bomber.read_message()).await.unwrap(), None);
            let info = bomber.close_info().unwrap();
            assert_eq!(info.code.get(), 1009);
            assert!(info.reason.contains(words), "{}", info.reason);
        }
        check_memory_within(&program, before, allowance_kib);
        check_echo(&mut other, "meanwhile").await;
    }
}
