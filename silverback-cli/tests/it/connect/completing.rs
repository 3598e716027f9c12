//! The Tab key at the prompt, and hints.

use std::fs;

use super::{
    person::{COLUMNS, Person, ROWS, check_heard, puppet},
    servers::frame,
};
use crate::support::folder;

#[test]
fn tab_completes_commands_and_their_arguments() {
    let folder = folder("completing");
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/only one"), [0, 255]).unwrap();
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types(&format!("/fi\t{}/s\to\t", folder.display()));
    person.sees("only one");
    person.types("\r");
    check_heard(&hear, "binary [0, 255]");
    person.types("/po\there\r");
    check_heard(&hear, "pong here");
    person.types("/c\t1003\tbye\r");
    check_heard(&hear, "close 1003 bye");
    assert_eq!(person.ends(), Some(0));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn tab_leaves_messages_alone() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    for line in ["p", "hello /p", "//p"] {
        person.types(&format!("{line}\t"));
        person.types("\t!\r");
        check_heard(&hear, &format!("{}!", line.replace("//", "/")));
    }
}

#[test]
fn a_list_of_commands_does_not_keep_messages_waiting() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url(), "--quiet"]);
    person.sees("> ");
    person.types("/p\t");
    person.sees("/ping  /pong\n> /p");
    for number in 0..30 {
        tell.send(frame(0x81, format!("<{number}>").as_bytes())).unwrap();
    }
    person.sees("< <29>\n> /p");
    person.types("\t");
    person.sees("< <29>\n/ping  /pong\n> /p");
    person.types("o\tx\r");
    check_heard(&hear, "pong x");
}

#[test]
fn a_hint_shows_what_may_follow_and_is_not_sent() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("/");
    person.sees("> / Tab lists commands");
    person.types("p");
    person.types("i");
    person.sees("> /ping [TEXT]");
    tell.send(frame(0x81, b"hi")).unwrap();
    person.sees("< hi\n> /ping [TEXT]");
    person.types("ng\r");
    person.sees("> /ping\npong after ");
    person.types("/cl");
    person.sees("> /close [CODE [REASON]]");
    // The right arrow takes it over.
    person.types("\x1b[C");
    person.sees("> /close [CODE [REASON]]");
    person.types("1001");
    person.sees("> /close 1001 (going away)");
    person.types(" bye\r");
    check_heard(&hear, "close 1001 bye");
    assert_eq!(person.ends(), Some(0));
    assert!(!person.screen().contains("(going away)\n"), "{}", person.screen());
}

#[test]
fn there_are_no_hints_without_colours_or_room() {
    let (server, tell, _hear) = puppet();
    let mut person = Person::start(&[&server.url(), "--color", "never"]);
    person.sees("Connected");
    person.types("/j");
    person.sees("> /j");
    tell.send(frame(0x81, b"hi")).unwrap();
    person.sees("< hi\n> /j");
    assert!(!person.screen().contains("> /json"), "{}", person.screen());
    drop(person);
    let mut person = Person::start(&[&server.url(), "--quiet"]);
    person.sees("> ");
    person.resizes(ROWS, 20);
    person.types("/te");
    person.sees("> /textfile PATH");
    person.types("\t");
    person.types("0123456789");
    person.sees("01234567\n89");
    person.types(&"\x7f".repeat(17));
    person.sees("> /te");
    person.types("\x7f\x7fclo");
    person.sees("> /clo");
    person.types("\t");
    person.sees("> /close");
    assert!(!person.screen().contains("CODE"), "{}", person.screen());
}

#[test]
fn a_hint_costs_no_line_of_output_in_a_window_of_another_width() {
    for (from, to) in [(COLUMNS, 12), (20, COLUMNS), (20, 10)] {
        let (server, tell, hear) = puppet();
        let mut person = Person::start(&[&server.url(), "--quiet"]);
        person.sees("> ");
        person.resizes(ROWS, from);
        tell.send([frame(0x81, b"one"), frame(0x81, b"two")].concat()).unwrap();
        person.sees("< one\n< two\n> ");
        person.types("/te");
        person.sees("> /textfile PATH");
        person.resizes_and_rewraps(ROWS, to);
        tell.send(frame(0x81, b"three")).unwrap();
        person.sees("< three\n> /te");
        let screen = person.screen();
        assert!(screen.contains("< one\n< two\n"), "{from} to {to}:\n{screen}");
        person.types("\u{15}/pong x\r");
        check_heard(&hear, "pong x");
    }
}
