//! What becomes of the extensions an applicant asks for.

use ::der::Tagged;
use openssl::error::ErrorStack;

use super::{
    Applicant, CertificateProfile, Extension, Issuer,
    der::{boolean_true, context, elements, octet_string, oid, sequence, whole},
    extension::SUBJECT_ALT_NAME,
};

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

/// An extension as it is written.
pub(super) struct Encoded {
    oid: &'static str,
    critical: bool,
    /// The value, in DER.
    value: Vec<u8>,
}

impl Encoded {
    /// The `Extension` (RFC 5280 §4.1).
    pub(super) fn into_der(self) -> Vec<u8> {
        let critical = if self.critical { boolean_true() } else { Vec::new() };
        sequence(&[oid(self.oid), critical, octet_string(&self.value)])
    }
}

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
                None if wish.oid == SUBJECT_ALT_NAME => copy_alternative_names(&mut arranged, wish),
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
    if arranged.iter().any(|known| known.oid == extension.oid()) {
        return Ok(());
    }
    arranged.extend(match extension {
        Extension::SubjectAltName => alternative_names(profile, applicant),
        other => other.value(profile, applicant, issuer)?.map(|value| Encoded {
            oid: other.oid(),
            critical: other.is_critical(),
            value,
        }),
    });
    Ok(())
}

fn copy_alternative_names(arranged: &mut Vec<Encoded>, wish: &Wish<'_>) {
    if arranged.iter().all(|known| known.oid != SUBJECT_ALT_NAME) {
        let (critical, value) = (wish.critical, wish.value.to_vec());
        arranged.push(Encoded { oid: SUBJECT_ALT_NAME, critical, value });
    }
}

/// The names asked for, critical when the subject is empty (RFC 5280 §4.2.1.6).
fn alternative_names(profile: &CertificateProfile, applicant: &Applicant<'_>) -> Option<Encoded> {
    const EMPTY_NAME: [u8; 2] = [0x30, 0x00];
    if profile.requested != RequestedExtensions::AlternativeNames {
        return None;
    }
    let wish = applicant.wishes.iter().find(|wish| wish.oid == SUBJECT_ALT_NAME)?;
    Some(Encoded {
        oid: SUBJECT_ALT_NAME,
        critical: applicant.subject == EMPTY_NAME,
        value: names_in_go_order(wish.value)?,
    })
}

/// Rewrites `GeneralNames` with the kinds that Go knows, in the order in which Go writes them.
fn names_in_go_order(general_names: &[u8]) -> Option<Vec<u8>> {
    const DNS_EMAIL_ADDRESS_URI: [u32; 4] = [2, 1, 7, 6];
    let names = elements(general_names)?;
    let known: Vec<Vec<u8>> = DNS_EMAIL_ADDRESS_URI
        .iter()
        .flat_map(|kind| names.iter().filter(|name| name.tag() == context(*kind, false)))
        .map(|name| whole(*name))
        .collect();
    (!known.is_empty()).then(|| sequence(&known))
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
