//! The end of a scenario: the transport works normally and the peer replies at once. After any history, the application
//! finishes without waiting for a deadline, and so does a connection that is dropped.

use std::pin::pin;

use arbitrary::Arbitrary;
use silverback::Message;
use silverback_testkit::{pipe::Plan, poll::CountingWaker};
use std::task::Poll;

use super::{Peer, Stage, turn};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Ending {
    /// The application drops everything.
    Drop,
    /// The application closes.
    Close,
    /// The peer closes.
    PeerCloses,
    /// The transport ends.
    Lost,
}

impl Stage {
    pub(super) async fn finish(mut self, ending: Ending) {
        self.peer.remote.plan_reads(Plan::new());
        self.peer.remote.plan_writes(Plan::new());
        self.peer.remote.limit_capacity(usize::MAX);
        self.begin_to_end(ending);
        self.read_to_end().await;
        self.app.drop_all(&mut self.log);
        let Self { app, peer, log } = &mut self;
        for _ in 0..2 {
            settle(peer, &app.accepted).await;
            if !peer.remote.is_dropped() {
                peer.half_close();
            }
        }
        assert!(peer.remote.is_dropped(), "the transport was not dropped");
        if !log.is_broken {
            assert!(peer.is_between_frames(), "a frame was cut off");
            assert_eq!(peer.received, app.accepted.len(), "an accepted message is missing");
        }
    }

    fn begin_to_end(&mut self, ending: Ending) {
        let Self { app, peer, log } = self;
        match ending {
            Ending::Drop => return app.drop_all(log),
            Ending::Close => match app.writer() {
                Some(writer) => writer.start_close(1000, "").expect("a code that may be sent"),
                None => peer.start_close(1000, ""),
            },
            Ending::PeerCloses => peer.start_close(1000, ""),
            Ending::Lost => {
                peer.write(usize::MAX);
                peer.half_close();
                log.is_broken = true;
            }
        }
        log.is_closing = true;
    }

    /// Polls the reading application only if it was woken, as a runtime does.
    async fn read_to_end(&mut self) {
        let Self { app, peer, log } = self;
        if !app.has_reader() {
            return;
        }
        let accepted = app.accepted.clone();
        let mut messages: Vec<Message> = Vec::new();
        let had_ended = app.inbox.has_ended;
        let outcome = {
            let mut reading = pin!(app.read_to_end(|message| messages.push(message)));
            let waker = CountingWaker::new();
            let mut polled = None;
            let mut quiet = 0;
            loop {
                if polled != Some(waker.count()) {
                    polled = Some(waker.count());
                    if let Poll::Ready(outcome) = waker.poll(reading.as_mut()) {
                        break outcome;
                    }
                }
                turn().await;
                let moves = peer.exchange(&accepted) || polled != Some(waker.count());
                quiet = if moves { 0 } else { quiet + 1 };
                if quiet == 3 {
                    // The peer's last bytes were not a whole frame, or were invalid.
                    assert!(log.is_broken, "the application was not woken");
                    peer.half_close();
                }
                assert!(quiet < 6, "the application was not woken, though its transport has ended");
            }
        };
        assert!(!had_ended || (outcome.is_ok() && messages.is_empty()), "after the end {outcome:?}, {messages:?}");
        for message in &messages {
            app.inbox.note_message(message, peer);
        }
        if log.is_broken {
            return;
        }
        outcome.expect("a clean end");
        assert!(app.inbox.skips || app.inbox.next >= peer.sent.len(), "a message was not read");
    }
}

/// Runs both sides until neither makes progress.
async fn settle(peer: &mut Peer, accepted: &[Message]) {
    let mut quiet = 0;
    while quiet < 3 {
        turn().await;
        quiet = if peer.exchange(accepted) { 0 } else { quiet + 1 };
    }
}
