//! The address of a client arrives, and no client can invent one.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
};

use serde_json::Value;
use silverback_testkit::front::{Front, free_address, haproxy, nginx, nginx_stream_module};
use socket2::{Domain, Socket, Type};

use super::documented;
use crate::{
    admin::{listed, start},
    http2::open_on,
    support::{PATIENCE, connect_tls, handshake, read_answer, wait_until},
};

/// The address of the client, which is not that of the proxies: they are at 127.0.0.1, and all of 127.0.0.0/8 is this
/// machine.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

/// A proxy in front of a program: how it tells the address, and the options of the program for it.
struct Case {
    name: &'static str,
    options: &'static [&'static str],
    start: fn(&Setting<'_>) -> Front,
    /// Whether the proxy tells the port too.
    has_port: bool,
    /// Whether the proxy passes bytes on as they are.
    is_transparent: bool,
}

struct Setting<'a> {
    nginx: &'a Path,
    haproxy: &'a Path,
    front: SocketAddr,
    program: SocketAddr,
}

impl Setting<'_> {
    fn nginx_http(&self, lines: &str) -> Front {
        let Self { front, program, .. } = self;
        let text = format!(
            "events {{}}\nhttp {{ access_log off; server {{ listen {front}; location / {{ proxy_pass http://{program}; \
             proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; \
             proxy_set_header Host $http_host; {lines} }} }} }}\n"
        );
        Front::nginx(self.nginx, &text)
    }

    /// A configuration of the documents, on other ports.
    fn documented(&self, file: &str) -> String {
        let text = documented(file).replace("127.0.0.1:8080", &self.front.to_string());
        text.replace("127.0.0.1:8001", &self.program.to_string())
    }

    fn haproxy(&self, mode: &str, frontend: &str, server: &str) -> Front {
        let Self { front, program, .. } = self;
        let text = format!(
            "defaults\n mode {mode}\n timeout connect 30s\n timeout client 60s\n timeout server 60s\n timeout tunnel 60s\n\
             frontend f\n bind {front}\n {frontend}\n default_backend b\nbackend b\n server s {program} {server}\n"
        );
        Front::haproxy(self.haproxy, &text)
    }
}

const BY_PROXY_HEADER: &[&str] = &["--proxy-protocol", "--trusted-proxy", "127.0.0.1"];
const BY_X_FORWARDED_FOR: &[&str] = &["--trusted-proxy", "127.0.0.1"];
const BY_FORWARDED: &[&str] = &["--trusted-proxy", "127.0.0.1", "--client-header", "forwarded"];

const CASES: [Case; 8] = [
    Case {
        name: "nginx with X-Forwarded-For",
        options: BY_X_FORWARDED_FOR,
        start: |it| it.nginx_http("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"),
        has_port: false,
        is_transparent: false,
    },
    Case {
        name: "nginx with Forwarded",
        options: BY_FORWARDED,
        start: |it| it.nginx_http("proxy_set_header Forwarded \"for=\\\"$remote_addr:$remote_port\\\";proto=http\";"),
        has_port: true,
        is_transparent: false,
    },
    Case {
        name: "nginx with proxy_protocol",
        options: BY_PROXY_HEADER,
        start: |it| Front::nginx(it.nginx, &it.documented("nginx-stream.conf")),
        has_port: true,
        is_transparent: true,
    },
    Case {
        name: "HAProxy with forwardfor",
        options: BY_X_FORWARDED_FOR,
        start: |it| it.haproxy("http", "option forwardfor", ""),
        has_port: false,
        is_transparent: false,
    },
    Case {
        name: "HAProxy with send-proxy",
        options: BY_PROXY_HEADER,
        start: |it| it.haproxy("tcp", "", "send-proxy"),
        has_port: true,
        is_transparent: true,
    },
    Case {
        name: "HAProxy with send-proxy-v2",
        options: BY_PROXY_HEADER,
        start: |it| Front::haproxy(it.haproxy, &it.documented("haproxy-tcp.cfg")),
        has_port: true,
        is_transparent: true,
    },
    Case {
        name: "HAProxy with more values in the header",
        options: BY_PROXY_HEADER,
        start: |it| {
            let server = "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority check inter 100ms";
            it.haproxy("tcp", "unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts", server)
        },
        has_port: true,
        is_transparent: true,
    },
    Case {
        name: "HAProxy with send-proxy-v2 in mode http",
        options: BY_PROXY_HEADER,
        start: |it| it.haproxy("http", "option forwardfor", "send-proxy-v2"),
        has_port: true,
        is_transparent: false,
    },
];

