//! Order, partial writes, and how much memory waits with the bytes.

#![allow(clippy::unwrap_used)]

use silverback_testkit::{cuts::Random, wire::decode_all};

use super::*;
use crate::{
    connection::tracker::Tracker,
    wire::{header::FrameHeader, opcode::Opcode},
};

impl Outbox {
    pub(in crate::connection) fn held(&self) -> usize {
        let segments = self.segments.iter().map(|segment| match &segment.bytes {
            SegmentBytes::Gathered(buffer) => buffer.capacity(),
            SegmentBytes::Shared(_) => 0,
        });
        segments.sum::<usize>() + self.tail.capacity()
    }

    /// Returns the queued bytes.
    fn waiting(&self) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); self.segments.len() + 1];
        let filled = self.slices(&mut slices);
        let bytes = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
        assert_eq!(bytes.len(), self.queued());
        bytes
    }
}

#[test]
fn frames_leave_in_the_order_they_were_queued() {
    let mut outbox = Outbox::default();
    outbox.push_copied([b"a", b"bc"]);
    outbox.push_shared(b"d", Bytes::from_static(b"efg"));
    outbox.push_copied([b"h", b""]);
    outbox.push_shared(b"", Bytes::from_static(b"ijk"));
    assert_eq!(outbox.waiting(), b"abcdefghijk");
}

#[test]
fn sent_bytes_are_not_sent_again_whatever_the_sizes_of_the_writes() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let (mut outbox, mut expected, mut left) = (Outbox::default(), Vec::new(), Vec::new());
        for _ in 0..200 {
            let bound = if random.below(10) == 0 { 100_000 } else { 300 };
            let size = 1 + random.below(bound);
            let payload = random.bytes(size);
            expected.extend(b"hd");
            expected.extend(&payload);
            match random.below(2) {
                0 => outbox.push_copied([b"hd", &payload]),
                _ => outbox.push_shared(b"hd", Bytes::from(payload)),
            }
            let waiting = outbox.waiting();
            let count = random.below(waiting.len() + 1);
            left.extend(&waiting[..count]);
            outbox.advance(count);
            if random.below(3) == 0 {
                outbox.compact();
            }
        }
        left.extend(outbox.waiting());
        assert!(left == expected, "seed {seed}");
    }
}

#[test]
fn a_queued_copy_can_be_masked_in_place() {
    let mut outbox = Outbox::default();
    outbox.push_copied([b"before", b""]);
    outbox.push_frame(&FrameHeader::new(Opcode::TEXT, 7).encode(), b"payload").fill(b'x');
    outbox.push_frame(&FrameHeader::new(Opcode::BINARY, 300).encode(), &[b'.'; 300]);
    assert_eq!(outbox.waiting(), [&b"before\x81\x07xxxxxxx\x82\x7e\x01\x2c"[..], &[b'.'; 300]].concat());
}

#[test]
fn a_large_payload_goes_by_reference() {
    let payload = Bytes::from(vec![7; 10_000]);
    let mut outbox = Outbox::default();
    outbox.push_shared(b"hd", payload.clone());
    let mut slices = [IoSlice::new(&[]); 2];
    assert_eq!(outbox.slices(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), payload.as_ptr());
}

mod urgent_frames {
    use super::*;

    #[test]
    fn one_goes_behind_the_frame_that_is_leaving() {
        let mut outbox = Outbox::default();
        outbox.push_shared(b"1", Bytes::from_static(b"one"));
        outbox.push_shared(b"2", Bytes::from_static(b"two"));
        outbox.advance(2);
        assert_eq!(outbox.push_urgent([b"!", b"?"]), 2 + 2);
        assert_eq!(outbox.waiting(), b"ne!?2two");
    }

    #[test]
    fn later_ones_go_behind_earlier_ones() {
        let mut outbox = Outbox::default();
        outbox.push_shared(b"1", Bytes::from_static(b"one"));
        outbox.push_shared(b"2", Bytes::from_static(b"two"));
        assert_eq!(outbox.push_urgent([b"!", b"a"]), 6);
        assert_eq!(outbox.push_urgent([b"!", b"b"]), 8);
        outbox.advance(5);
        assert_eq!(outbox.push_urgent([b"!", b"c"]), 5);
        assert_eq!(outbox.waiting(), b"a!b!c2two");
    }

    #[test]
    fn a_frame_without_a_header_of_its_own_lets_one_follow_what_was_gathered() {
        let mut outbox = Outbox::default();
        outbox.push_copied([b"small", b""]);
        outbox.push_shared(b"", Bytes::from_static(b"prepared"));
        outbox.push_urgent([b"!", b""]);
        assert_eq!(outbox.waiting(), b"small!prepared");
    }

    #[test]
    fn many_of_them_share_one_buffer() {
        let mut outbox = Outbox::default();
        outbox.push_shared(b"1", Bytes::from(vec![7; 10_000]));
        for _ in 0..30_000 {
            outbox.push_urgent([b"\x8a\x00", b""]);
        }
        assert_eq!(outbox.segments.len(), 3);
        assert!(outbox.held() < 4 * 60_000, "{} bytes held for 60000", outbox.held());
    }
}

