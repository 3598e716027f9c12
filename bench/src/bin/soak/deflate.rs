//! permessage-deflate (RFC 7692) on the C library zlib, because the service uses another implementation.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use silverback_bench::Failure;

use crate::random::Random;

/// The client's offer.
pub(crate) struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// `Some(None)` means that the service may limit the window to any size.
    client_max_window_bits: Option<Option<u8>>,
}

/// The negotiated parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed {
    server_takes_over: bool,
    client_takes_over: bool,
    server_window: u8,
    client_window: u8,
}

impl Offer {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self {
            server_no_context_takeover: random.chance(30),
            client_no_context_takeover: random.chance(30),
            server_max_window_bits: random.one_of(&[None, None, None, Some(8), Some(9), Some(11), Some(15)]),
            client_max_window_bits: random.one_of(&[None, Some(None), Some(None), Some(Some(9)), Some(Some(12))]),
        }
    }

    /// Returns the value of the header.
    pub(crate) fn text(&self) -> String {
        let mut text = NAME.to_owned();
        if self.server_no_context_takeover {
            text += "; server_no_context_takeover";
        }
        if self.client_no_context_takeover {
            text += "; client_no_context_takeover";
        }
        if let Some(bits) = self.server_max_window_bits {
            text += &format!("; server_max_window_bits={bits}");
        }
        match self.client_max_window_bits {
            None => {}
            Some(None) => text += "; client_max_window_bits",
            Some(Some(bits)) => text += &format!("; client_max_window_bits={bits}"),
        }
        text
    }

    /// Parses the service's answer, which may not go beyond the offer (7.1).
    pub(crate) fn agree(&self, answer: &str) -> Result<Agreed, Failure> {
        let mut words = answer.split(';').map(str::trim);
        if words.next() != Some(NAME) {
            return Err(format!("not {NAME}: {answer}").into());
        }
        let mut agreed =
            Agreed { server_takes_over: true, client_takes_over: true, server_window: 15, client_window: 15 };
        for word in words {
            match word.split_once('=') {
                None if word == "server_no_context_takeover" => agreed.server_takes_over = false,
                None if word == "client_no_context_takeover" => agreed.client_takes_over = false,
                Some(("server_max_window_bits", bits)) => agreed.server_window = bits.parse()?,
                Some(("client_max_window_bits", bits)) => agreed.client_window = bits.parse()?,
                _ => return Err(format!("{word} is not a valid parameter of an answer").into()),
            }
        }
        let keeps_the_offer = !(self.server_no_context_takeover && agreed.server_takes_over)
            && agreed.server_window <= self.server_max_window_bits.unwrap_or(15)
            && (self.client_max_window_bits.is_some() || agreed.client_window == 15)
            && (8..=15).contains(&agreed.server_window)
            // zlib cannot compress with a smaller window.
            && (9..=15).contains(&agreed.client_window);
        if keeps_the_offer {
            Ok(agreed)
        } else {
            Err(format!("{answer} does not fit the offer {}", self.text()).into())
        }
    }
}

/// Compresses the client's messages.
pub(crate) struct Deflater {
    agreed: Agreed,
    level: Compression,
    stream: Compress,
}

impl Deflater {
    pub(crate) fn new(agreed: Agreed, level: u32) -> Self {
        let level = Compression::new(level);
        Self { agreed, level, stream: Compress::new_with_window_bits(level, false, agreed.client_window) }
    }

    pub(crate) fn deflate(&mut self, payload: &[u8]) -> Result<Vec<u8>, Failure> {
        // 7.2.3.6: zlib writes nothing when it flushes an empty message.
        if payload.is_empty() {
            return Ok(vec![0]);
        }
        if !self.agreed.client_takes_over {
            self.stream = Compress::new_with_window_bits(self.level, false, self.agreed.client_window);
        }
        let start = self.stream.total_in();
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        loop {
            let done = (self.stream.total_in() - start) as usize;
            self.stream.compress_vec(&payload[done..], &mut out, FlushCompress::Sync)?;
            // The flush is complete if room is left over.
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(payload.len() / 2 + 64);
        }
        if !out.ends_with(&TAIL) {
            return Err("zlib did not complete the flush".into());
        }
        out.truncate(out.len() - TAIL.len());
        Ok(out)
    }
}

/// Inflates the service's messages.
pub(crate) struct Inflater {
    agreed: Agreed,
    stream: Decompress,
}

impl Inflater {
    pub(crate) fn new(agreed: Agreed) -> Self {
        Self { agreed, stream: new_decompress(agreed) }
    }

    /// `expected` is the length of the expected message. A longer message is cut there, so the comparison fails.
    pub(crate) fn inflate(&mut self, mut compressed: Vec<u8>, expected: usize) -> Result<Vec<u8>, Failure> {
        if !self.agreed.server_takes_over {
            self.stream = new_decompress(self.agreed);
        }
        compressed.extend(TAIL);
        let start = self.stream.total_in();
        let mut out = Vec::with_capacity(expected + 64);
        let status = self.stream.decompress_vec(&compressed, &mut out, FlushDecompress::Sync)?;
        let taken = self.stream.total_in() - start;
        if taken != compressed.len() as u64 || status == Status::StreamEnd {
            return Err(
                format!("of {} compressed bytes {taken} made {}: {status:?}", compressed.len(), out.len()).into()
            );
        }
        Ok(out)
    }
}

/// zlib's smallest window is 9 bits, while 8 can be negotiated.
fn new_decompress(agreed: Agreed) -> Decompress {
    Decompress::new_with_window_bits(false, agreed.server_window.max(9))
}

const NAME: &str = "permessage-deflate";
/// The end of every message, which is not sent (7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
