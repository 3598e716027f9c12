//! A stranger's text on a terminal: what could move the cursor, change colours, hide or turn around is written out.

use std::fmt::Write;

/// The text with nothing in it that a terminal would act on. Its lines are indented, so that none can be taken for
/// something else than a part of this message.
pub(crate) fn escape(text: &str, has_colours: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(NEXT_LINE),
            '\t' => out.push('\t'),
            c if acts(c) => {
                let (on, off) = if has_colours { ("\x1b[35m", "\x1b[0m") } else { ("", "") };
                let _ = write!(out, "{on}{}{off}", c.escape_default());
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether a terminal does something else with it than show it.
fn acts(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // Standing alone, a mark that combines would be escaped too; after a letter only what cannot be printed is.
    let mut pair = String::from("x");
    pair.push(c);
    !pair.escape_debug().skip(1).eq([c])
}

/// As wide as the mark of a message that came.
pub(super) const NEXT_LINE: &str = "\n  ";
