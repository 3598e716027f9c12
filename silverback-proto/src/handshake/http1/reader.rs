//! Finds the end of a head that arrives in pieces of any size.

use super::error::HeadError;

/// Collects one head from input in pieces.
///
/// It looks at each byte once, so that a head in many small pieces costs no more than a whole one. Memory grows with
/// the received bytes, up to the limit.
#[derive(Debug, Clone)]
pub struct HeadReader {
    /// Bytes of the head so far. Never longer than `limit`.
    head: Vec<u8>,
    limit: usize,
    state: State,
    /// Whether the last byte was CR, so that LF must follow.
    after_cr: bool,
    /// Bytes of the current line so far, without its end.
    line_length: usize,
}

/// The progress of a [`HeadReader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// All input was used, and the head is incomplete.
    NeedMore,
    /// The head is complete.
    Complete {
        /// The bytes of this input that belong to the head. Further bytes belong to the data after it.
        consumed: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There were only empty lines so far, which a robust reader skips (RFC 9112, 2.2).
    Leading,
    Lines,
    Complete,
    Failed(HeadError),
}

impl HeadReader {
    /// Creates a reader for one head of at most `limit` bytes, including the final empty line.
    pub fn new(limit: usize) -> Self {
        Self { head: Vec::new(), limit, state: State::Leading, after_cr: false, line_length: 0 }
    }

    /// Uses the next bytes of the stream, up to the end of the head.
    ///
    /// # Errors
    /// Fails if the head grows beyond the limit, or has a byte that is not allowed: a control byte, LF without CR, CR
    /// without LF. Every later call returns the same error.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<Progress, HeadError> {
        match self.state {
            State::Complete => return Ok(Progress::Complete { consumed: 0 }),
            State::Failed(error) => return Err(error),
            State::Leading | State::Lines => {}
        }
        let room = self.limit - self.head.len();
        let within_limit = &input[..input.len().min(room)];
        let consumed = self.scan(within_limit).map_err(|error| self.fail(error))?;
        self.head.extend_from_slice(&within_limit[..consumed]);
        if self.state == State::Complete {
            return Ok(Progress::Complete { consumed });
        }
        if input.len() > room {
            return Err(self.fail(HeadError::TooLarge { limit: self.limit }));
        }
        Ok(Progress::NeedMore)
    }

    /// The bytes of the head, for [`parse_request`](super::parse_request) or
    /// [`parse_response`](super::parse_response). Incomplete until the reader returns [`Progress::Complete`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether no byte has arrived yet.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Counts the bytes up to the end of the head, or of the input.
    fn scan(&mut self, input: &[u8]) -> Result<usize, HeadError> {
        let mut index = 0;
        while let Some(&byte) = input.get(index) {
            match (byte, self.after_cr) {
                (b'\n', true) => {
                    self.after_cr = false;
                    self.end_line();
                    if self.state == State::Complete {
                        return Ok(index + 1);
                    }
                }
                (b'\n', false) | (_, true) => return Err(HeadError::LineEnding),
                (b'\r', false) => self.after_cr = true,
                (byte, false) if !is_text(byte) => return Err(HeadError::ControlByte(byte)),
                (_, false) => {
                    let text = text_length(&input[index..]);
                    self.line_length += text;
                    index += text;
                    continue;
                }
            }
            index += 1;
        }
        Ok(input.len())
    }

    fn end_line(&mut self) {
        self.state = match (self.state, self.line_length) {
            (State::Lines, 0) => State::Complete,
            (state, 0) => state,
            (_, _) => State::Lines,
        };
        self.line_length = 0;
    }

    fn fail(&mut self, error: HeadError) -> HeadError {
        self.state = State::Failed(error);
        error
    }
}

/// Whether a line may contain this byte.
fn is_text(byte: u8) -> bool {
    !matches!(byte, 0..=8 | 10..=31 | 127)
}

/// The number of bytes at the start that are text. This skips nearly all of a line at once.
fn text_length(input: &[u8]) -> usize {
    let mut length = 0;
    for chunk in input.chunks_exact(STRIDE) {
        if !chunk.iter().fold(true, |all, &byte| all & is_text(byte)) {
            break;
        }
        length += STRIDE;
    }
    length + input[length..].iter().take_while(|&&byte| is_text(byte)).count()
}

/// The number of bytes that are checked at once: one vector.
const STRIDE: usize = 16;
