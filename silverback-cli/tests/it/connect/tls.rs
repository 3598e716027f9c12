//! `wss://`, with certificates made for the test.

use std::{fs, io::Write, net::SocketAddr, path::PathBuf, sync::Arc, thread};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use silverback::Upgrader;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{check_end, check_said, talk};

/// An authority, the server's certificate and a client's, in files that go away with it.
pub(crate) struct Certificates {
    folder: PathBuf,
    server: (CertificateDer<'static>, PrivatePkcs8KeyDer<'static>),
    authority: CertificateDer<'static>,
}

impl Certificates {
    pub(crate) fn make(name: &str) -> Self {
        Self::make_with(name, |_| {})
    }

    /// With a certificate for the server that a test changes.
    pub(crate) fn make_with(name: &str, change: impl Fn(&mut CertificateParams)) -> Self {
        let folder = std::env::temp_dir().join(format!("silverback-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the test's authority");
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            change(&mut params);
            let certificate = params.signed_by(&key, &issuer).unwrap();
            (certificate, key)
        };
        let (server, server_key) = issue("localhost");
        let (client, client_key) = issue("client");
        for (file, text) in
            [("ca.pem", authority.pem()), ("client.pem", client.pem()), ("key.pem", client_key.serialize_pem())]
        {
            fs::write(folder.join(file), text).unwrap();
        }
        let server = (server.der().clone(), PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        Self { folder, server, authority: authority.der().clone() }
    }

    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.join(file).to_str().unwrap().to_owned()
    }

    /// Starts an echo over TLS.
    pub(crate) fn serve(&self, asks_for_a_certificate: bool) -> SocketAddr {
        serve_over(self.acceptor(asks_for_a_certificate))
    }

    pub(super) fn acceptor(&self, asks_for_a_certificate: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let config = if asks_for_a_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        } else {
            config.with_no_client_auth()
        };
        let (certificate, key) = (self.server.0.clone(), self.server.1.clone_key());
        let config = config.with_single_cert(vec![certificate], key.into()).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Starts an echo over TLS.
pub(crate) fn serve_over(acceptor: TlsAcceptor) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || runtime.block_on(async { echo(TcpListener::from_std(listener).unwrap(), acceptor).await }));
    address
}

/// Shows this certificate, and asks for none.
pub(crate) fn acceptor(certificate: CertificateDer<'static>, key: PrivatePkcs8KeyDer<'static>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn echo(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let Ok(mut conn) = Upgrader::new().accept(stream).await else { return };
            while let Ok(Some(message)) = conn.read_message().await {
                conn.write_message(message).await.unwrap();
            }
        });
    }
}

#[test]
fn an_authority_that_is_named_is_trusted_and_no_other() {
    let certificates = Certificates::make("tls");
    let address = certificates.serve(false);
    let url = format!("wss://localhost:{}/", address.port());
    check_said(&talk(&[&url, "-n", "1", "--cacert", &certificates.path("ca.pem")], b"hi\n"), "hi\n");
    check_said(&talk(&[&url, "-n", "1", "-k"], b"hi\n"), "hi\n");
    check_end(&talk(&[&url], b""), 4, &["TLS", "certificate"]);
}

#[test]
fn a_certificate_for_another_name_is_4() {
    let certificates = Certificates::make("name");
    let address = certificates.serve(false);
    check_end(
        &talk(&[&format!("wss://{address}/"), "--cacert", &certificates.path("ca.pem")], b""),
        4,
        &["certificate"],
    );
}

#[test]
fn a_server_may_ask_for_a_certificate_of_ours() {
    let certificates = Certificates::make("client");
    let url = format!("wss://localhost:{}/", certificates.serve(true).port());
    let (ca, cert, key) = (certificates.path("ca.pem"), certificates.path("client.pem"), certificates.path("key.pem"));
    check_said(&talk(&[&url, "-n", "1", "--cacert", &ca, "--cert", &cert, "--key", &key], b"hi\n"), "hi\n");
}

#[test]
fn a_server_without_tls_is_4() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    check_end(&talk(&[&url], b""), 4, &["TLS", &format!("try `silverback check {url}`")]);
}

#[test]
fn a_file_that_is_no_certificate_is_2() {
    let certificates = Certificates::make("none");
    check_end(
        &talk(&["wss://h/", "--cacert", &certificates.path("key.pem")], b""),
        2,
        &["certificate", "`PRIVATE KEY`"],
    );
}

#[test]
fn a_key_that_is_encrypted_or_none_is_2_and_named() {
    let certificates = Certificates::make("encrypted");
    let cert = certificates.path("client.pem");
    let old = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n";
    for (label, headers) in [("ENCRYPTED PRIVATE KEY", ""), ("RSA PRIVATE KEY", old), ("EC PRIVATE KEY", old)] {
        let key = certificates.path("encrypted.pem");
        fs::write(&key, format!("-----BEGIN {label}-----\n{headers}MIIB\n-----END {label}-----\n")).unwrap();
        check_end(&talk(&["wss://h/", "--cert", &cert, "--key", &key], b""), 2, &["its key is encrypted"]);
    }
    check_end(&talk(&["wss://h/", "--cert", &cert], b""), 2, &["no private key in PEM, but `CERTIFICATE`"]);
}
