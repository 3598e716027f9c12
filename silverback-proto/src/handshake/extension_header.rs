//! Writes `Sec-WebSocket-Extensions` (RFC 6455, 9.1).

use http::HeaderValue;

use super::{error::HandshakeError, extension::ExtensionOffer, received::Received, syntax::is_token};

/// Writes a list of extensions as one header value. Returns `None` for an empty list, because an empty header is not
/// allowed.
///
/// # Errors
/// Fails with [`HandshakeError::InvalidExtension`] if a name or a value is not a token.
pub fn encode_extensions(extensions: &[ExtensionOffer]) -> Result<Option<HeaderValue>, HandshakeError> {
    if extensions.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    for extension in extensions {
        if !is_well_formed(extension) {
            let shown = extension.to_string();
            return Err(HandshakeError::InvalidExtension(Received::new(shown.as_bytes())));
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&extension.to_string());
    }
    let value = HeaderValue::try_from(text)
        .map_err(|error| HandshakeError::InvalidExtension(Received::new(error.to_string().as_bytes())))?;
    Ok(Some(value))
}

fn is_well_formed(extension: &ExtensionOffer) -> bool {
    let tokens = extension.params.iter().all(|(name, value)| {
        is_token(name.as_bytes()) && value.as_ref().is_none_or(|value| is_token(value.as_bytes()))
    });
    tokens && is_token(extension.name.as_bytes())
}
