//! The methods that describe requests, ends, errors and open connections.

use http::Request;
use silverback::{CloseCode, Conn, Error, Initiator, Negotiated, Role, Settings, is_websocket_upgrade, subprotocols};
use silverback_testkit::wire::{binary, close, close_empty, continuation, text};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{over_tcp, send_together, server, server_config, server_with, within};

mod requests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let builder = headers.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
        builder.body(()).unwrap()
    }

    #[test]
    fn ask_for_websocket_in_lists_lines_and_any_case() {
        let table: [(bool, &[(&str, &str)]); 8] = [
            (true, &[("Connection", "Upgrade"), ("Upgrade", "websocket")]),
            (true, &[("Connection", "keep-alive, uPgRaDe"), ("Upgrade", "WebSocket")]),
            (true, &[("Connection", "keep-alive"), ("Connection", "upgrade"), ("Upgrade", "h2c, websocket")]),
            (false, &[("Connection", "Upgrade")]),
            (false, &[("Upgrade", "websocket")]),
            (false, &[("Connection", "keep-alive"), ("Upgrade", "websocket")]),
            (false, &[("Connection", "upgraded"), ("Upgrade", "websocket")]),
            (false, &[("Connection", "\"x, upgrade\""), ("Upgrade", "websocket/13")]),
        ];
        for (expected, headers) in table {
            assert_eq!(is_websocket_upgrade(&request(headers)), expected, "{headers:?}");
        }
    }

    #[test]
    fn list_their_subprotocols_from_all_lines_in_order() {
        let lines = |lines: &[&str]| {
            let headers: Vec<_> = lines.iter().map(|line| ("Sec-WebSocket-Protocol", *line)).collect();
            subprotocols(&request(&headers))
        };
        assert_eq!(lines(&[]), [""; 0]);
        assert_eq!(lines(&["foo"]), ["foo"]);
        assert_eq!(lines(&["foo, bar"]), ["foo", "bar"]);
        assert_eq!(lines(&[" foo ,bar,, baz"]), ["foo", "bar", "baz"]);
        assert_eq!(lines(&["foo", "Bar , a/b, baz"]), ["foo", "Bar", "baz"], "a/b is not a token");
    }
}

mod ends {
    use super::*;

    async fn after(frame: Option<silverback_testkit::wire::Frame>) -> (Conn, Result<(), Error>) {
        let (mut conn, remote) = server();
        frame.into_iter().for_each(|frame| remote.send_frame(frame));
        remote.half_close();
        let end = within(conn.read_message()).await.map(|message| assert_eq!(message, None));
        (conn, end)
    }

    #[tokio::test(start_paused = true)]
    async fn say_whether_they_were_expected() {
        for (frame, code) in [
            (Some(close(1000, "done")), 1000),
            (Some(close(1001, "")), 1001),
            (Some(close(4321, "")), 4321),
            (Some(close_empty()), 1005),
            (None, 1006),
        ] {
            let (conn, _) = after(frame).await;
            let info = conn.close_info().unwrap();
            assert!(info.has_code([code]) && info.has_code([CloseCode::NORMAL, code.into()]));
            assert!(!info.has_code([1002]) && !info.has_code([0_u16; 0]));
            assert_eq!(info.is_unexpected([1000, 1001]), ![1000, 1001].contains(&code));
            assert!(!info.is_unexpected([1000, 1001, 1005, 1006, 4321]));
        }
    }

    /// A Close frame is not an error, with any code; a lost connection is not the peer's fault; broken rules are.
    #[tokio::test(start_paused = true)]
    async fn are_errors_only_where_something_went_wrong() {
        assert!(after(Some(close(1011, "crashed"))).await.1.is_ok());

        let (conn, end) = after(None).await;
        let error = end.unwrap_err();
        assert!(error.is_disconnect() && !error.is_peer_fault() && !error.is_timeout() && !error.is_closing());
        assert_eq!((error.close_code(), conn.close_info().unwrap().initiator), (None, Initiator::Nobody));

        let (conn, end) = after(Some(continuation("?"))).await;
        let error = end.unwrap_err();
        assert!(error.is_peer_fault() && !error.is_disconnect());
        assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
        let info = conn.close_info().unwrap();
        assert!(info.has_code([1006]) && info.is_unexpected([1000, 1001]));
        assert_eq!(info.sent.unwrap().code, CloseCode::PROTOCOL_ERROR);
    }

