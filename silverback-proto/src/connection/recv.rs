//! The receiving side: bytes to frames to messages, in the driver's own buffer (RFC 6455, 5 and 6.2).
//! It reports events and faults. The transmitter decides what they mean for the connection.

use std::ops::Range;

use bytes::BufMut;

use super::{
    config::Config,
    event::{ControlPayload, Handled, Incoming, PayloadLocation, ReadMode, ReceivedEvent},
    frame_in_progress::FrameInProgress,
};
use crate::{
    deflate::{Held, budget::MemoryBudget},
    handshake::negotiated::Negotiated,
    message::{
        assembler::{Assembler, Body, with_overhead},
        close::CloseFrame,
    },
    wire::{
        error::{ConnectionError, LimitError},
        header::{FrameHeader, MAX_HEADER_LEN},
        limits::Limits,
        opcode::{MessageKind, Opcode},
        role::Role,
        rules::{self, Expected},
    },
};

/// Reads the frames of the peer.
///
/// Payloads are unmasked in place. A message of one frame that is complete in the input is borrowed from there. Other
/// messages are joined in a buffer, which is taken when bytes arrive and returned when the message is done.
#[derive(Debug)]
pub struct Receiver {
    role: Role,
    limits: Limits,
    phase: Phase,
    assembler: Assembler,
    /// The mode whose limits admitted the open message.
    mode: ReadMode,
    /// The message behind `PayloadLocation::Assembled`, until the next input.
    assembled: Option<Body>,
}

#[derive(Debug)]
enum Phase {
    /// Between frames, or inside a header of which `len` bytes have arrived.
    Header { partial: [u8; MAX_HEADER_LEN], len: u8 },
    /// Inside the payload of a data frame.
    Data(FrameInProgress),
    /// Inside the payload of a control frame.
    Control(FrameInProgress, ControlPayload),
    /// After a Close frame or a fault. Further input is ignored (5.5.1, 7.1.7).
    Ended,
}

impl Receiver {
    /// Creates the receiving side of `role`, with compression if it was negotiated.
    pub fn new(role: Role, config: &Config, negotiated: &Negotiated) -> Self {
        let inflater = config.inflater(role.peer(), negotiated);
        let assembler = Assembler::new(inflater);
        let (limits, mode) = (config.limits(), ReadMode::Whole);
        let phase = Phase::BETWEEN_FRAMES;
        Self { role, limits, phase, assembler, mode, assembled: None }
    }

    /// Counts the memory of compressed messages in a budget that connections share. Default: none.
    pub fn with_memory_budget(mut self, budget: MemoryBudget) -> Self {
        self.assembler.count_in(budget);
        self
    }

    /// Uses input until an event is complete or all of the input is used. Call again with the rest until
    /// [`Handled::received`] is `None`. Then no byte of the input needs to be kept, unless a turn
    /// [is over](Self::is_turn_over).
    ///
    /// # Errors
    /// Fails if the peer broke a rule or exceeded a limit. Everything before the fault was returned, and all later
    /// input is ignored.
    pub fn handle_input(&mut self, input: &mut [u8], mode: ReadMode) -> Result<Handled, ConnectionError> {
        if mode == ReadMode::Whole {
            if let Some((kind, range)) = self.take_message(input) {
                let consumed = range.end;
                return Ok(Handled {
                    consumed,
                    received: Some(ReceivedEvent::Message(PayloadLocation::Input { kind, range })),
                });
            }
        }
        self.assembled = None;
        let mut consumed = 0;
        let outcome = self.run(input, &mut consumed, mode);
        if outcome.is_err() {
            self.end();
        }
        outcome.map(|received| Handled { consumed, received })
    }

    /// Begins a turn, in which about this many bytes may be inflated. A little input can inflate to a lot, and a server
    /// of many connections must serve the others in between. When the turn [is over](Self::is_turn_over),
    /// [`handle_input`](Self::handle_input) may return before all input is used. Then begin another turn and call it
    /// again with the rest, even if the rest is empty. If this method is never called, no turn ends.
    ///
    /// A turn may exceed its limit by at most 1 MiB.
    pub fn begin_turn(&mut self, inflated: u64) {
        self.assembler.begin_turn(inflated);
    }

