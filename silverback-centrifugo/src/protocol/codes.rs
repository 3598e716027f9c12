//! The numbers by which the protocol tells a client what went wrong and whether to come back.

use super::messages::Fault;

/// Why a command failed. The connection stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// 100: the server failed. The client may try again.
    Internal,
    /// 101: the client has to authenticate itself.
    Unauthorized,
    /// 102: the channel does not exist.
    UnknownChannel,
    /// 103: the client may not do this.
    PermissionDenied,
    /// 104: the command is not known.
    MethodNotFound,
    /// 105: the client is subscribed already.
    AlreadySubscribed,
    /// 106: a limit was reached.
    LimitExceeded,
    /// 107: the command makes no sense.
    BadRequest,
    /// 108: the channel does not have this, for example no history.
    NotAvailable,
    /// 109: the token has expired. The client gets a new one and tries again.
    TokenExpired,
    /// 110: the connection has expired.
    Expired,
    /// 111: too many commands. The client may try again.
    TooManyRequests,
    /// 112: the history does not reach back to the position.
    UnrecoverablePosition,
    /// 113: the token was revoked. The client gets a new one and tries again.
    TokenRevoked,
}

impl ErrorCode {
    /// Returns the number.
    pub fn code(self) -> u32 {
        self.row().0
    }

    fn row(self) -> (u32, &'static str) {
        match self {
            Self::Internal => (100, "internal server error"),
            Self::Unauthorized => (101, "unauthorized"),
            Self::UnknownChannel => (102, "unknown channel"),
            Self::PermissionDenied => (103, "permission denied"),
            Self::MethodNotFound => (104, "method not found"),
            Self::AlreadySubscribed => (105, "already subscribed"),
            Self::LimitExceeded => (106, "limit exceeded"),
            Self::BadRequest => (107, "bad request"),
            Self::NotAvailable => (108, "not available"),
            Self::TokenExpired => (109, "token expired"),
            Self::Expired => (110, "expired"),
            Self::TooManyRequests => (111, "too many requests"),
            Self::UnrecoverablePosition => (112, "unrecoverable position"),
            Self::TokenRevoked => (113, "token revoked"),
        }
    }

    /// Returns whether the same command may succeed later.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Internal | Self::TooManyRequests)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.row().1)
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        let (number, message) = code.row();
        Self { code: number, message: message.to_owned(), temporary: code.is_temporary() }
    }
}

/// Why a connection is closed: the close code and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Disconnect {
    /// The close code, from 3000 to 4999.
    pub code: u16,
    /// The reason, at most 123 bytes.
    pub reason: std::borrow::Cow<'static, str>,
}

impl Disconnect {
    pub(crate) const EXPIRED: Self = Self::known(3005, "connection expired");
    pub(crate) const NO_PONG: Self = Self::known(3012, "no pong");
    pub(crate) const INVALID_TOKEN: Self = Self::known(3500, "invalid token");
    pub(crate) const BAD_REQUEST: Self = Self::known(3501, "bad request");
    pub(crate) const STALE: Self = Self::known(3502, "stale");
    pub(crate) const FORCED: Self = Self::known(3503, "force disconnect");

    const fn known(code: u16, reason: &'static str) -> Self {
        Self { code, reason: std::borrow::Cow::Borrowed(reason) }
    }

    /// Returns whether a client reconnects after this: from 3000 to 3499 and from 4000 to 4499.
    pub fn is_reconnect(&self) -> bool {
        matches!(self.code, 3000..=3499 | 4000..=4499)
    }
}
