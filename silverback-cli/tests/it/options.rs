//! Every option works as documented, on the command line and in the environment.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use silverback::{CloseCode, Event};

use crate::support::{PATIENCE, Program, RawClient, ask, check_echo, dial, get, handshake, run, wait_until, within};

/// The program with an option given in both ways.
fn both_ways(option: &str, value: &str, more: &[&str]) -> [Program; 2] {
    let variable = format!("SILVERBACK_{}", option.trim_start_matches("--").to_uppercase().replace('-', "_"));
    [
        Program::start(&[&[option, value], more].concat()),
        Program::start_with(more, &[("SILVERBACK_LISTEN", "127.0.0.1:0"), (&variable, value)]),
    ]
}

#[test]
fn listen_can_be_repeated_and_beats_the_environment() {
    let options = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];
    let program = Program::start_with(&options, &[("SILVERBACK_LISTEN", "192.0.2.1:1")]);
    program.wait_for_output("http://");
    // The second line of addresses may still be on its way.
    wait_until("both addresses are told", || program.output().matches("http://").count() == 2);
    for part in program.output().split("http://").skip(1) {
        let address = part.split('/').next().unwrap().parse().unwrap();
        assert_eq!(get(address, "/healthz").body, "ok");
    }
}

#[test]
fn listen_in_the_environment_is_a_list() {
    let program = Program::start_with(&[], &[("SILVERBACK_LISTEN", "127.0.0.1:0,localhost:0")]);
    wait_until("both addresses are told", || program.output().matches("http://").count() == 2);
}