    /// Whether the limit that [`begin_turn`](Self::begin_turn) set is reached.
    pub fn is_turn_over(&self) -> bool {
        self.assembler.left_of_turn() == 0
    }

    /// Returns the message that just arrived. `input` is the slice that was handled.
    ///
    /// # Errors
    /// Fails if a text is not UTF-8; then all later input is ignored. Fails with [`ConnectionError::StaleLocation`] if
    /// the location is not in `input`, or its message was taken before.
    #[inline]
    pub fn message<'a>(
        &'a mut self,
        input: &'a [u8],
        location: PayloadLocation,
    ) -> Result<Incoming<'a>, ConnectionError> {
        match location {
            PayloadLocation::Input { kind, range } => {
                let payload = input.get(range).ok_or(ConnectionError::StaleLocation)?;
                match kind {
                    MessageKind::Binary => Ok(Incoming::binary(payload)),
                    MessageKind::Text => Incoming::text(payload).inspect_err(|_| self.end()),
                }
            }
            PayloadLocation::Assembled if self.assembled.is_none() => Err(ConnectionError::StaleLocation),
            PayloadLocation::Assembled => Ok(Incoming::assembled(&mut self.assembled)),
        }
    }

    /// Returns the piece that just arrived. `input` is the slice that was handled. The last piece of a message may be
    /// empty.
    ///
    /// # Errors
    /// Fails with [`ConnectionError::StaleLocation`] if the location is not in `input`.
    pub fn piece<'a>(&'a self, input: &'a [u8], location: PayloadLocation) -> Result<&'a [u8], ConnectionError> {
        match location {
            PayloadLocation::Input { range, .. } => input.get(range).ok_or(ConnectionError::StaleLocation),
            PayloadLocation::Assembled => Ok(self.assembled.as_ref().map_or(b"", |body| body.as_ref().as_bytes())),
        }
    }

    /// Changes the limit on messages from the next frame on; see [`Config::max_message_size`].
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.limits.set_message(bytes);
    }

    /// The kind of the open message, of which a part has arrived; `None` between messages.
    pub fn open_message(&self) -> Option<MessageKind> {
        self.assembler.kind()
    }

    /// Whether the receiver is between messages and holds nothing, so that it has nothing to do without input.
    #[inline]
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Header { len: 0, .. }) && !self.assembler.is_open() && self.assembled.is_none()
    }

    /// Returns the buffer of the message if a large part of a binary payload is missing. Reading from the transport
    /// straight into it saves a copy. Call [`handle_payload`](Self::handle_payload) afterwards. The buffer has room
    /// only for bytes of this payload: putting more than its `remaining_mut` panics, as with any [`BufMut`].
    pub fn payload_target(&mut self) -> Option<impl BufMut> {
        self.settle_payload();
        match &self.phase {
            Phase::Data(frame) if frame.remaining() >= DIRECT_READ && self.mode == ReadMode::Whole => {
                self.assembler.spare(frame.remaining())
            }
            _ => None,
        }
    }

    /// Handles the bytes that were appended to the buffer of [`payload_target`](Self::payload_target). If the next
    /// input comes first, [`handle_input`](Self::handle_input) handles them.
    ///
    /// # Errors
    /// As [`handle_input`](Self::handle_input).
    pub fn handle_payload(&mut self) -> Result<Option<ReceivedEvent>, ConnectionError> {
        match &self.phase {
            Phase::Data(_) => Ok(self.handle_input(&mut [], self.mode)?.received),
            Phase::Header { .. } | Phase::Control(..) | Phase::Ended => Ok(None),
        }
    }

    /// Unmasks bytes that were read straight into the message.
    fn settle_payload(&mut self) {
        if let Phase::Data(frame) = &mut self.phase {
            frame.unmask(self.assembler.settle());
        }
    }

    /// Fast path of [`handle_input`](Self::handle_input): one unfragmented, uncompressed message that is complete at
    /// the front of `input`. Returns where it is. Otherwise returns `None` and changes nothing, and `handle_input` goes
    /// on.
    #[inline(always)]
    pub fn take_message(&mut self, input: &mut [u8]) -> Option<(MessageKind, Range<usize>)> {
        if !matches!(self.phase, Phase::Header { len: 0, .. }) || self.assembler.is_open() {
            return None;
        }
        let header = FrameHeader::decode(input)?;
        let kind = header.whole_message()?;
        if !rules::allow_whole(&header, self.role.peer(), &self.limits) {
            return None;
        }
        let start = header.encoded_len();
        let end = start.checked_add(usize::try_from(header.payload_len()).ok()?)?;
        let payload = input.get_mut(start..end)?;
        if let Some(key) = header.mask {
            key.apply(0, payload);
        }
        if self.assembled.is_some() {
            self.assembled = None;
        }
        Some((kind, start..end))
    }

    fn run(
        &mut self,
        input: &mut [u8],
        consumed: &mut usize,
        mode: ReadMode,
    ) -> Result<Option<ReceivedEvent>, ConnectionError> {
        self.settle_payload();
        self.admit_again(mode)?;
        if let ReadMode::Pieces { .. } = mode {
            let kind = self.open_kind();
            loop {
                self.assembled = self.assembler.take_kept();
                if self.assembled.is_some() {
                    return Ok(Some(ReceivedEvent::Piece {
                        kind,
                        location: PayloadLocation::Assembled,
                        is_last: false,
                    }));
                }
                if !self.assembler.has_compressed() {
                    break;
                }
                self.assembler.inflate_kept(Held::Briefly, PIECE)?;
            }
        } else if !self.assembler.inflate_kept(Held::ByThePeer, self.assembler.left_of_turn())? {
            return Ok(None);
        }
        loop {
            let rest = &mut input[*consumed..];
            let received = match &self.phase {
                Phase::Ended => {
                    *consumed = input.len();
                    return Ok(None);
                }
                Phase::Header { .. } => match self.read_header(rest, consumed) {
                    Some(header) => self.begin_frame(&header, input, consumed, mode)?,
                    None => return Ok(None),
                },
                Phase::Control(..) => self.continue_control(rest, consumed)?,
                Phase::Data(_) => self.continue_data(rest, consumed, mode)?,
            };
            if received.is_some() || self.is_turn_over() {
                return Ok(received);
            }
            if *consumed == input.len() && !self.has_finished_payload() {
                return Ok(None);
            }
        }
    }

    /// Reads a header, whose beginning may have arrived with an earlier input.
    fn read_header(&mut self, input: &[u8], consumed: &mut usize) -> Option<FrameHeader> {
        let Phase::Header { partial, len } = &mut self.phase else { return None };
        let had = usize::from(*len);
        if had == 0 {
            if let Some(header) = FrameHeader::decode(input) {
                *consumed += header.encoded_len();
                return Some(header);
            }
        }
        let take = input.len().min(MAX_HEADER_LEN - had);
        partial[had..had + take].copy_from_slice(&input[..take]);
        let Some(header) = FrameHeader::decode(&partial[..had + take]) else {
            *len += take as u8;
            *consumed += take;
            return None;
        };
        *consumed += header.encoded_len() - had;
        Some(header)
    }

    /// Validates a header, and takes its payload at once if the payload is complete.
    fn begin_frame(
        &mut self,
        header: &FrameHeader,
        input: &mut [u8],
        consumed: &mut usize,
        mode: ReadMode,
    ) -> Result<Option<ReceivedEvent>, ConnectionError> {
        let limits = self.limits_for(mode);
        rules::check(header, &self.expected(header, limits))?;
        let rest = &mut input[*consumed..];
        let is_whole = header.payload_len() <= rest.len() as u64;
        let mut frame = FrameInProgress::new(header);
        if header.opcode.is_control() {
            if is_whole {
                let payload = frame.take_from(rest);
                *consumed += payload.len();
                let payload = ControlPayload::new(payload).unwrap_or_default();
                return self.finish_control_frame(header.opcode, payload).map(Some);
            }
            self.phase = Phase::Control(frame, ControlPayload::default());
            return Ok(None);
        }
        let admitted = self.assembler.admit(header, &limits)?;
        self.assembler.begin_frame(header.opcode, admitted);
        self.phase = Phase::Data(frame);
        Ok(None)
    }

    fn continue_control(
        &mut self,
        input: &mut [u8],
        consumed: &mut usize,
    ) -> Result<Option<ReceivedEvent>, ConnectionError> {
        let Phase::Control(frame, payload) = &mut self.phase else { return Ok(None) };
        let piece = frame.take_from(input);
        payload.push(piece);
        *consumed += piece.len();
        if frame.remaining() > 0 {
            return Ok(None);
        }
        let (opcode, payload) = (frame.opcode(), std::mem::take(payload));
        self.finish_control_frame(opcode, payload).map(Some)
    }

    fn finish_control_frame(
        &mut self,
        opcode: Opcode,
        payload: ControlPayload,
    ) -> Result<ReceivedEvent, ConnectionError> {
        self.phase = Phase::BETWEEN_FRAMES;
        Ok(match opcode {
            Opcode::PING => ReceivedEvent::Ping(payload),
            Opcode::PONG => ReceivedEvent::Pong(payload),
            _ => {
                self.end();
                ReceivedEvent::Close(CloseFrame::decode(payload.as_slice())?)
            }
        })
    }

    fn continue_data(
        &mut self,
        input: &mut [u8],
        consumed: &mut usize,
        mode: ReadMode,
    ) -> Result<Option<ReceivedEvent>, ConnectionError> {
        let Phase::Data(frame) = &mut self.phase else { return Ok(None) };
        let (start, remaining) = (*consumed, frame.remaining());
        let is_compressed = self.assembler.is_compressed();
        if is_compressed && mode == ReadMode::Whole {
            let is_whole = frame.ends_message() && input.len() as u64 >= remaining;
            if !is_whole {
                let piece = frame.take_from(input);
                *consumed += piece.len();
                self.assembler.push_compressed(piece);
                let ends_frame = frame.remaining() == 0;
                self.assembler.inflate_kept(Held::ByThePeer, self.assembler.left_of_turn())?;
                return if ends_frame { self.finish_data_frame(mode) } else { Ok(None) };
            }
            if !self.assembler.inflate_kept(Held::Briefly, self.assembler.left_of_turn())? {
                return Ok(None);
            }
        }
        let Phase::Data(frame) = &mut self.phase else { return Ok(None) };
        let at_once = if is_compressed { input.len().min(INFLATED_AT_ONCE) } else { input.len() };
        let piece = frame.take_from(&mut input[..at_once]);
        *consumed += piece.len();
        let ends_frame = frame.remaining() == 0;
        match mode {
            ReadMode::Whole => {
                self.assembler.push(piece, remaining)?;
                if ends_frame { self.finish_data_frame(mode) } else { Ok(None) }
            }
            ReadMode::Pieces { .. } if is_compressed => {
                self.assembler.push(piece, remaining)?;
                self.hand_out_inflated(ends_frame)
            }
            ReadMode::Pieces { .. } => {
                self.assembler.pass(piece)?;
                self.hand_out_piece(start..*consumed, ends_frame)
            }
        }
    }

    fn hand_out_piece(
        &mut self,
        range: Range<usize>,
        ends_frame: bool,
    ) -> Result<Option<ReceivedEvent>, ConnectionError> {
        let kind = self.open_kind();
        let is_last = ends_frame && self.finish_data_frame(DISCARD)?.is_some();
        if range.is_empty() && !is_last {
            return Ok(None);
        }
        Ok(Some(ReceivedEvent::Piece { kind, location: PayloadLocation::Input { kind, range }, is_last }))
    }

    fn hand_out_inflated(&mut self, ends_frame: bool) -> Result<Option<ReceivedEvent>, ConnectionError> {
        let ends_message = ends_frame && matches!(&self.phase, Phase::Data(frame) if frame.ends_message());
        if ends_message {
            self.assembler.finish_inflating()?;
        }
        let kind = self.open_kind();
        self.assembled = self.assembler.take_kept();
        let is_last = ends_frame && self.finish_data_frame(DISCARD)?.is_some();
        if self.assembled.is_none() && !is_last {
            return Ok(None);
        }
        Ok(Some(ReceivedEvent::Piece { kind, location: PayloadLocation::Assembled, is_last }))
    }

    /// Ends the data frame, and the message too if this was its last frame.
    fn finish_data_frame(&mut self, mode: ReadMode) -> Result<Option<ReceivedEvent>, ConnectionError> {
        let Phase::Data(frame) = &self.phase else { return Ok(None) };
        let ends_message = frame.ends_message();
        self.phase = Phase::BETWEEN_FRAMES;
        if !ends_message {
            return Ok(None);
        }
        let body = self.assembler.finish()?;
        if mode == ReadMode::Whole {
            self.assembled = Some(body);
        }
        Ok(Some(ReceivedEvent::Message(PayloadLocation::Assembled)))
    }

    /// Ignores all later input, and drops the open message, which will never be complete.
    #[cold]
    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.assembler = Assembler::default();
    }

    /// Whether the frame ends here. A frame without payload ends although no byte is left to read.
    fn has_finished_payload(&self) -> bool {
        matches!(&self.phase, Phase::Data(frame) | Phase::Control(frame, _) if frame.remaining() == 0)
    }

    /// The kind of the open message. Call this before its end is noted.
    fn open_kind(&self) -> MessageKind {
        self.assembler.kind().unwrap_or(MessageKind::Binary)
    }
}

