//! The extensions of issued certificates: their values, their order, and the treatment of requested ones.

use ::der::{
    Tagged,
    asn1::{ObjectIdentifier, OctetString},
    oid::db::rfc5912::RSA_ENCRYPTION,
};
use openssl::error::ErrorStack;
use scep::key_usage::KeyUsage;
use x509_cert::ext;

use super::{
    Applicant, CertificateProfile, CrlPlace, Issuer,
    der::{
        bmp_string, context, context_constructed, context_primitive, elements, integer,
        integer_content, octet_string, oid, sequence, whole,
    },
};

/// An extension a profile puts into certificates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extension {
    /// The purposes of a certificate, in the extension of Windows (1.3.6.1.4.1.311.21.10).
    ApplicationPolicies(&'static [&'static str]),
    /// The URL of the CA's certificate in the directory (RFC 5280 §4.2.2.1).
    AuthorityInfoAccess,
    /// The identifier of the key that signed the certificate (RFC 5280 §4.2.1.1).
    AuthorityKeyIdentifier(AuthorityKeyIdentifier),
    /// The mark of a CA, with the number of CAs below it that are allowed; critical (RFC 5280 §4.2.1.9).
    BasicConstraints { path_length: Option<u32> },
    /// The number of times that a Windows CA has renewed its certificate (1.3.6.1.4.1.311.21.1).
    CaVersion(u32),
    /// The URL of the revocation list in the directory (RFC 5280 §4.2.1.13).
    CrlDistributionPoints,
    /// The purposes of the certificate (RFC 5280 §4.2.1.12).
    ExtendedKeyUsage(&'static [&'static str]),
    /// The purposes of the key, critical (RFC 5280 §4.2.1.3).
    KeyUsage(&'static [KeyUsage]),
    /// The ciphers that the holder supports (RFC 4262).
    SmimeCapabilities(&'static [Capability]),
    /// The requested alternative names, if there are any (RFC 5280 §4.2.1.6).
    SubjectAltName,
    /// The identifier of the certified key (RFC 5280 §4.2.1.2).
    SubjectKeyIdentifier,
    /// The Windows template of the certificate, by number (1.3.6.1.4.1.311.21.7).
    Template(Template),
    /// The Windows template of the certificate, by name (1.3.6.1.4.1.311.20.2).
    TemplateName(&'static str),
}

/// The parts of an authority key identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorityKeyIdentifier {
    /// The key identifier alone.
    KeyIdentifier,
    /// The key identifier, the issuer's name and the serial number.
    KeyIdentifierIssuerSerial,
}

/// A cipher of the S/MIME capabilities, with its key length in bits if it has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    pub(crate) oid: &'static str,
    pub(crate) key_bits: Option<u32>,
}

/// A version of a Windows certificate template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) oid: &'static str,
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

/// What the CA does with the extensions that a CSR requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedExtensions {
    /// Requested extensions are ignored. The CA's own certificates use this.
    Ignored,
    /// The alternative names are encoded again, at the profile's place for them, as in Go's `crypto/x509`.
    AlternativeNames,
    /// Alternative names of all kinds, key usage and purposes are issued as they are asked for, at the profile's places for them; key
    /// usage without signatures on certificates and lists.
    AsAsked,
    /// Requested extensions come first, in the order of the request, as at a Windows CA. Alternative names are unchanged. An
    /// extension that the template has, too, gets the template's value.
    First,
}

/// All extensions of a certificate, in order.
pub(super) fn arrange(
    profile: &CertificateProfile,
    applicant: &Applicant<'_>,
    issuer: &Issuer<'_>,
) -> Result<Vec<ext::Extension>, ErrorStack> {
    let mut arranged: Vec<Extension> = Vec::with_capacity(profile.extensions.len() + 3);
    if profile.requested == RequestedExtensions::First {
        let known = || profile.extensions.iter().chain(&[Extension::SubjectAltName]);
        let requested = applicant.requested.iter();
        arranged.extend(requested.filter_map(|one| known().find(|own| own.oid() == one.extn_id)));
    }
    arranged.extend(profile.extensions);
    if issuer.certificate.is_some() {
        // Only a root may lack it (RFC 5280 §4.2.1.1). Of those of a profile, the first counts.
        arranged.push(Extension::AuthorityKeyIdentifier(AuthorityKeyIdentifier::KeyIdentifier));
    }
    match issuer.crl {
        CrlPlace::OfProfile => {}
        CrlPlace::Nowhere => arranged.retain(|one| *one != Extension::CrlDistributionPoints),
        CrlPlace::Url(_) => arranged.push(Extension::CrlDistributionPoints),
    }
    let mut written: Vec<ext::Extension> = Vec::with_capacity(arranged.len());
    for extension in arranged {
        let Some(extension) = extension.encode(profile, applicant, issuer)? else { continue };
        if written.iter().all(|known| known.extn_id != extension.extn_id) {
            written.push(extension);
        }
    }
    Ok(written)
}

