//! `wss://` where the certificates are wrong, the server wants one of ours, or what passes is large.

use std::{net::SocketAddr, thread};

use silverback::{Compression, Upgrader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::server::TlsStream;

use super::{check_end, check_said, servers::accepting, talk, tls::Certificates};

/// Serves one connection over TLS with a function.
pub(super) fn serve(
    certificates: &Certificates,
    serve: impl AsyncFnOnce(&mut TlsStream<TcpStream>) + Send + 'static,
) -> SocketAddr {
    let acceptor = certificates.acceptor(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            serve(&mut acceptor.accept(stream).await.unwrap()).await;
        });
    });
    address
}

/// Reads the request.
pub(super) async fn read_head(stream: &mut TlsStream<TcpStream>) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn url(address: SocketAddr) -> String {
    format!("wss://localhost:{}/", address.port())
}

mod a_certificate_that_is_refused_is_4 {
    use super::*;

    #[track_caller]
    fn check(certificates: &Certificates, authority: &str) {
        let url = url(certificates.serve(false));
        check_end(&talk(&[&url, "--cacert", authority], b""), 4, &["TLS", "certificate"]);
        check_said(&talk(&[&url, "-n", "1", "-k"], b"hi\n"), "hi\n");
    }

    #[test]
    fn where_another_authority_is_trusted() {
        let other = Certificates::make("other-authority");
        check(&Certificates::make("this-authority"), &other.path("ca.pem"));
    }

    #[test]
    fn where_its_time_is_over_or_has_not_come() {
        let past = Certificates::make_with("past", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
        check(&past, &past.path("ca.pem"));
        let future = Certificates::make_with("future", |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
        check(&future, &future.path("ca.pem"));
    }

    #[test]
    fn where_it_is_not_meant_for_servers() {
        let purpose = |params: &mut rcgen::CertificateParams| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        };
        let certificates = Certificates::make_with("purpose", purpose);
        check(&certificates, &certificates.path("ca.pem"));
    }
}

/// In TLS 1.3 the refusal comes after the client has finished its part.
#[test]
fn none_of_ours_where_one_is_wanted_is_4() {
    let certificates = Certificates::make("wanted");
    let url = url(certificates.serve(true));
    let authority = certificates.path("ca.pem");
    check_end(&talk(&[&url, "--cacert", &authority], b""), 4, &["TLS"]);
    let other = Certificates::make("other-client");
    let (cert, key) = (other.path("client.pem"), other.path("key.pem"));
    check_end(&talk(&[&url, "--cacert", &authority, "--cert", &cert, "--key", &key], b""), 4, &["TLS"]);
}

#[test]
fn early_frames_in_the_record_of_the_answer_are_delivered() {
    let certificates = Certificates::make("early");
    let address = serve(&certificates, async |stream| {
        let head = read_head(stream).await;
        let frames = b"\x81\x05early\x88\x02\x03\xe8";
        stream.write_all(&[accepting(&head).as_bytes(), frames].concat()).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let output = talk(&[&url(address), "--cacert", &certificates.path("ca.pem"), "--wait", "off"], b"");
    check_said(&output, "early\n");
}

/// Without a TLS close_notify, an attacker in between may have ended the stream. Without a Close frame, the connection
/// counts as lost.
#[test]
fn an_end_without_a_close_is_6_with_and_without_the_goodbye_of_tls() {
    for says_goodbye in [true, false] {
        let certificates = Certificates::make("cut");
        let address = serve(&certificates, async move |stream| {
            let head = read_head(stream).await;
            stream.write_all(accepting(&head).as_bytes()).await.unwrap();
            // The client has read the answer.
            stream.read_u8().await.unwrap();
            match says_goodbye {
                true => stream.shutdown().await.unwrap(),
                false => stream.get_mut().0.shutdown().await.unwrap(),
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let output = talk(&[&url(address), "--cacert", &certificates.path("ca.pem"), "--wait", "off"], b"hi\n");
        check_end(&output, 6, &["lost"]);
    }
}

#[test]
fn megabytes_come_back_as_they_were_compressed_or_not() {
    let certificates = Certificates::make("large");
    for compression in [None, Some(Compression::default())] {
        let address = serve(&certificates, async move |stream| {
            let upgrader = Upgrader::new().compression(compression);
            let (client, mut inside) = tokio::io::duplex(65536);
            let echo = async {
                let mut conn = upgrader.accept(client).await.unwrap();
                while let Ok(Some(message)) = conn.read_message().await {
                    conn.write_message(message).await.unwrap();
                }
            };
            let _ = tokio::join!(echo, tokio::io::copy_bidirectional(stream, &mut inside));
        });
        let bytes: Vec<u8> = (0..1_500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let options = ["--cacert", &certificates.path("ca.pem"), "--format", "raw", "-n", "1"];
        let output = talk(&[&[&*url(address)], &options[..]].concat(), &bytes);
        check_end(&output, 0, &[]);
        assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
    }
}
