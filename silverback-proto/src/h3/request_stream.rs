//! The receiving side of one request stream (RFC 9114, 4.1 and 4.4): HEADERS, then DATA, then the end.
//!
//! ```text
//!                    final HEADERS                      HEADERS
//!  BeforeHeaders ----------------------> Content ----------------------> AfterTrailers
//!    |  ^   |                             DATA
//!    |  |   |   CONNECT, or 2xx to it
//!    +--+   +--------------------------> Tunnel
//!   1xx HEADERS                           DATA
//! ```

use std::ops::Range;

use http::{HeaderMap, Method, Request, Response};

use super::{
    error::{Error, LimitError, Place},
    frame::{FrameHeader, FramePart, FrameReader, FrameType},
    limits::Limits,
    message::content_length,
    message_fault::MessageFault,
    qpack::FieldSection,
    rules,
};
use crate::wire::role::Role;

/// Reads the peer's half of one request stream: on a server a request, on a client the response to a CONNECT
/// request. Afterwards it hands out the payload of DATA frames as it arrives.
///
/// ```
/// use silverback_proto::{Role, h3::{FieldSection, FrameHeader, Limits, RequestStream, StreamEvent}};
///
/// let request = http::Request::connect("https://server.example.com/chat").body(()).unwrap();
/// let mut wire = FieldSection::from_request(&request, Some("websocket")).unwrap().encode_frame();
/// wire.extend_from_slice(&FrameHeader::data(5).encode());
/// wire.extend_from_slice(b"Hel"); // the rest is on its way
///
/// let mut stream = RequestStream::new(Role::Client, Limits::default());
/// let handled = stream.handle_input(&wire)?;
/// let Some(StreamEvent::Request { protocol, .. }) = handled.event else { panic!("a request") };
/// assert_eq!(protocol.as_deref(), Some("websocket"));
///
/// let rest = &wire[handled.consumed..];
/// let Some(StreamEvent::Data(range)) = stream.handle_input(rest)?.event else { panic!("data") };
/// assert_eq!(&rest[range], b"Hel");
/// # Ok::<_, silverback_proto::h3::Error>(())
/// ```
#[derive(Debug)]
pub struct RequestStream {
    sender: Role,
    limits: Limits,
    frames: FrameReader,
    state: State,
    current: Current,
    /// The beginning of an encoded field section. Empty unless one is incomplete.
    section: Vec<u8>,
    interim_responses: u32,
    /// How much content is missing of what Content-Length declares; `None` if it is not declared.
    missing_content: Option<u64>,
    declared_content: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BeforeHeaders,
    Content,
    Tunnel,
    AfterTrailers,
    /// After a fault. Further input is ignored.
    Failed,
}

/// The use of the current frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    Skipped,
    Section,
    Data,
}

/// Something that arrived on a request stream.
#[derive(Debug)]
pub enum StreamEvent {
    /// The request, on a server.
    Request {
        /// Its head. Boxed, because it is much larger than the other events.
        request: Box<Request<()>>,
        /// The pseudo-header field `:protocol` of an extended CONNECT request.
        protocol: Option<String>,
    },
    /// The final response, on a client. Interim responses are skipped.
    Response(Box<Response<()>>),
    /// Some payload of a DATA frame, which is at this place of the input. It is never empty.
    Data(Range<usize>),
    /// The trailers of a message that is not a tunnel.
    Trailers(Box<HeaderMap>),
}

/// The result of [`RequestStream::handle_input`].
#[derive(Debug)]
pub struct HandledInput {
    /// How many bytes of the input were used.
    pub consumed: usize,
    /// The event that they caused; `None` if all of the input is used.
    pub event: Option<StreamEvent>,
}

impl RequestStream {
    /// Creates the state of a new stream on which `sender` sends to us.
    pub fn new(sender: Role, limits: Limits) -> Self {
        Self {
            sender,
            limits,
            frames: FrameReader::new(),
            state: State::BeforeHeaders,
            current: Current::Skipped,
            section: Vec::new(),
            interim_responses: 0,
            missing_content: None,
            declared_content: 0,
        }
    }

