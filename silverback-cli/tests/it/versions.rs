//! `--http1.1`, `--http2`, `--http3` and `--fallback` of the commands, against servers that take some versions only.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use serde_json::Value;
use silverback::{ByteStream, Conn, Upgrader};
use silverback_testkit::http3;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::{
    connect::{command, wait_for},
    support::{Program, run},
};

/// Exit code, standard output, standard error.
type Outcome = (Option<i32>, String, String);

/// Runs a command without input.
fn silverback(options: &[&str]) -> Outcome {
    let mut command = command(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = wait_for(command.spawn().unwrap());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Sends one message and waits for its echo.
fn talk(url: &str, options: &[&str]) -> Outcome {
    silverback(&[&["connect", url, "-k", "-v", "--send", "hi", "-n", "1"], options].concat())
}

#[track_caller]
fn check(url: &str, options: &[&str]) -> Value {
    let (_, out, err) = silverback(&[&["check", url, "-k", "--json"], options].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {err}"))
}

/// The version of each entry and whether it takes WebSockets.
fn versions(report: &Value) -> Vec<(&str, Option<bool>)> {
    let entries = report["versions"].as_array().unwrap();
    entries.iter().map(|entry| (entry["version"].as_str().unwrap(), entry["websocket"].as_bool())).collect()
}

/// A service with TLS, which takes every version.
fn service() -> (Program, String) {
    let program = Program::start(&["--tls-self-signed"]);
    let url = format!("wss://{}/ws/echo", program.address);
    (program, url)
}

/// A server with TLS.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Server {
    /// Chooses `h2`, over which it takes no WebSockets, or HTTP/1.1, over which it does.
    WithoutExtendedConnect,
    /// Knows no ALPN, and takes WebSockets over HTTP/1.1.
    Http1,
    /// Takes WebSockets over HTTP/2, and speaks nothing else.
    Http2Only,
}

impl Server {
    fn start(self) -> String {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let mut config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        match self {
            Self::WithoutExtendedConnect => config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http2Only => config.alpn_protocols = vec![b"h2".to_vec()],
            Self::Http1 => {}
        }
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let address = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    if let Ok(conn) = Upgrader::new().accept(stream).await {
                        echo(conn).await;
                    }
                    return;
                }
                if self == Self::Http2Only {
                    return serve_http2(stream).await;
                }
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let _ = respond.send_response(http::Response::builder().status(404).body(()).unwrap(), true);
                }
            }
        });
        format!("wss://localhost:{}/", address.port())
    }
}

/// Starts a server that handles each connection in a task.
fn serve<F: Future<Output = ()> + Send + 'static>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle(stream));
            }
        });
    });
    address
}

async fn serve_http2(stream: impl ByteStream) {
    let mut http2 = Upgrader::new().serve_http2(stream);
    while let Some(accepted) = http2.accept().await {
        if let Ok((conn, _)) = accepted {
            tokio::spawn(echo(conn));
        }
    }
}

async fn echo(mut conn: Conn) {
    while let Ok(Some(message)) = conn.read_message().await {
        if conn.write_message(message).await.is_err() {
            return;
        }
    }
}

#[test]
fn connect_uses_the_version_that_it_is_told_to_use() {
    let (program, url) = service();
    for (options, line) in [
        (&[][..], "> GET /ws/echo HTTP/1.1"),
        (&["--http1.1"], "> GET /ws/echo HTTP/1.1"),
        (&["--http2"], "* HTTP/2: the server's settings say that it takes WebSockets"),
        (&["--http2", "--fallback"], "> :method: CONNECT\n> :protocol: websocket\n"),
        (&["--http3"], "* HTTP/3: the server's settings say that it takes WebSockets"),
    ] {
        let (code, out, err) = talk(&url, options);
        assert_eq!((code, &*out), (Some(0), "hi\n"), "{options:?}: {err}");
        assert!(err.contains(line), "{options:?}: {err}");
    }
    program.wait_for_output(" over HTTP/2 sent: hi\n");
    program.wait_for_output(" over HTTP/3 sent: hi\n");
    // Without TLS, HTTP/2 needs no ALPN.
    let plain = Program::start(&[]);
    assert_eq!(talk(&format!("ws://{}/ws/echo", plain.address), &["--http2"]).0, Some(0));
    plain.wait_for_output(" over HTTP/2 sent: hi\n");
}

