//! Words why a dial failed.

use silverback::{DialError, proto::handshake::HeadError};

/// Words the reason without the step, which the line already names.
pub(super) fn reason(error: &DialError) -> String {
    match error {
        DialError::Io { source, .. } => source.to_string(),
        DialError::Timeout { after, .. } => format!("nothing within {after:?}"),
        DialError::ProxyRefused { refusal, .. } => refusal.status.to_string(),
        DialError::HttpVersion { fault, .. } => fault.to_string(),
        DialError::Redirect { fault, .. } => fault.to_string(),
        DialError::Answer { error, .. } => error.to_string(),
        DialError::Head { error: error @ (HeadError::TooLarge { .. } | HeadError::TooManyHeaders { .. }), .. } => {
            error.to_string()
        }
        DialError::Head { error, .. } => format!("no HTTP: {error}"),
        DialError::TooManyInterim { limit, .. } => format!("more than {limit} interim responses (1xx)"),
        error => error.to_string(),
    }
}
