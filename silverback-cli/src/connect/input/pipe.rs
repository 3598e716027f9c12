//! Input that is not a terminal, cut into messages.

use std::io::{self, BufRead, BufReader, Read};

use silverback::Message;

use super::event::Input;
use crate::{connect::commands, error::Error};

/// How to cut the input into messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cutting {
    /// A line, without its end.
    Lines { are_binary: bool },
    /// A line of hexadecimal digits.
    Hex,
    /// All there is.
    Whole,
    /// Each read is a message, up to this many bytes.
    Chunks(usize),
}

/// Reads to the end of the input, or until `give` returns false.
pub(super) fn read(from: impl Read, cutting: &Cutting, mut give: impl FnMut(Input) -> bool) {
    let outcome = match cutting {
        Cutting::Lines { are_binary: true } => lines(from, &mut give, |line, _| Ok(Message::binary(line))),
        Cutting::Lines { are_binary: false } => lines(from, &mut give, text),
        Cutting::Hex => lines(from, &mut give, bytes),
        Cutting::Whole => whole(from, &mut give),
        Cutting::Chunks(size) => chunks(from, *size, &mut give),
    };
    match outcome {
        Ok(()) => give(Input::End),
        Err(error) => give(Input::Failed(error)),
    };
}

fn lines(
    from: impl Read,
    give: &mut impl FnMut(Input) -> bool,
    message: impl Fn(Vec<u8>, u64) -> Result<Message, Error>,
) -> Result<(), Error> {
    let mut from = BufReader::with_capacity(READ_SIZE, from);
    for number in 1.. {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        if !give(Input::Message(message(line, number)?)) {
            break;
        }
    }
    Ok(())
}

fn text(line: Vec<u8>, number: u64) -> Result<Message, Error> {
    String::from_utf8(line).map(Message::text).map_err(|_| {
        Error::Usage(format!("line {number} of the input is not UTF-8: use --binary or --format raw for bytes"))
    })
}

fn bytes(line: Vec<u8>, number: u64) -> Result<Message, Error> {
    let decoded = std::str::from_utf8(&line).ok().and_then(commands::hex);
    let wrong = || Error::Usage(format!("line {number} of the input is not in hexadecimal digits"));
    decoded.map(Message::binary).ok_or_else(wrong)
}

fn whole(mut from: impl Read, give: &mut impl FnMut(Input) -> bool) -> Result<(), Error> {
    let mut all = Vec::new();
    from.read_to_end(&mut all).map_err(unreadable)?;
    if !all.is_empty() {
        give(Input::Message(Message::binary(all)));
    }
    Ok(())
}

fn chunks(mut from: impl Read, size: usize, give: &mut impl FnMut(Input) -> bool) -> Result<(), Error> {
    let mut buffer = vec![0; size.min(READ_SIZE)];
    loop {
        let mut len = 0;
        while len == 0 || (len < size && len == buffer.len()) {
            if len == buffer.len() {
                buffer.resize(len.saturating_mul(2).min(size), 0);
            }
            match from.read(&mut buffer[len..]) {
                Ok(0) => break,
                Ok(count) => len += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        if len == 0 || !give(Input::Message(Message::binary(buffer[..len].to_vec()))) {
            return Ok(());
        }
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::System(format!("cannot read standard input: {error}"))
}

const READ_SIZE: usize = 64 * 1024;

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
