//! What clients are told about failures of the hub.

use silverback_hub::{HubError, LimitError};

use crate::protocol::{codes::ErrorCode, messages::Fault};

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        let code = match error {
            HubError::Name(_) => ErrorCode::BadRequest,
            HubError::Denied(_) => ErrorCode::PermissionDenied,
            HubError::Incomplete => ErrorCode::UnrecoverablePosition,
            HubError::AlreadySubscribed => ErrorCode::AlreadySubscribed,
            HubError::Limit(LimitError::Payload { .. } | LimitError::TopicsPerMember(_)) => ErrorCode::LimitExceeded,
            error => {
                tracing::warn!(name: "command_failed", target: "silverback::centrifugo", %error, "a command failed");
                ErrorCode::Internal
            }
        };
        code.into()
    }
}
