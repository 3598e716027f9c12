//! One action of an application, its peer, the transport or the clock.

use std::time::Duration;

use arbitrary::Arbitrary;
use silverback::Message;
use silverback_testkit::wire::{CLIENT_KEY, frame};

use super::{Stage, transport::Calls, turn};
use crate::data::{Data, Len};

#[derive(Arbitrary, Debug)]
pub(super) enum Op {
    /// Runs the other tasks.
    Turn,
    Read {
        way: ReadWay,
        polls: u8,
    },
    Write {
        way: WriteWay,
        is_text: bool,
        data: Data,
        polls: u8,
    },
    Flush {
        polls: u8,
    },
    OpenStream {
        is_text: bool,
        polls: u8,
    },
    WriteStream {
        data: Data,
        polls: u8,
    },
    FlushStream {
        polls: u8,
    },
    FinishStream {
        polls: u8,
        shuts_down: bool,
    },
    DropStream,
    Ping {
        payload: Vec<u8>,
        is_pong: bool,
    },
    Close {
        code: u16,
        reason: String,
        polls: u8,
    },
    Split,
    DropWriter,
    DropReader,
    PeerSends {
        data: Data,
        is_text: bool,
        way: u8,
    },
    PeerSendsFragment {
        data: Data,
        is_text: bool,
        is_final: bool,
    },
    PeerPings {
        payload: Vec<u8>,
        is_pong: bool,
    },
    PeerCloses {
        code: u16,
        reason: String,
    },
    PeerWrites {
        most: Len,
    },
    PeerReads,
    Garbage(Vec<u8>),
    GarbageFrame {
        fin: bool,
        opcode: u8,
        reserved: u8,
        is_masked: bool,
        payload: Vec<u8>,
        declared: Option<u64>,
    },
    PlanReads(Calls),
    PlanWrites(Calls),
    LimitCapacity(Len),
    WakeForNothing,
    PeerHalfCloses,
    PeerDisappears {
        resets: bool,
    },
    Pass {
        tenths: u8,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum ReadWay {
    Owned,
    Borrowed,
    Event,
    Streamed { most: u16 },
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(super) enum WriteWay {
    Owned,
    Borrowed,
    Uncompressed,
    Prepared,
    Now,
    Sink,
}

impl Stage {
    pub(super) async fn play(&mut self, op: &Op) {
        match op {
            Op::Turn => turn().await,
            Op::Pass { tenths } => self.pass(*tenths).await,
            Op::Read { .. }
            | Op::Write { .. }
            | Op::Flush { .. }
            | Op::OpenStream { .. }
            | Op::WriteStream { .. }
            | Op::FlushStream { .. }
            | Op::FinishStream { .. }
            | Op::Close { .. } => self.play_app(op).await,
            Op::Ping { payload, is_pong } => self.app.ping(payload, *is_pong, &self.log),
            Op::DropStream => self.app.drop_stream(&mut self.log),
            Op::Split => self.app.split(),
            Op::DropWriter => self.app.drop_writer(),
            Op::DropReader => self.app.drop_reader(),
            _ => self.play_outside(op),
        }
    }

    async fn play_app(&mut self, op: &Op) {
        let Self { app, peer, log } = self;
        match op {
            Op::Read { way, polls } => app.read(*way, *polls, peer, log).await,
            Op::Write { way, is_text, data, polls } => {
                app.write(message(data, *is_text), *way, *polls, peer, log).await;
            }
            Op::Flush { polls } => app.flush(*polls, peer, log).await,
            Op::OpenStream { is_text, polls } => app.open_stream(*is_text, *polls, peer, log).await,
            Op::WriteStream { data, polls } => app.write_stream(data.bytes(MOST), *polls, peer, log).await,
            Op::FlushStream { polls } => app.flush_stream(*polls, peer, log).await,
            Op::FinishStream { polls, shuts_down } => app.finish_stream(*polls, *shuts_down, peer, log).await,
            Op::Close { code, reason, polls } => app.close(*code, reason, *polls, peer, log).await,
            _ => {}
        }
    }

    fn play_outside(&mut self, op: &Op) {
        let Self { app, peer, log } = self;
        match op {
            Op::PeerSends { data, is_text, way } => peer.send(message(data, *is_text), *way),
            Op::PeerSendsFragment { data, is_text, is_final } => {
                let mut payload = data.bytes(MOST);
                // ASCII is valid text at every cut.
                payload.iter_mut().for_each(|byte| *byte &= 0x7F);
                peer.send_fragment(&payload, *is_text, *is_final);
            }
            Op::PeerPings { payload, is_pong } => peer.ping(payload, *is_pong),
            Op::PeerCloses { code, reason } => {
                log.is_closing = true;
                peer.start_close(*code, reason);
            }
            Op::PeerWrites { most } => _ = peer.write(most.get()),
            Op::PeerReads => _ = peer.read(&app.accepted),
            Op::Garbage(bytes) => self.send_garbage(bytes),
            Op::GarbageFrame { fin, opcode, reserved, is_masked, payload, declared } => {
                let mut frame = frame(opcode & 0xF, payload);
                (frame.fin, frame.declared_len) = (*fin, *declared);
                (frame.rsv1, frame.rsv2, frame.rsv3) = (*reserved == 1, *reserved == 2, *reserved == 3);
                frame.mask = is_masked.then_some(CLIENT_KEY);
                self.send_garbage(&frame.encode());
            }
            Op::PlanReads(calls) => {
                log.is_broken |= calls.break_something();
                peer.remote.plan_reads(calls.plan());
            }
            Op::PlanWrites(calls) => {
                log.is_broken |= calls.break_something();
                peer.remote.plan_writes(calls.plan());
            }
            Op::LimitCapacity(bytes) => peer.remote.limit_capacity(1 + bytes.get()),
            Op::WakeForNothing => peer.remote.wake_for_nothing(),
            Op::PeerHalfCloses => {
                log.is_broken = true;
                peer.half_close();
            }
            Op::PeerDisappears { resets } => {
                log.is_broken = true;
                if *resets {
                    peer.remote.reset();
                } else {
                    peer.remote.close();
                }
            }
            _ => {}
        }
    }

    fn send_garbage(&mut self, bytes: &[u8]) {
        self.log.is_broken = true;
        self.peer.send_raw(bytes);
        self.app.inbox.trusted.get_or_insert(self.peer.sent.len());
    }

    async fn pass(&mut self, tenths: u8) {
        let passed = u64::from(tenths) * 100;
        self.log.passed += passed;
        self.log.is_broken |= self.log.passed >= SHORTEST_BUDGET;
        tokio::time::advance(Duration::from_millis(passed)).await;
        turn().await;
    }
}

fn message(data: &Data, is_text: bool) -> Message {
    if is_text { data.text(MOST).into() } else { data.bytes(MOST).into() }
}

/// The largest message or piece of one, in bytes.
const MOST: usize = 20_000;

/// Milliseconds of the close timeout, the first deadline that can expire.
const SHORTEST_BUDGET: u64 = 5_000;
