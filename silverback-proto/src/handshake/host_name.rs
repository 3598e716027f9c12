//! Host names outside ASCII (RFC 5890), as people type them. On the wire such a name always has its `xn--` form, so
//! names from a peer are not converted.

use std::borrow::Cow;

/// Returns the form of a host name that DNS, TLS and HTTP use: `xn--bcher-kva.example` for `bücher.example`. The
/// feature `idna` converts names as browsers do (UTS 46). A name in ASCII is returned unchanged, even if it is invalid.
///
/// Returns `None` if the name has characters that no name may have, or if the feature is off.
///
/// ```
/// use silverback_proto::handshake::ascii_host;
///
/// assert_eq!(ascii_host("example.com").as_deref(), Some("example.com"));
/// # #[cfg(feature = "idna")]
/// assert_eq!(ascii_host("Bücher.example").as_deref(), Some("xn--bcher-kva.example"));
/// ```
pub fn ascii_host(host: &str) -> Option<Cow<'_, str>> {
    if host.is_ascii() {
        return Some(host.into());
    }
    convert(host)
}

/// Does the same for a host with an optional port.
pub(super) fn ascii_authority(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        return Some(text.into());
    }
    let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    Some(format!("{}{port}", ascii_host(host)?).into())
}

#[cfg(feature = "idna")]
fn convert(host: &str) -> Option<Cow<'_, str>> {
    // Without `URL`, a compatibility character such as `：` could become a `:`, and so divide host and port elsewhere.
    idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL).ok().filter(|name| !name.is_empty())
}

#[cfg(not(feature = "idna"))]
fn convert(_: &str) -> Option<Cow<'_, str>> {
    None
}
