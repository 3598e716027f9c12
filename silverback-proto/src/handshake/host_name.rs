//! Host names outside ASCII (RFC 5890), as people type them. On the wire such a name always has its `xn--` form, so
//! names from a peer are not converted.

use std::borrow::Cow;

/// Returns the form of a host name that DNS, TLS and HTTP use: `xn--bcher-kva.example` for `bücher.example`. The
/// feature `idna` converts names as browsers do (UTS 46). A name in ASCII is returned unchanged, even if it is invalid.
///
/// A port after the name is kept.
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
    let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
    Some((convert(name)? + port).into())
}

#[cfg(feature = "idna")]
fn convert(name: &str) -> Option<String> {
    // Without `URL`, a compatibility character such as `：` could become a `:`, and so divide host and port elsewhere.
    let name = idna::domain_to_ascii_cow(name.as_bytes(), idna::AsciiDenyList::URL).ok()?;
    (!name.is_empty()).then(|| name.into_owned())
}

#[cfg(not(feature = "idna"))]
fn convert(_: &str) -> Option<String> {
    None
}
