//! RFC 7692, 7.2: compressed messages inflate to the original, with every window, context takeover and cut.

use super::{
    deflater::Deflater,
    inflater::{InflateError, Inflater, MAX_FINAL_BLOCKS},
    naive::Naive,
    options::TAIL,
    streams::SCRATCH_LEN,
    *,
};
use crate::wire::role::Role;
use proptest::prelude::*;
use silverback_testkit::{cuts::Random, wire::hex};

type Result<T> = std::result::Result<T, InflateError>;

fn pair(compression: &Compression) -> (Deflater, Inflater) {
    let params = compression.wanted;
    (Deflater::new(Role::Server, compression, &params), Inflater::new(Role::Server, compression, &params))
}

fn compress(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflater.finish(message, &mut out);
    out
}

fn inflate(inflater: &mut Inflater, pieces: &[&[u8]]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for piece in pieces {
        inflater.push(piece, |bytes| {
            out.extend_from_slice(bytes);
            Ok::<_, InflateError>(())
        })?;
    }
    inflater.finish(|bytes| {
        out.extend_from_slice(bytes);
        Ok::<_, InflateError>(())
    })?;
    Ok(out)
}

fn all_settings() -> Vec<Compression> {
    let mut all = Vec::new();
    for bits in 8..=15 {
        for level in [1, 6, 9] {
            let settings = Compression::default().level(level).server_max_window_bits(bits);
            all.push(settings.clone().no_context_takeover());
            all.push(settings);
        }
    }
    all
}

fn json(number: usize) -> Vec<u8> {
    (0..40)
        .map(|i| format!("{{\"id\":{},\"name\":\"user {}\",\"ok\":true}}", number * 40 + i, i))
        .collect::<String>()
        .into()
}

mod examples {
    use super::*;

    /// RFC 7692, 7.2.3.1 and 7.2.3.2.
    #[test]
    fn hello_compressed_twice_with_takeover_is_shorter_the_second_time() {
        let (_, mut inflater) = pair(&Compression::default());
        assert_eq!(inflate(&mut inflater, &[&hex("f2 48 cd c9 c9 07 00")]).expect("inflates"), b"Hello");
        assert_eq!(inflate(&mut inflater, &[&hex("f2 00 11 00 00")]).expect("inflates"), b"Hello");
    }

    /// 7.2.3.3: a block without compression.
    #[test]
    fn a_stored_block_is_read() {
        let (_, mut inflater) = pair(&Compression::default());
        let message = hex("00 05 00 fa ff 48 65 6c 6c 6f 00");
        assert_eq!(inflate(&mut inflater, &[&message]).expect("inflates"), b"Hello");
    }

    /// 7.2.3.4: a block with BFINAL, and the byte that makes an empty block of the tail.
    #[test]
    fn a_final_block_inside_a_message_is_read() {
        let (_, mut inflater) = pair(&Compression::default());
        for _ in 0..2 {
            assert_eq!(inflate(&mut inflater, &[&hex("f3 48 cd c9 c9 07 00 00")]).expect("inflates"), b"Hello");
        }
    }

    #[test]
    fn a_message_that_ends_with_its_final_block_is_read() {
        let (_, mut inflater) = pair(&Compression::default());
        for _ in 0..2 {
            assert_eq!(inflate(&mut inflater, &[&hex("f3 48 cd c9 c9 07 00")]).expect("inflates"), b"Hello");
        }
    }

    /// 7.2.3.4 allows it of each block: behind one with BFINAL another stream begins, which knows nothing of the first.
    #[test]
    fn several_streams_in_one_message_are_read_as_one_text_at_every_cut() {
        let (hello, hello_and_end) = (hex("f2 48 cd c9 c9 07 00"), hex("f3 48 cd c9 c9 07 00"));
        let again = hex("f2 00 11 00 00");
        let settings = [9, 12, 15].map(|bits| Compression::default().server_max_window_bits(bits));
        for settings in settings.into_iter().chain([Compression::default().no_context_takeover()]) {
            for last in [&hello, &hello_and_end] {
                let message = [&hello_and_end[..], &hello_and_end, last].concat();
                for cut in 0..=message.len() {
                    let (_, mut inflater) = pair(&settings);
                    let (front, back) = message.split_at(cut);
                    assert_eq!(inflate(&mut inflater, &[front, back]).expect("inflates"), b"HelloHelloHello");
                    let next = inflate(&mut inflater, &[&again]);
                    let remembers = last == &hello && !settings.wanted.server_no_context_takeover;
                    assert_eq!(next, if remembers { Ok(b"Hello".to_vec()) } else { Err(InflateError::Invalid) });
                }
            }
        }
    }

