//! A broadcast with silverback: each message is prepared once and passed to the writer of every connection.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use silverback::{Error, PreparedMessage, Reader, Upgrader, Writer};
use silverback_bench::{Failure, Options, serve};
use tokio::net::TcpStream;

fn main() {
    let room = Arc::<Room>::default();
    serve(&Options::parse(), |stream| connection(stream, room.clone()));
}

async fn connection(stream: TcpStream, room: Arc<Room>) -> Result<(), Failure> {
    let (writer, reader) = Upgrader::new().accept(stream).await?.split();
    let number = room.enter(writer);
    let ended = publish(reader, &room).await;
    room.leave(number);
    Ok(ended?)
}

async fn publish(mut reader: Reader, room: &Room) -> Result<(), Error> {
    while let Some(message) = reader.read_message().await? {
        let message = PreparedMessage::new(message);
        let guests = room.guests().clone();
        for (_, writer) in guests.iter() {
            // A closing connection is removed from the list by its own task.
            let _ = writer.write_prepared(&message).await;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Room {
    /// Shared with the publishing task, so that no task holds the lock while it waits.
    guests: Mutex<Arc<Vec<(u64, Writer)>>>,
    newest: AtomicU64,
}

impl Room {
    fn enter(&self, writer: Writer) -> u64 {
        let number = self.newest.fetch_add(1, Relaxed);
        Arc::make_mut(&mut self.guests()).push((number, writer));
        number
    }

    fn leave(&self, number: u64) {
        Arc::make_mut(&mut self.guests()).retain(|(other, _)| *other != number);
    }

    fn guests(&self) -> MutexGuard<'_, Arc<Vec<(u64, Writer)>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
