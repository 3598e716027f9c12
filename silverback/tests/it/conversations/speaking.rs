//! One side of a conversation: random reads and writes, each cancelled after a random number of polls.

use std::io;

use proptest::prelude::*;
use silverback::{Conn, Message, MessageWriter, PreparedMessage, TryWriteError, Writer};
use tokio::io::AsyncWriteExt;

use super::{
    Log,
    acts::{Act, WayToRead, WayToWrite, any_act},
    patience::{Patience, attempt},
    reading::{Read, read},
};

/// The actions of one side. After them it finishes its streamed message, and reads to the end.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    form: Form,
    acts: Vec<Act>,
    /// Whether it closes when it has nothing more to say, or waits for the other side to do so. The client always closes.
    closes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One task has the connection and does one thing after the other.
    Whole,
    /// One task reads, and one or two write, with futures that wait until they are woken.
    Halves { writers: usize },
}

pub(super) fn any_speech() -> impl Strategy<Value = Speech> {
    let form = prop_oneof![2 => Just(Form::Whole), 2 => (1..3_usize).prop_map(|writers| Form::Halves { writers })];
    (form, prop::collection::vec(any_act(), 0..60), any::<bool>()).prop_map(|(form, acts, closes)| Speech {
        form,
        acts,
        closes,
    })
}

impl Speech {
    /// Whether messages that arrive at the end may be discarded: `Conn::close` does so.
    pub(super) fn discards(&self, is_client: bool) -> bool {
        self.form == Form::Whole && self.closes && is_client
    }

    pub(super) async fn hold(self, conn: Conn, log: Log, is_client: bool) {
        match self.form {
            Form::Whole => self.hold_whole(conn, &log, is_client).await,
            Form::Halves { writers } => self.hold_in_halves(conn, &log, is_client, writers).await,
        }
    }

    async fn hold_whole(self, mut conn: Conn, log: &Log, is_client: bool) {
        let discards = self.discards(is_client);
        let (writer, reader) = conn.halves();
        let mut speaker = Speaker { writer: writer.clone(), log: log.clone(), streaming: None };
        for act in self.acts {
            match act {
                // A side with one task must not wait without end in any action.
                Act::Read(way, patience) => _ = read(reader, way, patience.at_most(10), log).await,
                act => speaker.act(act, |patience| patience.at_most(10)).await,
            }
        }
        while speaker.streaming.is_some() {
            speaker.stream(1000, Patience::Turns(2)).await;
            read(reader, WayToRead::Message, Patience::Turns(2), log).await;
        }
        drop(speaker);
        if discards {
            while attempt(Patience::Turns(3), conn.close(1000, "done")).await.map(Result::unwrap).is_none() {}
        } else {
            if is_client || self.closes {
                conn.halves().0.start_close(1000, "done").unwrap();
            }
            while read(conn.halves().1, WayToRead::Message, Patience::Turns(3), log).await != Read::End {}
        }
        assert!(conn.close_info().unwrap().is_clean);
    }

    async fn hold_in_halves(self, conn: Conn, log: &Log, is_client: bool, writers: usize) {
        let (writer, mut reader) = conn.split();
        let mut speakers = vec![Vec::new(); writers];
        let mut reads = Vec::new();
        for (number, act) in self.acts.into_iter().enumerate() {
            match act {
                Act::Read(way, patience) => reads.push((way, patience)),
                act => speakers[number % writers].push(act),
            }
        }
        let speaking = speakers.into_iter().map(|acts| {
            let mut speaker = Speaker { writer: writer.clone(), log: log.clone(), streaming: None };
            tokio::spawn(async move {
                for act in acts {
                    speaker.act(act, |patience| patience).await;
                }
                while speaker.streaming.is_some() {
                    speaker.stream(1000, Patience::Endless).await;
                }
            })
        });
        let speaking: Vec<_> = speaking.collect();
        let closing = tokio::spawn(async move {
            for task in speaking {
                task.await.unwrap();
            }
            if is_client || self.closes {
                writer.start_close(1000, "done").unwrap();
            }
        });
        for (way, patience) in reads {
            read(&mut reader, way, patience, log).await;
        }
        while read(&mut reader, WayToRead::Message, Patience::Endless, log).await != Read::End {}
        closing.await.unwrap();
        assert!(reader.close_info().unwrap().is_clean);
    }
}

