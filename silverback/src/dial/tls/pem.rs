//! Looks at a PEM file (RFC 7468) to explain why it is not the expected one. Nothing is decoded here.

/// Returns the text without a byte order mark. Editors write one, and PEM readers take it for a part of the first line.
pub(super) fn without_mark(pem: &[u8]) -> &[u8] {
    pem.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(pem)
}

/// Returns only the certificates of a text that also holds other things.
#[cfg(feature = "rustls-tls")]
pub(super) fn certificates(pem: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut is_inside = false;
    for line in lines(pem) {
        is_inside |= line == b"-----BEGIN CERTIFICATE-----";
        if is_inside {
            kept.extend_from_slice(line);
            kept.push(b'\n');
        }
        is_inside &= line != b"-----END CERTIFICATE-----";
    }
    kept
}

/// Explains why this text has no certificate or none that can be read. `error` comes from the PEM reader.
pub(super) fn why_no_certificate(pem: &[u8], error: &str) -> String {
    if let Some(form) = other_form(pem) {
        return format!("{form}; certificates in PEM are needed, as `openssl x509 -inform DER` writes them");
    }
    let labels = labels(pem);
    let has = |label: &str| labels.iter().any(|block| block.label == label);
    if has("CERTIFICATE") {
        return format!("a certificate in PEM is damaged: {error}");
    }
    match labels.first() {
        None => "no certificate in PEM".to_owned(),
        Some(_) if has("TRUSTED CERTIFICATE") || has("X509 CERTIFICATE") => {
            "it is in a form of OpenSSL's own; `openssl x509 -in FILE` writes an ordinary CERTIFICATE".to_owned()
        }
        Some(_) if has("PKCS7") || has("CMS") => {
            "its certificates are wrapped in PKCS #7; `openssl pkcs7 -print_certs -in FILE` unwraps them".to_owned()
        }
        Some(_) if has("CERTIFICATE REQUEST") || has("NEW CERTIFICATE REQUEST") => {
            "it holds a request for a certificate, and not the certificate".to_owned()
        }
        Some(block) => format!("no certificate in PEM, but {}", block.shown()),
    }
}

/// Explains why this text has no private key or none that can be read. `error` comes from the PEM reader.
pub(super) fn why_no_key(pem: &[u8], error: &str) -> String {
    if let Some(form) = other_form(pem) {
        return format!("its key: {form}; a private key in PEM is needed, as `openssl pkey` writes it");
    }
    let labels = labels(pem);
    if labels.iter().any(Block::is_encrypted_key) {
        return "its key is encrypted, and passphrases are not asked for; `openssl pkey -in FILE -out NEW` writes one \
                that is not encrypted"
            .to_owned();
    }
    if labels.iter().any(|block| KEYS.contains(&&*block.label)) {
        return format!("its key is damaged: {error}");
    }
    match labels.iter().find(|block| block.label.ends_with("KEY")).or(labels.first()) {
        None => "its key: no private key in PEM".to_owned(),
        Some(block) if block.label == "OPENSSH PRIVATE KEY" => {
            "its key is in the form of OpenSSH; `ssh-keygen -p -m PKCS8 -f FILE` rewrites it".to_owned()
        }
        Some(block) => format!("its key: no private key in PEM, but {}", block.shown()),
    }
}

/// Explains which of the two cannot be used, if their contents show it.
#[cfg(feature = "native-tls")]
pub(super) fn why_no_identity(chain: &[u8], key: &[u8], error: &str) -> String {
    let holds = |pem, label: &str| labels(pem).iter().any(|block| block.label == label && !block.is_encrypted);
    match () {
        () if !holds(chain, "CERTIFICATE") => why_no_certificate(chain, error),
        () if !KEYS.iter().any(|label| holds(key, label)) => why_no_key(key, error),
        () if !holds(key, "PRIVATE KEY") => format!("its key must be PKCS #8 for the system's TLS library: {error}"),
        () => error.to_owned(),
    }
}

/// A part of the text, from `BEGIN` to `END`.
struct Block {
    label: String,
    /// Encrypted in the form that OpenSSL used before PKCS #8 (RFC 1421, 4.6.1.1).
    is_encrypted: bool,
}

impl Block {
    fn is_encrypted_key(&self) -> bool {
        self.label == "ENCRYPTED PRIVATE KEY" || (self.is_encrypted && self.label.ends_with("PRIVATE KEY"))
    }

    /// Returns the label for an error. The file may hold anything, so the label is cut and escaped.
    fn shown(&self) -> String {
        let label: String = self.label.chars().take(LONGEST_LABEL).collect();
        format!("`{}`", label.escape_debug())
    }
}

fn labels(pem: &[u8]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in lines(pem) {
        if let Some(label) = line.strip_prefix(b"-----BEGIN ").and_then(|line| line.strip_suffix(b"-----")) {
            blocks.push(Block { label: String::from_utf8_lossy(label).into_owned(), is_encrypted: false });
        } else if let Some(block) = blocks.last_mut() {
            block.is_encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
        }
    }
    blocks
}

fn lines(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    without_mark(pem).split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii)
}

/// Returns the form of a file that is not PEM text.
fn other_form(pem: &[u8]) -> Option<&'static str> {
    match pem {
        [] => Some("it is empty"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("it is text in UTF-16"),
        // Certificates, keys and PKCS #12 files begin with a SEQUENCE whose length takes two bytes or more.
        [0x30, 0x81..=0x83, ..] => Some("it is binary (DER or PKCS #12)"),
        _ => None,
    }
}

/// The private keys that rustls reads.
const KEYS: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const LONGEST_LABEL: usize = 40;

#[cfg(test)]
#[path = "pem_tests.rs"]
mod tests;
