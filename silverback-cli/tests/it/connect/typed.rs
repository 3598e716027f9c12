//! Commands at the prompt, one by one.

use std::{fs, io::Write};

use rustix::process::Signal;

use super::{
    person::{Person, check_heard, puppet},
    servers::{Server, close, frame, read_to_close},
};
use crate::support::{folder, wait_until};

#[test]
fn files_are_sent_in_their_turn_as_bytes_or_as_text() {
    let home = folder("files");
    fs::write(home.join("a.bin"), [0, 255]).unwrap();
    fs::write(home.join("b.txt"), "thrée").unwrap();
    let (server, _tell, hear) = puppet();
    let environment = [("HOME", home.to_str().unwrap())];
    let mut person = Person::start_with(&[&server.url(), "--no-history"], &environment);
    person.sees("Connected");
    person.types(&format!("/file {}/a.bin\rafter\r/textfile ~/b.txt\rlast\r", home.display()));
    for text in ["binary [0, 255]", "after", "thrée", "last"] {
        check_heard(&hear, text);
    }
    person.types("/textfile ~/a.bin\r");
    person.sees("a.bin is not UTF-8");
    person.types("/file ~/missing\r");
    person.sees("/missing: No such file");
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn every_line_that_is_typed_before_the_prompt_is_sent() {
    let (server, _tell, hear) = puppet();
    // The terminal does not give single keys yet.
    let mut person = Person::start(&[&server.url()]);
    person.types("one\rtwo\rthree\r");
    for text in ["one", "two", "three"] {
        check_heard(&hear, text);
    }
}

#[test]
fn what_has_no_end_is_not_read() {
    let folder = folder("endless");
    let fifo = folder.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(folder.join("large"), [0; 101]).unwrap();
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url(), "--max-message-size", "100"]);
    person.sees("Connected");
    person.types(&format!("/file {}\r", fifo.display()));
    person.sees("fifo is not a regular file");
    person.types("/file /dev/zero\r");
    person.sees("/dev/zero is not a regular file");
    person.types(&format!("/file {}/large\r", folder.display()));
    person.sees("is larger than 100 bytes");
    person.types("still there\r");
    check_heard(&hear, "still there");
    person.gets(Signal::TERM);
    assert_eq!(person.ends(), Some(143));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_pong_is_sent_unasked() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("/pong here\r");
    check_heard(&hear, "pong here");
}

#[test]
fn bytes_can_be_written_in_base64() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("/bin base64:AP8=\r");
    check_heard(&hear, "binary [0, 255]");
    person.types("/bin base64:?\r");
    person.sees("/bin needs hex:00ff or base64:AP8=");
}

#[test]
fn help_lists_the_commands_and_quit_ends_in_order() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("/help\r");
    for command in ["/bin hex:", "/file PATH", "/textfile", "/ping", "/pong", "/close", "/json", "/stats", "/quit"] {
        person.sees(command);
    }
    person.types("/quit\r");
    check_heard(&hear, "close 1000 ");
    assert_eq!(person.ends(), Some(0));
}

#[test]
fn lines_are_bytes_if_that_is_wanted() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url(), "--binary"]);
    person.sees("Connected");
    person.types("hi\r");
    check_heard(&hear, "binary [104, 105]");
}

#[test]
fn what_a_ping_has_measured_is_among_what_was_counted() {
    let (server, _tell, _hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("/stats\r");
    person.sees("round trip not measured yet");
    person.types("/ping\r");
    person.sees("pong after ");
    let trip = person.screen().split("pong after ").nth(1).unwrap().lines().next().unwrap().to_owned();
    person.types("/stats\r");
    person.sees(&format!("round trip {trip}"));
}

#[test]
fn messages_are_counted_for_the_connection_that_they_came_on() {
    let mut count = 0;
    let server = Server::talking(move |mut stream| {
        count += 1;
        stream.write_all(&frame(0x81, b"one").repeat(if count == 1 { 2 } else { 1 })).unwrap();
        if count == 2 {
            read_to_close(&mut stream);
        }
    });
    let mut person = Person::start(&[&server.url(), "--reconnect"]);
    person.sees("connecting again");
    wait_until("it is connected again", || person.screen().matches("Connected").count() == 2);
    wait_until("it has heard", || person.screen().matches("< one").count() == 3);
    person.types("/stats\r");
    person.sees("received 1 messages, ");
}

#[test]
fn an_end_in_order_is_told_unless_quiet_is_wanted() {
    for (options, is_told) in [(&[][..], true), (&["--quiet"], false)] {
        let server = Server::sending([frame(0x81, b"last words"), close(1000, "bye")].concat());
        let mut person = Person::start(&[&[&*server.url()], options].concat());
        assert_eq!(person.ends(), Some(0));
        person.sees("< last words");
        if is_told {
            person.sees("the server closed the connection with 1000 (normal closure): bye");
        }
        assert_eq!(person.screen().contains("closed"), is_told, "{}", person.screen());
    }
}
