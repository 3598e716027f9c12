//! Signals end every command in time, even if its output is blocked.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::tcgetattr,
};

use crate::{
    connect::{
        command,
        servers::{Server, accepting, frame, read_frame, read_head},
    },
    support::{PATIENCE, RawClient, ask, frame as client_frame, handshake, wait_until},
};

/// A pipe without a reader that is full from the start. It blocks like a pipe whose reader hangs.
struct Full {
    writer: UnixStream,
    _reader: UnixStream,
}

impl Full {
    fn new() -> Self {
        let (mut writer, _reader) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        for size in [64 * 1024, 1] {
            while writer.write(&vec![b'x'; size]).is_ok() {}
        }
        writer.set_nonblocking(false).unwrap();
        Self { writer, _reader }
    }

    fn stdio(&self) -> Stdio {
        OwnedFd::from(self.writer.try_clone().unwrap()).into()
    }
}

/// A pseudo-terminal for the program, with keys to type. The test does not read its output unless it wants to.
struct Terminal {
    keys: std::fs::File,
    other_end: OwnedFd,
    settings: String,
}

impl Terminal {
    fn new() -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let other_end = rustix::fs::open(ptsname(&keys, Vec::new()).unwrap(), flags, Mode::empty()).unwrap();
        let settings = format!("{:?}", tcgetattr(&other_end).unwrap());
        Self { keys: keys.into(), other_end, settings }
    }

    /// The program, with the terminal as its controlling one, so that Ctrl-C becomes a signal.
    fn start(&self, options: &[&str]) -> Child {
        self.start_under(&[], options)
    }

    /// The same, as the last arguments of another command.
    fn start_under(&self, command_line: &[&str], options: &[&str]) -> Child {
        let program = command(options);
        let mut setsid = Command::new("setsid");
        setsid.arg("--ctty").args(command_line).arg(env!("CARGO_BIN_EXE_silverback")).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => setsid.env(name, value),
                None => setsid.env_remove(name),
            };
        }
        let end = || self.other_end.try_clone().unwrap();
        setsid.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap()
    }

    fn types(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    fn is_raw(&self) -> bool {
        format!("{:?}", tcgetattr(&self.other_end).unwrap()) != self.settings
    }

    /// Reads until this text appears. Returns everything that was read.
    fn sees(&mut self, text: &str) -> String {
        let mut shown = Vec::new();
        let mut chunk = [0; 1024];
        while !String::from_utf8_lossy(&shown).contains(text) {
            let count = self.keys.read(&mut chunk).unwrap();
            shown.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    }
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    let deadline = Instant::now() + PATIENCE;
    while status.is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it never ends");
        }
        thread::sleep(Duration::from_millis(5));
        status = child.try_wait().unwrap();
    }
    status.unwrap()
}

/// SIGHUP of a person is a request to reload. The same signal comes when the terminal goes away.
#[test]
fn a_service_with_certificate_files_ends_with_its_terminal_and_not_with_sighup() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = std::env::temp_dir().join(format!("silverback-terminal-{}.pem", std::process::id()));
    std::fs::write(&file, made.cert.pem() + &made.signing_key.serialize_pem()).unwrap();
    let mut terminal = Terminal::new();
    let mut service = terminal.start(&["--listen", "127.0.0.1:0", "--tls-cert", file.to_str().unwrap()]);
    terminal.sees("Open https://");
    send(&service, Signal::HUP);
    terminal.sees("the certificate is reloaded");
    assert!(service.try_wait().unwrap().is_none());
    drop(terminal);
    assert_eq!(wait(&mut service).code(), Some(0));
    std::fs::remove_file(&file).unwrap();
}

