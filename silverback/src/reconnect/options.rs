//! What can be asked for, with defaults and reasons.

use std::{future::Future, sync::Arc, time::Duration};

use super::{
    Disconnect, Reconnect, ReconnectAttempt, ReconnectingConn,
    backoff::Pace,
    hooks::{BoxError, erase},
};
use crate::{conn::Conn, dial::Dialer};

impl Reconnect {
    /// A connection to the server of this URL, made by this dialer each time.
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

    /// Sets the bound of the first wait. Default 1 s. At least a tenth of it is always waited. Nothing grows from a bound of
    /// 0: then each wait is 1 ms.
    pub fn initial_backoff(mut self, bound: Duration) -> Self {
        self.pace.initial = bound;
        self
    }

    /// Sets the largest bound of a wait, the first one included. Default 30 s: long enough for a server that is down, and a
    /// person still waits for it.
    pub fn max_backoff(mut self, bound: Duration) -> Self {
        self.pace.max = bound;
        self
    }

    /// By how much the bound grows with each failure in a row. Default 2; less than 1 counts as 1.
    pub fn backoff_factor(mut self, factor: f64) -> Self {
        self.pace.factor = factor;
        self
    }

    /// Which part of the bound is waited, from 0 to 1. Default: random, from the system's source, anew each time.
    /// A constant is for tests, and for those who are the only client.
    pub fn jitter(mut self, jitter: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.pace.jitter = Arc::new(jitter);
        self
    }

    /// How long a connection must hold to count as a success, after which waits begin anew. Default 30 s.
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.pace.stable_after = time;
        self
    }

    /// The longest `Retry-After` that is honoured; a longer one counts as this. Default 1 h: a server must not be able
    /// to send its clients away for good.
    pub fn max_retry_after(mut self, time: Duration) -> Self {
        self.pace.max_retry_after = time;
        self
    }

    /// Gives up after this many retries in a row, without a stable connection between. Default: never; 0 does not
    /// connect again at all.
    pub fn max_retries(mut self, count: u32) -> Self {
        self.pace.max_retries = count;
        self
    }

    /// Gives up when the next attempt would begin later than this after the first failure in a row. Default: never.
    pub fn give_up_after(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.pace.give_up_after = time.into();
        self
    }

    /// Which causes are answered with another attempt. Default [`Disconnect::may_pass`]:
    ///
    /// | cause | again | final |
    /// |---|---|---|
    /// | the server closed with | 1001, 1006, 1011, 1012, 1013, 1014 | all others: it is done (1000, 1005), or it would say the same again (1002, 1003, 1007 to 1010); 3000 to 4999 only the application knows |
    /// | the connection | was lost, failed, timed out | broke the protocol or a limit |
    /// | the handshake was refused with | 408, 425, 429, 5xx | everything else, 401 and 403 before all, also 501 and 505 |
    /// | a dial failed | name, address, proxy, transport, time | a request that cannot be, a certificate, an answer against RFC 6455 |
    /// | a hook | took too long, or failed with an [`Error`](crate::Error) or [`DialError`](crate::DialError) that is tried again | failed with an error of its own |
    ///
    /// What the application closes itself is final whatever this says.
    ///
    /// ```
    /// use silverback::{Dialer, Disconnect, Reconnect};
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

    /// Before each attempt: gives the dialer and the URL to use this time, for a token that is fresh or a server that is
    /// the next in a list.
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
    /// An error is final unless [`retry_on`](Self::retry_on) says otherwise.
    pub fn prepare<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(ReconnectAttempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(Dialer, String), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.prepare = Some(Arc::new(move |attempt| erase(hook(attempt))));
        self
    }

    /// On each new connection, before anything else is sent on it: to log in, to subscribe, to resume after what was
    /// received last. It may read, too; what it reads nobody else does. It gives the connection back.
    ///
    /// What it writes is not reported when it is not sent: it will be written again.
    ///
    /// An error of its own is final unless [`retry_on`](Self::retry_on) says otherwise.
    pub fn on_connect<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(Conn, ReconnectAttempt) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Conn, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.on_connect = Some(Arc::new(move |conn, attempt| erase(hook(conn, attempt))));
        self
    }

    /// How long each of the hooks may take. Default 30 s: a server that accepts and then says nothing must not hold us
    /// for ever.
    pub fn hook_timeout(mut self, time: Duration) -> Self {
        self.hook_timeout = time;
        self
    }

    /// The connection. Nothing is spawned and nothing happens yet: it connects, and comes back, while it is read from
    /// or written to.
    pub fn start(self) -> ReconnectingConn {
        ReconnectingConn::new(self)
    }
}
