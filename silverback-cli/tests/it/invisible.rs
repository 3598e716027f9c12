//! No output repeats a stranger's characters that a terminal would act on or hide.

use std::io::Write;

use rustix::process::Signal;

use crate::{
    connect::{
        command,
        servers::{Server, close, frame, read_to_close},
        wait_for,
    },
    support::{Program, check_echo, dial},
};

/// C1 controls, DEL, a mark of direction, separators, format characters, and letters that draw nothing.
const INVISIBLE: [char; 14] = [
    '\u{9b}',
    '\u{9d}',
    '\u{9c}',
    '\u{7f}',
    '\u{202e}',
    '\u{2066}',
    '\u{2028}',
    '\u{ad}',
    '\u{feff}',
    '\u{e0041}',
    '\u{115f}',
    '\u{1160}',
    '\u{3164}',
    '\u{ffa0}',
];

fn attack() -> String {
    INVISIBLE.iter().collect()
}

/// The text arrived as far as this word, and nothing invisible with it.
#[track_caller]
fn check_harmless(output: &[u8], word: &str) {
    let output = String::from_utf8(output.to_vec()).unwrap();
    assert!(output.contains(word), "{word}: {output}");
    let found = output.chars().find(|c| *c != '\n' && (c.is_control() || INVISIBLE.contains(c)));
    assert_eq!(found, None, "{output:?}");
}

/// Runs the program to its end, and gives all that it has printed.
fn printed(words: &[&str]) -> Vec<u8> {
    use std::process::Stdio;

    let mut command = command(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = wait_for(command.spawn().unwrap());
    [output.stdout, output.stderr].concat()
}

/// Sends these frames to every client, however many there are.
fn sending(frames: Vec<u8>) -> Server {
    Server::talking(move |mut stream| {
        // The client may have gone.
        let _ = stream.write_all(&frames);
        read_to_close(&mut stream);
    })
}

#[test]
fn json_has_escapes_that_mean_the_same() {
    let server = sending([frame(0x81, format!("{} end", attack()).as_bytes()), close(1000, "")].concat());
    let line = printed(&["connect", &server.url(), "--format", "json"]);
    check_harmless(&line, "\\u009b\\u009d\\u009c\\u007f\\u202e\\u2066\\u2028\\u00ad\\ufeff\\udb40\\udc41\\u115f");
    let object: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(object["data"], format!("{} end", attack()));
}

#[test]
fn the_reason_of_a_close_is_harmless_in_every_report() {
    let reason = format!("{}end", attack());
    let server = sending(close(4000, &reason));
    let url = &*server.url();
    for words in [
        &["connect", url][..],
        &["connect", url, "--format", "json", "--verbose"],
        &["check", url],
        &["check", url, "--json"],
        &["bench", url, "-c", "1", "-n", "1"],
        &["bench", url, "-c", "1", "-n", "1", "--json"],
    ] {
        check_harmless(&printed(words), "end");
    }
}

#[test]
fn headers_and_bodies_of_an_answer_are_harmless_in_every_report() {
    for status in ["403 Forbidden", "302 Found"] {
        let text = format!("{}end", attack());
        let answer = format!(
            "HTTP/1.1 {status}\r\nServer: {text}\r\nLocation: /{text}\r\nRetry-After: {text}\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let server = Server::answering(answer);
        let url = &*server.url();
        for words in [
            &["connect", url][..],
            &["connect", url, "--verbose", "--location"],
            &["check", url],
            &["check", url, "--json"],
            &["bench", url, "-c", "1", "-n", "1", "--json"],
        ] {
            check_harmless(&printed(words), "");
        }
    }
}

#[test]
fn words_of_the_command_line_are_harmless_in_errors() {
    let text = format!("{}end", attack());
    for words in [&["connect", &*text][..], &[&*text], &["connect", "ws://h/", "--count", &*text]] {
        check_harmless(&printed(words), "end");
    }
}

#[tokio::test]
async fn lines_of_the_service_are_harmless() {
    let mut program = Program::start(&[]);
    let mut conn = dial(program.address).await;
    check_echo(&mut conn, format!("{}end", attack())).await;
    program.wait_for_output("end\n");
    check_harmless(program.output().as_bytes(), r"sent: \u{9b}\u{9d}\u{9c}\u{7f}\u{202e}");
    drop(conn);
    program.signal(Signal::TERM);
    program.wait();
}