    /// Uses input until something arrives or all of the input is used. Call again with the rest until
    /// [`HandledInput::event`] is `None`.
    ///
    /// # Errors
    /// Fails if the peer broke a rule or exceeded a limit. All later input is ignored.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<HandledInput, Error> {
        let mut consumed = 0;
        if self.state == State::Failed {
            return Ok(HandledInput { consumed: input.len(), event: None });
        }
        let outcome = self.run(input, &mut consumed);
        if outcome.is_err() {
            self.state = State::Failed;
            self.section = Vec::new();
        }
        outcome.map(|event| HandledInput { consumed, event })
    }

    /// Handles the clean end of the stream. A reset is not a clean end, and is not reported here.
    ///
    /// # Errors
    /// Fails if the message or a frame is incomplete.
    pub fn handle_end(&self) -> Result<(), Error> {
        if self.state == State::Failed {
            return Ok(());
        }
        // 7.1: the last frame must not be cut off.
        if !self.frames.is_between_frames() {
            return Err(Error::TruncatedFrame);
        }
        match (self.state, self.sender) {
            (State::BeforeHeaders, Role::Client) => Err(Error::IncompleteRequest),
            (State::BeforeHeaders, Role::Server) => Err(MessageFault::NoResponse.into()),
            _ if self.missing_content.is_some_and(|missing| missing > 0) => Err(self.length_differs()),
            _ => Ok(()),
        }
    }

    fn run(&mut self, input: &[u8], consumed: &mut usize) -> Result<Option<StreamEvent>, Error> {
        while let Some(part) = self.frames.next_part(input, consumed) {
            let event = match part {
                FramePart::Header(header) => {
                    self.current = self.begin_frame(&header)?;
                    None
                }
                FramePart::Payload { range, ends_frame } => match self.current {
                    Current::Skipped => None,
                    Current::Data => Some(range).filter(|range| !range.is_empty()).map(StreamEvent::Data),
                    Current::Section => self.continue_section(&input[range], ends_frame)?,
                },
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Validates a header. Nothing is allocated for its length.
    fn begin_frame(&mut self, header: &FrameHeader) -> Result<Current, Error> {
        let frame = header.frame_type;
        rules::check_on_request_stream(frame, self.sender)?;
        let place = match (frame, self.state) {
            (FrameType::DATA, State::BeforeHeaders) => Place::BeforeHeaders,
            (FrameType::DATA | FrameType::HEADERS, State::AfterTrailers) => Place::AfterTrailers,
            // 4.4: only DATA in a tunnel.
            (FrameType::HEADERS, State::Tunnel) => Place::Tunnel,
            (FrameType::DATA, _) => return self.begin_data(header.payload_len),
            (FrameType::HEADERS, _) => return self.begin_section(header.payload_len),
            _ => return Ok(Current::Skipped),
        };
        Err(Error::UnexpectedFrame { frame, place })
    }

    /// 4.1.2: the lengths of the DATA frames sum up to Content-Length, if there is one.
    fn begin_data(&mut self, payload_len: u64) -> Result<Current, Error> {
        if let Some(missing) = self.missing_content {
            let left = missing.checked_sub(payload_len).ok_or_else(|| self.length_differs())?;
            self.missing_content = Some(left);
        }
        Ok(Current::Data)
    }

    fn begin_section(&mut self, size: u64) -> Result<Current, Error> {
        let limit = self.limits.field_section;
        if size > limit {
            return Err(LimitError::EncodedFieldSection { size, limit }.into());
        }
        Ok(Current::Section)
    }

    fn continue_section(&mut self, piece: &[u8], ends_frame: bool) -> Result<Option<StreamEvent>, Error> {
        if !ends_frame {
            self.section.extend_from_slice(piece);
            return Ok(None);
        }
        if self.section.is_empty() {
            return self.finish_section(piece);
        }
        let mut section = std::mem::take(&mut self.section);
        section.extend_from_slice(piece);
        self.finish_section(&section)
    }

    fn finish_section(&mut self, encoded: &[u8]) -> Result<Option<StreamEvent>, Error> {
        let section = FieldSection::decode(encoded, &self.limits)?;
        match (self.state, self.sender) {
            (State::BeforeHeaders, Role::Client) => self.finish_request(&section).map(Some),
            (State::BeforeHeaders, Role::Server) => self.finish_response(&section),
            _ => {
                self.state = State::AfterTrailers;
                Ok(Some(StreamEvent::Trailers(Box::new(section.trailers()?))))
            }
        }
    }

    fn finish_request(&mut self, section: &FieldSection) -> Result<StreamEvent, Error> {
        let (request, protocol) = section.request()?;
        if request.method() == Method::CONNECT {
            self.state = State::Tunnel;
        } else {
            self.begin_content(request.headers())?;
        }
        Ok(StreamEvent::Request { request: Box::new(request), protocol })
    }

    fn finish_response(&mut self, section: &FieldSection) -> Result<Option<StreamEvent>, Error> {
        let response = section.response()?;
        if response.status().is_informational() {
            let limit = self.limits.interim_responses;
            if self.interim_responses == limit {
                return Err(LimitError::InterimResponses { limit }.into());
            }
            self.interim_responses += 1;
            return Ok(None);
        }
        // RFC 9110, 9.3.6: a 2xx response to CONNECT has no content, even if Content-Length says otherwise.
        if response.status().is_success() {
            self.state = State::Tunnel;
        } else {
            self.begin_content(response.headers())?;
        }
        Ok(Some(StreamEvent::Response(Box::new(response))))
    }

    fn begin_content(&mut self, headers: &HeaderMap) -> Result<(), Error> {
        self.missing_content = content_length(headers)?;
        self.declared_content = self.missing_content.unwrap_or_default();
        self.state = State::Content;
        Ok(())
    }

    fn length_differs(&self) -> Error {
        MessageFault::ContentLengthDiffers { declared: self.declared_content }.into()
    }
}

#[cfg(test)]
impl RequestStream {
    /// The memory that an incomplete field section occupies, in bytes.
    pub(super) fn held(&self) -> usize {
        self.section.capacity()
    }
}
