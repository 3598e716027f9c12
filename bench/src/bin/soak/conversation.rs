//! A hand-written client from handshake to close, and its sending half.

use std::{net::SocketAddr, pin::pin, time::Duration};

use silverback_bench::Failure;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpStream, tcp::WriteHalf},
    select,
    task::yield_now,
    time::sleep,
};

use crate::{
    connect,
    deflate::{Agreed, Deflater, Offer},
    exchange::Exchange,
    frames::{self, BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, RSV1, TEXT},
    handshake::Request,
    listening::Listener,
    material::{Message, Script},
    patiently,
    random::Random,
    tally::{Counts, Kind},
};

/// Sends its script, checks the echoes, and closes.
pub(crate) async fn converse(
    server: SocketAddr,
    kind: Kind,
    random: &mut Random,
    counts: &Counts,
) -> Result<(), Failure> {
    let is_slow = kind == Kind::Slow;
    let is_compressed = kind == Kind::Compressed || is_slow && random.chance(50);
    let (mut stream, agreed) = open(server, is_compressed, is_slow.then_some(SMALL_BUFFER), random).await?;
    let (input, output) = stream.split();
    let exchange = Exchange::default();
    let mut listener = Listener::new(input, &exchange, agreed, counts);
    let (script, in_flight) = match is_slow {
        true => (Script::flood(random), usize::MAX),
        false => (Script::new(random), random.one_of(&[1, 8, 64])),
    };
    listener.stop_after = is_slow.then(|| random.below(8));
    let close = random.one_of(&CLOSE_CODES).map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
    let mut speaker = Speaker::new(output, &exchange, agreed, in_flight, counts, random);
    let answer = speak_and_listen(&mut speaker, &mut listener, script, &close).await?;
    if answer != close || exchange.outstanding() > 0 {
        return Err(format!("{} messages were not echoed, {}", exchange.outstanding(), outcome(Ok(answer))).into());
    }
    listener.expect_end().await
}

/// Runs both halves at the same time. Returns the payload of the service's Close frame.
async fn speak_and_listen(
    speaker: &mut Speaker<'_>,
    listener: &mut Listener<'_>,
    script: Script,
    close: &[u8],
) -> Result<Vec<u8>, Failure> {
    let mut listening = pin!(listener.listen());
    select! {
        biased;
        said = speaker.say_all_and_close(script, close) => match (said, listening.await) {
            (Ok(()), heard) => heard,
            (Err(failure), heard) => Err(format!("{failure}, and {}", outcome(heard)).into()),
        },
        heard = listening.as_mut() => Err(outcome(heard).into()),
    }
}

/// Describes how the service ended, for people.
fn outcome(heard: Result<Vec<u8>, Failure>) -> String {
    match heard {
        Ok(close) => format!("the service closed: {}", close.escape_ascii()),
        Err(failure) => failure.to_string(),
    }
}

/// A connection that has completed its handshake.
pub(crate) async fn open(
    server: SocketAddr,
    is_compressed: bool,
    receive_buffer: Option<u32>,
    random: &mut Random,
) -> Result<(TcpStream, Option<Agreed>), Failure> {
    let mut stream = connect(server, receive_buffer).await?;
    let agreed = Request::new(server, is_compressed.then(|| Offer::new(random))).perform(&mut stream).await?;
    Ok((stream, agreed))
}

pub(crate) struct Speaker<'a> {
    output: WriteHalf<'a>,
    exchange: &'a Exchange,
    deflater: Option<Deflater>,
    /// The number of messages that may be in flight.
    in_flight: usize,
    counts: &'a Counts,
    random: &'a mut Random,
    /// Frames that are not written yet.
    out: Vec<u8>,
}

impl<'a> Speaker<'a> {
    pub(crate) fn new(
        output: WriteHalf<'a>,
        exchange: &'a Exchange,
        agreed: Option<Agreed>,
        in_flight: usize,
        counts: &'a Counts,
        random: &'a mut Random,
    ) -> Self {
        let deflater = agreed.map(|agreed| Deflater::new(agreed, 1 + random.below(6) as u32));
        Self { output, exchange, deflater, in_flight, counts, random, out: Vec::new() }
    }

    async fn say_all_and_close(&mut self, script: Script, close: &[u8]) -> Result<(), Failure> {
        self.say_all(script).await?;
        // Half of the clients wait for all echoes first. The service must echo the messages in front of a Close frame
        // in any case.
        if self.random.chance(50) {
            self.settle().await?;
        }
        self.frame(FINAL | CLOSE, close);
        self.flush().await?;
        self.exchange.is_said.set(true);
        Ok(())
    }

