//! The open connections of a worker, so that a shutdown can close all and wait for their ends.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZero,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use silverback::{CloseCode, Writer, proto::handshake::Rejection};
use tokio::sync::Notify;

use super::{
    accept_rate::AcceptRate,
    monitor::{Monitor, record::Record},
};

/// The connections of a worker, from the first byte of the request to the end of the WebSocket.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    state: Mutex<State>,
    changed: Notify,
    places: Arc<Places>,
}

/// The number of connections over all workers, and its limit.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    /// The WebSockets from each address, if their number is limited.
    by_address: Option<Arc<ByAddress>>,
    /// How many WebSockets may open in a second, if that is limited.
    rate: Option<AcceptRate>,
    /// The WebSockets, from the decision to accept them. Other connections do not count: those that will be refused must
    /// not take the places of those that fit.
    taken: AtomicUsize,
    /// All connections, as [`OpenConnections`] counts them.
    connections: AtomicUsize,
    /// The handshakes of QUIC, whose clients may have invented their addresses. They are no connections yet, so they take
    /// no room from clients over TCP.
    handshakes: AtomicUsize,
    /// Whether the server takes no more WebSockets, because it is about to end.
    is_draining: AtomicBool,
    /// The last WebSocket of a server that drains has ended.
    emptied: Notify,
    pub(crate) monitor: Monitor,
}

/// A handshake of QUIC in progress.
#[derive(Debug)]
pub(crate) struct QuicHandshake(Arc<Places>);

/// The place of a WebSocket that is not open yet. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Option<(Arc<Places>, Option<AddressPlace>)>,
    /// What an operator wants to know about the WebSocket, if there is an operator.
    pub(crate) record: Option<Box<Record>>,
}

/// The limit that leaves no place for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// That of the server.
    Server,
    /// That of the client's address.
    Address,
}

impl Full {
    pub(crate) fn rejection(self) -> Rejection {
        Rejection::Overloaded { retry_after: RETRY_AFTER }
    }
}

/// Counts the WebSockets from each address.
#[derive(Debug)]
struct ByAddress {
    most: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of a WebSocket among those of its address.
#[derive(Debug)]
struct AddressPlace(Box<(Arc<ByAddress>, IpAddr)>);

impl ByAddress {
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let network = network(address);
        let mut counts = self.lock();
        let count = counts.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(AddressPlace(Box::new((self.clone(), network))))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let (by_address, network) = &*self.0;
        let mut counts = by_address.lock();
        if let Some(count) = counts.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(network);
            }
        }
    }
}

/// One customer has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

impl Places {
    pub(crate) fn new(most: usize, monitor: Monitor) -> Self {
        Self {
            most,
            by_address: None,
            rate: None,
            taken: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            is_draining: AtomicBool::new(false),
            emptied: Notify::new(),
            monitor,
        }
    }

    /// Limits the WebSockets from each address. Zero is no limit.
    pub(crate) fn most_from_each_address(mut self, most: usize) -> Self {
        self.by_address = (most > 0).then(|| Arc::new(ByAddress { most, counts: Mutex::default() }));
        self
    }

    /// Limits how many WebSockets may open in a second.
    pub(crate) fn most_in_a_second(mut self, most: Option<NonZero<u32>>) -> Self {
        self.rate = most.map(|most| AcceptRate::new(most, Instant::now()));
        self
    }

    /// Counts a WebSocket that is about to open. Returns after what time its client should try again, if too many have
    /// opened in this second.
    pub(crate) fn keep_rate(&self) -> Result<(), Duration> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.take(Instant::now()))
    }

    /// Lets no more WebSockets in.
    pub(crate) fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Returns after what time a client should try again, if no more WebSockets are let in.
    pub(crate) fn draining(&self) -> Option<Duration> {
        self.is_draining.load(Ordering::SeqCst).then_some(RETRY_AFTER)
    }

    /// Completes once no WebSocket is left. Only for a server that drains.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.taken.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Takes a place for a WebSocket from this address, or refuses it. Unix sockets have no address.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        let of_address = match (&self.by_address, address) {
            (Some(by_address), Some(address)) => Some(by_address.take(address).ok_or(Full::Address)?),
            _ => None,
        };
        let one_more = |taken| (taken < self.most).then_some(taken + 1);
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.map(|_| Place { places: Some((self.clone(), of_address)), record: None }).map_err(|_| Full::Server)
    }

    /// Returns how many WebSockets there are, and how many there may be.
    pub(crate) fn taken(&self) -> (usize, usize) {
        (self.taken.load(Ordering::Relaxed), self.most)
    }

    fn give_back(&self) {
        let was = self.taken.fetch_sub(1, Ordering::SeqCst);
        if was == 1 && self.is_draining.load(Ordering::SeqCst) {
            self.emptied.notify_waiters();
        }
    }

    /// Whether there is room to answer a connection, even if only with a refusal.
    fn has_room(&self) -> bool {
        self.connections.load(Ordering::Relaxed) < self.most_connections()
    }

    fn most_connections(&self) -> usize {
        self.most.saturating_add(TURNED_AWAY_AT_ONCE)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((places, _)) = self.places.take() {
            places.give_back();
        }
    }
}

