//! The comparison of an issued certificate with the request for it.

use std::time::SystemTime;

use der::{Decode, asn1::ObjectIdentifier, oid::AssociatedOid};
use openssl::x509::{X509NameRef, X509Ref};
use x509_cert::{
    certificate::{CertificateInner, Raw},
    ext::pkix::{ExtendedKeyUsage, KeyUsage, SubjectAltName, name::GeneralName},
};

use super::{AlternativeName, Extension, TEMPLATE, TEMPLATE_NAME};
use crate::{certificate::invalidity, extension, name};

/// The differences of a certificate from the request for it, each as a sentence without a full stop: it is not valid at `now`, its
/// subject is another, an alternative name is missing, or it has another key usage, other purposes or another template of Windows. A CA may make such changes (RFC 8894 §2.1.2), but the requester should
/// know them.
///
/// # Examples
/// ```no_run
/// # use std::time::SystemTime;
/// # use openssl::x509::X509;
/// use scep::{name, request::{differences, dns_names}};
///
/// # fn example(certificate: &X509) -> Result<(), Box<dyn std::error::Error>> {
/// let subject = name::parse("CN=r1, O=Example")?;
/// let names = dns_names(&["r1.example.com"])?;
/// for difference in differences(&subject, &[names], certificate, SystemTime::now()) {
///     eprintln!("warning: {difference}");
/// }
/// # Ok(())
/// # }
/// ```
pub fn differences(
    subject: &X509NameRef,
    extensions: &[Extension],
    certificate: &X509Ref,
    now: SystemTime,
) -> Vec<String> {
    let invalid = invalidity(certificate, now).map(|reason| format!("the certificate {reason}"));
    invalid.into_iter().chain(content_differences(subject, extensions, certificate)).collect()
}

/// The differences of subject and extensions alone, as [`differences`] finds them.
pub fn content_differences(
    subject: &X509NameRef,
    extensions: &[Extension],
    certificate: &X509Ref,
) -> Vec<String> {
    let mut all = of_names(subject, certificate.subject_name());
    all.extend(of_alternative_names(extensions, certificate));
    let issued = extension::of(certificate);
    all.extend(extensions.iter().filter_map(|asked| of_extension(asked, &issued)));
    all
}

/// The difference of an extension other than alternative names. The value is compared for key usage, purposes and templates of
/// Windows; any other extension is there or not.
fn of_extension(asked: &Extension, issued: &[Extension]) -> Option<String> {
    const COMPARED: [ObjectIdentifier; 4] =
        [KeyUsage::OID, ExtendedKeyUsage::OID, TEMPLATE_NAME, TEMPLATE];
    if asked.extn_id == SubjectAltName::OID {
        return None;
    }
    let (name, wanted) = (extension::name(asked), extension::words(asked));
    let Some(found) = issued.iter().find(|one| one.extn_id == asked.extn_id) else {
        let wanted = wanted.map(|words| format!(", `{words}`")).unwrap_or_default();
        return Some(format!("the certificate has no {name}{wanted}, which was asked for"));
    };
    let wanted = wanted.filter(|_| COMPARED.contains(&asked.extn_id))?;
    let found = extension::words(found)?;
    let is_same = is_same_set(&found, &wanted);
    (!is_same).then(|| format!("its {name} is `{found}`, and `{wanted}` was asked for"))
}

/// True if both lists have the same words in any order.
fn is_same_set(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut words: Vec<_> = text.split(", ").map(str::to_owned).collect();
        words.sort();
        words
    };
    sorted(one) == sorted(other)
}

fn of_names(requested: &X509NameRef, issued: &X509NameRef) -> Vec<String> {
    if requested.try_cmp(issued).is_ok_and(std::cmp::Ordering::is_eq) {
        return Vec::new();
    }
    let missing = without(name::pairs(requested), name::pairs(issued));
    let added = without(name::pairs(issued), name::pairs(requested));
    if missing.is_empty() && added.is_empty() {
        let (requested, issued) = (name::to_text(requested), name::to_text(issued));
        return vec![format!("the subject is `{issued}`, and `{requested}` was asked for")];
    }
    let missing =
        missing.into_iter().map(|pair| format!("the subject lacks `{pair}`, which was asked for"));
    let added =
        added.into_iter().map(|pair| format!("the subject has `{pair}`, which was not asked for"));
    missing.chain(added).collect()
}

fn of_alternative_names(extensions: &[Extension], certificate: &X509Ref) -> Vec<String> {
    let requested = extensions.iter().filter(|one| one.extn_id == SubjectAltName::OID);
    let requested: Vec<String> = requested
        .filter_map(|one| SubjectAltName::from_der(one.extn_value.as_bytes()).ok())
        .flat_map(|names| texts(&names))
        .collect();
    let issued = parsed(certificate)
        .and_then(|one| one.tbs_certificate().get_extension::<SubjectAltName>().ok().flatten())
        .map(|(_, names)| texts(&names));
    let missing = without(requested, issued.unwrap_or_default());
    missing
        .into_iter()
        .map(|name| {
            format!("the certificate lacks the alternative name `{name}`, which was asked for")
        })
        .collect()
}

/// The extension of a certificate with its alternative names, to ask for the same again.
pub fn alternative_names_of(certificate: &X509Ref) -> Option<Extension> {
    let parsed = parsed(certificate)?;
    let extensions = parsed.tbs_certificate().extensions()?;
    extensions.iter().find(|one| one.extn_id == SubjectAltName::OID).cloned()
}

fn parsed(certificate: &X509Ref) -> Option<CertificateInner<Raw>> {
    CertificateInner::<Raw>::from_der(&certificate.to_der().ok()?).ok()
}

