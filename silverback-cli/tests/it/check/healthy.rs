//! Servers with which all is well.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use super::{check, json, steps};
use crate::{
    connect::{
        servers::{GONE, Server, accepting, close, frame, read_frame, read_to_close},
        tls::Certificates,
    },
    support::Program,
};

#[test]
fn each_step_is_told_with_its_time() {
    let program = Program::start(&["--quiet"]);
    let url = format!("ws://localhost:{}/ws/echo", program.address.port());
    let object = json(&[&url, "--resolve", &format!("localhost:{}:127.0.0.1", program.address.port())]);
    for step in ["resolve", "connect", "handshake"] {
        let [step] = steps(&object, step)[..] else { panic!("{object:#}") };
        assert!(step["ok"] == true && step["ms"].as_f64().unwrap() >= 0.0, "{object:#}");
    }
    assert_eq!(steps(&object, "resolve")[0]["addresses"][0], "127.0.0.1");
    assert_eq!(steps(&object, "connect")[0]["address"], program.address.to_string());
    let handshake = steps(&object, "handshake")[0];
    assert_eq!(handshake["status"], 101);
    assert!(handshake["extensions"].as_str().unwrap().starts_with("permessage-deflate"), "{object:#}");
    assert_eq!((&object["ping"]["answered"], &object["echo"]["echoes"]), (&true.into(), &true.into()));
    assert_eq!((&object["close"]["by"], &object["close"]["code"]), (&"client".into(), &1000.into()));
    assert!(object["diagnosis"].is_null() && object["error"].is_null());
}

