//! `wss://` with certificates of a local authority: which are trusted, which are not, and the error for each.

pub(crate) mod authority;
mod handmade;
mod peer;
mod through_proxies;
mod trusted_certificates;

use std::time::Duration;

use silverback::{
    DialError, Dialer,
    dial::{DialEvent, DialStep},
    tls::{Tls, TlsError},
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use self::{
    authority::{Authority, Validity},
    peer::Peer,
};
use crate::support::within;

#[track_caller]
fn is_tls_failure(error: &DialError, words: &str) {
    assert!(matches!(error, DialError::Io { step: DialStep::Tls, .. }), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

async fn echo_over(dialer: &Dialer, url: &str) {
    let mut conn = within(dialer.dial(url)).await.unwrap();
    conn.write_message("secret").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("secret".into()));
    within(conn.close(1000, "")).await.unwrap();
}

/// The protocol that a server selects if it prefers `h2` to `http/1.1`.
async fn check_offers(tls: &Tls) {
    let authority = Authority::new();
    let peer = Peer::start(authority.server(&["127.0.0.1"])).await;
    let tls = tls.clone().add_roots(authority.pem());
    let asked = |names: &[&str]| tls.clone().alpn(names);
    for (tls, agreed) in [
        (tls.clone(), Some("http/1.1")),
        (asked(&["chat", "http/1.1"]), Some("http/1.1")),
        (asked(&["http/1.1", "h2"]), Some("h2")),
        (asked(&[]), None),
    ] {
        let (told, mut sessions) = tokio::sync::mpsc::unbounded_channel();
        let dialer = Dialer::new().tls(tls).observer(move |event| {
            if let DialEvent::TlsEstablished { session, .. } = event {
                told.send(session.alpn.clone()).unwrap();
            }
        });
        echo_over(&dialer, &peer.url("127.0.0.1")).await;
        let agreed = agreed.map(|name| name.as_bytes().to_vec());
        assert_eq!((peer.last_seen().alpn, sessions.recv().await.unwrap()), (agreed.clone(), agreed));
    }
}

mod a_server_of_a_known_authority {
    use super::*;

    #[tokio::test]
    async fn is_talked_to_by_name_and_by_address() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["localhost", "127.0.0.1"])).await;
        let dialer = Dialer::new().tls(Tls::new().add_roots(authority.pem())).resolve("localhost", peer.address);
        echo_over(&dialer, &peer.url("localhost")).await;
        echo_over(&dialer, &peer.url("127.0.0.1")).await;
        echo_over(&dialer, &peer.url("127.0.0.1").replace("wss", "https")).await;
    }

    #[tokio::test]
    async fn is_asked_for_by_its_name_and_offered_http_1_1() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["server.example"])).await;
        let dialer = Dialer::new().tls(Tls::new().add_roots(authority.pem())).resolve("server.example", peer.address);
        echo_over(&dialer, &peer.url("server.example")).await;
        let seen = peer.last_seen();
        assert_eq!(seen.server_name.as_deref(), Some("server.example"));
        assert_eq!(seen.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(seen.client_certificates, 0);
    }

    #[tokio::test]
    async fn is_offered_the_protocols_that_were_asked_for() {
        check_offers(&Tls::new()).await;
    }

    #[tokio::test]
    async fn may_have_another_name_than_the_url_when_told_so() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["server.example"])).await;
        let tls = Tls::new().add_roots(authority.pem()).server_name("server.example");
        echo_over(&Dialer::new().tls(tls), &peer.url("127.0.0.1")).await;
        assert_eq!(peer.last_seen().server_name.as_deref(), Some("server.example"));
    }

    #[tokio::test]
    async fn is_watched() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["127.0.0.1"])).await;
        let (told, mut events) = tokio::sync::mpsc::unbounded_channel();
        let dialer = Dialer::new().tls(Tls::new().add_roots(authority.pem())).observer(move |event| {
            if let DialEvent::TlsEstablished { target, session, .. } = event {
                told.send((target.to_string(), (*session).clone())).unwrap();
            }
        });
        echo_over(&dialer, &peer.url("127.0.0.1")).await;
        let (target, session) = events.recv().await.unwrap();
        assert_eq!(target, peer.address.to_string());
        assert_eq!(session.version.as_deref(), Some("TLSv1_3"));
        assert!(session.cipher_suite.unwrap().starts_with("TLS13_"));
        assert_eq!(session.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert!(!session.peer_certificates.is_empty() && !session.certificate_unchecked);
    }

    #[tokio::test]
    async fn sends_large_messages_and_closes_in_order() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["127.0.0.1"])).await;
        let dialer = Dialer::new().tls(Tls::new().add_roots(authority.pem()));
        let mut conn = within(dialer.dial(&peer.url("127.0.0.1"))).await.unwrap();
        let large: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
        conn.write_message(large.clone()).await.unwrap();
        let back = within(conn.read_message()).await.unwrap().unwrap();
        assert!(back == large.into());
        within(conn.close(4000, "enough")).await.unwrap();
        assert_eq!(peer.last_end().await.unwrap(), Some((4000, "enough".to_owned())));
    }
}

