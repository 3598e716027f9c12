//! One read of a conversation, in each way that there is.

use silverback::{Error, Event, Message, MessageKind, Reader};
use tokio::io::AsyncReadExt;

use super::{
    Log, Seen,
    acts::WayToRead,
    patience::{Patience, attempt},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Something,
    GivenUp,
    End,
}

pub(super) async fn read(reader: &mut Reader, way: WayToRead, patience: Patience, log: &Log) -> Read {
    match way {
        WayToRead::Message => note(attempt(patience, reader.read_message()).await, log),
        WayToRead::Borrowed => {
            let lent = attempt(patience, reader.read_borrowed()).await;
            note(lent.map(|lent| lent.map(|lent| lent.map(|lent| lent.into_message()))), log)
        }
        WayToRead::Event => match attempt(patience, reader.read_event()).await.map(Result::unwrap) {
            Some(Some(Event::Message(message))) => note(Some(Ok(Some(message.into_message()))), log),
            Some(Some(_)) => Read::Something,
            Some(None) => Read::End,
            None => Read::GivenUp,
        },
        WayToRead::Pieces(size, reads) => read_pieces(reader, size, reads, patience, log).await,
    }
}

fn note(read: Option<Result<Option<Message>, Error>>, log: &Log) -> Read {
    match read.map(Result::unwrap) {
        Some(Some(message)) => {
            log.note(|story| story.seen.push(Seen::Whole(message)));
            Read::Something
        }
        Some(None) => Read::End,
        None => Read::GivenUp,
    }
}

async fn read_pieces(reader: &mut Reader, size: usize, reads: usize, patience: Patience, log: &Log) -> Read {
    let mut pieces = match attempt(patience, reader.next_reader()).await.map(Result::unwrap) {
        Some(Some(pieces)) => pieces,
        Some(None) => return Read::End,
        None => return Read::GivenUp,
    };
    let (kind, mut bytes) = (pieces.kind(), Vec::new());
    let mut buffer = vec![0; size];
    for _ in 0..reads {
        match attempt(patience, pieces.read(&mut buffer)).await {
            Some(Ok(0)) => {
                let message = match kind {
                    MessageKind::Text => String::from_utf8(bytes).unwrap().into(),
                    MessageKind::Binary => bytes.into(),
                };
                log.note(|story| story.seen.push(Seen::Whole(message)));
                return Read::Something;
            }
            Some(Ok(count)) => bytes.extend_from_slice(&buffer[..count]),
            // The other side has closed in the middle of its message, which it never had accepted as a whole.
            Some(Err(_)) => return Read::Something,
            None => {}
        }
    }
    log.note(|story| story.seen.push(Seen::Beginning(kind, bytes)));
    Read::Something
}
