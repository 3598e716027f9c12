//! Servers that break the rules of frames, or send more than is wanted. Each ends with 7, in words, and the server is
//! told with the close code that says why.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::mpsc,
    time::Duration,
};

use super::{
    check_end,
    servers::{GONE, Server, accepting, close, frame, read_frame, read_to_close},
    start, talk, wait_for,
};
use crate::support::PATIENCE;

/// The frames end it with 7, these words, and this close code towards the server.
#[track_caller]
fn check(frames: impl Into<Vec<u8>>, close_code: u16, words: &[&str]) {
    check_with(&[], frames, close_code, words);
}

#[track_caller]
fn check_with(options: &[&str], frames: impl Into<Vec<u8>>, close_code: u16, words: &[&str]) {
    let frames = frames.into();
    let (told, tell) = mpsc::channel();
    let server = Server::talking(move |mut stream| {
        stream.write_all(&frames).unwrap();
        told.send(next_close(&mut stream)).unwrap();
    });
    check_end(&talk(&[&[&*server.url(), "--wait", "off"], options].concat(), b""), 7, words);
    assert_eq!(tell.recv_timeout(PATIENCE).unwrap(), Some(close_code));
}

/// The code of the client's close frame, if there is one.
fn next_close(stream: &mut TcpStream) -> Option<u16> {
    loop {
        match read_frame(stream) {
            (8, payload) => return Some(u16::from_be_bytes([payload[0], payload[1]])),
            (GONE, _) => return None,
            _ => {}
        }
    }
}

mod headers {
    use super::*;

    #[test]
    fn a_masked_frame() {
        check(b"\x81\x85\x01\x02\x03\x04igohn", 1002, &["from a server must not be masked"]);
        check(b"\x88\x82\0\0\0\0\x03\xe8", 1002, &["must not be masked"]);
    }

    #[test]
    fn reserved_opcodes() {
        for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
            check(frame(0x80 | opcode, b""), 1002, &["opcode", "has no meaning"]);
        }
    }

    #[test]
    fn reserved_bits() {
        for bit in [0x40, 0x20, 0x10] {
            check(frame(0x81 | bit, b"hi"), 1002, &["a reserved bit is set"]);
        }
    }

    #[test]
    fn lengths_that_are_none() {
        check(b"\x81\x7e\0\x05hello", 1002, &["shortest form"]);
        check(b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1002, &["the top bit of a 64-bit length is set"]);
    }

    #[test]
    fn control_frames_that_are_long_or_in_parts() {
        check(frame(0x89, &[0; 126]), 1002, &["control frames hold at most 125"]);
        check(frame(0x09, b"part"), 1002, &["must not be fragmented"]);
        check(frame(0x08, b"\x03\xe8"), 1002, &["must not be fragmented"]);
    }
}

mod messages {
    use super::*;

    #[test]
    fn fragments_out_of_order() {
        check(frame(0x80, b"rest"), 1002, &["no message is open"]);
        check([frame(0x01, b"one"), frame(0x81, b"two")].concat(), 1002, &["inside a message that is not finished"]);
    }

    #[test]
    fn text_that_is_not_utf_8() {
        check(frame(0x81, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), 1007, &["not UTF-8"]);
        // The character is cut, and never completed.
        check([frame(0x01, b"\xe4\xb8"), frame(0x80, b"x")].concat(), 1007, &["not UTF-8"]);
        check(frame(0x81, b"\xf0\x9f\xa6"), 1007, &["not UTF-8"]);
    }

    #[test]
    fn what_came_before_is_still_printed() {
        let server = Server::sending([frame(0x81, b"good"), frame(0x81, b"\xff")].concat());
        let output = talk(&[&server.url(), "--wait", "off"], b"");
        check_end(&output, 7, &["not UTF-8"]);
        assert_eq!(output.stdout, b"good\n");
    }

    #[test]
    fn compression_that_was_agreed_on_and_is_none() {
        let server = Server::start(|mut stream, head| {
            let agreed = "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
            let answer = accepting(&head).replace("\r\n\r\n", agreed);
            stream.write_all(&[answer.as_bytes(), &frame(0xc1, b"\xff\xff\xff\xff")].concat()).unwrap();
            read_to_close(&mut stream);
        });
        check_end(&talk(&[&server.url(), "--wait", "off"], b""), 7, &["cannot be inflated"]);
    }
}

mod closes {
    use super::*;

    #[test]
    fn with_a_code_that_must_not_be_sent() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 2000, 5000] {
            check(close(code, ""), 1002, &[&format!("close code {code} "), "must not be sent"]);
        }
    }

    #[test]
    fn of_half_a_code() {
        check(frame(0x88, b"\x03"), 1002, &["a close frame of one byte"]);
    }

    #[test]
    fn with_a_reason_that_is_not_utf_8() {
        check(frame(0x88, b"\x03\xe8\xff"), 1007, &["not UTF-8"]);
    }
}