impl Extension {
    fn oid(&self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::ApplicationPolicies(_) => "1.3.6.1.4.1.311.21.10",
            Self::AuthorityInfoAccess => "1.3.6.1.5.5.7.1.1",
            Self::AuthorityKeyIdentifier(_) => "2.5.29.35",
            Self::BasicConstraints { .. } => "2.5.29.19",
            Self::CaVersion(_) => "1.3.6.1.4.1.311.21.1",
            Self::CrlDistributionPoints => "2.5.29.31",
            Self::ExtendedKeyUsage(_) => "2.5.29.37",
            Self::KeyUsage(_) => "2.5.29.15",
            Self::SmimeCapabilities(_) => "1.2.840.113549.1.9.15",
            Self::SubjectAltName => "2.5.29.17",
            Self::SubjectKeyIdentifier => "2.5.29.14",
            Self::Template(_) => "1.3.6.1.4.1.311.21.7",
            Self::TemplateName(_) => "1.3.6.1.4.1.311.20.2",
        })
    }

    /// True if a peer that does not support the extension must reject the certificate.
    fn is_critical(&self) -> bool {
        matches!(self, Self::BasicConstraints { .. } | Self::KeyUsage(_))
    }

    /// The requested value of this extension, if the profile issues it as it is asked for.
    fn asked<'a>(
        &self,
        profile: &CertificateProfile,
        applicant: &Applicant<'a>,
    ) -> Option<&'a [u8]> {
        let oid = self.oid();
        let asked = applicant.requested.iter().find(|one| one.extn_id == oid)?;
        let takes_it = profile.requested == RequestedExtensions::AsAsked;
        takes_it.then(|| asked.extn_value.as_bytes())
    }

    /// The encoded extension; `None` for alternative names if none were requested.
    fn encode(
        &self,
        profile: &CertificateProfile,
        applicant: &Applicant<'_>,
        issuer: &Issuer<'_>,
    ) -> Result<Option<ext::Extension>, ErrorStack> {
        let key_identifier = || profile.key_identifier.of(applicant.public_key);
        let value = match self {
            Self::ApplicationPolicies(oids) => sequence_of_oids(oids, |oid| sequence(&[oid])),
            Self::AuthorityInfoAccess => authority_info_access(&issuer.directory.ca_certificate()),
            Self::AuthorityKeyIdentifier(form) => {
                let signer_key = match issuer.certificate.and_then(|ca| ca.subject_key_id()) {
                    Some(identifier) => identifier.as_slice().to_vec(),
                    None => key_identifier()?,
                };
                authority_key_identifier(*form, &signer_key, applicant, issuer)?
            }
            Self::BasicConstraints { path_length } => {
                let limit = path_length.map(integer);
                sequence(&[vec![whole(&true)], limit.into_iter().collect()].concat())
            }
            Self::CaVersion(version) => integer(*version),
            Self::CrlDistributionPoints => match issuer.crl {
                CrlPlace::Url(url) => crl_distribution_points(url),
                _ => crl_distribution_points(&issuer.directory.revocation_list()),
            },
            Self::ExtendedKeyUsage(oids) => match self.asked(profile, applicant) {
                Some(asked) => asked.to_vec(),
                None => sequence_of_oids(oids, |oid| oid),
            },
            Self::KeyUsage(bits) => {
                let asked = self.asked(profile, applicant).and_then(KeyUsage::from_der);
                asked.and_then(for_clients).unwrap_or_else(|| own_usage(bits, applicant)).to_der()
            }
            Self::SmimeCapabilities(capabilities) => smime_capabilities(capabilities),
            Self::SubjectAltName => return Ok(alternative_names(profile, applicant)),
            Self::SubjectKeyIdentifier => octet_string(&key_identifier()?),
            Self::Template(template) => {
                sequence(&[oid(template.oid), integer(template.major), integer(template.minor)])
            }
            Self::TemplateName(name) => bmp_string(name),
        };
        Ok(Some(encoded(self.oid(), self.is_critical(), value)))
    }
}

fn sequence_of_oids(oids: &[&str], wrap: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    sequence(&oids.iter().map(|dotted| wrap(oid(dotted))).collect::<Vec<_>>())
}

/// The profile's usages; only a key of RSA enciphers (RFC 5480 §3, RFC 8410 §5).
fn own_usage(bits: &[KeyUsage], applicant: &Applicant<'_>) -> KeyUsage {
    let enciphers = [KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT];
    let is_rsa = applicant.public_key.algorithm.oid == RSA_ENCRYPTION;
    let fit = bits.iter().filter(|bit| is_rsa || !enciphers.contains(bit));
    let fit = fit.copied().reduce(|all, bit| all | bit);
    fit.unwrap_or(KeyUsage::DIGITAL_SIGNATURE)
}

