//! The negotiation of permessage-deflate (RFC 7692, 5 and 7.1): the offers, the answer to them, and its validation.
//! A server declines an offer that it cannot fulfil completely, and looks at the next one.

#[cfg(test)]
mod tests;

use super::{
    deflate_answer::{DeflateAnswerError, NAME},
    extension::ExtensionOffer,
};
use crate::deflate::{Compression, DeflateParams, options::MIN_WINDOW_BITS, params::MAX_WINDOW_BITS};

/// The parameters of one offer or answer.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<ClientWindow>,
}

/// The client's window. An offer may say that it can be limited, without a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientWindow {
    Any,
    Bits(u8),
}

impl Compression {
    /// Returns the server's answer to the first offer that it can fulfil, and the negotiated parameters. `None`
    /// declines all offers.
    pub fn answer(&self, offers: &[ExtensionOffer]) -> Option<(ExtensionOffer, DeflateParams)> {
        offers.iter().filter_map(|offer| Parameters::read(offer).ok()).find_map(|offer| self.agree(&offer))
    }

    /// Returns the client's offer. It always says that the client's window can be limited (7.1.2.2).
    pub fn offer(&self) -> ExtensionOffer {
        let wanted = &self.wanted;
        let mut offer = flags(wanted.server_no_context_takeover, wanted.client_no_context_takeover);
        if wanted.server_max_window_bits < MAX_WINDOW_BITS {
            offer = offer.param(SERVER_MAX_WINDOW_BITS, wanted.server_max_window_bits.to_string());
        }
        if wanted.client_max_window_bits < MAX_WINDOW_BITS {
            return offer.param(CLIENT_MAX_WINDOW_BITS, wanted.client_max_window_bits.to_string());
        }
        offer.flag(CLIENT_MAX_WINDOW_BITS)
    }

    /// Returns the parameters that the server's answer to [`offer`](Self::offer) sets.
    ///
    /// # Errors
    /// Fails if the answer exceeds the offer or is malformed. Then the client must fail the connection (7.1).
    pub fn verify(&self, answer: &ExtensionOffer) -> Result<DeflateParams, DeflateAnswerError> {
        let wanted = &self.wanted;
        let answer = Parameters::read(answer)?;
        if wanted.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(DeflateAnswerError::Missing(SERVER_NO_CONTEXT_TAKEOVER));
        }
        let server_max_window_bits = match answer.server_max_window_bits {
            Some(bits) if bits > wanted.server_max_window_bits => {
                return Err(DeflateAnswerError::Value(SERVER_MAX_WINDOW_BITS));
            }
            Some(bits) => bits,
            None if wanted.server_max_window_bits < MAX_WINDOW_BITS => {
                return Err(DeflateAnswerError::Missing(SERVER_MAX_WINDOW_BITS));
            }
            None => MAX_WINDOW_BITS,
        };
        let client_max_window_bits = match answer.client_max_window_bits {
            Some(ClientWindow::Bits(bits)) if bits <= wanted.client_max_window_bits => bits,
            Some(_) => return Err(DeflateAnswerError::Value(CLIENT_MAX_WINDOW_BITS)),
            None => wanted.client_max_window_bits,
        };
        Ok(DeflateParams {
            server_no_context_takeover: answer.server_no_context_takeover,
            client_no_context_takeover: answer.client_no_context_takeover || wanted.client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        })
    }

    fn agree(&self, offer: &Parameters) -> Option<(ExtensionOffer, DeflateParams)> {
        let wanted = &self.wanted;
        let server_bits = offer.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS).min(wanted.server_max_window_bits);
        let client_bits = match offer.client_max_window_bits {
            Some(ClientWindow::Bits(bits)) => bits.min(wanted.client_max_window_bits),
            Some(ClientWindow::Any) => wanted.client_max_window_bits,
            // 7.1.2.2: without the parameter the client cannot limit its window, so we must not ask it to.
            None if wanted.client_max_window_bits < MAX_WINDOW_BITS => return None,
            None => MAX_WINDOW_BITS,
        };
        let agreed = DeflateParams {
            server_no_context_takeover: offer.server_no_context_takeover || wanted.server_no_context_takeover,
            client_no_context_takeover: offer.client_no_context_takeover || wanted.client_no_context_takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        };
        let mut answer = flags(agreed.server_no_context_takeover, agreed.client_no_context_takeover);
        if offer.server_max_window_bits.is_some() || server_bits < MAX_WINDOW_BITS {
            answer = answer.param(SERVER_MAX_WINDOW_BITS, server_bits.to_string());
        }
        if client_bits < MAX_WINDOW_BITS {
            answer = answer.param(CLIENT_MAX_WINDOW_BITS, client_bits.to_string());
        }
        Some((answer, agreed))
    }
}

impl Parameters {
    /// Reads the parameters of an offer or answer. Each must be known, appear at most once, and have a valid value
    /// (7.1).
    fn read(extension: &ExtensionOffer) -> Result<Self, DeflateAnswerError> {
        if extension.name != NAME {
            return Err(DeflateAnswerError::Name);
        }
        let mut read = Self::default();
        for (name, value) in &extension.params {
            read.set(name, value.as_deref())?;
        }
        Ok(read)
    }

    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), DeflateAnswerError> {
        let is_new = match name {
            SERVER_NO_CONTEXT_TAKEOVER if value.is_none() => set_flag(&mut self.server_no_context_takeover),
            CLIENT_NO_CONTEXT_TAKEOVER if value.is_none() => set_flag(&mut self.client_no_context_takeover),
            SERVER_NO_CONTEXT_TAKEOVER => return Err(DeflateAnswerError::Value(SERVER_NO_CONTEXT_TAKEOVER)),
            CLIENT_NO_CONTEXT_TAKEOVER => return Err(DeflateAnswerError::Value(CLIENT_NO_CONTEXT_TAKEOVER)),
            SERVER_MAX_WINDOW_BITS => {
                let bits = value.and_then(window_bits).ok_or(DeflateAnswerError::Value(SERVER_MAX_WINDOW_BITS))?;
                self.server_max_window_bits.replace(bits).is_none()
            }
            CLIENT_MAX_WINDOW_BITS => {
                let window = match value.map(window_bits) {
                    None => ClientWindow::Any,
                    Some(Some(bits)) => ClientWindow::Bits(bits),
                    Some(None) => return Err(DeflateAnswerError::Value(CLIENT_MAX_WINDOW_BITS)),
                };
                self.client_max_window_bits.replace(window).is_none()
            }
            _ => return Err(DeflateAnswerError::Unknown),
        };
        if is_new { Ok(()) } else { Err(DeflateAnswerError::Repeated) }
    }
}

fn flags(server_no_context_takeover: bool, client_no_context_takeover: bool) -> ExtensionOffer {
    let mut extension = ExtensionOffer::new(NAME);
    if server_no_context_takeover {
        extension = extension.flag(SERVER_NO_CONTEXT_TAKEOVER);
    }
    if client_no_context_takeover {
        extension = extension.flag(CLIENT_NO_CONTEXT_TAKEOVER);
    }
    extension
}

fn set_flag(flag: &mut bool) -> bool {
    !std::mem::replace(flag, true)
}

/// 7.1.2: a decimal number from 8 to 15 without leading zeros.
fn window_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok()?;
    let is_canonical = !value.starts_with(['0', '+']);
    (is_canonical && (MIN_WINDOW_BITS..=MAX_WINDOW_BITS).contains(&bits)).then_some(bits)
}

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";
