//! The connections: subscribers and the publisher, in one epoll loop.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read as _, Write as _},
    mem::MaybeUninit,
    net::TcpStream,
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
    net::{AddressFamily, SocketType, connect, ipproto, socket, sockopt},
};
use silverback_bench::Failure;

use crate::{
    messages::Markers,
    options::Options,
    protocol::{Protocol, Step},
    wire::{CLOSE, Frame, PING, PONG, inflate, push_frame, read_some, shake_hands},
};

/// All connections of a run.
pub struct Subscribers {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    publisher: TcpStream,
    unsent: Vec<u8>,
    published: u64,
    received: u64,
    buffer: Vec<u8>,
    reading: Reading,
}

struct Connection {
    stream: TcpStream,
    /// The number that the next message must have.
    next: u64,
    /// The beginning of a frame whose rest has not arrived.
    partial: Vec<u8>,
    /// The beginning of a marker whose rest comes with the next part of the stream.
    carried: Vec<u8>,
    /// Compressed messages since the last mark.
    compressed: usize,
    end: Option<End>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Closed(u16),
    Lost,
}

/// The state that reading needs beside the connection.
struct Reading {
    protocol: Protocol,
    markers: Markers,
    /// Messages that arrived twice, in the wrong order or after a hole.
    faults: u64,
    /// Compressed messages, which are the same for all subscribers, and the numbers in them.
    inflated: Vec<(Vec<u8>, Vec<u64>)>,
}