/// The usages that a client may have; `None` if there are none.
fn for_clients(asked: KeyUsage) -> Option<KeyUsage> {
    let allowed = [
        KeyUsage::DIGITAL_SIGNATURE,
        KeyUsage::NON_REPUDIATION,
        KeyUsage::KEY_ENCIPHERMENT,
        KeyUsage::DATA_ENCIPHERMENT,
        KeyUsage::KEY_AGREEMENT,
    ];
    allowed.into_iter().filter(|bit| asked.contains(*bit)).reduce(|all, bit| all | bit)
}

fn uniform_resource(uri: &str) -> Vec<u8> {
    context_primitive(6, uri.as_bytes())
}

fn authority_info_access(uri: &str) -> Vec<u8> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    sequence(&[sequence(&[oid(CA_ISSUERS), uniform_resource(uri)])])
}

fn crl_distribution_points(uri: &str) -> Vec<u8> {
    let full_name = context_constructed(0, &uniform_resource(uri));
    sequence(&[sequence(&[context_constructed(0, &full_name)])])
}

fn smime_capabilities(capabilities: &[Capability]) -> Vec<u8> {
    let capability = |one: &Capability| match one.key_bits {
        Some(bits) => sequence(&[oid(one.oid), integer(bits)]),
        None => sequence(&[oid(one.oid)]),
    };
    sequence(&capabilities.iter().map(capability).collect::<Vec<_>>())
}

fn authority_key_identifier(
    form: AuthorityKeyIdentifier,
    signer_key: &[u8],
    applicant: &Applicant<'_>,
    issuer: &Issuer<'_>,
) -> Result<Vec<u8>, ErrorStack> {
    let mut parts = vec![context_primitive(0, signer_key)];
    if form == AuthorityKeyIdentifier::KeyIdentifierIssuerSerial {
        // The issuer and the serial number of the issuer's certificate, which may be this one.
        let (name, serial) = match issuer.certificate {
            Some(ca) => (ca.issuer_name().to_der()?, ca.serial_number().to_bn()?.to_vec()),
            None => (applicant.subject.to_vec(), applicant.serial.to_vec()),
        };
        let directory_name = context_constructed(4, &name);
        parts.push(context_constructed(1, &directory_name));
        parts.push(context_primitive(2, &integer_content(&serial)));
    }
    Ok(sequence(&parts))
}

/// The requested names; in Go's order they are critical if the subject is empty (RFC 5280 §4.2.1.6).
fn alternative_names(
    profile: &CertificateProfile,
    applicant: &Applicant<'_>,
) -> Option<ext::Extension> {
    const EMPTY_NAME: [u8; 2] = [0x30, 0x00];
    let oid = Extension::SubjectAltName.oid();
    let requested = applicant.requested.iter().find(|one| one.extn_id == oid)?;
    match profile.requested {
        RequestedExtensions::Ignored => None,
        RequestedExtensions::AlternativeNames => {
            let names = names_in_go_order(requested.extn_value.as_bytes())?;
            Some(encoded(oid, applicant.subject == EMPTY_NAME, names))
        }
        RequestedExtensions::AsAsked | RequestedExtensions::First => Some(requested.clone()),
    }
}

/// Encodes `GeneralNames` again, with the kinds that Go supports and in the order of Go.
fn names_in_go_order(general_names: &[u8]) -> Option<Vec<u8>> {
    const DNS_EMAIL_ADDRESS_URI: [u32; 4] = [2, 1, 7, 6];
    let names = elements(general_names)?;
    let known: Vec<Vec<u8>> = DNS_EMAIL_ADDRESS_URI
        .iter()
        .flat_map(|kind| names.iter().filter(|name| name.tag() == context(*kind, false)))
        .map(whole)
        .collect();
    (!known.is_empty()).then(|| sequence(&known))
}

fn encoded(extn_id: ObjectIdentifier, critical: bool, value: Vec<u8>) -> ext::Extension {
    ext::Extension {
        extn_id,
        critical,
        extn_value: OctetString::new(value).expect("DER can encode the length of any value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_go_order_and_other_kinds_are_dropped() {
        let uri_then_dns = [0x30, 0x0a, 0x86, 1, b'u', 0x82, 1, b'd', 0x88, 2, 0x2a, 0x03];
        let expected = [0x30, 0x06, 0x82, 1, b'd', 0x86, 1, b'u'];
        assert_eq!(names_in_go_order(&uri_then_dns).unwrap(), expected);
    }

    #[test]
    fn no_name_is_found_in_nonsense() {
        for value in [&[][..], &[0x30], &[0x30, 0x05, 0x82], &[0x30, 0x03, 0x82, 9, 1], &[0x04, 0]]
        {
            assert_eq!(names_in_go_order(value), None, "{value:02x?}");
        }
    }
}