mod addresses {
    use silverback::{Conn, Upgrader};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Both ends of a connection.
    async fn pair(tls: Tls, certificate: &authority::Certificate) -> (Conn, Conn) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("wss://{}/", listener.local_addr().unwrap());
        let acceptor = TlsAcceptor::from(certificate.server_config());
        let accepting = async {
            let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            Upgrader::new().accept(stream).await.unwrap()
        };
        let dialer = Dialer::new().tls(tls);
        let (dialled, accepted) = within(async { tokio::join!(dialer.dial(&url), accepting) }).await;
        (dialled.unwrap(), accepted)
    }

    async fn check_known(tls: Tls, certificate: &authority::Certificate) {
        let (mut dialled, mut accepted) = pair(tls, certificate).await;
        let (server, client) = (dialled.peer_addr().unwrap(), dialled.local_addr().unwrap());
        assert!(server != client && server.ip().is_loopback());
        assert_eq!((accepted.local_addr(), accepted.peer_addr()), (Some(server), Some(client)));
        dialled.write_message("still talking").await.unwrap();
        assert_eq!(within(accepted.read_message()).await.unwrap(), Some("still talking".into()));
    }

    #[tokio::test]
    async fn are_those_of_the_socket_under_tls_on_both_sides() {
        let authority = Authority::new();
        let certificate = authority.server(&["127.0.0.1"]);
        check_known(Tls::new().add_roots(authority.pem()), &certificate).await;
        #[cfg(feature = "native-tls")]
        check_known(Tls::new().add_roots(authority.pem()).use_native_tls(), &certificate).await;
    }
}

mod a_server_that_cannot_be_believed {
    use super::*;

    async fn failure(certificate: authority::Certificate, tls: Tls, host: &str) -> DialError {
        let peer = Peer::start(certificate).await;
        let dialer = Dialer::new().tls(tls).resolve(host, peer.address);
        let error = within(dialer.dial(&peer.url(host))).await.unwrap_err();
        assert_eq!(peer.requests(), 0, "nothing may be sent to it");
        error
    }

    #[tokio::test]
    async fn has_the_wrong_name() {
        let authority = Authority::new();
        let tls = Tls::new().add_roots(authority.pem());
        let error = failure(authority.server(&["other.example"]), tls, "server.example").await;
        is_tls_failure(&error, "not valid for name");
    }

    #[tokio::test]
    async fn has_a_certificate_that_ran_out_or_is_not_valid_yet() {
        let authority = Authority::new();
        let tls = Tls::new().add_roots(authority.pem());
        let ended = authority.server_valid(&["server.example"], Validity::Ended);
        is_tls_failure(&failure(ended, tls.clone(), "server.example").await, "expired");
        let later = authority.server_valid(&["server.example"], Validity::NotYet);
        is_tls_failure(&failure(later, tls, "server.example").await, "not valid yet");
    }

