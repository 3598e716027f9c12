//! The PROXY protocol, versions 1 and 2 (`doc/proxy-protocol.txt` of HAProxy): a proxy that passes bytes on tells the
//! address of its client in a header, before the first byte of the client.
//!
//! [`read`] takes the bytes of the header and no more, so the stream is then as the client began it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How far a header has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// At least this many more bytes belong to the header.
    NeedMore(usize),
    /// The header is complete.
    Complete(Speaker),
}

/// Who speaks on the connection after the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Client(SocketAddr),
    /// A client whose address the proxy does not know.
    UnknownClient,
    /// The proxy itself, as in a health check.
    Proxy,
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection ended before its first byte.
    Silent,
    /// The first bytes are not those of a header.
    Missing,
    Malformed,
    TooLong,
    /// The connection ended inside of the header.
    Torn,
}

/// Reads the header, and returns who speaks after it.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Speaker, Fault> {
    let mut header = Vec::with_capacity(V1_LONGEST);
    loop {
        match parse(&header)? {
            Progress::Complete(speaker) => return Ok(speaker),
            Progress::NeedMore(count) => {
                let read = (&mut *stream).take(count as u64).read_buf(&mut header).await;
                match read {
                    Ok(1..) => {}
                    Ok(0) | Err(_) if header.is_empty() => return Err(Fault::Silent),
                    Ok(0) | Err(_) => return Err(Fault::Torn),
                }
            }
        }
    }
}

/// Whether a connection that begins like this begins with a header.
pub(super) fn is_begun_by(bytes: &[u8]) -> bool {
    bytes.starts_with(V1_BEGIN) || bytes.starts_with(V2_BEGIN)
}

fn parse(header: &[u8]) -> Result<Progress, Fault> {
    let may_begin_with = |begin: &[u8]| header.iter().zip(begin).all(|(found, expected)| found == expected);
    if header.is_empty() {
        Ok(Progress::NeedMore(V1_SHORTEST))
    } else if may_begin_with(V1_BEGIN) {
        parse_v1(header)
    } else if may_begin_with(V2_BEGIN) {
        parse_v2(header)
    } else {
        Err(Fault::Missing)
    }
}

/// Parses `PROXY TCP4 192.0.2.1 203.0.113.5 4711 443`.
fn parse_v1(header: &[u8]) -> Result<Progress, Fault> {
    let Some(end) = header.windows(2).position(|pair| pair == b"\r\n") else {
        let of_end = if header.ends_with(b"\r") { 1 } else { 2 };
        let missing = of_end.max(V1_SHORTEST.saturating_sub(header.len()));
        return if header.len() + missing > V1_LONGEST { Err(Fault::TooLong) } else { Ok(Progress::NeedMore(missing)) };
    };
    let line = std::str::from_utf8(&header[..end]).map_err(|_| Fault::Malformed)?;
    let words: Vec<_> = line.split(' ').collect();
    let (is_of_family, source, target): (fn(&IpAddr) -> bool, _, _) = match words[..] {
        // The rest of the line means nothing.
        ["PROXY", "UNKNOWN", ..] => return Ok(Progress::Complete(Speaker::UnknownClient)),
        ["PROXY", "TCP4", source, target, port, target_port] => {
            (IpAddr::is_ipv4, (source, port), (target, target_port))
        }
        ["PROXY", "TCP6", source, target, port, target_port] => {
            (IpAddr::is_ipv6, (source, port), (target, target_port))
        }
        _ => return Err(Fault::Malformed),
    };
    let read = |(ip, port)| v1_address(ip, port).filter(|address| is_of_family(&address.ip()));
    match (read(source), read(target)) {
        (Some(source), Some(_)) => Ok(Progress::Complete(Speaker::Client(source))),
        _ => Err(Fault::Malformed),
    }
}

fn v1_address(ip: &str, port: &str) -> Option<SocketAddr> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    Some(SocketAddr::new(ip.parse().ok()?, u16::from_str(port).ok().filter(|_| is_number)?))
}

/// Parses the header of version 2: its beginning, the command, the family, the length of the rest, addresses, and further
/// values, which are skipped.
fn parse_v2(header: &[u8]) -> Result<Progress, Fault> {
    let Some((fixed, rest)) = header.split_at_checked(V2_FIXED) else {
        return Ok(Progress::NeedMore(V2_FIXED - header.len()));
    };
    let [.., command, family, high, low] = *fixed else { return Err(Fault::Malformed) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > V2_LONGEST - V2_FIXED {
        return Err(Fault::TooLong);
    }
    let Some(block) = rest.get(..length) else { return Ok(Progress::NeedMore(length - rest.len())) };
    let address = match (command, family) {
        (V2_LOCAL, _) => return Ok(Progress::Complete(Speaker::Proxy)),
        (V2_PROXY, TCP_OVER_IPV4) => Some(v2_address::<4>(block).ok_or(Fault::Malformed)?),
        (V2_PROXY, TCP_OVER_IPV6) => Some(v2_address::<16>(block).ok_or(Fault::Malformed)?),
        // The address of a client of UDP or of a Unix socket says nothing about a connection of TCP.
        (V2_PROXY, UNSPECIFIED | UDP_OVER_IPV4 | UDP_OVER_IPV6 | UNIX_STREAM | UNIX_DATAGRAM) => None,
        // A receiver must drop the connection.
        _ => return Err(Fault::Malformed),
    };
    Ok(Progress::Complete(address.map_or(Speaker::UnknownClient, Speaker::Client)))
}

/// Reads the first of two addresses of `N` bytes, and the first of two ports.
fn v2_address<const N: usize>(block: &[u8]) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let ip: [u8; N] = *block.first_chunk()?;
    let [high, low, _, _] = *block.get(2 * N..)?.first_chunk()?;
    Some(SocketAddr::new(ip.into(), u16::from_be_bytes([high, low])))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "it sent nothing",
            Self::Missing => "it did not begin with a PROXY header",
            Self::Malformed => "its PROXY header is malformed",
            Self::TooLong => "its PROXY header is too long",
            Self::Torn => "it ended in the middle of its PROXY header",
        })
    }
}

const V1_BEGIN: &[u8] = b"PROXY ";
const V2_BEGIN: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// `PROXY UNKNOWN` with its line end.
const V1_SHORTEST: usize = 15;
/// The longest line that the protocol allows.
const V1_LONGEST: usize = 107;

/// The part of version 2 that all headers have.
const V2_FIXED: usize = 16;
/// The longest header of version 2 that is read. The addresses take 232 bytes at most. The rest is for values that proxies
/// add, such as the name of a client's certificate; the protocol would allow 64 KiB.
const V2_LONGEST: usize = 4096;

const V2_LOCAL: u8 = 0x20;
const V2_PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const UDP_OVER_IPV4: u8 = 0x12;
const TCP_OVER_IPV6: u8 = 0x21;
const UDP_OVER_IPV6: u8 = 0x22;
const UNIX_STREAM: u8 = 0x31;
const UNIX_DATAGRAM: u8 = 0x32;

#[cfg(test)]
#[path = "proxy_header_tests.rs"]
mod tests;
