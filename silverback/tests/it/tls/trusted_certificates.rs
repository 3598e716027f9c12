//! Exactly the given certificates are trusted: self-signed ones for development, and intermediate ones.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{ServerConfig, SignatureScheme, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use silverback::{DialError, Dialer, tls::Tls};

use super::{
    echo_over,
    handmade::{Handmade, Scribble, element, pem, rsa_key, server},
    is_tls_failure,
    peer::Peer,
};
use crate::support::within;

/// A certificate with its key. It may have signed itself.
struct Made {
    pem: String,
    config: ServerConfig,
}

fn params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    params
}

fn made(certificate: &rcgen::Certificate, key: &KeyPair) -> Made {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    Made { pem: certificate.pem(), config: builder.with_single_cert(vec![certificate.der().clone()], key).unwrap() }
}

fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Made {
    let key = KeyPair::generate().unwrap();
    made(&params(names, change).self_signed(&key).unwrap(), &key)
}

fn only(pem: &str) -> Tls {
    Tls::new().default_roots(false).add_roots(pem)
}

async fn dial(config: ServerConfig, tls: Tls, host: &str) -> Result<(), DialError> {
    let peer = Peer::start_with(config).await;
    let dialer = Dialer::new().tls(tls).resolve(host, peer.address);
    within(dialer.dial(&peer.url(host))).await.map(|_| ())
}

async fn trusted(config: ServerConfig, tls: Tls) {
    let peer = Peer::start_with(config).await;
    echo_over(&Dialer::new().tls(tls).resolve("localhost", peer.address), &peer.url("localhost")).await;
}

async fn refused(config: ServerConfig, tls: Tls, words: &str) {
    is_tls_failure(&dial(config, tls, "localhost").await.unwrap_err(), words);
}

fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

mod one_made_for_development {
    use super::*;

    #[tokio::test]
    async fn is_trusted_whatever_it_says_of_authority() {
        let usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            for key_usages in [vec![], usages.clone()] {
                let made = self_signed(&["localhost"], |params| {
                    params.is_ca = is_ca;
                    params.key_usages = key_usages;
                });
                trusted(made.config.clone(), only(&made.pem)).await;
                trusted(made.config, Tls::new().add_roots(made.pem)).await;
            }
        }
    }

    #[tokio::test]
    async fn is_the_only_one_that_is_trusted() {
        for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let one = || self_signed(&["localhost"], |params| params.is_ca = is_ca);
            let (known, stranger) = (one(), one());
            let error = dial(stranger.config, only(&known.pem), "localhost").await.unwrap_err();
            assert!(matches!(error, DialError::Io { .. }), "{error}");
        }
        let known = self_signed(&["localhost"], |_| {});
        let of_another_name = self_signed(&["localhost"], |params| {
            authority(params);
            params.distinguished_name.push(DnType::CommonName, "another");
        });
        refused(of_another_name.config, only(&known.pem), "UnknownIssuer").await;
        refused(Handmade::old("localhost").server(), only(&known.pem), "UnknownIssuer").await;
    }

    #[tokio::test]
    async fn must_be_for_the_servers_name_and_purpose_and_for_today() {
        let other = self_signed(&["other.example"], |_| {});
        refused(other.config, only(&other.pem), "not valid for name").await;
        let ended = self_signed(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 1));
        refused(ended.config, only(&ended.pem), "expired").await;
        let early = self_signed(&["localhost"], |params| params.not_before = date_time_ymd(4000, 1, 1));
        refused(early.config, only(&early.pem), "not valid yet").await;
        let client = self_signed(&["localhost"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]
        });
        refused(client.config, only(&client.pem), "Purpose").await;
        let address = self_signed(&["127.0.0.1"], |_| {});
        dial(address.config.clone(), only(&address.pem), "127.0.0.1").await.unwrap();
        refused(address.config, only(&address.pem), "not valid for name").await;
    }

    #[tokio::test]
    async fn may_be_named_in_its_subject_alone() {
        let named =
            |name: &'static str| self_signed(&[], |params| params.distinguished_name.push(DnType::CommonName, name));
        for (name, host) in [
            ("localhost", "localhost"),
            ("LocalHost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("*.dev.example", "a.dev.example"),
        ] {
            let made = named(name);
            dial(made.config, only(&made.pem), host).await.unwrap();
        }
        for (name, host) in [
            ("localhos", "localhost"),
            ("", "localhost"),
            ("127.0.0.1", "127.0.0.2"),
            ("*.dev.example", "dev.example"),
            ("*.dev.example", "a.b.dev.example"),
            ("*.example", "dev.example"),
            ("*", "localhost"),
        ] {
            let made = named(name);
            is_tls_failure(&dial(made.config, only(&made.pem), host).await.unwrap_err(), "not valid for name");
        }
        // A name in the extension is the name.
        let made =
            self_signed(&["other.example"], |params| params.distinguished_name.push(DnType::CommonName, "localhost"));
        refused(made.config, only(&made.pem), "not valid for name").await;
    }

    #[tokio::test]
    async fn may_be_of_version_1() {
        let made = Handmade::old("localhost");
        trusted(made.server(), only(&made.pem())).await;
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let key = ring::sign::any_supported_type(&rustls_key(&made.key_pem())).unwrap();
            trusted(server(made.der(), key, &[version]), only(&made.pem())).await;
            // The server must own its private key.
            let scribble = Arc::new(Scribble(SignatureScheme::ECDSA_NISTP256_SHA256));
            refused(server(made.der(), scribble, &[version]), only(&made.pem()), "").await;
        }
        let other = Handmade::old("other.example");
        refused(other.server(), only(&other.pem()), "not valid for name").await;
        let ended = Handmade { not_after: b"200102000000Z", ..Handmade::old("localhost") };
        refused(ended.server(), only(&ended.pem()), "expired").await;
    }

    #[tokio::test]
    async fn must_have_a_key_of_some_length() {
        let made = Handmade { public_key: rsa_key(128), ..Handmade::new("localhost") };
        let scribble = Arc::new(Scribble(SignatureScheme::RSA_PSS_SHA256));
        let config = server(made.der(), scribble, rustls::ALL_VERSIONS);
        refused(config, only(&made.pem()), "certificate: its RSA key has 1024 bits, and at least 2048 are needed")
            .await;
    }
}

