//! A message's text on a terminal, where every invisible character is written as an escape.

use crate::printable::{is_visible, write_escaped};

/// The text without anything that a terminal would act on. Its lines are indented, so that none looks like another
/// message.
pub(super) fn escape(text: &str, has_colours: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(NEXT_LINE),
            '\t' => out.push('\t'),
            c if is_visible(c) => out.push(c),
            c => {
                let (on, off) = if has_colours { ("\x1b[35m", "\x1b[0m") } else { ("", "") };
                out.push_str(on);
                // Writing to a string cannot fail.
                let _ = write_escaped(&mut out, c);
                out.push_str(off);
            }
        }
    }
    out
}

/// As wide as the mark of a message that came.
pub(super) const NEXT_LINE: &str = "\n  ";