impl Drop for QuicHandshake {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new(usize::MAX, Monitor::default())
    }
}

#[derive(Debug, Default)]
struct State {
    is_closing: bool,
    has_reclaimer: bool,
    count: usize,
    /// How many more times the reclaimer runs without connections. The allocator returns memory one round after it was
    /// freed.
    looks_left: u8,
    is_draining: bool,
    /// Each WebSocket. `free` has the indexes of the empty entries.
    seats: Vec<Option<Seat>>,
    free: Vec<u32>,
}

/// A WebSocket.
#[derive(Debug)]
struct Seat {
    goodbye: Goodbye,
    /// What an operator wants to know, if there is an operator.
    record: Option<Arc<Record>>,
    _of_address: Option<AddressPlace>,
}

/// How to close a WebSocket.
#[derive(Clone, Debug)]
pub(crate) struct Goodbye {
    writer: Writer,
    /// Tells the client that this server ends.
    code: CloseCode,
}

impl Goodbye {
    /// Starts the closing handshake.
    pub(crate) fn close(&self) {
        // The codes of the sites are sendable.
        let _ = self.writer.start_close(self.code, "the server is shutting down");
    }
}

/// The memory reclaimer: gives memory back at intervals while there are connections, and a few times after.
#[derive(Debug)]
pub(crate) struct Reclaimer(Arc<OpenConnections>);

impl Reclaimer {
    /// Whether the reclaimer should run again. If not, the next connection starts a new one.
    pub(crate) fn is_needed(&self) -> bool {
        let mut state = self.0.lock();
        if state.count == 0 {
            (state.seats, state.free) = (Vec::new(), Vec::new());
            state.looks_left = state.looks_left.saturating_sub(1);
        }
        state.has_reclaimer = state.looks_left > 0 && !state.is_closing;
        state.has_reclaimer
    }
}

/// A connection counts as open while this exists.
#[derive(Debug)]
pub(crate) struct Presence {
    open: Arc<OpenConnections>,
    /// The entry of its seat, if this is a WebSocket. It then also has a place. There are fewer than 2^32 descriptors.
    seat: Option<u32>,
    /// Where this goes back to.
    shared: Option<Arc<Shared>>,
}

/// The presence of a connection that carries many streams. While there are streams, they have it, so an HTTP/2 connection
/// counts as its number of streams, and as one if there is none.
#[derive(Debug)]
pub(crate) struct Shared {
    open: Arc<OpenConnections>,
    state: Mutex<SharedState>,
}

#[derive(Debug)]
struct SharedState {
    /// The connection's own presence, if there is no stream and it has not ended.
    own: Option<Presence>,
    streams: usize,
    has_ended: bool,
}

impl Shared {
    pub(crate) fn new(own: Presence) -> Arc<Self> {
        let open = own.open.clone();
        Arc::new(Self { open, state: Mutex::new(SharedState { own: Some(own), streams: 0, has_ended: false }) })
    }

    /// Counts one more stream.
    pub(crate) fn enter(self: &Arc<Self>) -> Presence {
        let mut state = self.lock();
        state.streams += 1;
        let mut presence = state.own.take().unwrap_or_else(|| self.open.enter());
        presence.shared = Some(self.clone());
        presence
    }

