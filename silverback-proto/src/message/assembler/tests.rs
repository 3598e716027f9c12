//! RFC 6455, 5.4: joining, counting, and how much memory that takes.

#![allow(clippy::unwrap_used)]

use silverback_testkit::cuts::{Random, every_split};

use super::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const LIMITS: Limits = Limits { message: 16 * MIB as u64, frame: 16 * MIB as u64, fragments: 65_536 };

/// Opens a frame that declares `declared` bytes.
fn begin(assembler: &mut Assembler, opcode: Opcode, declared: usize, is_final: bool) {
    let header = FrameHeader::new(opcode, declared as u64).with_final(is_final);
    let admitted = assembler.admit(&header, &LIMITS).unwrap();
    assembler.begin_frame(opcode, admitted);
}

/// Takes a whole frame in pieces of `piece` bytes.
fn push_frame(assembler: &mut Assembler, opcode: Opcode, payload: &[u8], is_final: bool, piece: usize) {
    begin(assembler, opcode, payload.len(), is_final);
    let mut remaining = payload.len();
    for piece in payload.chunks(piece) {
        assembler.push(piece, remaining as u64).unwrap();
        remaining -= piece.len();
    }
}

const KINDS: [Opcode; 2] = [Opcode::TEXT, Opcode::BINARY];

mod joining {
    use super::*;

    #[test]
    fn fragments_are_joined_in_order() {
        for opcode in KINDS {
            let mut assembler = Assembler::default();
            push_frame(&mut assembler, opcode, b"hel", false, 2);
            push_frame(&mut assembler, Opcode::CONTINUATION, b"", false, 1);
            push_frame(&mut assembler, Opcode::CONTINUATION, b"lo", true, 1);
            assert_eq!(assembler.kind(), MessageKind::from_opcode(opcode));
            assert_eq!(assembler.finish().unwrap().into_message().as_bytes(), b"hello");
            assert!(!assembler.is_open());
        }
    }

    #[test]
    fn a_message_of_empty_fragments_is_empty() {
        for opcode in KINDS {
            let mut assembler = Assembler::default();
            push_frame(&mut assembler, opcode, b"", false, 1);
            push_frame(&mut assembler, Opcode::CONTINUATION, b"", true, 1);
            let message = assembler.finish().unwrap().into_message();
            assert_eq!((Some(message.kind()), message.len()), (MessageKind::from_opcode(opcode), 0));
        }
    }

    #[test]
    fn a_character_may_be_cut_over_fragments() {
        for (first, second) in every_split("aé€😀z".as_bytes()) {
            let mut assembler = Assembler::default();
            push_frame(&mut assembler, Opcode::TEXT, first, false, 100);
            push_frame(&mut assembler, Opcode::CONTINUATION, second, true, 100);
            assert_eq!(assembler.finish().unwrap().into_message(), "aé€😀z".into());
        }
    }

    #[test]
    fn text_fails_at_the_piece_that_cannot_be() {
        let mut assembler = Assembler::default();
        begin(&mut assembler, Opcode::TEXT, 100, false);
        assert_eq!(assembler.push(b"ok \xed", 100), Ok(()));
        assert_eq!(assembler.push(b"\xa0", 96), Err(ProtocolError::InvalidUtf8.into()));
    }

    #[test]
    fn text_must_not_end_inside_a_character() {
        let mut assembler = Assembler::default();
        push_frame(&mut assembler, Opcode::TEXT, b"\xe2\x82", true, 10);
        assert_eq!(assembler.finish().unwrap_err(), ProtocolError::InvalidUtf8.into());
    }

    #[test]
    fn direct_reads_join_pushed_bytes() {
        let mut assembler = Assembler::default();
        let payload = Random::new(1).bytes(100 * KIB);
        begin(&mut assembler, Opcode::BINARY, payload.len(), true);
        let (mut at, mut direct) = (0, false);
        while at < payload.len() {
            let remaining = (payload.len() - at) as u64;
            let room = BufMut::remaining_mut(&assembler.spare(remaining).unwrap()).min(3000);
            let piece = &payload[at..at + room];
            if direct {
                BufMut::put_slice(&mut assembler.spare(remaining).unwrap(), piece);
                assert_eq!(assembler.settle(), piece, "exactly the bytes of the direct read are unmasked");
            } else {
                assembler.push(piece, remaining).unwrap();
            }
            (at, direct) = (at + room, !direct);
        }
        assert!(assembler.settle().is_empty());
        assert_eq!(assembler.finish().unwrap().into_message().as_bytes(), payload);
    }
}

