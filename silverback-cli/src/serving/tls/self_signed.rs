//! Makes a self-signed certificate (RFC 5280) for trying things out.
//!
//! The usual crate for this brings a date library that needs a newer Rust than this program. A certificate of one fixed
//! form takes few lines.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use rustls::{
    crypto::ring::sign::any_ecdsa_type,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use x509_cert::{der::Encode, time::Time};

/// Makes a key and a certificate for localhost, both loopback addresses and these names.
pub(super) fn make(names: &[String]) -> Result<CertifiedKey, String> {
    let random = SystemRandom::new();
    let failed = |_| "the system's random source failed".to_owned();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
        .map_err(|error| error.to_string())?;
    let mut serial = [0; 16];
    random.fill(&mut serial).map_err(failed)?;
    // A serial number is positive and has no superfluous zeros in front (RFC 5280, 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    let content = content(names, &serial, pair.public_key().as_ref(), SystemTime::now())?;
    let signature = pair.sign(&random, &content).map_err(failed)?;
    let certificate = sequence(&[content, signature_algorithm(), bit_string(signature.as_ref())]);
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()));
    let key = any_ecdsa_type(&key).map_err(|error| error.to_string())?;
    Ok(CertifiedKey::new(vec![CertificateDer::from(certificate)], Arc::clone(&key)))
}

/// The part that is signed (`TBSCertificate`).
fn content(names: &[String], serial: &[u8], public_key: &[u8], now: SystemTime) -> Result<Vec<u8>, String> {
    let date = |at: SystemTime| {
        let time = Time::try_from(at).and_then(|time| time.to_der());
        time.map_err(|error| format!("the system's clock is wrong: {error}"))
    };
    // Clocks of other machines may be behind.
    let validity = sequence(&[date(now - DAY)?, date(now + LIFETIME)?]);
    // The common name is the same for issuer and subject, which makes the certificate self-signed.
    let name = sequence(&[tlv(SET, &sequence(&[oid(COMMON_NAME), tlv(UTF8_STRING, b"silverback")]))]);
    let key_type = sequence(&[oid(EC_PUBLIC_KEY), oid(P256)]);
    let extensions = sequence(&[
        extension(SUBJECT_ALT_NAME, &alternative_names(names)),
        // Not an authority: the certificate vouches for nothing else.
        extension(BASIC_CONSTRAINTS, &sequence(&[])),
        extension(EXTENDED_KEY_USAGE, &sequence(&[oid(SERVER_AUTH)])),
    ]);
    Ok(sequence(&[
        tlv(VERSION, &tlv(INTEGER, &[2])),
        tlv(INTEGER, serial),
        signature_algorithm(),
        name.clone(),
        validity,
        name,
        sequence(&[key_type, bit_string(public_key)]),
        tlv(EXTENSIONS, &extensions),
    ]))
}

fn alternative_names(names: &[String]) -> Vec<u8> {
    let names = ["localhost"].into_iter().chain(names.iter().map(String::as_str));
    let names = names.map(|name| tlv(DNS_NAME, name.as_bytes()));
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let addresses = addresses.map(|address| match address {
        IpAddr::V4(address) => tlv(IP_ADDRESS, &address.octets()),
        IpAddr::V6(address) => tlv(IP_ADDRESS, &address.octets()),
    });
    sequence(&names.chain(addresses).collect::<Vec<_>>())
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[oid(id), tlv(OCTET_STRING, value)])
}

fn signature_algorithm() -> Vec<u8> {
    sequence(&[oid(ECDSA_WITH_SHA256)])
}

fn oid(content: &[u8]) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, content)
}

fn bit_string(content: &[u8]) -> Vec<u8> {
    // No unused bits.
    tlv(BIT_STRING, &[&[0], content].concat())
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &elements.concat())
}

/// Encodes a value in DER (X.690, 8.1): tag, length, content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|&&byte| byte == 0).count()..];
    let mut value = vec![tag];
    match length {
        [] => value.push(0),
        [short @ 0..0x80] => value.push(*short),
        // The length of the length has one digit, because a `usize` has at most 8 bytes.
        long => {
            value.push(0x80 | long.len() as u8);
            value.extend_from_slice(long);
        }
    }
    value.extend_from_slice(content);
    value
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// 1.2.840.10045.4.3.2.
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// 2.5.29.37.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// 1.3.6.1.5.5.7.3.1.
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
