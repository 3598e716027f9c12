//! The protocol of Redis (RESP3): commands to bytes, and bytes to values. Without I/O.

use bytes::{Buf as _, Bytes, BytesMut};

/// One value that the server sends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Number(i64),
    /// A string of any kind.
    Text(Bytes),
    /// An error, which is not a fault of the connection.
    Error(Bytes),
    /// An array or a set, or a map as a list of keys and values.
    List(Vec<Value>),
    /// Something that no command has asked for, or the confirmation of a subscription.
    Push(Vec<Value>),
}

/// The bytes are not RESP3, or more than the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Malformed;

/// Finds the end of a value in bytes that arrive in pieces. It continues where it had to stop.
#[derive(Debug)]
pub(crate) struct Decoder {
    limit: usize,
    /// Everything before is a part of the value.
    at: usize,
    /// Values that are still to come until it is complete.
    left: usize,
}

impl Decoder {
    /// `limit` is for the bytes of one value, with everything inside.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, at: 0, left: 1 }
    }

    /// Takes the next value from the bytes if it is complete.
    pub(crate) fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Value>, Malformed> {
        if !self.is_complete(bytes)? {
            return Ok(None);
        }
        let mut value = bytes.split_to(self.at).freeze();
        (self.at, self.left) = (0, 1);
        read(&mut value, DEPTH).map(Some)
    }

    fn is_complete(&mut self, bytes: &[u8]) -> Result<bool, Malformed> {
        while self.left > 0 {
            let Some(line) = line(&bytes[self.at..])? else {
                return if bytes.len() > self.limit { Err(Malformed) } else { Ok(false) };
            };
            let head = Head::parse(line)?;
            let body = match head {
                Head::Line => 0,
                Head::Blob(Some(len)) => len.checked_add(2).ok_or(Malformed)?,
                Head::Items(Some(count)) => {
                    self.left = self.left.checked_add(count).ok_or(Malformed)?;
                    0
                }
                Head::Blob(None) | Head::Items(None) => 0,
            };
            let end = (self.at + line.len() + 2).checked_add(body).ok_or(Malformed)?;
            // Each value that is still to come has at least three bytes.
            if end.saturating_add((self.left - 1).saturating_mul(3)) > self.limit {
                return Err(Malformed);
            }
            if end > bytes.len() {
                // Only a blob can be cut here. The next call begins with its line again.
                return Ok(false);
            }
            self.at = end;
            self.left -= 1;
        }
        Ok(true)
    }
}

/// What the first line of a value says.
#[derive(Clone, Copy)]
enum Head {
    /// The line is the whole value.
    Line,
    /// This many bytes follow, and a line break.
    Blob(Option<usize>),
    /// This many values follow.
    Items(Option<usize>),
}

impl Head {
    fn parse(line: &[u8]) -> Result<Self, Malformed> {
        let (kind, rest) = line.split_first().ok_or(Malformed)?;
        Ok(match kind {
            b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => Self::Line,
            b'$' | b'!' | b'=' => Self::Blob(length(rest)?),
            b'*' | b'~' | b'>' => Self::Items(length(rest)?),
            b'%' => Self::Items(length(rest)?.map(|pairs| pairs.saturating_mul(2))),
            _ => return Err(Malformed),
        })
    }
}

/// Reads a complete value.
fn read(bytes: &mut Bytes, depth: usize) -> Result<Value, Malformed> {
    let end = line(bytes)?.ok_or(Malformed)?.len();
    let line = bytes.split_to(end);
    bytes.advance(2);
    let rest = || line.slice(1..);
    Ok(match Head::parse(&line)? {
        Head::Line => match line[0] {
            b'-' => Value::Error(rest()),
            b':' => Value::Number(number(&rest())?),
            b'_' => Value::Null,
            _ => Value::Text(rest()),
        },
        Head::Blob(Some(len)) => {
            let blob = bytes.split_to(len);
            bytes.advance(2);
            match line[0] {
                b'!' => Value::Error(blob),
                // The first four bytes say the format.
                b'=' => Value::Text(blob.slice(blob.len().min(4)..)),
                _ => Value::Text(blob),
            }
        }
        Head::Items(Some(count)) => {
            let depth = depth.checked_sub(1).ok_or(Malformed)?;
            let items = (0..count).map(|_| read(bytes, depth)).collect::<Result<_, _>>()?;
            if line[0] == b'>' { Value::Push(items) } else { Value::List(items) }
        }
        Head::Blob(None) | Head::Items(None) => Value::Null,
    })
}