#[test]
fn the_request_over_http_2_hides_secrets_too() {
    let (_program, url) = service();
    let (code, _, err) = talk(&format!("{url}?token=abc"), &["--http2", "-H", "X-Api-Key: abc", "--bearer", "abc"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("> :path: /ws/echo?…\n") && err.contains("> x-api-key: (hidden)\n"), "{err}");
    assert!(!err.contains("abc"), "{err}");
}

#[test]
fn a_server_without_extended_connect_is_named_or_asked_over_http_1_1() {
    let url = Server::WithoutExtendedConnect.start();
    let (code, _, err) = talk(&url, &["--http2"]);
    assert_eq!(code, Some(5), "{err}");
    assert!(err.contains("does not announce extended CONNECT"), "{err}");
    let (code, out, err) = talk(&url, &["--http2", "--fallback"]);
    assert_eq!((code, &*out), (Some(0), "hi\n"), "{err}");
    assert!(err.contains("* falling back to HTTP/1.1 with localhost:"), "{err}");
    let report = check(&url, &["--http2", "--fallback"]);
    let steps: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert!(steps.windows(2).any(|pair| pair == ["settings", "fallback"]), "{report}");
    let expected = [("HTTP/1.1", Some(true)), ("HTTP/2", Some(false)), ("HTTP/3", Some(false))];
    assert_eq!(versions(&report), expected);
    assert!(report["versions"][1]["error"].as_str().unwrap().contains("extended CONNECT"), "{report}");
    let report = check(&url, &["--http2"]);
    assert_eq!((&report["exit_code"], &report["diagnosis"]["cause"]), (&5.into(), &"http-version".into()), "{report}");
}

#[test]
fn a_server_without_http_2_is_named_or_asked_over_http_1_1() {
    let url = Server::Http1.start();
    let (code, _, err) = talk(&url, &["--http2"]);
    assert_eq!(code, Some(5), "{err}");
    assert!(err.contains("it chose no protocol by ALPN"), "{err}");
    let (code, out, err) = talk(&url, &["--http2", "--fallback"]);
    assert_eq!((code, &*out), (Some(0), "hi\n"), "{err}");
    let report = check(&url, &[]);
    assert_eq!(versions(&report)[..2], [("HTTP/1.1", Some(true)), ("HTTP/2", Some(false))]);
}

#[test]
fn check_says_over_which_versions_a_server_takes_websockets() {
    let (_program, url) = service();
    for options in [&[][..], &["--http2"], &["--http3"]] {
        let report = check(&url, options);
        assert_eq!(report["exit_code"], 0, "{report}");
        assert_eq!(versions(&report), [("HTTP/1.1", Some(true)), ("HTTP/2", Some(true)), ("HTTP/3", Some(true))]);
        let handshake = report["steps"].as_array().unwrap().iter().find(|step| step["step"] == "handshake").unwrap();
        let version =
            options.first().map_or("HTTP/1.1", |option| if *option == "--http2" { "HTTP/2" } else { "HTTP/3" });
        assert_eq!((&handshake["http_version"], &handshake["ok"]), (&version.into(), &true.into()));
    }
    let (code, text, _) = silverback(&["check", &url, "-k", "--http2"]);
    assert_eq!(code, Some(0), "{text}");
    for line in ["takes WebSockets over HTTP/2", "200 OK over HTTP/2"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(text.lines().filter(|line| line.ends_with("  takes WebSockets")).count(), 3, "{text}");
    // A server without TLS is not asked for versions.
    let plain = Program::start(&[]);
    assert_eq!(versions(&check(&format!("ws://{}/ws/echo", plain.address), &[])), []);
}

#[test]
fn a_server_of_http_2_alone_is_told_from_one_that_is_broken() {
    let url = Server::Http2Only.start();
    let report = check(&url, &[]);
    assert_eq!((&report["exit_code"], &report["diagnosis"]["cause"]), (&4.into(), &"http-version".into()), "{report}");
    assert_eq!(versions(&report)[..2], [("HTTP/1.1", Some(false)), ("HTTP/2", Some(true))], "{report}");
    assert_eq!(check(&url, &["--http2"])["exit_code"], 0);
}

#[test]
fn a_certificate_that_is_not_trusted_is_explained_over_http_3_too() {
    let (_program, url) = service();
    for options in [&[][..], &["--http2"], &["--http3"]] {
        let (_, out, _) = silverback(&[&["check", &url, "--json"], options].concat());
        let report: Value = serde_json::from_str(&out).unwrap();
        let found = (&report["exit_code"], &report["diagnosis"]["cause"]);
        assert_eq!(found, (&4.into(), &"unknown-issuer".into()), "{options:?}: {report}");
    }
}

#[test]
fn a_server_that_does_not_answer_over_udp_may_lack_http_3() {
    // Nobody reads what comes here.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", silent.local_addr().unwrap());
    let report = check(&url, &["--http3", "--connect-timeout", "300ms"]);
    assert_eq!((&report["exit_code"], &report["diagnosis"]["cause"]), (&8.into(), &"no-http3".into()), "{report}");
}

#[test]
fn bench_shares_connections_among_streams() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let address = serve(move |stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        serve_http2(stream)
    });
    let url = format!("ws://{address}/");
    for (options, expected) in [
        (&["-c", "10", "--streams", "5"][..], 2),
        (&["-c", "10"], 10),
        (&["-c", "10", "--streams", "4", "--threads", "2"], 4),
    ] {
        connections.store(0, Ordering::Relaxed);
        let words = [&["bench", &url, "--http2", "-n", "100", "--json"], options].concat();
        let (code, out, err) = run(&words, &[]);
        assert_eq!(code, Some(0), "{err}");
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json["messages"]["received"], 100, "{json}");
        assert_eq!(json["settings"]["http_version"], "HTTP/2", "{json}");
        assert_eq!(connections.load(Ordering::Relaxed), expected, "{options:?}");
    }
    let (_, out, _) = run(&["bench", &url, "--http2", "--streams", "5", "-n", "100"], &[]);
    assert!(out.contains(" over HTTP/2, 5 streams per connection: "), "{out}");
}

