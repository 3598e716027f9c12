//! TLS that does not come about.

use std::{fs, io::Read, net::TcpListener, path::PathBuf, thread};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::{check, finds, steps};
use crate::connect::tls::{Certificates, acceptor, serve_over};

fn url(certificates: &Certificates) -> String {
    format!("wss://localhost:{}/", certificates.serve(false).port())
}

#[test]
fn an_authority_that_nobody_knows_is_named() {
    let certificates = Certificates::make("unknown");
    let url = url(&certificates);
    let object = finds(&[&url], 4, "unknown-issuer", &["the test's authority", "--cacert", "--insecure"]);
    let [failed, tls] = steps(&object, "tls")[..] else { panic!("{object:#}") };
    assert_eq!((&tls["verified"], &tls["ok"], &failed["ok"]), (&false.into(), &false.into(), &false.into()));
    assert_eq!(tls["certificate"]["names"][0], "localhost");
    let found = check(&[&url]);
    assert!(found.out.contains("refused; inspected in a second connection"), "{}", found.out);
    let other = Certificates::make("another");
    finds(
        &[&url, "--cacert", &other.path("client.pem")],
        4,
        "unknown-issuer",
        &["not among the certificates of --cacert"],
    );
    // The same name, and another key.
    finds(&[&url, "--cacert", &other.path("ca.pem")], 4, "wrong-key", &["older or newer"]);
}

/// A server with a certificate that has signed itself, in a file that goes away with it.
struct SelfSigned {
    url: String,
    file: PathBuf,
}

impl SelfSigned {
    fn cacert(&self) -> &str {
        self.file.to_str().unwrap()
    }
}

impl Drop for SelfSigned {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

fn self_signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> SelfSigned {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let address = serve_over(acceptor(certificate.der().clone(), key));
    let file = std::env::temp_dir().join(format!("silverback-self-signed-{}.pem", address.port()));
    fs::write(&file, certificate.pem()).unwrap();
    SelfSigned { url: format!("wss://localhost:{}/", address.port()), file }
}

#[test]
fn one_made_for_development_is_trusted_if_it_is_named() {
    for (name, is_ca) in [
        ("plain", IsCa::NoCa),
        ("no-authority", IsCa::ExplicitNoCa),
        ("authority", IsCa::Ca(BasicConstraints::Unconstrained)),
    ] {
        let server = self_signed(name, |params| params.is_ca = is_ca);
        let found = check(&[&server.url, "--cacert", server.cacert()]);
        assert_eq!(found.code, Some(0), "{name}: {}", found.out);
        finds(&[&server.url], 4, "unknown-issuer", &["self-signed", "--cacert"]);
        let other = self_signed("other", |_| {});
        let words = &["self-signed", "not among the certificates of --cacert"];
        finds(&[&server.url, "--cacert", other.cacert()], 4, "unknown-issuer", words);
    }
}

#[test]
fn one_that_is_named_and_has_another_fault_is_not_called_another() {
    let client = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    };
    let ended = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 12, 31);
    let server = self_signed("for-clients", client);
    let object = finds(&[&server.url, "--cacert", server.cacert()], 4, "certificate", &["not made for servers"]);
    assert!(!object.to_string().contains("not among"), "{object:#}");
    let server = self_signed("ended", ended);
    let object = finds(&[&server.url, "--cacert", server.cacert()], 4, "certificate-expired", &["2020-12-31"]);
    assert!(!object.to_string().contains("not among"), "{object:#}");
}

#[test]
fn a_certificate_that_has_expired_says_when() {
    let certificates = Certificates::make_with("expired", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 12, 31);
    });
    let object = finds(
        &[&url(&certificates), "--cacert", &certificates.path("ca.pem")],
        4,
        "certificate-expired",
        &["2020-12-31"],
    );
    assert!(steps(&object, "tls")[1]["certificate"]["days_left"].as_i64().unwrap() < 0);
}

#[test]
fn a_certificate_of_the_future_says_from_when() {
    let certificates = Certificates::make_with("future", |params| params.not_before = rcgen::date_time_ymd(2100, 1, 1));
    finds(
        &[&url(&certificates), "--cacert", &certificates.path("ca.pem")],
        4,
        "certificate-not-yet-valid",
        &["2100-01-01", "clock"],
    );
}

#[test]
fn a_certificate_for_another_name_says_for_which() {
    let certificates = Certificates::make("other-name");
    let url = format!("wss://127.0.0.1:{}/", certificates.serve(false).port());
    finds(
        &[&url, "--cacert", &certificates.path("ca.pem")],
        4,
        "wrong-name",
        &["is for localhost", "127.0.0.1", "--resolve"],
    );
}

#[test]
fn a_certificate_without_alternative_names_says_that_they_are_missing() {
    let certificates = Certificates::make_with("no-names", |params| params.subject_alt_names.clear());
    finds(&[&url(&certificates), "--cacert", &certificates.path("ca.pem")], 4, "wrong-name", &["subjectAltName"]);
}

#[test]
fn a_certificate_of_an_authority_in_a_servers_place_says_so() {
    let certificates = Certificates::make_with("authority-below", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "below");
    });
    let words = &["CA:TRUE", "server's own certificate trusts exactly that"];
    finds(&[&url(&certificates), "--cacert", &certificates.path("ca.pem")], 4, "certificate", words);
}

#[test]
fn a_server_that_wants_a_certificate_of_ours_says_so() {
    let certificates = Certificates::make("wanting");
    let url = format!("wss://localhost:{}/", certificates.serve(true).port());
    finds(&[&url, "--cacert", &certificates.path("ca.pem")], 4, "client-certificate", &["--cert"]);
}

#[test]
fn a_server_that_hangs_up_or_is_silent_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().read(&mut [0; 4096]);
        }
    });
    finds(&[&url], 4, "tls-hung-up", &["instead of doing TLS"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", silent.local_addr().unwrap());
    finds(&[&url, "--connect-timeout", "300ms"], 8, "tls-timeout", &["ws://"]);
}