#[test]
fn the_address_of_a_client_arrives_and_nobody_can_invent_one() {
    let (Some(nginx), Some(_), Some(haproxy)) = (nginx(), nginx_stream_module(), haproxy()) else { return };
    for Case { name, options, start: start_front, has_port, is_transparent } in CASES {
        let (mut program, admin) = start(&[options, &["--log-format", "json"]].concat());
        let (front, program_address) = (free_address(), program.address);
        let setting = Setting { nginx: &nginx, haproxy: &haproxy, front, program: program_address };
        let _front = start_front(&setting);
        wait_until("the proxy listens", || TcpStream::connect(front).is_ok());
        let shown = |stream: &TcpStream| match has_port {
            true => stream.local_addr().unwrap().to_string(),
            false => CLIENT.to_string(),
        };
        let through = connect(front, &[], &lies());
        assert_eq!(through.1, Some(101), "{name}: {}", program.errors());
        let list = listed(admin, "", 1);
        assert_eq!(list[0]["peer"], shown(&through.0), "{name}");
        // The header of a client behind the header of the proxy looks like a request of an unknown version of HTTP.
        let forged = connect(front, FORGED, &[]);
        assert_ne!(forged.1, Some(101), "{name}");
        if is_transparent {
            assert_eq!(forged.1, Some(505), "{name}");
        }
        // Who connects directly is who it is.
        let direct = connect(program_address, &[], &lies());
        assert_eq!(direct.1, Some(101), "{name}");
        assert_ne!(connect(program_address, FORGED, &[]).1, Some(101), "{name}");
        let peers: Vec<Value> = listed(admin, "?sort=age", 2).into_iter().map(|one| one["peer"].clone()).collect();
        let expected = [shown(&through.0), direct.0.local_addr().unwrap().to_string()];
        assert_eq!(peers, expected, "{name}");
        drop((through, direct));
        listed(admin, "", 0);
        program.signal(rustix::process::Signal::TERM);
        program.wait();
        let lines: Vec<Value> =
            program.output().lines().filter(|line| line.starts_with('{')).map(|line| line.parse().unwrap()).collect();
        let logged = |address: &str| lines.iter().filter(|line| line["peer"] == *address).count();
        assert!(expected.iter().all(|address| logged(address) == 1), "{name}: {lines:?}");
        assert!(!program.output().contains(LIE), "{name}: {}", program.output());
    }
}

/// HAProxy passes TLS on without reading it, so the program speaks HTTP/2 with the client.
#[tokio::test]
async fn the_address_arrives_before_tls_that_the_proxy_cannot_read() {
    let Some(haproxy) = haproxy() else { return };
    let (program, admin) = start(&[BY_PROXY_HEADER, &["--tls-self-signed", "--quiet"]].concat());
    let front = free_address();
    let setting = Setting { nginx: Path::new(""), haproxy: &haproxy, front, program: program.address };
    let _front = Front::haproxy(&haproxy, &setting.documented("haproxy-tcp.cfg"));
    wait_until("the proxy listens", || TcpStream::connect(front).is_ok());
    // From 127.0.0.1, which is the proxy's address too; the ports differ.
    let stream = connect_tls(front, &["h2"]).await;
    let address = stream.get_ref().0.local_addr().unwrap();
    let _open = open_on(stream).await;
    let one = listed(admin, "", 1).remove(0);
    assert_eq!((&one["peer"], &one["http"]), (&address.to_string().into(), &"2".into()));
}

/// What a client says that wants to be somebody else.
fn lies() -> [(&'static str, &'static str); 2] {
    [("X-Forwarded-For", LIE), ("Forwarded", "for=198.51.100.66")]
}

const LIE: &str = "198.51.100.66";
const FORGED: &[u8] = b"PROXY TCP4 198.51.100.66 192.0.2.1 4711 443\r\n";

/// Connects from [`CLIENT`], sends these bytes and a handshake, and returns the status if there is an answer.
fn connect(to: SocketAddr, before: &[u8], more: &[(&str, &str)]) -> (TcpStream, Option<u16>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((CLIENT, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[before, handshake(to, more).as_bytes()].concat()).unwrap();
    let has_answer = stream.peek(&mut [0]).is_ok_and(|count| count > 0);
    let status = has_answer.then(|| read_answer(&mut stream, false).status);
    (stream, status)
}
