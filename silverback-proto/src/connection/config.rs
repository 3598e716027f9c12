//! Limits and time budgets of a connection: every default with its reason.

use std::time::Duration;

use crate::{
    deflate::{Compression, Deflater, Inflater},
    handshake::negotiated::Negotiated,
    wire::{limits::Limits, role::Role},
};

/// The limits and timeouts of a connection. The defaults are safe against untrusted peers.
///
/// Each method sets the field of the same name, and explains its meaning.
///
/// ```
/// use silverback_proto::Config;
/// let config = Config::default().max_message_size(64 * 1024);
/// assert_eq!(config.max_message_size, 64 * 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Config {
    /// In bytes. See [`max_message_size`](Self::max_message_size()).
    pub max_message_size: u64,
    /// In bytes; `None` means `max_message_size`. See [`max_frame_size`](Self::max_frame_size()).
    pub max_frame_size: Option<u64>,
    /// See [`max_fragments`](Self::max_fragments()).
    pub max_fragments: u32,
    /// In bytes. See [`max_queued_output`](Self::max_queued_output()).
    pub max_queued_output: usize,
    /// `None` disables keepalive. See [`ping_interval`](Self::ping_interval()).
    pub ping_interval: Option<Duration>,
    /// See [`ping_timeout`](Self::ping_timeout()).
    pub ping_timeout: Duration,
    /// See [`close_timeout`](Self::close_timeout()).
    pub close_timeout: Duration,
    /// See [`write_stall_timeout`](Self::write_stall_timeout()).
    pub write_stall_timeout: Duration,
    /// See [`compression`](Self::compression()).
    pub compression: Option<Compression>,
}

impl Config {
    /// Sets the largest message accepted, in bytes. A peer cannot make us hold more. A larger message closes the
    /// connection with 1009. Default: 16 MiB.
    pub fn max_message_size(mut self, bytes: u64) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// Sets the largest frame accepted, in bytes. A larger frame closes the connection with 1009. Default: the limit on
    /// messages.
    pub fn max_frame_size(mut self, bytes: u64) -> Self {
        self.max_frame_size = Some(bytes);
        self
    }

    /// Sets the most frames of one message, against endless tiny fragments. More frames close the connection with 1008.
    /// Default: 131,072, twice as many as the Autobahn suite sends.
    pub fn max_fragments(mut self, count: u32) -> Self {
        self.max_fragments = count;
        self
    }

    /// Sets how many bytes of output may be queued before writers wait. A slow peer then stops only the writers of its
    /// own connection. An empty queue accepts one message of any size. Default: 1 MiB.
    pub fn max_queued_output(mut self, bytes: usize) -> Self {
        self.max_queued_output = bytes;
        self
    }

    /// Sends a keepalive ping after this much time without a sign of life; `None` disables pings. A byte that arrives
    /// is a sign of life, and so is output that the peer accepts after a stall. Default: 20 s, because proxies often
    /// cut idle connections at 60 s.
    pub fn ping_interval(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.ping_interval = idle.into();
        self
    }

    /// Sets how long after a keepalive ping the peer must show a sign of life. The time restarts while the peer accepts
    /// output that was queued before the ping, because on a slow line the pong comes late. Default: 20 s.
    pub fn ping_timeout(mut self, within: Duration) -> Self {
        self.ping_timeout = within;
        self
    }

    /// Sets how long the closing handshake may take. Traffic does not extend it. After both Close frames, a driver
    /// waits at most 2 s of this time for the end of the transport. Default: 5 s.
    pub fn close_timeout(mut self, within: Duration) -> Self {
        self.close_timeout = within;
        self
    }

    /// Sets how long the peer may accept no output while some is queued. A driver that can learn how much the peer has
    /// acknowledged counts that, and not the bytes in our own kernel. Default: 30 s.
    pub fn write_stall_timeout(mut self, within: Duration) -> Self {
        self.write_stall_timeout = within;
        self
    }

    /// Sets the compression to negotiate in the handshake (RFC 7692). If a handshake negotiated compression without
    /// this setting, the connection uses [`Compression::default`]. Default: none, because compression costs memory.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.compression = compression.into();
        self
    }

    /// The largest messages and frames that a peer may send.
    pub(crate) fn limits(&self) -> Limits {
        let frame = self.max_frame_size.unwrap_or(self.max_message_size);
        Limits { message: self.max_message_size, frame, fragments: self.max_fragments }
    }

    /// The keepalive's interval and its timeout; `None` if keepalive is disabled.
    pub(crate) fn keepalive(&self) -> Option<(Duration, Duration)> {
        self.ping_interval.map(|interval| (interval, self.ping_timeout))
    }

    /// The decompressor for messages of `sender`, if compression was negotiated.
    pub(crate) fn inflater(&self, sender: Role, negotiated: &Negotiated) -> Option<Inflater> {
        Inflater::negotiated(sender, self.compression.as_ref(), negotiated.compression.as_ref()?)
    }

    /// The compressor for messages of `sender` and the size from which it is used, if compression was negotiated.
    pub(crate) fn deflater(&self, sender: Role, negotiated: &Negotiated) -> Option<(Deflater, usize)> {
        Deflater::negotiated(sender, self.compression.as_ref(), negotiated.compression.as_ref()?)
    }
}

impl Default for Config {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            max_message_size: 16 * MIB,
            max_frame_size: None,
            max_fragments: 131_072,
            max_queued_output: MIB as usize,
            ping_interval: Some(Duration::from_secs(20)),
            ping_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_stall_timeout: Duration::from_secs(30),
            compression: None,
        }
    }
}

/// Messages of more bytes than this are encoded piece by piece, outside the lock.
pub const LARGE_MESSAGE: usize = 64 * 1024;
