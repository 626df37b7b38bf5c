//! The extensions of a certificate, a request or a revocation list in words (RFC 5280 §4.2).

use der::{
    Decode,
    asn1::{ObjectIdentifier, OctetString},
    oid::AssociatedOid,
};
use openssl::x509::X509Ref;
use x509_cert::{
    certificate::{CertificateInner, Raw},
    ext::{
        Extension,
        pkix::{
            AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
            CrlDistributionPoints, ExtendedKeyUsage, SubjectAltName, SubjectKeyIdentifier,
            name::{DistributionPointName, GeneralName},
        },
    },
};

use crate::{
    algorithm::quoted,
    cms::Value,
    key_usage::KeyUsage,
    request::{Purpose, TEMPLATE, TEMPLATE_NAME, Template, name_text},
};

/// The extensions of a certificate, in order; none if it cannot be read.
pub fn of(certificate: &X509Ref) -> Vec<Extension> {
    let der = certificate.to_der().ok();
    let parsed = der.and_then(|der| CertificateInner::<Raw>::from_der(&der).ok());
    let extensions = parsed.and_then(|one| one.tbs_certificate().extensions().cloned());
    extensions.unwrap_or_default()
}

/// The name of an extension as RFC 5280 spells it, or its object identifier with the name that OpenSSL knows.
pub fn name(extension: &Extension) -> String {
    let names = [
        (SubjectAltName::OID, "subjectAltName"),
        (x509_cert::ext::pkix::KeyUsage::OID, "keyUsage"),
        (ExtendedKeyUsage::OID, "extKeyUsage"),
        (BasicConstraints::OID, "basicConstraints"),
        (SubjectKeyIdentifier::OID, "subjectKeyIdentifier"),
        (AuthorityKeyIdentifier::OID, "authorityKeyIdentifier"),
        (CrlDistributionPoints::OID, "cRLDistributionPoints"),
        (AuthorityInfoAccessSyntax::OID, "authorityInfoAccess"),
        (TEMPLATE_NAME, "certificate template name of Windows"),
        (TEMPLATE, "certificate template of Windows"),
    ];
    let known = names.iter().find(|(oid, _)| *oid == extension.extn_id);
    known.map_or_else(|| quoted(&extension.extn_id), |(_, name)| (*name).to_owned())
}

/// The value of an extension in words; `None` if this extension is not known here, or cannot be read.
pub fn words(extension: &Extension) -> Option<String> {
    let value = extension.extn_value.as_bytes();
    match extension.extn_id {
        SubjectAltName::OID => Some(names(&SubjectAltName::from_der(value).ok()?.0)),
        x509_cert::ext::pkix::KeyUsage::OID => Some(KeyUsage::from_der(value)?.names().join(", ")),
        ExtendedKeyUsage::OID => {
            let purposes = ExtendedKeyUsage::from_der(value).ok()?;
            Some(purposes.0.iter().map(purpose).collect::<Vec<_>>().join(", "))
        }
        BasicConstraints::OID => {
            let constraints = BasicConstraints::from_der(value).ok()?;
            let length = constraints.path_len_constraint;
            let length = length.map(|it| format!(", pathLenConstraint {it}")).unwrap_or_default();
            Some(if constraints.ca { format!("CA{length}") } else { "no CA".to_owned() })
        }
        SubjectKeyIdentifier::OID => Some(digits(&SubjectKeyIdentifier::from_der(value).ok()?.0)),
        AuthorityKeyIdentifier::OID => {
            let identifier = AuthorityKeyIdentifier::from_der(value).ok()?;
            identifier.key_identifier.as_ref().map(digits)
        }
        CrlDistributionPoints::OID => {
            let points = CrlDistributionPoints::from_der(value).ok()?;
            let names = points.0.iter().filter_map(|point| match &point.distribution_point {
                Some(DistributionPointName::FullName(full)) => Some(names(full)),
                _ => None,
            });
            Some(names.collect::<Vec<_>>().join(", "))
        }
        AuthorityInfoAccessSyntax::OID => {
            let access = AuthorityInfoAccessSyntax::from_der(value).ok()?;
            let places = access.0.iter().map(|one| {
                let place = name_text(&one.access_location).unwrap_or_else(|| "?".to_owned());
                format!("{} {place}", purpose(&one.access_method))
            });
            Some(places.collect::<Vec<_>>().join(", "))
        }
        TEMPLATE_NAME => Value::read(value).ok()?.text(),
        TEMPLATE => Some(Template::from_der(value).ok()?.to_string()),
        _ => None,
    }
}

fn digits(identifier: &OctetString) -> String {
    hex::encode_upper(identifier.as_bytes())
}

fn names(names: &[GeneralName]) -> String {
    let text = |name| name_text(name).unwrap_or_else(|| "a name of another kind".to_owned());
    names.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The short name of an object identifier, such as `clientAuth`.
fn purpose(oid: &ObjectIdentifier) -> String {
    Purpose(*oid).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::dns_names;

    fn extension(oid: &str, value: &[u8]) -> Extension {
        let extn_id = ObjectIdentifier::new_unwrap(oid);
        Extension { extn_id, critical: false, extn_value: OctetString::new(value).unwrap() }
    }

    #[test]
    fn extensions_are_named_and_read() {
        let names = dns_names(&["r1.example.com", "r2.example.com"]).unwrap();
        assert_eq!(name(&names), "subjectAltName");
        assert_eq!(words(&names).as_deref(), Some("DNS:r1.example.com, DNS:r2.example.com"));
        let usage = extension("2.5.29.15", &[3, 2, 5, 0xa0]);
        assert_eq!(words(&usage).as_deref(), Some("digitalSignature, keyEncipherment"));
        let constraints = extension("2.5.29.19", &[0x30, 3, 1, 1, 0xff]);
        assert_eq!(words(&constraints).as_deref(), Some("CA"));
        let template = extension("1.3.6.1.4.1.311.20.2", b"\x1e\x04\0R\0A");
        assert_eq!(words(&template).as_deref(), Some("RA"));
    }

    #[test]
    fn damaged_or_unknown_extension_has_no_words() {
        for oid in ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37", "1.2.3"] {
            assert_eq!(words(&extension(oid, &[0x30, 5, 1])), None, "{oid}");
        }
        assert_eq!(name(&extension("1.2.3", &[])), "`1.2.3`");
    }
}
