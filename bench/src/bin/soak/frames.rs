//! Hand-written frames (RFC 6455, 5.2), so that the client can cut them anywhere and shares no code with the service.

use silverback_bench::Failure;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A frame from the service.
pub(crate) struct Frame {
    pub(crate) is_final: bool,
    /// RSV1 (RFC 7692, 6).
    pub(crate) is_compressed: bool,
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// Appends a client's frame, which is masked.
pub(crate) fn encode(first: u8, key: [u8; 4], payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match payload.len() {
        length @ 0..126 => out.push(MASKED | length as u8),
        length @ 126..65_536 => {
            out.push(MASKED | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(key);
    let start = out.len();
    out.extend(payload);
    for piece in out[start..].chunks_mut(4) {
        piece.iter_mut().zip(key).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// Reads one frame and validates it. Not cancel safe: dropping the future loses the bytes that it read.
pub(crate) async fn read(input: &mut (impl AsyncRead + Unpin)) -> Result<Frame, Failure> {
    let first = input.read_u8().await?;
    let second = input.read_u8().await?;
    let (length, least) = match second {
        126 => (input.read_u16().await?.into(), 126),
        127 => (input.read_u64().await?, 65_536),
        length => (length.into(), 0),
    };
    let opcode = first & 0x0F;
    let is_control = opcode >= CLOSE;
    if first & (RSV2 | RSV3) != 0 || second & MASKED != 0 || length < least {
        return Err(format!("a frame cannot begin with {first:#04x} {second:#04x}, length {length}").into());
    }
    if is_control && (length > 125 || first & (FINAL | RSV1) != FINAL) || length > LONGEST {
        return Err(format!("a frame {first:#04x} must not have a length of {length}").into());
    }
    let mut payload = Vec::with_capacity(length as usize);
    if input.take(length).read_to_end(&mut payload).await? as u64 != length {
        return Err("the connection ended inside a frame".into());
    }
    Ok(Frame { is_final: first & FINAL != 0, is_compressed: first & RSV1 != 0, opcode, payload })
}

pub(crate) const FINAL: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
const RSV2: u8 = 0x20;
const RSV3: u8 = 0x10;
const MASKED: u8 = 0x80;
/// Noise grows a little when it is compressed.
const LONGEST: u64 = (1 << 20) + (1 << 16);
