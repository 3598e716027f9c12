//! The command line, and the sources of secrets.

use std::{
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
};

use super::{
    check_said, command,
    servers::{Server, accepting, close, read_to_close},
    talk, wait_for,
};
use crate::support::run;

/// A server that notes the request, accepts it and closes.
fn noting() -> (Server, Arc<Mutex<String>>) {
    let noted = Arc::<Mutex<String>>::default();
    let note = noted.clone();
    let server = Server::start(move |mut stream, head| {
        use std::io::Write;
        stream.write_all(&[accepting(&head).as_bytes(), &close(1000, "")].concat()).unwrap();
        *note.lock().unwrap() = head.to_ascii_lowercase();
        read_to_close(&mut stream);
    });
    (server, noted)
}

/// Runs the program with these words and variables; gives the request that the server got.
#[track_caller]
fn request(words: impl Fn(&str) -> Vec<String>, environment: &[(&str, &str)]) -> String {
    let (server, noted) = noting();
    let words = words(&server.address.to_string());
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let mut command = command(&words);
    command.envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    check_said(&wait_for(command.spawn().unwrap()), "");
    noted.lock().unwrap().clone()
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// The Basic credentials of me and secret.
const BASIC: &str = "authorization: basic bwu6c2vjcmv0";

#[test]
fn a_bare_url_connects_wherever_it_stands() {
    for form in [
        "ws://HOST/x",
        "http://HOST/x",
        "-k ws://HOST/x",
        "--max-message-size 1k WS://HOST/x -q",
        "-s chat,x ws://HOST/x",
    ] {
        let head = request(|host| words(&form.replace("HOST", host)), &[]);
        assert!(head.starts_with("get /x http/1.1\r\n"), "{form}: {head}");
    }
}

#[test]
fn variables_of_the_service_do_not_disturb() {
    let environment = [("SILVERBACK_LISTEN", "localhost:9"), ("SILVERBACK_QUIET", "1")];
    assert!(request(|host| words(&format!("connect ws://{host}/x")), &environment).starts_with("get /x"));
}

#[test]
fn headers_and_all_that_belongs_to_them_are_sent() {
    let form = "connect ws://HOST/ -H X-One:1 -H host:other --origin http://o -s b,a --no-compression";
    let head = request(|host| words(&form.replace("HOST", host)), &[]);
    for line in ["x-one: 1", "host: other", "origin: http://o", "sec-websocket-protocol: b, a"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    assert!(!head.contains("permessage-deflate"), "{head}");
}

#[test]
fn a_password_comes_from_the_line_the_url_a_file_or_a_variable() {
    let file = std::env::temp_dir().join(format!("silverback-password-{}", std::process::id()));
    fs::write(&file, "secret\nmore\n").unwrap();
    let from_file = format!("connect ws://HOST/ -u me --password-file {}", file.display());
    for (form, environment) in [
        ("connect ws://HOST/ -u me:secret", &[][..]),
        ("connect ws://me:secr%65t@HOST/", &[]),
        (&from_file, &[]),
        ("connect ws://HOST/ --user me", &[("SILVERBACK_PASSWORD", "secret")]),
        ("connect ws://me@HOST/", &[("SILVERBACK_PASSWORD", "secret")]),
    ] {
        let head = request(|host| words(&form.replace("HOST", host)), environment);
        assert!(head.contains(BASIC), "{form}: {head}");
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn a_token_comes_from_the_line_a_file_or_a_variable() {
    let file = std::env::temp_dir().join(format!("silverback-token-{}", std::process::id()));
    fs::write(&file, "abc\n").unwrap();
    let from_file = format!("connect ws://HOST/ --bearer-file {}", file.display());
    for (form, environment) in [
        ("connect ws://HOST/ --bearer abc", &[][..]),
        (&from_file, &[]),
        ("connect ws://HOST/", &[("SILVERBACK_BEARER", "abc")]),
    ] {
        let head = request(|host| words(&form.replace("HOST", host)), environment);
        assert!(head.contains("\r\nauthorization: bearer abc\r\n"), "{form}: {head}");
    }
    fs::remove_file(file).unwrap();
}

#[test]
fn headers_can_stand_in_a_file() {
    let file = std::env::temp_dir().join(format!("silverback-headers-{}", std::process::id()));
    fs::write(&file, "# secret ones\nX-One: 1\n\nX-Two: 2\n").unwrap();
    let head = request(|host| words(&format!("connect ws://{host}/ -H @{}", file.display())), &[]);
    assert!(head.contains("\r\nx-one: 1\r\n") && head.contains("\r\nx-two: 2\r\n"), "{head}");
    fs::remove_file(file).unwrap();
}

#[test]
fn a_host_can_be_given_its_address() {
    let (server, noted) = noting();
    let port = server.address.port();
    let output = talk(
        &[&format!("ws://example.invalid:{port}/"), "--resolve", &format!("example.invalid:{port}:127.0.0.1")],
        b"",
    );
    check_said(&output, "");
    assert!(noted.lock().unwrap().contains(&format!("\r\nhost: example.invalid:{port}\r\n")));
}

#[test]
fn a_redirect_is_followed_if_that_is_wanted() {
    let (server, noted) = noting();
    let first =
        Server::answering(format!("HTTP/1.1 307 Go\r\nLocation: {}there\r\nContent-Length: 0\r\n\r\n", server.url()));
    check_said(&talk(&[&first.url(), "-L", "--bearer", "abc"], b""), "");
    let head = noted.lock().unwrap().clone();
    assert!(head.starts_with("get /there ") && !head.contains("abc"), "{head}");
}

#[test]
fn a_header_of_the_handshake_is_refused_before_anything_is_connected_to() {
    let file = std::env::temp_dir().join(format!("silverback-reserved-{}", std::process::id()));
    fs::write(&file, "X-One: 1\nSec-WebSocket-Protocol: chat\n").unwrap();
    let from_file = format!("@{}", file.display());
    let (server, noted) = noting();
    for (header, words) in [
        ("Sec-WebSocket-Protocol: chat", &["Sec-WebSocket-Protocol", "--subprotocol"][..]),
        (&from_file, &["Sec-WebSocket-Protocol", "--subprotocol"]),
        ("sec-websocket-extensions: permessage-deflate", &["--no-compression"]),
        ("Connection: Upgrade", &["Connection", "leave it out"]),
        ("UPGRADE: websocket", &["UPGRADE", "leave it out"]),
        ("Sec-WebSocket-Key: x", &["leave it out"]),
        ("Transfer-Encoding: chunked", &["no body"]),
        ("Host: a b", &["`a b` is not a host"]),
        ("X One: 1", &["not a header name"]),
    ] {
        for command in ["connect", "check", "bench"] {
            let (code, out, err) = run(&[command, &server.url(), "-H", header], &[]);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{command} {header}: {err}");
            assert!(words.iter().all(|word| err.contains(word)), "{command} {header}: {err}");
        }
    }
    assert_eq!(*noted.lock().unwrap(), "", "nothing was sent");
    fs::remove_file(file).unwrap();
}

#[test]
fn the_client_names_itself_unless_it_is_given_a_name() {
    let head = request(|host| words(&format!("connect ws://{host}/")), &[]);
    assert!(head.contains(concat!("\r\nuser-agent: silverback/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
    let head = request(|host| words(&format!("connect ws://{host}/ -H User-Agent:mine/1")), &[]);
    assert!(head.contains("\r\nuser-agent: mine/1\r\n") && !head.contains("silverback/"), "{head}");
}

#[test]
fn a_url_is_escaped_as_browsers_do() {
    for (path, sent) in [
        ("/?q={\"a\": 1}", "/?q={%22a%22:%201}"),
        ("/<日本> ü", "/%3c%e6%97%a5%e6%9c%ac%3e%20%c3%bc"),
        ("/a%20b?c=%2F%25+d&e=100%", "/a%20b?c=%2f%25+d&e=100%"),
    ] {
        let head = request(|host| vec!["connect".to_owned(), format!("ws://{host}{path}")], &[]);
        assert!(head.starts_with(&format!("get {sent} http/1.1\r\n")), "{path}: {head}");
    }
}

#[test]
fn blanks_around_a_url_do_not_matter() {
    let (server, _) = noting();
    let url = format!(" \tws://{}/x \r\n", server.address);
    check_said(&talk(&[&url], b""), "");
    for command in ["connect", "check", "bench"] {
        let (code, _, err) = run(&[command, " ftp://me:S3CRET@localhost/"], &[]);
        assert!(code == Some(2) && err.contains("`ftp://localhost/` does not begin"), "{err}");
    }
}

#[test]
fn international_names_are_converted_in_every_option() {
    let form = "connect ws://HOST/ -H Host:B\u{fc}cher.example:81 --origin https://b\u{fc}cher.example:82";
    let head = request(|host| words(&form.replace("HOST", host)), &[]);
    for line in ["host: xn--bcher-kva.example:81", "origin: https://xn--bcher-kva.example:82"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    let (code, _, err) = run(&["connect", "ws://localhost:1/", "-H", "Host: \u{fc} \u{fc}"], &[]);
    assert!(code == Some(2) && err.contains("`\u{fc} \u{fc}`"), "{err}");
}

#[test]
fn a_control_character_in_a_url_is_named() {
    for command in ["connect", "check", "bench"] {
        let (code, _, err) = run(&[command, "ws://localhost/a\nb"], &[]);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("U+000A, at position 17") && err.lines().count() == 1, "{err}");
    }
}
