//! `--record` and `--replay`.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::Shutdown,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    check_end, check_said,
    person::{Person, check_heard, puppet},
    servers::{GONE, Server, close, frame, read_frame, read_to_close},
    start, talk, wait_for,
};
use crate::support::{PATIENCE, Program, folder, wait_until};

/// A folder with a file to record to.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(folder(name))
    }

    fn file(&self) -> String {
        self.0.join("talk.ndjson").display().to_string()
    }

    /// The file with these lines.
    fn holding(&self, lines: &[Value]) -> String {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.file(), text).unwrap();
        self.file()
    }

    /// The recorded lines without their times, which never go back.
    fn lines(&self) -> Vec<Value> {
        lines(&self.file())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn lines(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    let mut last = String::new();
    let lines = text.lines().map(|line| {
        let mut object: Value = serde_json::from_str(line).unwrap();
        let time = object.as_object_mut().unwrap().remove("time").unwrap();
        assert!(time.as_str().unwrap() >= last.as_str(), "{text}");
        last = time.as_str().unwrap().to_owned();
        object
    });
    lines.collect()
}

fn text(direction: &str, data: &str) -> Value {
    json!({ "type": "text", "direction": direction, "data": data, "size": data.len() })
}

fn closed(direction: &str, code: u16, reason: &str) -> Value {
    json!({ "type": "close", "direction": direction, "code": code, "reason": reason })
}

fn echo() -> (Program, String) {
    let program = Program::start(&[]);
    let url = format!("ws://{}/ws/echo", program.address);
    (program, url)
}

/// A server that reports the texts that it gets and the code of the close, and never answers.
fn hearing() -> (Server, mpsc::Receiver<String>) {
    let (heard, hear) = mpsc::channel();
    let server = Server::talking(move |mut stream| {
        loop {
            let words = match read_frame(&mut stream) {
                (1 | 2, bytes) => String::from_utf8(bytes).unwrap(),
                (8, payload) => {
                    stream.write_all(&frame(0x88, &payload)).unwrap();
                    stream.shutdown(Shutdown::Write).unwrap();
                    format!("close {} {}", u16::from_be_bytes([payload[0], payload[1]]), payload.len())
                }
                (GONE, _) => break,
                _ => continue,
            };
            heard.send(words).unwrap();
        }
    });
    (server, hear)
}

#[test]
fn both_directions_are_recorded_for_the_owner_alone_and_without_secrets() {
    let place = Place::new("record");
    let (program, url) = echo();
    let secret = format!("{url}?token=secret1");
    let options =
        [&*secret, "--record", &place.file(), "--send", "first", "-H", "X-Key: secret2", "-u", "me:secret3", "-n", "3"];
    check_said(&talk(&options, "a\"\u{9b}\né\n".as_bytes()), "first\na\"\u{9b}\né\n");
    let mut found = place.lines();
    assert_eq!(found.remove(0), json!({ "type": "open", "url": format!("ws://{}/ws/echo?…", program.address) }));
    assert_eq!(found[found.len() - 2..], [closed("sent", 1000, ""), closed("received", 1000, "")]);
    for direction in ["sent", "received"] {
        let of_it: Vec<_> =
            found.iter().filter(|line| line["direction"] == direction && line["type"] == "text").collect();
        assert_eq!(of_it, [&text(direction, "first"), &text(direction, "a\"\u{9b}"), &text(direction, "é")]);
    }
    let raw = fs::read_to_string(place.file()).unwrap();
    assert!(!raw.contains("secret") && !raw.contains('\u{9b}'), "{raw}");
    assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn bytes_and_large_messages_are_recorded_whole() {
    let place = Place::new("record-large");
    let (_program, url) = echo();
    let large: Vec<u8> = (0..900_001).map(|at| (at % 251) as u8).collect();
    let output = talk(&[&url, "--record", &place.file(), "--format", "raw", "-n", "1"], &large);
    assert!(output.status.success() && output.stdout == large);
    let base64 = data_encoding::BASE64.encode(&large);
    let messages: Vec<_> = place.lines().into_iter().filter(|line| line["type"] == "binary").collect();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|line| line["base64"] == *base64 && line["size"] == 900_001));
    // It is replayed as it was.
    let again = talk(&[&url, "--replay", &place.file(), "--expect", "--speed", "0", "--format", "raw"], b"");
    assert!(again.status.success() && again.stdout == large);
}

