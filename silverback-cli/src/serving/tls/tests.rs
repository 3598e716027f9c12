//! Certificates from files and made here.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{ServerName, UnixTime},
};
use x509_cert::der::Decode;

use super::*;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("silverback-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate and its key in PEM.
fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[test]
fn a_certificate_that_is_made_here_is_valid_for_this_machine_and_nothing_else() {
    let made = self_signed::make(&["gorilla.example".to_owned()]).unwrap();
    made.keys_match().unwrap();
    let certificate = made.end_entity_cert().unwrap();
    let read = x509_cert::Certificate::from_der(certificate).unwrap();
    assert_eq!(read.tbs_certificate().subject().to_string(), "CN=silverback");
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let verify = |name: &str, at: SystemTime| {
        let at = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(certificate, &[], &name, &[], at)
    };
    let day = Duration::from_secs(24 * 60 * 60);
    for name in ["localhost", "127.0.0.1", "::1", "gorilla.example"] {
        verify(name, SystemTime::now()).unwrap();
        verify(name, SystemTime::now() + 364 * day).unwrap();
    }
    verify("other.example", SystemTime::now()).unwrap_err();
    verify("localhost", SystemTime::now() + 366 * day).unwrap_err();
    verify("localhost", SystemTime::now() - 2 * day).unwrap_err();
    let another = self_signed::make(&[]).unwrap();
    assert_ne!(fingerprint(certificate), fingerprint(another.end_entity_cert().unwrap()));
}

#[test]
fn the_key_may_be_in_the_file_of_the_certificate_or_its_own() {
    let folder = Folder::new("files");
    let (certificate, key) = pair();
    let together = Files { certificate: folder.write("both.pem", format!("{key}{certificate}")), key: None };
    let apart = Files {
        // An editor may put a byte order mark in front.
        certificate: folder.write("cert.pem", format!("\u{feff}{certificate}")),
        key: Some(folder.write("key.pem", key)),
    };
    let (together, apart) = (together.read().unwrap(), apart.read().unwrap());
    assert_eq!(together.end_entity_cert().unwrap(), apart.end_entity_cert().unwrap());
}

#[test]
fn an_error_names_the_file_and_its_fault() {
    let folder = Folder::new("faults");
    let (certificate, key) = pair();
    let good = folder.write("cert.pem", &certificate);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (name, content, fault) in [
        ("empty.pem", "", "it has no certificate in PEM; it is empty"),
        ("key.pem", &*key, "it has no certificate in PEM, but `PRIVATE KEY`"),
        ("text.pem", "hello", "it has no certificate in PEM"),
        ("binary.pem", "0\u{81}", "it has no certificate in PEM"),
        ("cut.pem", &certificate[..100], "a certificate in PEM is damaged"),
        (
            "junk.pem",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "its first certificate cannot be used",
        ),
    ] {
        let path = folder.write(name, content);
        let words = Files { certificate: path.clone(), key: None }.read().unwrap_err().to_string();
        assert!(words.starts_with(&format!("cannot use {}: {fault}", path.display())), "{words}");
    }
    for (name, content, fault) in [
        ("no-key.pem", &*certificate, "it has no private key in PEM, but `CERTIFICATE`"),
        ("encrypted.pem", encrypted, "the key is encrypted"),
        ("cut-key.pem", &key[..100], "the key is damaged"),
        ("other.pem", &*pair().1, "the key does not belong to the certificate in "),
        ("odd.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "the key is not ECDSA"),
    ] {
        let path = folder.write(name, content);
        let files = Files { certificate: good.clone(), key: Some(path.clone()) };
        let words = files.read().unwrap_err().to_string();
        assert!(words.starts_with(&format!("cannot use {}: {fault}", path.display())), "{words}");
    }
    for (path, fault) in [(folder.0.join("missing.pem"), "No such file"), (folder.0.clone(), "it is not a file")] {
        let words = Files { certificate: path, key: None }.read().unwrap_err().to_string();
        assert!(words.contains(fault), "{words}");
    }
}