    #[tokio::test]
    async fn is_of_an_unknown_authority() {
        let (authority, other) = (Authority::new(), Authority::new());
        let certificate = || authority.server(&["server.example"]);
        let tls = Tls::new().add_roots(other.pem()).default_roots(false);
        is_tls_failure(&failure(certificate(), tls, "server.example").await, "UnknownIssuer");
        #[cfg(feature = "rustls-tls-webpki-roots")]
        is_tls_failure(&failure(certificate(), Tls::new(), "server.example").await, "UnknownIssuer");
    }

    #[tokio::test]
    async fn is_accepted_only_by_those_who_ask_for_danger() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server_valid(&["other.example"], Validity::Ended)).await;
        let dialer = Dialer::new().tls(Tls::new().dangerous_accept_invalid_certs(true));
        echo_over(&dialer, &peer.url("127.0.0.1")).await;
    }

    #[tokio::test]
    async fn speaks_no_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("wss://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            // The next connection, if any, must not be an attempt in plain text.
            listener.accept().await.unwrap();
            panic!("it must not fall back");
        });
        let dialer = Dialer::new().tls(Tls::new().dangerous_accept_invalid_certs(true));
        is_tls_failure(&within(dialer.dial(&url)).await.unwrap_err(), "");
    }

    #[tokio::test]
    async fn is_named_with_the_address_that_was_reached() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["other.example"])).await;
        let dialer = Dialer::new().tls(Tls::new().add_roots(authority.pem())).resolve("server.example", peer.address);
        let error = within(dialer.dial(&peer.url("server.example"))).await.unwrap_err();
        assert_eq!(error.peer(), Some(peer.address));
        is_tls_failure(&error, &format!("connected to {}", peer.address));
    }

    #[tokio::test]
    async fn is_silent_for_longer_than_it_may_be() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let dialer =
            Dialer::new().tls(Tls::new().dangerous_accept_invalid_certs(true)).tls_timeout(Duration::from_millis(100));
        let error = within(dialer.dial(&format!("wss://{address}/"))).await.unwrap_err();
        let DialError::Timeout { step, target, after, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (*step, target.as_str(), *after),
            (DialStep::Tls, &*address.to_string(), Duration::from_millis(100))
        );
    }
}

mod a_client_certificate {
    use super::*;

    #[tokio::test]
    async fn is_shown_to_a_server_that_asks_for_it() {
        let authority = Authority::new();
        let peer = Peer::start_asking_for_certificates(authority.server(&["127.0.0.1"]), &authority).await;
        let us = authority.server(&["us.example"]);
        let tls = Tls::new().add_roots(authority.pem());
        let dialer = Dialer::new().tls(tls.clone().client_certificate(us.chain_pem(), us.key_pem()));
        echo_over(&dialer, &peer.url("127.0.0.1")).await;
        assert_eq!(peer.last_seen().client_certificates, 1);

        // With TLS 1.3 the server says no after the handshake, in place of its answer.
        let error = within(Dialer::new().tls(tls).dial(&peer.url("127.0.0.1"))).await.unwrap_err();
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
        assert_eq!(error.step(), Some(DialStep::Tls), "{error}");
    }

    #[tokio::test]
    async fn that_makes_no_sense_is_told_before_anyone_is_connected_to() {
        let authority = Authority::new();
        let (us, other) = (authority.server(&["us.example"]), authority.server(&["other.example"]));
        for (chain, key) in [
            (us.chain_pem(), other.key_pem()),
            ("no PEM".to_owned(), us.key_pem()),
            (us.chain_pem(), "no PEM".to_owned()),
        ] {
            let tls = Tls::new().add_roots(authority.pem()).client_certificate(chain, key.clone());
            let shown = format!("{tls:?}");
            let error = within(Dialer::new().tls(tls).dial("wss://127.0.0.1:1/")).await.unwrap_err();
            assert!(matches!(error, DialError::Tls(TlsError::ClientCertificate(_))), "{error}");
            assert!(error.is_misuse());
            let secret = key.lines().nth(1).unwrap_or("no PEM").to_owned();
            assert!(!shown.contains(&secret) && !format!("{error:?} {error}").contains(&secret), "{error:?}");
        }
    }

