//! The shape of issued certificates, as data: an ordered list of extensions, a validity, a key identifier.

mod certificate;
pub(crate) mod der;
mod extension;
mod validity;

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    hash::{MessageDigest, hash},
    nid::Nid,
    pkey::{PKeyRef, Private},
    x509::{X509, X509NameRef, X509Ref},
};
use scep::http::percent_encoded;
use time::OffsetDateTime;
use x509_cert::{certificate::Version, ext, spki::SubjectPublicKeyInfoOwned};

pub(crate) use certificate::{
    RevokedCertificate, altered, any, key_of_certificate, key_of_request, public_key_info,
    revocation_list, uint,
};
pub(crate) use extension::{
    AuthorityKeyIdentifier, Capability, Extension, RequestedExtensions, Template,
};
pub(crate) use validity::{Validity, ValidityPeriod, calendar, unix_time};

use certificate::{TbsCertificate, signature_algorithm};

/// The shape of a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateProfile {
    /// The extensions, in the order in which they are written.
    pub(crate) extensions: &'static [Extension],
    /// The treatment of requested extensions.
    pub(crate) requested: RequestedExtensions,
    /// The algorithm for the subject's key identifier.
    pub(crate) key_identifier: KeyIdentifier,
    /// The rule for the period of validity.
    pub(crate) validity: Validity,
}

/// The algorithm that computes a key identifier from a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyIdentifier {
    /// SHA-1 of the public key's bits (RFC 5280 §4.2.1.2).
    Sha1,
    /// The first 160 bits of SHA-256 of the public key's bits (RFC 7093 §2).
    Sha256,
}

/// The facts of a request that go into the certificate.
pub(crate) struct Applicant<'a> {
    /// The subject, in DER.
    pub(crate) subject: &'a [u8],
    pub(crate) public_key: &'a SubjectPublicKeyInfoOwned,
    /// The requested extensions.
    pub(crate) requested: &'a [ext::Extension],
    pub(crate) serial: BigNum,
}

/// The CA that issues a certificate, which may be the CA's own.
pub(crate) struct Issuer<'a> {
    /// The issuer's certificate, `None` while it is being made.
    pub(crate) certificate: Option<&'a X509Ref>,
    pub(crate) key: &'a PKeyRef<Private>,
    /// Names in the directory that some extensions point to.
    pub(crate) directory: &'a Directory,
    pub(crate) crl: CrlPlace<'a>,
}

/// The place of the revocation list in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrlPlace<'a> {
    /// That of the profile, if it has one.
    OfProfile,
    /// None.
    Nowhere,
    /// This URL, whether the profile has a place or not.
    Url(&'a str),
}

impl CertificateProfile {
    /// Issues a certificate of this shape at `now`.
    pub(crate) fn issue(
        &self,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
        now: OffsetDateTime,
    ) -> Result<X509, ErrorStack> {
        let subject = any(applicant.subject);
        let issuer_name = match issuer.certificate {
            Some(certificate) => any(&certificate.subject_name().to_der()?),
            None => subject.clone(),
        };
        let fields = TbsCertificate {
            version: Version::V3,
            serial_number: uint(&applicant.serial),
            signature: any(&signature_algorithm()),
            issuer: issuer_name,
            validity: self.validity.period(now, issuer.certificate)?.into(),
            subject,
            public_key: applicant.public_key.clone(),
            extensions: extension::arrange(self, applicant, issuer)?,
        };
        fields.sign(issuer.key)
    }
}

impl KeyIdentifier {
    /// The 20 bytes that identify a key.
    pub(crate) fn of(self, key: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, ErrorStack> {
        let digest = match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
        };
        Ok(hash(digest, key.subject_public_key.raw_bytes())?[..20].to_vec())
    }
}

/// The place where a Windows CA publishes itself: the directory of its domain, under its own and its host's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    ca_name: String,
    host: String,
    domain: String,
}

impl Directory {
    /// The directory of a CA with this subject on this host: the common name is the CA's, and the domain components are the
    /// domain's, outermost first in the subject.
    pub(crate) fn of(subject: &X509NameRef, host: &str) -> Self {
        let components = values(subject, Nid::DOMAINCOMPONENT);
        let domain = match components.as_slice() {
            // The text that a Windows CA outside a domain writes.
            [] => "DC=UnavailableConfigDN".to_owned(),
            known => known.iter().rev().map(|dc| format!("DC={dc}")).collect::<Vec<_>>().join(","),
        };
        let ca_name = values(subject, Nid::COMMONNAME).pop().unwrap_or_default();
        Self { ca_name, host: percent_encoded(host), domain }
    }

    /// The URL of the revocation list.
    pub(crate) fn revocation_list(&self) -> String {
        let Self { ca_name, host, domain } = self;
        format!(
            "ldap:///CN={ca_name},CN={host},CN=CDP,{SERVICES},{domain}\
             ?certificateRevocationList?base?objectClass=cRLDistributionPoint"
        )
    }

    /// The URL of the CA's certificate.
    pub(crate) fn ca_certificate(&self) -> String {
        let Self { ca_name, domain, .. } = self;
        format!(
            "ldap:///CN={ca_name},CN=AIA,{SERVICES},{domain}\
             ?cACertificate?base?objectClass=certificationAuthority"
        )
    }
}

const SERVICES: &str = "CN=Public%20Key%20Services,CN=Services,CN=Configuration";

fn values(name: &X509NameRef, attribute: Nid) -> Vec<String> {
    name.entries_by_nid(attribute)
        .filter_map(|entry| Some(percent_encoded(&entry.data().to_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_as_documented() {
        let subject = scep::name::parse("DC=com, DC=scep, CN=scep-TELDATPKI-CA").unwrap();
        let directory = Directory::of(&subject, "TeldatPKI");
        assert_eq!(
            directory.revocation_list(),
            "ldap:///CN=scep-TELDATPKI-CA,CN=TeldatPKI,CN=CDP,CN=Public%20Key%20Services,CN=Services,\
             CN=Configuration,DC=scep,DC=com?certificateRevocationList?base?objectClass=cRLDistributionPoint"
        );
        assert_eq!(
            directory.ca_certificate(),
            "ldap:///CN=scep-TELDATPKI-CA,CN=AIA,CN=Public%20Key%20Services,CN=Services,\
             CN=Configuration,DC=scep,DC=com?cACertificate?base?objectClass=certificationAuthority"
        );
    }

    #[test]
    fn url_of_a_ca_outside_a_domain_is_escaped() {
        let subject = scep::name::parse("CN=Test CA").unwrap();
        let place = Directory::of(&subject, "host").ca_certificate();
        assert!(place.contains("CN=Test%20CA,"), "{place}");
        assert!(place.contains("DC=UnavailableConfigDN?"), "{place}");
    }
}
