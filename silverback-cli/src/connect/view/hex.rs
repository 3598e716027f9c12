//! Bytes for people: offset, hexadecimal, and what of it is ASCII.

use std::fmt::Write;

use super::escape::NEXT_LINE;

/// Appends lines of 16 bytes each. Of a long message it shows the beginning, and the number of bytes left.
pub(super) fn dump(out: &mut String, bytes: &[u8], dim: impl Fn(&str) -> String) {
    for (number, row) in bytes.chunks(ROW).take(MOST_ROWS).enumerate() {
        let _ = write!(out, "{NEXT_LINE}{}  ", dim(&format!("{:08x}", number * ROW)));
        for place in 0..ROW {
            match row.get(place) {
                Some(byte) => _ = write!(out, "{byte:02x} "),
                None => out.push_str("   "),
            }
            if place == ROW / 2 - 1 {
                out.push(' ');
            }
        }
        out.push(' ');
        out.extend(row.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' }));
    }
    if let Some(more @ 1..) = bytes.len().checked_sub(ROW * MOST_ROWS) {
        let _ = write!(out, "{NEXT_LINE}{}", dim(&format!("… {more} bytes more")));
    }
}

const ROW: usize = 16;
/// A screen.
const MOST_ROWS: usize = 16;
