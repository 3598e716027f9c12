//! Bytes in notations for people.

/// Parses bytes written as bits. Blanks are ignored.
///
/// ```
/// use silverback_testkit::wire::bits;
/// assert_eq!(bits("1 000 0001 0 0000101"), [0x81, 0x05]);
/// ```
///
/// # Panics
/// On anything but `0`, `1` and blanks, and when the bits do not fill whole bytes.
#[must_use]
#[track_caller]
pub fn bits(written: &str) -> Vec<u8> {
    digits(written, 2, 8)
}

/// Parses bytes written in hexadecimal. Blanks are ignored.
///
/// ```
/// use silverback_testkit::wire::hex;
/// assert_eq!(hex("81 05 4865 6c6C 6F"), b"\x81\x05Hello");
/// ```
///
/// # Panics
/// On anything but hexadecimal digits and blanks, and on an odd number of digits.
#[must_use]
#[track_caller]
pub fn hex(written: &str) -> Vec<u8> {
    digits(written, 16, 2)
}

/// Formats bytes in hexadecimal for messages: `81 05 48`.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[track_caller]
fn digits(written: &str, base: u32, per_byte: usize) -> Vec<u8> {
    let mut values = Vec::new();
    for digit in written.chars().filter(|c| !c.is_whitespace()) {
        let Some(value) = digit.to_digit(base) else {
            panic!("{digit:?} is not a digit of base {base} in {written:?}");
        };
        values.push(value as u8);
    }
    assert!(
        values.len() % per_byte == 0,
        "{} digits do not make whole bytes of {per_byte} in {written:?}",
        values.len(),
    );
    let join = |byte: &[u8]| byte.iter().fold(0, |value, digit| value * base as u8 + digit);
    values.chunks(per_byte).map(join).collect()
}
