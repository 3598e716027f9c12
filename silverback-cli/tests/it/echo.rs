//! The echo itself.

use silverback::{CloseCode, Message};

use crate::support::{Program, RawClient, check_echo, dial, frame, within};

#[tokio::test]
async fn text_comes_back_as_text_and_binary_as_binary() {
    let program = Program::start(&[]);
    let mut conn = dial(program.address).await;
    check_echo(&mut conn, "hello").await;
    check_echo(&mut conn, "").await;
    check_echo(&mut conn, "grüße 日本語 👍").await;
    check_echo(&mut conn, vec![]).await;
    check_echo(&mut conn, vec![0, 1, 254, 255]).await;
    check_echo(&mut conn, "x".repeat(1024 * 1024)).await;
    within(conn.close(1000, "done")).await.unwrap();
    assert!(conn.close_info().unwrap().is_clean);
}

#[tokio::test]
async fn many_messages_come_back_in_order() {
    let program = Program::start(&["--quiet"]);
    let conn = dial(program.address).await;
    let (writer, mut reader) = conn.split();
    let sending = tokio::spawn(async move {
        for number in 0..10_000 {
            writer.write_message(number.to_string()).await.unwrap();
        }
        writer.flush().await.unwrap();
        writer
    });
    for number in 0..10_000 {
        assert_eq!(within(reader.read_message()).await.unwrap().unwrap(), Message::text(number.to_string()));
    }
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn the_code_of_a_close_comes_back() {
    let program = Program::start(&[]);
    let mut conn = dial(program.address).await;
    within(conn.close(4321, "enough")).await.unwrap();
    assert_eq!(conn.close_info().unwrap().code, CloseCode::new(4321));
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009() {
    let program = Program::start(&[]);
    let mut conn = dial(program.address).await;
    // The server may be faster with its refusal than we with the message.
    let _ = conn.write_message(vec![0; 1024 * 1024 + 1]).await;
    assert_eq!(within(conn.read_message()).await.unwrap(), None);
    assert_eq!(conn.close_info().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
    check_echo(&mut dial(program.address).await, "others go on").await;
}

#[test]
fn frames_in_the_same_packet_as_the_request_are_answered() {
    let program = Program::start(&[]);
    let early = [frame(0x81, b"one"), frame(0x89, b"two"), frame(0x82, b"three")].concat();
    let mut client = RawClient::connect_with(program.address, &early);
    let mut answers = [client.receive(), client.receive(), client.receive()];
    answers.sort();
    let expected = [(0x81, b"one".to_vec()), (0x82, b"three".to_vec()), (0x8a, b"two".to_vec())];
    assert_eq!(answers, expected);
}

#[test]
fn fragments_and_a_ping_between_them_are_answered() {
    let program = Program::start(&[]);
    let mut client = RawClient::connect(program.address);
    client.send(&[frame(0x01, b"he"), frame(0x89, b"?"), frame(0x80, b"llo")].concat());
    assert_eq!(client.receive(), (0x8a, b"?".to_vec()));
    assert_eq!(client.receive(), (0x81, b"hello".to_vec()));
}

#[test]
fn text_that_is_not_utf_8_closes_with_1007() {
    let program = Program::start(&[]);
    let mut client = RawClient::connect(program.address);
    client.send(&frame(0x81, &[0xff]));
    let (first, payload) = client.receive();
    assert_eq!((first, &payload[..2]), (0x88, &1007_u16.to_be_bytes()[..]));
    client.send(&frame(0x88, &payload[..2]));
    assert_eq!(client.read_to_end().unwrap(), b"");
}
