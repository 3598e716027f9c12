//! Parses certificates (RFC 5280, 4.1) that webpki does not read: X.509 version 1, or with extensions that make no
//! sense. The crypto provider verifies all signatures, and this file none.

use rustls::pki_types::SubjectPublicKeyInfoDer;

/// The parts of a certificate as raw bytes. A part is parsed only when a caller asks for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Certificate<'a> {
    /// From 1 to 3.
    version: u8,
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    /// The key with its tag and length.
    public_key: &'a [u8],
    /// The concatenated extensions, or nothing.
    extensions: &'a [u8],
}

/// The first and last second of validity, in seconds since 1970. Both are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl<'a> Certificate<'a> {
    /// Parses the outer structure of a certificate. Returns `None` if the bytes are not a certificate.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Der(Der(der).expect(SEQUENCE)?);
        let mut fields = Der(certificate.expect(SEQUENCE)?);
        let version = match fields.is_next(VERSION) {
            true => Der(fields.expect(VERSION)?).expect(INTEGER)?.first()?.checked_add(1)?,
            false => 1,
        };
        fields.expect(INTEGER)?;
        fields.expect(SEQUENCE)?;
        let (issuer, validity, subject) =
            (fields.expect(SEQUENCE)?, fields.expect(SEQUENCE)?, fields.expect(SEQUENCE)?);
        let before_key = fields.0;
        fields.expect(SEQUENCE)?;
        let public_key = &before_key[..before_key.len() - fields.0.len()];
        let mut extensions = &[][..];
        while !fields.is_empty() {
            let (tag, content) = fields.next()?;
            if tag == EXTENSIONS {
                extensions = Der(content).expect(SEQUENCE)?;
            }
        }
        Some(Self { version, issuer, validity, subject, public_key, extensions })
    }

    /// Returns whether the version allows extensions. A certificate before version 3 has none and names its server in
    /// its subject.
    pub(super) fn has_extensions(&self) -> bool {
        self.version >= 3
    }

    pub(super) fn public_key(&self) -> SubjectPublicKeyInfoDer<'a> {
        self.public_key.into()
    }

    /// Returns whether subject and issuer are the same.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Returns whether the key may sign certificates (RFC 5280, 4.2.1.3 and 4.2.1.9). If the extensions do not say,
    /// OpenSSL's rule holds: self-issued roots of version 1 may, and so may certificates whose key usage says so.
    pub(super) fn is_authority(&self) -> bool {
        let (Ok(usage), Ok(constraints)) = (self.extension(KEY_USAGE), self.extension(BASIC_CONSTRAINTS)) else {
            return false;
        };
        let signs_certificates = usage.map(|usage| {
            let bits = Der(usage).expect(BIT_STRING).unwrap_or_default();
            bits.get(1).is_some_and(|bits| bits & KEY_CERT_SIGN != 0)
        });
        let is_authority = constraints.map(|constraints| {
            let mut fields = Der(Der(constraints).expect(SEQUENCE).unwrap_or_default());
            matches!(fields.next(), Some((BOOLEAN, [value])) if *value != 0)
        });
        match (signs_certificates, is_authority) {
            (Some(false), _) | (_, Some(false)) => false,
            (_, Some(true)) | (Some(true), None) => true,
            (None, None) => !self.has_extensions() && self.is_self_issued(),
        }
    }

    /// Returns whether the certificate may be used for servers (RFC 5280, 4.2.1.12).
    pub(super) fn is_for_servers(&self) -> bool {
        let usage = match self.extension(EXTENDED_KEY_USAGE) {
            Ok(Some(usage)) => usage,
            Ok(None) => return true,
            Err(Malformed) => return false,
        };
        let mut purposes = Der(Der(usage).expect(SEQUENCE).unwrap_or_default());
        std::iter::from_fn(|| purposes.next()).any(|(_, purpose)| purpose == SERVER_AUTH || purpose == ANY_PURPOSE)
    }

    /// Returns whether an extension gives alternative names, so that the subject's name does not count. Also `true` if
    /// the extensions cannot be parsed.
    pub(super) fn has_alternative_names(&self) -> bool {
        !matches!(self.extension(SUBJECT_ALT_NAME), Ok(None))
    }

    /// Returns the last common name of the subject.
    pub(super) fn common_name(&self) -> Option<&'a str> {
        let mut names = Der(self.subject);
        let mut found = None;
        while !names.is_empty() {
            let mut attributes = Der(names.expect(SET)?);
            while !attributes.is_empty() {
                let mut attribute = Der(attributes.expect(SEQUENCE)?);
                if attribute.expect(OBJECT_IDENTIFIER)? == COMMON_NAME {
                    found = Some(attribute.next()?.1);
                }
            }
        }
        std::str::from_utf8(found?).ok()
    }

    pub(super) fn validity(&self) -> Option<Validity> {
        let mut times = Der(self.validity);
        Some(Validity { not_before: times.time()?, not_after: times.time()? })
    }

    /// Returns the bits of the modulus, if this is an RSA key.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        let (algorithm, key) = self.key_parts()?;
        if Der(algorithm).expect(OBJECT_IDENTIFIER)? != RSA {
            return None;
        }
        let modulus = Der(Der(key).expect(SEQUENCE)?).expect(INTEGER)?;
        let zeros = modulus.iter().take_while(|&&byte| byte == 0).count();
        let first = modulus.get(zeros)?;
        Some((modulus.len() - zeros) * 8 - first.leading_zeros() as usize)
    }

    /// Returns whether every crypto provider can verify signatures of this key.
    pub(super) fn has_ordinary_key(&self) -> bool {
        if let Some(bits) = self.rsa_bits() {
            return ORDINARY_RSA_BITS.contains(&bits);
        }
        let Some((algorithm, _)) = self.key_parts() else { return false };
        let mut algorithm = Der(algorithm);
        match algorithm.expect(OBJECT_IDENTIFIER) {
            Some(ED25519) => true,
            Some(ELLIPTIC_CURVE) => matches!(algorithm.expect(OBJECT_IDENTIFIER), Some(P256 | P384)),
            _ => false,
        }
    }

    /// Returns the algorithm with its parameters, and the key.
    fn key_parts(&self) -> Option<(&'a [u8], &'a [u8])> {
        let mut parts = Der(Der(self.public_key).expect(SEQUENCE)?);
        let algorithm = parts.expect(SEQUENCE)?;
        // The first byte counts the unused bits.
        Some((algorithm, parts.expect(BIT_STRING)?.split_first()?.1))
    }

    /// Returns the value of the extension with this name, if there is one.
    fn extension(&self, name: &[u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let mut list = Der(self.extensions);
        while !list.is_empty() {
            let mut extension = Der(list.expect(SEQUENCE).ok_or(Malformed)?);
            let is_wanted = extension.expect(OBJECT_IDENTIFIER).ok_or(Malformed)? == name;
            if extension.is_next(BOOLEAN) {
                // Skips the flag for critical extensions.
                extension.next().ok_or(Malformed)?;
            }
            let value = extension.expect(OCTET_STRING).ok_or(Malformed)?;
            if is_wanted {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// The list of extensions cannot be parsed.
#[derive(Debug)]
struct Malformed;

/// The rest of a list of DER elements (X.690, 8.1).
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_next(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// Returns the tag and content of the next element, or `None` if there is none or its length is wrong.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                let longer = |length: usize, &byte: &u8| length.checked_mul(256)?.checked_add(byte.into());
                (bytes.iter().try_fold(0, longer)?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// Parses a time (RFC 5280, 4.1.2.5): `YYMMDDHHMMSSZ` from 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
    fn time(&mut self) -> Option<i64> {
        let (tag, text) = self.next()?;
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2)?;
                let year = number(year)?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => {
                let (year, rest) = text.split_at_checked(4)?;
                (number(year)?, rest)
            }
            _ => return None,
        };
        let (digits, b"Z") = rest.split_at_checked(10)? else { return None };
        let mut parts = digits.chunks(2).map(number);
        let mut part = |range: std::ops::RangeInclusive<i64>| parts.next()?.filter(|part| range.contains(part));
        let (month, day) = (part(1..=12)?, part(1..=31)?);
        // 60 is a leap second.
        let (hour, minute, second) = (part(0..=23)?, part(0..=59)?, part(0..=60)?);
        Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    all_digits.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// Counts days in the Gregorian calendar. Years begin in March here, so that a leap day is the last day of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - DAYS_BEFORE_1970
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;

const KEY_USAGE: &[u8] = &[0x55, 0x1D, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 19];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 37];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1D, 37, 0];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTH: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 3, 1];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
/// 1.2.840.10045.2.1, with two of its curves: 1.2.840.10045.3.1.7 and 1.3.132.0.34
const ELLIPTIC_CURVE: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
const P384: &[u8] = &[0x2B, 0x81, 4, 0, 34];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

/// Bit 5 of a BIT STRING, whose bit 0 is the highest.
const KEY_CERT_SIGN: u8 = 0x80 >> 5;
const ORDINARY_RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// From 1 March of the year 0, minus one because days of a month begin at 1.
const DAYS_BEFORE_1970: i64 = 719_469;

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
