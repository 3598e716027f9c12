//! Publications as they travel through a channel: offset, space, epoch, space, bytes. Topics without history have the
//! offset 0 and no epoch.

use bytes::Bytes;
use silverback_hub::{Epoch, Position};

/// Splits a message into the position and the bytes of the publication.
pub(crate) fn parse(message: &Bytes) -> Option<(Option<Position>, Bytes)> {
    let (offset, rest) = until_space(message, 0)?;
    let (epoch, rest) = until_space(message, rest)?;
    let offset = offset.parse().ok()?;
    let position = (offset > 0).then(|| Position::new(Epoch::new(epoch), offset));
    Some((position, message.slice(rest..)))
}

/// A message of a topic without history.
pub(crate) fn live(bytes: &[u8]) -> Vec<u8> {
    [b"0  ", bytes].concat()
}

fn until_space(message: &Bytes, from: usize) -> Option<(&str, usize)> {
    let rest = message.get(from..)?;
    let end = rest.iter().take(LONGEST).position(|byte| *byte == b' ')?;
    Some((std::str::from_utf8(&rest[..end]).ok()?, from + end + 1))
}

/// More than an offset or an epoch has.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use silverback_hub::{Epoch, Position};

    use super::{live, parse};

    #[test]
    fn positions_and_bytes_are_separated() {
        let position = Position::new(Epoch::new("e"), 7);
        assert_eq!(parse(&"7 e a b".into()), Some((Some(position), Bytes::from("a b"))));
        assert_eq!(parse(&live(b" \xff").into()), Some((None, Bytes::from_static(b" \xff"))));
        for wrong in ["", "7", "7 e", "x e a", "-1 e a", &format!("7 {} a", "e".repeat(100))] {
            assert_eq!(parse(&wrong.to_owned().into()), None, "{wrong}");
        }
    }
}
