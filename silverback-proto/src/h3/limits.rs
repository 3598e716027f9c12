//! How much a peer may make us hold: every default with its reason.

/// The limits on the bytes that a peer sends outside of DATA frames.
///
/// ```
/// use silverback_proto::h3::Limits;
/// let limits = Limits { field_section: 8 * 1024, ..Limits::default() };
/// assert_eq!(limits.fields, 200);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest field section, in bytes: each name and value uncompressed, and 32 for each field (RFC 9114, 4.2.2).
    /// Our SETTINGS announce it. The same limit holds for the compressed form, which is normally smaller. Default: 16 KiB, as for the head of an HTTP/1.1 request.
    pub field_section: u64,
    /// The most fields of one section, pseudo-header fields included. Each takes an entry of a header map. Default:
    /// 200, twice as many as header lines of an HTTP/1.1 request, because clients send each cookie as a field of its
    /// own.
    pub fields: usize,
    /// The largest SETTINGS frame, in bytes. Default: 1 KiB, room for more than 60 settings of the longest form.
    pub settings_frame: u64,
    /// The most interim responses (1xx) before the response. Each costs the decoding of a field section, and a server
    /// that sends them without end would never answer. Default: 10.
    pub interim_responses: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { field_section: 16 * 1024, fields: 200, settings_frame: 1024, interim_responses: 10 }
    }
}