mod handing_out {
    use super::*;

    #[test]
    fn kept_bytes_are_taken_once() {
        for opcode in KINDS {
            let mut assembler = Assembler::default();
            begin(&mut assembler, opcode, 10, true);
            assembler.push(b"abc", 10).unwrap();
            assert_eq!(assembler.take_kept().unwrap().as_ref().as_bytes(), b"abc");
            assert!(assembler.take_kept().is_none());
            assert!(assembler.is_open());
        }
    }

    #[test]
    fn the_beginning_of_a_character_is_taken_with_the_rest() {
        let text = "é€😀".as_bytes();
        for (first, second) in every_split(text) {
            let mut assembler = Assembler::default();
            begin(&mut assembler, Opcode::TEXT, text.len(), true);
            assembler.push(first, text.len() as u64).unwrap();
            let kept = assembler.take_kept().map_or(Vec::new(), |body| body.as_ref().as_bytes().to_vec());
            assert_eq!(kept, first);
            assert!(assembler.take_kept().is_none());
            assembler.pass(second).unwrap();
            assert!(assembler.finish().is_ok());
        }
    }

    #[test]
    fn text_that_is_streamed_is_validated_too() {
        let mut assembler = Assembler::default();
        begin(&mut assembler, Opcode::TEXT, 10, true);
        assembler.pass(b"\xe2\x82").unwrap();
        assert_eq!(assembler.pass(b"a"), Err(ProtocolError::InvalidUtf8));
    }
}

mod limits {
    use super::*;

    #[track_caller]
    fn admit(assembler: &Assembler, declared: u64, limits: &Limits) -> Result<(), LimitError> {
        assembler.admit(&FrameHeader::new(Opcode::CONTINUATION, declared), limits).map(|_| ())
    }

    #[test]
    fn the_size_of_a_message_is_summed_over_its_frames() {
        let limits = Limits { message: 10, ..LIMITS };
        let mut assembler = Assembler::default();
        assert_eq!(admit(&assembler, 10, &limits), Ok(()));
        assert_eq!(admit(&assembler, 11, &limits), Err(LimitError::Message { size: 11, limit: 10 }));
        push_frame(&mut assembler, Opcode::BINARY, b"123456", false, 6);
        assert_eq!(admit(&assembler, 4, &limits), Ok(()));
        assert_eq!(admit(&assembler, 5, &limits), Err(LimitError::Message { size: 11, limit: 10 }));
    }

    #[test]
    fn the_sum_does_not_overflow() {
        let limits = Limits { message: u64::MAX - 1, ..LIMITS };
        let mut assembler = Assembler::default();
        push_frame(&mut assembler, Opcode::BINARY, b"123456", false, 6);
        let error = LimitError::Message { size: u64::MAX, limit: u64::MAX - 1 };
        assert_eq!(admit(&assembler, u64::MAX - 3, &limits), Err(error));
    }

    #[test]
    fn fragments_are_counted_also_when_they_are_empty() {
        let limits = Limits { fragments: 3, ..LIMITS };
        let mut assembler = Assembler::default();
        push_frame(&mut assembler, Opcode::TEXT, b"", false, 1);
        for _ in 0..2 {
            assert_eq!(admit(&assembler, 0, &limits), Ok(()));
            push_frame(&mut assembler, Opcode::CONTINUATION, b"", false, 1);
        }
        assert_eq!(admit(&assembler, 0, &limits), Err(LimitError::Fragments { limit: 3 }));
    }

    #[test]
    fn the_next_message_counts_from_nothing() {
        let limits = Limits { message: 10, fragments: 1, ..LIMITS };
        let mut assembler = Assembler::default();
        push_frame(&mut assembler, Opcode::BINARY, b"1234567890", true, 6);
        assembler.finish().unwrap();
        assert_eq!(admit(&assembler, 10, &limits), Ok(()));
    }
}

mod memory {
    use super::*;

