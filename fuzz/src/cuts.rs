//! How input is cut.

/// Pieces of `bytes`: small ones where much can happen, larger ones in what would only take time.
pub fn cut(bytes: &mut [u8], piece: usize) -> impl Iterator<Item = &mut [u8]> {
    let (fine, coarse) = bytes.split_at_mut(bytes.len().min(CUT_FINELY));
    fine.chunks_mut(piece).chain(coarse.chunks_mut(piece.saturating_mul(COARSE)))
}

const CUT_FINELY: usize = 1024;
const COARSE: usize = 61;
