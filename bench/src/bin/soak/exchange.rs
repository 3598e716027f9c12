//! The state that the two halves of a client share.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use silverback_bench::Failure;
use tokio::sync::Notify;

use crate::material::Message;

/// Shared by the sending and the receiving half.
#[derive(Default)]
pub(crate) struct Exchange {
    /// Messages that were sent, at least in part, and not echoed yet.
    expected: RefCell<VecDeque<Message>>,
    /// Pings without a pong.
    pings: RefCell<VecDeque<Vec<u8>>>,
    /// The newest ping of the service that is not answered yet.
    owed: RefCell<Option<Vec<u8>>>,
    /// Bytes written so far.
    pub(crate) written: Cell<usize>,
    /// Whether the sending half has finished.
    pub(crate) is_said: Cell<bool>,
    /// Whether the flood has filled the connection and may stop.
    pub(crate) is_enough: Cell<bool>,
    news: Notify,
}

impl Exchange {
    pub(crate) fn expect(&self, message: Message) {
        self.expected.borrow_mut().push_back(message);
    }

    /// Returns the message whose echo comes next.
    pub(crate) fn next_expected(&self) -> Option<Message> {
        self.expected.borrow().front().copied()
    }

    /// Notes that this echo has arrived.
    pub(crate) fn came(&self) {
        self.expected.borrow_mut().pop_front();
        self.news.notify_one();
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.expected.borrow().len()
    }

    pub(crate) fn expect_pong(&self, payload: Vec<u8>) {
        self.pings.borrow_mut().push_back(payload);
    }

    /// One pong to the newest ping may answer several pings (RFC 6455, 5.5.3).
    pub(crate) fn pong(&self, payload: &[u8]) -> Result<(), Failure> {
        let mut pings = self.pings.borrow_mut();
        let answered = pings.iter().position(|ping| ping == payload).ok_or("a pong without a ping")?;
        pings.drain(..=answered);
        self.news.notify_one();
        Ok(())
    }

    pub(crate) fn owe_pong(&self, payload: Vec<u8>) {
        *self.owed.borrow_mut() = Some(payload);
        self.news.notify_one();
    }

    pub(crate) fn take_owed(&self) -> Option<Vec<u8>> {
        self.owed.borrow_mut().take()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.outstanding() == 0 && self.pings.borrow().is_empty()
    }

    /// Waits until an echo, a ping or a pong has arrived.
    pub(crate) async fn news(&self) -> Result<(), Failure> {
        self.news.notified().await;
        Ok(())
    }
}
