//! The error names each thing that people give in place of a certificate or key.

use super::*;

fn block(label: &str) -> String {
    format!("Bag Attributes\n-----BEGIN {label}-----\nMIIB\n-----END {label}-----\n")
}

#[track_caller]
fn check_key(pem: impl AsRef<[u8]>, words: &str) {
    let why = why_no_key(pem.as_ref(), "odd");
    assert!(why.contains(words) && why.starts_with("its key"), "{why}");
}

#[track_caller]
fn check_certificate(pem: impl AsRef<[u8]>, words: &str) {
    let why = why_no_certificate(pem.as_ref(), "odd");
    assert!(why.contains(words), "{why}");
}

#[test]
fn encrypted_keys_are_called_encrypted() {
    check_key(block("ENCRYPTED PRIVATE KEY"), "is encrypted");
    check_key(block("CERTIFICATE") + &block("ENCRYPTED PRIVATE KEY"), "is encrypted");
    for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"] {
        let body = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIB";
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        check_key(&pem, "is encrypted");
        check_key(pem.replace('\n', "\r\n"), "is encrypted");
        check_key(pem.replace('\n', "\r"), "is encrypted");
        check_key(pem.replace(" 4,", "4, "), "is encrypted");
    }
}

#[test]
fn other_things_in_place_of_a_key_are_named() {
    check_key("", "it is empty");
    check_key("hello", "no private key in PEM");
    check_key(block("CERTIFICATE"), "no private key in PEM, but `CERTIFICATE`");
    check_key(block("CERTIFICATE") + &block("PUBLIC KEY"), "but `PUBLIC KEY`");
    check_key(block("OPENSSH PRIVATE KEY"), "form of OpenSSH");
    check_key(block("DSA PRIVATE KEY"), "but `DSA PRIVATE KEY`");
    check_key(block("PRIVATE KEY"), "is damaged: odd");
    check_key(b"\x30\x82\x04\x00", "binary");
    check_key(b"\xFF\xFE-\0-\0", "UTF-16");
    let endless = block(&"\u{1b}".repeat(10_000));
    let why = why_no_key(endless.as_bytes(), "odd");
    assert!(why.len() < 500 && !why.contains('\u{1b}'), "{why}");
}

#[test]
fn other_things_in_place_of_a_certificate_are_named() {
    check_certificate("", "it is empty");
    check_certificate("hello", "no certificate in PEM");
    check_certificate(block("PRIVATE KEY"), "but `PRIVATE KEY`");
    check_certificate(block("ENCRYPTED PRIVATE KEY"), "but `ENCRYPTED PRIVATE KEY`");
    check_certificate(block("CERTIFICATE REQUEST"), "a request for a certificate");
    check_certificate(block("TRUSTED CERTIFICATE"), "OpenSSL");
    check_certificate(block("PKCS7"), "PKCS #7");
    check_certificate(block("X509 CRL"), "but `X509 CRL`");
    check_certificate(block("CERTIFICATE"), "is damaged: odd");
    check_certificate(b"\x30\x82\x04\x00", "binary");
    check_certificate(b"\xFE\xFF\0-\0-", "UTF-16");
}

#[cfg(feature = "rustls-tls")]
#[test]
fn certificates_are_found_among_other_things() {
    let encrypted =
        "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nMIIB\r\n-----END RSA PRIVATE KEY-----\r\n";
    let pem = format!("{encrypted}{}{encrypted}{}", block("CERTIFICATE"), block("CERTIFICATE"));
    let one = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    assert_eq!(certificates(pem.as_bytes()), one.repeat(2).as_bytes());
    assert_eq!(certificates(encrypted.as_bytes()), b"");
}

#[test]
fn a_byte_order_mark_is_not_a_part_of_the_text() {
    assert_eq!(without_mark(b"\xEF\xBB\xBF-----BEGIN"), b"-----BEGIN");
    assert_eq!(without_mark(b"-----BEGIN"), b"-----BEGIN");
}