/// Variables of all options, with these values for options that are not lists.
fn variables<'a>(listen: &'a str, set: &'a [(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("SILVERBACK_LISTEN", listen)][..], set].concat()
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let names = [
        "ALLOW_HOST",
        "ALLOW_ORIGIN",
        "CLOSE_TIMEOUT",
        "COMPRESSION_LEVEL",
        "HANDSHAKE_TIMEOUT",
        "HISTORY",
        "MAX_HEAD_SIZE",
        "MAX_MESSAGE_SIZE",
        "NO_COMPRESSION",
        "NO_CONTEXT_TAKEOVER",
        "PING_INTERVAL",
        "PING_TIMEOUT",
        "QUIET",
        "THREADS",
        "WINDOW_BITS",
    ];
    let names = names.map(|name| format!("SILVERBACK_{name}"));
    for empty in ["", " ", "\t\r\n"] {
        let set: Vec<_> = names.iter().map(|name| (name.as_str(), empty)).collect();
        let program = Program::start_with(&[], &variables("127.0.0.1:0", &set));
        assert_eq!(get(program.address, "/healthz").status, 200);
        // The options of the command line are not touched.
        let program = Program::start_with(&["--listen", "127.0.0.1:0", "--threads", "2"], &variables(empty, &set));
        assert_eq!(get(program.address, "/healthz").status, 200);
        for command in ["completions", "connect", "check", "bench"] {
            let variables = [variables(empty, &set), vec![("SILVERBACK_BEARER", empty), ("HOME", empty)]].concat();
            let (code, _, errors) = run(&[command, "--help"], &variables);
            assert_eq!(code, Some(0), "{command}: {errors}");
        }
        for name in ["SILVERBACK_BEARER", "SILVERBACK_HISTORY"] {
            let (code, _, errors) = run(&["check", "ws://127.0.0.1:1/"], &[(name, empty)]);
            assert_eq!(code, Some(3), "{name}: {errors}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_secret_in_a_variable_that_is_not_utf_8_is_an_error_and_not_left_out() {
    use std::os::unix::ffi::OsStrExt;
    for (options, name) in [
        (&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"][..], "SILVERBACK_ADMIN_TOKEN"),
        (&["check", "ws://127.0.0.1:1/"], "SILVERBACK_BEARER"),
        (&["check", "ws://127.0.0.1:1/", "--user", "ada"], "SILVERBACK_PASSWORD"),
        (&["hub", "--listen", "127.0.0.1:0"], "SILVERBACK_TOKEN_SECRET"),
    ] {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_silverback"));
        let output = program.args(options).env(name, std::ffi::OsStr::from_bytes(&[0xff; 32])).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors), (Some(2), format!("silverback: {name}: must be UTF-8\n")));
    }
}

#[test]
fn an_empty_variable_for_where_to_listen_means_the_default() {
    // Another program may have the port of the default: then the line says that of that port.
    // It is bound once: a program that another test starts in this moment may have the socket a little longer than this one.
    let taken = TcpListener::bind("127.0.0.1:8000");
    for empty in ["", " ", ",", " , "] {
        let (code, _, errors) = run(&[], &[("SILVERBACK_LISTEN", empty)]);
        assert_eq!(code, Some(3), "{errors}");
        assert!(errors.contains("127.0.0.1:8000: the port is in use"), "{errors}");
    }
    drop(taken);
}

#[test]
fn blanks_around_the_value_of_a_variable_do_not_matter() {
    let set = [
        ("SILVERBACK_ALLOW_HOST", " a.example , b.example, "),
        ("SILVERBACK_ALLOW_ORIGIN", "https://a.example/ ,"),
        ("SILVERBACK_CLOSE_TIMEOUT", " 5s"),
        ("SILVERBACK_COMPRESSION_LEVEL", " 1 "),
        ("SILVERBACK_HANDSHAKE_TIMEOUT", "10s "),
        ("SILVERBACK_MAX_HEAD_SIZE", " 16 KiB\r\n"),
        ("SILVERBACK_MAX_MESSAGE_SIZE", " 1MiB "),
        ("SILVERBACK_NO_COMPRESSION", " true "),
        ("SILVERBACK_NO_CONTEXT_TAKEOVER", " no "),
        ("SILVERBACK_PING_INTERVAL", " off "),
        ("SILVERBACK_PING_TIMEOUT", "\t20s"),
        ("SILVERBACK_QUIET", "FALSE\r"),
        ("SILVERBACK_THREADS", " 1\n"),
        ("SILVERBACK_WINDOW_BITS", " 15 "),
    ];
    let program = Program::start_with(&[], &variables(" 127.0.0.1:0 , 127.0.0.1:0 ,", &set));
    wait_until("both addresses are told", || program.output().matches("http://").count() == 2);
    for (host, status) in [("a.example", 101), ("b.example", 101), ("c.example", 403)] {
        assert_eq!(status_for_host(&program, host), status, "{host}");
    }
    let origin = [("Origin", "https://a.example")];
    assert_eq!(ask(program.address, &handshake(program.address, &origin)).status, 101);
}

#[test]
fn localhost_is_both_loopback_families_on_one_port() {
    let program = Program::start_with(&["--listen", "localhost:0"], &[]);
    let port = program.address.port();
    assert_eq!(get(([127, 0, 0, 1], port).into(), "/healthz").body, "ok");
    if TcpListener::bind("[::1]:0").is_ok() {
        assert_eq!(get((std::net::Ipv6Addr::LOCALHOST, port).into(), "/healthz").body, "ok");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn threads_are_as_many_as_asked_for() {
    for program in both_ways("--threads", "3", &[]) {
        let workers = || program.threads().into_iter().filter(|name| name.starts_with("worker-")).count();
        // The first one is the main thread. A thread names itself, which may take a moment.
        wait_until("there are two more", || workers() >= 2);
        assert_eq!(workers(), 2);
    }
}

#[tokio::test]
async fn connections_on_all_threads_are_served_and_told_when_it_ends() {
    let mut program = Program::start(&["--threads", "3"]);
    let mut conns = Vec::new();
    for number in 0..7 {
        let mut conn = dial(program.address).await;
        check_echo(&mut conn, format!("{number}")).await;
        conns.push(conn);
    }
    program.signal(Signal::TERM);
    for conn in &mut conns {
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        assert_eq!(conn.close_info().unwrap().code, CloseCode::GOING_AWAY);
    }
    assert_eq!(program.wait().code(), Some(0));
    assert!(program.errors().contains("closing 7 connections"), "{}", program.errors());
}

#[tokio::test]
async fn messages_are_limited() {
    for program in both_ways("--max-message-size", "1k", &[]) {
        let mut conn = dial(program.address).await;
        check_echo(&mut conn, vec![0; 1024]).await;
        conn.write_message(vec![0; 1025]).await.unwrap();
        assert_eq!(within(conn.read_message()).await.unwrap(), None);
        assert_eq!(conn.close_info().unwrap().code, CloseCode::MESSAGE_TOO_BIG);
    }
}

#[test]
fn origins_are_allowed_with_scheme_and_port() {
    for program in both_ways("--allow-origin", "https://a.example,http://b.example:81", &[]) {
        let own = format!("http://{}", program.address);
        for (origin, status) in [
            ("https://a.example", 101),
            ("https://A.example:443", 101),
            ("http://b.example:81", 101),
            (own.as_str(), 101),
            ("http://a.example", 403),
            ("https://a.example:444", 403),
            ("http://b.example", 403),
            ("https://c.example", 403),
            ("https://a.example.evil.example", 403),
        ] {
            let answer = ask(program.address, &handshake(program.address, &[("Origin", origin)]));
            assert_eq!(answer.status, status, "{origin}");
        }
    }
}

#[test]
fn origins_of_local_pages_and_every_origin_are_allowed_with_a_warning() {
    for (allowed, words, welcome, refused) in [
        ("null", "--allow-origin null", &["null"][..], &["file://", "https://a.example"][..]),
        ("file://", "--allow-origin file://", &["file://"], &["null", "https://a.example"]),
        ("*", "--allow-origin *", &["null", "file://", "https://a.example", "nonsense"], &[]),
        ("https://b.example/, null", "--allow-origin null", &["null", "https://b.example"], &["https://a.example"]),
    ] {
        for program in both_ways("--allow-origin", allowed, &["--quiet"]) {
            wait_until("it warns", || program.errors().contains(words));
            for (origins, status) in [(welcome, 101), (refused, 403)] {
                for origin in origins {
                    let answer = ask(program.address, &handshake(program.address, &[("Origin", origin)]));
                    assert_eq!(answer.status, status, "{origin} where {allowed} is allowed");
                }
            }
        }
    }
    let program = Program::start(&["--allow-origin", "https://a.example"]);
    assert_eq!(get(program.address, "/healthz").status, 200);
    assert_eq!(program.errors(), "");
}

fn status_for_host(program: &Program, host: &str) -> u16 {
    let request = handshake(program.address, &[("Origin", &format!("http://{host}"))]);
    ask(program.address, &request.replace(&format!("Host: {}", program.address), &format!("Host: {host}"))).status
}

#[test]
fn hosts_are_allowed_beside_those_of_loopback() {
    for program in both_ways("--allow-host", "proxy.example, *.a.example", &[]) {
        for host in
            ["proxy.example", "PROXY.example.:81", "x.a.example", "localhost", "app.localhost:1", "[::1]", "127.0.0.2"]
        {
            assert_eq!(status_for_host(&program, host), 101, "{host}");
        }
        for host in ["attacker.example", "a.example", "localhost.attacker.example"] {
            assert_eq!(status_for_host(&program, host), 403, "{host}");
        }
    }
    for program in both_ways("--allow-host", "*", &[]) {
        wait_until("it warns", || program.errors().contains("DNS rebinding"));
        assert_eq!(status_for_host(&program, "attacker.example"), 101);
    }
}

#[test]
fn every_host_is_welcome_where_others_than_this_machine_may_connect() {
    let everywhere = |options: &[&str]| Program::start_with(&[&["--listen", "0.0.0.0:0"], options].concat(), &[]);
    assert_eq!(status_for_host(&everywhere(&[]), "any.example"), 101);
    let program = everywhere(&["--allow-host", "a.example"]);
    for (host, status) in [("a.example", 101), ("localhost", 101), ("any.example", 403)] {
        assert_eq!(status_for_host(&program, host), status, "{host}");
    }
}

#[test]
fn heads_may_be_larger_if_asked_for() {
    let with_cookie = |program: &Program, size: usize| {
        ask(program.address, &handshake(program.address, &[("Cookie", &"x".repeat(size))]))
    };
    for program in both_ways("--max-head-size", "64KiB", &[]) {
        assert_eq!(with_cookie(&program, 64_000).status, 101);
        let answer = with_cookie(&program, 66_000);
        assert_eq!(answer.status, 431);
        assert!(answer.body.contains("65536 bytes"), "{}", answer.body);
    }
}

#[test]
fn a_request_must_come_within_the_handshake_timeout() {
    for program in both_ways("--handshake-timeout", "300ms", &[]) {
        let start = Instant::now();
        let mut stream = TcpStream::connect(program.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /ws/echo HTTP/1.1\r\nHost: exa").unwrap();
        let mut answer = Vec::new();
        // The end may be a reset.
        let _ = stream.read_to_end(&mut answer);
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert!(start.elapsed() < PATIENCE / 2, "the default is shorter than this, too");
    }
}

#[test]
fn the_program_waits_for_clients_no_longer_than_the_close_timeout() {
    for mut program in both_ways("--close-timeout", "200ms", &[]) {
        let mut silent = RawClient::connect(program.address);
        let start = Instant::now();
        program.signal(Signal::TERM);
        assert_eq!(silent.receive(), (0x88, [&1001_u16.to_be_bytes()[..], b"the server is shutting down"].concat()));
        assert_eq!(program.wait().code(), Some(0));
        assert!(start.elapsed() >= Duration::from_millis(200));
    }
}

#[tokio::test]
async fn idle_clients_are_pinged() {
    for program in both_ways("--ping-interval", "50ms", &[]) {
        let mut conn = dial(program.address).await;
        for _ in 0..3 {
            let event = within(conn.read_event()).await.unwrap();
            assert!(matches!(event, Some(Event::Ping(_))), "{event:?}");
        }
    }
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_dropped() {
    for program in both_ways("--ping-timeout", "50ms", &["--ping-interval", "50ms"]) {
        let mut silent = RawClient::connect(program.address);
        assert_eq!(silent.receive().0, 0x89);
        // What follows is the end, as a reset or not.
        let _ = silent.read_to_end();
        program.check_stops_empty();
    }
}