#[test]
fn the_sent_frames_are_known_whatever_overtook_them() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let (mut outbox, mut tracker, mut ends) = (Outbox::default(), Tracker::default(), Vec::new());
        let mut whole = 0;
        for _ in 0..60 {
            let bound = if random.below(20) == 0 { 40_000 } else { 300 };
            let payload = [vec![b'd'; random.below(bound)], vec![b'.']].concat();
            let urgent = [b"up", &vec![b'u'; random.below(125)][..]];
            let is_urgent = random.below(3) == 0;
            match random.below(2) {
                _ if is_urgent => tracker.note_overtaking(outbox.push_urgent(urgent), urgent.concat().len()),
                0 => outbox.push_copied([b"hd", &payload]),
                _ => outbox.push_shared(b"hd", Bytes::from(payload)),
            }
            let waiting = outbox.waiting();
            if !is_urgent {
                ends.push(tracker.progress(waiting.len()).accepted);
            }
            let count = random.below(waiting.len() + 1);
            outbox.advance(count);
            tracker.note_sent(count);
            whole += waiting[..count].iter().filter(|&&byte| byte == b'.').count();
            let left = tracker.progress(outbox.queued()).left;
            assert_eq!(ends.iter().filter(|&&end| end <= left).count(), whole, "seed {seed}");
        }
        let (before, queued) = (tracker.progress(outbox.queued()), outbox.queued());
        outbox.clear();
        tracker.note_dropped(queued, 0);
        assert_eq!(tracker.progress(0), before, "seed {seed}");
    }
}

#[test]
fn dropping_unsent_frames_tears_no_frame() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (mut outbox, mut left) = (Outbox::default(), Vec::new());
        for _ in 0..40 {
            let bound = if random.below(10) == 0 { 70_000 } else { 300 };
            let payload = vec![b'd'; random.below(bound)];
            let header = FrameHeader::new(Opcode::BINARY, payload.len() as u64).encode();
            match random.below(4) {
                0 => _ = outbox.push_urgent([b"\x89\x02", b"up"]),
                1 => _ = outbox.push_frame(&header, &payload),
                2 => outbox.push_shared(&header, Bytes::from(payload)),
                _ => outbox.push_shared(b"", Bytes::from([&header, &payload[..]].concat())),
            }
            let waiting = outbox.waiting();
            let count = random.below(waiting.len() + 1).min(random.below(100_000));
            left.extend(&waiting[..count]);
            outbox.advance(count);
            outbox.compact();
        }
        let mut whole = left.clone();
        whole.extend(outbox.waiting());
        let begun = decode_all(&left).0.iter().map(|frame| frame.encode().len()).sum::<usize>();
        let in_progress = usize::from(begun < left.len());
        let expected: Vec<_> = decode_all(&whole).0.into_iter().take(decode_all(&left).0.len() + in_progress).collect();
        let waited = outbox.queued();
        let dropped = outbox.drop_unbegun();
        assert_eq!(outbox.queued(), waited - dropped);
        outbox.push_last([b"\x88\x00", b""]);
        left.extend(outbox.waiting());
        let (frames, rest) = decode_all(&left);
        assert_eq!((rest, frames.last().map(|frame| frame.opcode)), (&b""[..], Some(8)), "seed {seed}");
        assert!(frames[..frames.len() - 1] == expected, "seed {seed}");
        outbox.advance(outbox.queued());
        assert_eq!(outbox.queued(), 0, "seed {seed}");
    }
}

mod memory {
    use super::*;

    #[test]
    fn nothing_is_held_when_nothing_waits() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.held(), 0);
        for round in 0..100 {
            outbox.push_copied([b"hd", &[0; 1000]]);
            outbox.push_shared(b"hd", Bytes::from(vec![0; 5000]));
            outbox.push_copied([b"hd", &[0; 1000]]);
            outbox.advance(round);
            outbox.advance(outbox.queued());
            assert_eq!((outbox.held(), outbox.queued(), outbox.segments.capacity() <= KEPT_SEGMENTS), (0, 0, true));
        }
    }

    #[test]
    fn room_for_many_segments_is_given_back() {
        let mut outbox = Outbox::default();
        (0..100).for_each(|_| outbox.push_shared(b"hd", Bytes::from_static(b"payload")));
        outbox.advance(outbox.queued());
        assert!(outbox.segments.capacity() <= KEPT_SEGMENTS);
    }

    #[test]
    fn clearing_drops_all_of_it() {
        let mut outbox = Outbox::default();
        outbox.push_shared(b"hd", Bytes::from(vec![0; 5000]));
        outbox.push_copied([b"hd", b"more"]);
        outbox.advance(100);
        outbox.clear();
        assert_eq!((outbox.held(), outbox.waiting()), (0, vec![]));
        outbox.push_copied([b"hd", b"new"]);
        assert_eq!(outbox.waiting(), b"hdnew");
    }

    #[test]
    fn a_peer_that_does_not_read_pins_no_large_buffer() {
        let mut outbox = Outbox::default();
        outbox.push_copied([b"hd", &[7; 1000]]);
        outbox.advance(10);
        assert!(outbox.held() >= GATHERED);
        let before = outbox.waiting();
        outbox.compact();
        assert_eq!((outbox.held(), outbox.waiting()), (992, before));
    }

    #[test]
    fn queued_output_is_held_little_more_than_once() {
        let mut outbox = Outbox::default();
        for _ in 0..10_000 {
            outbox.push_copied([b"hd", &[7; 98]]);
        }
        assert!(outbox.held() < 1_000_000 + 4 * GATHERED, "{} bytes held for 1000000", outbox.held());
    }
}
