//! Benchmarks for the kernels of the core, each next to the standard library or a simple implementation. The names are
//! `group/implementation/size`: `ours` first, then the one it is compared with.

use std::{hint::black_box, io::IoSlice, str::from_utf8, time::Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use data_encoding::BASE64;
use flate2::{Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress, Status};
use sha1::{Digest as _, Sha1};
use silverback_proto::{
    Config, Connection, Event, FrameHeader, MaskKey, Message, Negotiated, Opcode, Role, Utf8Validator,
    deflate::{Compression, DeflateParams},
    handshake::{accept_key, http1::parse_request},
};

criterion_main!(kernels);
criterion_group!(kernels, header, mask, utf8, assemble, deflate, handshake);

/// Compared with a decoder that reads byte by byte.
fn header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("header");
    for len in [16, 1024, 100_000] {
        let bytes = FrameHeader::new(Opcode::BINARY, len).with_mask(Some(KEY)).encode().to_vec();
        group.bench_function(BenchmarkId::new("ours", len), |bencher| {
            bencher.iter(|| FrameHeader::decode(black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("byte by byte", len), |bencher| {
            bencher.iter(|| naive_header(black_box(&bytes)));
        });
    }
}

fn naive_header(bytes: &[u8]) -> Option<(u8, bool, u64, [u8; 4])> {
    let mut rest = bytes.iter();
    let first = *rest.next()?;
    let second = *rest.next()?;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut len = if extended == 0 { u64::from(second & 0x7f) } else { 0 };
    for _ in 0..extended {
        len = len << 8 | u64::from(*rest.next()?);
    }
    let mut key = [0; 4];
    for byte in &mut key {
        *byte = *rest.next()?;
    }
    Some((first & 0x0f, first & 0x80 != 0, len, key))
}

/// Compared with a loop over bytes.
fn mask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask");
    for size in [16, 1024, 65_536] {
        let mut payload = vec![b'x'; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("ours", size), |bencher| {
            bencher.iter(|| KEY.apply(0, black_box(&mut payload)));
        });
        group.bench_function(BenchmarkId::new("byte by byte", size), |bencher| {
            bencher.iter(|| naive_mask(black_box(&mut payload)));
        });
    }
}

fn naive_mask(payload: &mut [u8]) {
    for (place, byte) in payload.iter_mut().enumerate() {
        *byte ^= KEY.0[place % 4];
    }
}

/// Compared with the standard library, which needs the whole text at once.
fn utf8(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("utf8");
    for (name, sample) in [("ascii", "plain words, "), ("mixed", "Grüße, 世界! ")] {
        for size in [64, 1024, 65_536] {
            let text: String = sample.chars().cycle().take(size).collect();
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(BenchmarkId::new(format!("ours {name}"), size), |bencher| {
                bencher
                    .iter(|| Utf8Validator::default().push(black_box(text.as_bytes()), |piece| _ = black_box(piece)));
            });
            group.bench_function(BenchmarkId::new(format!("std {name}"), size), |bencher| {
                bencher.iter(|| from_utf8(black_box(text.as_bytes())).is_ok());
            });
        }
    }
}

/// A message of 16 fragments, from bytes to a value, compared with joining its payload and unmasking it.
fn assemble(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assemble");
    for size in [64, 1024, 16_384] {
        let piece = vec![b'x'; size];
        let wire: Vec<u8> = (0..FRAGMENTS).flat_map(|index| fragment(index, &piece)).collect();
        group.throughput(Throughput::Bytes((FRAGMENTS * size) as u64));
        group.bench_function(BenchmarkId::new("ours", size), |bencher| {
            let mut conn = connection(Role::Server, None);
            bencher.iter_batched_ref(|| wire.clone(), |wire| received(&mut conn, wire), BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("concatenated", size), |bencher| {
            bencher.iter_batched_ref(|| wire.clone(), |wire| concatenated(wire), BatchSize::LargeInput);
        });
    }
}

fn fragment(index: usize, piece: &[u8]) -> Vec<u8> {
    let opcode = if index == 0 { Opcode::BINARY } else { Opcode::CONTINUATION };
    let mut frame = FrameHeader::new(opcode, piece.len() as u64).with_mask(Some(KEY)).encode().to_vec();
    if index < FRAGMENTS - 1 {
        frame[0] &= !FIN;
    }
    let payload = frame.len();
    frame.extend_from_slice(piece);
    KEY.apply(0, &mut frame[payload..]);
    frame
}

fn concatenated(wire: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut rest = wire;
    while let Some(header) = FrameHeader::decode(rest) {
        let end = header.encoded_len() + header.payload_len() as usize;
        let start = message.len();
        message.extend_from_slice(&rest[header.encoded_len()..end]);
        naive_mask(&mut message[start..]);
        rest = &rest[end..];
    }
    message
}

/// Round trips of JSON messages that resemble each other, compared with the streams of flate2 on miniz_oxide; both at
/// level 1 and with context takeover.
fn deflate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deflate");
    for records in [8, 128] {
        let texts: Vec<_> = (0..64).map(|message| json(message, records)).collect();
        let len = texts[0].len();
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::new("ours", len), |bencher| {
            let mut server = connection(Role::Server, Some(Compression::default()));
            let mut client = connection(Role::Client, Some(Compression::default()));
            let mut texts = texts.iter().cycle();
            bencher.iter(|| {
                server
                    .send(Message::from(texts.next().expect("an endless iterator").as_str()))
                    .expect("an open connection");
                let mut wire = transmitted(&mut server);
                received(&mut client, &mut wire)
            });
        });
        group.bench_function(BenchmarkId::new("flate2", len), |bencher| {
            let (mut deflater, mut inflater) = (Compress::new(Level::fast(), false), Decompress::new(false));
            let mut texts = texts.iter().cycle();
            bencher.iter(|| {
                there_and_back(&mut deflater, &mut inflater, texts.next().expect("an endless iterator").as_bytes())
            });
        });
    }
}

/// Returns messages of the same length.
fn json(message: u32, records: u32) -> String {
    let record = |index: u32| {
        let number = (message * 128 + index).wrapping_mul(2_654_435_761);
        format!(r#"{{"id":{number:010},"name":"guest {:02x}","on":true}},"#, number >> 24)
    };
    (0..records).map(record).collect()
}

fn there_and_back(deflater: &mut Compress, inflater: &mut Decompress, message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 64);
    let status = deflater.compress_vec(message, &mut wire, FlushCompress::Sync).expect("deflate takes anything");
    assert_eq!(status, Status::Ok);
    let mut back = Vec::with_capacity(message.len() + 64);
    inflater.decompress_vec(&wire, &mut back, FlushDecompress::Sync).expect("deflated data inflates");
    assert_eq!(back.len(), message.len());
    back
}

/// The accept key, compared with the sha1 crate and an encoded string; the head, compared with a split at lines and
/// colons without validation.
fn handshake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("accept key");
    group.bench_function("ours", |bencher| bencher.iter(|| accept_key(black_box(NONCE))));
    group.bench_function("sha1 and a string", |bencher| {
        bencher.iter(|| BASE64.encode(&Sha1::new().chain_update(black_box(NONCE)).chain_update(GUID).finalize()));
    });
    group.finish();
    let mut group = criterion.benchmark_group("request head");
    group.throughput(Throughput::Bytes(HEAD.len() as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| parse_request(black_box(HEAD.as_bytes())).expect("it is a request"));
    });
    group.bench_function("split", |bencher| bencher.iter(|| split_head(black_box(HEAD))));
}