    /// 7.2.3.5: two blocks in one message.
    #[test]
    fn two_blocks_in_one_message_are_read() {
        let (_, mut inflater) = pair(&Compression::default());
        let message = hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00");
        assert_eq!(inflate(&mut inflater, &[&message]).expect("inflates"), b"Hello");
    }

    /// 7.2.3.6.
    #[test]
    fn an_empty_message_is_one_byte() {
        for settings in all_settings() {
            let (mut deflater, mut inflater) = pair(&settings);
            for message in [&b""[..], b"between", b"", b""] {
                let compressed = compress(&mut deflater, message);
                assert_eq!(inflate(&mut inflater, &[&compressed]).expect("inflates"), message);
                if message.is_empty() {
                    assert!(compressed.len() <= 2, "{compressed:?}");
                }
            }
        }
        let (_, mut inflater) = pair(&Compression::default());
        assert_eq!(inflate(&mut inflater, &[&[0]]).expect("inflates"), b"");
    }
}

mod round_trips {
    use super::*;

    #[test]
    fn messages_come_back_with_every_window_level_and_takeover() {
        for settings in all_settings() {
            let (mut deflater, mut inflater) = pair(&settings);
            for number in 0..20 {
                let message = json(number);
                let compressed = compress(&mut deflater, &message);
                assert!(!compressed.ends_with(&TAIL));
                assert_eq!(inflate(&mut inflater, &[&compressed]).expect("inflates"), message, "{settings:?}");
            }
        }
    }

    #[test]
    fn what_does_not_shrink_comes_back_and_grows_little() {
        let mut random = Random::new(7);
        let noise = random.bytes(300_000);
        for settings in all_settings() {
            let (mut deflater, mut inflater) = pair(&settings);
            let compressed = compress(&mut deflater, &noise);
            // Level 1 codes with fixed trees and does not fall back to stored blocks: noise grows by a sixteenth at
            // most.
            assert!(compressed.len() < noise.len() + noise.len() / 16 + 64, "{}", compressed.len());
            assert_eq!(inflate(&mut inflater, &[&compressed]).expect("inflates"), noise);
        }
    }

    #[test]
    fn a_reset_compressor_refers_to_nothing_that_was_lost() {
        let (mut deflater, mut inflater) = pair(&Compression::default());
        let first = compress(&mut deflater, &json(1));
        assert_eq!(inflate(&mut inflater, &[&first]).expect("inflates"), json(1));
        compress(&mut deflater, &json(2)); // never sent
        deflater.reset();
        let third = compress(&mut deflater, &json(2));
        assert_eq!(inflate(&mut inflater, &[&third]).expect("inflates"), json(2));
        deflater.release();
        let fourth = compress(&mut deflater, &json(3));
        assert_eq!(inflate(&mut inflater, &[&fourth]).expect("inflates"), json(3));
    }

    #[test]
    fn an_uncompressed_message_does_not_change_a_small_window() {
        let noise = Random::new(5).bytes(3000);
        for bits in [9, 10] {
            let (mut deflater, mut inflater) = pair(&Compression::default().server_max_window_bits(bits));
            let message = &json(1)[..400];
            let mut sizes = Vec::new();
            for _ in 0..3 {
                let mut compressed = Vec::new();
                assert!(deflater.shrink(message, &mut compressed));
                assert_eq!(inflate(&mut inflater, &[&compressed]).expect("inflates"), message);
                sizes.push(compressed.len());
                assert!(!deflater.shrink(&noise, &mut Vec::new()), "never sent");
            }
            assert!(sizes[1] < sizes[0] && sizes[2] == sizes[1], "{sizes:?} with {bits} bits");
        }
    }

    /// Both are 9 bits to zlib, but only one of them may refer back.
    #[test]
    fn a_compressor_for_a_window_of_8_bits_is_not_taken_for_one_of_9() {
        let bits = |bits| Compression::default().server_max_window_bits(bits).no_context_takeover();
        let ((mut eight, _), (mut nine, _)) = (pair(&bits(8)), pair(&bits(9)));
        let message = b"abcabcabc".repeat(100);
        assert!(compress(&mut eight, &message).len() > compress(&mut nine, &message).len() * 4);
        assert!(compress(&mut eight, &message).len() > compress(&mut nine, &message).len() * 4);
        assert_ne!(eight.key(), nine.key());
    }

