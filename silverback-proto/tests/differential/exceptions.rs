//! Where tungstenite 0.30 is known to differ, frame by frame: what each side makes of such a frame is exact, so that
//! nothing else is excused.

use silverback_proto::Role;
use silverback_testkit::wire::{Frame, LengthForm};

use crate::endpoints::{End, Fault, Limits, Outcome, ours, theirs};
use crate::streams::Stream;

/// A frame that the two implementations treat differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Exception {
    /// Its length is above the limit on frames. tungstenite looks at this before any other rule but the opcode's, we
    /// look at it last; control frames have a limit of their own here.
    OverLimit,
    /// Its length is not in the shortest form. tungstenite takes it all the same (5.2 says MUST NOT to the sender).
    Overlong,
    /// A Close frame with a code that must not be sent, or with 1014, which tungstenite does not know. tungstenite reports
    /// 1002 and "Protocol violation" instead, as if the peer had sent that, and answers with it. But if the reason is not
    /// UTF-8, it reports that first. We reject the code first, and accept 1014.
    CloseCode,
}

impl Exception {
    pub(crate) fn of(frame: &Frame, role: Role, limits: Limits) -> Option<Self> {
        let declared = declared(frame);
        let has_meaning = matches!(frame.opcode, 0x0..=0x2 | 0x8..=0xA);
        let is_well_formed = frame.fin
            && !(frame.rsv1 || frame.rsv2 || frame.rsv3)
            && frame.mask.is_some() == (role == Role::Server)
            && declared <= 125;
        if has_meaning && declared > limits.frame {
            Some(Self::OverLimit)
        } else if is_overlong(frame) {
            Some(Self::Overlong)
        } else if is_well_formed && matches!(frame.close_code(), Some(code) if code == 1014 || !may_be_sent(code)) {
            Some(Self::CloseCode)
        } else {
            None
        }
    }
}

/// Both sides make the same of the stream, or differ exactly as they are known to.
#[track_caller]
pub(crate) fn check(stream: &Stream) {
    let Stream { role, limits, frames, .. } = stream;
    let known = |frame: &Frame| Exception::of(frame, *role, *limits);
    let Some((at, exception)) = frames.iter().enumerate().find_map(|(at, frame)| Some((at, known(frame)?))) else {
        both(stream);
        return;
    };
    let before = both(&stream.with(&frames[..at]));
    let until = stream.with(&frames[..=at]);
    if before.end != End::Open {
        // Both implementations stop before this frame.
        assert_eq!(read_by_us(stream), before);
        assert_eq!(read_by_them(stream), before);
        return;
    }
    let ended = |end: End| Outcome { end, ..before.clone() };
    let fault = |fault| ended(End::Fault(fault));
    let frame = &frames[at];
    match exception {
        Exception::OverLimit => {
            assert_eq!(read_by_them(stream), fault(Fault::TooBig));
            let is_control = frame.opcode >= 0x8;
            let breaks_a_rule = is_control || is_overlong(frame) || declared(frame) >> 63 != 0 || {
                let mut short = until.clone();
                short.frames[at] = shortened(frame);
                read_by_them(&short).end == End::Fault(Fault::Protocol)
            };
            assert_eq!(read_by_us(stream), fault(if breaks_a_rule { Fault::Protocol } else { Fault::TooBig }));
        }
        Exception::Overlong => {
            assert_eq!(read_by_us(stream), fault(Fault::Protocol));
            let mut shortest = stream.clone();
            shortest.frames[at].length_form = LengthForm::Minimal;
            assert_eq!(read_by_them(stream), read_by_them(&shortest));
            check(&shortest);
        }
        Exception::CloseCode => {
            let (code, reason) = (frame.close_code(), String::from_utf8(frame.payload[2..].to_vec()));
            let in_its_place = ended(End::Close(Some((1002, "Protocol violation".to_owned()))));
            let theirs = if reason.is_ok() { in_its_place } else { fault(Fault::Text) };
            assert_eq!(read_by_them(&until), theirs);
            let ours = match (code, reason) {
                (Some(1014), Ok(reason)) => ended(End::Close(Some((1014, reason)))),
                (Some(1014), Err(_)) => fault(Fault::Text),
                _ => fault(Fault::Protocol),
            };
            assert_eq!(read_by_us(stream), ours);
        }
    }
}

/// Ends the stream after `len` bytes. tungstenite validates whole frames, and we validate as early as possible. Our early
/// result must be the result of both for the whole frame.
#[track_caller]
pub(crate) fn check_truncated(stream: &Stream, len: usize) {
    let Stream { role, limits, frames, cuts } = stream;
    let wire = &stream.wire()[..len];
    let ours = ours(*role, *limits, wire, cuts[0]);
    let theirs = theirs(*role, *limits, wire, cuts[1]);
    let mut end = 0;
    let whole = frames.iter().take_while(|frame| {
        let is_needed = end < len;
        end += frame.encode().len();
        is_needed
    });
    let whole: Vec<_> = whole.cloned().collect();
    let has_known = whole.iter().any(|frame| Exception::of(frame, *role, *limits).is_some());
    let whole = stream.with(&whole);
    check(&whole);
    for (outcome, of_the_whole) in [(&ours, read_by_us(&whole)), (&theirs, read_by_them(&whole))] {
        match outcome.end {
            End::Open => assert!(of_the_whole.seen.starts_with(&outcome.seen)),
            _ => assert_eq!(*outcome, of_the_whole, "half of a frame gives another verdict than all of it"),
        }
    }
    match (&ours.end, &theirs.end) {
        _ if has_known => {}
        (End::Fault(_), End::Open) => assert_eq!(Outcome { end: End::Open, ..ours }, theirs),
        _ => assert_eq!(ours, theirs),
    }
}

#[track_caller]
fn both(stream: &Stream) -> Outcome {
    let (ours, theirs) = (read_by_us(stream), read_by_them(stream));
    assert_eq!(ours, theirs, "ours is on the left");
    ours
}

pub(crate) fn read_by_us(stream: &Stream) -> Outcome {
    ours(stream.role, stream.limits, &stream.wire(), stream.cuts[0])
}

pub(crate) fn read_by_them(stream: &Stream) -> Outcome {
    theirs(stream.role, stream.limits, &stream.wire(), stream.cuts[1])
}

fn declared(frame: &Frame) -> u64 {
    frame.declared_len.unwrap_or(frame.payload.len() as u64)
}

fn is_overlong(frame: &Frame) -> bool {
    match frame.length_form {
        LengthForm::Minimal => false,
        LengthForm::U16 => declared(frame) <= 125,
        LengthForm::U64 => declared(frame) <= 65_535,
    }
}

/// The frame without its payload: only its length was too much.
fn shortened(frame: &Frame) -> Frame {
    Frame { payload: Vec::new(), declared_len: None, length_form: LengthForm::Minimal, ..frame.clone() }
}

/// RFC 6455, 7.4, and the registry that it opens: written down a second time, on purpose.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
