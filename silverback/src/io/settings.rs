//! The settings that `Upgrader` and `Dialer` share: buffers, the handshake's limits, and the connection's
//! configuration.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use silverback_proto::{Config, MemoryBudget, Subprotocol, deflate::Compression, handshake::HandshakeError};

use crate::io::meter::Metering;

/// The settings of a connection and its opening handshake.
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    pub(crate) config: Arc<Config>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_head_size: usize,
    pub(crate) read_buffer_size: usize,
    pub(crate) write_buffer_size: usize,
    pub(crate) memory_budget: Option<MemoryBudget>,
    pub(crate) metering: Metering,
}

impl Settings {
    /// Sets the limits and timeouts of the connection. Default: see [`Config`].
    pub fn config(mut self, config: Config) -> Self {
        self.config = Arc::new(config);
        self
    }

    /// Changes some of the limits and timeouts, and keeps the others.
    pub fn adjust_config(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.config = Arc::new(change((*self.config).clone()));
        self
    }

    /// Negotiates compression of messages (RFC 7692) with each peer. Default: none, because compression costs memory.
    pub fn compression(self, compression: impl Into<Option<Compression>>) -> Self {
        self.adjust_config(|config| config.compression(compression))
    }

    /// Limits the time of the opening handshake. Default 10 s, which is plenty for a few hundred bytes.
    pub fn handshake_timeout(mut self, within: Duration) -> Self {
        self.handshake_timeout = within;
        self
    }

    /// Limits the bytes of the other side's request or response head. Default 16 KiB: enough for many cookies, too
    /// little for an attack. Pages of one domain share their cookies, so some sites need 64 KiB.
    pub fn max_head_size(mut self, bytes: usize) -> Self {
        self.max_head_size = bytes;
        self
    }

    /// Limits the bytes of one read. The buffer belongs to the thread, and only a readable connection borrows it. So a
    /// large one costs nothing while connections are idle. Default 64 KiB, and at least 256 bytes.
    pub fn read_buffer_size(mut self, bytes: usize) -> Self {
        self.read_buffer_size = bytes.max(MIN_BUFFER_SIZE);
        self
    }

    /// Sends gathered output once it has this many bytes, even if more input is in hand. This is also the size of a
    /// streamed message's fragments, up to 64 KiB. Default 64 KiB, and at least 256 bytes.
    pub fn write_buffer_size(mut self, bytes: usize) -> Self {
        self.write_buffer_size = bytes.max(MIN_BUFFER_SIZE);
        self
    }

    /// Limits the memory that compression may use in all connections with this budget: see [`MemoryBudget`].
    /// `MemoryBudget::new(usize::MAX)` means no limit. Default: all [`Upgrader`](crate::Upgrader)s of the process
    /// without a budget share one of 256 MiB, and a [`Dialer`](crate::Dialer) has no limit.
    pub fn memory_budget(mut self, budget: MemoryBudget) -> Self {
        self.memory_budget = Some(budget);
        self
    }

    /// Sets whether the connections and handshakes report to the recorder of the crate `metrics`: see
    /// [`metrics`](crate::metrics). Default: true.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, report: bool) -> Self {
        self.metering.set(report);
        self
    }

    /// Returns the default settings of an upgrader.
    pub(crate) fn for_servers() -> Self {
        static OF_THE_PROCESS: LazyLock<MemoryBudget> = LazyLock::new(|| MemoryBudget::new(SERVERS_MEMORY));
        Self::default().memory_budget(OF_THE_PROCESS.clone())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Arc::default(),
            handshake_timeout: Duration::from_secs(10),
            max_head_size: 16 * 1024,
            read_buffer_size: 64 * 1024,
            write_buffer_size: 64 * 1024,
            memory_budget: None,
            metering: Metering::default(),
        }
    }
}

/// Returns the names that are valid subprotocols. An invalid name is stored as the misuse to report.
pub(crate) fn subprotocols<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
    misuse: &mut Option<HandshakeError>,
) -> Vec<Subprotocol> {
    let mut list = Vec::new();
    for name in names {
        match Subprotocol::new(name.as_ref()) {
            Ok(name) => list.push(name),
            Err(error) => _ = misuse.get_or_insert(error.into()),
        }
    }
    list
}

/// Gives a builder with a field `settings` the methods of the settings.
macro_rules! forward_settings {
    () => {
        /// Sets the limits and timeouts of the connection. Default: see [`Config`](crate::Config).
        pub fn config(mut self, config: silverback_proto::Config) -> Self {
            self.settings = self.settings.config(config);
            self
        }

        /// Changes some of the limits and timeouts, and keeps the others.
        pub fn adjust_config(
            mut self,
            change: impl FnOnce(silverback_proto::Config) -> silverback_proto::Config,
        ) -> Self {
            self.settings = self.settings.adjust_config(change);
            self
        }

        /// Negotiates compression of messages (RFC 7692) with each peer. Default: none, because compression costs
        /// memory.
        pub fn compression(mut self, compression: impl Into<Option<silverback_proto::deflate::Compression>>) -> Self {
            self.settings = self.settings.compression(compression);
            self
        }

        /// Limits the memory that compression may use in all connections with this budget: see
        /// [`MemoryBudget`](crate::MemoryBudget). Default: all upgraders of the process without a budget share one of
        /// 256 MiB, and dialers have no limit.
        pub fn memory_budget(mut self, budget: silverback_proto::MemoryBudget) -> Self {
            self.settings = self.settings.memory_budget(budget);
            self
        }

        /// Limits the time of the opening handshake. Default 10 s.
        pub fn handshake_timeout(mut self, within: std::time::Duration) -> Self {
            self.settings = self.settings.handshake_timeout(within);
            self
        }

        /// Limits the bytes of the head that the other side sends: a request, or the response of a server or proxy. The
        /// error for a longer one names the limit ([`HeadError::TooLarge`](crate::proto::handshake::HeadError::TooLarge)).
        /// Default 16 KiB.
        pub fn max_head_size(mut self, bytes: usize) -> Self {
            self.settings = self.settings.max_head_size(bytes);
            self
        }

        /// Limits the bytes of one read. The buffer belongs to the thread, so idle connections have none. Default 64
        /// KiB.
        pub fn read_buffer_size(mut self, bytes: usize) -> Self {
            self.settings = self.settings.read_buffer_size(bytes);
            self
        }

        /// Sets whether the connections and handshakes report to the recorder of the crate `metrics`: see
        /// [`metrics`](crate::metrics). Default: true.
        #[cfg(feature = "metrics")]
        pub fn metrics(mut self, report: bool) -> Self {
            self.settings = self.settings.metrics(report);
            self
        }

        /// Sends gathered output once it has this many bytes, even if more input is in hand. This is also the size of a
        /// streamed message's fragments, up to 64 KiB. Default 64 KiB, and at least 256 bytes.
        pub fn write_buffer_size(mut self, bytes: usize) -> Self {
            self.settings = self.settings.write_buffer_size(bytes);
            self
        }
    };
}
pub(crate) use forward_settings;

/// Enough for the compression of 700 connections with the largest window, or of 5,000 that only receive.
const SERVERS_MEMORY: usize = 256 * 1024 * 1024;

/// Enough for a control frame with its header.
const MIN_BUFFER_SIZE: usize = 256;
