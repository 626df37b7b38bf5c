//! What becomes of the extensions an applicant asks for.

use openssl::error::ErrorStack;

use super::{Applicant, CertificateProfile, Extension, Issuer, extension::SUBJECT_ALT_NAME};

/// An extension asked for in a certification request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// The object identifier, dotted.
    pub(crate) oid: &'a str,
    pub(crate) critical: bool,
    /// The value in DER.
    pub(crate) value: &'a [u8],
}

/// How a CA treats the extensions asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedExtensions {
    /// None is heeded: the CA's own certificates.
    Ignored,
    /// The alternative names are written anew at the profile's place for them, as Go's `crypto/x509` does.
    AlternativeNames,
    /// What was asked for comes first and in its order, as a Windows CA does: alternative names as they are, and
    /// what the template defines with the template's value.
    First,
}

/// An extension as it is written: object identifier, critical or not, value in DER.
pub(super) type Encoded = (String, bool, Vec<u8>);

/// All extensions of a certificate, in order.
pub(super) fn arrange(
    profile: &CertificateProfile,
    applicant: &Applicant<'_>,
    issuer: &Issuer<'_>,
) -> Result<Vec<Encoded>, ErrorStack> {
    let mut arranged = Vec::with_capacity(profile.extensions.len() + 1);
    if profile.requested == RequestedExtensions::First {
        for wish in applicant.wishes {
            let defined = profile.extensions.iter().find(|own| own.oid() == wish.oid);
            match defined {
                Some(extension) => write(&mut arranged, extension, profile, applicant, issuer)?,
                None if wish.oid == SUBJECT_ALT_NAME => copy(&mut arranged, wish),
                None => {}
            }
        }
    }
    for extension in profile.extensions {
        write(&mut arranged, extension, profile, applicant, issuer)?;
    }
    Ok(arranged)
}

fn write(
    arranged: &mut Vec<Encoded>,
    extension: &Extension,
    profile: &CertificateProfile,
    applicant: &Applicant<'_>,
    issuer: &Issuer<'_>,
) -> Result<(), ErrorStack> {
    if arranged.iter().any(|(oid, ..)| oid == extension.oid()) {
        return Ok(());
    }
    let written = match extension {
        Extension::SubjectAltName => alternative_names(profile, applicant),
        other => other.value(profile, applicant, issuer)?.map(|value| (other.is_critical(), value)),
    };
    arranged.extend(written.map(|(critical, value)| (extension.oid().to_owned(), critical, value)));
    Ok(())
}

fn copy(arranged: &mut Vec<Encoded>, wish: &Wish<'_>) {
    if arranged.iter().all(|(oid, ..)| oid != wish.oid) {
        arranged.push((wish.oid.to_owned(), wish.critical, wish.value.to_vec()));
    }
}

/// The names asked for, critical when the subject is empty (RFC 5280 §4.2.1.6).
fn alternative_names(
    profile: &CertificateProfile,
    applicant: &Applicant<'_>,
) -> Option<(bool, Vec<u8>)> {
    if profile.requested != RequestedExtensions::AlternativeNames {
        return None;
    }
    let wish = applicant.wishes.iter().find(|wish| wish.oid == SUBJECT_ALT_NAME)?;
    let critical = applicant.subject.entries().next().is_none();
    Some((critical, names_in_go_order(wish.value)?))
}

/// Rewrites `GeneralNames` with the kinds that Go knows, in the order in which Go writes them.
fn names_in_go_order(general_names: &[u8]) -> Option<Vec<u8>> {
    const DNS_EMAIL_ADDRESS_URI: [u8; 4] = [0x82, 0x81, 0x87, 0x86];
    let (tag, mut rest, _) = split_tlv(general_names)?;
    if tag != 0x30 {
        return None;
    }
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (tag, content, after) = split_tlv(rest)?;
        names.push((tag, content));
        rest = after;
    }
    let known: Vec<Vec<u8>> = DNS_EMAIL_ADDRESS_URI
        .iter()
        .flat_map(|kind| names.iter().filter(move |(tag, _)| tag == kind))
        .map(|(tag, content)| super::der::context_primitive(tag & 0x1f, content))
        .collect();
    (!known.is_empty()).then(|| super::der::sequence(&known))
}

/// Splits off the first element: its tag, its content, and what follows it.
fn split_tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), rest.get(2..)?),
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_in_go_order_and_others_are_dropped() {
        let uri_then_dns = [0x30, 0x0a, 0x86, 1, b'u', 0x82, 1, b'd', 0x88, 2, 0x2a, 0x03];
        let expected = [0x30, 0x06, 0x82, 1, b'd', 0x86, 1, b'u'];
        assert_eq!(names_in_go_order(&uri_then_dns).unwrap(), expected);
    }

    #[test]
    fn nonsense_is_no_name() {
        for value in [&[][..], &[0x30], &[0x30, 0x05, 0x82], &[0x30, 0x03, 0x82, 9, 1], &[0x04, 0]]
        {
            assert_eq!(names_in_go_order(value), None, "{value:02x?}");
        }
    }
}