/// The names with their kinds, as OpenSSL writes them; names of other kinds are left out.
fn texts(names: &SubjectAltName) -> Vec<String> {
    names.0.iter().filter_map(name_text).collect()
}

/// A name with its kind; `None` for a name of a kind that is not known here.
pub(crate) fn name_text(name: &GeneralName) -> Option<String> {
    AlternativeName::of(name).map(|name| name.to_string())
}

/// The texts of `all` that `others` lacks; case does not matter.
fn without(all: Vec<String>, mut others: Vec<String>) -> Vec<String> {
    let mut missing = all;
    missing.retain(|text| {
        let at = others.iter().position(|other| other.to_lowercase() == text.to_lowercase());
        at.map(|at| others.swap_remove(at)).is_none()
    });
    missing
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use openssl::{
        asn1::Asn1Time,
        hash::MessageDigest,
        pkey::PKey,
        rsa::Rsa,
        x509::{X509, extension::SubjectAlternativeName},
    };

    use super::*;
    use crate::clock::{Clock, asn1_time};
    use crate::request::dns_names;

    /// The time so many days from now.
    fn after(days: u32) -> Asn1Time {
        let days = std::time::Duration::from_secs(86_400) * days;
        asn1_time(Clock::system().now() + days).unwrap()
    }

    fn certificate(subject: &str, names: &[&str], days: (u32, u32)) -> X509 {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name::parse(subject).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&after(days.0)).unwrap();
        builder.set_not_after(&after(days.1)).unwrap();
        if !names.is_empty() {
            let mut extension = SubjectAlternativeName::new();
            for name in names {
                match name.parse::<IpAddr>() {
                    Ok(_) => extension.ip(name),
                    Err(_) => extension.dns(name),
                };
            }
            let context = builder.x509v3_context(None, None);
            let extension = extension.build(&context).unwrap();
            builder.append_extension(extension).unwrap();
        }
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    fn found(requested: &str, names: &[&str], issued: &X509) -> Vec<String> {
        let subject = name::parse(requested).unwrap();
        let extension = dns_names(names).unwrap();
        let in_an_hour = Clock::system().now() + std::time::Duration::from_secs(3600);
        differences(&subject, &[extension], issued, in_an_hour)
    }

    #[test]
    fn dropped_and_added_names_are_differences() {
        let issued = certificate("CN=router1, OU=Lab", &["other.example"], (0, 2));
        assert_eq!(
            found("CN=router1, O=Example", &["r1.example", "OTHER.example"], &issued),
            [
                "the subject lacks `O = Example`, which was asked for",
                "the subject has `OU = Lab`, which was not asked for",
                "the certificate lacks the alternative name `DNS:r1.example`, which was asked for",
            ]
        );
        let bare = certificate("CN=router1", &[], (0, 2));
        assert_eq!(
            found("CN=router1", &["r1.example"], &bare),
            ["the certificate lacks the alternative name `DNS:r1.example`, which was asked for"]
        );
    }

    #[test]
    fn other_extensions_that_were_asked_for_and_are_not_issued_are_differences() {
        let asked = crate::request::RequestedExtensions {
            key_usage: Some("digitalSignature".parse().unwrap()),
            purposes: vec!["clientAuth".parse().unwrap()],
            ..Default::default()
        };
        let issued = certificate("CN=a", &[], (0, 2));
        let subject = name::parse("CN=a").unwrap();
        assert_eq!(
            content_differences(&subject, &asked.encode().unwrap(), &issued),
            [
                "the certificate has no keyUsage, `digitalSignature`, which was asked for",
                "the certificate has no extKeyUsage, `clientAuth`, which was asked for",
            ]
        );
    }

    #[test]
    fn same_names_in_another_case_or_with_more_alternatives_are_no_difference() {
        let issued = certificate("CN=Router1, O=Example", &["r1.example", "10.0.0.1"], (0, 2));
        assert_eq!(found("CN=router1,O=example", &["R1.example"], &issued), [""; 0]);
    }

    #[test]
    fn repeated_and_reordered_parts_are_differences() {
        let once = certificate("CN=a", &[], (0, 2));
        let repeated = found("CN=a, CN=a", &[], &once);
        assert_eq!(repeated, ["the subject lacks `CN = a`, which was asked for"]);
        let reordered = found("O=b, CN=a", &[], &certificate("CN=a, O=b", &[], (0, 2)));
        assert_eq!(
            reordered,
            ["the subject is `CN = a, O = b`, and `O = b, CN = a` was asked for"]
        );
        let joined = found("CN=a + O=b", &[], &certificate("CN=a, O=b", &[], (0, 2)));
        assert_eq!(joined, ["the subject is `CN = a, O = b`, and `CN = a + O = b` was asked for"]);
    }

    #[test]
    fn certificate_outside_its_validity_is_a_difference() {
        let expired = found("CN=a", &[], &certificate("CN=a", &[], (0, 0)));
        assert!(expired[0].starts_with("the certificate expired on "), "{expired:?}");
        let early = found("CN=a", &[], &certificate("CN=a", &[], (1, 2)));
        assert!(early[0].starts_with("the certificate is not valid before "), "{early:?}");
    }

    #[test]
    fn alternative_names_are_taken_from_a_certificate() {
        let names = ["r1.example", "10.0.0.1"];
        let old = certificate("CN=a", &names, (0, 2));
        let extension = alternative_names_of(&old).unwrap();
        let read = SubjectAltName::from_der(extension.extn_value.as_bytes()).unwrap();
        assert_eq!(texts(&read), ["DNS:r1.example", "IP Address:10.0.0.1"]);
        assert!(alternative_names_of(&certificate("CN=a", &[], (0, 2))).is_none());
    }
}
