//! A frame as fields, and functions that build it.

use std::fmt;

/// A frame with the values of its bits and its unmasked payload. Every field may break the protocol.
///
/// `{:?}` prints the calls that build it, so that a failed comparison reads like a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether this is the last fragment of its message.
    pub fin: bool,
    /// First reserved bit; it means "compressed" if RFC 7692 was negotiated.
    pub rsv1: bool,
    /// Second reserved bit.
    pub rsv2: bool,
    /// Third reserved bit.
    pub rsv3: bool,
    /// The four bits of the opcode.
    pub opcode: u8,
    /// The masking key, if the frame is masked on the wire.
    pub mask: Option<[u8; 4]>,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
    /// How the length is written. Decoding says `Minimal` whenever the shortest form was used.
    pub length_form: LengthForm,
    /// The length to write instead of the payload's true one. Decoding never sets it.
    pub declared_len: Option<u64>,
}

/// Which of the three ways to write a payload length is used (RFC 6455, 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthForm {
    /// The shortest form, as senders must use.
    #[default]
    Minimal,
    /// `126` and two bytes, needed or not.
    U16,
    /// `127` and eight bytes, needed or not.
    U64,
}

/// A text message in one frame. Takes bytes too, so the text may be invalid UTF-8.
#[must_use]
pub fn text(payload: impl AsRef<[u8]>) -> Frame {
    frame(0x1, payload)
}

/// A binary message in one frame.
#[must_use]
pub fn binary(payload: impl AsRef<[u8]>) -> Frame {
    frame(0x2, payload)
}

/// A continuation frame, the last of its message unless [`Frame::not_final`].
#[must_use]
pub fn continuation(payload: impl AsRef<[u8]>) -> Frame {
    frame(0x0, payload)
}

/// A ping.
#[must_use]
pub fn ping(payload: impl AsRef<[u8]>) -> Frame {
    frame(0x9, payload)
}

/// A pong.
#[must_use]
pub fn pong(payload: impl AsRef<[u8]>) -> Frame {
    frame(0xA, payload)
}

/// A close with a code and a reason.
#[must_use]
pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Frame {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_ref());
    frame(0x8, payload)
}

/// A close without a body.
#[must_use]
pub fn close_empty() -> Frame {
    frame(0x8, [])
}

/// Any frame: `frame(0x8, [3])` is a close with half a code.
#[must_use]
pub fn frame(opcode: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame {
        fin: true,
        rsv1: false,
        rsv2: false,
        rsv3: false,
        opcode: 0,
        mask: None,
        payload: payload.as_ref().to_vec(),
        length_form: LengthForm::Minimal,
        declared_len: None,
    }
    .opcode(opcode)
}

impl Frame {
    /// Clears FIN: more fragments follow.
    #[must_use]
    pub fn not_final(mut self) -> Self {
        self.fin = false;
        self
    }

    /// Sets RSV1.
    #[must_use]
    pub fn rsv1(mut self) -> Self {
        self.rsv1 = true;
        self
    }

    /// Sets RSV2.
    #[must_use]
    pub fn rsv2(mut self) -> Self {
        self.rsv2 = true;
        self
    }

    /// Sets RSV3.
    #[must_use]
    pub fn rsv3(mut self) -> Self {
        self.rsv3 = true;
        self
    }

    /// Replaces the opcode.
    ///
    /// # Panics
    /// If it has more than four bits.
    #[must_use]
    #[track_caller]
    pub fn opcode(mut self, opcode: u8) -> Self {
        assert!(opcode <= 0xF, "an opcode has four bits, not {opcode:#x}");
        self.opcode = opcode;
        self
    }

    /// Masks the frame on the wire with this key.
    #[must_use]
    pub fn masked(mut self, key: [u8; 4]) -> Self {
        self.mask = Some(key);
        self
    }

    /// The same frame without a masking key.
    #[must_use]
    pub fn unmasked(mut self) -> Self {
        self.mask = None;
        self
    }

    /// Writes the length in this form, needed or not.
    #[must_use]
    pub fn length_form(mut self, form: LengthForm) -> Self {
        self.length_form = form;
        self
    }

    /// Declares a wrong length: the header says `len`, and the payload does not change.
    #[must_use]
    pub fn declared_len(mut self, len: u64) -> Self {
        self.declared_len = Some(len);
        self
    }

    /// The code of a close frame that has one.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk()?;
        (self.opcode == 0x8).then(|| u16::from_be_bytes(*code))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.opcode, self.close_code()) {
            (0x0, _) => write!(f, "continuation({})", Readable(&self.payload))?,
            (0x1, _) => write!(f, "text({})", Readable(&self.payload))?,
            (0x2, _) => write!(f, "binary({})", Readable(&self.payload))?,
            (0x8, Some(code)) => write!(f, "close({code}, {})", Readable(&self.payload[2..]))?,
            (0x8, None) if self.payload.is_empty() => f.write_str("close_empty()")?,
            (0x9, _) => write!(f, "ping({})", Readable(&self.payload))?,
            (0xA, _) => write!(f, "pong({})", Readable(&self.payload))?,
            (opcode, _) => write!(f, "frame({opcode:#x}, {})", Readable(&self.payload))?,
        }
        let marks =
            [(!self.fin, ".not_final()"), (self.rsv1, ".rsv1()"), (self.rsv2, ".rsv2()"), (self.rsv3, ".rsv3()")];
        for (_, mark) in marks.into_iter().filter(|(set, _)| *set) {
            f.write_str(mark)?;
        }
        if self.length_form != LengthForm::Minimal {
            write!(f, ".length_form({:?})", self.length_form)?;
        }
        if let Some(len) = self.declared_len {
            write!(f, ".declared_len({len})")?;
        }
        if let Some(key) = self.mask {
            write!(f, ".masked({key:02x?})")?;
        }
        Ok(())
    }
}

/// Formats a payload for people: as text or in hex, and cut if it is long.
struct Readable<'a>(&'a [u8]);

impl fmt::Display for Readable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(MOST_SHOWN)];
        match std::str::from_utf8(self.0) {
            Ok(_) => write!(f, "{:?}", String::from_utf8_lossy(shown))?,
            Err(_) => write!(f, "{shown:02x?}")?,
        }
        if shown.len() < self.0.len() {
            write!(f, " .. {} bytes in all", self.0.len())?;
        }
        Ok(())
    }
}

const MOST_SHOWN: usize = 64;

/// The mask key of the kit's own clients, from the RFC's examples (5.7).
pub const CLIENT_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
