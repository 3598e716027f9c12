//! The knowledge about the peer of a connection that does not belong to one request: settings, GOAWAY, and which of its
//! unidirectional streams exist.

use super::{error::Error, frame::FrameType, limits::Limits, settings::Settings, stream_type::StreamType, varint};
use crate::wire::role::Role;

/// The peer of one connection, as its control stream describes it. One value for each connection;
/// [`UniStream`](super::UniStream) updates it.
#[derive(Debug)]
pub struct Peer {
    role: Role,
    pub(super) limits: Limits,
    has_control: bool,
    has_encoder: bool,
    has_decoder: bool,
    settings: Option<Settings>,
    goaway: Option<u64>,
    max_push_id: Option<u64>,
}

impl Peer {
    /// Creates the state for a peer of this role, which has sent nothing yet.
    pub fn new(role: Role, limits: Limits) -> Self {
        let (settings, goaway, max_push_id) = (None, None, None);
        Self { role, limits, has_control: false, has_encoder: false, has_decoder: false, settings, goaway, max_push_id }
    }

    /// The role of the peer.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The settings of the peer; `None` before they arrive. A client must wait for them before it sends an extended
    /// CONNECT request (RFC 8441, 3).
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// The identifier of the newest GOAWAY (RFC 9114, 5.2). From a server it is the ID of a stream: the server will not
    /// process requests on this stream and later ones. From a client it is a push ID and only says that the client is
    /// about to leave.
    pub fn goaway(&self) -> Option<u64> {
        self.goaway
    }

    /// Notes a new stream of the peer. Control and QPACK streams may exist once (6.2.1; RFC 9204, 4.2).
    pub(super) fn open(&mut self, stream: StreamType) -> Result<(), Error> {
        let exists = match stream {
            StreamType::CONTROL => &mut self.has_control,
            StreamType::QPACK_ENCODER => &mut self.has_encoder,
            StreamType::QPACK_DECODER => &mut self.has_decoder,
            // 6.2.2: only servers push, and only with the permission of MAX_PUSH_ID, which we never send.
            StreamType::PUSH => {
                return Err(match self.role {
                    Role::Client => Error::PushStreamFromClient,
                    Role::Server => Error::UninvitedPush,
                });
            }
            _ => return Ok(()),
        };
        if std::mem::replace(exists, true) { Err(Error::DuplicateStream(stream)) } else { Ok(()) }
    }

    pub(super) fn handle_settings(&mut self, payload: &[u8]) -> Result<(), Error> {
        let settings = Settings::decode(payload)?;
        self.settings = Some(settings);
        Ok(())
    }

    /// Handles a frame of the control stream whose payload is one integer.
    pub(super) fn handle_id_frame(&mut self, frame: FrameType, payload: &[u8]) -> Result<(), Error> {
        let id = match varint::decode(payload) {
            Some((id, len)) if len == payload.len() => id,
            _ => return Err(Error::MalformedFrame(frame)),
        };
        let is_valid = match frame {
            FrameType::GOAWAY => self.handle_goaway(id),
            FrameType::MAX_PUSH_ID => self.handle_max_push_id(id),
            // 7.2.3: CANCEL_PUSH is about a promised push, and there is none.
            _ => return Err(Error::UninvitedPush),
        };
        if is_valid { Ok(()) } else { Err(Error::InvalidId { frame, id }) }
    }

    /// 5.2: the identifier never grows. That of a server is a client's bidirectional stream.
    fn handle_goaway(&mut self, id: u64) -> bool {
        let is_of_right_kind = self.role == Role::Client || id % 4 == 0;
        let is_valid = is_of_right_kind && self.goaway.is_none_or(|earlier| id <= earlier);
        if is_valid {
            self.goaway = Some(id);
        }
        is_valid
    }

    /// 7.2.7: the number never shrinks. We never push, so nothing else depends on it.
    fn handle_max_push_id(&mut self, id: u64) -> bool {
        let is_valid = self.max_push_id.is_none_or(|earlier| id >= earlier);
        self.max_push_id = Some(id);
        is_valid
    }
}
