//! Handles messages, typed input and commands.

use std::time::Instant;

use silverback::{Conn, Error, Message, Writer, reconnect::ReconnectingConn};

use super::Talk;
use crate::connect::{
    client::INTERRUPTED,
    commands::{self, Typed},
    ending::End,
    file,
    input::event::Input,
};

impl Talk<'_> {
    pub(super) fn take_input(&mut self, input: Input, conn: &ReconnectingConn) {
        // Input that was typed after a file waits for it, except Ctrl-C.
        if self.reading.is_some() && !matches!(input, Input::Interrupt) {
            return self.deferred.push_back(input);
        }
        match input {
            Input::Message(message) => {
                self.client.messages_read += 1;
                self.client.backlog.push_back(message);
            }
            Input::Typed(line) => match commands::parse(&line) {
                Ok(typed) => self.obey(typed, conn.connection()),
                Err(reason) => self.client.notes.answer(&reason),
            },
            Input::Interrupt => self.interrupt(INTERRUPTED),
            Input::CloseWith(code, reason) => self.client.farewell = Some((code, reason)),
            Input::End if self.client.plan.is_interactive() => self.close(End::Done),
            Input::End => self.client.input_has_ended = true,
            Input::Failed(error) => self.close(End::Input(error)),
        }
    }

    /// A file has been read, or cannot be.
    pub(super) fn take_file(&mut self, read: Result<Message, String>, conn: &ReconnectingConn) {
        match read {
            Ok(message) => self.client.backlog.push_back(message),
            Err(reason) => self.client.notes.answer(&reason),
        }
        while self.reading.is_none() && self.end.is_none() {
            let Some(input) = self.deferred.pop_front() else { break };
            self.take_input(input, conn);
        }
    }

    fn obey(&mut self, typed: Typed, conn: Option<&Conn>) {
        let answer = match typed {
            Typed::Text(text) => {
                let are_binary = self.client.plan.lines_are_binary;
                let message = if are_binary { Message::binary(text.into_bytes()) } else { Message::text(text) };
                return self.client.backlog.push_back(message);
            }
            Typed::Binary(bytes) => return self.client.backlog.push_back(Message::binary(bytes)),
            Typed::File { path, is_text } => {
                let kind = if is_text { file::Kind::Text } else { file::Kind::Binary };
                let reading = file::start(path, kind, self.client.plan.largest_message);
                return self.reading = Some(reading);
            }
            Typed::Ping(payload) => {
                let now = Instant::now();
                let result = self.control(|writer| writer.ping(&payload));
                self.pinged = result.is_ok().then_some((payload, now));
                result.err()
            }
            Typed::Pong(payload) => self.control(|writer| writer.pong(&payload)).err(),
            Typed::Close { code, reason } => match self.start_close(code.into(), &reason) {
                Ok(()) => {
                    self.end = Some(End::Asked("closed".to_owned()));
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Typed::Json => {
                let view = &mut self.client.plan.view;
                view.lays_out_json = !view.lays_out_json;
                Some(format!("JSON is {}", if view.lays_out_json { "laid out" } else { "shown as it came" }))
            }
            Typed::Stats => Some(self.stats(conn)),
            Typed::Help => Some(commands::HELP.to_owned()),
            Typed::Quit => {
                self.close(End::Done);
                None
            }
        };
        if let Some(answer) = answer {
            self.client.notes.answer(&answer);
        }
    }

    fn control(&self, send: impl FnOnce(&Writer) -> Result<(), Error>) -> Result<(), String> {
        let writer = self.writer.connection().ok_or("not connected; text is kept and sent later")?;
        send(&writer).map_err(|error| error.to_string())
    }

    fn stats(&self, conn: Option<&Conn>) -> String {
        let Some(stats) = conn.map(Conn::stats) else { return "not connected".to_owned() };
        let trip = self
            .round_trip
            .or(stats.round_trip)
            .map_or_else(|| "not measured yet".to_owned(), |trip| format!("{trip:.1?}"));
        format!(
            "connected for {:.0?}; sent {} messages, {} bytes; received {} messages, {} bytes; round trip {trip}",
            self.since.elapsed(),
            stats.messages_sent,
            stats.bytes_sent,
            stats.messages_received,
            stats.bytes_received,
        )
    }
}
