//! Keeps the prompt in order when the width of the window changes.
//!
//! The line editor then draws its line again. Before that, it clears as many rows as the line took in the old width.
//! Most terminals have rewrapped the line already. In a wider window the line takes fewer rows, so the editor clears
//! output above it. It has no setting for this (rustyline 17), but it asks for the colours of the prompt between
//! clearing and drawing, and writes both at once. So this code clears the line first, leaves empty rows for the editor
//! to clear, and moves the cursor back to the right row together with the prompt.

use crate::connect::view::PROMPT;

use std::cell::Cell;

use rustix::{
    io::write,
    stdio::stdout,
    termios::{Winsize, tcgetwinsize},
};
use unicode_width::UnicodeWidthChar;

/// The state of the editor's last drawing.
#[derive(Debug, Default)]
pub(super) struct Rewrap {
    /// The width of the window then; 0 before the first prompt.
    columns: Cell<u16>,
    /// The length of the line and where the cursor was in it.
    line: Cell<(usize, usize)>,
    /// Where the line had filled its last row when it was drawn. The editor began the next row with a line break, which a
    /// terminal keeps when it rewraps.
    broken_at: Cell<Option<usize>>,
    /// Set between the prompt and the line of one drawing.
    is_due: Cell<bool>,
}

impl Rewrap {
    /// The line or its cursor has changed, and the editor knows the width of the window.
    pub(super) fn note_edit(&self, line: &str, cursor: usize) {
        if self.line.replace((line.len(), cursor)) != (line.len(), cursor) {
            self.columns.set(window().ws_col);
        }
    }

    /// How many columns are free behind a line. The last one is not used, because a terminal may begin a row after it.
    pub(super) fn room_after(&self, line: &str) -> usize {
        let columns = window().ws_col;
        match place(line, columns, None, most_width).1 {
            // The row is full.
            0 => 0,
            column => usize::from(columns).saturating_sub(column + 1),
        }
    }

    /// What goes in front of the prompt that is about to be drawn. [`clear`](Self::clear) must follow.
    pub(super) fn before_prompt(&self) -> Option<&'static str> {
        let (before, now) = (self.columns.get(), window().ws_col);
        let is_due = before != 0 && now != 0 && before != now;
        self.is_due.set(is_due);
        is_due.then_some(RESTORE_CURSOR)
    }

    /// Clears this line from a window whose width has changed, and saves the row on which it is to be drawn.
    pub(super) fn clear(&self, line: &str, cursor: usize) {
        let window = window();
        let before = self.columns.replace(window.ws_col);
        let is_edit = self.line.replace((line.len(), cursor)) != (line.len(), cursor);
        let ends_row = line.ends_with('\n') || place(line, window.ws_col, None, least_width).1 > 0;
        let broken_at = self.broken_at.replace((!ends_row).then_some(line.len()));
        if self.is_due.take() {
            let typed = line.get(..cursor).unwrap_or_default();
            write_all(&clearing(line, if is_edit { "" } else { typed }, broken_at, before, window));
        }
    }
}

/// Not every terminal rewraps lines. The cursor goes up as far as is right with and without that: some of the old line may
/// stay, but no output is cleared.
fn clearing(line: &str, typed: &str, broken_at: Option<usize>, before: u16, window: Winsize) -> String {
    let least = |columns| place(typed, columns, broken_at, least_width).0;
    let most = |columns| place(line, columns, broken_at, most_width).0;
    let up = least(before).min(least(window.ws_col));
    let room = most(before).max(most(window.ws_col));
    let room = room.min(usize::from(window.ws_row).saturating_sub(1));
    let (go_up, lines) = (move_by(up, 'A'), "\n".repeat(room));
    let (go_back, go_down) = (move_by(room, 'A'), move_by(room, 'B'));
    format!("\r{go_up}{CLEAR}{lines}{go_back}{SAVE_CURSOR}{go_down}")
}

fn move_by(rows: usize, direction: char) -> String {
    if rows == 0 { String::new() } else { format!("\x1b[{rows}{direction}") }
}

/// On which row below the prompt's, and in which column, the cursor is after this text.
fn place(text: &str, columns: u16, broken_at: Option<usize>, width: fn(char) -> usize) -> (usize, usize) {
    let columns = usize::from(columns.max(1));
    let (mut row, mut column) = (0, PROMPT_WIDTH);
    for (at, c) in text.char_indices() {
        if broken_at == Some(at) {
            (row, column) = (row + 1, 0);
        }
        match c {
            '\n' => (row, column) = (row + 1, 0),
            '\t' => column += TAB - column % TAB,
            c => {
                let width = width(c);
                if column + width > columns {
                    (row, column) = (row + 1, 0);
                }
                column += width;
            }
        }
    }
    // The editor begins a new row when one is full.
    match column >= columns || broken_at == Some(text.len()) {
        true => (row + 1, 0),
        false => (row, column),
    }
}

/// Characters after an emoji may combine with it and take no width.
fn least_width(c: char) -> usize {
    if c >= FIRST_EMOJI { 0 } else { c.width().unwrap_or(0) }
}

fn most_width(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}

fn window() -> Winsize {
    tcgetwinsize(stdout()).unwrap_or(Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 })
}

/// Past the buffer of standard output, as the editor does.
fn write_all(text: &str) {
    let mut bytes = text.as_bytes();
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(count @ 1..) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            // The editor sees the same error.
            _ => return,
        }
    }
}

const PROMPT_WIDTH: usize = PROMPT.len();
const TAB: usize = 8;
const FIRST_EMOJI: char = '\u{1f000}';
/// To the end of the screen.
const CLEAR: &str = "\x1b[J";
const SAVE_CURSOR: &str = "\x1b7";
const RESTORE_CURSOR: &str = "\x1b8";

#[cfg(test)]
#[path = "rewrap_tests.rs"]
mod tests;
