//! One unidirectional stream of the peer (RFC 9114, 6.2): its type, and then the control stream, a QPACK stream, or
//! bytes to ignore.

use super::{
    error::{Error, LimitError},
    frame::{FrameHeader, FramePart, FrameReader, FrameType},
    peer::Peer,
    qpack::{DecoderInstructions, check_encoder_instructions},
    rules,
    stream_type::StreamType,
    varint,
};

/// Reads a unidirectional stream that the peer opened, and reports its contents to [`Peer`].
///
/// ```
/// use silverback_proto::{Role, h3::{Limits, Peer, Settings, UniStream}};
///
/// let mut server = Peer::new(Role::Server, Limits::default());
/// let mut stream = UniStream::new();
/// let bytes = Settings::server(&Limits::default()).control_stream();
/// for piece in bytes.chunks(3) {
///     stream.handle_input(piece, &mut server)?;
/// }
/// assert!(server.settings().is_some_and(|settings| settings.enable_connect_protocol));
/// # Ok::<_, silverback_proto::h3::Error>(())
/// ```
#[derive(Debug)]
pub struct UniStream {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before or inside the type, of which `len` bytes have arrived.
    Type {
        partial: [u8; varint::MAX_LEN],
        len: usize,
    },
    Control(Box<ControlStream>),
    Encoder,
    Decoder(DecoderInstructions),
    /// A stream of an unknown type.
    Ignored(StreamType),
}

impl UniStream {
    /// Creates the state of a stream that has just been opened.
    pub fn new() -> Self {
        Self { state: State::Type { partial: [0; varint::MAX_LEN], len: 0 } }
    }

    /// Handles all of `input`, and records its contents in [`Peer`].
    ///
    /// # Errors
    /// Every error ends the connection.
    pub fn handle_input(&mut self, input: &[u8], peer: &mut Peer) -> Result<(), Error> {
        let mut rest = input;
        if let State::Type { partial, len } = &mut self.state {
            let had = *len;
            let take = rest.len().min(varint::MAX_LEN - had);
            partial[had..had + take].copy_from_slice(&rest[..take]);
            let Some((number, type_len)) = varint::decode(&partial[..had + take]) else {
                *len += take;
                return Ok(());
            };
            rest = &rest[type_len - had..];
            let stream_type = StreamType::new(number);
            peer.open(stream_type)?;
            self.state = State::after_type(stream_type);
        }
        match &mut self.state {
            State::Type { .. } | State::Ignored(_) => Ok(()),
            State::Control(control) => control.handle_input(rest, peer),
            State::Encoder => check_encoder_instructions(rest),
            State::Decoder(instructions) => instructions.handle_input(rest),
        }
    }

    /// Handles the end of the stream, clean or by a reset. Control and QPACK streams must not end before the connection
    /// (6.2.1; RFC 9204, 4.2). A stream may end before its type is known (6.2).
    ///
    /// # Errors
    /// Every error ends the connection.
    pub fn handle_end(&self) -> Result<(), Error> {
        let stream_type = match self.state {
            State::Type { .. } | State::Ignored(_) => return Ok(()),
            State::Control(_) => StreamType::CONTROL,
            State::Encoder => StreamType::QPACK_ENCODER,
            State::Decoder(_) => StreamType::QPACK_DECODER,
        };
        Err(Error::ClosedCriticalStream(stream_type))
    }

    /// The type of a stream that is not known to us. Its input is ignored. A driver may also stop reading it, with
    /// [`ErrorCode::STREAM_CREATION_ERROR`](super::ErrorCode::STREAM_CREATION_ERROR) (6.2).
    pub fn unknown_type(&self) -> Option<StreamType> {
        match self.state {
            State::Ignored(stream_type) => Some(stream_type),
            _ => None,
        }
    }
}

impl Default for UniStream {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn after_type(stream_type: StreamType) -> Self {
        match stream_type {
            StreamType::CONTROL => Self::Control(Box::new(ControlStream::new())),
            StreamType::QPACK_ENCODER => Self::Encoder,
            StreamType::QPACK_DECODER => Self::Decoder(DecoderInstructions::default()),
            other => Self::Ignored(other),
        }
    }
}

/// The peer's control stream, after its type.
#[derive(Debug)]
struct ControlStream {
    frames: FrameReader,
    /// The type of the frame whose payload is next. `SETTINGS` of the first frame only.
    current: Option<FrameType>,
    /// The beginning of a payload that is read as a whole.
    payload: Vec<u8>,
    has_settings: bool,
}

impl ControlStream {
    fn new() -> Self {
        Self { frames: FrameReader::new(), current: None, payload: Vec::new(), has_settings: false }
    }

    fn handle_input(&mut self, input: &[u8], peer: &mut Peer) -> Result<(), Error> {
        let mut consumed = 0;
        while let Some(part) = self.frames.next_part(input, &mut consumed) {
            match part {
                FramePart::Header(header) => self.current = self.begin_frame(&header, peer)?,
                FramePart::Payload { range, ends_frame } => {
                    let Some(frame) = self.current else { continue };
                    self.payload.extend_from_slice(&input[range]);
                    if ends_frame {
                        // The memory is freed, because the next such frame may never come.
                        let payload = std::mem::take(&mut self.payload);
                        match frame {
                            FrameType::SETTINGS => peer.handle_settings(&payload)?,
                            _ => peer.handle_id_frame(frame, &payload)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Validates a header. Returns its type if the payload matters, and `None` if it is skipped.
    fn begin_frame(&mut self, header: &FrameHeader, peer: &Peer) -> Result<Option<FrameType>, Error> {
        let frame = header.frame_type;
        // 6.2.1: SETTINGS come first.
        if !self.has_settings {
            if frame != FrameType::SETTINGS {
                return Err(Error::MissingSettings { first: frame });
            }
            self.has_settings = true;
            let limit = peer.limits.settings_frame;
            if header.payload_len > limit {
                return Err(LimitError::SettingsFrame { size: header.payload_len, limit }.into());
            }
            return Ok(Some(frame));
        }
        rules::check_on_control_stream(frame, peer.role())?;
        match frame {
            FrameType::GOAWAY | FrameType::MAX_PUSH_ID | FrameType::CANCEL_PUSH => {
                if header.payload_len > varint::MAX_LEN as u64 {
                    return Err(Error::MalformedFrame(frame));
                }
                Ok(Some(frame))
            }
            _ => Ok(None),
        }
    }
}