/// Returns the bytes before the first line break, or `None` if it has not arrived.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let within = &bytes[..bytes.len().min(LINE)];
    match within.windows(2).position(|two| two == b"\r\n") {
        Some(end) => Ok(Some(&bytes[..end])),
        None if bytes.len() > LINE => Err(Malformed),
        None => Ok(None),
    }
}

/// A length, or `None` for -1.
fn length(digits: &[u8]) -> Result<Option<usize>, Malformed> {
    match number(digits)? {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| Malformed),
    }
}

fn number(digits: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Malformed)
}

/// Encodes a command with its arguments.
pub(crate) fn command<A: AsRef<[u8]>>(arguments: impl IntoIterator<Item = A, IntoIter: ExactSizeIterator>) -> Vec<u8> {
    let arguments = arguments.into_iter();
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

impl Value {
    /// The values of a list, or nothing.
    pub(crate) fn into_list(self) -> Vec<Self> {
        match self {
            Self::List(items) | Self::Push(items) => items,
            _ => Vec::new(),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&Bytes> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        self.as_text().and_then(|text| std::str::from_utf8(text).ok())
    }

    /// A number, also if it is written as a text.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => u64::try_from(*number).ok(),
            text => text.as_str()?.parse().ok(),
        }
    }
}

/// The longest line: a number, a short text or an error.
const LINE: usize = 64 * 1024;
/// Lists in lists. Replies to the commands of this crate have three.
const DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::{Decoder, Malformed, Value, command};

    fn decode_all(wire: &[u8], cut: usize) -> Result<Vec<Value>, Malformed> {
        let (mut decoder, mut bytes, mut values) = (Decoder::new(1 << 20), BytesMut::new(), Vec::new());
        for piece in wire.chunks(cut) {
            bytes.extend_from_slice(piece);
            while let Some(value) = decoder.decode(&mut bytes)? {
                values.push(value);
            }
        }
        Ok(values)
    }

    fn text(text: &'static str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn every_kind_of_value_is_read_however_it_is_cut() {
        let wire =
            b"+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nb\x00\r\n$-1\r\n$0\r\n\r\n*-1\r\n_\r\n*2\r\n*1\r\n:1\r\n*0\r\n\
            %1\r\n+a\r\n#t\r\n~1\r\n,1.5\r\n>2\r\n+message\r\n(12\r\n!3\r\nBAD\r\n=5\r\ntxt:x\r\n";
        let expected = [
            text("OK"),
            Value::Error("ERR no".into()),
            Value::Number(-7),
            text("a\r\nb\0"),
            Value::Null,
            text(""),
            Value::Null,
            Value::Null,
            Value::List(vec![Value::List(vec![Value::Number(1)]), Value::List(vec![])]),
            Value::List(vec![text("a"), text("t")]),
            Value::List(vec![text("1.5")]),
            Value::Push(vec![text("message"), text("12")]),
            Value::Error("BAD".into()),
            text("x"),
        ];
        for cut in 1..wire.len() {
            assert_eq!(decode_all(wire, cut).as_deref(), Ok(&expected[..]), "cut after {cut} bytes");
        }
    }

    #[test]
    fn what_is_too_long_too_deep_or_not_resp_is_an_error() {
        let mut deep = b"*1\r\n".repeat(9);
        deep.extend(b":1\r\n");
        for wire in [
            &b"x\r\n"[..],
            b"$x\r\n",
            b"$-2\r\n",
            b":\r\n",
            b"*99999999\r\n",
            b"$9999999\r\n",
            b"\r\n",
            &deep,
            &[b'+'; 70_000],
        ] {
            assert_eq!(decode_all(wire, 100_000), Err(Malformed), "{:?}", &wire[..wire.len().min(20)]);
        }
        let (mut decoder, mut bytes) = (Decoder::new(10), BytesMut::from(&b"$8\r\n"[..]));
        assert_eq!(decoder.decode(&mut bytes), Err(Malformed), "before its bytes arrive");
    }

    #[test]
    fn commands_carry_any_bytes() {
        assert_eq!(command(["GET", "a\r\nb"]), b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_values_or_an_error(wire in prop::collection::vec(any::<u8>(), 0..200), cut in 1_usize..20) {
            let whole = decode_all(&wire, wire.len().max(1));
            prop_assert_eq!(decode_all(&wire, cut), whole);
        }

        #[test]
        fn bytes_of_the_alphabet_are_values_or_an_error(wire in "[*$:%>~!_#=0-3a\r\n-]{0,60}", cut in 1_usize..20) {
            let wire = wire.replace('\n', "\r\n");
            let whole = decode_all(wire.as_bytes(), wire.len().max(1));
            prop_assert_eq!(decode_all(wire.as_bytes(), cut), whole);
        }
    }
}
