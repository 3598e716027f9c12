//! A line for each message: its form, its safety, and that it never costs the echo anything.

use silverback::Dialer;
use tokio::net::TcpStream;

use crate::support::{Program, check_echo, dial, within};

#[test]
fn the_url_to_open_stands_at_the_start() {
    let program = Program::start_with(&[], &[("SILVERBACK_LISTEN", "localhost:0")]);
    let url = format!("http://localhost:{}/", program.address.port());
    assert!(program.output().contains(&url), "{}", program.output());
}

#[tokio::test]
async fn a_line_names_the_sender_and_the_message() {
    let program = Program::start(&[]);
    let stream = TcpStream::connect(program.address).await.unwrap();
    let sender = stream.local_addr().unwrap();
    let url = format!("ws://{}/ws/echo", program.address);
    let mut conn = within(Dialer::new().dial_on(stream, &url)).await.unwrap();
    check_echo(&mut conn, "hello, wörld").await;
    check_echo(&mut conn, vec![1, 2, 255]).await;
    program.wait_for_output(&format!("\n{sender} sent: hello, wörld\n"));
    program.wait_for_output(&format!("\n{sender} sent: (3 binary bytes) 01 02 ff\n"));
}

#[tokio::test]
async fn no_client_can_write_to_the_terminal() {
    let program = Program::start(&[]);
    let mut conn = dial(program.address).await;
    let attack = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n127.0.0.1:1 sent: forged\u{9b}31m\u{202e}";
    check_echo(&mut conn, attack).await;
    check_echo(&mut conn, "the end").await;
    program.wait_for_output("sent: the end\n");
    let output = program.output();
    assert!(output.contains(r"sent: \u{1b}[2J\u{1b}]0;owned\u{7}\r\n127.0.0.1:1 sent: forged\u{9b}31m\u{202e}"));
    assert!(output.chars().all(|c| c == '\n' || !c.is_control()), "{output:?}");
    assert!(!output.contains('\u{202e}'));
    assert!(!output.lines().any(|line| line.starts_with("127.0.0.1:1 sent")), "{output:?}");
}

#[tokio::test]
async fn a_long_message_is_shortened() {
    let program = Program::start(&[]);
    let mut conn = dial(program.address).await;
    check_echo(&mut conn, "y".repeat(100_000)).await;
    program.wait_for_output("y… (100000 bytes)\n");
    assert!(program.output().len() < 2000);
}

#[tokio::test]
async fn an_output_that_nobody_reads_blocks_no_echo() {
    let mut program = Program::start_unread(&[], &[("SILVERBACK_LISTEN", "127.0.0.1:0")]);
    let mut conn = dial(program.address).await;
    // Far more than a pipe and the queue of lines hold.
    let burst = 100;
    for round in 0..100 {
        for number in 0..burst {
            conn.write_message(format!("{round} {number} {}", "z".repeat(150))).await.unwrap();
        }
        for _ in 0..burst {
            within(conn.read_message()).await.unwrap().unwrap();
        }
    }
    program.read_output();
    program.wait_for_output("more messages came faster than they could be printed)\n");
    // Late lines may still fill the queue. Then this line is dropped and counted as well.
    while !program.output().contains("sent: after that\n") {
        check_echo(&mut conn, "after that").await;
    }
}

#[tokio::test]
async fn an_output_that_is_closed_is_no_trouble() {
    let mut program = Program::start_unread(&[], &[("SILVERBACK_LISTEN", "127.0.0.1:0")]);
    program.close_output();
    let mut conn = dial(program.address).await;
    for _ in 0..100 {
        check_echo(&mut conn, "to nobody").await;
    }
    within(conn.close(1000, "")).await.unwrap();
    program.check_stops_empty();
}

#[tokio::test]
async fn quiet_prints_no_line() {
    for (options, environment) in [(&["--quiet"][..], "0"), (&[], "1"), (&[], "true")] {
        let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_QUIET", environment)];
        let mut program = Program::start_with(options, &environment);
        let mut conn = dial(program.address).await;
        check_echo(&mut conn, "unseen").await;
        within(conn.close(1000, "")).await.unwrap();
        program.signal(rustix::process::Signal::TERM);
        program.wait();
        assert!(program.output().contains("http://"));
        assert!(!program.output().contains("unseen"), "{}", program.output());
    }
}

#[tokio::test]
async fn a_mapped_ipv4_address_is_printed_as_ipv4() {
    let program = Program::start_with(&["--listen", "[::ffff:127.0.0.1]:0"], &[]);
    assert!(program.output().contains("http://127.0.0.1:"), "{}", program.output());
    let mut conn = dial(program.address).await;
    check_echo(&mut conn, "hi").await;
    program.wait_for_output("\n127.0.0.1:");
}
