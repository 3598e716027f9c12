//! The prompt: its look, its input, and the state in which it leaves the terminal.

use std::{
    io::{Read, Write},
    path::PathBuf,
};

use super::{
    person::{COLUMNS, Person, ROWS, check_heard, puppet},
    servers::{Server, close, frame, read_to_close},
};
use crate::support::wait_until;

#[test]
fn lines_are_sent_and_messages_shown_above_the_prompt() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected to ws://");
    person.types("hello\r");
    check_heard(&hear, "hello");
    tell.send(frame(0x81, b"hi there")).unwrap();
    person.sees("> hello\n< hi there\n> ");
    person.types("\u{4}");
    check_heard(&hear, "close 1000 ");
    assert_eq!(person.ends(), Some(0));
}

#[test]
fn a_message_does_not_tear_the_line_that_is_typed() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("half ");
    person.sees("> half");
    tell.send(frame(0x81, b"first")).unwrap();
    person.sees("< first\n> half");
    person.types("typed, and so long that it does not fit on one line of the terminal any more");
    person.sees("any m\nore");
    tell.send(frame(0x81, b"second")).unwrap();
    person.sees("< first\n< second\n> half typed, and so long");
    assert_eq!(person.screen().matches("half typed").count(), 1, "{}", person.screen());
    person.types("!\r");
    check_heard(&hear, "half typed, and so long that it does not fit on one line of the terminal any more!");
}

#[test]
fn a_flood_is_shown_whole_and_in_order_while_lines_are_typed() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    for number in 0..500 {
        tell.send(frame(0x81, format!("<{number:03}>").as_bytes())).unwrap();
        if number % 50 == 0 {
            person.types("x\r");
            check_heard(&hear, "x");
        }
    }
    person.sees("<499>");
    let shown = String::from_utf8(person.bytes()).unwrap();
    let numbers: Vec<usize> = shown.split("< \x1b[0m<").skip(1).map(|part| part[..3].parse().unwrap()).collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
}

#[test]
fn what_a_peer_sends_does_nothing_to_the_terminal() {
    let (server, tell, _hear) = puppet();
    let person = Person::start(&[&server.url()]);
    person.sees("Connected");
    tell.send(frame(0x81, "\x1b]0;owned\x07\x1b[2J\x1b[31mboo\r\nfake\u{9b}1m\u{3164}\u{115f}\u{202e}".as_bytes()))
        .unwrap();
    person.sees("\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{1b}[31mboo\\r");
    person.sees("\n  fake\\u{9b}1m\\u{3164}\\u{115f}\\u{202e}");
    let bytes = person.bytes();
    for sequence in [&b"\x1b]0"[..], b"\x1b[2J", b"\x07", b"\xc2\x9b"] {
        assert!(!bytes.windows(sequence.len()).any(|window| window == sequence), "{sequence:?}");
    }
}

#[test]
fn keys_that_come_at_once_are_all_taken() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("one\rtwo\rthrée\r");
    for text in ["one", "two", "thrée"] {
        check_heard(&hear, text);
    }
}

#[test]
fn a_paste_of_several_lines_is_one_message() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("\x1b[200~{\r  \"a\": 1\r}\x1b[201~");
    person.sees("\"a\": 1");
    person.types("\r");
    check_heard(&hear, "{\n  \"a\": 1\n}");
}

#[test]
fn commands_do_what_they_say() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("/bin hex:00 ff\r");
    check_heard(&hear, "binary [0, 255]");
    person.types("//slash\r");
    check_heard(&hear, "/slash");
    person.types("/ping\r");
    person.sees("pong after ");
    tell.send([frame(0x81, b"{\"a\":[1,2]}"), frame(0x82, b"\0A")].concat()).unwrap();
    person.sees("< {\n    \"a\": [\n      1,\n      2\n    ]\n  }\n< binary, 2 bytes\n  00000000  00 41 ");
    person.types("/json\r");
    person.sees("shown as it came");
    tell.send(frame(0x81, b"{\"b\":1}")).unwrap();
    person.sees("< {\"b\":1}");
    person.types("/stats\r");
    person.sees("sent 2 messages");
    person.types("/nonsense\r");
    person.sees("unknown command /nonsense");
    person.types("/close 4001 see you\r");
    check_heard(&hear, "close 4001 see you");
    assert_eq!(person.ends(), Some(0));
    person.sees("closed with 4001; the server answered with 4001 (private to the application): see you");
}

