//! Clients that write HTTP/2 frames by hand (RFC 9113) against our own server: floods, endless heads, and data that comes
//! early.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;
use silverback::{UpgradeError, Upgrader};
use silverback_testkit::wire::{CLIENT_KEY, text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};

use crate::support::{echo, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;
/// Added to the window of a stream, it exceeds the limit, so that the server must reset the stream (RFC 9113, 6.9.1).
const TOO_MUCH: [u8; 4] = [0x7f, 0xff, 0xff, 0xff];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field with its name and value in plain letters (RFC 7541, 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let (name_len, value_len) = (u8::try_from(name.len()).unwrap(), u8::try_from(value.len()).unwrap());
    assert!(name_len < 127 && value_len < 127);
    [&[0, name_len], name.as_bytes(), &[value_len], value.as_bytes()].concat()
}

/// The field section of a handshake on the path `/ws`.
fn handshake(authority: &str) -> Vec<u8> {
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", "/ws"),
        ("sec-websocket-version", "13"),
    ];
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

fn start() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// A server that echoes. The task returns how many handshakes succeeded and how many failed.
fn serve(upgrader: &Upgrader) -> (DuplexStream, JoinHandle<(usize, Vec<UpgradeError>)>) {
    let (near, far) = duplex(64 * 1024);
    let mut http2 = upgrader.serve_http2(far);
    let serving = tokio::spawn(async move {
        let (mut opened, mut failed) = (0, Vec::new());
        while let Some(accepted) = http2.accept().await {
            match accepted {
                Ok((conn, _)) => {
                    opened += 1;
                    tokio::spawn(echo(conn));
                }
                Err(error) => failed.push(error),
            }
        }
        (opened, failed)
    });
    (near, serving)
}

/// Reads frames until one of this type comes, and returns its payload.
async fn expect(near: &mut (impl AsyncReadExt + Unpin), wanted: u8) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        within(near.read_exact(&mut head)).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        within(near.read_exact(&mut payload)).await.unwrap();
        if head[3] == wanted {
            return payload;
        }
    }
}

/// Repeats a frame until the server takes no more, and returns how many bytes it took.
async fn flood(near: &mut DuplexStream, frame: &[u8]) -> usize {
    let mut taken = 0;
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), near.write_all(frame)).await {
        taken += frame.len();
        assert!(taken < 64 * 1024 * 1024, "the flood is read for ever");
    }
    taken
}

#[tokio::test]
async fn data_that_comes_before_the_answer_is_kept() {
    let gate = Arc::new(Semaphore::new(0));
    let opens = gate.clone();
    let upgrader = Upgrader::new().on_request(move |_| {
        let gate = opens.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(HeaderMap::new())
        }
    });
    let (mut near, _serving) = serve(&upgrader);
    let hello = text("early").masked(CLIENT_KEY).encode();
    let bytes = [start(), frame(HEADERS, END_HEADERS, 1, &handshake("example.com")), frame(DATA, 0, 1, &hello)];
    near.write_all(&bytes.concat()).await.unwrap();
    // The server has read all of it once it has answered the PING behind it.
    near.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
    expect(&mut near, PING).await;
    gate.add_permits(1);
    assert_eq!(expect(&mut near, DATA).await, text("early").encode());
}

#[tokio::test]
async fn a_host_that_this_server_does_not_serve_is_misdirected() {
    let upgrader = Upgrader::new().allow_hosts(["example.com"]).unwrap();
    let (mut near, serving) = serve(&upgrader);
    near.write_all(&start()).await.unwrap();
    near.write_all(&frame(HEADERS, END_HEADERS, 1, &handshake("other.example"))).await.unwrap();
    let fields = expect(&mut near, HEADERS).await;
    // RFC 7541: the name `:status` by its index, then three digits in two bytes of Huffman's code.
    assert_eq!(fields[..4], [0x48, 0x82, 0x68, 0x41]);
    drop(near);
    let (opened, failed) = within(serving).await.unwrap();
    assert_eq!((opened, failed[0].response().status().as_u16()), (0, 421));
}

#[tokio::test(start_paused = true)]
async fn an_endless_field_section_ends_its_connection() {
    let (mut near, serving) = serve(&Upgrader::new());
    near.write_all(&start()).await.unwrap();
    near.write_all(&frame(HEADERS, 0, 1, &handshake("example.com"))).await.unwrap();
    let more = field("x-more", &"m".repeat(100)).repeat(100);
    let taken = flood(&mut near, &frame(CONTINUATION, 0, 1, &more)).await;
    assert!(taken < 1024 * 1024, "{taken}");
    assert_eq!(within(serving).await.unwrap().0, 0);
}

/// The answers to these frames wait for a client that does not read.
#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_answers_cannot_ask_for_ever() {
    for question in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
        let (mut near, serving) = serve(&Upgrader::new());
        near.write_all(&start()).await.unwrap();
        let taken = flood(&mut near, &question.repeat(100)).await;
        assert!(taken < 1024 * 1024, "{taken}");
        assert_eq!(within(serving).await.unwrap().0, 0);
    }
}

/// Faults of the client that make the server reset its streams count as resets by the client ("MadeYouReset").
#[tokio::test]
async fn streams_that_the_server_must_reset_end_the_connection() {
    let begun = Arc::new(AtomicUsize::new(0));
    let begins = begun.clone();
    let upgrader = Upgrader::new().on_request(move |_| {
        begins.fetch_add(1, Ordering::SeqCst);
        pending()
    });
    let (near, serving) = serve(&upgrader);
    let (mut reads, mut writes) = tokio::io::split(near);
    let writing = tokio::spawn(async move {
        writes.write_all(&start()).await?;
        for stream in (1..20_000).step_by(2) {
            writes.write_all(&frame(HEADERS, END_HEADERS, stream, &handshake("example.com"))).await?;
            writes.write_all(&frame(WINDOW_UPDATE, 0, stream, &TOO_MUCH)).await?;
        }
        std::io::Result::Ok(())
    });
    let goaway = expect(&mut reads, GOAWAY).await;
    assert_eq!(goaway[4..8], ENHANCE_YOUR_CALM.to_be_bytes());
    drop(reads);
    let (opened, failed) = within(serving).await.unwrap();
    assert!(opened == 0 && matches!(failed.last(), Some(UpgradeError::Io(_))), "{failed:?}");
    assert!(begun.load(Ordering::SeqCst) <= 2_000);
    writing.abort();
}

#[tokio::test]
async fn a_client_that_vanishes_ends_all_of_its_websockets() {
    let (near, far) = duplex(64 * 1024);
    let mut http2 = Upgrader::new().serve_http2(far);
    let serving = tokio::spawn(async move {
        let mut echoes = tokio::task::JoinSet::new();
        while let Some(accepted) = http2.accept().await {
            if let Ok((conn, _)) = accepted {
                echoes.spawn(echo(conn));
            }
        }
        echoes.join_all().await
    });
    let (mut reads, mut writes) = tokio::io::split(near);
    writes.write_all(&start()).await.unwrap();
    for stream in [1, 3, 5] {
        writes.write_all(&frame(HEADERS, END_HEADERS, stream, &handshake("example.com"))).await.unwrap();
        expect(&mut reads, HEADERS).await;
    }
    drop((reads, writes));
    let ends = within(serving).await.unwrap();
    assert!(ends.len() == 3 && ends.iter().all(Result::is_err), "{ends:?}");
}
