//! What `Upgrader` and `Dialer` have in common: buffers, the handshake's budget, and the connection's configuration.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use silverback_proto::{Config, MemoryBudget, Subprotocol, deflate::Compression, handshake::HandshakeError};

/// Settings of a connection and its opening handshake.
#[derive(Clone, Debug)]
pub struct Settings {
    connection: Arc<Config>,
    handshake_timeout: Duration,
    max_head_size: usize,
    read_buffer_size: usize,
    write_buffer_size: usize,
    memory_budget: Option<MemoryBudget>,
}

impl Settings {
    /// Limits and time budgets of the connection. Default: see [`Config`].
    pub fn config(mut self, config: Config) -> Self {
        self.connection = Arc::new(config);
        self
    }

    /// Changes some of the limits and time budgets and keeps the others.
    pub fn adjust_config(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.connection = Arc::new(change((*self.connection).clone()));
        self
    }

    /// Compression of messages (RFC 7692), to be negotiated with each peer. Default none: it costs memory.
    pub fn compression(self, compression: impl Into<Option<Compression>>) -> Self {
        self.adjust_config(|config| config.compression(compression))
    }

    /// How long the opening handshake may take. Default 10 s: nobody needs more to send a few hundred bytes.
    pub fn handshake_timeout(mut self, within: Duration) -> Self {
        self.handshake_timeout = within;
        self
    }

    /// Sets the most bytes of the other side's request or response head. Default 16 KiB: room for many cookies, not for an
    /// attack. Pages of one domain share their cookies, so some sites need 64 KiB.
    pub fn max_head_size(mut self, bytes: usize) -> Self {
        self.max_head_size = bytes;
        self
    }

    /// What one read takes at most, in bytes. Default 64 KiB. The buffer belongs to the thread and is lent to the
    /// connection that is readable, so a large one costs nothing while connections are idle.
    pub fn read_buffer_size(mut self, bytes: usize) -> Self {
        self.read_buffer_size = bytes.max(MIN_BUFFER_SIZE);
        self
    }

    /// How much output is gathered before it is sent, in bytes, while more input is at hand; also the size of the
    /// fragments of a streamed message. Default 64 KiB.
    pub fn write_buffer_size(mut self, bytes: usize) -> Self {
        self.write_buffer_size = bytes.max(MIN_BUFFER_SIZE);
        self
    }

    /// What all connections that are given this budget may hold for compression together; see [`MemoryBudget`]. Default:
    /// 256 MiB for all connections of all [`Upgrader`](crate::Upgrader)s of the process that were given no other, and none
    /// for connections of a [`Dialer`](crate::Dialer). `MemoryBudget::new(usize::MAX)` is no limit.
    pub fn memory_budget(mut self, budget: MemoryBudget) -> Self {
        self.memory_budget = Some(budget);
        self
    }

    /// The settings of an upgrader that was given none.
    pub(crate) fn for_servers() -> Self {
        static OF_THE_PROCESS: LazyLock<MemoryBudget> = LazyLock::new(|| MemoryBudget::new(SERVERS_MEMORY));
        Self::default().memory_budget(OF_THE_PROCESS.clone())
    }

    pub(crate) fn memory(&self) -> Option<&MemoryBudget> {
        self.memory_budget.as_ref()
    }

    pub(crate) fn connection(&self) -> &Arc<Config> {
        &self.connection
    }

    pub(crate) fn handshake_budget(&self) -> Duration {
        self.handshake_timeout
    }

    pub(crate) fn head_limit(&self) -> usize {
        self.max_head_size
    }

    pub(crate) fn read_buffer(&self) -> usize {
        self.read_buffer_size
    }

    pub(crate) fn write_buffer(&self) -> usize {
        self.write_buffer_size
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connection: Arc::default(),
            handshake_timeout: Duration::from_secs(10),
            max_head_size: 16 * 1024,
            read_buffer_size: 64 * 1024,
            write_buffer_size: 64 * 1024,
            memory_budget: None,
        }
    }
}

/// The names that are subprotocols; one that is none is noted as the misuse to report.
pub(crate) fn subprotocols<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
    misuse: &mut Option<HandshakeError>,
) -> Vec<Subprotocol> {
    let mut list = Vec::new();
    for name in names {
        match Subprotocol::new(name.as_ref()) {
            Ok(name) => list.push(name),
            Err(error) => *misuse = Some(error.into()),
        }
    }
    list
}

/// The settings as methods of a builder that holds them in a field `settings`.
macro_rules! forward_settings {
    () => {
        /// Limits and time budgets of the connection. Default: see [`Config`](crate::Config).
        pub fn config(mut self, config: silverback_proto::Config) -> Self {
            self.settings = self.settings.config(config);
            self
        }

        /// Changes some of the limits and time budgets and keeps the others.
        pub fn adjust_config(
            mut self,
            change: impl FnOnce(silverback_proto::Config) -> silverback_proto::Config,
        ) -> Self {
            self.settings = self.settings.adjust_config(change);
            self
        }

        /// Compression of messages (RFC 7692), to be negotiated with each peer. Default none: it costs memory.
        pub fn compression(mut self, compression: impl Into<Option<silverback_proto::deflate::Compression>>) -> Self {
            self.settings = self.settings.compression(compression);
            self
        }

        /// What all connections that are given this budget may hold for compression together; see
        /// [`MemoryBudget`](crate::MemoryBudget). Default: 256 MiB for all connections of all upgraders of the process that
        /// were given no other, and no limit for dialers.
        pub fn memory_budget(mut self, budget: silverback_proto::MemoryBudget) -> Self {
            self.settings = self.settings.memory_budget(budget);
            self
        }

        /// How long the opening handshake may take. Default 10 s.
        pub fn handshake_timeout(mut self, within: std::time::Duration) -> Self {
            self.settings = self.settings.handshake_timeout(within);
            self
        }

        /// Sets the most bytes of the head that the other side sends: a request, or the answer of a server or proxy. Default
        /// 16 KiB. The error for a longer one names the limit
        /// ([`HeadError::TooLarge`](crate::handshake::HeadError::TooLarge)).
        pub fn max_head_size(mut self, bytes: usize) -> Self {
            self.settings = self.settings.max_head_size(bytes);
            self
        }

        /// What one read takes at most, in bytes. Default 64 KiB, lent by the thread: idle connections hold none.
        pub fn read_buffer_size(mut self, bytes: usize) -> Self {
            self.settings = self.settings.read_buffer_size(bytes);
            self
        }

        /// How much output is gathered before it is sent, in bytes, and the size of a streamed message's fragments, which
        /// are of 64 KiB at most. Default 64 KiB.
        pub fn write_buffer_size(mut self, bytes: usize) -> Self {
            self.settings = self.settings.write_buffer_size(bytes);
            self
        }
    };
}
pub(crate) use forward_settings;

/// Compression of 700 connections with the largest window, or 5,000 that only receive.
const SERVERS_MEMORY: usize = 256 * 1024 * 1024;

/// A control frame and its header.
const MIN_BUFFER_SIZE: usize = 256;
