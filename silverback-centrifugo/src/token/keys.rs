//! The keys that verify tokens.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::{
    hmac,
    signature::{self, RsaPublicKeyComponents, UnparsedPublicKey},
};
use serde::Deserialize;

/// Keys that verify tokens: a shared secret, public keys, or both.
///
/// ```
/// use silverback_centrifugo::Keys;
///
/// let keys = Keys::hmac("a secret of at least 32 random bytes");
/// ```
#[derive(Clone, Default)]
pub struct Keys {
    secrets: Vec<Vec<u8>>,
    public: Vec<PublicKey>,
}

/// Why a key set was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not a JWK set (RFC 7517, 5).
    Malformed,
    /// It has no key that this crate can use: RSA, EC with P-256 or P-384, or Ed25519.
    NoUsableKey,
}

#[derive(Clone)]
struct PublicKey {
    id: Option<String>,
    /// The only algorithm, if the key names one.
    alg: Option<String>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Keys {
    /// A shared secret, for HS256, HS384 and HS512.
    pub fn hmac(secret: impl Into<Vec<u8>>) -> Self {
        Self { secrets: vec![secret.into()], public: Vec::new() }
    }

    /// A set of public keys (RFC 7517), for RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA. Keys of
    /// other kinds and those for encryption are passed over. Fetching the document is up to the program; see
    /// [`Server::set_keys`](crate::Server::set_keys).
    ///
    /// # Errors
    /// Fails if the document is no key set, or has no usable key.
    pub fn jwks(document: &[u8]) -> Result<Self, KeyError> {
        let set: Set = serde_json::from_slice(document).map_err(|_| KeyError::Malformed)?;
        let public: Vec<_> = set.keys.into_iter().filter_map(Jwk::read).collect();
        if public.is_empty() { Err(KeyError::NoUsableKey) } else { Ok(Self { secrets: Vec::new(), public }) }
    }

    /// Accepts what either has signed.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.secrets.extend(other.secrets);
        self.public.extend(other.public);
        self
    }

    pub(super) fn verify(&self, alg: &str, id: Option<&str>, signed: &[u8], signature: &[u8]) -> bool {
        let hash = match alg {
            "HS256" => Some(hmac::HMAC_SHA256),
            "HS384" => Some(hmac::HMAC_SHA384),
            "HS512" => Some(hmac::HMAC_SHA512),
            _ => None,
        };
        if let Some(hash) = hash {
            let verifies = |secret: &Vec<u8>| hmac::verify(&hmac::Key::new(hash, secret), signed, signature).is_ok();
            return self.secrets.iter().any(verifies);
        }
        let may = |key: &&PublicKey| {
            (id.is_none() || key.id.is_none() || key.id.as_deref() == id)
                && key.alg.as_deref().is_none_or(|only| only == alg)
        };
        self.public.iter().filter(may).any(|key| key.material.verifies(alg, signed, signature))
    }
}

impl Material {
    fn verifies(&self, alg: &str, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match (self, alg) {
            (Self::Rsa { n, e }, _) => {
                let parameters = match alg {
                    "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
                    "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            (Self::P256(point), "ES256") => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            (Self::P384(point), "ES384") => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            (Self::Ed25519(point), "EdDSA" | "Ed25519") => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(signed, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    fn read(self) -> Option<PublicKey> {
        if self.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: &Option<String>| BASE64URL_NOPAD.decode(text.as_deref()?.as_bytes()).ok();
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: bytes(&self.n)?, e: bytes(&self.e)? },
            ("EC", Some("P-256")) => Material::P256(point(&bytes(&self.x)?, &bytes(&self.y)?)),
            ("EC", Some("P-384")) => Material::P384(point(&bytes(&self.x)?, &bytes(&self.y)?)),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&self.x)?),
            _ => return None,
        };
        Some(PublicKey { id: self.kid, alg: self.alg, material })
    }
}

/// Joins the coordinates of an uncompressed point.
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("secrets", &self.secrets.len()).field("public", &self.public.len()).finish()
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is not a set of JSON Web Keys",
            Self::NoUsableKey => "the set has no key of a usable kind: RSA, EC with P-256 or P-384, Ed25519",
        })
    }
}

impl std::error::Error for KeyError {}