/// A writing task.
struct Speaker {
    writer: Writer,
    log: Log,
    /// The message that is being streamed, and how much of it was taken.
    streaming: Option<(MessageWriter, Message, usize)>,
}

impl Speaker {
    async fn act(&mut self, act: Act, limit: impl Fn(Patience) -> Patience) {
        match act {
            Act::Read(..) => {}
            // Only another task could end the message that its own waits for.
            Act::Write(..) if self.streaming.is_some() => self.stream(5000, limit(Patience::Endless)).await,
            Act::Write(way, body, patience) => self.write(way, body.message(), limit(patience)).await,
            Act::Stream(_, most, patience) if self.streaming.is_some() => self.stream(most, limit(patience)).await,
            Act::Stream(body, _, patience) => {
                let message = body.message();
                match attempt(limit(patience), self.writer.next_writer(message.kind())).await {
                    Some(Ok(writer)) => self.streaming = Some((writer, message, 0)),
                    Some(Err(error)) => assert!(error.is_closing(), "{error}"),
                    None => {}
                }
            }
            Act::Flush(patience) => {
                if let Some(flushed) = attempt(limit(patience), self.writer.flush()).await {
                    flushed.unwrap();
                }
            }
            Act::Ping(payload) => self.writer.ping(&[payload]).unwrap_or_else(|error| assert!(error.is_closing())),
        }
    }

    async fn write(&mut self, way: WayToWrite, message: Message, patience: Patience) {
        let writer = &self.writer;
        let written = match way {
            WayToWrite::Owned => attempt(patience, writer.write_message(message.clone())).await,
            WayToWrite::Borrowed => attempt(patience, writer.write_borrowed(message.as_ref())).await,
            WayToWrite::Uncompressed => {
                let mut writer = writer.clone();
                writer.set_write_compression(false);
                attempt(patience, writer.write_message(message.clone())).await
            }
            WayToWrite::Prepared => {
                let prepared = PreparedMessage::new(message.clone());
                attempt(patience, writer.write_prepared(&prepared)).await
            }
            WayToWrite::Try => match writer.try_write_message(message.clone()) {
                Ok(()) => Some(Ok(())),
                Err(TryWriteError::Failed(error)) => Some(Err(error)),
                Err(TryWriteError::Full(back)) => {
                    assert_eq!(back, message);
                    None
                }
            },
        };
        match written {
            Some(Ok(())) => self.log.note(|story| story.accepted.push(message)),
            Some(Err(error)) => assert!(error.is_closing(), "{error}"),
            None => {}
        }
    }

    /// Continues the streamed message.
    async fn stream(&mut self, most: usize, patience: Patience) {
        let Some((writer, message, taken)) = &mut self.streaming else { return };
        let rest = &message.as_bytes()[*taken..];
        if rest.is_empty() {
            match attempt(patience, writer.finish()).await {
                Some(Ok(())) => {
                    let message = self.streaming.take().map(|(_, message, _)| message);
                    self.log.note(|story| story.accepted.extend(message));
                }
                Some(Err(error)) => {
                    assert!(error.is_closing(), "{error}");
                    self.cut_short();
                }
                None => {}
            }
            return;
        }
        match attempt(patience, writer.write(&rest[..rest.len().min(most)])).await {
            Some(Ok(count)) => *taken += count,
            Some(Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{error}");
                self.cut_short();
            }
            None => {}
        }
        if most % 3 == 0 {
            if let Some((writer, ..)) = &mut self.streaming {
                let _ = attempt(patience, writer.flush()).await;
            }
        }
    }
}

impl Speaker {
    /// The other side has closed.
    fn cut_short(&mut self) {
        let message = self.streaming.take().map(|(_, message, _)| message);
        self.log.note(|story| story.cut_short = story.cut_short.take().or(message));
    }
}
