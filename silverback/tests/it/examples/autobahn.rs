//! `autobahn_server`: a sample of the suite's cases, on each of the five paths.

use silverback::{Compression, Conn, Dialer, Message, MessageKind};
use tokio::io::AsyncWriteExt;

use super::running::Running;
use crate::support::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_echoes_what_is_large_fragmented_or_compressed() {
    let server = Running::start("autobahn_server", &["127.0.0.1:0"]);
    for way in ["owned", "lent", "prepared", "streamed", "streamed_out"] {
        let url = format!("{}/{way}", server.address);
        for compression in [None, Some(Compression::default())] {
            let is_compressed = compression.is_some();
            let mut conn = within(Dialer::new().compression(compression).dial(&url)).await.unwrap();
            assert_eq!(conn.compression().is_some(), is_compressed);
            echoes_whole_messages(&mut conn).await;
            echoes_fragments(&mut conn).await;
            within(conn.close(4321, "enough")).await.unwrap();
            assert!(conn.close_info().unwrap().is_clean, "{way}");
        }
    }
}

async fn echoes_whole_messages(conn: &mut Conn) {
    let noise: Vec<u8> = (0..1_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let large = "h\u{e9}llo \u{1f300} ".repeat(100_000);
    for message in [Message::from(""), vec![].into(), "h\u{e9}".into(), noise.into(), large.into()] {
        conn.write_message(message.clone()).await.unwrap();
        let answer = within(conn.read_message()).await.unwrap();
        assert!(answer == Some(message.clone()), "{} bytes came back changed", message.len());
    }
}

async fn echoes_fragments(conn: &mut Conn) {
    let mut writer = conn.next_writer(MessageKind::Text).await.unwrap();
    // A character is cut in two.
    for piece in [&b"in fragm\xc3"[..], b"", b"\xa9nts"] {
        writer.write_all(piece).await.unwrap();
        writer.flush().await.unwrap();
    }
    writer.finish().await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("in fragm\u{e9}nts".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_echoes_text_that_breaks_off_inside_a_character() {
    let server = Running::start("autobahn_server", &["127.0.0.1:0"]);
    for way in ["owned", "lent", "prepared", "streamed", "streamed_out"] {
        let host = server.address.strip_prefix("ws://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = crate::support::request("").replace("/chat", &format!("/{way}"));
        // "h", and the first byte of two.
        let frame = silverback_testkit::wire::text(b"h\xc3").masked([1, 2, 3, 4]).encode();
        stream.write_all(&[request.as_bytes(), &frame].concat()).await.unwrap();
        let mut answer = Vec::new();
        within(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer)).await.unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(answer[end] & 0x0f, 8, "{way} answered with something else than a Close frame");
        assert_eq!(answer[end + 2..end + 4], 1007_u16.to_be_bytes(), "{way}");
    }
}
