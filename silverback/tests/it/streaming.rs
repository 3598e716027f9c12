//! Messages written and read as streams of bytes (RFC 6455, 5.4): in memory that does not depend on their size.

use std::time::Duration;

use silverback::Event;
use silverback_testkit::wire::{Frame, binary, close, ping, pong, text};

use crate::support::{send_together, server, within};

mod reading;
mod writing;

mod events {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn show_control_frames_between_messages() {
        let (mut conn, remote) = server();
        let sent = [ping("p"), text("m"), pong("q"), binary([1]), close(1000, "bye")];
        send_together(&remote, sent);
        remote.half_close();
        let mut seen: Vec<Frame> = Vec::new();
        while let Some(event) = within(conn.read_event()).await.unwrap() {
            seen.push(match event {
                Event::Message(message) => match message.into_message() {
                    silverback::Message::Text(payload) => text(payload.as_bytes()),
                    silverback::Message::Binary(payload) => binary(payload),
                },
                Event::Ping(payload) => ping(payload.as_slice()),
                Event::Pong(payload) => pong(payload.as_slice()),
                Event::Close(frame) => {
                    let frame = frame.unwrap();
                    close(frame.code.get(), frame.reason.as_bytes())
                }
            });
        }
        assert_eq!(seen, [ping("p"), text("m"), pong("q"), binary([1]), close(1000, "bye")]);
        assert_eq!(remote.received_frames(), [pong("p"), close(1000, "")]);
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn have_been_answered_when_they_are_seen() {
        let (mut conn, remote) = server();
        remote.send_frame(ping("?"));
        assert!(matches!(within(conn.read_event()).await.unwrap(), Some(Event::Ping(_))));
        assert_eq!(remote.received_frames(), [pong("?")]);
        remote.send_frame(close(1000, ""));
        assert!(matches!(within(conn.read_event()).await.unwrap(), Some(Event::Close(Some(_)))));
        assert_eq!(remote.received_frames(), [close(1000, "")]);
        let waiting = tokio::time::timeout(Duration::from_secs(1), conn.read_event()).await;
        assert!(waiting.is_err(), "the transport has not ended");
    }
}