/// A server that accepts no connection, so that the client waits for its handshake.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that sends a text again and again, and reports how the client closes.
fn flooding() -> (Server, mpsc::Receiver<(u8, Vec<u8>)>) {
    let (heard, hear) = mpsc::channel();
    let server = Server::talking(move |mut stream| {
        let (mut from, heard) = (stream.try_clone().unwrap(), heard.clone());
        thread::spawn(move || _ = heard.send(read_frame(&mut from)));
        let flood = frame(0x81, &[b'x'; 10_000]);
        while stream.write_all(&flood).is_ok() {}
    });
    (server, hear)
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

mod service {
    use super::*;

    fn start(address: SocketAddr, options: &[&str], out: Stdio, err: Stdio) -> Child {
        let mut program = command(&["--listen", &address.to_string(), "--threads", "1"]);
        let child = program.args(options).stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        wait_until("it listens", || TcpStream::connect(address).is_ok());
        child
    }

    #[test]
    fn it_serves_and_ends_where_nobody_reads_its_output() {
        for options in [&[][..], &["--quiet"], &["--allow-origin", "*"]] {
            for is_full in [[true, false], [false, true], [true, true]] {
                let full = Full::new();
                let [out, err] = is_full.map(|is_full| if is_full { full.stdio() } else { Stdio::null() });
                let address = free_address();
                let mut child = start(address, options, out, err);
                let mut client = RawClient::connect(address);
                // More refusals and messages than are printed.
                for _ in 0..20 {
                    let head = handshake(address, &[("Origin", "https://foreign.example")]);
                    ask(address, &head.replace(&format!("Host: {address}"), "Host: foreign.example"));
                    client.send(&client_frame(0x81, b"hello"));
                    assert_eq!(client.receive(), (0x81, b"hello".to_vec()));
                }
                send(&child, Signal::TERM);
                let (first, close) = client.receive();
                assert_eq!((first, &close[..2]), (0x88, &1001_u16.to_be_bytes()[..]));
                client.send(&client_frame(0x88, &close));
                drop(client);
                assert_eq!(wait(&mut child).code(), Some(0), "{options:?} {is_full:?}");
            }
        }
    }

    #[test]
    fn a_second_signal_ends_it_where_nobody_reads_its_output() {
        let full = Full::new();
        for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
            let address = free_address();
            let mut child = start(address, &["--close-timeout", "1h"], full.stdio(), full.stdio());
            let mut silent = RawClient::connect(address);
            send(&child, Signal::INT);
            assert_eq!(silent.receive().0, 0x88);
            assert!(child.try_wait().unwrap().is_none());
            send(&child, signal);
            assert_eq!(wait(&mut child).code(), Some(code));
        }
    }

    #[test]
    fn a_signal_right_after_the_first_handshake_ends_it_in_order() {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::TERM, Signal::INT] {
            let address = free_address();
            let mut program = command(&["--listen", &address.to_string()]);
            program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = program.spawn().unwrap();
            // The kernel accepts as soon as the socket listens.
            let connected = loop {
                match TcpStream::connect(address) {
                    Ok(stream) => break stream,
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            };
            send(&child, signal);
            assert_eq!(wait(&mut child).code(), Some(0), "{signal:?}");
            drop(connected);
        }
    }
}

mod connect {
    use super::*;

