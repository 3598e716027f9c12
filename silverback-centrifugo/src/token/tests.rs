#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        KeyPair as _, RsaEncoding, RsaKeyPair,
    },
};

use super::{KeyError, Keys, TokenError, verify};

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn token(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

fn by_secret(secret: &str, header: &str, claims: &str) -> String {
    token(header, claims, |signed| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed).as_ref().to_vec()
    })
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[test]
fn the_token_of_the_standards_example_verifies_with_its_key_and_no_other() {
    // RFC 7515, A.1.
    let key = BASE64URL_NOPAD
        .decode(b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert!(verify(&Keys::hmac(key.clone()), token, at(1_300_819_379)).is_ok());
    assert_eq!(verify(&Keys::hmac(key), token, at(1_300_819_380)).unwrap_err(), TokenError::Expired);
    assert_eq!(verify(&Keys::hmac("other"), token, at(0)).unwrap_err(), TokenError::Invalid);
}

#[test]
fn a_token_without_signature_or_with_a_wrong_one_is_invalid() {
    let keys = Keys::hmac("secret");
    let good = by_secret("secret", HS256, r#"{"sub":"42"}"#);
    assert_eq!(verify(&keys, &good, at(0)).unwrap().sub, "42");
    let (signed, _) = good.rsplit_once('.').unwrap();
    for bad in [
        format!("{signed}."),
        format!("{signed}.AAAA"),
        signed.to_owned(),
        String::new(),
        "..".into(),
        token(r#"{"alg":"none"}"#, r#"{"sub":"42"}"#, |_| Vec::new()),
        by_secret("secret", r#"{"alg":"RS256"}"#, r#"{"sub":"42"}"#),
        by_secret("secret", r#"{"alg":"HS256","crit":["b64"]}"#, r#"{"sub":"42"}"#),
        by_secret("secret", HS256, r#"{"sub":42}"#),
        by_secret("secret", HS256, r#"{"sub":"42","exp":"never"}"#),
    ] {
        assert_eq!(verify(&keys, &bad, at(0)).unwrap_err(), TokenError::Invalid, "{bad}");
    }
}

#[test]
fn a_public_key_is_never_used_as_a_secret() {
    let rng = SystemRandom::new();
    let document = Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let x = encode(pair.public_key().as_ref());
    let set = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"one","use":"sig"}}]}}"#);
    let keys = Keys::jwks(set.as_bytes()).unwrap();
    let good = token(r#"{"alg":"EdDSA","kid":"one"}"#, r#"{"sub":"42"}"#, |signed| pair.sign(signed).as_ref().to_vec());
    assert_eq!(verify(&keys, &good, at(0)).unwrap().sub, "42");
    let other_id =
        token(r#"{"alg":"EdDSA","kid":"two"}"#, r#"{"sub":"42"}"#, |signed| pair.sign(signed).as_ref().to_vec());
    assert_eq!(verify(&keys, &other_id, at(0)).unwrap_err(), TokenError::Invalid);
    let forged = token(HS256, r#"{"sub":"42"}"#, |signed| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pair.public_key().as_ref()), signed).as_ref().to_vec()
    });
    assert_eq!(verify(&keys, &forged, at(0)).unwrap_err(), TokenError::Invalid);
}

#[test]
fn a_key_of_a_curve_verifies_what_its_private_half_has_signed() {
    let rng = SystemRandom::new();
    for (signing, curve, alg, other_alg) in [
        (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256", "ES384"),
        (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", "ES384", "ES256"),
    ] {
        let document = EcdsaKeyPair::generate_pkcs8(signing, &rng).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &rng).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let set = format!(r#"{{"keys":[{{"kty":"EC","crv":"{curve}","x":"{}","y":"{}"}}]}}"#, encode(x), encode(y));
        let keys = Keys::hmac("secret").and(Keys::jwks(set.as_bytes()).unwrap());
        let by = |alg: &str| {
            let header = format!(r#"{{"alg":"{alg}"}}"#);
            token(&header, r#"{"sub":"42"}"#, |signed| pair.sign(&rng, signed).unwrap().as_ref().to_vec())
        };
        assert_eq!(verify(&keys, &by(alg), at(0)).unwrap().sub, "42", "{curve}");
        assert_eq!(verify(&keys, &by(other_alg), at(0)).unwrap_err(), TokenError::Invalid, "{curve}");
        assert!(verify(&keys, &by(alg).replace("ey", "eY"), at(0)).is_err(), "{curve}");
    }
}

#[test]
fn an_rsa_key_verifies_each_of_its_algorithms_and_only_the_one_that_it_names() {
    let rng = SystemRandom::new();
    let pair = RsaKeyPair::from_der(RSA_KEY).unwrap();
    let public: signature::RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
    let set = |more: &str| {
        format!(r#"{{"keys":[{{"kty":"RSA","n":"{}","e":"{}"{more}}}]}}"#, encode(&public.n), encode(&public.e))
    };
    let any = Keys::jwks(set("").as_bytes()).unwrap();
    let only = Keys::jwks(set(r#","alg":"PS256""#).as_bytes()).unwrap();
    let algorithms: [(&str, &dyn RsaEncoding); 6] = [
        ("RS256", &signature::RSA_PKCS1_SHA256),
        ("RS384", &signature::RSA_PKCS1_SHA384),
        ("RS512", &signature::RSA_PKCS1_SHA512),
        ("PS256", &signature::RSA_PSS_SHA256),
        ("PS384", &signature::RSA_PSS_SHA384),
        ("PS512", &signature::RSA_PSS_SHA512),
    ];
    for (alg, encoding) in algorithms {
        let by = |name: &str| {
            token(&format!(r#"{{"alg":"{name}"}}"#), r#"{"sub":"42"}"#, |signed| {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &rng, signed, &mut signature).unwrap();
                signature
            })
        };
        assert_eq!(verify(&any, &by(alg), at(0)).unwrap().sub, "42", "{alg}");
        assert_eq!(verify(&only, &by(alg), at(0)).is_ok(), alg == "PS256", "{alg}");
        for (other, _) in algorithms.into_iter().filter(|(other, _)| *other != alg) {
            assert!(verify(&any, &by(other), at(0)).is_err(), "{alg} is not {other}");
        }
        assert!(verify(&any, &(by(alg) + "AA"), at(0)).is_err(), "{alg}");
    }
}

/// A key of 2,048 bits for this test alone, in PKCS #1. ring makes no RSA keys.
const RSA_KEY: &[u8] = include_bytes!("test_rsa_key.der");

#[test]
fn a_key_set_without_a_usable_key_is_refused() {
    assert_eq!(Keys::jwks(b"{}").unwrap_err(), KeyError::Malformed);
    let shared = br#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"}]}"#;
    assert_eq!(Keys::jwks(shared).unwrap_err(), KeyError::NoUsableKey);
}

#[test]
fn keys_show_no_secret_in_logs() {
    assert!(!format!("{:?}", Keys::hmac("secret")).contains("secret\""));
    assert!(!format!("{:?}", Keys::hmac([115, 101])).contains("115"));
}
