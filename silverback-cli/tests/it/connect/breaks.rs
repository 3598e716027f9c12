//! Servers, and proxies before them, that break off: at each stage, by an end and by a reset.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use socket2::SockRef;

use super::{
    check_end, check_said,
    servers::{Server, accepting, frame, read_frame},
    talk,
};
use crate::support::PATIENCE;

/// The way in which a connection breaks off.
#[derive(Clone, Copy, Debug)]
enum Break {
    End,
    Reset,
}

impl Break {
    const ALL: [Self; 2] = [Self::End, Self::Reset];

    fn off(self, stream: &TcpStream) {
        match self {
            // Read the client's remaining bytes, so that the kernel does not reset the connection.
            Self::End => {
                stream.shutdown(Shutdown::Write).unwrap();
                let mut stream = stream;
                while stream.read(&mut [0; 1000]).is_ok_and(|count| count > 0) {}
            }
            Self::Reset => SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap(),
        }
    }
}

/// The server sends these bytes instead of its answer, or behind it, and breaks off.
#[track_caller]
fn check(bytes: impl Fn(&str) -> Vec<u8> + Clone + Send + 'static, code: i32, words: &[&str]) {
    for kind in Break::ALL {
        let bytes = bytes.clone();
        let server = Server::start(move |mut stream, head| {
            stream.write_all(&bytes(&head)).unwrap();
            kind.off(&stream);
        });
        check_end(&talk(&[&server.url(), "--wait", "off"], b""), code, words);
    }
}

/// Something that listens and does this with each connection.
fn listening(mut serve: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            serve(stream);
        }
    });
    address
}

/// Something that breaks off after the first byte that it gets.
fn breaking(kind: Break) -> SocketAddr {
    listening(move |mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        kind.off(&stream);
    })
}

mod before_the_answer_is_whole_is_5 {
    use super::*;

    #[test]
    fn inside_the_request() {
        for kind in Break::ALL {
            let url = format!("ws://{}/", breaking(kind));
            check_end(&talk(&[&url], b""), 5, &["handshake"]);
        }
    }

    #[test]
    fn after_the_request() {
        check(|_| Vec::new(), 5, &["handshake"]);
    }

    #[test]
    fn inside_the_answer() {
        check(|_| b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: web".to_vec(), 5, &["handshake"]);
        check(|head| accepting(head).trim_end().as_bytes().to_vec(), 5, &["handshake"]);
    }

    #[test]
    fn inside_the_body_of_a_refusal() {
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nonly this";
        // A reset may overtake bytes that were sent before it.
        let server = Server::start(move |mut stream, _| {
            stream.write_all(refusal).unwrap();
            Break::End.off(&stream);
        });
        check_end(&talk(&[&server.url()], b""), 5, &["403 Forbidden", "only this"]);
    }
}

mod without_a_close_is_6 {
    use super::*;

    #[test]
    fn right_after_the_answer() {
        for kind in Break::ALL {
            let server = Server::talking(move |mut stream| {
                // The client has read the answer.
                assert_eq!(read_frame(&mut stream), (1, b"hi".to_vec()));
                kind.off(&stream);
            });
            check_end(&talk(&[&server.url(), "--wait", "off"], b"hi\n"), 6, &["lost"]);
        }
    }

    #[test]
    fn inside_a_frame() {
        check_after_text(|| frame(0x81, &[b'x'; 1000])[..500].to_vec());
        check_after_text(|| vec![0x81]);
    }

    #[test]
    fn between_fragments() {
        check_after_text(|| frame(0x01, b"one"));
    }

    #[test]
    fn behind_a_declared_length_that_never_comes() {
        check_after_text(|| [&b"\x82\x7f"[..], &(60_u64 << 20).to_be_bytes(), b"little"].concat());
    }

    #[track_caller]
    fn check_after_text(bytes: impl Fn() -> Vec<u8> + Clone + Send + 'static) {
        for kind in Break::ALL {
            let bytes = bytes.clone();
            let server = Server::talking(move |mut stream| {
                assert_eq!(read_frame(&mut stream), (1, b"hi".to_vec()));
                stream.write_all(&bytes()).unwrap();
                kind.off(&stream);
            });
            check_end(&talk(&[&server.url(), "--wait", "off"], b"hi\n"), 6, &["lost"]);
        }
    }

    #[test]
    fn also_inside_a_large_message_of_ours() {
        for kind in Break::ALL {
            let server = Server::talking(move |mut stream| {
                stream.read_exact(&mut [0; 100_000]).unwrap();
                // The rest is not read, so that an end is a reset too.
                if matches!(kind, Break::Reset) {
                    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                }
            });
            let output = talk(&[&server.url(), "--wait", "off", "--format", "raw"], &[0; 10_000_000]);
            check_end(&output, 6, &["lost"]);
        }
    }
}

#[test]
fn after_our_close_it_is_0_for_everything_was_done() {
    for kind in Break::ALL {
        let server = Server::talking(move |mut stream| {
            stream.write_all(&frame(0x81, b"only one")).unwrap();
            assert_eq!(read_frame(&mut stream).0, 8);
            kind.off(&stream);
        });
        check_said(&talk(&[&server.url(), "-n", "1"], b""), "only one\n");
    }
}

#[test]
fn inside_tls_it_is_4() {
    for kind in Break::ALL {
        let url = format!("wss://{}/", breaking(kind));
        check_end(&talk(&[&url], b""), 4, &["TLS"]);
    }
}

mod of_a_proxy_is_3 {
    use super::*;

    #[test]
    fn inside_its_handshake() {
        for kind in Break::ALL {
            for scheme in ["http", "socks5", "socks5h"] {
                let proxy = format!("{scheme}://{}", breaking(kind));
                check_end(&talk(&["ws://127.0.0.1:1/", "-x", &proxy], b""), 3, &["proxy"]);
            }
        }
    }

    #[test]
    fn inside_its_answer() {
        let proxy = Server::answering("HTTP/1.1 200 Connection estab");
        let proxy = format!("http://{}", proxy.address);
        check_end(&talk(&["ws://127.0.0.1:1/", "-x", &proxy], b""), 3, &["proxy"]);
    }

    #[test]
    fn that_answers_with_something_else() {
        for scheme in ["http", "socks5"] {
            let nonsense = listening(|mut stream| {
                stream.read_exact(&mut [0]).unwrap();
                stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap();
                Break::End.off(&stream);
            });
            check_end(&talk(&["ws://127.0.0.1:1/", "-x", &format!("{scheme}://{nonsense}")], b""), 3, &["proxy"]);
        }
    }

    #[test]
    fn that_says_yes_and_then_breaks_off_is_5_or_4_as_the_server_itself_would_be() {
        let proxy = listening(|mut stream| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            Break::End.off(&stream);
        });
        let proxy = format!("http://{proxy}");
        check_end(&talk(&["ws://127.0.0.1:1/", "-x", &proxy], b""), 5, &["handshake"]);
        check_end(&talk(&["wss://127.0.0.1:1/", "-x", &proxy], b""), 4, &["TLS"]);
    }
}