    async fn refused(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>, native: bool) -> String {
        let tls = Tls::new().client_certificate(chain, key);
        #[cfg(feature = "native-tls")]
        let tls = if native { tls.use_native_tls() } else { tls };
        let _ = native;
        let error = within(Dialer::new().tls(tls).dial("wss://127.0.0.1:1/")).await.unwrap_err();
        assert!(matches!(error, DialError::Tls(TlsError::ClientCertificate(_))), "{error}");
        error.to_string()
    }

    #[tokio::test]
    async fn with_a_key_that_is_encrypted_is_called_so() {
        let us = Authority::new().server(&["us.example"]);
        let old = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n";
        for (label, headers) in [("RSA PRIVATE KEY", old), ("EC PRIVATE KEY", old), ("ENCRYPTED PRIVATE KEY", "")] {
            let key = format!("-----BEGIN {label}-----\n{headers}MIIB\n-----END {label}-----\n");
            for native in [false, true] {
                let error = refused(us.chain_pem(), key.clone(), native).await;
                assert!(error.contains("its key is encrypted"), "{label}: {error}");
            }
            // Another one behind it will do.
            let tls = Tls::new().client_certificate(us.chain_pem(), key + &us.key_pem());
            let error = within(Dialer::new().tls(tls).dial("wss://127.0.0.1:1/")).await.unwrap_err();
            assert!(matches!(error, DialError::Io { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn with_something_else_in_place_of_it_or_of_its_key_is_named() {
        let us = Authority::new().server(&["us.example"]);
        for native in [false, true] {
            assert!(
                refused(us.key_pem(), us.key_pem(), native).await.contains("no certificate in PEM, but `PRIVATE KEY`")
            );
            assert!(
                refused(us.chain_pem(), us.chain_pem(), native)
                    .await
                    .contains("no private key in PEM, but `CERTIFICATE`")
            );
            assert!(refused(us.chain_pem(), "", native).await.contains("it is empty"));
            assert!(refused(us.chain_pem(), b"\x30\x82\x01\x00".to_vec(), native).await.contains("binary"));
        }
        assert!(refused(handmade::pem(&[1, 2, 3]), us.key_pem(), false).await.contains("X.509"));
        let other = Authority::new().server(&["us.example"]);
        assert!(refused(us.chain_pem(), other.key_pem(), false).await.contains("belongs to another certificate"));
    }

    #[tokio::test]
    async fn of_version_1_is_sent_for_the_server_to_judge() {
        let (authority, us) = (Authority::new(), handmade::Handmade::old("us"));
        let seen = std::sync::Arc::new(handmade::Curious::default());
        let config = authority.server(&["127.0.0.1"]).config(seen.clone());
        let peer = Peer::start_with((*config).clone()).await;
        let tls = Tls::new().add_roots(authority.pem());
        let dialer = Dialer::new().tls(tls.clone().client_certificate(us.pem(), us.key_pem()));
        echo_over(&dialer, &peer.url("127.0.0.1")).await;
        assert_eq!(*seen.0.lock().unwrap(), [us.der()]);
        let other = handmade::Handmade::old("us");
        assert!(refused(us.pem(), other.key_pem(), false).await.contains("belongs to another certificate"));
    }
}

mod what_was_given {
    use super::*;

    async fn refused(tls: Tls) -> TlsError {
        match within(Dialer::new().tls(tls).dial("wss://127.0.0.1:1/")).await {
            Err(DialError::Tls(error)) => error,
            other => panic!("expected an error about TLS, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn must_make_sense() {
        assert!(matches!(refused(Tls::new().add_roots("no PEM")).await, TlsError::Roots(_)));
        assert!(matches!(refused(Tls::new().default_roots(false)).await, TlsError::NoRoots));
        let authority = Authority::new();
        let nameless = Tls::new().add_roots(authority.pem()).server_name("not a name");
        assert!(matches!(refused(nameless).await, TlsError::ServerName));
        for name in ["", &"x".repeat(256)] {
            let tls = Tls::new().add_roots(authority.pem()).alpn([name]);
            assert!(matches!(refused(tls).await, TlsError::Alpn));
        }
        let unwritable = Tls::new().add_roots(authority.pem()).key_log_file("/nowhere/at/all");
        assert!(matches!(refused(unwritable).await, TlsError::KeyLog { .. }));
    }

    #[tokio::test]
    async fn may_be_a_whole_configuration() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["127.0.0.1"])).await;
        echo_over(&Dialer::new().tls(authority.client_config()), &peer.url("127.0.0.1")).await;
        assert_eq!(peer.last_seen().alpn, None, "it is used as it is");
    }

    #[tokio::test]
    async fn writes_the_secrets_of_sessions_for_those_who_ask() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["127.0.0.1"])).await;
        let file = std::env::temp_dir().join(format!("silverback-key-log-{}", std::process::id()));
        let tls = Tls::new().add_roots(authority.pem()).key_log_file(&file);
        echo_over(&Dialer::new().tls(tls), &peer.url("127.0.0.1")).await;
        let written = std::fs::read_to_string(&file).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::remove_file(&file).unwrap();
        for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "] {
            let line = written.lines().find(|line| line.starts_with(label)).unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            assert!(words.len() == 3 && words[1].len() == 64 && words[2].len() >= 64, "{line}");
        }
    }
}

