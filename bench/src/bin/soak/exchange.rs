//! What the two halves of a client tell each other.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use silverback_bench::Failure;
use tokio::sync::Notify;

use crate::material::Message;

/// Between one who speaks and one who listens.
#[derive(Default)]
pub(crate) struct Exchange {
    /// Messages that were sent, or begun, and have not come back.
    expected: RefCell<VecDeque<Message>>,
    /// Pings without an answer.
    pings: RefCell<VecDeque<Vec<u8>>>,
    /// The newest ping of the service that was not answered yet.
    owed: RefCell<Option<Vec<u8>>>,
    /// Bytes that have been written.
    pub(crate) written: Cell<usize>,
    /// Nothing more will be.
    pub(crate) is_said: Cell<bool>,
    /// The flood has done what it was for.
    pub(crate) is_enough: Cell<bool>,
    news: Notify,
}

impl Exchange {
    pub(crate) fn expect(&self, message: Message) {
        self.expected.borrow_mut().push_back(message);
    }

    /// The message that comes next, if any does.
    pub(crate) fn next_expected(&self) -> Option<Message> {
        self.expected.borrow().front().copied()
    }

    /// It has come.
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

    /// Several pings may be answered with one pong, that of the newest (RFC 6455, 5.5.3).
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

    /// Waits until something has come.
    pub(crate) async fn news(&self) -> Result<(), Failure> {
        self.news.notified().await;
        Ok(())
    }
}