#[test]
fn a_close_that_was_asked_for_shows_how_it_ended() {
    // The server answers with another code, without a Close frame, and not at all.
    for (answer, words) in [
        (Some(close(4002, "bye")), "closed with 1000; the server answered with 4002"),
        (Some(Vec::new()), "the closing handshake failed: "),
        (None, "the closing handshake failed: "),
    ] {
        let server = Server::talking(move |mut stream| {
            read_to_close(&mut stream);
            match &answer {
                Some(answer) => stream.write_all(answer).unwrap(),
                None => _ = stream.read(&mut [0]),
            }
        });
        let mut person = Person::start(&[&server.url(), "--quiet", "--close-timeout", "300ms"]);
        person.sees("> ");
        person.types("/close\r");
        assert_eq!(person.ends(), Some(0));
        person.sees(words);
    }
}

#[test]
fn ctrl_c_is_130_and_leaves_no_prompt() {
    let (server, _tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("half");
    person.sees("> half");
    person.types("\u{3}");
    check_heard(&hear, "close 1001 ");
    assert_eq!(person.ends(), Some(130));
}

#[test]
fn a_close_by_the_server_is_told_and_takes_the_prompt_away() {
    let (server, tell, _hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    person.types("half");
    person.sees("> half");
    tell.send([frame(0x81, b"last words"), close(4001, "log in")].concat()).unwrap();
    assert_eq!(person.ends(), Some(6));
    person.sees("< last words\nsilverback: the server closed the connection with 4001");
    assert!(!person.screen().contains("> half"), "{}", person.screen());
}

#[test]
fn the_last_message_is_shown_however_soon_the_end_comes() {
    for round in 0..20 {
        let server = Server::sending([frame(0x81, b"last words"), close(1000, "")].concat());
        let options: &[&str] = if round % 2 == 0 { &[] } else { &["-n", "1", "--close-timeout", "50ms"] };
        let mut person = Person::start(&[&[&*server.url()], options].concat());
        assert_eq!(person.ends(), Some(0));
        person.sees("< last words");
        let bytes = || String::from_utf8(person.bytes()).unwrap();
        wait_until("bracketed paste is off", || bytes().rfind("\x1b[?2004h") <= bytes().rfind("\x1b[?2004l"));
        assert_eq!(bytes().matches("last words").count(), 1, "{:?}", bytes());
        assert!(!person.screen().contains("> "), "{}", person.screen());
    }
}

#[test]
fn history_is_kept_in_its_file_except_what_begins_with_a_space() {
    let (server, _tell, hear) = puppet();
    let file = std::env::temp_dir().join(format!("silverback-history-{}", std::process::id()));
    let path = file.to_str().unwrap();
    let mut first = Person::start_with(&[&server.url(), "--history", path], &[]);
    first.sees("Connected");
    first.types("remember\r");
    check_heard(&hear, "remember");
    first.types(" secret\r");
    check_heard(&hear, " secret");
    first.types("\u{4}");
    check_heard(&hear, "close 1000 ");
    assert_eq!(first.ends(), Some(0));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("secret"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0);
    }
    let mut second = Person::start_with(&[&server.url(), "--history", path], &[]);
    second.sees("Connected");
    second.types("\x1b[A");
    second.sees("> remember");
    second.types("\r");
    check_heard(&hear, "remember");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn the_history_has_its_place_at_home_unless_none_is_wanted() {
    let (server, _tell, hear) = puppet();
    let home = std::env::temp_dir().join(format!("silverback-home-{}", std::process::id()));
    let file: PathBuf = home.join("silverback/history");
    let environment = [("XDG_STATE_HOME", home.to_str().unwrap())];
    for (options, is_kept) in [(&["--no-history"][..], false), (&[], true)] {
        let mut person = Person::start_with(&[&[&*server.url()], options].concat(), &environment);
        person.sees("Connected");
        person.types("text\r");
        check_heard(&hear, "text");
        person.types("\u{4}");
        check_heard(&hear, "close 1000 ");
        assert_eq!(person.ends(), Some(0));
        assert_eq!(file.exists(), is_kept);
    }
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn colours_are_left_out_if_that_is_wanted() {
    for (options, environment, has_colours) in [
        (&[][..], &[][..], true),
        (&["--color", "never"], &[], false),
        (&[], &[("NO_COLOR", "1")], false),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
    ] {
        let (server, tell, _hear) = puppet();
        let url = server.url();
        let person = Person::start_with(&[&[&*url, "--no-history"], options].concat(), environment);
        tell.send(frame(0x81, b"hi")).unwrap();
        person.sees("< hi");
        let bytes = person.bytes();
        assert_eq!(bytes.windows(5).any(|window| window == b"\x1b[36m"), has_colours, "{options:?} {environment:?}");
    }
}

#[test]
fn a_terminal_that_cannot_edit_has_no_prompt() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start_with(&[&server.url()], &[("TERM", "dumb")]);
    person.types("hello\n");
    check_heard(&hear, "hello");
    tell.send(frame(0x81, b"hi\x07")).unwrap();
    person.sees("< hi\\u{7}");
    assert!(!person.bytes().contains(&0x1b));
    person.types("\u{4}");
    check_heard(&hear, "close 1000 ");
    assert_eq!(person.ends(), Some(0));
}

#[test]
fn an_error_before_there_is_a_connection_is_one_line() {
    let mut person = Person::start(&["ws://127.0.0.1:1/"]);
    assert_eq!(person.ends(), Some(3));
    person.sees("silverback: connecting to 127.0.0.1:1 failed");
    assert_eq!(person.screen().lines().count(), 1, "{}", person.screen());
}

#[test]
fn formats_show_messages_as_programs_or_people_want_them() {
    for (format, shown) in [
        ("json", "\"data\":\"[1]\",\"size\":3,"),
        ("hex", "< text, 3 bytes\n  00000000  5b 31 5d "),
        ("raw", "< [1]\n< binary, 1 bytes\n  00000000  07 "),
    ] {
        let (server, tell, hear) = puppet();
        let mut person = Person::start(&[&server.url(), "--format", format]);
        person.sees("Connected");
        tell.send([frame(0x81, b"[1]"), frame(0x82, b"\x07")].concat()).unwrap();
        person.sees(shown);
        person.types("line\r");
        check_heard(&hear, "line");
    }
}

#[test]
fn messages_have_their_time_if_that_is_wanted() {
    let (server, tell, _hear) = puppet();
    let person = Person::start(&[&server.url(), "--timestamps"]);
    person.sees("Connected");
    tell.send(frame(0x81, b"hi")).unwrap();
    person.sees(" < hi");
    let screen = person.screen();
    let time = screen.lines().find_map(|line| line.strip_suffix(" < hi")).unwrap();
    assert_eq!(time.split([':', '.']).map(str::len).collect::<Vec<_>>(), [2, 2, 2, 4], "{time}");
}

#[test]
fn a_line_is_drawn_anew_in_a_window_of_another_size() {
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    let line = "a line that is longer than the window will be when it has been resized";
    person.types(line);
    person.sees(line);
    person.resizes(ROWS, COLUMNS / 2);
    tell.send(frame(0x81, b"hi")).unwrap();
    person.sees("< hi\n> a line that is longer than the window ");
    person.types("!\r");
    check_heard(&hear, &format!("{line}!"));
}

#[test]
fn a_window_of_another_width_costs_no_line_of_output() {
    let line = "a line that takes two rows of a narrow window, and one of a wide one";
    let widths = [(50, 110), (110, 50), (30, 110), (110, 30), (50, 60), (60, 50)];
    // A line that is typed has line breaks that one that was drawn as a whole has not.
    for (rewraps, is_redrawn) in [(true, true), (true, false), (false, true), (false, false)] {
        for (from, to) in widths {
            let case = format!("{from} to {to}, rewraps: {rewraps}, is redrawn: {is_redrawn}");
            let (server, tell, hear) = puppet();
            let mut person = Person::start(&[&server.url()]);
            person.sees("Connected");
            person.resizes(ROWS, from);
            tell.send([frame(0x81, b"first"), frame(0x81, b"second")].concat()).unwrap();
            person.sees("< first\n< second\n> ");
            person.types(line);
            person.sees(&line[line.len() - 8..]);
            if is_redrawn {
                tell.send(frame(0x81, b"third")).unwrap();
                person.sees("< second\n< third\n> a line that");
                person.sees(&line[line.len() - 8..]);
            }
            match rewraps {
                true => person.resizes_and_rewraps(ROWS, to),
                false => person.resizes(ROWS, to),
            }
            tell.send(frame(0x81, b"fourth")).unwrap();
            person.sees("< fourth\n> a line that");
            let screen = person.screen();
            let above = if is_redrawn { "< first\n< second\n< third\n" } else { "< first\n< second\n" };
            assert!(screen.contains(above), "{case}:\n{screen}");
            if rewraps && to > from {
                assert!(screen.contains(&format!("{above}< fourth\n> a line that")), "{case}:\n{screen}");
            }
            person.types("!\r");
            check_heard(&hear, &format!("{line}!"));
        }
    }
}