    #[test]
    fn takeover_makes_the_second_message_much_smaller() {
        let (mut deflater, _) = pair(&Compression::default());
        let first = compress(&mut deflater, &json(1)).len();
        let second = compress(&mut deflater, &json(1)).len();
        assert!(second * 2 < first, "{second} of {first}");
    }

    /// 7.1.2: a decoder with just that window understands.
    #[test]
    fn no_reference_reaches_beyond_the_agreed_window() {
        for bits in 8..=15u8 {
            for level in [1, 6, 9] {
                let (mut deflater, _) = pair(&Compression::default().level(level).server_max_window_bits(bits));
                let mut small = Naive::new(bits);
                for number in 0..30 {
                    let mut compressed = compress(&mut deflater, &json(number));
                    compressed.extend_from_slice(&TAIL);
                    assert_eq!(small.message(&compressed), json(number), "{bits} bits, level {level}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_messages_come_back_however_they_are_cut(
            messages in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..2000), 1..6),
            piece in 1usize..200,
            bits in 8u8..=15,
            takeover: bool,
        ) {
            let settings = Compression::default().server_max_window_bits(bits).server_no_context_takeover(!takeover);
            let (mut deflater, mut inflater) = pair(&settings);
            for message in messages {
                let mut compressed = Vec::new();
                for part in message.chunks(piece) {
                    deflater.push(part, &mut compressed);
                }
                deflater.finish(b"", &mut compressed);
                let pieces: Vec<_> = compressed.chunks(piece).collect();
                prop_assert_eq!(inflate(&mut inflater, &pieces).expect("inflates"), message);
            }
        }

        #[test]
        fn no_bytes_make_the_inflater_panic(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let (_, mut inflater) = pair(&Compression::default());
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            let _ = inflate(&mut inflater, &pieces);
        }
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_bomb_is_refused_by_its_ratio() {
        let (mut deflater, mut inflater) = pair(&Compression::default().level(9));
        let bomb = compress(&mut deflater, &vec![0; 4 << 20]);
        assert_eq!(inflate(&mut inflater, &[&bomb]), Err(InflateError::Ratio { limit: 256 }));
        let generous = Compression::default().max_inflate_ratio(2000);
        let (_, mut inflater) = pair(&generous);
        assert_eq!(inflate(&mut inflater, &[&bomb]).expect("inflates").len(), 4 << 20);
    }

    #[test]
    fn a_refusal_by_the_receiver_stops_the_work_at_once() {
        let (mut deflater, _) = pair(&Compression::default());
        let bomb = compress(&mut deflater, &vec![0; 64 << 20]);
        let (_, mut inflater) = pair(&Compression::default().max_inflate_ratio(u32::MAX));
        let mut seen = 0;
        let refused = inflater.push(&bomb, |bytes| {
            seen += bytes.len();
            if seen > 100_000 { Err(InflateError::Invalid) } else { Ok(()) }
        });
        assert_eq!(refused, Err(InflateError::Invalid));
        assert!(seen < 100_000 + 2 * SCRATCH_LEN);
    }

    #[test]
    fn final_blocks_are_counted_and_one_too_many_is_refused_by_name() {
        let limit = MAX_FINAL_BLOCKS;
        for (count, outcome) in [(limit, Ok(Vec::new())), (limit + 1, Err(InflateError::FinalBlocks { limit }))] {
            let (_, mut inflater) = pair(&Compression::default());
            let message = hex("03 00").repeat(count as usize);
            assert_eq!(inflate(&mut inflater, &[&message]), outcome);
            let (_, mut inflater) = pair(&Compression::default());
            assert_eq!(inflate(&mut inflater, &[&message, &[0]]), outcome, "with an empty block behind them");
        }
    }

    #[test]
    fn invalid_deflate_data_is_rejected() {
        let (_, mut inflater) = pair(&Compression::default());
        assert_eq!(inflate(&mut inflater, &[&hex("ff ff ff ff")]), Err(InflateError::Invalid));
    }

    #[test]
    fn memory_exists_only_while_there_is_something_to_remember() {
        let (mut deflater, mut inflater) = pair(&Compression::default().no_context_takeover());
        assert!(!deflater.holds_memory() && !inflater.holds_memory());
        let compressed = compress(&mut deflater, &json(1));
        inflate(&mut inflater, &[&compressed]).expect("inflates");
        assert!(!deflater.holds_memory() && !inflater.holds_memory());
    }
}
