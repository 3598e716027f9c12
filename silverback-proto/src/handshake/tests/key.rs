//! RFC 6455, 1.3, 4.1 (7) and 4.2.1 (5): keys and their answers.

use crate::handshake::key::{InvalidNonce, Nonce, accept_key};

#[test]
fn the_two_sample_keys_give_their_answers() {
    for (key, accept) in [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    ] {
        assert_eq!(accept_key(key.as_bytes()).as_str(), accept);
        assert_eq!(accept_key(key.as_bytes()).to_header_value(), accept);
        assert_eq!(Nonce::parse(key.as_bytes()).expect("16 bytes").accept_key().to_string(), accept);
    }
}

#[test]
fn a_nonce_reads_back_as_it_was_written() {
    let nonce = Nonce::new(*b"the sample nonce");
    assert_eq!(nonce.to_header_value(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(nonce.to_string(), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(Nonce::parse(b"dGhlIHNhbXBsZSBub25jZQ==").expect("16 bytes").as_bytes(), b"the sample nonce");
}

#[test]
fn a_key_decodes_to_exactly_16_bytes() {
    for text in [
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAA",             // 15 bytes
        "AAAAAAAAAAAAAAAAAAAAAAA=",         // 17 bytes
        "AAAAAAAAAAAAAAAAAAAAAAAA",         // 18 bytes
        "AAAAAAAAAAAAAAAAAAAAAA",           // no padding
        "AAAAAAAAAAAAAAAAAAAAAA=",          // half the padding
        "AAAAAAAAAAAAAAAAAAAAAA===",        // too much padding
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", // 24 bytes
        "=AAAAAAAAAAAAAAAAAAAAA==",
        "AAAAAAAAAAAA====AAAAAA==",
        "AAAAAAAAAAAAAAAAAAAAA===",
    ] {
        assert_eq!(Nonce::parse(text.as_bytes()), Err(InvalidNonce), "{text}");
    }
}

#[test]
fn a_key_uses_the_ordinary_base64_alphabet() {
    assert!(Nonce::parse(b"+/+/+/+/+/+/+/+/+/+/+w==").is_ok());
    for text in [b"-_-_-_-_-_-_-_-_-_-_-w==", b"AAAAAAAAAA AAAAAAAAAAA==", b"AAAAAAAAAAAAAAAAAAAAA\xc3=="] {
        assert_eq!(Nonce::parse(text), Err(InvalidNonce), "{}", text.escape_ascii());
    }
}

#[test]
fn the_example_key_of_section_4_1_is_accepted_although_its_spare_bits_are_set() {
    let nonce = Nonce::parse(b"AQIDBAUGBwgJCgsMDQ4PEC==").expect("16 bytes");
    assert_eq!(nonce.as_bytes(), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    assert_eq!(nonce.to_string(), "AQIDBAUGBwgJCgsMDQ4PEA==");
}
