//! The options, with their defaults and reasons.

use std::{future::Future, sync::Arc, time::Duration};

use super::{
    Disconnect, Reconnect, ReconnectAttempt, ReconnectingConn,
    backoff::Pace,
    hooks::{BoxError, erase},
};
use crate::{conn::Conn, dial::Dialer};

impl Reconnect {
    /// Creates a builder for a connection to the server of this URL. Each attempt uses this dialer.
    pub fn new(dialer: Dialer, url: impl Into<String>) -> Self {
        Self {
            dialer,
            url: url.into(),
            pace: Pace::default(),
            hook_timeout: Duration::from_secs(30),
            retry_on: Arc::new(Disconnect::may_pass),
            prepare: None,
            on_connect: None,
        }
    }

    /// Sets the bound of the first wait. At least a tenth of it is always waited. A bound of 0 cannot grow, and each
    /// wait is then 1 ms. Default: 1 s.
    pub fn initial_backoff(mut self, bound: Duration) -> Self {
        self.pace.initial = bound;
        self
    }

    /// Sets the largest bound of a wait, including the first. Default: 30 s, which is long enough for a server that is
    /// down, and short enough for a person who waits.
    pub fn max_backoff(mut self, bound: Duration) -> Self {
        self.pace.max = bound;
        self
    }

    /// Sets the factor by which the bound grows with each failure in a row. Less than 1 counts as 1. Default: 2.
    pub fn backoff_factor(mut self, factor: f64) -> Self {
        self.pace.factor = factor;
        self
    }

    /// Sets which part of the bound is waited, from 0 to 1. A constant is for tests, and for a server's only client.
    /// Default: a new random number for each wait, from the system's source.
    pub fn jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.pace.jitter = Arc::new(jitter);
        self
    }

    /// Sets how long a connection must last to count as a success, which resets the waits. Default: 30 s.
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.pace.stable_after = time;
        self
    }

    /// Sets the longest `Retry-After` that is honoured; a longer one counts as this. Default: 1 h, because a server
    /// must not be able to send its clients away for good.
    pub fn max_retry_after(mut self, time: Duration) -> Self {
        self.pace.max_retry_after = time;
        self
    }

    /// Gives up after this many retries in a row without a stable connection in between. With 0 it never reconnects.
    /// Default: no limit.
    pub fn max_retries(mut self, count: u32) -> Self {
        self.pace.max_retries = count;
        self
    }

    /// Gives up if the next attempt would begin later than this after the first failure in a row. Default: no limit.
    pub fn give_up_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.pace.give_up_after = time.into();
        self
    }

    /// Sets which causes lead to another attempt. Default: [`Disconnect::may_pass`], by this table:
    ///
    /// | cause | retried | final |
    /// |---|---|---|
    /// | the server closed with | 1001, 1006, 1011, 1012, 1013, 1014 | all other codes: the server is done (1000, 1005), would say the same again (1002, 1003, 1007 to 1010), or uses a code that only the application knows (3000 to 4999) |
    /// | the connection | was lost, failed or timed out | ended because the server broke the protocol or exceeded a limit |
    /// | the handshake was refused with | 408, 425, 429, 5xx | every other status, such as 401, 403, 501 and 505 |
    /// | a dial failed | on the name, the address, the proxy, the transport or a timeout | on an invalid request, a certificate, or a response that breaks RFC 6455 |
    /// | a hook | took too long, or failed with an [`Error`](crate::Error) or [`DialError`](crate::DialError) that is retried | failed with any other error |
    ///
    /// If the application closes the connection, this is always final.
    ///
    /// ```
    /// use silverback::{Dialer, Reconnect, reconnect::Disconnect};
    /// // This server's own code for "come back later".
    /// let reconnect = Reconnect::new(Dialer::new(), "wss://example.com/feed").retry_on(|cause| match cause {
    ///     Disconnect::Closed(info) if info.code == 4100 => true,
    ///     cause => cause.may_pass(),
    /// });
    /// ```
    pub fn retry_on(mut self, rule: impl Fn(&Disconnect) -> bool + Send + Sync + 'static) -> Self {
        self.retry_on = Arc::new(rule);
        self
    }

    /// Sets a hook that runs before each attempt and returns the dialer and the URL to use. It can fetch a fresh token,
    /// for example, or choose the next server in a list.
    ///
    /// ```
    /// use silverback::{Dialer, Reconnect};
    /// # async fn fetch_token() -> std::io::Result<String> { Ok(String::new()) }
    /// let reconnect = Reconnect::new(Dialer::new(), "").prepare(|_attempt| async {
    ///     let token = fetch_token().await?;
    ///     Ok::<_, std::io::Error>((Dialer::new().bearer_auth(&token), "wss://example.com/feed".to_owned()))
    /// });
    /// ```
    ///
    /// An error that is neither an [`Error`](crate::Error) nor a [`DialError`](crate::DialError) is final unless
    /// [`retry_on`](Self::retry_on) says otherwise.
    pub fn prepare<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(ReconnectAttempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(Dialer, String), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.prepare = Some(Arc::new(move |attempt| erase(hook(attempt))));
        self
    }

    /// Sets a hook that runs on each new connection before anything else is sent: to log in, to subscribe, or to resume
    /// after the last received message. The hook may also read. The application does not get the messages that the hook
    /// reads. It returns the connection.
    ///
    /// Messages that the hook wrote are never reported as unsent, because the hook will write them again.
    ///
    /// An error that is neither an [`Error`](crate::Error) nor a [`DialError`](crate::DialError) is final unless
    /// [`retry_on`](Self::retry_on) says otherwise.
    pub fn on_connect<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(Conn, ReconnectAttempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Conn, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.on_connect = Some(Arc::new(move |conn, attempt| erase(hook(conn, attempt))));
        self
    }

    /// Sets how long each hook may take. Default: 30 s, so that a server that accepts and then says nothing cannot
    /// block the client forever.
    pub fn hook_timeout(mut self, time: Duration) -> Self {
        self.hook_timeout = time;
        self
    }

    /// Returns the connection. Nothing is spawned and nothing happens yet: it connects and reconnects only while the
    /// application reads or writes.
    pub fn start(self) -> ReconnectingConn {
        ReconnectingConn::new(self)
    }
}
