//! The prompt, under a pseudo-terminal whose screen is drawn as a terminal would.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    process::Child,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcgetattr, tcsetwinsize},
};

use super::{
    command,
    servers::{GONE, Server, close, frame, read_frame},
};
use crate::support::{PATIENCE, wait_until};

/// A person at a terminal.
struct Person {
    keys: File,
    seen: Arc<Mutex<Seen>>,
    /// The terminal's other end, to look at its settings.
    terminal: OwnedFd,
    settings: String,
    child: Child,
}

struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

impl Person {
    fn start(options: &[&str]) -> Self {
        Self::start_with(&[options, &["--no-history"]].concat(), &[])
    }

    fn start_with(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(ptsname(&keys, Vec::new()).unwrap(), flags, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let settings = settings(&terminal);
        let end = || terminal.try_clone().unwrap();
        let mut command = command(&["connect"]);
        command.args(options).envs(environment.iter().copied()).stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        let seen = Arc::new(Mutex::new(Seen { screen, bytes: Vec::new() }));
        let keys = File::from(keys);
        let (mut output, sees) = (keys.try_clone().unwrap(), seen.clone());
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut chunk) {
                let mut seen = sees.lock().unwrap();
                seen.screen.process(&chunk[..count]);
                seen.bytes.extend(&chunk[..count]);
            }
        });
        Self { keys, seen, terminal, settings, child }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !self.screen().contains(text) {
            assert!(std::time::Instant::now() < deadline, "never {text:?} in\n{}", self.screen());
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Waits for the end of the program, which must leave the terminal as it was; gives the exit code.
    #[track_caller]
    fn ends(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(settings(&self.terminal), self.settings);
        status.unwrap().code()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(terminal: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(terminal).unwrap())
}

/// A server that sends what it is told to, and tells what it hears: texts, and `close CODE`.
fn puppet() -> (Server, mpsc::Sender<Vec<u8>>, mpsc::Receiver<String>) {
    let (told, tell) = mpsc::channel::<Vec<u8>>();
    let (heard, hear) = mpsc::channel();
    let tell = Arc::new(Mutex::new(tell));
    let server = Server::talking(move |mut stream| {
        let (mut sending, tell) = (stream.try_clone().unwrap(), tell.clone());
        thread::spawn(move || {
            while let Ok(bytes) = tell.lock().unwrap().recv() {
                _ = sending.write_all(&bytes)
            }
        });
        loop {
            match read_frame(&mut stream) {
                (1, text) => heard.send(String::from_utf8(text).unwrap()).unwrap(),
                (2, bytes) => heard.send(format!("binary {bytes:?}")).unwrap(),
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (8, payload) => {
                    let reason = String::from_utf8(payload[2..].to_vec()).unwrap();
                    heard.send(format!("close {} {reason}", u16::from_be_bytes([payload[0], payload[1]]))).unwrap();
                    let _ = stream.write_all(&frame(0x88, &payload));
                    return;
                }
                (GONE, _) => return,
                _ => {}
            }
        }
    });
    (server, told, hear)
}

#[track_caller]
fn check_heard(hear: &mpsc::Receiver<String>, text: &str) {
    assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), text);
}

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
    tell.send(frame(0x81, b"\x1b]0;owned\x07\x1b[2J\x1b[31mboo\r\nfake\xc2\x9b1m")).unwrap();
    person.sees("\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{1b}[31mboo\\r");
    person.sees("\n  fake\\u{9b}1m");
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
    person.sees("no command /nonsense");
    person.types("/close 4001 see you\r");
    check_heard(&hear, "close 4001 see you");
    assert_eq!(person.ends(), Some(0));
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

const ROWS: u16 = 40;
const COLUMNS: u16 = 80;
