//! Reads the certificate and its key from PEM files (RFC 7468). An error names the file and the fault.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};

/// The files of `--tls-cert` and `--tls-key`.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    /// `None` if the key is in the file of the certificate.
    pub(super) key: Option<PathBuf>,
}

/// A file that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    path: PathBuf,
    reason: String,
}

impl Files {
    pub(super) fn read(&self) -> Result<CertifiedKey, Fault> {
        let chain = read(&self.certificate)?;
        let chain = certificates(&chain).map_err(|reason| Fault::new(&self.certificate, reason))?;
        let first = chain.first().map(ParsedCertificate::try_from);
        if let Some(Err(error)) = first {
            return Err(Fault::new(&self.certificate, format!("its first certificate cannot be used: {error}")));
        }
        let path = self.key_path();
        let in_key_file = |reason: String| Fault::new(path, reason);
        let key = key(&read(path)?).map_err(in_key_file)?;
        let key = any_supported_type(&key).map_err(|_| {
            in_key_file("the key is not ECDSA (P-256 or P-384), Ed25519, or RSA from 2048 bits".to_owned())
        })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok(certified),
            Err(_) => Err(in_key_file(format!(
                "the key does not belong to the certificate in {}",
                self.certificate.display()
            ))),
        }
    }

    pub(super) fn key_path(&self) -> &Path {
        self.key.as_deref().unwrap_or(&self.certificate)
    }
}

impl Fault {
    fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use {}: {}", self.path.display(), self.reason)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    let bytes = fs::metadata(path).and_then(|file| {
        // A device or a pipe may never end.
        if !file.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        if file.len() > MAX_FILE {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        fs::read(path)
    });
    let bytes = bytes.map_err(|error| Fault::new(path, error.to_string()))?;
    // Editors write a byte order mark, which PEM readers take for a part of the first line.
    Ok(bytes.strip_prefix(b"\xEF\xBB\xBF").map_or_else(|| bytes.clone(), <[u8]>::to_vec))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("it has no certificate in PEM{}", instead(pem))),
        Err(error) => Err(format!("a certificate in PEM is damaged: {error}")),
    }
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let labels = labels(pem);
    let is_encrypted = labels.iter().any(|label| label == "ENCRYPTED PRIVATE KEY")
        || (labels.iter().any(|label| label.ends_with("PRIVATE KEY")) && has_line(pem, b"Proc-Type: 4,ENCRYPTED"));
    match PrivateKeyDer::pem_slice_iter(pem).next() {
        _ if is_encrypted => {
            Err("the key is encrypted; `openssl pkey -in FILE -out NEW` writes one that is not".to_owned())
        }
        Some(Ok(key)) => Ok(key),
        Some(Err(error)) => Err(format!("the key is damaged: {error}")),
        None => Err(format!("it has no private key in PEM{}", instead(pem))),
    }
}

/// Says what is in a file instead of the expected thing.
fn instead(pem: &[u8]) -> String {
    match (pem, labels(pem).first()) {
        ([], _) => "; it is empty".to_owned(),
        (_, Some(label)) => {
            let shown: String = label.chars().take(LONGEST_LABEL).collect();
            format!(", but `{}`", shown.escape_debug())
        }
        // Certificates, keys and PKCS #12 files begin with a SEQUENCE whose length takes two bytes or more.
        ([0x30, 0x81..=0x83, ..], None) => {
            "; it is binary (DER or PKCS #12), and `openssl x509 -inform DER` or `openssl pkcs12` converts it"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// The labels of the blocks in a PEM file.
fn labels(pem: &[u8]) -> Vec<String> {
    let label = |line: &[u8]| {
        let label = line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        Some(String::from_utf8_lossy(label).into_owned())
    };
    lines(pem).filter_map(label).collect()
}

fn has_line(pem: &[u8], wanted: &[u8]) -> bool {
    lines(pem).any(|line| line == wanted)
}

fn lines(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    pem.split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii)
}

/// No chain with its key is that large.
const MAX_FILE: u64 = 1024 * 1024;
const LONGEST_LABEL: usize = 40;