mod sizes {
    use super::*;

    const LIMIT: [&str; 2] = ["--max-message-size", "1000"];

    #[test]
    fn of_a_message_over_the_limit_by_one() {
        check_with(&LIMIT, frame(0x82, &[0; 1001]), 1009, &["1001", "limit of 1000"]);
        let fragments = [frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat();
        check_with(&LIMIT, fragments, 1009, &["limit of 1000"]);
    }

    #[test]
    fn of_a_message_at_the_limit_are_fine() {
        let server = Server::sending([frame(0x81, &[b'x'; 1000]), close(1000, "")].concat());
        let output = talk(&[&[&*server.url(), "--wait", "off"], &LIMIT[..]].concat(), b"");
        check_end(&output, 0, &[]);
        assert_eq!(output.stdout.len(), 1001);
    }

    #[test]
    fn that_are_merely_declared_are_refused_at_once() {
        let declared = [&b"\x82\x7f"[..], &(1_u64 << 50).to_be_bytes()].concat();
        check(declared, 1009, &["1125899906842624", "limit of 67108864"]);
    }

    #[test]
    fn that_inflate_beyond_the_limit() {
        // 4000 zeros, as zlib compresses them (RFC 7692, 7.2.1).
        const BOMB: [u8; 21] = *b"\xec\xc1\x31\x01\0\0\0\xc2\xa0\xf5\x4f\x6d\x0c\x1f\xa0\0\0\0\x80\xb7\x01";
        let server = Server::start(|mut stream, head| {
            let agreed = "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
            let answer = accepting(&head).replace("\r\n\r\n", agreed);
            stream.write_all(&[answer.as_bytes(), &frame(0xc2, &BOMB)].concat()).unwrap();
            read_to_close(&mut stream);
        });
        check_end(&talk(&[&[&*server.url(), "--wait", "off"], &LIMIT[..]].concat(), b""), 7, &["limit of 1000"]);
    }
}

#[cfg(target_os = "linux")]
mod floods {
    use super::*;

    fn peak_kib(process: u32) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// A flood of pings from a server that does not read the pongs.
    #[test]
    fn of_pings_do_not_fill_memory() {
        let (told, tell) = mpsc::channel();
        let (go, gone) = mpsc::channel();
        let server = Server::talking(move |mut stream| {
            stream.write_all(&frame(0x81, b"ready")).unwrap();
            let pings = frame(0x89, &[b'p'; 125]).repeat(1000);
            for _ in 0..256 {
                stream.write_all(&pings).unwrap();
            }
            stream.write_all(&frame(0x81, b"enough")).unwrap();
            told.send(()).unwrap();
            let () = gone.recv_timeout(PATIENCE).unwrap();
            stream.write_all(&close(1000, "")).unwrap();
            while stream.read(&mut [0; 65536]).is_ok_and(|count| count > 0) {}
        });
        let mut child = start(&[&server.url(), "--wait", "off"]);
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 6]).unwrap();
        let before = peak_kib(child.id());
        tell.recv_timeout(PATIENCE).unwrap();
        out.read_exact(&mut [0; 7]).unwrap();
        let grown = peak_kib(child.id()).saturating_sub(before);
        assert!(grown < 8 * 1024, "32 MiB of pings have cost {grown} KiB");
        go.send(()).unwrap();
        check_end(&wait_for(child), 0, &[]);
    }

    /// A flood of messages while the output is not read: the server is held back, and in the end no message is missing.
    #[test]
    fn of_messages_wait_for_whoever_reads_the_output() {
        const COUNT: usize = 64 * 1024;
        let (told, tell) = mpsc::channel();
        let server = Server::talking(move |mut stream| {
            let line = frame(0x81, &[b'm'; 1023]);
            let all = line.repeat(COUNT);
            let mut written = 0;
            stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
            while written < all.len() {
                match stream.write(&all[written..]) {
                    Ok(count) => written += count,
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                        _ = told.send(written);
                    }
                    Err(error) => panic!("{error} after {written}"),
                }
            }
            stream.set_write_timeout(None).unwrap();
            stream.write_all(&close(1000, "")).unwrap();
            read_to_close(&mut stream);
        });
        let child = start(&[&server.url(), "--wait", "off"]);
        let held = tell.recv_timeout(PATIENCE).unwrap();
        let peak = peak_kib(child.id());
        assert!(peak < 48 * 1024, "{held} bytes were taken, and memory is at {peak} KiB");
        let output = wait_for(child);
        check_end(&output, 0, &[]);
        assert_eq!(output.stdout.len(), COUNT * 1024);
    }
}
