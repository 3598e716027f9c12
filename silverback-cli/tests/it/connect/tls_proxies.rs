//! TLS to the proxy itself, whose certificate is separate from the server's.

use std::{net::SocketAddr, thread};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::{check_end, check_said, talk, tls::Certificates};

/// A proxy behind TLS that connects everybody to one server.
fn proxy(certificates: &Certificates, server: SocketAddr) -> String {
    let acceptor = certificates.acceptor(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(stream).await else { return };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut TcpStream::connect(server).await.unwrap()).await;
            });
        }
    };
    thread::spawn(move || runtime.block_on(serving));
    url
}

#[test]
fn a_proxy_of_an_authority_of_its_own_is_trusted_when_that_is_named() {
    let (servers, proxies) = (Certificates::make("servers"), Certificates::make("proxies"));
    let server = servers.serve(false);
    let (url, proxy) = (format!("wss://server.example:{}/", server.port()), proxy(&proxies, server));
    let with = |options: &[&str]| talk(&[&[&*url, "-x", &proxy, "-n", "1", "-k"], options].concat(), b"hi\n");
    check_said(&with(&["--proxy-cacert", &proxies.path("ca.pem")]), "hi\n");
    check_said(&with(&["--proxy-insecure"]), "hi\n");
    // Options for servers do not apply to proxies, nor the other way round.
    check_end(&with(&[]), 4, &["TLS", "localhost", "certificate"]);
    check_end(&with(&["--proxy-cacert", &servers.path("ca.pem")]), 4, &["localhost"]);
    let strict = talk(&[&url, "-x", &proxy, "--proxy-insecure"], b"");
    check_end(&strict, 4, &["server.example", "certificate"]);
}

#[test]
fn a_file_that_cannot_be_read_is_2_and_named() {
    check_end(&talk(&["ws://h/", "--proxy-cacert", "/nowhere"], b""), 2, &["--proxy-cacert", "/nowhere"]);
}
