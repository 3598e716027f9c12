//! A person at a terminal: a pseudo-terminal whose screen is drawn as a terminal would, and a server to talk to.

use std::{
    fs::File,
    io::{Read, Write},
    net::Shutdown,
    os::fd::OwnedFd,
    process::Child,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcgetattr, tcsetwinsize},
};

use super::{
    command,
    servers::{GONE, Server, frame, read_frame},
};
use crate::support::{PATIENCE, wait_until};

/// A person at a terminal.
pub(super) struct Person {
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
    pub(super) fn start(options: &[&str]) -> Self {
        Self::start_with(&[options, &["--no-history"]].concat(), &[])
    }

    pub(super) fn start_with(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(ptsname(&keys, Vec::new()).unwrap(), flags, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, size(ROWS, COLUMNS)).unwrap();
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

    pub(super) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    pub(super) fn gets(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The system tells the program, because it runs in the foreground of the terminal.
    pub(super) fn resizes(&self, rows: u16, columns: u16) {
        tcsetwinsize(&self.terminal, size(rows, columns)).unwrap();
        self.seen.lock().unwrap().screen.screen_mut().set_size(rows, columns);
        self.gets(Signal::WINCH);
    }

    /// The program's.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The same on a terminal that rewraps its lines, as most do.
    pub(super) fn resizes_and_rewraps(&self, rows: u16, columns: u16) {
        tcsetwinsize(&self.terminal, size(rows, columns)).unwrap();
        let mut seen = self.seen.lock().unwrap();
        seen.screen = rewrapped(seen.screen.screen(), rows, columns);
        drop(seen);
        self.gets(Signal::WINCH);
    }

    pub(super) fn screen(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    #[track_caller]
    pub(super) fn sees(&self, text: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !self.screen().contains(text) {
            assert!(std::time::Instant::now() < deadline, "never {text:?} in\n{}", self.screen());
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Waits for the end of the program, which must leave the terminal as it was; gives the exit code.
    #[track_caller]
    pub(super) fn ends(&mut self) -> Option<i32> {
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

/// The same text, ASCII without colours, on a screen of another size.
fn rewrapped(screen: &vt100::Screen, rows: u16, columns: u16) -> vt100::Parser {
    let (cursor_row, cursor_column) = screen.cursor_position();
    let old_columns = screen.size().1;
    let texts: Vec<_> = screen.rows(0, old_columns).take(usize::from(cursor_row) + 1).collect();
    let (mut lines, mut offset, mut is_wrapped) = (Vec::<String>::new(), 0, false);
    for (row, text) in texts.iter().enumerate() {
        match lines.last_mut().filter(|_| is_wrapped) {
            Some(line) => {
                line.push_str(text);
                offset += usize::from(old_columns);
            }
            None => {
                lines.push(text.clone());
                offset = 0;
            }
        }
        is_wrapped = screen.row_wrapped(row as u16);
    }
    let height = |line: &String| line.len().max(1).div_ceil(usize::from(columns));
    let above: usize = lines.iter().rev().skip(1).map(height).sum();
    let offset = offset + usize::from(cursor_column);
    let (row, column) = (above + offset / usize::from(columns), offset % usize::from(columns));
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(lines.join("\r\n").as_bytes());
    parser.process(format!("\x1b[{};{}H", row + 1, column + 1).as_bytes());
    parser
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn settings(terminal: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(terminal).unwrap())
}

/// A server that sends the bytes it is told to, and reports texts, pongs, and `close CODE`.
pub(super) fn puppet() -> (Server, mpsc::Sender<Vec<u8>>, mpsc::Receiver<String>) {
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
                (10, payload) => heard.send(format!("pong {}", String::from_utf8(payload).unwrap())).unwrap(),
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (8, payload) => {
                    let reason = String::from_utf8(payload[2..].to_vec()).unwrap();
                    heard.send(format!("close {} {reason}", u16::from_be_bytes([payload[0], payload[1]]))).unwrap();
                    let _ = stream.write_all(&frame(0x88, &payload));
                    // The other thread still has the socket.
                    let _ = stream.shutdown(Shutdown::Write);
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
pub(super) fn check_heard(hear: &mpsc::Receiver<String>, text: &str) {
    assert_eq!(hear.recv_timeout(PATIENCE).unwrap(), text);
}

pub(super) const ROWS: u16 = 40;
pub(super) const COLUMNS: u16 = 80;