    #[tokio::test(start_paused = true)]
    async fn are_timeouts_where_nobody_answers() {
        let (mut conn, _remote) = server();
        let error = conn.read_message().await.unwrap_err();
        assert!(error.is_timeout() && error.is_disconnect() && !error.is_peer_fault());
        let (mut conn, _remote) = server();
        let error = conn.close(1000, "").await.unwrap_err();
        assert!(error.is_timeout());
        assert!(conn.write_message("late").await.unwrap_err().is_timeout());
        let (mut conn, _remote) = server();
        let (writer, _) = conn.halves();
        writer.start_close(1000, "").unwrap();
        assert!(writer.write_message("late").await.unwrap_err().is_closing());
    }
}

mod addresses {
    use super::*;

    #[tokio::test]
    async fn are_those_of_the_socket_on_both_sides() {
        let (dialled, accepted) = over_tcp(None).await;
        let (address, peer) = (dialled.peer_addr().unwrap(), dialled.local_addr().unwrap());
        assert!(address != peer && address.ip().is_loopback() && peer.ip().is_loopback());
        assert_eq!((accepted.local_addr(), accepted.peer_addr()), (Some(address), Some(peer)));
        let (_writer, mut reader) = accepted.split();
        assert_eq!(reader.peer_addr(), Some(peer));
        drop(dialled);
        assert!(within(reader.read_message()).await.unwrap_err().is_disconnect());
        assert_eq!((reader.peer_addr(), reader.local_addr()), (None, None), "it has ended");
    }

    #[tokio::test]
    async fn are_not_known_of_other_transports() {
        let (conn, _remote) = server();
        assert_eq!((conn.local_addr(), conn.peer_addr()), (None, None));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let wrapped = tokio::io::BufStream::new(tcp);
        let conn = Conn::from_handshake(wrapped, Role::Client, Negotiated::default(), [], &Settings::default());
        assert_eq!(conn.peer_addr(), None);
    }
}

mod limits {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn on_messages_may_be_set_anew() {
        let (mut conn, remote) = server_config(|config| config.max_message_size(10));
        conn.set_max_message_size(1000);
        send_together(&remote, [binary([7; 600]).not_final(), continuation([7; 400]), text("next"), binary([7; 11])]);
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap().len(), 1000);
        conn.set_max_message_size(10);
        assert_eq!(within(conn.read_message()).await.unwrap(), Some("next".into()));
        assert!(matches!(within(conn.read_message()).await, Err(Error::Limit(_))));
        assert_eq!(within(remote.read_frame()).await.unwrap().close_code(), Some(1009));
    }

    #[tokio::test(start_paused = true)]
    async fn set_anew_hold_for_streamed_messages_too() {
        use tokio::io::AsyncReadExt;
        let (mut conn, remote) = server();
        conn.set_max_message_size(10);
        send_together(&remote, [binary([7; 10]), binary([7; 11])]);
        remote.half_close();
        let mut bytes = Vec::new();
        within(within(conn.next_reader()).await.unwrap().unwrap().read_to_end(&mut bytes)).await.unwrap();
        assert_eq!(bytes.len(), 10);
        assert!(matches!(within(conn.next_reader()).await.map(|reader| reader.is_some()), Err(Error::Limit(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn on_frames_stay_when_those_on_messages_are_set_anew() {
        let settings = Settings::default().adjust_config(|config| config.max_message_size(100).max_frame_size(10));
        let (mut conn, remote) = server_with(&settings);
        conn.set_max_message_size(1000);
        send_together(&remote, (0..50).map(|_| binary([7; 10]).not_final()).take(1));
        send_together(&remote, (0..48).map(|_| continuation([7; 10]).not_final()).chain([continuation([7; 10])]));
        send_together(&remote, [binary([7; 11])]);
        remote.half_close();
        assert_eq!(within(conn.read_message()).await.unwrap().unwrap().len(), 500);
        assert!(within(conn.read_message()).await.unwrap_err().to_string().contains("frame of 11 bytes"));
    }
}