#[test]
fn people_are_told_in_columns() {
    let program = Program::start(&["--quiet"]);
    let found = check(&[&format!("ws://{}/ws/echo?token=secret", program.address), "-s", "chat"]);
    assert_eq!((found.code, found.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = found.out.lines().collect();
    assert_eq!(lines[0], format!("ws://{}/ws/echo?…", program.address));
    for (name, text) in [
        ("connect ", "connected to"),
        ("handshake ", "101 Switching Protocols"),
        ("ping ", "answered"),
        ("echo ", "came back unchanged"),
        ("close ", "answered in order with 1000"),
    ] {
        let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
        assert!(line[..22].ends_with(" ms  ") && line[22..].starts_with(text), "{line}");
    }
    assert!(lines.iter().any(|line| line.starts_with("  subprotocol ") && line.ends_with(" chat")), "{}", found.out);
    assert_eq!(lines.last(), Some(&"Result   All is well."));
    assert!(!found.out.contains('\x1b') && !found.out.contains("secret"));
}

#[test]
fn colours_are_used_when_asked_for() {
    let program = Program::start(&["--quiet"]);
    let found = check(&[&format!("ws://{}/ws/echo", program.address), "--color", "always"]);
    assert!(found.out.contains("\x1b[32mResult   \x1b[0mAll is well."), "{}", found.out);
}

#[test]
fn a_certificate_that_is_verified_is_told() {
    let certificates = Certificates::make("check");
    let url = format!("wss://localhost:{}/", certificates.serve(false).port());
    let object = json(&[&url, "--cacert", &certificates.path("ca.pem")]);
    let [tls] = steps(&object, "tls")[..] else { panic!("{object:#}") };
    assert_eq!((&tls["verified"], &tls["version"]), (&true.into(), &"TLSv1_3".into()));
    assert!(tls["cipher_suite"].as_str().unwrap().starts_with("TLS13_"), "{object:#}");
    let certificate = &tls["certificate"];
    assert_eq!(certificate["names"][0], "localhost");
    assert!(certificate["issuer"].as_str().unwrap().contains("the test's authority"), "{object:#}");
    assert!(certificate["days_left"].as_i64().unwrap() > 0);
    assert_eq!(object["exit_code"], 0);
}

#[test]
fn a_certificate_that_is_not_verified_is_told_too() {
    let certificates = Certificates::make("unverified");
    let url = format!("wss://localhost:{}/", certificates.serve(false).port());
    let found = check(&[&url, "-k"]);
    assert_eq!(found.code, Some(0), "{}", found.err);
    assert!(found.out.contains("NOT verified") && found.out.contains("the server may be an impostor"), "{}", found.out);
}

#[test]
fn the_end_of_a_certificate_is_announced() {
    let certificates = Certificates::make_with("ending", |params| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let end = i64::try_from(now.as_secs()).unwrap() + 5 * 24 * 3600 + 3600;
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(end as u64);
    });
    let url = format!("wss://localhost:{}/", certificates.serve(false).port());
    let object = json(&[&url, "--cacert", &certificates.path("ca.pem")]);
    assert_eq!(object["notes"][0], "The certificate expires in 5 days.");
}

#[test]
fn a_server_that_does_not_echo_is_well() {
    let silent = Server::talking(|mut stream| {
        loop {
            match read_frame(&mut stream) {
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (8, payload) => return stream.write_all(&frame(0x88, &payload)).unwrap(),
                (GONE, _) => return,
                _ => {}
            }
        }
    });
    let object = json(&[&silent.url(), "--wait", "100ms"]);
    assert_eq!((&object["exit_code"], &object["echo"]["echoes"]), (&0.into(), &false.into()));
    assert!(check(&[&silent.url(), "--wait", "100ms"]).out.contains("does not echo"));
}

#[test]
fn a_server_that_wraps_what_it_hears_is_told_from_an_echo() {
    let chatty = Server::talking(|mut stream| {
        stream.write_all(&frame(0x81, b"welcome")).unwrap();
        loop {
            match read_frame(&mut stream) {
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (8, payload) => return stream.write_all(&frame(0x88, &payload)).unwrap(),
                (1, payload) => {
                    let text = format!("{{\"said\":\"{}\"}}", String::from_utf8(payload).unwrap());
                    stream.write_all(&frame(0x81, text.as_bytes())).unwrap();
                }
                (GONE, _) => return,
                _ => {}
            }
        }
    });
    let object = json(&[&chatty.url()]);
    assert_eq!(object["echo"]["within_another_message"], true);
    assert_eq!(object["unasked_messages"], 1);
}

#[test]
fn no_message_is_sent_if_none_is_wanted() {
    let strict = Server::talking(|mut stream| {
        loop {
            match read_frame(&mut stream) {
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (8, payload) => return stream.write_all(&frame(0x88, &payload)).unwrap(),
                (1, _) => return stream.write_all(&close(1003, "")).unwrap(),
                _ => return,
            }
        }
    });
    assert_eq!(json(&[&strict.url(), "--no-echo"])["exit_code"], 0);
}

#[test]
fn a_server_that_closes_in_order_is_well() {
    let brief = Server::talking(|mut stream| {
        stream.write_all(&close(1000, "bye")).unwrap();
        read_to_close(&mut stream);
    });
    let object = json(&[&brief.url()]);
    assert_eq!((&object["exit_code"], &object["close"]["by"]), (&0.into(), &"server".into()));
    assert!(object["notes"][0].as_str().unwrap().contains("closed the connection first"), "{object:#}");
}

#[test]
fn redirects_are_followed_if_that_is_wanted() {
    let program = Program::start(&["--quiet"]);
    let to = format!("ws://{}/ws/echo", program.address);
    let first = Server::answering(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    let object = json(&[&first.url(), "-L"]);
    assert_eq!(steps(&object, "redirect")[0]["to"], program.address.to_string());
    assert_eq!(object["exit_code"], 0);
}

/// Behind a proxy that names itself in `Server`: it echoes, but to pages of another host than it sees. The origins that
/// came, in their order.
fn behind_proxy(server: &'static str, host: &'static str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let origins = Arc::<Mutex<Vec<String>>>::default();
    let heard = origins.clone();
    let server = Server::start(move |mut stream, head| {
        let origin = head.lines().find_map(|line| line.strip_prefix("Origin: ")).unwrap_or_default().to_owned();
        heard.lock().unwrap().push(origin.clone());
        if !origin.is_empty() && !origin.ends_with(host) {
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
            return;
        }
        let answer = accepting(&head).replacen("\r\n", &format!("\r\n{server}"), 1);
        stream.write_all(answer.as_bytes()).unwrap();
        loop {
            match read_frame(&mut stream) {
                (8, payload) => return stream.write_all(&frame(0x88, &payload)).unwrap(),
                (9, payload) => stream.write_all(&frame(0x8a, &payload)).unwrap(),
                (GONE, _) => return,
                (opcode, payload) => stream.write_all(&frame(0x80 | opcode, &payload)).unwrap(),
            }
        }
    });
    (server, origins)
}

#[test]
fn a_proxy_that_replaces_host_is_found_by_looking_as_a_page_would() {
    for server in ["Server: nginx/1.22.1\r\n", "Via: 1.1 front\r\n"] {
        let (server, origins) = behind_proxy(server, "//backend:8000");
        let object = json(&[&server.url()]);
        assert!(object["ok"] == true && object["diagnosis"].is_null(), "{object:#}");
        let notes = object["notes"].to_string();
        assert!(notes.contains("403") && notes.contains("proxy_set_header Host $http_host"), "{notes}");
        let own = format!("http://{}", server.address);
        assert!(notes.contains(&format!("--origin {own}")), "{notes}");
        assert_eq!(*origins.lock().unwrap(), ["", &own]);
    }
}

#[test]
fn no_page_is_tried_where_none_is_refused_or_no_proxy_is_seen() {
    for (line, tries) in [("Server: nginx\r\n", 2), ("Server: Python/3.11 websockets/16.0\r\n", 1), ("", 1)] {
        let (server, origins) = behind_proxy(line, "");
        let object = json(&[&server.url()]);
        assert_eq!(object["notes"].to_string(), "[]", "{object:#}");
        assert_eq!(origins.lock().unwrap().len(), tries, "{line}");
    }
    for option in [["--origin", "http://a.example"], ["-H", "Host: a.example"]] {
        let (server, origins) = behind_proxy("Server: nginx\r\n", "");
        json(&[&server.url(), option[0], option[1]]);
        assert_eq!(origins.lock().unwrap().len(), 1, "{option:?}");
    }
}