mod one_of_an_authority {
    use super::*;

    /// A root, one below it, and one of a server below that.
    struct Chain {
        root: String,
        between: Issuer<'static, KeyPair>,
        between_pem: String,
    }

    impl Chain {
        fn new() -> Self {
            let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
            let named = |name: &'static str| {
                params(&[], |params| {
                    authority(params);
                    params.distinguished_name.push(DnType::CommonName, name);
                })
            };
            let root = named("root").self_signed(&root_key).unwrap().pem();
            let root_issuer = Issuer::new(named("root"), root_key);
            let between_pem = named("between").signed_by(&key, &root_issuer).unwrap().pem();
            Self { root, between: Issuer::new(named("between"), key), between_pem }
        }

        fn server(&self) -> Made {
            let key = KeyPair::generate().unwrap();
            made(&params(&["localhost"], |_| {}).signed_by(&key, &self.between).unwrap(), &key)
        }
    }

    #[tokio::test]
    async fn is_trusted_by_itself_or_by_any_certificate_above_it() {
        let chain = Chain::new();
        let server = chain.server();
        trusted(server.config.clone(), only(&server.pem)).await;
        trusted(server.config.clone(), only(&chain.between_pem)).await;
        // A server that forgets the one between is helped by a file that has it.
        trusted(server.config.clone(), only(&format!("{}{}", chain.root, chain.between_pem))).await;
        refused(server.config.clone(), only(&chain.root), "UnknownIssuer").await;
        refused(chain.server().config, only(&server.pem), "UnknownIssuer").await;
    }

    #[tokio::test]
    async fn may_have_signed_with_an_authority_of_version_1() {
        let root = Handmade::old("old root");
        let key = KeyPair::from_pem(&root.key_pem()).unwrap();
        let name = params(&[], |params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, "old root");
        });
        let server_key = KeyPair::generate().unwrap();
        let server =
            made(&params(&["localhost"], |_| {}).signed_by(&server_key, &Issuer::new(name, key)).unwrap(), &server_key);
        trusted(server.config, only(&root.pem())).await;
    }

    #[tokio::test]
    async fn cannot_be_signed_by_the_certificate_of_a_server() {
        for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let is_authority = matches!(is_ca, IsCa::Ca(_));
            let key = KeyPair::generate().unwrap();
            let params_of = || params(&["localhost"], |params| params.is_ca = is_ca);
            let known = params_of().self_signed(&key).unwrap().pem();
            let server_key = KeyPair::generate().unwrap();
            let signed = params(&["localhost"], |params| params.distinguished_name.push(DnType::CommonName, "below"));
            let server = made(&signed.signed_by(&server_key, &Issuer::new(params_of(), key)).unwrap(), &server_key);
            match is_authority {
                true => trusted(server.config, only(&known)).await,
                false => refused(server.config, only(&known), "UnknownIssuer").await,
            }
        }
    }

    #[tokio::test]
    async fn that_only_itself_can_vouch_for_says_why() {
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root_params = || params(&[], authority);
        let root = root_params().self_signed(&root_key).unwrap().pem();
        let below = params(&["localhost"], |params| {
            authority(params);
            params.distinguished_name.push(DnType::CommonName, "below");
        });
        let below = made(&below.signed_by(&key, &Issuer::new(root_params(), root_key)).unwrap(), &key);
        refused(below.config.clone(), only(&root), "CA:TRUE").await;
        trusted(below.config, only(&below.pem)).await;

        let old = Handmade { issuer: Some("root"), ..Handmade::old("localhost") };
        refused(old.server(), only(&root), "X.509 version 1").await;
        trusted(old.server(), only(&old.pem())).await;
    }

    #[tokio::test]
    async fn is_found_in_a_file_with_odd_ones() {
        let chain = Chain::new();
        let nonsense = pem(&element(0x30, &[vec![1, 2, 3]]));
        let file = format!("{nonsense}{}{}", Handmade::old("x").pem(), chain.between_pem);
        trusted(chain.server().config, only(&file)).await;
        let error = dial(chain.server().config, only(&nonsense), "localhost").await.unwrap_err();
        assert!(error.is_misuse() && error.to_string().contains("X.509"), "{error}");
    }
}

