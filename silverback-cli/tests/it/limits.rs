//! How many WebSockets may open in a second, and how many the files of the process allow.

use std::net::TcpStream;

use serde_json::Value;
use silverback_testkit::http2::Client;

use crate::{
    admin::{admin_address, metric, start},
    support::{Answer, Program, RawClient, exchange, get, handshake, run, wait_until, within},
};

/// Opens WebSockets until one is refused. Returns those that are open, and the refusal.
fn until_refused(program: &Program, path: &str) -> (Vec<TcpStream>, Answer) {
    let request = handshake(program.address, &[]).replace("/ws/echo", path);
    let mut open = Vec::new();
    loop {
        let mut stream = TcpStream::connect(program.address).unwrap();
        let answer = exchange(&mut stream, &request);
        if answer.status != 101 {
            return (open, answer);
        }
        open.push(stream);
    }
}

#[tokio::test]
async fn more_websockets_than_the_rate_are_told_to_come_back() {
    let (program, admin) = start(&["--accept-rate", "1/s"]);
    let (open, answer) = until_refused(&program, "/ws/echo");
    assert!(!open.is_empty());
    assert_eq!((answer.status, &*answer.body), (503, "Too many WebSockets open at the moment. Try again later.\n"));
    let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&after), "{after}");
    // Health checks and pages are no WebSockets.
    for _ in 0..20 {
        assert_eq!(get(program.address, "/healthz").status, 200);
    }
    // Over HTTP/2 too, where all WebSockets come by one connection.
    let client = within(Client::connect(within(tokio::net::TcpStream::connect(program.address)).await.unwrap())).await;
    let mut status = 200;
    while status == 200 {
        let request = http::Request::builder().method("CONNECT").uri(format!("http://{}/ws/echo", program.address));
        let request = request.header("sec-websocket-version", "13").body(()).unwrap();
        status = within(client.send(request, Some("websocket"), false)).await.unwrap().status();
    }
    assert_eq!(status, 503);
    wait_until("it is reported", || program.errors().contains("more WebSockets than --accept-rate open"));
    assert!(metric(admin, "websocket_handshakes_total{role=\"server\",result=\"rate\"}") >= Some(2.0));
}

#[test]
fn the_hub_keeps_the_rate_too_and_lets_the_next_in_after_a_while() {
    let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_ACCEPT_RATE", "5")];
    let program = Program::start_with(&["hub", "--admin", "127.0.0.1:0"], &environment);
    let (open, answer) = until_refused(&program, "/ws/topic/a");
    assert_eq!(answer.status, 503);
    assert!(open.len() >= 5, "a burst of one second: {}", open.len());
    let request = handshake(program.address, &[]).replace("/ws/echo", "/ws/topic/a");
    wait_until("the next is let in", || {
        exchange(&mut TcpStream::connect(program.address).unwrap(), &request).status == 101
    });
    assert!(
        metric(admin_address(&program), "websocket_handshakes_total{role=\"server\",result=\"rate\"}") >= Some(1.0)
    );
}

#[test]
fn without_a_rate_a_thousand_open_as_fast_as_they_come() {
    let program = Program::start(&["--quiet", "--accept-rate", "0"]);
    let open: Vec<_> = (0..1000).map(|_| RawClient::connect(program.address)).collect();
    assert_eq!((open.len(), program.errors().as_str()), (1000, ""));
}

#[test]
fn a_wrong_rate_is_an_error() {
    for rate in ["0.5", "fast", "5/m", "1000001"] {
        let (code, _, errors) = run(&["--accept-rate", rate], &[]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("must be a number from 0 to 1000000"), "{errors}");
    }
}

/// The lines of a program that logs as JSON, from its start.
fn start_event(program: &Program) -> Value {
    program.wait_for_output("\"event\":\"start\"");
    let output = program.output();
    output.lines().find(|line| line.contains("\"event\":\"start\"")).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn the_files_of_the_process_bound_the_websockets_unless_somebody_chose_their_number() {
    // A soft limit of 64 is raised to the hard one.
    let program = Program::start_after("ulimit -Sn 64 && ulimit -Hn 1024", &["--log-format", "json"]);
    let event = start_event(&program);
    assert_eq!((&event["max_files"], &event["max_connections"]), (&1024.into(), &860.into()));
    assert_eq!((&event["pid"], &event["version"]), (&program.pid().into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!(program.errors(), "");

    let options = ["--log-format", "text", "--max-connections", "2000", "--admin", "127.0.0.1:0"];
    let program = Program::start_after("ulimit -n 1024", &options);
    program.wait_for_output(" started with up to 2000 WebSockets; the process may open 1024 files\n");
    let expected = "warning: this process may open 1024 files, but --max-connections 2000 needs 2164; raise the limit";
    wait_until("it warns", || program.errors().contains(expected));
    let admin = admin_address(&program);
    assert_eq!(metric(admin, "process_max_fds"), Some(1024.0));
    assert_eq!(metric(admin, "websocket_connections_limit"), Some(2000.0));

    let program = Program::start_after("ulimit -n 1024", &["--log-format", "json", "--max-connections", "860"]);
    assert_eq!(start_event(&program)["max_connections"], 860);
    assert_eq!(program.errors(), "", "they fit");
}
