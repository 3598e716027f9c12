//! TLS of the service: certificates from files, their replacement at run time, and a self-signed one.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use silverback_testkit::http3::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{PATIENCE, Program, connect_tls, fingerprint, get, run, wait_until, within};

/// A folder with a certificate and its key, which is removed at the end.
struct Files(PathBuf);

impl Files {
    fn make(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("silverback-service-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = Self(folder);
        files.renew();
        files
    }

    /// Writes a new certificate and its key.
    fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        self.write("cert.pem", &certificate.pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        // Moved here whole, as tools that renew certificates do.
        let part = self.0.join("part");
        fs::write(&part, text).unwrap();
        fs::rename(&part, self.0.join(name)).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn serve(&self) -> Program {
        Program::start(&["--tls-cert", &self.path("cert.pem"), "--tls-key", &self.path("key.pem")])
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_printed_fingerprint_of_a_self_signed_certificate_is_the_one_that_clients_see() {
    let program = Program::start(&["--tls-self-signed"]);
    let client = connect_tls(program.address, &["http/1.1"]).await;
    program.wait_for_output(&format!("Its SHA-256 fingerprint is {}\n", fingerprint(&client)));
    let port = program.address.port();
    assert!(program.output().contains(&format!("Open https://127.0.0.1:{port}/ in a browser")));
    assert!(program.output().contains(&format!("wss://127.0.0.1:{port}/ws/echo\n")));
}

#[tokio::test]
async fn http_1_1_is_served_over_tls() {
    let files = Files::make("http1");
    let program = files.serve();
    // A client without ALPN gets it, too.
    for alpn in [&["http/1.1"][..], &[]] {
        let mut client = connect_tls(program.address, alpn).await;
        client.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        within(client.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
    }
    program.check_stops_empty();
}

#[tokio::test]
async fn a_new_certificate_is_used_after_sighup_and_after_a_change() {
    let files = Files::make("reload");
    let program = files.serve();
    let seen = async || fingerprint(&connect_tls(program.address, &[]).await);
    let mut before = seen().await;
    for is_told in [true, false] {
        files.renew();
        if is_told {
            program.signal(Signal::HUP);
        }
        wait_until("it says that it has a new one", || {
            program.errors().matches("the certificate is reloaded").count() == if is_told { 1 } else { 2 }
        });
        let after = seen().await;
        assert_ne!(before, after);
        assert!(program.errors().contains(&after), "{}", program.errors());
        // HTTP/3 has the same certificate: its client trusts this one alone.
        let certificate = fs::read(files.path("cert.pem")).unwrap();
        let certificate = CertificateDer::from_pem_slice(&certificate).unwrap();
        within(Connection::connect(program.address, &certificate)).await.close().await;
        before = after;
    }
    assert_eq!(program.errors().lines().count(), 2, "{}", program.errors());
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_keeps_the_old_one() {
    let files = Files::make("bad");
    let program = files.serve();
    let seen = async || fingerprint(&connect_tls(program.address, &[]).await);
    let before = seen().await;
    let (certificate, key) = (files.path("cert.pem"), files.path("key.pem"));
    let good = fs::read_to_string(&certificate).unwrap();
    files.write("cert.pem", "nonsense");
    program.signal(Signal::HUP);
    let fault = format!("cannot use {certificate}: it has no certificate in PEM; the certificate in use stays\n");
    wait_until("it names the certificate", || program.errors().contains(&fault));
    files.write("cert.pem", &good);
    files.write("key.pem", &KeyPair::generate().unwrap().serialize_pem());
    // Nobody tells it.
    let fault =
        format!("cannot use {key}: the key does not belong to the certificate in {certificate}; the certificate");
    wait_until("it names the key", || program.errors().contains(&fault));
    assert_eq!(seen().await, before);
    assert_eq!(program.errors().lines().count(), 2, "{}", program.errors());
}

#[test]
fn without_files_sighup_ends_the_program() {
    let mut program = Program::start(&["--tls-self-signed"]);
    program.signal(Signal::HUP);
    assert_eq!(program.wait().code(), Some(0));
}

#[test]
fn options_and_files_that_cannot_be_used_end_it_with_2() {
    let files = Files::make("usage");
    let (certificate, key) = (files.path("cert.pem"), files.path("key.pem"));
    for (options, expected) in [
        (&["--tls-cert", "/nowhere.pem"][..], "silverback: cannot use /nowhere.pem: No such file"),
        (&["--tls-cert", &*certificate], "it has no private key in PEM, but `CERTIFICATE`"),
        (&["--tls-cert", &*key], "it has no certificate in PEM, but `PRIVATE KEY`"),
        (&["--tls-key", &*key], "--tls-cert"),
        (&["--tls-self-signed", "--tls-cert", &*certificate], "--tls-self-signed"),
        (&["--tls-self-signed", "--listen", "unix:/tmp/unused.sock"], "Unix sockets stay without TLS"),
    ] {
        let (code, _, errors) = run(options, &[]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(expected) && errors.lines().count() == 1, "{errors}");
    }
}

#[test]
fn a_request_without_tls_is_told_to_use_it() {
    let program = Program::start(&["--tls-self-signed"]);
    let address = program.address;
    let answer = get(address, "/");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains(&format!("https://{address}/ or wss://{address}/ws/echo")), "{}", answer.body);
    wait_until("the operator is told", || program.errors().contains("came without TLS"));
    // What is neither TLS nor HTTP gets no answer.
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"\0\0\0").unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
}

#[test]
fn unix_sockets_stay_without_tls() {
    let path = std::env::temp_dir().join(format!("silverback-tls-{}.sock", std::process::id()));
    let listen = format!("127.0.0.1:0,unix:{}", path.display());
    let program = Program::start_with(&["--tls-self-signed", "--listen", &listen], &[]);
    program.wait_for_output(&format!("ws://localhost/ws/echo through the Unix socket {}\n", path.display()));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("Alt-Svc"), "{answer}");
}

#[test]
fn a_tls_handshake_must_come_within_the_handshake_timeout() {
    let program = Program::start(&["--tls-self-signed", "--handshake-timeout", "1s"]);
    // Nothing, the start of a TLS record, and the start of a request.
    for start in [&b""[..], &[22, 3, 1, 2, 0, 1], b"GET / HT"] {
        let mut stream = TcpStream::connect(program.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(start).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0, "{start:?}");
    }
    program.check_stops_empty();
}

/// A hundred more than --max-connections are kept, to tell them why they are refused.
#[test]
fn tls_handshakes_that_do_not_come_are_bounded_in_number() {
    let program = Program::start(&["--tls-self-signed", "--max-connections", "1", "--handshake-timeout", "1h"]);
    let connect = || {
        let stream = TcpStream::connect(program.address).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let mut silent: Vec<_> = (0..150).map(|_| connect()).collect();
    let is_closed = |mut stream: &TcpStream| {
        let read = stream.read(&mut [0; 16]);
        !read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    wait_until("the others are closed", || silent.iter().filter(|stream| is_closed(stream)).count() == 49);
    silent.clear();
    wait_until("there is room again", || {
        let stream = connect();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        (&stream).write_all(b"GET / HTTP/1.1\r\n\r\n").is_ok()
            && (&stream).read(&mut [0; 16]).is_ok_and(|count| count > 0)
    });
}

#[tokio::test]
async fn a_tls_handshake_that_fails_is_reported() {
    let program = Program::start(&["--tls-self-signed"]);
    let mut stream = TcpStream::connect(program.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A record that says to hold a ClientHello and does not.
    stream.write_all(&[22, 3, 1, 0, 5, 9, 0, 0, 1, 0]).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    wait_until("the operator is told", || program.errors().contains("the TLS handshake with 127.0.0.1:"));
    tokio::time::timeout(Duration::from_secs(30), connect_tls(program.address, &[])).await.unwrap();
}
