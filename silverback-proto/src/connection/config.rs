//! Limits and time budgets of a connection: every default with its reason.

use std::{borrow::Cow, time::Duration};

use crate::{
    deflate::{deflater::Deflater, inflater::Inflater, params::Compression},
    handshake::negotiated::Negotiated,
    wire::{limits::Limits, role::Role},
};

/// How a connection behaves. The default is safe against strangers; each knob says what it costs.
///
/// ```
/// use silverback_proto::Config;
/// let config = Config::default().max_message_size(64 * 1024);
/// assert_eq!(config.limits().message, 64 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    limits: Limits,
    max_queued_output: usize,
    ping_interval: Option<Duration>,
    ping_timeout: Duration,
    close_timeout: Duration,
    write_stall_timeout: Duration,
    compression: Option<Compression>,
}

impl Config {
    /// Largest message accepted, in bytes. Default 16 MiB: a stranger cannot make us hold more. Exceeding it closes
    /// with 1009.
    pub fn max_message_size(mut self, bytes: u64) -> Self {
        self.limits.set_message(bytes);
        self
    }

    /// Largest frame accepted, in bytes. Default: as the message. Exceeding it closes with 1009.
    pub fn max_frame_size(mut self, bytes: u64) -> Self {
        self.limits.frame = bytes;
        self
    }

    /// Most frames of one message. Default 131,072: twice what the Autobahn suite sends; more are an attack by endless
    /// tiny fragments. Exceeding it closes
    /// with 1008.
    pub fn max_fragments(mut self, count: u32) -> Self {
        self.limits.fragments = count;
        self
    }

    /// Bytes of output that may wait for the peer before writers wait too. Default 1 MiB: a slow reader stops only
    /// those who write to it. One message is always accepted into an empty queue, however large it is.
    pub fn max_queued_output(mut self, bytes: usize) -> Self {
        self.max_queued_output = bytes;
        self
    }

    /// Sends a keepalive ping after this much time without a sign of life; `None` sends none. Default 20 s: proxies cut at
    /// 60 s. A byte that arrives is a sign of life, and so is output that the peer takes after it had to wait.
    pub fn ping_interval(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.ping_interval = idle.into();
        self
    }

    /// How long after a keepalive ping the peer must show a sign of life. Default 20 s. As long as the peer takes output
    /// that stands before the ping, this time begins anew: on a slow line the answer comes late.
    pub fn ping_timeout(mut self, within: Duration) -> Self {
        self.ping_timeout = within;
        self
    }

    /// How long the closing handshake may take; no traffic extends it. Default 5 s. Once both Close frames have been
    /// exchanged, a driver waits for the end of the transport for 2 s at most, within this time.
    pub fn close_timeout(mut self, within: Duration) -> Self {
        self.close_timeout = within;
        self
    }

    /// How long the peer may take no output while some waits. Default 30 s. A driver that can learn what the peer's side has
    /// taken judges by that, and not by what the kernel on our side holds.
    pub fn write_stall_timeout(mut self, within: Duration) -> Self {
        self.write_stall_timeout = within;
        self
    }

    /// Compression of messages, to be negotiated in the handshake (RFC 7692). Default none: it costs memory. If a handshake
    /// has agreed on it all the same, it goes by [`Compression::default`].
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.compression = compression.into();
        self
    }

    /// What the peer may send at most.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// See [`max_queued_output`](Self::max_queued_output).
    pub fn queued_output_limit(&self) -> usize {
        self.max_queued_output
    }

    /// The keepalive's interval, if there is one, and the time in which it must be answered.
    pub fn keepalive(&self) -> Option<(Duration, Duration)> {
        self.ping_interval.map(|interval| (interval, self.ping_timeout))
    }

    /// See [`close_timeout`](Self::close_timeout).
    pub fn close_budget(&self) -> Duration {
        self.close_timeout
    }

    /// See [`write_stall_timeout`](Self::write_stall_timeout).
    pub fn write_stall_budget(&self) -> Duration {
        self.write_stall_timeout
    }

    /// See [`compression`](Self::compression).
    pub fn wanted_compression(&self) -> Option<&Compression> {
        self.compression.as_ref()
    }

    /// The decompressor for what `sender` sends, if both sides have agreed on compression.
    pub(crate) fn inflater(&self, sender: Role, negotiated: &Negotiated) -> Option<Inflater> {
        let params = negotiated.compression.as_ref()?;
        Some(Inflater::new(sender, &self.agreed_compression(), params))
    }

    /// The compressor for what `sender` sends, if both sides have agreed on compression, and from which size it is used.
    pub(crate) fn deflater(&self, sender: Role, negotiated: &Negotiated) -> Option<(Deflater, usize)> {
        let (params, compression) = (negotiated.compression.as_ref()?, self.agreed_compression());
        Some((Deflater::new(sender, &compression, params), compression.plain_below()))
    }

    /// What was agreed on decides whether messages are compressed: a handshake that was done elsewhere may know more of it
    /// than we were told.
    fn agreed_compression(&self) -> Cow<'_, Compression> {
        self.compression.as_ref().map_or_else(|| Cow::Owned(Compression::default()), Cow::Borrowed)
    }
}

impl Default for Config {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            limits: Limits { message: 16 * MIB, frame: 16 * MIB, fragments: 131_072 },
            max_queued_output: MIB as usize,
            ping_interval: Some(Duration::from_secs(20)),
            ping_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_stall_timeout: Duration::from_secs(30),
            compression: None,
        }
    }
}

/// Messages of more bytes than this are made into frames piece by piece.
pub const LARGE_MESSAGE: usize = 64 * 1024;