impl Subscribers {
    pub fn open(options: &Options, count: usize) -> Result<Self, Failure> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let connections = open_all(options, count)?;
        for (number, connection) in connections.iter().enumerate() {
            epoll::add(&epoll, &connection.stream, EventData::new_u64(number as u64), EventFlags::IN)?;
        }
        let (publisher, _) = open(options, &options.publish_path, options.protocol.publisher(), false)?;
        epoll::add(&epoll, &publisher, EventData::new_u64(PUBLISHER), EventFlags::IN)?;
        let reading = Reading { protocol: options.protocol, markers: Markers::new(), faults: 0, inflated: Vec::new() };
        Ok(Self {
            epoll,
            connections,
            publisher,
            unsent: Vec::new(),
            published: 0,
            received: 0,
            buffer: vec![0; 512 * 1024],
            reading,
        })
    }

    /// Messages that arrived twice, in the wrong order or after a hole, and connections that ended.
    pub fn faults(&self) -> u64 {
        self.reading.faults + self.connections.iter().filter(|connection| connection.end.is_some()).count() as u64
    }

    /// Bytes that all subscribers have received.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The number of the next message. The first is 1.
    pub fn next_number(&mut self) -> u64 {
        self.published += 1;
        self.published
    }

    /// Sends frames as the publisher.
    pub fn publish(&mut self, frames: &[u8]) -> Result<(), Failure> {
        self.unsent.extend_from_slice(frames);
        self.send_unsent()
    }

    fn send_unsent(&mut self) -> Result<(), Failure> {
        while !self.unsent.is_empty() {
            match self.publisher.write(&self.unsent) {
                Ok(sent) => _ = self.unsent.drain(..sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Forgets the compressed messages so far: from now on, all subscribers get the same ones again.
    pub fn mark(&mut self) {
        self.reading.inflated.clear();
        self.connections.iter_mut().for_each(|connection| connection.compressed = 0);
    }

    /// Reads what arrives within some time, and ignores it.
    pub fn pump_for(&mut self, time: Duration) -> Result<(), Failure> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.pump(left.min(Duration::from_millis(50)), |_, _, _| ())?;
        }
        Ok(())
    }

    /// Waits until something arrives or the time is over, and calls `arrived` with each subscriber's place, the number of
    /// a message, and the time.
    pub fn pump(&mut self, limit: Duration, mut arrived: impl FnMut(usize, u64, Instant)) -> Result<(), Failure> {
        self.send_unsent()?;
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 1024];
        let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
        let Ok((ready, _)) = epoll::wait(&self.epoll, &mut events[..], Some(&limit)) else { return Ok(()) };
        for event in ready.iter() {
            if event.data.u64() == PUBLISHER {
                self.read_as_publisher()?;
                continue;
            }
            let place = event.data.u64() as usize;
            let connection = &mut self.connections[place];
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => connection.end = connection.end.or(Some(End::Lost)),
                Ok(taken) => {
                    let now = Instant::now();
                    self.received += taken as u64;
                    let each = |number| arrived(place, number, now);
                    self.reading.take(connection, &self.buffer[..taken], each)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => connection.end = connection.end.or(Some(End::Lost)),
            }
            if connection.end.is_some() {
                // It may have been removed already.
                let _ = epoll::delete(&self.epoll, &connection.stream);
            }
        }
        Ok(())
    }

    /// The publisher reads replies and pings, and may get its own messages.
    fn read_as_publisher(&mut self) -> Result<(), Failure> {
        match self.publisher.read(&mut self.buffer) {
            Ok(0) => Err("the server closed the publisher's connection".into()),
            Ok(taken) => {
                // Frames that were cut are not looked for: a ping comes alone.
                if let Some(pong) =
                    Frame::parse(&self.buffer[..taken]).and_then(|frame| pong(self.reading.protocol, &frame))
                {
                    self.publish(&pong)?;
                }
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The last `count` subscribers read no more.
    pub fn stop(&mut self, count: usize) -> Result<(), Failure> {
        let first = self.connections.len() - count;
        for connection in &self.connections[first..] {
            epoll::delete(&self.epoll, &connection.stream)?;
        }
        Ok(())
    }

    /// Those that stopped read everything that they were sent. Returns how many connections ended in which way; those
    /// that are still open have `None`.
    pub fn resume(&mut self, count: usize) -> Result<BTreeMap<Option<End>, usize>, Failure> {
        let first = self.connections.len() - count;
        for (place, connection) in self.connections.iter().enumerate().skip(first) {
            epoll::add(&self.epoll, &connection.stream, EventData::new_u64(place as u64), EventFlags::IN)?;
        }
        // A policy may have dropped messages for them.
        let faults = self.reading.faults;
        self.pump_for(RESUME)?;
        self.reading.faults = faults;
        let mut ends = BTreeMap::new();
        for connection in &self.connections[first..] {
            *ends.entry(connection.end).or_default() += 1;
        }
        Ok(ends)
    }

    /// Subscribers among the first `count` that have ended.
    pub fn ended(&self, count: usize) -> usize {
        self.connections[..count].iter().filter(|connection| connection.end.is_some()).count()
    }
}

impl Reading {
    /// Takes bytes of a connection.
    fn take(&mut self, connection: &mut Connection, bytes: &[u8], mut arrived: impl FnMut(u64)) -> Result<(), Failure> {
        let mut joined = Vec::new();
        let mut rest = bytes;
        if !connection.partial.is_empty() {
            joined = std::mem::take(&mut connection.partial);
            joined.extend_from_slice(bytes);
            rest = &joined;
        }
        while let Some(frame) = Frame::parse(rest) {
            rest = &rest[frame.len..];
            self.frame(connection, &frame, &mut arrived)?;
        }
        if joined.is_empty() || !rest.is_empty() {
            connection.partial.extend_from_slice(rest);
        }
        Ok(())
    }

    fn frame(
        &mut self,
        connection: &mut Connection,
        frame: &Frame<'_>,
        arrived: &mut impl FnMut(u64),
    ) -> Result<(), Failure> {
        if frame.opcode == CLOSE {
            let code = frame.payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
            connection.end = Some(End::Closed(code));
            return Ok(());
        }
        if let Some(pong) = pong(self.protocol, frame) {
            connection.stream.write_all(&pong)?;
            return Ok(());
        }
        let next = &mut connection.next;
        let mut check = |faults: &mut u64, number: u64| {
            // The first message that it gets may have any number.
            *faults += u64::from(*next != 0 && number != *next);
            *next = number + 1;
            arrived(number);
        };
        if frame.is_compressed {
            let place = self.place_of(connection.compressed, frame.payload)?;
            connection.compressed += 1;
            let Self { inflated, faults, .. } = self;
            inflated[place].1.iter().for_each(|number| check(faults, *number));
            return Ok(());
        }
        let Self { markers, faults, protocol, .. } = self;
        let joined;
        let mut payload = frame.payload;
        if !connection.carried.is_empty() {
            joined = [&std::mem::take(&mut connection.carried), payload].concat();
            payload = &joined;
        }
        let done = markers.each(payload, |number| check(faults, number));
        if protocol.is_stream() {
            connection.carried.extend_from_slice(Markers::begun(payload, done));
        }
        Ok(())
    }

    /// Finds a compressed message among those that were inflated. It is almost always the one at the same place.
    fn place_of(&mut self, place: usize, payload: &[u8]) -> Result<usize, Failure> {
        if self.inflated.get(place).is_some_and(|(known, _)| known == payload) {
            return Ok(place);
        }
        if let Some(place) = self.inflated.iter().position(|(known, _)| known == payload) {
            return Ok(place);
        }
        let bytes = inflate(payload)?;
        let mut numbers = Vec::new();
        let done = self.markers.each(&bytes, |number| numbers.push(number));
        if !Markers::begun(&bytes, done).is_empty() {
            return Err("a compressed message ends within a marker".into());
        }
        self.inflated.push((payload.to_vec(), numbers));
        Ok(self.inflated.len() - 1)
    }
}

/// The answer to a ping of WebSocket, or of the protocol.
fn pong(protocol: Protocol, frame: &Frame<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if frame.opcode == PING {
        push_frame(&mut bytes, PONG, frame.payload);
    } else if frame.payload.len() <= LONGEST_PING {
        push_frame(&mut bytes, protocol.opcode(), protocol.pong(frame.payload)?);
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// Opens connections on many threads, because some servers answer each step with a delay.
fn open_all(options: &Options, count: usize) -> Result<Vec<Connection>, Failure> {
    let open_one = |number: usize| {
        let will_stop = number + options.stopped >= count;
        let steps = [options.protocol.hello(number), options.protocol.subscribe()].concat();
        let (stream, partial) = open(options, &options.path, steps, will_stop)?;
        Ok(Connection { stream, next: 0, partial, carried: Vec::new(), compressed: 0, end: None })
    };
    let open_some = |first: usize| (first..count).step_by(OPENERS).map(open_one).collect::<Result<Vec<_>, Failure>>();
    let opened = thread::scope(|scope| {
        let openers: Vec<_> = (0..OPENERS).map(|first| scope.spawn(move || open_some(first))).collect();
        openers.into_iter().map(|opener| opener.join().expect("opening does not panic")).collect::<Result<Vec<_>, _>>()
    })?;
    let mut opened: Vec<_> = opened.into_iter().map(Vec::into_iter).collect();
    Ok((0..count).filter_map(|number| opened[number % OPENERS].next()).collect())
}

/// Connects and takes the steps. Returns the bytes that came after the last answer.
fn open(options: &Options, path: &str, steps: Vec<Step>, will_stop: bool) -> Result<(TcpStream, Vec<u8>), Failure> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::TCP))?;
    if will_stop {
        // Otherwise the kernel takes megabytes for it before the server notices.
        sockopt::set_socket_recv_buffer_size(&socket, STOPPED_BUFFER)?;
    }
    connect(&socket, &options.address)?;
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(OPEN_LIMIT))?;
    // Ports are free again at once.
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    let mut rest = shake_hands(&mut stream, path, options.protocol.subprotocol(), options.compress)?;
    for (sent, answer) in steps {
        let mut frame = Vec::new();
        push_frame(&mut frame, options.protocol.opcode(), &sent);
        stream.write_all(&frame)?;
        while !drain_until(&mut rest, answer)? {
            read_some(&mut stream, &mut rest)?;
        }
    }
    stream.set_read_timeout(None)?;
    stream.set_nonblocking(true)?;
    Ok((stream, rest))
}

/// Removes frames up to the one that contains `answer`. `false` if it has not arrived.
fn drain_until(bytes: &mut Vec<u8>, answer: &[u8]) -> Result<bool, Failure> {
    let mut done = 0;
    let mut is_found = false;
    while let Some(frame) = Frame::parse(&bytes[done..]).filter(|_| !is_found) {
        if frame.opcode == CLOSE {
            return Err(format!("the server closed with {:?}", frame.payload).into());
        }
        let payload = if frame.is_compressed { inflate(frame.payload)? } else { frame.payload.to_vec() };
        is_found = memchr::memmem::find(&payload, answer).is_some();
        done += frame.len;
    }
    bytes.drain(..done);
    Ok(is_found)
}

const PUBLISHER: u64 = u64::MAX;
const OPENERS: usize = 128;
const OPEN_LIMIT: Duration = Duration::from_secs(20);
const STOPPED_BUFFER: usize = 64 * 1024;
const RESUME: Duration = Duration::from_secs(3);
const LONGEST_PING: usize = 6;