#[cfg(feature = "native-tls")]
mod the_systems_library {
    use super::*;

    #[tokio::test]
    async fn talks_to_servers_of_a_known_authority_and_to_no_other() {
        let authority = Authority::new();
        let peer = Peer::start(authority.server(&["127.0.0.1", "localhost"])).await;
        let tls = Tls::new().use_native_tls();
        let known = Dialer::new().tls(tls.clone().add_roots(authority.pem())).resolve("localhost", peer.address);
        echo_over(&known, &peer.url("localhost")).await;
        let dialer = Dialer::new().tls(tls.clone()).resolve("localhost", peer.address);
        is_tls_failure(&within(dialer.dial(&peer.url("localhost"))).await.unwrap_err(), "certificate");
        let wrong_name = known.resolve("other.example", peer.address);
        is_tls_failure(&within(wrong_name.dial(&peer.url("other.example"))).await.unwrap_err(), "");
        echo_over(&Dialer::new().tls(tls.dangerous_accept_invalid_certs(true)), &peer.url("127.0.0.1")).await;
    }

    #[tokio::test]
    async fn offers_protocols_too() {
        check_offers(&Tls::new().use_native_tls()).await;
    }

    #[tokio::test]
    async fn shows_client_certificates_and_has_no_key_log() {
        let authority = Authority::new();
        let peer = Peer::start_asking_for_certificates(authority.server(&["127.0.0.1"]), &authority).await;
        let us = authority.server(&["us.example"]);
        let tls =
            Tls::new().use_native_tls().add_roots(authority.pem()).client_certificate(us.chain_pem(), us.key_pem());
        echo_over(&Dialer::new().tls(tls.clone()), &peer.url("127.0.0.1")).await;
        // OpenSSL also sends the known part of the chain.
        assert!(peer.last_seen().client_certificates >= 1);
        let error = within(Dialer::new().tls(tls.key_log_file("x")).dial("wss://127.0.0.1:1/")).await.unwrap_err();
        assert!(matches!(error, DialError::Tls(TlsError::Unsupported(_))), "{error}");
    }
}