    /// Notes the end of the connection. Its streams still count until they have ended.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        let own = state.own.take();
        drop(state);
        drop(own);
    }

    /// Notes the end of a stream. Returns whether the connection keeps its presence.
    fn leave(&self) -> bool {
        let mut state = self.lock();
        state.streams -= 1;
        let is_kept = state.streams == 0 && !state.has_ended;
        if is_kept {
            state.own = Some(Presence { open: self.open.clone(), seat: None, shared: None });
        }
        is_kept
    }

    fn lock(&self) -> MutexGuard<'_, SharedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    pub(crate) fn new(places: Arc<Places>) -> Self {
        Self { places, ..Self::default() }
    }

    /// Whether there is room to answer one more connection.
    pub(crate) fn has_room(&self) -> bool {
        self.places.has_room()
    }

    /// Counts a handshake of QUIC. Returns `None` if there is no room for it or for its connection.
    pub(crate) fn begin_handshake(&self) -> Option<QuicHandshake> {
        let most = self.places.most_connections().saturating_add(MOST_INVENTED);
        let one_more = |handshakes| (handshakes < most).then_some(handshakes + 1);
        if !self.has_room() {
            return None;
        }
        let counted = self.places.handshakes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        counted.ok().map(|_| QuicHandshake(self.places.clone()))
    }

    /// Counts a connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Presence {
        self.places.connections.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        state.count += 1;
        state.looks_left = LOOKS_AFTER_THE_LAST;
        drop(state);
        Presence { open: self.clone(), seat: None, shared: None }
    }

    /// Returns a reclaimer, unless one is running.
    pub(crate) fn reclaimer(self: &Arc<Self>) -> Option<Reclaimer> {
        let mut state = self.lock();
        let is_first = !state.has_reclaimer;
        state.has_reclaimer = true;
        is_first.then(|| Reclaimer(self.clone()))
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    /// Starts the closing handshake of every WebSocket, and of each that is opened later.
    pub(crate) fn close_all(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        state.seats.iter().flatten().for_each(|seat| seat.goodbye.close());
        drop(state);
        self.changed.notify_waiters();
    }

    /// Returns every WebSocket. Each that is opened later is closed at once.
    pub(crate) fn begin_drain(&self) -> Vec<Goodbye> {
        let mut state = self.lock();
        state.is_draining = true;
        drop(state);
        self.goodbyes()
    }

    /// Returns every WebSocket of which an operator wants to know.
    pub(crate) fn records(&self) -> Vec<(Writer, Arc<Record>)> {
        let state = self.lock();
        let seats = state.seats.iter().flatten();
        seats.filter_map(|seat| Some((seat.goodbye.writer.clone(), seat.record.clone()?))).collect()
    }

    fn goodbyes(&self) -> Vec<Goodbye> {
        self.lock().seats.iter().flatten().map(|seat| seat.goodbye.clone()).collect()
    }

    /// Completes once `close_all` was called.
    pub(crate) async fn closing(&self) {
        self.wait_until(|state| state.is_closing).await;
    }

    /// Completes once all connections have ended.
    pub(crate) async fn emptied(&self) {
        self.wait_until(|state| state.count == 0).await;
    }

    async fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// Registers the connection as a WebSocket, so that `close_all` reaches it. The WebSocket has the place until it ends.
    pub(crate) fn attach(&mut self, writer: Writer, code: CloseCode, mut place: Place) {
        // From now on the seat stands for it, because each byte of an idle connection counts.
        let of_address = place.places.take().and_then(|(_, of_address)| of_address);
        let record = place.record.take().map(Arc::from);
        let seat = Seat { goodbye: Goodbye { writer, code }, record, _of_address: of_address };
        let mut state = self.open.lock();
        if state.is_closing || state.is_draining {
            seat.goodbye.close();
        }
        let index = state.free.pop().unwrap_or(state.seats.len() as u32);
        match state.seats.get_mut(index as usize) {
            Some(empty) => *empty = Some(seat),
            None => state.seats.push(Some(seat)),
        }
        self.seat = Some(index);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let is_kept = self.shared.take().is_some_and(|shared| shared.leave());
        let mut state = self.open.lock();
        if !is_kept {
            self.open.places.connections.fetch_sub(1, Ordering::Relaxed);
            state.count -= 1;
        }
        let is_empty = state.count == 0;
        let seat = self.seat.and_then(|index| {
            self.open.places.give_back();
            state.free.push(index);
            state.seats[index as usize].take()
        });
        drop(state);
        if let Some(Seat { goodbye: Goodbye { writer, .. }, record: Some(record), .. }) = &seat {
            self.open.places.monitor.note_end(record, &writer.stats(), writer.close_info().as_ref());
        }
        // Drop outside of the lock: dropping a connection's last handle may send.
        drop(seat);
        if is_empty {
            self.open.changed.notify_waiters();
        }
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The number of connections beyond the limit that are still read, so that they get a refusal with a reason.
const TURNED_AWAY_AT_ONCE: usize = 100;

/// The number of handshakes of QUIC from invented addresses. With more in progress, the library makes clients prove their
/// addresses first.
const MOST_INVENTED: usize = 256;

/// The memory of the last connections is free once they have left. Memory that other threads freed for this one follows
/// somewhat later.
const LOOKS_AFTER_THE_LAST: u8 = 4;

#[cfg(test)]
#[path = "open_connections_tests.rs"]
mod tests;
