//! Peers on real sockets that read slowly but are alive, and peers that stop reading. Time passes only while the test
//! sleeps, so a slow machine changes nothing.

use std::{
    io::{ErrorKind, Read, Write},
    net, thread,
    time::Duration,
};

use silverback::{ByteStream, Config, Conn, Error, Negotiated, Role, Settings, Timeout};
use silverback_testkit::wire::{CLIENT_KEY, decode_all, pong};
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::support::{PATIENCE, settle, within};

/// A server's connection to a peer with a small receive buffer. Our kernel has a large send buffer.
fn connect(config: Config, wrap: impl FnOnce(TcpStream) -> Box<dyn ByteStream>) -> (Conn, net::TcpStream) {
    connect_with(config, Some(4 * 1024 * 1024), wrap)
}

fn connect_with(
    config: Config,
    send_buffer: Option<usize>,
    wrap: impl FnOnce(TcpStream) -> Box<dyn ByteStream>,
) -> (Conn, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener).set_recv_buffer_size(16 * 1024).unwrap();
    let near = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    if let Some(size) = send_buffer {
        SockRef::from(&near).set_send_buffer_size(size).unwrap();
    }
    near.set_nonblocking(true).unwrap();
    let peer = listener.accept().unwrap().0;
    let stream = wrap(TcpStream::from_std(near).unwrap());
    let settings = Settings::default().config(config);
    (Conn::from_handshake(stream, Role::Server, Negotiated::default(), [], &settings), peer)
}

/// Reads this much. No time of the test passes meanwhile, and other tasks go on.
async fn read_exactly(peer: &mut net::TcpStream, count: usize, into: &mut Vec<u8>) {
    peer.set_nonblocking(true).unwrap();
    let begun = std::time::Instant::now();
    let end = into.len() + count;
    while into.len() < end {
        let mut chunk = [0; TAKEN];
        let room = chunk.len().min(end - into.len());
        match peer.read(&mut chunk[..room]) {
            Ok(0) => panic!("the connection has ended"),
            Ok(count) => into.extend_from_slice(&chunk[..count]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                assert!(begun.elapsed() < PATIENCE, "the peer got {} of {end} bytes", into.len());
                thread::sleep(Duration::from_millis(1));
                settle().await;
            }
        }
    }
}

/// The kernel of a peer acknowledges in lumps of up to 32 KiB. At this pace, one comes at least every 16 s, which is less
/// than the ping timeout.
const STEP: Duration = Duration::from_secs(2);
const TAKEN: usize = 4 * 1024;
const MESSAGE: usize = 120 * 1024;
const HEADER: usize = 10;

/// Our kernel takes the whole message at once. Only TCP knows how much the peer has acknowledged.
async fn check_that_a_late_pong_is_waited_for(wrap: impl FnOnce(TcpStream) -> Box<dyn ByteStream>) {
    let (conn, mut peer) = connect(Config::default(), wrap);
    let (writer, mut reader) = conn.split();
    let reading = tokio::spawn(async move { (reader.read_message().await, reader) });
    let begun = Instant::now();
    writer.write_message(vec![7; MESSAGE]).await.unwrap();
    let mut wire = Vec::new();
    for _ in 0..MESSAGE / TAKEN {
        sleep(STEP).await;
        assert!(!reading.is_finished(), "given up after {:?}", begun.elapsed());
        read_exactly(&mut peer, TAKEN, &mut wire).await;
    }
    // The header of the message, and the ping that stood behind it.
    read_exactly(&mut peer, HEADER + 6, &mut wire).await;
    let (frames, _) = decode_all(&wire);
    assert_eq!(frames.iter().map(|frame| frame.opcode).collect::<Vec<_>>(), [0x2, 0x9]);
    let answer = pong(frames[1].payload.clone()).masked(CLIENT_KEY).encode();
    peer.write_all(&answer).unwrap();
    sleep(STEP).await;
    assert!(!reading.is_finished());

    // Now it takes nothing any more, and says nothing.
    let begun = Instant::now();
    let (read, reader) = within(reading).await.unwrap();
    assert!(matches!(read, Err(Error::Timeout(Timeout::Pong(_)))), "{read:?}");
    assert!(begun.elapsed() <= Duration::from_secs(40), "{:?}", begun.elapsed());
    assert!(reader.stats().round_trip.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_late_pong_is_waited_for_while_the_peer_takes_what_stands_before_the_ping() {
    check_that_a_late_pong_is_waited_for(|tcp| Box::new(tcp)).await;
}

/// As under TLS: the socket is out of reach, its addresses are known.
#[tokio::test(start_paused = true)]
async fn a_late_pong_is_waited_for_on_a_stream_on_tcp_too() {
    check_that_a_late_pong_is_waited_for(|tcp| Box::new(Box::new(tcp) as Box<dyn ByteStream>)).await;
}

/// Bytes in our kernel are out of reach, so a ping or a Close frame cannot overtake them.
#[tokio::test(start_paused = true)]
async fn what_a_peer_does_not_take_waits_in_our_queue_and_not_in_the_kernel() {
    const LARGE: usize = 16 * 1024 * 1024;
    for boxed in [false, true] {
        let (conn, peer) = connect_with(Config::default(), None, |tcp| match boxed {
            false => Box::new(tcp),
            true => Box::new(Box::new(tcp) as Box<dyn ByteStream>),
        });
        let (writer, reader) = conn.split();
        writer.write_message(vec![7; LARGE]).await.unwrap();
        let flushing = tokio::spawn(async move { writer.flush().await });
        sleep(STEP).await;
        assert!(!flushing.is_finished());
        let taken = LARGE - reader.stats().queued_output;
        assert!(taken < 1024 * 1024, "the kernel took {taken} bytes");
        drop(peer);
    }
}

/// The kernel of a peer that hangs still takes some output. That output is queued behind the ping, so it cannot delay
/// the pong.
#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_is_found_though_its_kernel_takes_output() {
    let (conn, peer) = connect(Config::default(), |tcp| Box::new(tcp));
    let (writer, mut reader) = conn.split();
    let begun = Instant::now();
    let reading = tokio::spawn(async move { reader.read_message().await });
    while !reading.is_finished() {
        let _ = writer.write_message("news").await;
        sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < Duration::from_secs(62));
    }
    let error = reading.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::Pong(_))), "{error}");
    drop(peer);
}

/// Megabytes wait in our kernel, so the peer's reads do not make room for more.
#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_of_what_our_kernel_holds_is_no_stall() {
    let (conn, mut peer) = connect(Config::default(), |tcp| Box::new(tcp));
    let (writer, _reader) = conn.split();
    writer.write_message(vec![7; 8 * 1024 * 1024]).await.unwrap();
    let flushing = tokio::spawn(async move { writer.flush().await });
    let mut wire = Vec::new();
    for _ in 0..40 {
        sleep(STEP).await;
        assert!(!flushing.is_finished());
        read_exactly(&mut peer, TAKEN, &mut wire).await;
    }
    let begun = Instant::now();
    let error = within(flushing).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout(Timeout::WriteStall(_))), "{error}");
    assert!(begun.elapsed() <= Duration::from_secs(45), "{:?}", begun.elapsed());
}