    #[test]
    fn it_ends_while_nobody_reads_its_output() {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            for options in
                [&["--format", "text"][..], &["--format", "json"], &["--format", "raw", "--reconnect"], &["-v"]]
            {
                let full = Full::new();
                let (server, hear) = flooding();
                let mut program = command(&["connect", &server.url(), "--wait", "off"]);
                program.args(options).stdin(Stdio::piped()).stdout(full.stdio()).stderr(full.stdio());
                let mut child = program.spawn().unwrap();
                child.stdin.take().unwrap().write_all(b"hello").unwrap();
                assert_eq!(hear.recv_timeout(PATIENCE).unwrap().1, b"hello");
                send(&child, signal);
                assert_eq!(wait(&mut child).code(), Some(code), "{options:?}");
            }
        }
    }

    #[test]
    fn a_full_standard_error_does_not_keep_messages_back() {
        let full = Full::new();
        let server = Server::sending(frame(0x81, b"hello"));
        let mut program = command(&["connect", &server.url(), "-v", "--count", "1"]);
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(full.stdio());
        let mut child = program.spawn().unwrap();
        let mut line = [0; 6];
        child.stdout.take().unwrap().read_exact(&mut line).unwrap();
        assert_eq!(&line, b"hello\n");
        // The program waits for a reader of its queued lines.
        send(&child, Signal::TERM);
        assert!(matches!(wait(&mut child).code(), Some(0 | 143)));
    }

    #[test]
    fn a_second_signal_ends_it_at_once() {
        // This server never answers the Close frame.
        let (told, tell) = mpsc::channel();
        let (heard, hear) = mpsc::channel();
        let server = Server::talking(move |mut stream| {
            heard.send(read_frame(&mut stream).0).unwrap();
            let _: Result<(), _> = tell.recv_timeout(PATIENCE);
        });
        let mut program = command(&["connect", &server.url(), "--wait", "off", "--send", "x"]);
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), 1);
        send(&child, Signal::INT);
        send(&child, Signal::TERM);
        // Which one came first is not known to the program if both wait for it.
        assert!(matches!(wait(&mut child).code(), Some(130 | 143)));
        drop(told);
    }

    #[test]
    fn ctrl_c_ends_it_while_it_connects() {
        let (_listener, silent) = silent();
        for options in [
            &["ws://127.0.0.1:1/", "--reconnect"][..],
            &["connect", &silent],
            &["connect", &silent, "--reconnect", "-v"],
        ] {
            let mut terminal = Terminal::new();
            let mut child = terminal.start(&[options, &["--no-history"]].concat());
            match options[0] {
                "connect" => {
                    // It waits for the answer to its handshake.
                    let mut peer = _listener.accept().unwrap().0;
                    assert!(read_head(&mut peer).starts_with("GET / "));
                    terminal.types(b"\x03");
                    assert_eq!(wait(&mut child).code(), Some(130), "{options:?}");
                }
                _ => {
                    terminal.sees("connecting again");
                    terminal.types(b"\x03");
                    assert_eq!(wait(&mut child).code(), Some(130), "{options:?}");
                }
            }
            assert!(!terminal.is_raw());
        }
    }

    #[test]
    fn ctrl_c_ends_it_while_it_connects_again() {
        let mut count = 0;
        let (came, comes) = mpsc::channel();
        let server = Server::start(move |mut stream, head| {
            count += 1;
            if count == 1 {
                // The connection is lost when the prompt is there.
                stream.write_all(accepting(&head).as_bytes()).unwrap();
                assert_eq!(read_frame(&mut stream).0, 1);
            } else {
                came.send(stream).unwrap();
            }
        });
        let mut terminal = Terminal::new();
        let mut child = terminal.start(&["connect", &server.url(), "--reconnect", "--no-history"]);
        terminal.sees("> ");
        wait_until("keys are taken", || terminal.is_raw());
        terminal.types(b"hello\r");
        // The second handshake is never answered.
        let _stream = comes.recv_timeout(PATIENCE).unwrap();
        terminal.types(b"\x03");
        assert_eq!(wait(&mut child).code(), Some(130));
        assert!(!terminal.is_raw());
    }

    #[test]
    fn ctrl_c_ends_it_at_a_terminal_that_shows_nothing_any_more() {
        // The editor takes the first line at most. Without a look at the keys behind it, each line would hold them up.
        let lines = [&b"line\r".repeat(30)[..], b"\x03"].concat();
        let paste = b"\x1b[200~half a paste\x03";
        for keys in [&b"\x03"[..], b"half a line\x03", b"\x03\x03", &lines, paste] {
            let (server, _hear) = flooding();
            let mut terminal = Terminal::new();
            let mut child = terminal.start(&["connect", &server.url(), "--no-history"]);
            wait_until("keys are taken", || terminal.is_raw());
            terminal.types(keys);
            assert_eq!(wait(&mut child).code(), Some(130), "{keys:?}");
            assert!(!terminal.is_raw(), "the settings of the terminal are back");
        }
    }

    #[test]
    fn a_signal_ends_it_at_a_terminal_that_shows_nothing_any_more() {
        for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
            let (server, _hear) = flooding();
            let terminal = Terminal::new();
            let mut child = terminal.start(&["connect", &server.url(), "--no-history"]);
            wait_until("keys are taken", || terminal.is_raw());
            send(&child, signal);
            assert_eq!(wait(&mut child).code(), Some(code));
            assert!(!terminal.is_raw(), "the settings of the terminal are back");
        }
    }

    /// A shell with job control, which starts the program in the background, tells its number, and waits for it once a
    /// line has been typed.
    const BACKGROUND: [&str; 4] = ["sh", "-c", "set -m; \"$@\" & echo \"job $!.\"; read -r line; wait $!", "sh"];
    /// The same with output that is not a terminal.
    const TO_A_FILE: [&str; 4] =
        ["sh", "-c", "set -m; \"$@\" >/dev/null & echo \"job $!.\"; read -r line; wait $!", "sh"];

    #[test]
    fn a_signal_ends_a_background_job_of_a_terminal() {
        for shell in [&BACKGROUND, &TO_A_FILE] {
            for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
                let (connected, connects) = mpsc::channel();
                let server = Server::talking(move |mut stream| {
                    connected.send(()).unwrap();
                    let (_, close) = read_frame(&mut stream);
                    let _ = stream.write_all(&frame(0x88, &close));
                });
                let mut terminal = Terminal::new();
                let mut child = terminal.start_under(shell, &["connect", &server.url(), "--no-history"]);
                let shown = terminal.sees(".\r\n");
                let number = shown.split_once("job ").and_then(|(_, rest)| rest.split_once('.')).unwrap().0.to_owned();
                connects.recv_timeout(PATIENCE).unwrap();
                // It wants to read keys, and those are for the shell.
                wait_until("it is stopped", || state_of(&number) == Some('T'));
                let job = Pid::from_raw(number.parse().unwrap()).unwrap();
                // The same as `kill %1`.
                kill_process(job, signal).unwrap();
                kill_process(job, Signal::CONT).unwrap();
                wait_until("it ends", || matches!(state_of(&number), None | Some('Z')));
                assert!(!terminal.is_raw());
                terminal.types(b"\n");
                assert_eq!(wait(&mut child).code(), Some(code));
            }
        }
    }

    /// The state of a process, as Linux abbreviates it. `None` if the process does not exist.
    fn state_of(process: &str) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }
}