#[test]
fn a_person_can_record_too_and_the_close_has_its_code() {
    let place = Place::new("record-person");
    let (server, tell, hear) = puppet();
    let mut person = Person::start(&[&server.url(), "--record", &place.file()]);
    person.sees("Connected");
    person.types("/bin hex:00\r");
    check_heard(&hear, "binary [0]");
    tell.send(frame(0x81, b"hi")).unwrap();
    person.sees("< hi");
    person.types("/ping\r");
    person.sees("pong after ");
    // What was said is in the file while the program runs.
    wait_until("it is recorded", || place.lines().contains(&text("received", "hi")));
    person.types("/close 4001 bye\r");
    assert_eq!(person.ends(), Some(0));
    assert_eq!(place.lines()[3..], [closed("sent", 4001, "bye"), closed("received", 4001, "bye")]);
}

#[test]
fn a_close_without_a_code_is_recorded_as_such_and_can_be_replayed() {
    let place = Place::new("empty-close");
    let (_program, url) = echo();
    let mut person = Person::start(&[&url, "--record", &place.file()]);
    person.sees("Connected");
    person.types("/close 1005\r");
    assert_eq!(person.ends(), Some(0));
    let empty = |direction: &str| json!({ "type": "close", "direction": direction });
    assert_eq!(place.lines()[1..], [empty("sent"), empty("received")]);
    let again = Place::new("empty-close-again");
    let output = talk(&[&url, "--replay", &place.file(), "--record", &again.file(), "--wait", "0"], b"");
    check_said(&output, "");
    assert_eq!(again.lines()[1..], [empty("sent"), empty("received")]);
}

