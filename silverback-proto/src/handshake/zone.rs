//! The zone of an IPv6 address (RFC 6874): `ws://[fe80::1%25eth0]/` names the network interface of this machine that
//! reaches a link-local address. Only this machine knows the name, so it is used for the socket and not sent.

/// Splits the zone off `[address%25zone]:port`. A `%` that is not escaped is accepted too, as browsers and curl once
/// did. Returns `None` if the zone is malformed.
pub(super) fn split_zone(authority: &str) -> Option<(String, Option<Box<str>>)> {
    let none = || Some((authority.to_owned(), None));
    let Some((literal, rest)) = authority.strip_prefix('[').and_then(|text| text.split_once(']')) else {
        return none();
    };
    let Some((address, zone)) = literal.split_once('%') else { return none() };
    let zone = decode(zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone))?;
    let is_zone = (1..=MAX_ZONE).contains(&zone.len())
        && zone.bytes().all(|byte| byte.is_ascii_graphic() && !b"%[]/".contains(&byte));
    is_zone.then(|| (format!("[{address}]{rest}"), Some(zone.into())))
}

/// The zone in the form of a URI.
pub(super) fn encode(zone: &str) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if is_unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    zone.bytes().map(one).collect()
}

fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = u8::from_str_radix(part.get(..2)?, 16).ok().filter(u8::is_ascii_graphic)?;
        decoded.push(byte.into());
        decoded.push_str(&part[2..]);
    }
    Some(decoded)
}

/// The longest zone. Names of interfaces are shorter on every system.
const MAX_ZONE: usize = 64;
