//! The end of a program that cannot start: one line, and an exit code that shows whose fault it is.

use std::net::TcpListener;

use crate::support::{Program, run};

#[track_caller]
fn check(options: &[&str], environment: &[(&str, &str)], code: i32, words: &[&str]) {
    let (found, out, err) = run(options, environment);
    assert_eq!(found, Some(code), "{err}");
    assert_eq!(out, "");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("silverback: ") && err.ends_with('\n'), "{err}");
    for word in words {
        assert!(err.contains(word), "{word}: {err}");
    }
}

#[test]
fn an_option_that_makes_no_sense_is_2_and_named() {
    for (option, value) in [
        ("--listen", "8000"),
        ("--threads", "0"),
        ("--max-message-size", "huge"),
        ("--allow-origin", "example.com"),
        ("--handshake-timeout", "0"),
        ("--close-timeout", "-1s"),
        ("--ping-interval", "x"),
        ("--ping-timeout", "1year"),
        ("--compression-level", "0"),
        ("--compression-level", "10"),
        ("--window-bits", "7"),
        ("--window-bits", "16"),
    ] {
        let given = format!("{option}={value}");
        check(&[&given], &[], 2, &[option, value]);
        let variable = format!("SILVERBACK_{}", option.trim_start_matches("--").to_uppercase().replace('-', "_"));
        check(&[], &[(&variable, value)], 2, &[&variable, value]);
    }
    for variable in ["SILVERBACK_QUIET", "SILVERBACK_NO_COMPRESSION", "SILVERBACK_NO_CONTEXT_TAKEOVER"] {
        check(&[], &[(variable, "perhaps")], 2, &[variable, "perhaps"]);
    }
    check(&["--nonsense"], &[], 2, &["--nonsense", "--help"]);
    check(&["nonsense"], &[], 2, &["nonsense", "--help"]);
}

#[test]
fn a_port_in_use_is_3_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for threads in ["1", "4"] {
        check(&["--listen", &address, "--threads", threads], &[], 3, &[&address, "in use"]);
    }
}

#[test]
fn a_second_instance_on_the_same_port_is_3() {
    for threads in ["1", "4"] {
        let first = Program::start(&["--threads", threads]);
        check(&["--listen", &first.address.to_string(), "--threads", threads], &[], 3, &["in use"]);
    }
}

#[test]
fn an_address_of_another_machine_is_3() {
    check(&["--listen", "192.0.2.1:8000"], &[], 3, &["192.0.2.1:8000"]);
}

#[test]
fn help_and_version_are_0_and_go_to_standard_output() {
    let (code, out, err) = run(&["--help"], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for word in ["http://localhost:8000/", "--listen", "SILVERBACK_ALLOW_ORIGIN", "Examples:", "Exit codes:"] {
        assert!(out.contains(word), "{word}: {out}");
    }
    let (code, out, err) = run(&["--version"], &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out, format!("silverback {}\n", env!("CARGO_PKG_VERSION")));
}