#[test]
fn bench_loads_over_http_3() {
    let (program, url) = service();
    let words = ["bench", &url, "-k", "--http3", "--streams", "5", "-c", "10", "-n", "100", "--json", "--verify"];
    let (code, out, err) = run(&words, &[]);
    assert_eq!(code, Some(0), "{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["messages"]["received"], &json["settings"]["http_version"]),
        (&100.into(), &"HTTP/3".into()),
        "{json}"
    );
    program.wait_for_output(" over HTTP/3 sent: ");
}

#[test]
fn what_makes_no_sense_is_2() {
    for (words, expected) in [
        (&["connect", "wss://h/", "--http2", "--http3"][..], "--http3"),
        (&["connect", "wss://h/", "--http1.1", "--http2"], "--http2"),
        (&["connect", "wss://h/", "--fallback"], "--http2"),
        (&["connect", "ws://h/", "--http3"], "wss"),
        (&["bench", "ws://h/", "--streams", "5"], "--streams needs --http2 or --http3"),
        (&["bench", "ws://h/", "--http2", "--streams", "101"], "from 1 to 100"),
        (&["bench", "ws://h/", "--http2", "--raw-tcp"], "--raw-tcp"),
    ] {
        let (code, _, err) = silverback(words);
        assert_eq!(code, Some(2), "{words:?}: {err}");
        assert!(err.contains(expected) && err.lines().count() == 1, "{words:?}: {err}");
    }
}

/// A frame of HTTP/2.
fn http2_frame(frame_type: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    [&[0, 0, payload.len() as u8, frame_type, flags, 0, 0, 0, stream][..], payload].concat()
}

#[test]
fn a_server_that_breaks_the_rules_of_http_2_in_the_handshake_gives_code_7() {
    for (what, answer) in [
        ("DATA before HEADERS", http2_frame(0, 0, 1, b"x")),
        ("PUSH_PROMISE", http2_frame(5, 4, 1, &[0, 0, 0, 2, 0x82])),
        ("CONTINUATION without HEADERS", http2_frame(9, 4, 1, &[0x88])),
        ("a response without a status", http2_frame(1, 4, 1, &[])),
    ] {
        let address = serve(move |mut stream| {
            let answer = answer.clone();
            async move {
                // SETTINGS_ENABLE_CONNECT_PROTOCOL.
                stream.write_all(&http2_frame(4, 0, 0, &[0, 8, 0, 0, 0, 1])).await.unwrap();
                stream.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
                let mut frame_type = 0;
                while frame_type != 1 {
                    let mut header = [0; 9];
                    stream.read_exact(&mut header).await.unwrap();
                    frame_type = header[3];
                    let length = usize::from(header[1]) << 8 | usize::from(header[2]);
                    stream.read_exact(&mut vec![0; length]).await.unwrap();
                }
                stream.write_all(&answer).await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        });
        let (code, _, err) = talk(&format!("ws://{address}/"), &["--http2"]);
        assert_eq!(code, Some(7), "{what}: {err}");
    }
}

#[test]
fn a_server_that_breaks_the_rules_of_http_3_in_the_handshake_gives_code_7() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (address, started) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = http3::Server::start(made.cert.der(), &made.signing_key.serialize_der(), "h3");
            address.send(server.address()).unwrap();
            let mut kept = Vec::new();
            for is_of_connection in [false, true] {
                let mut connection = server.accept().await.unwrap();
                connection.open_uni(&http3::server_control()).await;
                let mut stream = connection.accept().await;
                if is_of_connection {
                    connection.open_uni(&http3::server_control()).await;
                } else {
                    stream.send_raw(&http3::data(b"x")).await;
                }
                // The client may exit before it has said that it closes the connection.
                kept.push((connection, stream));
            }
            std::future::pending::<()>().await;
        });
    });
    let url = format!("wss://127.0.0.1:{}/", started.recv().unwrap().port());
    for what in ["DATA before HEADERS", "a second control stream"] {
        let (code, _, err) = talk(&url, &["--http3"]);
        assert_eq!(code, Some(7), "{what}: {err}");
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