mod check {
    use super::*;

    #[test]
    fn a_signal_ends_it_at_once() {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
            let (listener, url) = silent();
            let full = Full::new();
            let mut program = command(&["check", &url]);
            let mut child = program.stdin(Stdio::null()).stdout(full.stdio()).stderr(full.stdio()).spawn().unwrap();
            let mut held = listener.accept().unwrap().0;
            read_head(&mut held);
            send(&child, signal);
            assert_eq!(wait(&mut child).code(), Some(code));
        }
    }

    #[test]
    fn a_report_that_nobody_reads_does_not_keep_it() {
        let full = Full::new();
        for options in [&[][..], &["--json"]] {
            let (gone, is_gone) = mpsc::channel();
            let server = Server::start(move |mut stream, _| {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
                gone.send(()).unwrap();
            });
            let mut program = command(&["check", &server.url()]);
            program.args(options).stdin(Stdio::null()).stdout(full.stdio()).stderr(full.stdio());
            let mut child = program.spawn().unwrap();
            is_gone.recv_timeout(PATIENCE).unwrap();
            assert!(child.try_wait().unwrap().is_none());
            send(&child, Signal::TERM);
            assert_eq!(wait(&mut child).code(), Some(143), "{options:?}");
        }
    }

    #[test]
    fn ctrl_c_ends_it_at_a_terminal() {
        let (listener, url) = silent();
        let mut terminal = Terminal::new();
        let mut child = terminal.start(&["check", &url]);
        let mut held = listener.accept().unwrap().0;
        read_head(&mut held);
        terminal.types(b"\x03");
        assert_eq!(wait(&mut child).code(), Some(130));
    }
}

mod bench {
    use super::*;

    #[test]
    fn a_signal_ends_it_while_nobody_reads_its_output() {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let full = Full::new();
            // It opens a connection to a server that never answers.
            let (listener, url) = silent();
            let mut program = command(&["bench", &url, "-c", "1", "--timeout", "1h"]);
            let mut child = program.stdin(Stdio::null()).stdout(full.stdio()).stderr(full.stdio()).spawn().unwrap();
            let mut held = listener.accept().unwrap().0;
            read_head(&mut held);
            send(&child, signal);
            assert_eq!(wait(&mut child).code(), Some(code));
        }
    }

    #[test]
    fn results_that_nobody_reads_do_not_keep_it() {
        let full = Full::new();
        let (gone, is_gone) = mpsc::channel();
        let server = Server::start(move |mut stream, _| {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            gone.send(()).unwrap();
        });
        let mut program = command(&["bench", &server.url(), "-c", "1", "-n", "1"]);
        let mut child = program.stdin(Stdio::null()).stdout(full.stdio()).stderr(full.stdio()).spawn().unwrap();
        is_gone.recv_timeout(PATIENCE).unwrap();
        assert!(child.try_wait().unwrap().is_none());
        send(&child, Signal::TERM);
        assert_eq!(wait(&mut child).code(), Some(143));
    }

    #[test]
    fn ctrl_c_ends_it_at_a_terminal_that_shows_nothing_any_more() {
        let (listener, url) = silent();
        for keys in [&b"\x03"[..], b"\x03\x03"] {
            let mut terminal = Terminal::new();
            let mut child = terminal.start(&["bench", &url, "-c", "1", "--timeout", "1h"]);
            let mut held = listener.accept().unwrap().0;
            read_head(&mut held);
            // The program shows its progress until the terminal is full.
            terminal.types(keys);
            assert_eq!(wait(&mut child).code(), Some(130));
        }
    }
}

#[test]
fn what_is_only_printed_is_ended_by_a_signal_too() {
    let full = Full::new();
    for options in [&["man"][..], &["completions", "bash"], &["--help"]] {
        let mut child = command(options).stdin(Stdio::null()).stdout(full.stdio()).spawn().unwrap();
        send(&child, Signal::TERM);
        let status = wait(&mut child);
        assert!(status.signal() == Some(15) || status.code() == Some(143), "{status:?}");
    }
}
