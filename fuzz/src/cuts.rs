//! Ways to cut input.

/// Cuts `bytes` into pieces: small ones in the first KiB, larger ones after it to save time.
pub fn cut(bytes: &mut [u8], piece: usize) -> impl Iterator<Item = &mut [u8]> {
    let (fine, coarse) = bytes.split_at_mut(bytes.len().min(CUT_FINELY));
    fine.chunks_mut(piece).chain(coarse.chunks_mut(piece.saturating_mul(COARSE)))
}

const CUT_FINELY: usize = 1024;
const COARSE: usize = 61;