    pub(crate) async fn say_all(&mut self, mut script: Script) -> Result<(), Failure> {
        while !self.exchange.is_enough.get() {
            let Some(message) = script.next(self.random) else { break };
            self.wait_while(|exchange, in_flight| exchange.outstanding() >= in_flight).await?;
            self.exchange.expect(message);
            self.message(message)?;
            if self.out.len() > MOST_AT_ONCE || self.random.chance(50) {
                self.flush().await?;
                // Compressing takes long, so the other clients get a turn.
                yield_now().await;
            }
            if self.is_leisurely() && self.random.chance(2) {
                sleep(Duration::from_millis(self.random.below(50) as u64)).await;
            }
        }
        self.flush().await
    }

    /// Waits until all echoes have arrived.
    pub(crate) async fn settle(&mut self) -> Result<(), Failure> {
        self.wait_while(|exchange, _| !exchange.is_settled()).await
    }

    /// Queues a message without waiting for its echo. Returns the bytes that would have to be written.
    pub(crate) fn last_words(&mut self, message: Message) -> Result<Vec<u8>, Failure> {
        self.message(message)?;
        Ok(std::mem::take(&mut self.out))
    }

    async fn wait_while(&mut self, is_early: fn(&Exchange, usize) -> bool) -> Result<(), Failure> {
        while is_early(self.exchange, self.in_flight) {
            self.answer_ping();
            self.flush().await?;
            patiently("an answer", self.exchange.news()).await?;
        }
        self.answer_ping();
        Ok(())
    }

    /// Whether this client makes pauses. A flood makes none.
    fn is_leisurely(&self) -> bool {
        self.in_flight < usize::MAX
    }

    fn answer_ping(&mut self) {
        if let Some(payload) = self.exchange.take_owed() {
            self.frame(FINAL | PONG, &payload);
        }
    }

    /// Sends a message in one frame or several, with control frames in between.
    fn message(&mut self, message: Message) -> Result<(), Failure> {
        let compressed = match &mut self.deflater {
            Some(deflater) if self.random.chance(80) => Some(deflater.deflate(message.as_bytes())?),
            _ => None,
        };
        let mark = if compressed.is_some() { RSV1 } else { 0 };
        let mut first = mark | if matches!(message, Message::Text(_)) { TEXT } else { BINARY };
        let mut rest = compressed.as_deref().unwrap_or(message.as_bytes());
        let more = self.random.one_of(&[0, 0, 0, 1, 2, 7]);
        for _ in 0..more {
            let (piece, after) = rest.split_at(self.random.below(rest.len() + 1));
            self.frame(first, piece);
            self.maybe_control();
            (first, rest) = (CONTINUATION, after);
        }
        self.frame(FINAL | first, rest);
        self.maybe_control();
        if more > 0 {
            self.counts.fragments.add(more + 1);
        }
        Ok(())
    }

    /// Sends a ping, or an unsolicited pong (RFC 6455, 5.5.3).
    fn maybe_control(&mut self) {
        let length = self.random.below(126);
        let payload = self.random.bytes(length);
        match self.random.below(20) {
            0 => {
                self.frame(FINAL | PING, &payload);
                self.exchange.expect_pong(payload);
            }
            1 => self.frame(FINAL | PONG, &payload),
            _ => {}
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        frames::encode(first, (self.random.next() as u32).to_be_bytes(), payload, &mut self.out);
    }

    /// Writes the queued frames, sometimes in two pieces with a pause.
    async fn flush(&mut self) -> Result<(), Failure> {
        let out = std::mem::take(&mut self.out);
        let cut = if self.is_leisurely() && self.random.chance(10) { self.random.below(out.len().max(1)) } else { 0 };
        let (first, second) = out.split_at(cut);
        self.write(first).await?;
        if !first.is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        self.write(second).await
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let count = patiently("room to write", self.output.write(bytes)).await?;
            self.exchange.written.update(|written| written + count);
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

/// No code, or one that a client may use (RFC 6455, 7.4).
const CLOSE_CODES: [Option<u16>; 5] = [None, Some(1000), Some(1001), Some(3000), Some(4999)];
const MOST_AT_ONCE: usize = 256 * 1024;
const SMALL_BUFFER: u32 = 64 * 1024;