#[cfg(test)]
impl Receiver {
    /// The memory that payloads occupy.
    pub(super) fn held(&self) -> usize {
        self.assembler.held() + self.assembled.as_ref().map_or(0, Body::held)
    }
}

/// The limits that apply: those of the current read mode, even to a message that began in another mode.
impl Receiver {
    #[inline]
    pub(super) fn expected(&self, header: &FrameHeader, limits: Limits) -> Expected {
        Expected {
            sender: self.role.peer(),
            message_is_open: self.assembler.is_open(),
            rsv1_has_a_meaning: self.assembler.can_inflate(),
            limits: Limits { frame: self.frame_limit(header.rsv1(), limits), ..limits },
        }
    }

    pub(super) fn limits_for(&self, mode: ReadMode) -> Limits {
        match mode {
            ReadMode::Whole => self.limits,
            // The receiver keeps nothing in this mode, so the number of fragments does not matter: 10 GiB have many.
            ReadMode::Pieces { limit } => Limits { message: limit, frame: limit, fragments: u32::MAX },
        }
    }

    /// Validates the open message again when the mode changes, because a message that may be streamed can be too large
    /// to be kept, and the other way round.
    pub(super) fn admit_again(&mut self, mode: ReadMode) -> Result<(), ConnectionError> {
        if mode == self.mode {
            return Ok(());
        }
        self.mode = mode;
        let limits = self.limits_for(mode);
        if let Phase::Data(frame) = &self.phase {
            let (size, limit) = (frame.payload_len(), self.frame_limit(false, limits));
            if size > limit {
                return Err(LimitError::Frame { size, limit }.into());
            }
        }
        Ok(self.assembler.admit_again(&limits)?)
    }

    fn frame_limit(&self, begins_compressed: bool, limits: Limits) -> u64 {
        let is_compressed = begins_compressed || self.assembler.is_compressed();
        if is_compressed { with_overhead(limits.frame) } else { limits.frame }
    }
}

impl Phase {
    const BETWEEN_FRAMES: Self = Self::Header { partial: [0; MAX_HEADER_LEN], len: 0 };
}

const DISCARD: ReadMode = ReadMode::Pieces { limit: u64::MAX };

/// The most compressed input that is inflated at once. It inflates to at most 1 MiB. That limits the size of a piece,
/// and by how much a turn can exceed its limit.
const INFLATED_AT_ONCE: usize = 1024;

/// How much of a compressed part is inflated at once when the message is returned in pieces.
const PIECE: u64 = 64 * 1024;

/// If at least this much of a payload is missing, it is read straight into the message.
const DIRECT_READ: u64 = 16 * 1024;
