//! The receiving half of a hand-written client: reads frames and checks them against the sent messages.

use std::time::Duration;

use silverback_bench::Failure;
use tokio::{
    io::{AsyncReadExt as _, BufReader},
    net::tcp::ReadHalf,
    time::{Instant, sleep},
};

use crate::{
    deflate::{Agreed, Inflater},
    exchange::Exchange,
    frames::{self, BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT},
    material::Message,
    patiently,
    tally::Counts,
};

pub(crate) struct Listener<'a> {
    input: BufReader<ReadHalf<'a>>,
    exchange: &'a Exchange,
    counts: &'a Counts,
    inflater: Option<Inflater>,
    /// The unfinished message: its first frame, with all payload so far.
    begun: Option<Frame>,
    /// Reading stops after this many more messages.
    pub(crate) stop_after: Option<usize>,
}

impl<'a> Listener<'a> {
    pub(crate) fn new(input: ReadHalf<'a>, exchange: &'a Exchange, agreed: Option<Agreed>, counts: &'a Counts) -> Self {
        let inflater = agreed.map(Inflater::new);
        Self { input: BufReader::new(input), exchange, counts, inflater, begun: None, stop_after: None }
    }

    /// Reads until a Close frame arrives, and returns its payload.
    pub(crate) async fn listen(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if self.begun.is_none() && self.stop_after == Some(0) {
                self.stop_after = None;
                self.stop().await;
            }
            let frame = patiently("a frame", frames::read(&mut self.input)).await?;
            match frame.opcode {
                TEXT | BINARY | CONTINUATION => self.join(frame)?,
                PING => self.exchange.owe_pong(frame.payload),
                PONG => {
                    self.exchange.pong(&frame.payload)?;
                    self.counts.pings.add(1);
                }
                CLOSE => return Ok(frame.payload),
                other => return Err(format!("a frame with opcode {other}").into()),
            }
        }
    }

    /// Checks that the service closes TCP after its Close frame, without a reset.
    pub(crate) async fn expect_end(&mut self) -> Result<(), Failure> {
        match patiently("the end", self.input.read(&mut [0])).await? {
            0 => Ok(()),
            _ => Err("something came after a Close frame".into()),
        }
    }

    /// Stops reading until the other half cannot write any more, and a little longer, but less than the service's stall
    /// timeout.
    async fn stop(&self) {
        let latest = Instant::now() + LONGEST_STOP;
        let mut before = None;
        while before != Some(self.exchange.written.get()) && Instant::now() < latest {
            before = Some(self.exchange.written.get());
            sleep(STANDSTILL).await;
        }
        if before == Some(self.exchange.written.get()) && !self.exchange.is_said.get() {
            self.counts.stops.add(1);
            sleep(STANDSTILL).await;
        }
        self.exchange.is_enough.set(true);
    }

    fn join(&mut self, frame: Frame) -> Result<(), Failure> {
        let message = match (self.begun.take(), frame.opcode == CONTINUATION) {
            (None, false) => frame,
            (Some(mut begun), true) if !frame.is_compressed => {
                begun.payload.extend(frame.payload);
                begun.is_final = frame.is_final;
                begun
            }
            _ => return Err("fragments out of order".into()),
        };
        if message.is_final {
            return self.compare(message);
        }
        self.begun = Some(message);
        Ok(())
    }

    fn compare(&mut self, message: Frame) -> Result<(), Failure> {
        let expected = self.exchange.next_expected().ok_or("an echo of a message that was not sent")?;
        let payload = match (message.is_compressed, &mut self.inflater) {
            (false, _) => message.payload,
            (true, Some(inflater)) => inflater.inflate(message.payload, expected.as_bytes().len())?,
            (true, None) => return Err("compressed, but compression was not negotiated".into()),
        };
        if (message.opcode == TEXT) != matches!(expected, Message::Text(_)) {
            return Err("text came back as binary, or the other way round".into());
        }
        if payload != expected.as_bytes() {
            return Err(difference(&payload, expected.as_bytes()).into());
        }
        self.counts.messages.add(1);
        self.counts.bytes.add(payload.len());
        self.stop_after = self.stop_after.map(|count| count - 1);
        self.exchange.came();
        Ok(())
    }
}

pub(crate) fn difference(payload: &[u8], expected: &[u8]) -> String {
    let same = payload.iter().zip(expected).take_while(|(one, other)| one == other).count();
    format!("an echo of {} B in place of {} B, the same up to {same}", payload.len(), expected.len())
}

/// After this time without progress, writing counts as stopped.
const STANDSTILL: Duration = Duration::from_millis(500);
/// The service waits twice as long for room before it closes the connection.
const LONGEST_STOP: Duration = Duration::from_secs(15);
