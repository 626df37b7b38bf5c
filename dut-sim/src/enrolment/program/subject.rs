//! The configured subject, part by part, for programs that take it apart.

use openssl::x509::X509Name;

use crate::enrolment::order::Failure;

/// One part of a subject: `CN` and its value.
pub(in crate::enrolment) struct Part {
    pub(in crate::enrolment) attribute_type: String,
    pub(in crate::enrolment) value: String,
}

/// The parts of a configured name, in its order.
pub(in crate::enrolment) fn parts(distinguished_name: &str) -> Result<Vec<Part>, Failure> {
    let name: X509Name = scep::name::parse(distinguished_name)?;
    let part = |entry: &openssl::x509::X509NameEntryRef| Part {
        attribute_type: entry
            .object()
            .nid()
            .short_name()
            .map_or_else(|_| entry.object().to_string(), str::to_owned),
        value: String::from_utf8_lossy(entry.data().as_slice()).into_owned(),
    };
    Ok(name.entries().map(part).collect())
}
