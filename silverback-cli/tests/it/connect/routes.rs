//! Routes to a server, and the traces that they leave.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::net::{UnixListener, UnixStream},
    process::Stdio,
    thread,
};

use super::{
    check_end, check_said, command,
    servers::{Server, accepting, close, frame, read_head, read_to_close},
    talk,
    tls::Certificates,
    wait_for,
};
use crate::support::{PATIENCE, Program, run};

fn greeting() -> Vec<u8> {
    [frame(0x81, b"hi"), close(1000, "")].concat()
}

#[test]
fn a_unix_socket_leads_to_the_server_and_the_url_says_what_to_ask_for() {
    let path = std::env::temp_dir().join(format!("silverback-socket-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _): (UnixStream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = read_head(&mut stream);
        stream.write_all(&[accepting(&head).as_bytes(), &greeting()].concat()).unwrap();
        read_to_close(&mut stream);
        head
    });
    check_said(&talk(&["ws://example.com/x", "--unix-socket", path.to_str().unwrap()], b""), "hi\n");
    let head = serving.join().unwrap();
    assert!(head.starts_with("GET /x HTTP/1.1\r\n") && head.contains("\r\nHost: example.com\r\n"), "{head}");
    fs::remove_file(path).unwrap();
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    if TcpListener::bind("[::1]:0").is_err() {
        // This machine has no IPv6.
        return;
    }
    let program = Program::start_with(&["--quiet"], &[("SILVERBACK_LISTEN", "[::1]:0")]);
    let url = format!("ws://[::1]:{}/ws/echo", program.address.port());
    check_said(&talk(&[&url, "-n", "1"], b"hi\n"), "hi\n");
}

#[test]
fn some_hosts_need_no_proxy() {
    let server = Server::sending(greeting());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://{nobody}");
    check_end(&talk(&[&server.url(), "-x", &proxy], b""), 3, &[&nobody.to_string()]);
    check_said(&talk(&[&server.url(), "-x", &proxy, "--noproxy", "example.com,127.0.0.1"], b""), "hi\n");
    let mut from_variable = command(&["connect", &server.url(), "--noproxy", "*"]);
    from_variable.env("HTTP_PROXY", &proxy).env("ALL_PROXY", &proxy);
    from_variable.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    check_said(&wait_for(from_variable.spawn().unwrap()), "hi\n");
}

#[test]
fn a_certificate_and_its_key_may_stand_in_one_file() {
    let certificates = Certificates::make("both");
    let both = certificates.path("both.pem");
    let text = ["client.pem", "key.pem"].map(|file| fs::read_to_string(certificates.path(file)).unwrap());
    fs::write(&both, text.concat()).unwrap();
    let url = format!("wss://localhost:{}/", certificates.serve(true).port());
    let options = [&*url, "-n", "1", "--cacert", &certificates.path("ca.pem"), "--cert", &both];
    check_said(&talk(&options, b"hi\n"), "hi\n");
    let without =
        [&*url, "-n", "1", "--cacert", &certificates.path("ca.pem"), "--cert", &certificates.path("client.pem")];
    check_end(&talk(&without, b"hi\n"), 2, &["key"]);
}

#[test]
fn an_encrypted_key_is_called_encrypted_wherever_it_stands() {
    let certificates = Certificates::make("front");
    let certificate = fs::read_to_string(certificates.path("client.pem")).unwrap();
    let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIB\n-----END \
                     RSA PRIVATE KEY-----\n";
    let both = certificates.path("both.pem");
    for text in [encrypted.to_owned() + &certificate, certificate + encrypted] {
        fs::write(&both, text).unwrap();
        check_end(&talk(&["wss://localhost:1/", "--cert", &both], b""), 2, &["its key is encrypted"]);
    }
}

#[test]
fn the_keys_of_tls_are_logged_if_that_is_wanted() {
    let certificates = Certificates::make("keylog");
    let log = certificates.path("keys.log");
    let url = format!("wss://localhost:{}/", certificates.serve(false).port());
    let mut command = command(&["connect", &url, "-k", "--send", "hi", "-n", "1"]);
    command.env("SSLKEYLOGFILE", &log);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    check_said(&wait_for(command.spawn().unwrap()), "hi\n");
    let keys = fs::read_to_string(log).unwrap();
    assert!(keys.contains("CLIENT_TRAFFIC_SECRET_0 "), "{keys}");
}

#[test]
fn the_time_of_a_message_is_shown_if_that_is_wanted() {
    let output = talk(&[&Server::sending(greeting()).url(), "-t"], b"");
    check_end(&output, 0, &[]);
    let line = String::from_utf8(output.stdout).unwrap();
    let (time, text) = line.split_once(' ').unwrap();
    assert_eq!((time.len(), &time[10..11], &time[23..], text), (24, "T", "Z", "hi\n"), "{line}");
}

#[test]
fn names_below_localhost_are_this_machine() {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let port = program.address.port();
    for host in ["localhost", "localhost.", "app.localhost", "A.b.LOCALHOST", "app.localhost."] {
        let url = format!("ws://{host}:{port}/ws/echo");
        let (code, out, err) =
            run(&["connect", &url, "--send", "hi", "-n", "1"], &[("ALL_PROXY", "http://127.0.0.1:1")]);
        assert_eq!((code, out.as_str()), (Some(0), "hi\n"), "{host}: {err}");
        let (code, _, err) = run(&["bench", &url, "-c", "1", "-n", "2"], &[]);
        assert_eq!(code, Some(0), "{host}: {err}");
        let (code, out, _) = run(&["check", &url], &[]);
        assert!(code == Some(0) && out.contains("is 127.0.0.1, ::1"), "{host}: {out}");
    }
}

#[test]
fn a_host_name_outside_ascii_is_converted() {
    let program = Program::start(&["--quiet", "--threads", "1", "--allow-host", "B\u{fc}cher.example"]);
    let port = program.address.port();
    let url = format!("ws://b\u{fc}cher.EXAMPLE:{port}/ws/echo");
    for given in ["b\u{fc}cher.example", "xn--bcher-kva.example"] {
        let given = format!("{given}:{port}:127.0.0.1");
        for command in [&["connect", "--send", "hi", "-n", "1"][..], &["check"], &["bench", "-c", "1", "-n", "2"]] {
            let (code, _, err) = run(&[command, &[&url, "--resolve", &given]].concat(), &[]);
            assert_eq!(code, Some(0), "{command:?} {given}: {err}");
        }
    }
}

#[test]
fn a_zone_is_for_the_socket_and_not_for_the_server() {
    for command in ["connect", "check", "bench"] {
        let (code, out, err) = run(&[command, "ws://[fe80::1%25nosuch0]/"], &[]);
        assert_eq!(code, Some(3), "{command}: {err}");
        assert!((out + &err).contains("no network interface `nosuch0`"), "{command}: {err}");
    }
    let socket = std::env::temp_dir().join(format!("silverback-zone-{}", std::process::id()));
    let listener = UnixListener::bind(&socket).unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        stream.write_all(&[accepting(&head).as_bytes(), &greeting()].concat()).unwrap();
        head
    });
    let output = talk(&["ws://[fe80::1%25eth0]/", "--unix-socket", socket.to_str().unwrap(), "--wait", "off"], b"");
    check_said(&output, "hi\n");
    assert!(serving.join().unwrap().contains("\r\nHost: [fe80::1]\r\n"));
    fs::remove_file(socket).unwrap();
}