#[test]
fn a_file_with_something_in_it_is_not_written_over() {
    let place = Place::new("record-over");
    let (server, _hear) = hearing();
    fs::write(place.file(), "precious").unwrap();
    let output = talk(&[&server.url(), "--record", &place.file()], b"");
    check_end(&output, 2, &["--record does not write over ", "talk.ndjson, which is not empty"]);
    assert_eq!(fs::read_to_string(place.file()).unwrap(), "precious");
    // An attempt that failed leaves an empty file, which does not stand in the way.
    fs::remove_file(place.file()).unwrap();
    assert_eq!(talk(&["ws://127.0.0.1:1/", "--record", &place.file()], b"").status.code(), Some(3));
    fs::set_permissions(place.file(), fs::Permissions::from_mode(0o666)).unwrap();
    check_said(&talk(&[&server.url(), "--record", &place.file(), "--wait", "0"], b"x\n"), "");
    assert_eq!(place.lines()[1], text("sent", "x"));
    assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn two_programs_do_not_record_to_one_file() {
    let place = Place::new("record-twice");
    let held = File::create(place.file()).unwrap();
    held.lock().unwrap();
    let server = Server::start(|_, _| panic!("it connects"));
    let output = talk(&[&server.url(), "--record", &place.file()], b"");
    check_end(&output, 2, &["another program records to /"]);
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_connecting() {
    let place = Place::new("record-nowhere");
    let server = Server::start(|_, _| panic!("it connects"));
    let fifo = place.0.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for (path, words) in [
        (place.0.join("missing/file"), "No such file"),
        (place.0.clone(), "Is a directory"),
        // Nobody reads it.
        (fifo, "nobody reads this FIFO yet"),
    ] {
        let output = talk(&[&server.url(), "--record", path.to_str().unwrap()], b"");
        check_end(&output, 2, &["--record cannot write /", words]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_1_and_closes_the_connection_in_order() {
    let (server, hear) = hearing();
    let child = start(&[&server.url(), "--record", "/dev/full", "--wait", "off"]);
    assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), "close 1000 2");
    check_end(&wait_for(child), 1, &["cannot write the recording /dev/full: No space left"]);
}

#[test]
fn a_reader_of_the_recording_that_has_gone_is_1() {
    let place = Place::new("record-pipe");
    let fifo = place.0.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    // Opened for both ways, so that it does not wait.
    let mut reader = File::options().read(true).write(true).open(&fifo).unwrap();
    let (_program, url) = echo();
    let mut child = start(&[&url, "--record", fifo.to_str().unwrap(), "--wait", "off"]);
    let mut first = [0; 5];
    reader.read_exact(&mut first).unwrap();
    drop(reader);
    child.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    check_end(&wait_for(child), 1, &["cannot write the recording", "fifo: Broken pipe"]);
}

#[test]
fn a_signal_leaves_whole_lines_with_the_close() {
    let place = Place::new("record-signal");
    let (_program, url) = echo();
    let mut child = start(&[&url, "--record", &place.file()]);
    child.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    let recorded = || fs::read_to_string(place.file()).is_ok_and(|lines| lines.contains("\"received\""));
    wait_until("the answer is recorded", recorded);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(wait_for(child).status.code(), Some(130));
    let found = place.lines();
    assert_eq!(found[1..3], [text("sent", "hello"), text("received", "hello")]);
    assert_eq!(found[3], closed("sent", 1001, ""));
}

#[test]
fn a_program_that_is_killed_leaves_whole_lines() {
    let place = Place::new("record-killed");
    let (_program, url) = echo();
    let mut child = start(&[&url, "--record", &place.file()]);
    child.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    let recorded = || fs::read_to_string(place.file()).is_ok_and(|lines| lines.contains("\"received\""));
    wait_until("the answer is recorded", recorded);
    child.kill().unwrap();
    wait_for(child);
    assert_eq!(place.lines()[1..], [text("sent", "hello"), text("received", "hello")]);
}

#[test]
fn a_signal_ends_it_although_nobody_reads_the_recording() {
    let place = Place::new("record-blocked");
    let fifo = place.0.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _reader = File::options().read(true).write(true).open(&fifo).unwrap();
    let (_program, url) = echo();
    let mut child = start(&[&url, "--record", fifo.to_str().unwrap()]);
    let mut stdin = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let reading = std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
    let writing =
        std::thread::spawn(
            move || while stdin.write_all(&[b'x'; 64 * 1024]).is_ok() && stdin.write_all(b"\n").is_ok() {},
        );
    // Usually long enough to fill the pipe and the queue. If they are not full yet, the test asks for less.
    std::thread::sleep(Duration::from_millis(500));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(wait_for(child).status.code(), Some(143));
    reading.join().unwrap().unwrap();
    writing.join().unwrap();
}

#[test]
fn a_recording_is_replayed_and_the_answers_printed() {
    let place = Place::new("replay");
    let (_program, url) = echo();
    let file = place.holding(&[
        json!({ "type": "open", "time": "2026-01-31T12:00:00.000Z", "more": [1, 2] }),
        json!({ "type": "text", "direction": "sent", "data": "one\n", "time": "2026-01-31T12:00:00.100Z" }),
        json!({ "type": "text", "direction": "received", "data": "other", "time": "2026-01-31T13:00:00Z" }),
        json!({ "type": "binary", "direction": "sent", "base64": "AP8=", "time": "2026-01-31T14:00:00Z" }),
        json!({ "type": "text", "direction": "sent", "data": "" }),
    ]);
    for speed in ["0", "1000000"] {
        check_said(
            &talk(&[&url, "--replay", &file, "--speed", speed, "-n", "3"], b"ignored\n"),
            "one\n\nbase64:AP8=\n\n",
        );
    }
    // It can be recorded again.
    let again = place.0.join("again").display().to_string();
    talk(&[&url, "--replay", &file, "--speed", "0", "--record", &again, "-n", "3"], b"");
    let sent = lines(&again).into_iter().filter(|line| line["direction"] == "sent").collect::<Vec<_>>();
    assert_eq!(sent.len(), 4);
    assert_eq!(sent[0], text("sent", "one\n"));
}

#[test]
fn a_replay_takes_its_time() {
    let place = Place::new("replay-time");
    let (server, hear) = hearing();
    let file = place.holding(&[
        json!({ "type": "text", "direction": "sent", "data": "one", "time": "2026-01-31T12:00:00.000Z" }),
        // The clock was set back.
        json!({ "type": "text", "direction": "sent", "data": "two", "time": "2026-01-31T11:00:00.000Z" }),
        json!({ "type": "text", "direction": "sent", "data": "three", "time": "2026-01-31T11:00:01.500Z" }),
        json!({ "type": "close", "direction": "sent", "code": 4001, "reason": "bye", "time": "2026-01-31T11:00:02Z" }),
    ]);
    let start = Instant::now();
    check_said(&talk(&[&server.url(), "--replay", &file, "--speed", "2", "--wait", "0"], b""), "");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(hear.iter().take(4).collect::<Vec<_>>(), ["one", "two", "three", "close 4001 5"]);
}

#[test]
fn answers_are_compared_with_the_recording() {
    let place = Place::new("expect");
    let (_program, url) = echo();
    let received = |data: &str| json!({ "type": "text", "direction": "received", "data": data });
    let sent = |data: &str| json!({ "type": "text", "direction": "sent", "data": data });
    let run = |lines: &[Value], wait: &str| {
        let file = place.holding(lines);
        talk(&[&url, "--replay", &file, "--expect", "--speed", "0", "--wait", wait, "--format", "raw"], b"")
    };
    check_said(&run(&[received("a"), sent("a"), sent("b"), received("b")], "1s"), "ab");
    check_said(&run(&[], "0"), "");
    check_end(
        &run(&[sent("a"), received("a"), sent("b"), received("B")], "60s"),
        9,
        &["a message differs from /", "talk.ndjson:4: expected the text `B`, received the text `b`, from byte 0 on"],
    );
    check_end(
        &run(&[sent("a"), json!({ "type": "binary", "base64": "YQ==" })], "60s"),
        9,
        &[":2: expected the bytes `61`, received the text `a`"],
    );
    check_end(
        &run(&[sent("a"), sent("b"), received("a")], "60s"),
        9,
        &["a message came after all that /", "talk.ndjson has received: the text `b`"],
    );
    check_end(
        &run(&[sent("a"), received("a"), received("b")], "200ms"),
        8,
        &["received 1 of the 2 messages in the recording (--expect)", "200ms"],
    );
}

#[test]
fn a_recording_of_ours_is_met_again_by_the_same_server() {
    let place = Place::new("expect-ours");
    let (_program, url) = echo();
    check_said(&talk(&[&url, "--record", &place.file(), "-n", "2"], b"one\ntwo\n"), "one\ntwo\n");
    check_said(&talk(&[&url, "--replay", &place.file(), "--expect"], b""), "one\ntwo\n");
}

#[test]
fn a_fault_in_a_recording_is_told_before_anything_is_sent() {
    let place = Place::new("replay-faults");
    let server = Server::start(|_, _| panic!("it connects"));
    let check = |lines: &[u8], words: &[&str]| {
        fs::write(place.file(), lines).unwrap();
        check_end(&talk(&[&server.url(), "--replay", &place.file(), "--max-message-size", "100"], b""), 2, words);
    };
    let good = r#"{"type":"text","direction":"sent","data":"a"}"#;
    check(
        format!("{good}\n{good}\nhello\n").as_bytes(),
        &["--replay /", "talk.ndjson:3: not a recording: each line must be a JSON object"],
    );
    check(format!("{good}\n{}", &good[..20]).as_bytes(), &["talk.ndjson:2: the last line is not complete"]);
    check(b"{\"type\":\"text\",\"data\":\"\xff\"}\n", &["talk.ndjson:1: invalid unicode"]);
    check(br#"{"type":"pong"}"#, &["talk.ndjson:1: unknown type `pong`"]);
    check(&[b'x'; 70_000], &["talk.ndjson:1: the line is too long"]);
    // What the line has instead is not shown whole.
    let long = format!(r#"{{"type":"{}"}}"#, "\u{9b}".repeat(30_000));
    check(long.as_bytes(), &["talk.ndjson:1: unknown type `\\u{9b}", "\\u{9b}…"]);
    let shown = talk(&[&server.url(), "--replay", &place.file()], b"").stderr;
    assert!(shown.len() < 4000, "{}", shown.len());
    for (path, words) in [
        (Path::new("/dev/zero"), "/dev/zero is not a regular file"),
        (&place.0, "is not a regular file"),
        (&place.0.join("missing"), "No such file"),
    ] {
        check_end(&talk(&[&server.url(), "--replay", path.to_str().unwrap()], b""), 2, &["--replay: ", words]);
    }
    for options in [&["--speed", "2"][..], &["--expect"]] {
        check_end(&talk(&[&[&*server.url()], options].concat(), b""), 2, &["--replay"]);
    }
    let file = place.holding(&[]);
    check_end(
        &talk(&[&server.url(), "--replay", &file, "--speed", "fast"], b""),
        2,
        &["--speed", "must be 0, or from 0.001"],
    );
    check_end(&talk(&[&server.url(), "--replay", &file, "--expect", "-n", "1"], b""), 2, &["--expect", "--count"]);
}

#[test]
fn messages_that_a_server_closed_before_are_told() {
    let place = Place::new("replay-closed");
    let server = Server::talking(|mut stream| {
        read_frame(&mut stream);
        stream.write_all(&close(1000, "enough")).unwrap();
        read_to_close(&mut stream);
    });
    let at = |second| format!("2026-01-31T12:00:{second:02}Z");
    let sent = |second| json!({ "type": "text", "direction": "sent", "data": "a", "time": at(second) });
    let file = place.holding(&[sent(0), sent(30), sent(59)]);
    let words = ["closed the connection with 1000", "enough; 2 messages were not sent"];
    check_end(&talk(&[&server.url(), "--replay", &file], b""), 6, &words);
    // All were sent.
    let file = place.holding(&[sent(0)]);
    check_said(&talk(&[&server.url(), "--replay", &file, "--wait", "off"], b""), "");
}

#[test]
fn a_replay_and_a_recording_go_on_over_a_new_connection() {
    let place = Place::new("replay-reconnect");
    let (heard, hear) = mpsc::channel();
    let mut count = 0;
    let server = Server::talking(move |mut stream| {
        count += 1;
        let (_, text) = read_frame(&mut stream);
        heard.send(String::from_utf8(text).unwrap()).unwrap();
        if count == 1 {
            return stream.write_all(&close(1012, "restart")).unwrap();
        }
        read_to_close(&mut stream);
    });
    let file = place.holding(&[
        json!({ "type": "text", "direction": "sent", "data": "one", "time": "2026-01-31T12:00:00Z" }),
        json!({ "type": "text", "direction": "sent", "data": "two", "time": "2026-01-31T12:00:01Z" }),
    ]);
    let record = place.0.join("record").display().to_string();
    let options = [&*server.url(), "--replay", &file, "--record", &record, "--reconnect", "--wait", "0", "--quiet"];
    let output = talk(&options, b"");
    assert_eq!(hear.iter().take(2).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(output.stdout, b"");
    let kinds: Vec<_> = lines(&record).iter().map(|line| format!("{} {}", line["type"], line["data"])).collect();
    let expected = ["\"open\" null", "\"text\" \"one\"", "\"close\" null", "\"open\" null", "\"text\" \"two\""];
    assert_eq!(kinds[..5], expected);
}

#[test]
fn a_replay_at_a_terminal_has_no_prompt() {
    let place = Place::new("replay-terminal");
    let (_program, url) = echo();
    let file = place.holding(&[json!({ "type": "text", "direction": "sent", "data": "hi\u{7}" })]);
    let mut person = Person::start(&[&url, "--replay", &file, "-n", "1"]);
    assert_eq!(person.ends(), Some(0));
    person.sees("< hi\\u{7}");
    assert!(!person.screen().contains('>'), "{}", person.screen());
}