fn split_head(head: &str) -> Vec<(String, String)> {
    let lines = head.split("\r\n").skip(1);
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect()
}

/// Returns the message that a connection reads from these bytes.
fn received(conn: &mut Connection, wire: &mut [u8]) -> Message {
    let mut done = 0;
    loop {
        let progress = conn.handle_input(Instant::now(), &mut wire[done..]).expect("it keeps the rules");
        done += progress.consumed;
        match progress.event {
            Some(Event::Message(message)) => return message.into_message(),
            event => assert!(event.is_none() && done < wire.len()),
        }
    }
}

/// Returns the bytes that a connection would send now.
fn transmitted(conn: &mut Connection) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 16];
    let count = conn.poll_transmit(&mut slices);
    let wire = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
    conn.handle_transmitted(wire.len());
    wire
}

fn connection(role: Role, compression: Option<Compression>) -> Connection {
    let agreed = DeflateParams {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 15,
        client_max_window_bits: 15,
    };
    let mut negotiated = Negotiated::default();
    negotiated.compression = compression.as_ref().map(|_| agreed);
    Connection::new(role, negotiated, Config::default().compression(compression), Instant::now(), || KEY)
}

const KEY: MaskKey = MaskKey([0x9b, 0x21, 0x5e, 0xc4]);
const FIN: u8 = 0x80;
const FRAGMENTS: usize = 16;
const NONCE: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A request as a browser sends it.
const HEAD: &str = "GET /chat?room=7 HTTP/1.1\r\nHost: chat.example.com\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
    Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nUpgrade: websocket\r\n\
    Origin: https://chat.example.com\r\nSec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
