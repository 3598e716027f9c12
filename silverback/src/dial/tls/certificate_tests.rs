//! Reads certificates written by rcgen, also with missing or wrong bytes.
#![allow(clippy::unwrap_used)]

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd,
};

use super::*;

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[track_caller]
fn is_authority(expected: bool, ca: IsCa, usages: &[KeyUsagePurpose]) {
    let der = certificate(|params| {
        // rcgen does not write the key usage if it is the only extension.
        params.subject_alt_names = vec!["localhost".parse().map(rcgen::SanType::DnsName).unwrap()];
        params.is_ca = ca;
        params.key_usages = usages.to_vec();
    });
    assert_eq!(Certificate::read(&der).unwrap().is_authority(), expected);
}

#[test]
fn those_whose_extensions_say_so_are_authorities() {
    let ca = || IsCa::Ca(BasicConstraints::Unconstrained);
    is_authority(true, ca(), &[]);
    is_authority(true, IsCa::Ca(BasicConstraints::Constrained(0)), &[]);
    is_authority(true, ca(), &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
    is_authority(true, IsCa::NoCa, &[KeyUsagePurpose::KeyCertSign]);
    is_authority(false, ca(), &[KeyUsagePurpose::DigitalSignature]);
    is_authority(false, IsCa::ExplicitNoCa, &[]);
    is_authority(false, IsCa::ExplicitNoCa, &[KeyUsagePurpose::KeyCertSign]);
    is_authority(false, IsCa::NoCa, &[]);
    is_authority(false, IsCa::NoCa, &[KeyUsagePurpose::DigitalSignature]);
}

#[test]
fn a_purpose_that_is_named_must_be_that_of_servers_or_any() {
    for (expected, purposes) in [
        (true, vec![]),
        (true, vec![ExtendedKeyUsagePurpose::ServerAuth]),
        (true, vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::Any]),
        (false, vec![ExtendedKeyUsagePurpose::ClientAuth]),
    ] {
        let der = certificate(|params| params.extended_key_usages.clone_from(&purposes));
        assert_eq!(Certificate::read(&der).unwrap().is_for_servers(), expected, "{purposes:?}");
    }
}

#[test]
fn names_are_read() {
    let der = certificate(|params| params.distinguished_name.push(DnType::CommonName, "localhost"));
    let read = Certificate::read(&der).unwrap();
    assert_eq!((read.common_name(), read.has_alternative_names()), (Some("localhost"), false));
    assert!(read.has_extensions() && read.is_self_issued());
    let names = || vec!["localhost".parse().map(rcgen::SanType::DnsName).unwrap()];
    let der = certificate(|params| params.subject_alt_names = names());
    assert!(Certificate::read(&der).unwrap().has_alternative_names());
}

#[test]
fn times_are_read_in_both_forms() {
    for (from, until, expected) in [
        ((1970, 1, 1), (2049, 12, 31), (0, 2_524_521_600)),
        ((1950, 1, 1), (2050, 1, 1), (-631_152_000, 2_524_608_000)),
        ((2024, 2, 29), (4000, 3, 1), (1_709_164_800, 64_065_772_800)),
    ] {
        let der = certificate(|params| {
            params.not_before = date_time_ymd(from.0, from.1, from.2);
            params.not_after = date_time_ymd(until.0, until.1, until.2);
        });
        let Validity { not_before, not_after } = Certificate::read(&der).unwrap().validity().unwrap();
        assert_eq!((not_before, not_after), expected);
    }
    for wrong in
        ["0001010000Z", "000101000000", "000101000000+0100", "001301000000Z", "000100000000Z", "0001012400\x30Z"]
    {
        let time = [&[UTC_TIME, wrong.len() as u8], wrong.as_bytes()].concat();
        assert_eq!(Der(&time).time(), None, "{wrong}");
    }
}

#[test]
fn keys_are_measured() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let der = CertificateParams::new(Vec::<String>::new()).unwrap().self_signed(&key).unwrap();
        let read = Certificate::read(der.der()).unwrap();
        assert!(read.has_ordinary_key() && read.rsa_bits().is_none());
        assert_eq!(read.public_key().as_ref(), rcgen::PublicKeyData::subject_public_key_info(&key));
    }
    for (bits, is_ordinary) in [(1024, false), (2047, false), (2048, true), (8192, true), (8193, false)] {
        let key = rsa_key(bits);
        let read = Certificate { public_key: &key, ..EMPTY };
        assert_eq!((read.rsa_bits(), read.has_ordinary_key()), (Some(bits), is_ordinary));
    }
}

#[test]
fn bytes_that_are_missing_or_wrong_do_no_harm() {
    let whole = certificate(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let ask_all = |der: &[u8]| {
        let Some(read) = Certificate::read(der) else { return };
        let _ = (read.is_authority(), read.is_for_servers(), read.has_alternative_names(), read.common_name());
        let _ = (read.validity(), read.rsa_bits(), read.has_ordinary_key(), read.is_self_issued(), read.public_key());
    };
    for end in 0..whole.len() {
        assert!(Certificate::read(&whole[..end]).is_none(), "{end}");
    }
    for index in 0..whole.len() {
        for byte in 0..=255 {
            let mut wrong = whole.clone();
            wrong[index] = byte;
            ask_all(&wrong);
        }
    }
}

/// Returns an RSA public key whose modulus has this many bits.
fn rsa_key(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xFF; bits.div_ceil(8)];
    modulus[0] >>= (8 - bits % 8) % 8;
    let modulus = [vec![0], modulus].concat();
    let key = element(SEQUENCE, &[element(INTEGER, &[modulus]), element(INTEGER, &[vec![1, 0, 1]])]);
    let algorithm = element(SEQUENCE, &[element(OBJECT_IDENTIFIER, &[RSA.to_vec()]), vec![5, 0]]);
    element(SEQUENCE, &[algorithm, element(BIT_STRING, &[vec![0], key])])
}

fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, &content].concat()
}

const EMPTY: Certificate<'_> =
    Certificate { version: 3, issuer: &[], validity: &[], subject: &[], public_key: &[], extensions: &[] };
