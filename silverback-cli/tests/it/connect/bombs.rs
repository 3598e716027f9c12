//! Servers that send what would fill our memory if it were written all at once.
#![cfg(target_os = "linux")]

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    person::{Person, puppet},
    servers::{Server, frame, read_to_close},
    start,
};

/// The most memory that a process has had, in MiB.
fn peak_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn nested_json_is_laid_out_as_far_as_a_person_reads() {
    let (server, tell, _hear) = puppet();
    let mut person = Person::start(&[&server.url()]);
    person.sees("Connected");
    let nested = format!("{}{}{}", "[".repeat(120), vec!["1"; 1_500_000].join(","), "]".repeat(120));
    tell.send([frame(0x81, nested.as_bytes()), frame(0x81, b"next")].concat()).unwrap();
    person.sees("bytes more; in a pipe, messages are whole\n< next");
    // Laid out it would be 720 MB.
    assert!(peak_mib(person.pid()) < 100, "{} MiB", peak_mib(person.pid()));
    person.types("\u{3}");
    assert_eq!(person.ends(), Some(130));
}

#[test]
fn messages_wait_in_bounded_memory_for_a_reader_that_is_slow() {
    const LEN: usize = 4 * 1024 * 1024;
    const COUNT: usize = 6;
    let sent = Arc::<AtomicUsize>::default();
    let counter = sent.clone();
    // In JSON each byte is six.
    let message = frame(0x81, &[0; LEN]);
    let server = Server::talking(move |mut stream| {
        for _ in 0..COUNT {
            for part in message.chunks(64 * 1024) {
                stream.write_all(part).unwrap();
                counter.fetch_add(part.len(), Ordering::Relaxed);
            }
        }
        read_to_close(&mut stream);
    });
    let mut child = start(&[&server.url(), "--format", "json", "-n", &COUNT.to_string()]);
    // Until the client takes no more.
    let mut before = 0;
    while before == 0 || sent.load(Ordering::Relaxed) > before {
        before = sent.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(500));
    }
    // In the form in which they are written they are 144 MiB.
    assert!(peak_mib(child.id()) < 64, "{} MiB", peak_mib(child.id()));
    let mut lines = 0;
    let mut zeros = 0;
    let mut out = child.stdout.take().unwrap();
    let mut chunk = vec![0; 1024 * 1024];
    while let Ok(count @ 1..) = out.read(&mut chunk) {
        lines += chunk[..count].iter().filter(|byte| **byte == b'\n').count();
        zeros += chunk[..count].iter().filter(|byte| **byte == b'\\').count();
    }
    assert_eq!((lines, zeros), (COUNT, COUNT * LEN));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