    #[test]
    fn memory_grows_with_received_bytes_and_not_with_declared_ones() {
        for (opcode, is_final) in KINDS.into_iter().flat_map(|opcode| [(opcode, true), (opcode, false)]) {
            let mut assembler = Assembler::default();
            begin(&mut assembler, opcode, 16 * MIB, is_final);
            assert_eq!(assembler.held(), 0, "a header alone takes none");
            let mut arrived = 0;
            while arrived < 2 * MIB {
                assembler.push(&[b'a'; KIB], (16 * MIB - arrived) as u64).unwrap();
                arrived += KIB;
                // Twice the received bytes. A pooled buffer may be twice as large as that, and starts on a page.
                let most = 2 * (2 * arrived).max(4 * KIB) + 8 * KIB;
                assert!(assembler.held() <= most, "{} for {arrived} bytes", assembler.held());
            }
        }
    }

    #[test]
    fn room_for_direct_reads_grows_with_received_bytes() {
        let mut assembler = Assembler::default();
        begin(&mut assembler, Opcode::BINARY, 16 * MIB, true);
        assert!(BufMut::remaining_mut(&assembler.spare(16 * MIB as u64).unwrap()) <= 4 * KIB);
        assert!(assembler.held() <= 4 * KIB);
    }

    #[test]
    fn a_declared_length_gets_no_large_buffer_of_the_pool() {
        drop(Buffer::with_capacity(8 * MIB));
        let mut assembler = Assembler::default();
        begin(&mut assembler, Opcode::BINARY, 8 * MIB, true);
        assembler.push(&[0; KIB], 8 * MIB as u64).unwrap();
        assert!(assembler.held() <= 8 * KIB, "{}", assembler.held());
        assert!(Buffer::pooled(8 * MIB).is_some(), "it is still there for those who need it");
    }

    #[test]
    fn a_message_in_one_frame_ends_in_a_buffer_of_its_size() {
        for (opcode, size) in KINDS.into_iter().flat_map(|opcode| [(opcode, 5), (opcode, 5000), (opcode, 100 * KIB)]) {
            let mut assembler = Assembler::default();
            push_frame(&mut assembler, opcode, &vec![b'a'; size], true, 999);
            assert!(assembler.held() <= size + 8 * KIB && (size > 5000 || assembler.held() == size));
        }
    }

    #[test]
    fn small_fragments_are_joined_with_few_copies() {
        for opcode in KINDS {
            let mut assembler = Assembler::default();
            let (mut grown, mut copied, mut last) = (0, 0, 0);
            for fragment in 0..64 * KIB {
                let opcode = if fragment == 0 { opcode } else { Opcode::CONTINUATION };
                push_frame(&mut assembler, opcode, &[b'a'; 64], fragment == 64 * KIB - 1, 64);
                if assembler.held() != last {
                    last = assembler.held();
                    (grown, copied) = (grown + 1, copied + fragment * 64);
                }
            }
            assert!(grown < 40 && copied < 16 * MIB, "4 MiB of {opcode}: grown {grown} times, {copied} bytes copied");
        }
    }
}

/// For the tests of the receiver, which owns an assembler.
impl Assembler {
    pub(crate) fn held(&self) -> usize {
        let waiting = self.open.as_ref().and(self.inflater.as_ref()).map_or(0, |inflater| inflater.held());
        waiting + self.open.as_ref().map_or(0, |open| open.body.held())
    }
}

impl Body {
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Text(text, _) => text.capacity(),
            Self::Binary(buffer) => buffer.capacity(),
        }
    }
}

mod at_the_end_of_memory {
    use super::*;

    /// On 32 bits this is a message of more than 1 GiB: twice as much is more than any allocation may be.
    #[test]
    fn growing_stops_at_what_an_allocation_may_be() {
        let len = isize::MAX as usize / 2 + 1;
        for is_all in [false, true] {
            let ahead = Ahead { bytes: usize::MAX, is_all };
            assert_eq!(next_capacity(len, len, 1000, ahead), buffer::MAX_CAPACITY);
        }
    }

    #[test]
    fn a_message_that_cannot_be_held_is_refused() {
        let mut buffer = Buffer::default();
        buffer.extend_from_slice(b"kept");
        for piece in [isize::MAX as usize, usize::MAX] {
            let refused = reserve(&mut buffer, piece, Ahead { bytes: piece, is_all: true });
            assert!(matches!(refused, Err(LimitError::OutOfMemory { .. })), "{refused:?}");
        }
        assert_eq!(buffer.as_slice(), b"kept");
    }
}
