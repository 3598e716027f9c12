//! The negotiation without the feature `deflate`. It never offers or accepts compression.

use super::{deflate_answer::DeflateAnswerError, extension::ExtensionOffer};
use crate::deflate::{Compression, DeflateParams};

impl Compression {
    /// The server's answer to offers.
    pub fn answer(&self, _: &[ExtensionOffer]) -> Option<(ExtensionOffer, DeflateParams)> {
        match *self {}
    }

    /// The client's offer.
    pub fn offer(&self) -> ExtensionOffer {
        match *self {}
    }

    /// The parameters that the server's answer sets.
    ///
    /// # Errors
    /// Never returns.
    pub fn verify(&self, _: &ExtensionOffer) -> Result<DeflateParams, DeflateAnswerError> {
        match *self {}
    }
}
