//! Throw-away certificates of TLS servers and of those who issue them.

use openssl::pkey::PKey;
use openssl::x509::X509;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A CA that issues certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, in DER.
    certificate: Vec<u8>,
}

/// A certificate and its key.
pub(super) struct Own {
    /// The certificate and those sent after it, in DER.
    pub(super) chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

impl Authority {
    /// A root of that name.
    pub(super) fn root(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority(name);
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// An intermediate CA of that name.
    pub(super) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for these names and addresses.
    pub(super) fn server(&self, names: &[&str]) -> Own {
        self.issue(names, |_| {})
    }

    /// A certificate for these names and addresses, with changes.
    pub(super) fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Own {
        let mut params = leaf(names);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Own { chain: vec![certificate.der().to_vec()], key: key.serialize_der() }
    }

    /// Its certificate, in PEM.
    pub(super) fn pem(&self) -> String {
        pem(&self.certificate)
    }

    /// Its certificate, in DER.
    pub(super) fn der(&self) -> Vec<u8> {
        self.certificate.clone()
    }
}

impl Own {
    /// A certificate that is signed by itself.
    pub(super) fn by_itself(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(names).self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().to_vec()], key: key.serialize_der() }
    }

    /// Sends these after it, too.
    pub(super) fn followed_by(mut self, issuers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.chain.extend(issuers);
        self
    }

    /// The certificate, in PEM.
    pub(super) fn pem(&self) -> String {
        pem(&self.chain[0])
    }

    /// The key, in PEM.
    pub(super) fn key(&self) -> String {
        String::from_utf8(self.private_key().private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    /// The certificate and its key, in PEM.
    pub(super) fn with_key(&self) -> String {
        self.pem() + &self.key()
    }

    pub(super) fn private_key(&self) -> PKey<openssl::pkey::Private> {
        PKey::private_key_from_der(&self.key).unwrap()
    }
}

fn pem(der: &[u8]) -> String {
    String::from_utf8(X509::from_der(der).unwrap().to_pem().unwrap()).unwrap()
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names.clone()).unwrap();
    params.distinguished_name = named(names.first().map_or("nobody", String::as_str));
    params.use_authority_key_identifier_extension = true;
    params
}