mod without_any_check {
    use super::*;

    fn any() -> Tls {
        Tls::new().dangerous_accept_invalid_certs(true)
    }

    #[tokio::test]
    async fn broken_certificates_are_accepted() {
        let no_extension = element(0x30, &[vec![1, 2, 3]]);
        let unknown = element(0x30, &[element(6, &[vec![0x2A, 3, 4]]), vec![1, 1, 0xFF], element(4, &[vec![0]])]);
        let names = element(0x30, &[element(6, &[vec![0x55, 0x1D, 17]]), element(4, &[vec![0xFF, 0xFF]])]);
        for broken in [
            Handmade::old("x"),
            Handmade { version: 2, ..Handmade::new("x") },
            Handmade { version: 9, ..Handmade::new("x") },
            Handmade { not_after: b"200102000000Z", ..Handmade::new("x") },
            Handmade { not_after: b"tomorrow", ..Handmade::new("x") },
            Handmade { not_before: b"", not_after: b"", ..Handmade::new("x") },
            Handmade { extensions: vec![no_extension], ..Handmade::new("x") },
            Handmade { extensions: vec![unknown], ..Handmade::new("x") },
            Handmade { extensions: vec![names.clone(), names], ..Handmade::new("x") },
        ] {
            trusted(broken.server(), any()).await;
        }
    }

    #[tokio::test]
    async fn keys_that_cannot_be_used_are_accepted() {
        // 1.3.132.0.35 and 1.3.101.113, as no provider or not every one knows them.
        let curve =
            element(0x30, &[element(6, &[vec![0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1]]), vec![6, 5, 0x2B, 0x81, 4, 0, 35]]);
        let p521 = element(0x30, &[curve, element(3, &[vec![0; 134]])]);
        let ed448 = element(0x30, &[element(0x30, &[vec![6, 3, 0x2B, 0x65, 0x71]]), element(3, &[vec![0; 58]])]);
        for (public_key, scheme, versions) in [
            (rsa_key(128), SignatureScheme::RSA_PSS_SHA256, rustls::ALL_VERSIONS),
            (rsa_key(128), SignatureScheme::RSA_PKCS1_SHA256, &[&rustls::version::TLS12]),
            (rsa_key(2048), SignatureScheme::RSA_PSS_SHA256, rustls::ALL_VERSIONS),
            (p521, SignatureScheme::ECDSA_NISTP521_SHA512, rustls::ALL_VERSIONS),
            (ed448, SignatureScheme::ED448, rustls::ALL_VERSIONS),
            (rsa_key(128), SignatureScheme::Unknown(0x0809), &[&rustls::version::TLS13]),
        ] {
            let made = Handmade { public_key, ..Handmade::new("x") };
            trusted(server(made.der(), Arc::new(Scribble(scheme)), versions), any()).await;
        }
        let nonsense = Arc::new(Scribble(SignatureScheme::ECDSA_NISTP256_SHA256));
        trusted(server(vec![1, 2, 3].into(), nonsense, rustls::ALL_VERSIONS), any()).await;
    }

    #[tokio::test]
    async fn whoever_answers_must_still_own_the_certificate_if_that_can_be_told() {
        for (public_key, scheme) in [
            (Handmade::new("x").public_key, SignatureScheme::ECDSA_NISTP256_SHA256),
            (rsa_key(256), SignatureScheme::RSA_PSS_SHA256),
        ] {
            for version in [1, 3] {
                let made = Handmade { version, public_key: public_key.clone(), ..Handmade::new("x") };
                let config = server(made.der(), Arc::new(Scribble(scheme)), rustls::ALL_VERSIONS);
                refused(config, any(), "BadSignature").await;
            }
        }
    }
}

fn rustls_key(pem: &str) -> rustls::pki_types::PrivateKeyDer<'static> {
    rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).unwrap()
}

#[cfg(feature = "native-tls")]
mod by_the_systems_library {
    use super::*;

    #[tokio::test]
    async fn one_made_for_development_is_trusted_too() {
        for is_ca in [IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let made = self_signed(&["localhost"], |params| params.is_ca = is_ca);
            trusted(made.config, only(&made.pem).use_native_tls()).await;
        }
        let (known, stranger) = (self_signed(&["localhost"], |_| {}), self_signed(&["localhost"], |_| {}));
        refused(stranger.config, only(&known.pem).use_native_tls(), "").await;
        let any = Tls::new().use_native_tls().dangerous_accept_invalid_certs(true);
        trusted(Handmade::old("x").server(), any).await;
    }
}
