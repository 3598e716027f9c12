//! The rules about one frame (RFC 9114, 7.2): whether it may come on this stream at all.
//! The order of frames is the business of `uni_stream` and `request_stream`.

use super::{
    error::{Error, Place},
    frame::FrameType,
};
use crate::wire::role::Role;

/// Validates a frame on the peer's control stream, after SETTINGS.
pub(super) fn check_on_control_stream(frame: FrameType, sender: Role) -> Result<(), Error> {
    check_anywhere(frame)?;
    match (frame, sender) {
        (FrameType::DATA | FrameType::HEADERS | FrameType::PUSH_PROMISE, _) => {
            Err(Error::UnexpectedFrame { frame, place: Place::ControlStream })
        }
        (FrameType::SETTINGS, _) => Err(Error::UnexpectedFrame { frame, place: Place::AfterSettings }),
        // 7.2.7: only clients allow pushes.
        (FrameType::MAX_PUSH_ID, Role::Server) => Err(Error::UnexpectedFrame { frame, place: Place::FromServer }),
        _ => Ok(()),
    }
}

/// Validates a frame on a request stream.
pub(super) fn check_on_request_stream(frame: FrameType, sender: Role) -> Result<(), Error> {
    check_anywhere(frame)?;
    match (frame, sender) {
        (FrameType::CANCEL_PUSH | FrameType::SETTINGS | FrameType::GOAWAY | FrameType::MAX_PUSH_ID, _) => {
            Err(Error::UnexpectedFrame { frame, place: Place::RequestStream })
        }
        // 7.2.5: only servers push, and only with the permission of MAX_PUSH_ID, which we never send.
        (FrameType::PUSH_PROMISE, Role::Client) => Err(Error::UnexpectedFrame { frame, place: Place::FromClient }),
        (FrameType::PUSH_PROMISE, Role::Server) => Err(Error::UninvitedPush),
        _ => Ok(()),
    }
}

/// 7.2.8: frames of HTTP/2 without a counterpart in HTTP/3 are an error. Other unknown frames are skipped (9).
fn check_anywhere(frame: FrameType) -> Result<(), Error> {
    match frame.is_reserved_for_http2() {
        true => Err(Error::UnexpectedFrame { frame, place: Place::Http3 }),
        false => Ok(()),
    }
}
