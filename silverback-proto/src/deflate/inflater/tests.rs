//! The results of the inflater must not depend on how its input is cut.

use silverback_testkit::{clock::FakeClock, cuts::Random, wire::text};

use super::*;
use crate::{
    connection::{Connection, config::Config},
    deflate::deflater::Deflater,
    handshake::negotiated::Negotiated,
    wire::{
        error::{ConnectionError, LimitError, ProtocolError},
        mask::MaskKey,
    },
};

fn compress(message: &[u8]) -> Vec<u8> {
    let compression = Compression::default().level(9);
    let mut compressed = Vec::new();
    Deflater::new(Role::Server, &compression, &compression.wanted).finish(message, &mut compressed);
    compressed
}

/// Returns the inflated size.
fn inflate(compressed: &[u8], piece: usize) -> Result<usize, InflateError> {
    let compression = Compression::default();
    let mut inflater = Inflater::new(Role::Server, &compression, &compression.wanted);
    let mut size = 0;
    let mut count = |bytes: &[u8]| {
        size += bytes.len();
        Ok(())
    };
    for piece in compressed.chunks(piece) {
        inflater.push(piece, &mut count)?;
    }
    inflater.finish(&mut count)?;
    Ok(size)
}

/// Returns the error of a client that accepts 64 KiB, for a compressed text in pieces.
fn refuse(compressed: &[u8], piece: usize) -> ConnectionError {
    refuse_above(1 << 16, compressed, piece)
}

fn refuse_above(limit: u64, compressed: &[u8], piece: usize) -> ConnectionError {
    let negotiated = Negotiated { compression: Some(DeflateParams::default()), ..Negotiated::default() };
    let config = Config::default().max_message_size(limit).compression(Compression::default());
    let now = FakeClock::new().now();
    let mut conn = Connection::new(Role::Client, negotiated, config, now, || MaskKey([0; 4]));
    let mut frame = text(compressed).rsv1().encode();
    let mut progress = frame.chunks_mut(piece).map(|piece| conn.handle_input(now, piece).map(|_| ()));
    progress.find_map(Result::err).expect("a message at fault")
}

#[test]
fn a_fault_is_the_same_at_every_cut() {
    let too_large = compress(&vec![b'x'; 100_000]);
    let no_text = compress(b"\xFF and then more of it");
    let broken = |compressed: &[u8]| [compressed, &[0xFF; 8]].concat();
    let over_the_limit = LimitError::Message { size: (1 << 16) + 1, limit: 1 << 16 };
    for (compressed, error) in [
        (too_large.clone(), ConnectionError::from(over_the_limit)),
        (broken(&too_large), over_the_limit.into()),
        (broken(&no_text), ProtocolError::InvalidUtf8.into()),
        (broken(&compress(b"text")), ProtocolError::InvalidDeflate.into()),
    ] {
        for piece in [1, 2, 3, 7, 100, usize::MAX] {
            assert_eq!(refuse(&compressed, piece), error, "in pieces of {piece}");
        }
    }
}

#[test]
fn text_within_the_limit_is_validated_before_the_limit_at_every_cut() {
    let text = |at: usize| compress(&[vec![b'x'; at], b"\xFF".to_vec(), vec![b'x'; 5000]].concat());
    let over_the_limit = LimitError::Message { size: 1001, limit: 1000 };
    for (compressed, error) in [
        (text(10), ConnectionError::from(ProtocolError::InvalidUtf8)),
        (text(999), ProtocolError::InvalidUtf8.into()),
        (text(1000), over_the_limit.into()),
    ] {
        for piece in [1, 2, 3, 7, usize::MAX] {
            assert_eq!(refuse_above(1000, &compressed, piece), error, "in pieces of {piece}");
        }
    }
}

/// An inflater of each kind: that keeps its stream, bytes, or nothing.
fn inflaters() -> impl Iterator<Item = Inflater> {
    let wanted = Compression::default().wanted;
    let small = DeflateParams { server_max_window_bits: 12, ..wanted };
    let alone = DeflateParams { server_no_context_takeover: true, ..wanted };
    [wanted, small, alone].into_iter().map(|agreed| Inflater::new(Role::Server, &Compression::default(), &agreed))
}

#[track_caller]
fn check_is_not_whole(message: &[u8]) {
    for piece in [1, 7, usize::MAX] {
        for mut inflater in inflaters() {
            let pushed =
                message.chunks(piece).try_for_each(|piece| inflater.push(piece, |_| Ok::<_, InflateError>(())));
            let ended = pushed.and_then(|()| inflater.finish(|_| Ok(())));
            assert_eq!(ended, Err(InflateError::Invalid), "{} bytes, {:?}", message.len(), inflater.kept);
        }
    }
}

fn brings_nothing(out: &[u8]) -> Result<(), InflateError> {
    assert_eq!(out, b"");
    Ok(())
}

#[test]
fn a_message_that_ends_inside_a_block_is_refused_whatever_is_kept() {
    let noise = Random::new(9).bytes(300);
    let (runs, noise) = (compress(&[&noise[..], &noise].concat()), compress(&noise));
    for message in [&runs, &noise] {
        // Noise is stored. If its last four bytes are missing, every receiver takes the tail that is added to each message
        // (7.2.2) for them.
        let takes_tail_for_data = STORED_HEADER + 300 - 4;
        for end in (2..message.len() - 4).filter(|&end| message == &runs || end != takes_tail_for_data) {
            check_is_not_whole(&message[..end]);
        }
        for mut inflater in inflaters() {
            for _ in 0..2 {
                inflater.push(message, |_| Ok::<(), InflateError>(())).unwrap();
                inflater.finish(brings_nothing).unwrap();
            }
        }
    }
}

/// 7.2.3.6: the message without text is a byte, and not none.
#[test]
fn a_payload_without_bytes_is_rejected_and_an_empty_block_is_an_empty_message() {
    check_is_not_whole(b"");
    for mut inflater in inflaters() {
        for _ in 0..3 {
            inflater.push(&[0], brings_nothing).unwrap();
            inflater.finish(brings_nothing).unwrap();
        }
    }
}

#[test]
fn the_probe_for_an_open_block_is_never_taken_for_its_end() {
    for missing in 5..=20 {
        // A final block of 100 stored bytes, not all of which come.
        check_is_not_whole(&[&[0x01, 100, 0, !100, 0xFF][..], &vec![b'x'; 100 - missing]].concat());
    }
}

/// Three bits, padding, and a length twice.
const STORED_HEADER: usize = 5;

#[test]
fn the_ratio_is_checked_the_same_at_every_cut() {
    let zeros = |mib: usize| vec![0; mib << 20];
    let noise = |len| Random::new(8).bytes(len);
    for (message, is_allowed) in [
        ([vec![0; (1 << 20) - 500], noise(500)].concat(), true),
        ([zeros(1), noise(500)].concat(), false),
        ([zeros(2), noise(500)].concat(), false),
        ([zeros(2), noise(20_000)].concat(), false),
        ([noise(20_000), zeros(2)].concat(), true),
        ([noise(2_000), zeros(1), noise(5_000), zeros(8)].concat(), false),
    ] {
        let compressed = compress(&message);
        let expected = if is_allowed { Ok(message.len()) } else { Err(InflateError::Ratio { limit: 256 }) };
        for piece in [1, 2, 3, 7, 100, 1023, 1024, 1025, 5000, usize::MAX] {
            assert_eq!(inflate(&compressed, piece), expected, "{} bytes, in pieces of {piece}", message.len());
        }
    }
}
